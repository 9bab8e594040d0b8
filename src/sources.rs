//! Any supported input to items.
//!
//! [`Reader`] takes the bytes of a file, of standard input or of a Lambda payload and yields its items in order: records,
//! payloads within the input, objects that it names, configuration items, deliveries that contain no records by design, and whatever cannot be
//! read, with the reason. A rejected item never costs its neighbours. [`SOURCES`] is the table of the
//! forms of input. [`crate::event`] decides whether the text of a record is a CloudTrail record.
//!
//! A caller of [`Reader::next_unopened`] may skip a payload within the input instead of opening it, so that nothing of it is
//! unescaped or parsed.

mod awslogs;
mod cloudtrail;
mod config;
mod document;
mod elements;
mod eventbridge;
mod export;
mod firehose;
mod inflate;
mod items;
mod kinesis;
mod lines;
mod log_file;
mod log_streams;
mod media;
mod members;
mod object;
mod ocsf;
mod on_failure;
mod raw;
mod s3;
mod sns;
mod sqs;
mod table;
mod trigger;
mod trigger_batch;
mod values;
mod window;

use std::cell::Cell;
use std::fmt;
use std::io::{BufRead, Read};
use std::rc::Rc;
use std::sync::Arc;
use std::vec;

use crate::text::visible;

use awslogs::LogEvents;
use items::{Items, Part};
use lines::Lines;
use members::Members;
use object::Watched;

pub use config::{FetchItem, ItemText, OversizedItem};
pub use items::Nested;
pub use log_file::LogFileName;
pub use log_streams::LogStreams;
pub use object::{Fetch, FetchError, ObjectName, Reference};
pub use raw::{Raw, SharedText, Writing};
pub use table::{SOURCES, Source};
pub use trigger_batch::{BatchResponse, Invocation, MessageFailure, TriggerBatch};

/// Maximum number of decompressed bytes of one Lambda payload, and of one record or line of a file. A payload of 1 MB (the
/// limit of asynchronous invocation) contains 5 to 10 MB of log; gzip could make it 1 GB.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;

/// One item of an input.
#[derive(Debug)]
pub struct Item {
    /// Where it is.
    pub place: Place,
    /// Its content.
    pub content: Content,
}

/// The content of an item.
#[derive(Debug)]
pub enum Content {
    /// The JSON of a supposed record.
    Record(Raw),
    /// A payload within the input, such as the message of a log event. [`Reader::open`] reads it.
    Nested(Nested),
    /// An object that the input names. [`Reader::open_object`] reads its content.
    Object(Reference),
    /// A configuration item of AWS Config.
    ConfigurationItem(ItemText),
    /// A configuration item that is too large for its message, and the object that contains the message with it, if the message
    /// names one.
    OversizedItem(Box<(OversizedItem, Option<Reference>)>),
    /// A delivery that contains no records by design, such as a `CONTROL_MESSAGE`.
    Control,
    /// Input that is not accepted, with the reason.
    Rejected(String),
    /// An object that could not be read to its end.
    Failed(FetchError),
}

/// Where an item is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The file, or the name of the input.
    pub source: Arc<str>,
    /// Line of the file or object on which the item begins, from 1. If one line contains many items, the line of the envelope.
    pub line: Option<u64>,
    /// Position of the message of a Lambda trigger (SQS, SNS, Kinesis, Firehose or S3) that contains the item, from 1. Within a
    /// message, the rest of the place is that of a payload of its own.
    pub message: Option<u64>,
    /// The object that contains the item, as `s3://bucket/key`.
    pub object: Option<Arc<str>>,
    /// `logEvents[].id` of a CloudWatch Logs event.
    pub log_event: Option<String>,
    /// Position in the array of the envelope, from 1.
    pub record: Option<u64>,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&visible(&self.source))?;
        let write_line = |formatter: &mut fmt::Formatter<'_>| match self.line {
            Some(line) => write!(formatter, ":{line}"),
            None => Ok(()),
        };
        if self.object.is_none() {
            write_line(formatter)?;
        }
        if let Some(message) = self.message {
            write!(formatter, ": message {message}")?;
        }
        if let Some(object) = &self.object {
            write!(formatter, ": {}", visible(object))?;
            write_line(formatter)?;
        }
        if let Some(record) = self.record {
            write!(formatter, ": record {record}")?;
        }
        if let Some(id) = &self.log_event {
            write!(formatter, ": log event {}", visible(id))?;
        }
        Ok(())
    }
}

impl Place {
    /// Whether a whole payload is at this place, or the whole content of a message of a Lambda trigger, and not one of its
    /// records.
    pub fn is_whole(&self) -> bool {
        self.record.is_none()
    }
}

