//! Over one value, token by token.

use super::marks::Marks;
use super::{Skim, Span, Writing, after_white_space};

/// Deepest nesting that is read over; the parser allows 127 levels, and the kinds of as many fit into a word.
const MOST_LEVELS: u32 = 60;

/// The members of a record that a sketch has.
const MEMBERS: [&str; 3] = ["eventSource", "eventName", "eventTime"];

/// Where these are.
pub(super) type Members = [Option<Span>; MEMBERS.len()];

impl Skim<'_> {
    /// Reads over one value, and notes the `members` of the outermost object. None of them may be there twice, be called
    /// in another way of writing its name, or be anything but a string; and no name in that object may be one that
    /// `is_another`.
    #[inline(never)]
    pub(super) fn walk<const ESCAPED: bool>(
        &mut self,
        members: &mut Members,
        is_another: impl Fn(&[u8]) -> bool,
    ) -> Option<()> {
        let bytes = self.text.as_bytes();
        let writing = if ESCAPED { Writing::Escaped } else { Writing::Plain };
        let quote = if ESCAPED { 2 } else { 1 };
        let ends = Ends::of(ESCAPED);
        let mut marks = Marks::default();
        let mut at = self.at;
        let mut levels = 0_u32;
        // The kinds of what is open, the innermost last: 1 for an object.
        let mut kinds = 0_u64;
        let mut at_key = false;
        let mut member = None;
        loop {
            let first = *bytes.get(at)?;
            if opens_string::<ESCAPED>(bytes, at) {
                let (mut start, mut from, mut is_plain) = (at + quote, at + quote, true);
                // One string after another, as long as nothing but `:` or `,` is between them.
                loop {
                    let mark = marks.next(bytes, from);
                    let word = word(bytes, mark);
                    if word & ends.quote_mask != ends.quote {
                        from = self.after_escape::<ESCAPED>(mark)?;
                        is_plain = false;
                        continue;
                    }
                    let span = Span { start, end: mark, is_plain };
                    if at_key {
                        if levels == 1 {
                            if bytes.get(span.start..span.end).is_some_and(&is_another) {
                                return None;
                            }
                            member = member_named(bytes, span, members)?;
                        }
                    } else if let Some(place) = member.take() {
                        *members.get_mut::<usize>(place)? = Some(span);
                    }
                    let separator = if at_key { ends.colon } else { ends.comma };
                    if levels == 0 || word & ends.mask != separator {
                        at = mark + quote;
                        break;
                    }
                    at_key = !at_key && kinds & 1 == 1;
                    (start, is_plain) = (mark + ends.length, true);
                    from = start;
                }
                if at_key {
                    at = after_white_space(bytes, at, writing);
                    if *bytes.get(at)? != b':' {
                        return None;
                    }
                    (at, at_key) = (at + 1, false);
                    continue;
                }
            } else {
                match first {
                    b' ' | b'\n' | b'\r' | b'\t' | b'\\' => {
                        let next = after_white_space(bytes, at, writing);
                        if next == at {
                            return None;
                        }
                        at = next;
                        continue;
                    }
                    _ if at_key || member.is_some() => return None,
                    b'{' | b'[' if levels == MOST_LEVELS => return None,
                    b'{' | b'[' => {
                        let is_object = first == b'{';
                        levels += 1;
                        kinds = kinds << 1 | u64::from(is_object);
                        at = after_white_space(bytes, at + 1, writing);
                        if *bytes.get(at)? != if is_object { b'}' } else { b']' } {
                            at_key = is_object;
                            continue;
                        }
                    }
                    _ => at = self.after_scalar(at)?,
                }
            }
            // After a value.
            loop {
                if levels == 0 {
                    self.at = at;
                    return Some(());
                }
                let is_object = kinds & 1 == 1;
                match *bytes.get(at)? {
                    b',' => {
                        (at, at_key) = (at + 1, is_object);
                        break;
                    }
                    b'}' if is_object => (at, levels, kinds) = (at + 1, levels - 1, kinds >> 1),
                    b']' if !is_object => (at, levels, kinds) = (at + 1, levels - 1, kinds >> 1),
                    _ => {
                        let next = after_white_space(bytes, at, writing);
                        if next == at {
                            return None;
                        }
                        at = next;
                    }
                }
            }
        }
    }
}

/// What follows a string, as words to compare with.
struct Ends {
    /// The quote.
    quote: u64,
    quote_mask: u64,
    /// Quote, colon, quote: a key ends and its value begins.
    colon: u64,
    /// Quote, comma, quote: a value ends and a key, or another value, begins.
    comma: u64,
    mask: u64,
    /// How many bytes the last two have.
    length: usize,
}

impl Ends {
    #[inline(always)]
    const fn of(escaped: bool) -> Self {
        if escaped {
            Self {
                quote: u64::from_le_bytes(*b"\\\"\0\0\0\0\0\0"),
                quote_mask: 0xffff,
                colon: u64::from_le_bytes(*b"\\\":\\\"\0\0\0"),
                comma: u64::from_le_bytes(*b"\\\",\\\"\0\0\0"),
                mask: 0xff_ffff_ffff,
                length: 5,
            }
        } else {
            Self {
                quote: u64::from_le_bytes(*b"\"\0\0\0\0\0\0\0"),
                quote_mask: 0xff,
                colon: u64::from_le_bytes(*b"\":\"\0\0\0\0\0"),
                comma: u64::from_le_bytes(*b"\",\"\0\0\0\0\0"),
                mask: 0xff_ffff,
                length: 3,
            }
        }
    }
}

#[inline(always)]
fn opens_string<const ESCAPED: bool>(bytes: &[u8], at: usize) -> bool {
    let quote = if ESCAPED { at + 1 } else { at };
    bytes.get(quote) == Some(&b'"') && (!ESCAPED || bytes.get(at) == Some(&b'\\'))
}

/// The eight bytes at `at`, the first lowest; zeros are beyond the end.
#[inline(always)]
fn word(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    match rest.first_chunk::<8>() {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

/// The place in [`MEMBERS`] of the member that a key of the outermost object names, if it does.
#[inline(always)]
fn member_named(bytes: &[u8], key: Span, members: &Members) -> Option<Option<usize>> {
    const LOWER_CASE: u64 = 0x2020_2020_2020_2020;
    const EVENT: u64 = u64::from_le_bytes(*b"event\0\0\0");
    if !key.is_plain {
        return None;
    }
    match (word(bytes, key.start) | LOWER_CASE) & 0xff_ffff_ffff == EVENT {
        true => one_of_members(bytes.get(key.start..key.end)?, members),
        false => Some(None),
    }
}

#[inline(never)]
fn one_of_members(key: &[u8], members: &Members) -> Option<Option<usize>> {
    let Some(place) = MEMBERS.iter().position(|member| member.as_bytes().eq_ignore_ascii_case(key)) else {
        return Some(None);
    };
    let is_first = members.get(place)?.is_none();
    (is_first && MEMBERS.get(place)?.as_bytes() == key).then_some(Some(place))
}
