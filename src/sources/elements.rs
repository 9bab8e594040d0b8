//! CloudTrail files, files of AWS Config and lists, element by element.
//!
//! Reads an input that continues with `{"Records":[` or `[{`, or is a snapshot or history file of AWS Config, and yields the elements of the list as they arrive, so that a
//! document of any length needs little memory. A broken document is one rejection, which names the element that cannot be
//! read; the elements before it are kept.

use std::io::{self, BufRead as _, ErrorKind};

use memchr::{memchr, memchr_iter, memrchr};
use serde::de::IgnoredAny;

use super::config::ITEMS;
use super::document::{self, syntax_error_at};
use super::items::Items;
use super::media;
use super::table::RECORDS;
use super::values::end_of_broken;
use super::window::Window;
use crate::event::{CUT_OFF, json_error};

/// Maximum number of bytes, with white space, that are read to recognise a document.
const MAX_HEAD_BYTES: usize = 4096;

/// [`RECORDS`] as it is written.
const KEY: &[u8] = b"\"Records\"";

/// [`ITEMS`] as it is written.
const ITEMS_KEY: &[u8] = b"\"configurationItems\"";

/// Keys of strings before [`ITEMS`] in snapshot and history files of AWS Config.
const BEFORE_ITEMS: [&[u8]; 2] = [b"\"fileVersion\"", b"\"configSnapshotId\""];

/// Returns the index of the first byte at or after `at` that is not white space.
fn after_space(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count()
}

impl Kind {
    /// The key of the list.
    fn key(self) -> &'static str {
        if self == Self::Items { ITEMS } else { RECORDS }
    }
}

/// The form of the next document of an input.
enum Head {
    /// A list of this kind, and the index after its opening bracket.
    List(Kind, usize),
    Other,
    /// More bytes are needed to decide.
    Open,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The value of `Records`; an element is a record.
    Records,
    /// The value of `configurationItems`; an element is a configuration item.
    Items,
    /// A list by itself; an element is any envelope.
    Bare,
}

fn head(held: &[u8]) -> Head {
    let mark = "\u{feff}".as_bytes();
    let rest = held.strip_prefix(mark).unwrap_or(held);
    let space = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let start = held.len() - rest.len() + space;
    let words = |words: &[&[u8]]| {
        let (mut at, mut end) = (start, start);
        for word in words {
            let rest = held.get(at..).unwrap_or_default();
            match rest.starts_with(word) {
                true => (at, end) = (after_space(held, at + word.len()), at + word.len()),
                false if word.starts_with(rest) => return Err(Head::Open),
                false => return Err(Head::Other),
            }
        }
        Ok((end, at))
    };
    match held.get(start) {
        None => Head::Open,
        _ if held.len() < mark.len() && mark.starts_with(held) => Head::Open,
        Some(b'{') => match words(&[b"{", KEY, b":", b"["]) {
            Ok((end, _)) => Head::List(Kind::Records, end),
            Err(Head::Other) => head_of_items(held, after_space(held, start + 1)),
            Err(head) => head,
        },
        Some(b'[') => match words(&[b"["]) {
            // Anything else in brackets may well be prose.
            Ok((end, first)) => match held.get(first) {
                Some(b'{') => Head::List(Kind::Bare, end),
                Some(_) => Head::Other,
                None => Head::Open,
            },
            Err(head) => head,
        },
        Some(_) => Head::Other,
    }
}

/// The head of a snapshot or history file of AWS Config, whose first member is at `at`.
fn head_of_items(held: &[u8], mut at: usize) -> Head {
    loop {
        let rest = held.get(at..).unwrap_or_default();
        let keys = BEFORE_ITEMS.into_iter().chain([ITEMS_KEY]);
        if keys.clone().any(|key| rest.len() < key.len() && key.starts_with(rest)) {
            return Head::Open;
        }
        let Some(key) = keys.into_iter().find(|key| rest.starts_with(key)) else { return Head::Other };
        let colon = after_space(held, at + key.len());
        let value = after_space(held, colon + 1);
        match (held.get(colon), held.get(value)) {
            (None, _) | (Some(b':'), None) => return Head::Open,
            (Some(b':'), Some(b'[')) if key == ITEMS_KEY => return Head::List(Kind::Items, value + 1),
            (Some(b':'), Some(b'"')) if key != ITEMS_KEY => {}
            _ => return Head::Other,
        }
        let end = match whole(held, value) {
            Ok(end) => after_space(held, end),
            Err(Stop::More) => return Head::Open,
            Err(_) => return Head::Other,
        };
        match held.get(end) {
            None => return Head::Open,
            Some(b',') => at = after_space(held, end + 1),
            Some(_) => return Head::Other,
        }
    }
}

