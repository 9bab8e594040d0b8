//! CloudWatch Logs subscriptions: `{"awslogs": {"data": base64(gzip(batch))}}`, and the batch itself.
//!
//! The types of `aws_lambda_events` fail a whole batch for one field of one log event (an `id` that is a number, a key
//! they do not know) and read gzip without a bound; here each log event stands alone.

use std::borrow::Cow;
use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::values::Values;
use super::window::Window;
use super::{MOST_BYTES, Members, Output, document, media};
use crate::event::repaired;

#[derive(Deserialize)]
struct AwsLogs<'a> {
    #[serde(borrow)]
    data: Cow<'a, str>,
}

/// The parts of a log event that matter; `message` is the record.
#[derive(Deserialize)]
struct LogEvent<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Cow<'a, str>,
}

/// The Lambda event.
pub(super) fn event(members: &Members, output: &mut Output<'_>) {
    let Some(awslogs) = members.get("awslogs") else { return };
    let text = match decompressed(awslogs.get()) {
        Ok(text) => text,
        Err(reason) => return output.reject(reason),
    };
    // Nothing but batches may be inside: an event in an event in an event would be read for ever.
    let mut values = Values::new(&text, 0);
    let mut is_empty = true;
    loop {
        match values.next().map(|value| value.map(document::members)) {
            Ok(Some(Ok(inside))) if inside.has("logEvents") => batch(&inside, output),
            Ok(Some(Ok(_))) => output.reject("`awslogs.data` holds no `logEvents`"),
            Ok(Some(Err(reason))) => output.reject(format!("`awslogs.data`: {reason}")),
            Ok(None) if is_empty => return output.reject("`awslogs.data` is empty"),
            Ok(None) => return,
            Err(error) => return output.reject(format!("`awslogs.data`: {}", document::reason(&error))),
        }
        is_empty = false;
    }
}

fn decompressed(awslogs: &str) -> Result<String, String> {
    let awslogs: AwsLogs<'_> =
        serde_json::from_str(awslogs).map_err(|_| "`awslogs` has no string `data`".to_owned())?;
    let gzip =
        STANDARD.decode(awslogs.data.as_bytes()).map_err(|error| format!("`awslogs.data` is not base64: {error}"))?;
    let limit = u64::try_from(MOST_BYTES).unwrap_or(u64::MAX);
    let mut batch = Vec::new();
    MultiGzDecoder::new(Window::new(gzip.as_slice()))
        .take(limit.saturating_add(1))
        .read_to_end(&mut batch)
        .map_err(|error| format!("`awslogs.data` is not whole gzip: {error}"))?;
    if batch.len() > MOST_BYTES {
        return Err(format!("`awslogs.data` decompresses to more than {} MiB", MOST_BYTES >> 20));
    }
    String::from_utf8(batch).map_err(|error| format!("`awslogs.data` is not UTF-8: {error}"))
}

/// The batch inside.
pub(super) fn batch(members: &Members, output: &mut Output<'_>) {
    let is_control = members.get("messageType").is_some_and(|kind| kind.get() == "\"CONTROL_MESSAGE\"");
    if is_control {
        return output.control();
    }
    let Some(events) = members.list("logEvents") else {
        return output.reject("`logEvents` is not a list");
    };
    if let Some(stream) = members.string("logStream").filter(|stream| !output.log_streams.admit(stream)) {
        return other_stream(&stream, &events, output);
    }
    for (event, position) in events.into_iter().zip(1..) {
        output.place.record = Some(position);
        let read = serde_json::from_str(event.get()).map(|event| log_event(&event, output));
        // A lone surrogate in the message is refused by the parser.
        let read =
            read.or_else(|_| serde_json::from_str(&repaired(event.get())).map(|event| log_event(&event, output)));
        if read.is_err() {
            output.reject("the log event has no string `message`");
        }
        output.place.log_event = None;
    }
    output.place.record = None;
}

/// Rejects the log events of a stream that is not configured: the first with the whole payload, so that the function fails
/// and its on-failure destination keeps the payload.
fn other_stream(stream: &str, events: &[&RawValue], output: &mut Output<'_>) {
    let reason = format!("the log stream {stream:?} is not one of {}", output.log_streams);
    let outer = output.place.record.take();
    output.reject(format!("{reason}, and its {} log events are not evaluated", events.len()));
    for position in (1..=events.len()).skip(1) {
        output.place.record = u64::try_from(position).ok();
        output.reject(reason.clone());
    }
    output.place.record = outer;
}

fn log_event(event: &LogEvent<'_>, output: &mut Output<'_>) {
    output.place.log_event = event.id.map(id_text);
    message(&event.message, output);
}

/// Reads the message of a log event: a record, or several values of any envelope, joined.
pub(super) fn message(text: &str, output: &mut Output<'_>) {
    let mut values = Values::new(text, media::prefix(text));
    let mut is_first = true;
    loop {
        match values.next() {
            // As CloudTrail writes its own records.
            Ok(Some(record)) if record.starts_with("{\"eventVersion\"") => {
                let is_alone = is_first && text.trim() == record;
                output.record(if is_alone { text } else { record });
            }
            Ok(Some(value)) => match document::contained(value) {
                Some(inside) => output.text(&inside),
                None if may_contain_records(value) => {
                    // A record that is alone is handed on as it is, with the white space around it.
                    let is_alone = is_first && text.trim() == value;
                    output.inside(|output| document::value(if is_alone { text } else { value }, output));
                }
                None => output.record(value),
            },
            Ok(None) if is_first => return output.reject("the message is empty"),
            Ok(None) => return,
            Err(error) => {
                let reason = document::reason_at(&error, 1, values.at() + error.column(), Some(1));
                let is_passed = values.skip_broken();
                let rest =
                    values.rest().trim_start_matches(|one: char| one == ',' || one == '\u{1e}' || one.is_whitespace());
                match is_passed && rest.starts_with(['{', '[']) {
                    true => output.reject(reason),
                    // Its own reason is that of a record.
                    false if is_first => return output.record(text),
                    false => return output.reject(reason),
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
fn id_text(id: &RawValue) -> String {
    serde_json::from_str(id.get()).unwrap_or_else(|_| id.get().to_owned())
}
