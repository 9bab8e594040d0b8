//! CloudWatch Logs subscriptions: `{"awslogs": {"data": base64(gzip(batch))}}`, and the batch itself.
//!
//! The types of `aws_lambda_events` fail a whole batch for one field of one log event (an `id` that is a number, a key
//! they do not know) and decompress without a limit. Here each log event is read separately.

use std::borrow::Cow;
use std::io::Read;
use std::ops::Range;
use std::vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::items::{Items, Nested};
use super::log_streams::LogStreams;
use super::raw::{Raw, SharedText};
use super::values::Values;
use super::window::Window;
use super::{Content, Item, MAX_BYTES, Members, Place, document, inflate, media};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delivery<'a> {
    #[serde(borrow)]
    awslogs: AwsLogs<'a>,
}

#[derive(Deserialize)]
struct AwsLogs<'a> {
    #[serde(borrow)]
    data: Cow<'a, str>,
}

/// The fields of a batch that are read, in the form that AWS writes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Batch<'a> {
    #[serde(borrow, default)]
    message_type: Option<&'a RawValue>,
    #[serde(borrow, default)]
    log_stream: Option<Cow<'a, str>>,
    #[serde(borrow)]
    log_events: Vec<LogEvent<'a>>,
}

/// The fields of a log event that are read. `message` is the record, as a JSON string.
#[derive(Deserialize)]
struct LogEvent<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    message: &'a RawValue,
}

/// `messageType` of a delivery that tests whether the destination can be reached.
const CONTROL_MESSAGE: &str = "\"CONTROL_MESSAGE\"";

/// Why a log event is rejected.
const NO_MESSAGE: &str = "the log event has no string `message`";

/// Name of the data in rejections.
const DATA: &str = "awslogs.data";

/// Reads the Lambda event without copying it, if it has the form that AWS writes.
pub(super) fn delivery(text: &str, items: &mut Items) -> bool {
    // An array would be read as the values of the fields.
    if !text.trim_start().starts_with('{') {
        return false;
    }
    let Ok(Delivery { awslogs }) = serde_json::from_str(text) else { return false };
    items.inside(|items| encoded(&awslogs.data, items));
    true
}

/// Reads the Lambda event.
pub(super) fn event(members: &Members, items: &mut Items) {
    let Some(awslogs) = members.get("awslogs") else { return };
    match serde_json::from_str::<AwsLogs<'_>>(awslogs.get()) {
        Ok(AwsLogs { data }) => encoded(&data, items),
        Err(_) => items.reject("`awslogs` has no string `data`"),
    }
}

/// Reads base64 of compressed batches.
fn encoded(data: &str, items: &mut Items) {
    let decoded = match base64_simd::STANDARD.decode_to_vec(data) {
        Ok(gzip) => Ok(gzip),
        // The error of this one names the place.
        Err(_) => STANDARD.decode(data),
    };
    match decoded {
        Ok(gzip) => compressed(&gzip, DATA, items, |_, items| items.reject(format!("`{DATA}` holds no `logEvents`"))),
        Err(error) => items.reject(format!("`{DATA}` is not base64: {error}")),
    }
}

/// Reads compressed batches, which `name` contains. A value that is not a batch is left to `other`.
pub(super) fn compressed(gzip: &[u8], name: &str, items: &mut Items, other: fn(&str, &mut Items)) {
    match decompressed(gzip) {
        Ok(text) => batches(&SharedText::from(text), name, items, other),
        Err(reason) => items.reject(format!("`{name}` {reason}")),
    }
}

fn batches(text: &SharedText, name: &str, items: &mut Items, other: fn(&str, &mut Items)) {
    let mut values = Values::new(text.as_str(), 0);
    let mut is_empty = true;
    loop {
        let start = values.at();
        match values.next_as::<Batch<'_>>() {
            Ok(Some(batch)) if batch.is_control() => items.control(),
            Ok(Some(batch)) => match batch.log_stream.as_deref().filter(|stream| !items.log_streams.admit(stream)) {
                Some(stream) => other_stream(stream, batch.log_events.len(), items),
                None => items.log_events(|place, depth, log_streams| LogEvents {
                    place,
                    depth,
                    log_streams,
                    ..LogEvents::new(text, &batch)
                }),
            },
            Ok(None) if is_empty => return items.reject(format!("`{name}` is empty")),
            Ok(None) => return,
            // A field has another form than AWS writes: each log event is read separately.
            Err(error) if error.is_data() => {
                values = Values::new(text.as_str(), start);
                match values.next() {
                    Ok(Some(value)) => match document::members(value) {
                        Ok(inside) if inside.has("logEvents") => batch(&inside, items),
                        Ok(_) => other(value, items),
                        Err(reason) => items.reject(format!("`{name}`: {reason}")),
                    },
                    Ok(None) => return,
                    Err(error) => return items.reject(format!("`{name}`: {}", document::reason(&error))),
                }
            }
            Err(error) => return items.reject(format!("`{name}`: {}", document::reason(&error))),
        }
        is_empty = false;
    }
}

/// The text of a compressed payload, or why there is none.
fn decompressed(gzip: &[u8]) -> Result<String, String> {
    let bytes = match inflate::inflate(gzip) {
        Some(bytes) => bytes,
        None => streamed(gzip)?,
    };
    String::from_utf8(bytes).map_err(|error| format!("is not UTF-8: {error}"))
}

/// Decompresses gzip that `inflate` does not read.
fn streamed(gzip: &[u8]) -> Result<Vec<u8>, String> {
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    MultiGzDecoder::new(Window::new(gzip))
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| format!("is not whole gzip: {error}"))?;
    if bytes.len() > MAX_BYTES {
        return Err(format!("decompresses to more than {} MiB", MAX_BYTES >> 20));
    }
    Ok(bytes)
}

