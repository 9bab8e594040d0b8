//! Files and standard input, line by line.
//!
//! Each line is read by itself, so JSON Lines need no more memory than their longest line, and a broken line costs nothing
//! but itself. A line that begins a value and does not end it begins a document, which continues on the lines that follow.
//! If a document breaks off before it yields an item, the lines after its first are read again: it may have been one cut
//! line among whole ones. CloudTrail files and lists, which may be a single line of any length, are read [element by
//! element](super::elements). All line numbers are those of the file.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};
use std::rc::Rc;
use std::vec;

use super::elements::{self, Broken, unreadable};
use super::items::{Items, Part};
use super::values::Values;
use super::window::Window;
use super::{MAX_BYTES, document, media};

/// A line, or as much of it as fits into [`MAX_BYTES`]; then the next piece follows with the same number.
struct Line {
    number: u64,
    bytes: Vec<u8>,
}

impl Line {
    fn begins_value(&self) -> bool {
        self.bytes.starts_with(b"{") || self.bytes.starts_with(b"[")
    }

    /// Whether the line is an object, or several joined.
    fn is_of_objects(&self) -> bool {
        let Ok(text) = self.text() else { return false };
        let mut values = Values::new(text, before_values(text));
        let is_value = self.begins_value() || media::prefix(text) > 0;
        is_value
            && matches!(values.next(), Ok(Some(value)) if value.starts_with(['{', '[']))
            && (values.rest().is_empty() || values.rest().starts_with('{'))
    }

    /// The text without white space at its end.
    fn text(&self) -> Result<&str, std::str::Utf8Error> {
        Ok(std::str::from_utf8(&self.bytes)?.trim_end())
    }
}

/// The number of bytes before the first value of a line: white space, a byte order mark, and a time.
fn before_values(text: &str) -> usize {
    let rest = text.trim_start_matches('\u{feff}').trim_start();
    text.len() - rest.len() + media::prefix(rest)
}

/// Consecutive lines without JSON, which are one rejection: a text file is one mistake, not a thousand.
struct Prose {
    first: u64,
    last: u64,
    reason: String,
}

/// Why no more values can be read from a line.
enum Stop {
    /// There are none.
    End,
    /// From this byte on, the line begins a value that it does not end.
    Document(usize),
}

/// Reads a file or standard input.
pub(super) struct Lines<'r> {
    items: Items,
    reader: Window<'r>,
    number: u64,
    /// Whether the last piece ended its line.
    ended: bool,
    /// Lines to read again, before those of the reader.
    again: VecDeque<Line>,
    /// An error after some bytes of a line, which is reported after these.
    error: Option<io::Error>,
    prose: Option<Prose>,
    /// Whether the input has contained only white space so far.
    is_empty: bool,
    /// The document that is being read element by element.
    document: Option<elements::Document>,
    /// Whether everything has been read.
    is_done: bool,
}

impl<'r> Lines<'r> {
    pub(super) fn new(reader: Window<'r>, items: Items) -> Self {
        Self {
            items,
            reader,
            number: 0,
            ended: true,
            again: VecDeque::new(),
            error: None,
            prose: None,
            is_empty: true,
            document: None,
            is_done: false,
        }
    }

    fn next(&mut self) -> io::Result<Option<Line>> {
        if let Some(line) = self.again.pop_front() {
            return Ok(Some(line));
        }
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let mut bytes = Vec::new();
        let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
        let read = self.reader.by_ref().take(limit).read_until(b'\n', &mut bytes);
        if bytes.is_empty() {
            return read.map(|_| None);
        }
        self.error = read.err();
        if self.ended {
            self.number += 1;
        }
        self.ended = bytes.ends_with(b"\n");
        Ok(Some(Line { number: self.number, bytes }))
    }

    /// The next items; `None` when there are no more.
    pub(super) fn step(&mut self) -> Option<vec::IntoIter<Part>> {
        let mut items = std::mem::replace(&mut self.items, Items::new(""));
        while !self.is_done && !items.has_some() {
            self.advance(&mut items);
        }
        let parts = items.take();
        self.items = items;
        (parts.len() > 0).then_some(parts)
    }

    /// Reads on by a line or by some elements of a document.
    fn advance(&mut self, items: &mut Items) {
        if let Some(document) = self.document.take() {
            return self.elements(document, items);
        }
        if let Some(document) = self.begin_document() {
            self.flush(items);
            self.is_empty = false;
            items.place.line = Some(document.first_line());
            self.document = Some(document);
            return;
        }
        match self.next() {
            Ok(Some(line)) => return self.line(line, items),
            Ok(None) => self.flush(items),
            Err(error) => {
                self.flush(items);
                self.is_empty = false;
                items.place.line = Some(self.number.max(1));
                items.reject(unreadable(&error));
            }
        }
        self.is_done = true;
        if self.is_empty {
            items.place.line = None;
            items.reject("the input is empty: there is nothing to evaluate");
        }
    }

