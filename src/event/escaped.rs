//! Reads the JSON of a record where it stands inside a JSON string, without unescaping it first.
//!
//! In: the content of a string, in which quotes are `\"` and backslashes `\\`. Out: the value that the parser makes of it
//! unescaped; `None` for whatever is not plainly that, so that the parser decides and says what is wrong.

use std::borrow::Cow;
use std::cell::Cell;

use memchr::memchr;

use super::{Object, Value};

/// Deepest nesting that is read; the parser allows 127 levels.
const MOST_LEVELS: u32 = 60;

/// Most strings with escapes of their own: of more of them the parser reads the whole record faster.
const MOST_WITH_ESCAPES: u32 = 32;

/// Most digits of a number that is read here. It fits, whatever the digits.
const MOST_DIGITS: usize = 18;

/// Most members and elements of which the memory is kept.
const MOST_KEPT: usize = 1024;

/// Most bytes of a string with escapes of which it is.
const MOST_BYTES_KEPT: usize = 65_536;

/// The memory of a reader, which the next one on the same thread takes.
#[derive(Default)]
struct Memory {
    json: String,
    members: Vec<(&'static str, Value<'static>)>,
    elements: Vec<Value<'static>>,
}

thread_local! {
    static MEMORY: Cell<Memory> = Cell::default();
}

/// The value that is all of `content`.
pub(super) fn value(content: &str) -> Option<Value<'_>> {
    let Memory { json, members, elements } = MEMORY.take();
    let (members, elements) = (emptied(members), emptied(elements));
    let mut reader = Reader { rest: content, levels: 0, with_escapes: 0, json, members, elements };
    let value = reader.value().filter(|_| reader.next().is_none());
    let Reader { json, members, elements, .. } = reader;
    if members.capacity() + elements.capacity() <= MOST_KEPT && json.capacity() <= MOST_BYTES_KEPT {
        MEMORY.set(Memory { json, members: emptied(members), elements: emptied(elements) });
    }
    value
}

/// An empty list in the memory of another, which may have held what lives shorter: the standard library collects in place.
fn emptied<A, B>(mut list: Vec<A>) -> Vec<B> {
    list.clear();
    list.into_iter().filter_map(|_| None).collect()
}

/// How many bytes come before the first backslash. Most strings are too short to call for it.
#[inline(always)]
fn until_backslash(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const FIRST_BITS: u64 = 0x8080_8080_8080_8080;
    const BACKSLASHES: u64 = ONES * b'\\' as u64;
    let (eights, _) = bytes.as_chunks();
    for (eight, start) in eights.iter().take(4).zip((0..).step_by(8)) {
        let differing = u64::from_le_bytes(*eight) ^ BACKSLASHES;
        // The lowest bit that is set is of the first byte that is zero.
        let zeros = differing.wrapping_sub(ONES) & !differing & FIRST_BITS;
        if zeros != 0 {
            return Some(start + zeros.trailing_zeros() as usize / 8);
        }
    }
    memchr(b'\\', bytes)
}

struct Reader<'t> {
    rest: &'t str,
    levels: u32,
    /// How many strings had escapes of their own.
    with_escapes: u32,
    /// The JSON of such a string.
    json: String,
    /// What has been read of the objects that are open, so that each is allocated once, when its size is known.
    members: Vec<(&'t str, Value<'t>)>,
    /// The same of lists.
    elements: Vec<Value<'t>>,
}

impl<'t> Reader<'t> {
    /// The next byte, after blanks. Other white space is escaped, and rare.
    #[inline(always)]
    fn next(&mut self) -> Option<u8> {
        let first = *self.rest.as_bytes().first()?;
        if first != b' ' {
            return Some(first);
        }
        self.rest = self.rest.trim_start_matches(' ');
        self.rest.as_bytes().first().copied()
    }

    /// Goes on after `count` bytes.
    #[inline(always)]
    fn skip(&mut self, count: usize) -> Option<()> {
        self.rest = self.rest.get(count..)?;
        Some(())
    }

