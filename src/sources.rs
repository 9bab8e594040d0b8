//! Any supported envelope to raw records.
//!
//! In: the bytes of a file, of standard input or of a Lambda payload. Out, in the order of the input: the text of each
//! record, each delivery that holds no records by design, and each thing that had to be rejected, with its place and
//! the reason. Nothing that is rejected costs its neighbours. A record is handed on as text; [`crate::event`] decides whether
//! it is a CloudTrail record. Forms of input that are known and not read are rejected by name, once for each payload.

mod awslogs;
mod batch;
mod cloudtrail;
mod document;
mod elements;
mod envelope;
mod eventbridge;
mod export;
mod inflate;
mod lines;
mod log_streams;
mod media;
mod on_failure;
mod trigger;
mod values;
mod window;

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::io::BufRead;
use std::rc::Rc;

use serde_json::value::RawValue;

use crate::event::repaired;
use crate::skim::Sketch;
use crate::text::visible;

pub use batch::Buffers;
pub use envelope::{ENVELOPES, Envelope};
pub use log_streams::LogStreams;
use trigger::Trigger;

/// Most bytes, decompressed, of one Lambda payload, and of one record or line of a file. A payload of 1 MB (the limit of
/// asynchronous invocation) holds 5 to 10 MB of log; gzip could make it 1 GB.
pub const MOST_BYTES: usize = 64 * 1024 * 1024;

/// Whether an object with the key may be an envelope although it is a record, too: its records are read, and it is not.
fn is_envelope(key: &[u8]) -> bool {
    key == envelope::RECORDS.as_bytes() || key == b"CloudTrailEvent" || key == b"eventJson"
}

/// The text of what should be a record.
#[derive(Debug, Clone, Copy)]
pub enum Record<'t> {
    /// Its JSON.
    Plain(&'t str),
    /// Its JSON as the content of a JSON string.
    Escaped(&'t str),
}

impl<'t> Record<'t> {
    /// Its JSON.
    pub fn json(self) -> Cow<'t, str> {
        match self {
            Self::Plain(text) => Cow::Borrowed(text),
            // It was read over as a string, so that it is one.
            Self::Escaped(content) => {
                serde_json::from_str(&format!("\"{content}\"")).map_or(content.into(), Cow::Owned)
            }
        }
    }
}

/// What decoding yields.
#[derive(Debug)]
pub enum Item<'t> {
    /// What should be a record.
    Record(Record<'t>),
    /// A record that the sieve left out: its time, in the bytes in which it is written, most of which are never read.
    Screened(&'t [u8]),
    /// Something that holds no records by design, such as a `CONTROL_MESSAGE`.
    Control,
    /// Something that could not be decoded, and why.
    Rejected(String),
}

/// Where an item comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The file, or what else the input is called.
    pub source: String,
    /// Line of the file on which the item begins, from 1; where one line holds many, the line of the envelope.
    pub line: Option<u64>,
    /// `logEvents[].id` of a CloudWatch Logs event.
    pub log_event: Option<String>,
    /// Position in the envelope's array, from 1.
    pub record: Option<u64>,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&visible(&self.source))?;
        if let Some(line) = self.line {
            write!(formatter, ":{line}")?;
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

/// Takes what decoding yields.
pub type Sink<'s> = dyn FnMut(&Place, Item<'_>) + 's;

/// Says at the first glance whether a record is to be left out.
pub type Sieve<'s> = dyn FnMut(&Sketch<'_>) -> bool + 's;

/// How records that nobody wants are left out before they are unescaped and parsed. What is put out is the same as
/// without, but for [`Item::Screened`] in place of a record.
pub struct Screening<'s> {
    /// Is shown each record that can be sketched.
    pub sieve: &'s mut Sieve<'s>,
    /// What is kept between payloads.
    pub buffers: &'s mut Buffers,
}

/// Decodes a file or standard input, called `source`: JSON values of any envelope, one after the other, plain or compressed
/// (gzip, Zstandard), in UTF-8 or UTF-16. Returns how many items went to `sink`, for the caller to check its own counts
/// against.
pub fn stream<'s>(source: &str, reader: impl BufRead, screening: Option<Screening<'s>>, sink: &'s mut Sink<'s>) -> u64 {
    let mut output = Output { screening, ..Output::new(source, sink) };
    lines::read(reader, &mut output);
    output.count.get()
}

/// Decodes one payload held in memory, called `source`: JSON of any envelope. Returns how many items went to `sink`.
pub fn payload<'s>(source: &str, text: &str, screening: Option<Screening<'s>>, sink: &'s mut Sink<'s>) -> u64 {
    payload_of_streams(&LogStreams::ALL, source, text, screening, sink)
}

/// The same, rejecting the log events of other log streams than these.
pub fn payload_of_streams<'s>(
    log_streams: &'s LogStreams,
    source: &str,
    text: &str,
    screening: Option<Screening<'s>>,
    sink: &'s mut Sink<'s>,
) -> u64 {
    let mut output = Output { screening, log_streams, ..Output::new(source, sink) };
    if batch::payload(text, &mut output).is_none() {
        document::read(text, &mut output);
    }
    output.count.get()
}

/// Reports that a whole source could not be read. Returns how many items went to `sink`: one.
pub fn unreadable(source: &str, reason: String, sink: &mut Sink<'_>) -> u64 {
    let mut output = Output::new(source, sink);
    output.reject(reason);
    output.count.get()
}

