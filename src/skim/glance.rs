//! A record at the first glance, when it is written as CloudTrail writes its own.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use memchr::{memchr, memrchr};
use wide::u8x16;

use super::Sketch;

/// How a record begins, inside a string.
const BEGINNING: &str = r#"{\"eventVersion\":\""#;

static NAME: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("eventName"));

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
/// identity, then time, source and name. That order says where the outermost members are without a look at the rest,
/// which is taken to be JSON: CloudTrail wrote it.
pub fn glance(content: &str) -> Option<Sketch<'_>> {
    if !content.starts_with(BEGINNING) || !content.ends_with('}') {
        return None;
    }
    let key = NAME.find(content.as_bytes())?;
    let name = content.get(key..)?.strip_prefix(r#"eventName\":\""#)?;
    let name = name.get(..memchr(b'\\', name.as_bytes())?)?;
    let rest = content.get(..key)?.strip_suffix(r#"\",\""#)?;
    let (rest, source) = last_string(rest, r#"\",\"eventSource\":\""#)?;
    let (_, time) = last_string(rest, r#"},\"eventTime\":\""#)?;
    let is_whole = !source.is_empty() && !name.is_empty() && !time.is_empty();
    is_whole.then_some(Sketch { source, name, time, text: content, has_unicode_escapes: false })
}

/// `text` up to `key`, and the string that follows that and ends it.
fn last_string<'t>(text: &'t str, key: &str) -> Option<(&'t str, &'t str)> {
    let (before, string) = text.split_at_checked(memrchr(b'"', text.as_bytes())? + 1)?;
    Some((before.strip_suffix(key)?, string))
}
