//! Reads over the text of JSON without building anything.
//!
//! In: text, either JSON itself or JSON that stands, still escaped, inside a JSON string, as records do in a batch of
//! CloudWatch Logs. Out: where values end, and of a record a [`Sketch`]: its call, its time and its text. What is read
//! over is checked against the grammar, so that the parser accepts it too; only [`glance()`] takes some of that on trust.
//! What is written in an unusual way, such as a number with an exponent, is not judged here: the answer is `None`, and the
//! parser decides.

mod block;
mod glance;
mod marks;
mod simple;
#[cfg(test)]
mod tests;
mod walk;

pub use glance::{Parts, Pieces, glance};
pub use simple::simple_length;

use marks::Marks;

/// What a record says of itself at the first glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sketch<'t> {
    /// `eventSource`, not empty.
    pub source: &'t str,
    /// `eventName`, not empty.
    pub name: &'t str,
    /// `eventTime`, not empty.
    pub time: &'t str,
    /// The whole record, still escaped where it stands in a string.
    pub text: &'t str,
    /// Whether some character is written as `\u….`, so that `text` may say more than its letters.
    pub has_unicode_escapes: bool,
    /// Parts of it, where it is in CloudTrail's own order.
    pub parts: Option<Parts<'t>>,
}

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// It is JSON.
    Plain,
    /// It is the content of a JSON string: quotes are `\"`, and backslashes `\\`.
    Escaped,
}

/// A string that was read over: the places of its content, and whether no backslash is in it.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Where the content begins, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// Whether it says what its letters say.
    pub is_plain: bool,
}

/// A place in a text, moving forward.
#[derive(Debug)]
pub struct Skim<'t> {
    text: &'t str,
    at: usize,
    marks: Marks,
    has_unicode_escapes: bool,
}

/// Most digits of a number that is read over; with more it may not fit, or not be exact.
const MOST_DIGITS: usize = 18;

impl<'t> Skim<'t> {
    /// At the beginning of `text`.
    pub fn new(text: &'t str) -> Self {
        Self { text, at: 0, marks: Marks::default(), has_unicode_escapes: false }
    }

    /// The place that has been reached, in bytes.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Goes to the place `at`.
    pub fn go_to(&mut self, at: usize) {
        self.at = at;
    }