/// Where decoders put what they find.
struct Output<'s> {
    place: Place,
    sink: &'s mut dyn FnMut(&Place, Item<'_>),
    screening: Option<Screening<'s>>,
    /// The log streams whose events are evaluated.
    log_streams: &'s LogStreams,
    /// How much has been put; shared with the reader of a document, which can only be read anew before the first item.
    count: Rc<Cell<u64>>,
    /// How many envelopes are open around what is read.
    depth: usize,
    /// The record that these are the content of, such as a log event.
    outer: Option<u64>,
    /// Records of triggers in the list that is read, to be rejected together at its end.
    triggers: Vec<(Trigger, u64)>,
}

/// Maximum number of envelopes around one another.
const MAX_DEPTH: usize = 8;

impl<'s> Output<'s> {
    fn new(source: &str, sink: &'s mut (dyn FnMut(&Place, Item<'_>) + 's)) -> Self {
        let place = Place { source: source.to_owned(), ..Place::default() };
        let log_streams = &LogStreams::ALL;
        Self {
            place,
            sink,
            screening: None,
            log_streams,
            count: Rc::default(),
            depth: 0,
            outer: None,
            triggers: Vec::new(),
        }
    }

    fn put(&mut self, item: Item<'_>) {
        self.count.set(self.count.get() + 1);
        (self.sink)(&self.place, item);
    }

    fn record(&mut self, text: &str) {
        self.put(Item::Record(Record::Plain(text)));
    }

    /// Puts an element of `Records`, unless it is a record of a Lambda trigger.
    fn element_of_records(&mut self, text: &str) {
        let Some(trigger) = trigger::of_record(text) else { return self.record(text) };
        match self.triggers.iter_mut().find(|(known, _)| known.is_like(&trigger)) {
            Some((_, count)) => *count += 1,
            None => self.triggers.push((trigger, 1)),
        }
    }

    /// Rejects the records of triggers that were in a list, which has ended: each kind once.
    fn end_of_records(&mut self) {
        self.place.record = self.outer;
        for (trigger, count) in std::mem::take(&mut self.triggers) {
            self.reject(trigger.reason(count));
        }
    }

    /// Reads what an envelope contains.
    fn inside(&mut self, read: impl FnOnce(&mut Self)) {
        if self.depth >= MAX_DEPTH {
            return self.reject(format!("more than {MAX_DEPTH} envelopes around one another"));
        }
        self.depth += 1;
        let outer = std::mem::replace(&mut self.outer, self.place.record);
        read(self);
        self.place.record = std::mem::replace(&mut self.outer, outer);
        self.depth -= 1;
    }

    /// Reads a string that contains JSON.
    fn text(&mut self, text: &str) {
        let text = text.trim();
        if text.starts_with(['{', '[']) {
            self.inside(|output| document::read(text, output));
        } else {
            self.reject("a string that contains no JSON object");
        }
    }

    /// Whether a record is to be left out at the first glance. Nothing is put, so that it may be asked in advance.
    fn leaves_out(&mut self, sketch: &Sketch<'_>) -> bool {
        self.screening.as_mut().is_some_and(|screening| (screening.sieve)(sketch))
    }

    /// Whether a record was left out at the first glance.
    fn screen(&mut self, sketch: &Sketch<'_>) -> bool {
        let is_left_out = self.leaves_out(sketch);
        if is_left_out {
            self.put(Item::Screened(sketch.time.as_bytes()));
        }
        is_left_out
    }

    fn control(&mut self) {
        self.put(Item::Control);
    }

    fn reject(&mut self, reason: impl Into<String>) {
        self.put(Item::Rejected(reason.into()));
    }
}

/// The members of a JSON object, each value as its text.
#[derive(Debug, Default)]
struct Members {
    members: Vec<(String, Box<RawValue>)>,
}

impl Members {
    fn get(&self, key: &str) -> Option<&RawValue> {
        self.members.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_ref())
    }

    /// The first member with this key in whatever case.
    fn get_of_any_case(&self, key: &str) -> Option<&RawValue> {
        self.get(key).or_else(|| {
            let mut members = self.members.iter();
            members.find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value.as_ref())
        })
    }

    fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    fn has_list(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| value.get().starts_with('['))
    }

    fn has_string(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| value.get().starts_with('"'))
    }

    /// The member that is an object.
    fn object(&self, key: &str) -> Option<Self> {
        self.get(key).filter(|value| value.get().starts_with('{')).and_then(|value| document::members(value.get()).ok())
    }

    /// The member that is a string.
    fn string(&self, key: &str) -> Option<String> {
        self.get(key).and_then(string)
    }

    /// The same with the key in whatever case.
    fn string_of_any_case(&self, key: &str) -> Option<String> {
        self.get_of_any_case(key).and_then(string)
    }

    /// The elements of the member that is a list.
    fn list(&self, key: &str) -> Option<Vec<&RawValue>> {
        self.get(key).and_then(|value| serde_json::from_str(value.get()).ok())
    }

    /// The object they are the members of.
    fn to_json(&self) -> String {
        let members = self
            .members
            .iter()
            .map(|(key, value)| format!("{}:{}", serde_json::Value::from(key.as_str()), value.get()));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    }
}

/// The content of a string.
fn string(value: &RawValue) -> Option<String> {
    let text = value.get();
    if !text.starts_with('"') {
        return None;
    }
    serde_json::from_str(text).or_else(|_| serde_json::from_str(&repaired(text))).ok()
}
