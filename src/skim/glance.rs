//! A record at the first glance, when it is written as CloudTrail writes its own.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use memchr::{memchr, memrchr};
use wide::u8x16;

use super::Sketch;

/// How the call's name begins, inside a string.
const CALLED: &str = r#"eventName\":\""#;

/// How a record begins.
const BEGINNING: &str = r#"{\"eventVersion\":\""#;

/// What follows the version, after a backslash.
const IDENTITY: &str = r#"",\"userIdentity\":{"#;

static NAME: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("eventName"));

/// Parts of a record in CloudTrail's own order, still escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts<'t> {
    /// The value of `userIdentity`, but for its first brace.
    pub identity: &'t str,
    /// What follows the call's name.
    after_name: &'t str,
}

impl<'t> Parts<'t> {
    /// The values of `sourceIPAddress` and `userAgent`, where they follow the name and the region.
    pub fn caller(&self) -> Option<(&'t str, &'t str)> {
        let rest = self.after_name.strip_prefix(r#"\",\"awsRegion\":\""#)?;
        let (_, rest) = rest.split_at_checked(memchr(b'\\', rest.as_bytes())?)?;
        let rest = rest.strip_prefix(r#"\",\"sourceIPAddress\":\""#)?;
        let (address, rest) = rest.split_at_checked(memchr(b'\\', rest.as_bytes())?)?;
        let rest = rest.strip_prefix(r#"\",\"userAgent\":\""#)?;
        let (agent, _) = rest.split_at_checked(memchr(b'\\', rest.as_bytes())?)?;
        Some((address, agent))
    }
}

/// How long the content of a string is with which `text` begins, when it is simple: without escapes but `\"`, and without
/// control characters. `None` when it is not, or does not end.
pub fn simple_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let next = bytes.get(1..)?;
    if bytes.first() == Some(&b'"') {
        return Some(0);
    }
    let mut seen = 0;
    while let Some(window) = bytes.get(seen..).and_then(|rest| rest.first_chunk::<{ BLOCK + 1 }>()) {
        if is_odd(window.first_chunk()?, window.last_chunk()?) {
            break;
        }
        seen += BLOCK;
    }
    let pairs = bytes.get(seen..)?.iter().zip(next.get(seen..)?);
    let odd = pairs.into_iter().position(|(byte, next)| (*byte == b'\\') != (*next == b'"') || *byte <= 0x1f)?;
    let length = seen + odd + 1;
    let ends = bytes.get(length) == Some(&b'"') && bytes.get(length - 1).is_some_and(|last| *last > 0x1f);
    ends.then_some(length)
}

/// Bytes that are looked at together.
const BLOCK: usize = 64;

/// Whether some byte of the block is a backslash and its `next` no quote, or the other way round, or a control character.
#[inline(always)]
fn is_odd(block: &[u8; BLOCK], next: &[u8; BLOCK]) -> bool {
    let (backslash, quote, last_control) = (u8x16::splat(b'\\'), u8x16::splat(b'"'), u8x16::splat(0x1f));
    let odd = |lane: &[u8; 16], next: &[u8; 16]| {
        let (lane, next) = (u8x16::new(*lane), u8x16::new(*next));
        (lane.simd_eq(backslash) ^ next.simd_eq(quote)) | lane.min(last_control).simd_eq(lane)
    };
    let [one, two, three, four] = block.as_chunks::<16>().0 else { return true };
    let [after_one, after_two, after_three, after_four] = next.as_chunks::<16>().0 else { return true };
    let all = odd(one, after_one) | odd(two, after_two) | odd(three, after_three) | odd(four, after_four);
    all.to_bitmask() != 0
}

/// The sketch of a record that is the [simple](simple_length) content of a string, in CloudTrail's own order: version and
/// identity, then time, source and name. These five are the outermost members that come first, of whatever JSON it is;
/// that what follows them is JSON is not looked at: CloudTrail wrote it.
pub fn glance(content: &str) -> Option<Sketch<'_>> {
    let (_, identity) = content.strip_prefix(BEGINNING)?.split_once('\\')?;
    let identity = identity.strip_prefix(IDENTITY)?;
    if !content.ends_with('}') {
        return None;
    }
    let key = NAME.find(identity.as_bytes())?;
    let name = identity.get(key..)?.strip_prefix(CALLED)?;
    let name = name.get(..memchr(b'\\', name.as_bytes())?)?;
    let rest = identity.get(..key)?.strip_suffix(r#"\",\""#)?;
    let (rest, source) = last_string(rest, r#"\",\"eventSource\":\""#)?;
    let (rest, time) = last_string(rest, r#",\"eventTime\":\""#)?;
    let is_whole = !source.is_empty() && !name.is_empty() && !time.is_empty() && ends_with_object(rest);
    let parts = Parts { identity: rest, after_name: identity.get(key..)?.get(CALLED.len() + name.len()..)? };
    let sketch = Sketch { source, name, time, text: content, has_unicode_escapes: false, parts: Some(parts) };
    is_whole.then_some(sketch)
}

/// Whether the last byte of `text` ends the object that begins before it, and none before does; no, when a brace may stand
/// in a string.
fn ends_with_object(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (mut levels, mut next) = (1_usize, 0);
    let (mut start, mut rest) = (0, bytes);
    while start < bytes.len() {
        let mut braces = match rest.split_first_chunk::<BLOCK>() {
            Some((block, more)) => {
                rest = more;
                braces(block)
            }
            None => {
                let mut block = [b' '; BLOCK];
                block.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                braces(&block)
            }
        };
        while braces != 0 {
            let place = start + braces.trailing_zeros() as usize;
            braces &= braces - 1;
            let (before, brace) = bytes.split_at(place);
            if brace.first() == Some(&b'{') {
                // A quote that ends a key.
                let is_value = matches!(before, [.., letter, _, b'"', b':'] if letter.is_ascii_alphanumeric());
                if !is_value {
                    return false;
                }
                levels += 1;
            } else {
                // A quote that comes after one of these may begin a string.
                let ends_string = matches!(before, [.., byte, _, b'"'] if !b":,[{ ".contains(byte));
                if !ends_string && place != next {
                    return false;
                }
                levels -= 1;
                if levels == 0 {
                    return place + 1 == bytes.len();
                }
            }
            next = place + 1;
        }
        start += BLOCK;
    }
    false
}

/// The braces among the bytes of a block, a bit each, the first lowest.
#[inline(always)]
fn braces(block: &[u8; BLOCK]) -> u64 {
    let (open, close) = (u8x16::splat(b'{'), u8x16::splat(b'}'));
    let of = |lane: &[u8; 16]| {
        let lane = u8x16::new(*lane);
        lane.simd_eq(open) | lane.simd_eq(close)
    };
    let (lanes, _) = block.as_chunks::<16>();
    let [one, two, three, four] = lanes else { return !0 };
    let all = [of(one), of(two), of(three), of(four)];
    let [one, two, three, four] = all;
    if (one | two | three | four).to_bitmask() == 0 {
        return 0;
    }
    let [one, two, three, four] = all.map(|lane| u64::from(lane.to_bitmask()));
    one | two << 16 | three << 32 | four << 48
}

/// `text` up to `key`, and the string that follows that and ends it.
fn last_string<'t>(text: &'t str, key: &str) -> Option<(&'t str, &'t str)> {
    let (before, string) = text.split_at_checked(memrchr(b'"', text.as_bytes())? + 1)?;
    Some((before.strip_suffix(key)?, string))
}