    /// The content of a string as it is written.
    pub fn content(&self, span: Span) -> Option<&'t str> {
        self.text.get(span.start..span.end)
    }

    /// The byte here, after white space.
    pub fn peek(&mut self) -> Option<u8> {
        let byte = self.byte(self.at)?;
        if byte > b' ' {
            return Some(byte);
        }
        self.at = after_white_space(self.text.as_bytes(), self.at, Writing::Plain);
        self.byte(self.at)
    }

    /// Takes `expected`, after white space.
    pub fn take(&mut self, expected: u8) -> Option<()> {
        (self.peek()? == expected).then(|| self.at += 1)
    }

    /// Reads over a string.
    pub fn string(&mut self) -> Option<Span> {
        self.take(b'"')?;
        self.string_from(self.at)
    }

    /// Reads over the rest of a string whose content begins at `start`: what is between that and here, if anything, has
    /// been read, and has escapes.
    pub fn string_from(&mut self, start: usize) -> Option<Span> {
        let mut is_plain = self.at == start;
        loop {
            let mark = self.marks.next(self.text.as_bytes(), self.at);
            if self.byte(mark)? == b'"' {
                self.at = mark + 1;
                return Some(Span { start, end: mark, is_plain });
            }
            self.at = self.after_escape::<false>(mark)?;
            is_plain = false;
        }
    }

    /// Reads over one value.
    pub fn value(&mut self) -> Option<()> {
        self.peek()?;
        self.walk::<false>(&mut Default::default(), any)
    }

    /// Reads over one record that is written plainly enough to be sketched, and the white space around it.
    pub fn record(&mut self, writing: Writing) -> Option<Sketch<'t>> {
        self.record_without(writing, any)
    }

    /// The same where an object is something else than a record when one of its outermost members has a certain name:
    /// `None` when one `is_another`.
    pub fn record_without(&mut self, writing: Writing, is_another: impl Fn(&[u8]) -> bool) -> Option<Sketch<'t>> {
        self.has_unicode_escapes = false;
        let bytes = self.text.as_bytes();
        self.at = after_white_space(bytes, self.at, writing);
        if self.byte(self.at)? != b'{' {
            return None;
        }
        let start = self.at;
        let mut members = Default::default();
        match writing {
            Writing::Plain => self.walk::<false>(&mut members, is_another)?,
            Writing::Escaped => self.walk::<true>(&mut members, is_another)?,
        }
        let text = self.text.get(start..self.at)?;
        self.at = after_white_space(bytes, self.at, writing);
        let [source, name, time] = members;
        let plain = |span: Span| self.content(span).filter(|text| span.is_plain && !text.is_empty());
        Some(Sketch {
            source: plain(source?)?,
            name: plain(name?)?,
            time: plain(time?)?,
            text,
            has_unicode_escapes: self.has_unicode_escapes,
            parts: None,
        })
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// The place after the escape at `mark`, if there is one.
    fn after_escape<const ESCAPED: bool>(&mut self, mark: usize) -> Option<usize> {
        // A control character; within a string, also the quote that ends it.
        if self.byte(mark)? != b'\\' {
            return None;
        }
        // In a string around it, each backslash is two.
        let kind = match (ESCAPED, self.byte(mark + 1)?) {
            (false, _) => mark + 1,
            (true, b'\\') => mark + 2,
            (true, b'/') => return Some(mark + 2),
            (true, _) => return None,
        };
        match self.byte(kind)? {
            b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(kind + 1),
            b'"' if !ESCAPED => Some(kind + 1),
            b'\\' if !ESCAPED => Some(kind + 1),
            b'\\' => matches!(self.byte(kind + 1)?, b'"' | b'\\').then_some(kind + 2),
            b'u' => {
                self.has_unicode_escapes = true;
                let digits = self.text.as_bytes().get(kind + 1..kind + 5)?;
                // Half a character, which needs the other half.
                let is_half = matches!(digits, [b'd' | b'D', b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F', ..]);
                (digits.iter().all(u8::is_ascii_hexdigit) && !is_half).then_some(kind + 5)
            }
            _ => None,
        }
    }

    /// The place after the number, or the word, at `at`.
    fn after_scalar(&self, at: usize) -> Option<usize> {
        let rest = self.text.as_bytes().get(at..)?;
        let word = ["true", "false", "null"].into_iter().find(|word| rest.starts_with(word.as_bytes()));
        match word {
            Some(word) => Some(at + word.len()),
            None => Some(at + number(rest)?),
        }
    }
}

/// What follows `expected`, with which `text` begins. Its length is part of the type, so that it takes a few comparisons.
#[inline(always)]
pub fn after<'t, const LENGTH: usize>(text: &'t str, expected: &[u8; LENGTH]) -> Option<&'t str> {
    let (head, _) = text.as_bytes().split_first_chunk()?;
    if head == expected { text.get(LENGTH..) } else { None }
}

/// A name is as good as any other.
fn any(_: &[u8]) -> bool {
    false
}

/// How long the number is with which `bytes` begin.
fn number(bytes: &[u8]) -> Option<usize> {
    let digits = |from: usize| bytes.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
    let start = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits(start);
    // `01` is no number.
    if whole == 0 || (whole > 1 && bytes.get(start) == Some(&b'0')) {
        return None;
    }
    let mut end = start + whole;
    if bytes.get(end) == Some(&b'.') {
        let part = digits(end + 1);
        end += 1 + part;
        if part == 0 {
            return None;
        }
    }
    let goes_on = matches!(bytes.get(end), Some(b'e' | b'E'));
    (end <= MOST_DIGITS && !goes_on).then_some(end)
}

/// The place of the first byte at or after `at` that is no white space.
fn after_white_space(bytes: &[u8], mut at: usize, writing: Writing) -> usize {
    while let Some(byte) = bytes.get(at) {
        at += match (writing, byte) {
            (_, b' ') | (Writing::Plain, b'\n' | b'\r' | b'\t') => 1,
            (Writing::Escaped, b'\\') if matches!(bytes.get(at + 1), Some(b'n' | b'r' | b't')) => 2,
            _ => return at,
        };
    }
    at
}