    /// Takes a word, which comes next.
    fn word(&mut self, word: &str, value: Value<'t>) -> Option<Value<'t>> {
        self.rest = self.rest.strip_prefix(word)?;
        Some(value)
    }

    fn value(&mut self) -> Option<Value<'t>> {
        match self.next()? {
            b'\\' => self.string().map(Value::Str),
            b'{' => self.nested(Self::object),
            b'[' => self.nested(Self::array),
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            b'n' => self.word("null", Value::Null),
            _ => self.number(),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Option<Value<'t>>) -> Option<Value<'t>> {
        // What begins it has been seen.
        self.skip(1)?;
        self.levels += 1;
        let value = (self.levels <= MOST_LEVELS).then(|| read(self))?;
        self.levels -= 1;
        value
    }

    #[inline(always)]
    fn string(&mut self) -> Option<Cow<'t, str>> {
        let [b'\\', b'"', ..] = self.rest.as_bytes() else { return None };
        self.skip(2)?;
        let length = until_backslash(self.rest.as_bytes())?;
        let (content, end) = self.rest.split_at_checked(length)?;
        if let [b'\\', b'"', ..] = end.as_bytes() {
            self.rest = end.get(2..)?;
            return Some(Cow::Borrowed(content));
        }
        self.string_with_escapes(length)
    }

    /// A string that has the first of its own escapes after `length` bytes.
    #[inline(never)]
    fn string_with_escapes(&mut self, mut length: usize) -> Option<Cow<'t, str>> {
        loop {
            length += memchr(b'\\', self.rest.as_bytes().get(length..)?)?;
            match self.rest.as_bytes().get(length..)? {
                [b'\\', b'"', ..] => break,
                // What it escapes is a quote or a backslash, which is escaped once more, or a letter.
                [b'\\', b'\\', b'\\', ..] => length += 4,
                [b'\\', b'\\', ..] => length += 3,
                _ => return None,
            }
        }
        let (content, end) = self.rest.split_at_checked(length)?;
        self.rest = end.get(2..)?;
        self.with_escapes += 1;
        if self.with_escapes > MOST_WITH_ESCAPES {
            return None;
        }
        self.json.clear();
        self.json.push('"');
        let mut characters = content.chars();
        while let Some(character) = characters.next() {
            let meant = match character {
                '\\' => characters.next().filter(|escaped| matches!(escaped, '"' | '\\'))?,
                plain => plain,
            };
            self.json.push(meant);
        }
        self.json.push('"');
        serde_json::from_str(&self.json).ok().map(Cow::Owned)
    }

    fn object(&mut self) -> Option<Value<'t>> {
        if self.next()? == b'}' {
            return self.skip(1).map(|()| Value::Object(Object::default()));
        }
        let start = self.members.len();
        loop {
            let key = self.key()?;
            // Most are strings; put down at once, they do not go through memory as a value that may not be there.
            match self.next()? {
                b'\\' => {
                    let text = self.string()?;
                    self.members.push((key, Value::Str(text)));
                }
                _ => {
                    let value = self.value()?;
                    self.members.push((key, value));
                }
            }
            if !self.goes_on(b'}')? {
                return Some(Value::Object(self.members.drain(start..).collect()));
            }
        }
    }

    /// The name of a member, and the colon after it.
    #[inline(always)]
    fn key(&mut self) -> Option<&'t str> {
        self.next()?;
        let Cow::Borrowed(key) = self.string()? else { return None };
        let is_key = self.next()? == b':';
        self.skip(1)?;
        is_key.then_some(key)
    }

    fn array(&mut self) -> Option<Value<'t>> {
        if self.next()? == b']' {
            return self.skip(1).map(|()| Value::Array(Vec::new()));
        }
        let start = self.elements.len();
        loop {
            let element = self.value()?;
            self.elements.push(element);
            if !self.goes_on(b']')? {
                return Some(Value::Array(self.elements.drain(start..).collect()));
            }
        }
    }

    /// Takes a comma, or what ends the list.
    #[inline(always)]
    fn goes_on(&mut self, end: u8) -> Option<bool> {
        let byte = self.next()?;
        // One of the two, so that what follows is no half of a character.
        let goes_on = byte == b',';
        (goes_on || byte == end).then(|| self.skip(1))??;
        Some(goes_on)
    }

    /// A whole number; others are rare.
    fn number(&mut self) -> Option<Value<'t>> {
        let positive = self.rest.strip_prefix('-');
        let number = positive.unwrap_or(self.rest);
        let digits = number.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = number.split_at_checked(digits)?;
        // `-0` is none that is whole.
        let has_zero = number.starts_with('0') && (digits > 1 || positive.is_some());
        if !(1..=MOST_DIGITS).contains(&digits) || has_zero || rest.starts_with(['.', 'e', 'E']) {
            return None;
        }
        self.rest = rest;
        let number: i64 = number.parse().ok()?;
        Some(Value::Number(match positive {
            Some(_) => (-number).into(),
            None => number.unsigned_abs().into(),
        }))
    }
}
