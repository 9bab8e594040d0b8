//! The Lambda event of a log subscription, read as fast as it can be.
//!
//! In: the same as [`super::awslogs`] reads. Out: the same items, but for records that the sieve leaves out while they are
//! still escaped. Whatever is not written as AWS writes it is left to `awslogs`: nothing is put out before the whole batch
//! has been understood.

use libdeflater::Decompressor;
use memchr::memrchr;

use super::inflate::inflate;
use super::values::may_be_several;
use super::{Item, Output, Record, awslogs};
use crate::skim::{Sketch, Skim, Span, Writing, after, glance, simple_length};

/// Buffers longer than this together, in bytes, are not kept: the next payload will be of the usual size again.
const MOST_KEPT: usize = 16 * 1024 * 1024;

/// What is kept between payloads, so that memory is asked for once.
#[derive(Default)]
pub struct Buffers {
    decompressor: Option<Decompressor>,
    gzip: Vec<u8>,
    batch: Vec<u8>,
    events: Vec<LogEvent>,
}

impl std::fmt::Debug for Buffers {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Buffers").field("batch", &self.batch.capacity()).finish_non_exhaustive()
    }
}

/// Where the parts of a log event are in the batch.
#[derive(Debug)]
struct LogEvent {
    id: Option<Span>,
    message: Span,
    /// Whether it is known to be simple.
    is_simple: bool,
    /// Whether it is known to be one record.
    is_record: bool,
    /// The time of the record when the sieve leaves it out. It is asked when the event has just been read, and is still near;
    /// a copy is kept, since the text is not any more when the event is put out.
    left_out: Option<[u8; RECORD_TIME]>,
}

/// Letters of the time of a record: `2023-07-10T12:00:00Z`.
const RECORD_TIME: usize = 20;

/// A batch that was understood.
enum Batch {
    /// It holds no records by design.
    Control,
    /// It holds what is in the list.
    Events,
}

/// Reads `{"awslogs": {"data": …}}`. `None`, and nothing put out, when there is something unusual in it.
pub(super) fn payload(text: &str, output: &mut Output<'_>) -> Option<()> {
    output.screening.as_ref()?;
    let mut skim = Skim::new(text);
    only_member(&mut skim, "awslogs")?;
    only_member(&mut skim, "data")?;
    skim.take(b'"')?;
    // Its end is the last quote of all. If there is another in between, or an escape, it is no base64.
    let data = text.get(skim.at()..)?;
    let data = data.get(..memrchr(b'"', data.as_bytes())?)?;
    skim.go_to(skim.at() + data.len() + 1);
    skim.take(b'}')?;
    skim.take(b'}')?;
    if skim.peek().is_some() {
        return None;
    }
    event(data, output)
}

/// Goes to the value of the one member of an object.
fn only_member(skim: &mut Skim<'_>, name: &str) -> Option<()> {
    skim.take(b'{')?;
    let key = skim.string()?;
    (skim.content(key)? == name).then_some(())?;
    skim.take(b':')
}

/// Reads base64 of a batch.
fn event(data: &str, output: &mut Output<'_>) -> Option<()> {
    let mut buffers = std::mem::take(&mut *output.screening.as_mut()?.buffers);
    let read = read(data, &mut buffers, output);
    buffers.events.clear();
    if buffers.batch.capacity() + buffers.gzip.capacity() > MOST_KEPT {
        (buffers.batch, buffers.gzip, buffers.events) = Default::default();
    }
    *output.screening.as_mut()?.buffers = buffers;
    read
}