    /// Reads a line.
    fn line(&mut self, line: Line, items: &mut Items) {
        let number = line.number;
        let text = match line.text() {
            Ok(text) => text,
            // A piece of a very long line may end within a character.
            Err(error) if error.error_len().is_none() && line.begins_value() => {
                self.is_empty = false;
                self.flush(items);
                return self.document(line, 0, items);
            }
            Err(error) => {
                self.is_empty = false;
                return self.note(number, media::encoding_reason(&line.bytes, error));
            }
        };
        let start = before_values(text);
        if text.len() <= start {
            return;
        }
        self.is_empty = false;
        if let Stop::Document(at) = self.values(number, text, start, items) {
            self.flush(items);
            self.document(line, at, items);
        }
    }

    /// Reads the values of a line, from the byte `start`.
    fn values(&mut self, number: u64, text: &str, start: usize, items: &mut Items) -> Stop {
        let mut values = Values::new(text, start);
        loop {
            match values.next() {
                Ok(None) => return Stop::End,
                Ok(Some(value)) if value.starts_with(['{', '[']) => {
                    self.flush(items);
                    items.place.line = Some(number);
                    items.nested(value, document::value);
                }
                Ok(Some(value)) => match document::contained(value) {
                    Some(inside) => {
                        self.flush(items);
                        items.place.line = Some(number);
                        items.text(&inside);
                    }
                    None => {
                        self.note_text(number, text, || "not a record: a JSON object is expected".to_owned());
                        return Stop::End;
                    }
                },
                Err(error) => {
                    let begins_value = values.rest().starts_with(['{', '[']);
                    if begins_value && error.is_eof() {
                        return Stop::Document(values.at());
                    }
                    let reason = || document::reason_at(&error, 1, values.at() + error.column(), Some(1));
                    if begins_value {
                        self.flush(items);
                        items.place.line = Some(number);
                        items.reject(reason());
                        if values.skip_broken() {
                            continue;
                        }
                    } else {
                        self.note_text(number, values.rest(), reason);
                    }
                    return Stop::End;
                }
            }
        }
    }

    /// Begins the document with which the input goes on, if it is one that is read element by element.
    fn begin_document(&mut self) -> Option<elements::Document> {
        if !self.again.is_empty() || self.error.is_some() {
            return None;
        }
        let first = if self.ended { self.number + 1 } else { self.number };
        elements::Document::begin(&mut self.reader, first)
    }

    /// Reads on in a document.
    fn elements(&mut self, mut document: elements::Document, items: &mut Items) {
        let read = document.read(&mut self.reader, items);
        if let Ok(false) = read {
            self.document = Some(document);
            return;
        }
        (self.number, self.ended) = (document.first_line() + document.lines(), false);
        items.place.record = None;
        let Err(Broken { mut reason, record, spans_lines, is_last }) = read else { return };
        self.reader.skip_line();
        self.ended = true;
        if !spans_lines {
            if !is_last {
                reason.push_str(" (the rest of the line belongs to it)");
            }
        } else if let Some(last) = self.skip_to_next_value() {
            reason = format!("{reason} (the lines up to {last} belong to it)");
        }
        // The rest of an object is lost with the record.
        items.place.record = record.filter(|_| items.place.object.is_none());
        items.reject(reason);
        items.place.record = None;
    }

    /// Reads a value that begins at the byte `start` of `first` and ends in a later line.
    fn document(&mut self, mut first: Line, start: usize, items: &mut Items) {
        let number = first.number;
        first.bytes.drain(..start.min(first.bytes.len()));
        items.place.line = Some(number);
        let count = Rc::clone(&items.count);
        let mut reader = DocumentReader::new(self, first, || count.get());
        let read = document::read_from(&mut reader, items);
        let Err(error) = read else {
            let (rest, last) = (reader.rest(), reader.number);
            if !rest.iter().all(u8::is_ascii_whitespace) {
                self.again.push_front(Line { number: last, bytes: rest });
            }
            return;
        };
        let failure = reader.error.take();
        for line in reader.into_lines_without_items().into_iter().rev() {
            self.again.push_front(line);
        }
        let mut reason = match &failure {
            Some(failure) => unreadable(failure),
            None => {
                let known = usize::try_from(number).unwrap_or(usize::MAX);
                let before = if error.line() == 1 { start } else { 0 };
                let line = known.saturating_add(error.line()).saturating_sub(1);
                document::reason_at(&error, line, before + error.column(), Some(known))
            }
        };
        if let Some(last) = self.skip_to_next_value().filter(|last| *last > number) {
            reason = format!("{reason} (the lines up to {last} belong to it)");
        }
        items.place.record = None;
        items.reject(reason);
    }