impl Batch<'_> {
    fn is_control(&self) -> bool {
        self.message_type.is_some_and(|kind| kind.get() == CONTROL_MESSAGE)
    }
}

/// An iterator over the log events of a batch.
#[derive(Debug)]
pub(super) struct LogEvents {
    text: SharedText,
    /// The ranges of the id and the message of each in the text.
    events: vec::IntoIter<(Option<Range<u32>>, Range<u32>)>,
    /// Position of the last one.
    position: u64,
    place: Place,
    depth: usize,
    log_streams: LogStreams,
}

impl LogEvents {
    /// Those of a `batch` in `text`.
    fn new(text: &SharedText, batch: &Batch<'_>) -> Self {
        let start = text.as_str().as_ptr() as usize;
        let range = |value: &RawValue| {
            let start = u32::try_from(value.get().as_ptr() as usize - start).unwrap_or(u32::MAX);
            start..start.saturating_add(u32::try_from(value.get().len()).unwrap_or(u32::MAX))
        };
        let events: Vec<_> = batch.log_events.iter().map(|event| (event.id.map(range), range(event.message))).collect();
        Self {
            text: text.clone(),
            events: events.into_iter(),
            position: 0,
            place: Place::default(),
            depth: 0,
            log_streams: LogStreams::ALL,
        }
    }
}

impl Iterator for LogEvents {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        let (id, message) = self.events.next()?;
        let part = |range: Range<u32>| self.text.part(range.start as usize..range.end as usize);
        self.position += 1;
        let log_event = id.map(|id| id_text(part(id).as_str()));
        let message = part(message);
        let content = match message.as_str().starts_with('"') {
            true => {
                let log_streams = self.log_streams.clone();
                Content::Nested(Nested::new(Raw::escaped(message), self::message, self.depth, log_streams))
            }
            false => Content::Rejected(NO_MESSAGE.to_owned()),
        };
        Some(Item { place: Place { record: Some(self.position), log_event, ..self.place.clone() }, content })
    }
}

/// Reads a batch outside a Lambda event, or with a field of another form than AWS writes.
pub(super) fn batch(members: &Members, items: &mut Items) {
    if members.get("messageType").is_some_and(|kind| kind.get() == CONTROL_MESSAGE) {
        return items.control();
    }
    let Some(events) = members.list("logEvents") else {
        return items.reject("`logEvents` is not a list");
    };
    if let Some(stream) = members.string("logStream").filter(|stream| !items.log_streams.admit(stream)) {
        return other_stream(&stream, events.len(), items);
    }
    for (event, position) in events.into_iter().zip(1..) {
        items.place.record = Some(position);
        match serde_json::from_str::<LogEvent<'_>>(event.get()) {
            Ok(event) if event.message.get().starts_with('"') => {
                items.place.log_event = event.id.map(|id| id_text(id.get()));
                items.escaped(event.message.get(), message);
                items.place.log_event = None;
            }
            _ => items.reject(NO_MESSAGE),
        }
    }
    items.place.record = None;
}

/// Rejects the `count` log events of a stream that is not configured: the first with the whole payload, so that the function
/// fails and its on-failure destination keeps the payload.
fn other_stream(stream: &str, count: usize, items: &mut Items) {
    let reason = format!("the log stream {stream:?} is not one of {}", items.log_streams);
    let outer = items.place.record.take();
    items.reject(format!("{reason}, and its {count} log events are not evaluated"));
    for position in (1..=count).skip(1) {
        items.place.record = u64::try_from(position).ok();
        items.reject(reason.clone());
    }
    items.place.record = outer;
}

/// Reads the message of a log event: a record, or several values of any envelope, joined.
pub(super) fn message(text: &str, items: &mut Items) {
    let mut values = Values::new(text, media::prefix(text));
    let mut is_first = true;
    loop {
        match values.next() {
            // As CloudTrail writes its own records.
            Ok(Some(record)) if record.starts_with("{\"eventVersion\"") => {
                let is_alone = is_first && text.trim() == record;
                items.record(if is_alone { text } else { record });
            }
            Ok(Some(value)) => match document::contained(value) {
                Some(inside) => items.text(&inside),
                None if may_contain_records(value) => {
                    // A record that is the whole message is passed on with the white space around it.
                    let is_alone = is_first && text.trim() == value;
                    items.inside(|items| document::value(if is_alone { text } else { value }, items));
                }
                None => items.record(value),
            },
            Ok(None) if is_first => return items.reject("the message is empty"),
            Ok(None) => return,
            Err(error) => {
                let reason = document::reason_at(&error, 1, values.at() + error.column(), Some(1));
                let is_passed = values.skip_broken();
                let rest =
                    values.rest().trim_start_matches(|one: char| one == ',' || one == '\u{1e}' || one.is_whitespace());
                match is_passed && rest.starts_with(['{', '[']) {
                    true => items.reject(reason),
                    // The parser of records reports the reason.
                    false if is_first => return items.record(text),
                    false => return items.reject(reason),
                }
            }
        }
        is_first = false;
    }
}

/// Whether a value is an object or a list of something that may contain records.
fn may_contain_records(value: &str) -> bool {
    let inside = value.strip_prefix('[').map_or(value, str::trim_start);
    inside.starts_with(['{', '"', '['])
}

/// AWS writes the id as a string; emulators and other producers write a number.
fn id_text(id: &str) -> String {
    serde_json::from_str(id).unwrap_or_else(|_| id.to_owned())
}