fn read(data: &str, buffers: &mut Buffers, output: &mut Output<'_>) -> Option<()> {
    let Buffers { decompressor, gzip, batch, events } = buffers;
    gzip.clear();
    base64_simd::STANDARD.decode_append(data, gzip).ok()?;
    let size = inflate(decompressor.get_or_insert_default(), gzip, batch)?;
    let text = simdutf8::basic::from_utf8(batch.get(..size)?).ok()?;
    // Several records in one message are told apart by the parser.
    if may_be_several(text) {
        return None;
    }
    let mut skim = Skim::new(text);
    match understood(&mut skim, text, events, output)? {
        Batch::Control => output.control(),
        Batch::Events => {
            for (event, position) in events.iter().zip(1..) {
                output.place.record = Some(position);
                put(event, text, output);
            }
            output.place.record = None;
        }
    }
    Some(())
}

/// Finds the log events of a batch.
fn understood(skim: &mut Skim<'_>, text: &str, events: &mut Vec<LogEvent>, output: &mut Output<'_>) -> Option<Batch> {
    let (mut is_control, mut has_type, mut has_events) = (false, false, false);
    skim.take(b'{')?;
    loop {
        let key = skim.string().filter(|key| key.is_plain)?;
        skim.take(b':')?;
        match skim.content(key)? {
            "messageType" if has_type => return None,
            "messageType" => {
                let kind = skim.string()?;
                // Only when it is written so is it meant.
                is_control = skim.content(kind)? == "CONTROL_MESSAGE";
                has_type = true;
            }
            "logEvents" if has_events => return None,
            "logEvents" => {
                log_events(skim, text, events, output)?;
                has_events = true;
            }
            "logStream" => {
                let name = skim.string()?;
                if !output.log_streams.admit(skim.content(name)?) {
                    return None;
                }
            }
            _ => skim.value()?,
        }
        if skim.take(b',').is_none() {
            break;
        }
    }
    skim.take(b'}')?;
    match (has_events && skim.peek().is_none(), is_control) {
        (false, _) => None,
        (true, true) => Some(Batch::Control),
        (true, false) => Some(Batch::Events),
    }
}

fn log_events(skim: &mut Skim<'_>, text: &str, events: &mut Vec<LogEvent>, output: &mut Output<'_>) -> Option<()> {
    skim.take(b'[')?;
    if skim.take(b']').is_some() {
        return Some(());
    }
    loop {
        let mut event = usual(skim, text).or_else(|| log_event(skim))?;
        // The list grows by doubling, and is not to be longer than the text: there may be millions of empty messages.
        if 2 * size_of::<LogEvent>() * events.len() > text.len() {
            return None;
        }
        event.left_out = left_out(&mut event, text, skim, output);
        events.push(event);
        if skim.take(b',').is_none() {
            return skim.take(b']');
        }
    }
}

/// Digits of the id of a log event.
const ID: usize = 56;

/// Digits of its time: milliseconds of the years 2001 to 2286.
const TIME: usize = 13;