    /// Notes a line without JSON, with the name of its format where that is known.
    fn note_text(&mut self, number: u64, text: &str, reason: impl FnOnce() -> String) {
        match &mut self.prose {
            Some(prose) => prose.last = number,
            None => self.note(number, media::line(text).map_or_else(reason, media::Format::likely_reason)),
        }
    }

    /// Notes a line without JSON.
    fn note(&mut self, number: u64, reason: String) {
        match &mut self.prose {
            Some(prose) => prose.last = number,
            None => self.prose = Some(Prose { first: number, last: number, reason }),
        }
    }

    /// Rejects the lines that have been noted.
    fn flush(&mut self, items: &mut Items) {
        let Some(Prose { first, last, reason }) = self.prose.take() else { return };
        items.place.line = Some(first);
        items.reject(if first == last { reason } else { format!("{reason} (and so the lines up to {last})") });
    }

    /// Skips the rest of a broken document, up to a line that is an object of its own. Returns the number of the last line
    /// that it skips.
    fn skip_to_next_value(&mut self) -> Option<u64> {
        let mut skipped = None;
        loop {
            if self.again.is_empty() && self.error.is_none() && elements::begins_file(&mut self.reader) {
                return skipped;
            }
            match self.next() {
                Ok(Some(line)) => {
                    if line.is_of_objects() {
                        self.again.push_front(line);
                        return skipped;
                    }
                    skipped = Some(line.number);
                }
                Ok(None) => return skipped,
                Err(error) => {
                    self.error = Some(error);
                    return skipped;
                }
            }
        }
    }
}

/// Reads a document across lines, and keeps the lines without items.
struct DocumentReader<'l, 'r, C> {
    lines: &'l mut Lines<'r>,
    current: Vec<u8>,
    position: usize,
    number: u64,
    /// The lines after the first that have been begun since the last item.
    later: Vec<Line>,
    /// The number of items so far.
    count: C,
    /// That number, and how many bytes of the value had been read, when the current line was begun.
    begun: (u64, usize),
    error: Option<io::Error>,
}

impl<'l, 'r, C: Fn() -> u64> DocumentReader<'l, 'r, C> {
    fn new(lines: &'l mut Lines<'r>, first: Line, count: C) -> Self {
        let current = match first.bytes.strip_prefix("\u{feff}".as_bytes()) {
            Some(bytes) => bytes.to_vec(),
            None => first.bytes,
        };
        Self {
            lines,
            begun: (count(), current.len()),
            current,
            position: 0,
            number: first.number,
            later: Vec::new(),
            count,
            error: None,
        }
    }

    /// The rest of the current line.
    fn rest(&self) -> Vec<u8> {
        self.current.get(self.position..).unwrap_or_default().to_vec()
    }

    /// The lines without items, which may be read again.
    fn into_lines_without_items(self) -> Vec<Line> {
        if (self.count)() == self.begun.0 { self.later } else { Vec::new() }
    }

    fn advance(&mut self) -> io::Result<bool> {
        let Some(line) = self.lines.next()? else { return Ok(false) };
        let count = (self.count)();
        // Its items are all in memory.
        let bytes = line.bytes.len() + self.begun.1;
        if count > self.begun.0 {
            self.later.clear();
        }
        self.begun = (count, bytes);
        if bytes > MAX_BYTES {
            // Nothing of it is kept: it would not get shorter.
            self.later.clear();
            let reason = format!("one value has more than {} MiB", MAX_BYTES >> 20);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
        }
        self.later.push(Line { number: line.number, bytes: line.bytes.clone() });
        (self.current, self.position, self.number) = (line.bytes, 0, line.number);
        Ok(true)
    }
}

impl<C: Fn() -> u64> Read for DocumentReader<'_, '_, C> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.position >= self.current.len() {
            if self.error.is_some() {
                // The parser reads once more after an error.
                return Ok(0);
            }
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return Ok(0),
                Err(error) => {
                    let repeated = io::Error::new(error.kind(), error.to_string());
                    self.error = Some(error);
                    return Err(repeated);
                }
            }
        }
        let rest = self.current.get(self.position..).unwrap_or_default();
        let taken = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..taken), rest.get(..taken)) {
            to.copy_from_slice(from);
        }
        self.position += taken;
        Ok(taken)
    }
}