/// Whether the next document is a CloudTrail file, or a snapshot or history file of AWS Config. Consumes nothing.
pub(super) fn begins_file(window: &mut Window<'_>) -> bool {
    matches!(head_of(window), Some((Kind::Records | Kind::Items, _)))
}

/// Returns the kind of list that comes next, and the length of its head, if it is read element by element. Consumes nothing.
fn head_of(window: &mut Window<'_>) -> Option<(Kind, usize)> {
    loop {
        match head(window.held()) {
            Head::List(kind, head) => return Some((kind, head)),
            Head::Open if window.held().len() < MAX_HEAD_BYTES => match window.fill() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    window.keep(error);
                    return None;
                }
            },
            Head::Open | Head::Other => return None,
        }
    }
}

/// A syntax error: the index of a value and, from there, the line and column that the parser reports, or 0.
struct SyntaxError {
    at: usize,
    what: String,
    line: usize,
    column: usize,
}

impl SyntaxError {
    fn new(at: usize, what: &str) -> Self {
        Self { at, what: what.to_owned(), line: 1, column: 1 }
    }

    fn of(at: usize, error: &serde_json::Error) -> Self {
        Self { at, what: json_error(error), line: error.line(), column: error.column() }
    }
}

/// The reason why reading stops.
enum Stop {
    /// More bytes are needed.
    More,
    /// Bytes that are not UTF-8 were skipped.
    Again,
    /// The document ends.
    End,
    Broken(SyntaxError),
    /// An element is broken, and its end may follow.
    Open(SyntaxError),
}

/// Maximum bytes of a broken element that is skipped without its neighbours.
const MAX_BROKEN: usize = 1024 * 1024;

/// The next part of a document, with the index where it begins (an element) or ends.
enum Part {
    Element(usize),
    EndOfList(usize),
    Member(usize),
    List(usize),
    End(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first element of a list.
    First,
    /// After an element.
    Next,
    /// After a member of the object.
    Members,
}

/// The error that ended the reading of a document.
pub(super) struct Broken {
    /// The reason.
    pub(super) reason: String,
    /// The position of the element that could not be read, if it was one.
    pub(super) record: Option<u64>,
    /// Whether the document has more than one line.
    pub(super) spans_lines: bool,
    /// Whether the input has ended.
    pub(super) is_last: bool,
}

/// A document that is being read.
#[derive(Debug)]
pub(super) struct Document {
    kind: Kind,
    state: State,
    /// Position of the last element.
    position: u64,
    /// The line in which it begins.
    first: u64,
    /// Line ends that have been passed, and bytes since.
    lines: usize,
    column: usize,
}

impl Document {
    /// Begins to read the next document, in the line `first`, if it is read element by element.
    pub(super) fn begin(window: &mut Window<'_>, first: u64) -> Option<Self> {
        let (kind, head) = head_of(window)?;
        let mut document = Self { kind, state: State::First, position: 0, first, lines: 0, column: 0 };
        document.pass(window, head);
        Some(document)
    }

    /// The line in which it begins.
    pub(super) fn first_line(&self) -> u64 {
        self.first
    }

    /// Number of lines of it that have ended.
    pub(super) fn lines(&self) -> u64 {
        u64::try_from(self.lines).unwrap_or(u64::MAX)
    }

    /// Reads on, to the end of the document and no byte beyond, or until there are items. Whether the document has ended. When
    /// it is broken, what follows its last whole element is still held.
    pub(super) fn read(&mut self, window: &mut Window<'_>, items: &mut Items) -> Result<bool, Broken> {
        let read = self.read_some(window, items);
        if !matches!(read, Ok(false)) {
            items.end_of_records();
        }
        read
    }