/// A log event as AWS writes it: `{"id":"…","timestamp":…,"message":"…"}`. Goes nowhere when it is written otherwise.
fn usual(skim: &mut Skim<'_>, text: &str) -> Option<LogEvent> {
    let start = skim.at();
    let (id, rest) = after(text.get(start..)?, br#"{"id":""#)?.split_at_checked(ID)?;
    let (time, rest) = after(rest, br#"","timestamp":"#)?.split_at_checked(TIME)?;
    let message = after(rest, br#","message":""#)?;
    if !is_number(id) || !is_number(time) || time.as_bytes().first() == Some(&b'0') {
        return None;
    }
    let at = text.len() - message.len();
    let id = Span { start: start + 7, end: start + 7 + ID, is_plain: true };
    let simple = simple_length(message);
    let message = match simple {
        Ok(length) => Some(Span { start: at, end: at + length, is_plain: false }),
        Err(length) => {
            skim.go_to(at + length);
            skim.string_from(at)
        }
    };
    let whole = message.filter(|span| text.as_bytes().get(span.end..span.end + 2) == Some(br#""}"#.as_slice()));
    skim.go_to(whole.map_or(start, |span| span.end + 2));
    Some(LogEvent { id: Some(id), message: whole?, is_simple: simple.is_ok(), is_record: false, left_out: None })
}

/// Whether a text of eight bytes or more is digits alone, looked at by eight.
#[inline]
fn is_number(text: &str) -> bool {
    const FIRST_HALVES: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    const THREES: u64 = 0x3030_3030_3030_3030;
    const SIXES: u64 = 0x0606_0606_0606_0606;
    // Digits are 0x30 to 0x39: the first half of each is 3, also when 6 is added. What is left are bits of others.
    let others = |eight: &[u8; 8]| {
        let word = u64::from_ne_bytes(*eight);
        ((word ^ THREES) | (word.wrapping_add(SIXES) ^ THREES)) & FIRST_HALVES
    };
    let (eights, _) = text.as_bytes().as_chunks();
    let last = text.as_bytes().last_chunk().map_or(FIRST_HALVES, others);
    eights.iter().fold(last, |all, eight| all | others(eight)) == 0
}

fn log_event(skim: &mut Skim<'_>) -> Option<LogEvent> {
    let (mut id, mut has_id, mut message) = (None, false, None);
    skim.take(b'{')?;
    loop {
        let key = skim.string().filter(|key| key.is_plain)?;
        skim.take(b':')?;
        match skim.content(key)? {
            "id" if has_id => return None,
            "id" => {
                // Null is none; a number is rare enough to be left to others.
                id = Some(skim.string()?);
                has_id = true;
            }
            "message" if message.is_some() => return None,
            "message" => message = Some(skim.string()?),
            _ => skim.value()?,
        }
        if skim.take(b',').is_none() {
            break;
        }
    }
    skim.take(b'}')?;
    Some(LogEvent { id, message: message?, is_simple: false, is_record: false, left_out: None })
}

/// The time of the record of an event that the sieve leaves out; of those whose time is written otherwise, it leaves out
/// none. `skim` stays where it is.
fn left_out(
    event: &mut LogEvent,
    text: &str,
    skim: &mut Skim<'_>,
    output: &mut Output<'_>,
) -> Option<[u8; RECORD_TIME]> {
    // Sketches are large, and are looked at where they are made.
    let mut judge = |sketch: &Sketch<'_>| {
        let time = sketch.time.as_bytes().try_into().ok()?;
        output.leaves_out(sketch).then_some(time)
    };
    let content = text.get(event.message.start..event.message.end).unwrap_or_default();
    if let Some(sketch) = &glance(content, event.is_simple) {
        event.is_record = true;
        return judge(sketch);
    }
    let after = skim.at();
    let sketch = sketch(skim, event.message);
    skim.go_to(after);
    event.is_record = sketch.is_some();
    judge(sketch.as_ref()?)
}

fn put(event: &LogEvent, text: &str, output: &mut Output<'_>) {
    let LogEvent { id, message, left_out, is_record, .. } = event;
    if let Some(time) = left_out {
        return output.put(Item::Screened(time));
    }
    let content = text.get(message.start..message.end).unwrap_or_default();
    output.place.log_event = id.and_then(|id| match id.is_plain {
        true => text.get(id.start..id.end).map(str::to_owned),
        false => unescaped(text, id),
    });
    let record = Record::Escaped(content);
    match is_record {
        true => output.put(Item::Record(record)),
        false => awslogs::message(&record.json(), output),
    }
    output.place.log_event = None;
}

/// What a string says.
fn unescaped(text: &str, span: Span) -> Option<String> {
    serde_json::from_str(text.get(span.start.checked_sub(1)?..span.end + 1)?).ok()
}

/// The sketch of a message that is read over in full.
fn sketch<'t>(skim: &mut Skim<'t>, message: Span) -> Option<Sketch<'t>> {
    skim.go_to(message.start);
    let sketch = skim.record(Writing::Escaped)?;
    (skim.at() == message.end).then_some(sketch)
}