/// Reads one input item by item.
pub struct Reader<'i> {
    /// The sources that are being read, the innermost last.
    frames: Vec<Frame<'i>>,
}

/// A source of items.
enum Frame<'i> {
    /// A file, standard input or an object.
    Lines(Box<Lines<'i>>),
    /// Ends the items of an object. Whether reading it has failed.
    EndOfObject(Rc<Cell<bool>>),
    /// The items of a payload.
    Parts(vec::IntoIter<Part>),
    /// The log events of a batch.
    LogEvents(LogEvents),
}

impl<'i> Frame<'i> {
    fn of_stream(reader: impl Read + 'i, mut items: Items) -> Self {
        match media::text(reader) {
            Ok(window) => Self::Lines(Box::new(Lines::new(window, items))),
            Err(reason) => {
                items.reject(reason);
                Self::Parts(items.take())
            }
        }
    }
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Reader").field("depth", &self.frames.len()).finish_non_exhaustive()
    }
}

impl<'i> Reader<'i> {
    /// Reads a file or standard input called `name`: JSON values of any form, one after the other, plain or compressed (gzip,
    /// Zstandard), in UTF-8 or UTF-16.
    pub fn stream(name: &str, reader: impl BufRead + 'i) -> Self {
        Self { frames: vec![Frame::of_stream(reader, Items::new(name))] }
    }

    /// Reads one payload in memory called `name`: JSON of any form.
    pub fn payload(name: &str, text: &str) -> Self {
        Self::payload_of_streams(name, text, &LogStreams::ALL)
    }

    /// The same, rejecting log events of other log streams than these.
    pub fn payload_of_streams(name: &str, text: &str, log_streams: &LogStreams) -> Self {
        let mut items = Items::new(name);
        items.log_streams = log_streams.clone();
        document::read(text, &mut items);
        Self { frames: vec![Frame::Parts(items.take())] }
    }

    /// An input that could not be opened, for this reason.
    pub fn unreadable(name: &str, reason: String) -> Self {
        let mut items = Items::new(name);
        items.reject(reason);
        Self { frames: vec![Frame::Parts(items.take())] }
    }

    /// Returns the next item. A payload within the input is skipped unless [`Reader::open`] is called with it first.
    pub fn next_unopened(&mut self) -> Option<Item> {
        loop {
            let part = match self.frames.last_mut()? {
                Frame::Parts(parts) => parts.next(),
                Frame::LogEvents(events) => events.next().map(Part::Item),
                Frame::EndOfObject(_) => None,
                Frame::Lines(lines) => {
                    let parts = lines.step();
                    if let Some(parts) = parts {
                        self.frames.push(Frame::Parts(parts));
                        continue;
                    }
                    None
                }
            };
            match part {
                Some(Part::Item(item)) => return Some(self.checked(item)),
                Some(Part::LogEvents(events)) => self.frames.push(Frame::LogEvents(events)),
                None => drop(self.frames.pop()),
            }
        }
    }

    /// Reads a payload within the input: its items come next.
    pub fn open(&mut self, place: Place, nested: Nested) {
        self.frames.push(Frame::Parts(nested.items(place)));
    }

    /// Reads the content of an object as a stream: its items come next.
    pub fn open_object(&mut self, place: Place, reference: Reference, content: impl Read + 'i) {
        let failed = Rc::new(Cell::new(false));
        self.frames.push(Frame::EndOfObject(Rc::clone(&failed)));
        let content = Watched { inner: content, failed };
        self.frames.push(Frame::of_stream(content, Items::of_object(place, reference)));
    }

    /// The item, of which a rejection is a failure if the object that contains it could not be read to its end.
    fn checked(&self, item: Item) -> Item {
        let is_failed = |frame: &Frame<'_>| matches!(frame, Frame::EndOfObject(failed) if failed.get());
        match item.content {
            Content::Rejected(reason) if self.frames.iter().any(is_failed) => {
                Item { content: Content::Failed(FetchError { reason, is_transient: true }), ..item }
            }
            _ => item,
        }
    }
}

/// All items, those of payloads within the input included. None of them is [`Content::Nested`]. Objects are not fetched.
impl Iterator for Reader<'_> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            let Item { place, content } = self.next_unopened()?;
            match content {
                Content::Nested(nested) => self.open(place, nested),
                Content::Object(reference) => {
                    return Some(Item { place, content: Content::Rejected(reference.not_fetched()) });
                }
                Content::OversizedItem(oversized) => {
                    return Some(Item { place, content: Content::Rejected(oversized.0.not_fetched()) });
                }
                content => return Some(Item { place, content }),
            }
        }
    }
}