    fn read_some(&mut self, window: &mut Window<'_>, items: &mut Items) -> Result<bool, Broken> {
        loop {
            let (end, stop) = self.elements(window.held(), items);
            self.pass(window, end);
            let (reason, is_last) = match stop {
                Stop::End => return Ok(true),
                Stop::Again | Stop::More | Stop::Open(_) if items.has_some() => return Ok(false),
                Stop::Again => continue,
                Stop::Open(error) => {
                    let more = if window.held().len() < MAX_BROKEN { window.fill_more() } else { Ok(false) };
                    match more {
                        Ok(true) => continue,
                        Ok(false) => {}
                        Err(error) => window.keep(error),
                    }
                    (self.describe(window.held(), end, &error), false)
                }
                Stop::Broken(error) => (self.describe(window.held(), end, &error), false),
                Stop::More => match window.fill_more() {
                    Ok(true) => continue,
                    Ok(false) => (CUT_OFF.to_owned(), true),
                    Err(error) => (unreadable(&error), error.kind() != ErrorKind::FileTooLarge),
                },
            };
            let record = (self.state != State::Members).then_some(self.position + 1);
            let held = window.held();
            let first = memchr(b'\n', held).and_then(|end| held.get(..end));
            let spans_lines = self.lines > 0 || first.is_some_and(|line| self.goes_on_after(line));
            return Err(Broken { reason, record, spans_lines, is_last });
        }
    }

    fn pass(&mut self, window: &mut Window<'_>, end: usize) {
        let passed = window.held().get(..end).unwrap_or_default();
        self.lines += memchr_iter(b'\n', passed).count();
        self.column = memrchr(b'\n', passed).map_or(self.column + end, |last| end - last - 1);
        window.consume(end);
    }

    /// Reads the complete elements in `held`. Returns the index after the last one, and the reason why reading stops.
    fn elements(&mut self, held: &[u8], items: &mut Items) -> (usize, Stop) {
        let mut end = 0;
        loop {
            let start = match self.part(held, end) {
                Ok(Part::Element(start)) => start,
                Ok(part) => {
                    items.end_of_records();
                    (end, self.state, self.position) = match part {
                        Part::Element(end) | Part::List(end) => (end, State::First, 0),
                        Part::EndOfList(end) | Part::Member(end) => (end, State::Members, 0),
                        Part::End(end) => return (end, Stop::End),
                    };
                    continue;
                }
                Err(stop) => return (end, stop),
            };
            match whole(held, start) {
                Ok(whole) => end = whole,
                Err(Stop::Broken(error)) => match past_broken(held, start) {
                    Ok(Some(next)) => {
                        let reason = self.describe(held, 0, &error);
                        (self.position, self.state) = (self.position + 1, State::Next);
                        items.place.record = Some(self.position);
                        items.reject(reason);
                        end = next;
                        continue;
                    }
                    Ok(None) => return (end, Stop::Open(error)),
                    Err(()) => return (end, Stop::Broken(error)),
                },
                Err(stop) => return (end, stop),
            }
            self.position += 1;
            self.state = State::Next;
            items.place.record = Some(self.position);
            match std::str::from_utf8(held.get(start..end).unwrap_or_default()) {
                Ok(text) if self.kind == Kind::Records => items.element_of_records(text),
                Ok(text) if self.kind == Kind::Items => items.configuration_item(text, false),
                Ok(text) => items.nested(text, document::element),
                Err(error) => {
                    items.reject(media::encoding_reason(held.get(start..end).unwrap_or_default(), error));
                    return (end, Stop::Again);
                }
            }
        }
    }

    /// What comes next.
    fn part(&self, held: &[u8], end: usize) -> Result<Part, Stop> {
        let at = after_space(held, end);
        let byte = byte(held, at)?;
        match (self.state, byte) {
            (State::First | State::Next, b']') if self.kind == Kind::Bare => Ok(Part::End(at + 1)),
            (State::First | State::Next, b']') => Ok(Part::EndOfList(at + 1)),
            (State::First, _) => Ok(Part::Element(at)),
            (State::Next, b',') => Ok(Part::Element(after_space(held, at + 1))),
            (State::Next, _) => Err(Stop::Broken(SyntaxError::new(at, "expected `,` or `]`"))),
            (State::Members, b'}') => Ok(Part::End(at + 1)),
            (State::Members, b',') => member(held, after_space(held, at + 1), self.kind.key()),
            (State::Members, _) => Err(Stop::Broken(SyntaxError::new(at, "expected `,` or `}`"))),
        }
    }

    /// Whether the document is as good as any up to the end of `line`.
    fn goes_on_after(&self, line: &[u8]) -> bool {
        let stop = match self.part(line, 0) {
            Ok(Part::Element(start)) => whole(line, start).err(),
            Ok(_) => None,
            Err(stop) => Some(stop),
        };
        matches!(stop, Some(Stop::More))
    }

