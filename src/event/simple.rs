//! Reads the JSON of a record where it stands inside a JSON string, without unescaping it first.
//!
//! In: the [simple](crate::skim::simple_length) content of a string, in which quotes are `\"` and nothing else is escaped.
//! Out: the value that the parser makes of it unescaped; `None` for whatever is not plainly that, so that the parser
//! decides and says what is wrong.

use std::borrow::Cow;
use std::iter;

use memchr::memchr;

use super::{Object, Value};

/// Deepest nesting that is read; the parser allows 127 levels.
const MOST_LEVELS: u32 = 60;

/// Most digits of a number that is read here. It fits, whatever the digits.
const MOST_DIGITS: usize = 18;

/// The value that is all of `content`.
pub(super) fn value(content: &str) -> Option<Value<'_>> {
    let mut reader = Reader { rest: content, levels: 0 };
    let value = reader.value()?;
    (reader.next().is_none()).then_some(value)
}

struct Reader<'t> {
    rest: &'t str,
    levels: u32,
}

impl<'t> Reader<'t> {
    /// The next byte, after blanks: other white space would be escaped.
    fn next(&mut self) -> Option<u8> {
        let first = *self.rest.as_bytes().first()?;
        if first != b' ' {
            return Some(first);
        }
        self.rest = self.rest.trim_start_matches(' ');
        self.rest.as_bytes().first().copied()
    }

    /// Takes `text`, which comes next.
    fn take(&mut self, text: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    fn value(&mut self) -> Option<Value<'t>> {
        match self.next()? {
            b'\\' => Some(Value::Str(Cow::Borrowed(self.string()?))),
            b'{' => self.nested(Self::object),
            b'[' => self.nested(Self::array),
            b't' => self.take("true").map(|()| Value::Bool(true)),
            b'f' => self.take("false").map(|()| Value::Bool(false)),
            b'n' => self.take("null").map(|()| Value::Null),
            _ => self.number(),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Option<Value<'t>>) -> Option<Value<'t>> {
        // What begins it has been seen.
        self.rest = self.rest.get(1..)?;
        self.levels += 1;
        let value = (self.levels <= MOST_LEVELS).then(|| read(self))?;
        self.levels -= 1;
        value
    }

    /// A string, which says what its letters say.
    fn string(&mut self) -> Option<&'t str> {
        self.take("\\\"")?;
        let (content, rest) = self.rest.split_at_checked(memchr(b'\\', self.rest.as_bytes())?)?;
        self.rest = rest.strip_prefix("\\\"")?;
        Some(content)
    }

    fn object(&mut self) -> Option<Value<'t>> {
        if self.next()? == b'}' {
            return self.take("}").map(|()| Value::Object(Object::default()));
        }
        let mut goes_on = true;
        let mut is_whole = true;
        let members = iter::from_fn(|| {
            if !goes_on {
                return None;
            }
            let member = self.member();
            is_whole = member.is_some();
            let (key, value, is_last) = member?;
            goes_on = !is_last;
            Some((key, value))
        });
        let members: Object<'t> = members.collect();
        is_whole.then_some(Value::Object(members))
    }

    /// A member, and whether it is the last.
    fn member(&mut self) -> Option<(&'t str, Value<'t>, bool)> {
        self.next()?;
        let key = self.string()?;
        self.next()?;
        self.take(":")?;
        let value = self.value()?;
        Some((key, value, self.is_last("}")?))
    }

    fn array(&mut self) -> Option<Value<'t>> {
        let mut elements = Vec::new();
        if self.next()? == b']' {
            return self.take("]").map(|()| Value::Array(elements));
        }
        loop {
            elements.push(self.value()?);
            if self.is_last("]")? {
                return Some(Value::Array(elements));
            }
        }
    }

    /// Takes a comma, or what ends the list.
    fn is_last(&mut self, end: &str) -> Option<bool> {
        match self.next()? {
            b',' => self.take(",").map(|()| false),
            _ => self.take(end).map(|()| true),
        }
    }

    /// A whole number; others are rare.
    fn number(&mut self) -> Option<Value<'t>> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at_checked(digits)?;
        let is_whole = !rest.starts_with(['.', 'e', 'E']) && (digits == 1 || !number.starts_with('0'));
        if !(1..=MOST_DIGITS).contains(&digits) || !is_whole {
            return None;
        }
        self.rest = rest;
        Some(Value::Number(number.parse::<u64>().ok()?.into()))
    }
}
