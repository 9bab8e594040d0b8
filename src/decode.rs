//! Any supported envelope to raw records.
//!
//! In: the bytes of a file, of standard input or of a Lambda payload. Out, in the order of the input: the text of each
//! record, each delivery that holds no records by design, and each thing that had to be rejected, with its place and
//! the reason. Nothing that is rejected costs its neighbours. A record is handed on as text; whether it is a CloudTrail
//! record is for [`crate::event`] to say.

mod awslogs;
mod batch;
mod cloudtrail;
mod document;
mod elements;
mod eventbridge;
mod inflate;
mod lines;
mod on_failure;
mod window;

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::io::BufRead;
use std::rc::Rc;

use serde_json::value::RawValue;

use crate::skim::Sketch;
use crate::text::visible;

pub use batch::Buffers;

/// Most bytes, decompressed, of one Lambda payload, and of one record or line of a file. A payload of 1 MB (the limit of
/// asynchronous invocation) holds 5 to 10 MB of log; gzip could make it 1 GB.
pub const MOST_BYTES: usize = 64 * 1024 * 1024;

/// One form in which records arrive.
#[derive(Debug)]
pub struct Envelope {
    /// What people call it.
    pub name: &'static str,
    /// The top-level key that only this form has.
    pub key: &'static str,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// The key's value is an array of records, handed on one by one while they are read.
    Records,
    /// The whole object is needed.
    Whole(fn(&Members, &mut Output<'_>)),
}

/// Every envelope there is, recognised by its key. A new one is a file under `decode/` and a line here.
pub const ENVELOPES: &[Envelope] = &[
    Envelope { name: "Lambda event of a log subscription", key: "awslogs", form: Form::Whole(awslogs::event) },
    Envelope { name: "decoded CloudWatch Logs batch", key: "logEvents", form: Form::Whole(awslogs::batch) },
    Envelope { name: "CloudTrail file", key: RECORDS, form: Form::Records },
    Envelope { name: "CloudTrail digest file", key: "digestS3Object", form: Form::Whole(cloudtrail::digest) },
    Envelope { name: "EventBridge event", key: "detail", form: Form::Whole(eventbridge::event) },
    Envelope { name: "failed invocation", key: "requestPayload", form: Form::Whole(on_failure::invocation) },
    Envelope { name: "messages of an SQS queue", key: "Messages", form: Form::Whole(on_failure::messages) },
];

/// The key of the records of a CloudTrail file.
const RECORDS: &str = "Records";

/// Whether an object with the key is an envelope, whatever else is in it.
fn is_envelope(key: &[u8]) -> bool {
    ENVELOPES.iter().any(|envelope| envelope.key.as_bytes() == key)
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

/// Decodes a file or standard input, called `source`: JSON or JSON Lines of any envelope, plain or gzip. Returns how many
/// items went to `sink`, for the caller to check its own counts against.
pub fn stream<'s>(source: &str, reader: impl BufRead, screening: Option<Screening<'s>>, sink: &'s mut Sink<'s>) -> u64 {
    let mut output = Output { screening, ..Output::new(source, sink) };
    lines::read(reader, &mut output);
    output.count.get()
}

/// Decodes one payload held in memory, called `source`: one JSON value of any envelope. Returns how many items went to
/// `sink`.
pub fn payload<'s>(source: &str, text: &str, screening: Option<Screening<'s>>, sink: &'s mut Sink<'s>) -> u64 {
    let mut output = Output { screening, ..Output::new(source, sink) };
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
    /// How much has been put; shared with the reader of a document, which can only be read anew before the first item.
    count: Rc<Cell<u64>>,
}

impl<'s> Output<'s> {
    fn new(source: &str, sink: &'s mut (dyn FnMut(&Place, Item<'_>) + 's)) -> Self {
        let place = Place { source: source.to_owned(), ..Place::default() };
        Self { place, sink, screening: None, count: Rc::default() }
    }

    fn put(&mut self, item: Item<'_>) {
        self.count.set(self.count.get() + 1);
        (self.sink)(&self.place, item);
    }

    fn record(&mut self, text: &str) {
        self.put(Item::Record(Record::Plain(text)));
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

    /// The object they are the members of.
    fn to_json(&self) -> String {
        let members = self
            .members
            .iter()
            .map(|(key, value)| format!("{}:{}", serde_json::Value::from(key.as_str()), value.get()));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    }
}
