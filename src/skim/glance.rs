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

/// Bytes that are looked at together, a bit of a word each.
const BLOCK: usize = 64;

/// What follows the version, after a backslash.
const IDENTITY: &str = r#"",\"userIdentity\":{"#;

static NAME: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("eventName"));

/// Parts of a record in CloudTrail's own order, still escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts<'t> {
    /// The value of `userIdentity`, but for its first brace.
    identity: &'t str,
    /// What follows the call's name.
    after_name: &'t str,
}

impl<'t> Parts<'t> {
    /// The values of `userIdentity`, `sourceIPAddress` and `userAgent`, where these follow the name and the region.
    pub fn caller(&self) -> Option<[&'t str; 3]> {
        let rest = self.after_name.strip_prefix(r#"\",\"awsRegion\":\""#)?;
        let (_, rest) = rest.split_at_checked(memchr(b'\\', rest.as_bytes())?)?;
        let rest = rest.strip_prefix(r#"\",\"sourceIPAddress\":\""#)?;
        let (address, rest) = rest.split_at_checked(memchr(b'\\', rest.as_bytes())?)?;
        let rest = rest.strip_prefix(r#"\",\"userAgent\":\""#)?;
        let (agent, _) = rest.split_at_checked(memchr(b'\\', rest.as_bytes())?)?;
        Some([self.identity, address, agent])
    }
}

/// The sketch of a record that is the [simple](super::simple_length) content of a string, in CloudTrail's own order: version
/// and identity, then time, source and name. These five are the outermost members that come first, of whatever JSON it is.
/// That it is JSON, and one record, is not looked at beyond where the identity ends: CloudTrail wrote it.
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