    /// Describes an error, with its line in the file. `held` begins at the index `start` of the bytes with the error.
    fn describe(&self, held: &[u8], start: usize, error: &SyntaxError) -> String {
        if error.line == 0 {
            return error.what.clone();
        }
        let before = held.get(..error.at - start).unwrap_or_default();
        let lines = self.lines + memchr_iter(b'\n', before).count();
        let column = memrchr(b'\n', before).map_or(self.column + before.len(), |last| before.len() - last - 1);
        let column = if error.line == 1 { column + error.column } else { error.column };
        let first = usize::try_from(self.first).unwrap_or(usize::MAX);
        syntax_error_at(&error.what, first.saturating_add(lines + error.line - 1), column, Some(first))
    }
}

/// Describes an error of a reader.
pub(super) fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::FileTooLarge => error.to_string(),
        _ if is_truncated(error) => {
            format!("cannot be read on: the compressed data ends early, copy the file again ({error})")
        }
        _ => format!("cannot be read on: {error}"),
    }
}

/// Whether compressed data ends before its end.
fn is_truncated(error: &io::Error) -> bool {
    error.kind() == ErrorKind::UnexpectedEof || error.to_string().contains("incomplete deflate stream")
}

fn byte(held: &[u8], at: usize) -> Result<u8, Stop> {
    held.get(at).copied().ok_or(Stop::More)
}

/// Returns the index after the value that begins at `at`.
fn whole(held: &[u8], at: usize) -> Result<usize, Stop> {
    let rest = held.get(at..).unwrap_or_default();
    let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<IgnoredAny>();
    match values.next() {
        None => Err(Stop::More),
        Some(Ok(_)) => {
            // A number may have more digits to come.
            let ends_itself = matches!(rest.first(), Some(b'{' | b'[' | b'"'));
            let end = at + values.byte_offset();
            if ends_itself || end < held.len() { Ok(end) } else { Err(Stop::More) }
        }
        Some(Err(error)) if error.is_eof() || ends_in_number(rest, &error) => Err(Stop::More),
        Some(Err(error)) => Err(Stop::Broken(SyntaxError::of(at, &error))),
    }
}

/// Returns the index after the broken element at `at`, if the list continues or ends there. `Ok(None)` if more bytes are
/// needed.
fn past_broken(held: &[u8], at: usize) -> Result<Option<usize>, ()> {
    let rest = held.get(at..).unwrap_or_default();
    let Some(length) = end_of_broken(rest).map_err(|_| ())? else { return Ok(None) };
    match rest.get(after_space(rest, length)) {
        None => Ok(None),
        Some(b',' | b']') => Ok(Some(at + length)),
        Some(_) => Err(()),
    }
}

/// Whether the error is that `value` ends where a number needs a digit. The parser does not report it as an early end.
fn ends_in_number(value: &[u8], error: &serde_json::Error) -> bool {
    let last_line = memrchr(b'\n', value).map_or(0, |end| end + 1);
    matches!(value.last(), Some(b'-' | b'+' | b'.' | b'e' | b'E'))
        && error.column() == value.len() - last_line
        && error.line() == 1 + memchr_iter(b'\n', value).count()
}

/// The member of an object that begins at `at`. `list` is the key of the list that is read.
fn member(held: &[u8], at: usize, list: &str) -> Result<Part, Stop> {
    let broken = |at, what| Err(Stop::Broken(SyntaxError::new(at, what)));
    if byte(held, at)? != b'"' {
        return broken(at, "key must be a string");
    }
    let end = whole(held, at)?;
    let key: String = serde_json::from_slice(held.get(at..end).unwrap_or_default())
        .map_err(|error| Stop::Broken(SyntaxError::of(at, &error)))?;
    let colon = after_space(held, end);
    if byte(held, colon)? != b':' {
        return broken(colon, "expected `:`");
    }
    let value = after_space(held, colon + 1);
    match (key == list, byte(held, value)?) {
        (true, b'[') => Ok(Part::List(value + 1)),
        // It is valid JSON, so the parser has no position for it.
        (true, _) => {
            let what = format!("expected `{list}` to be a list");
            Err(Stop::Broken(SyntaxError { at: value, what, line: 0, column: 0 }))
        }
        (false, _) => whole(held, value).map(Part::Member),
    }
}
