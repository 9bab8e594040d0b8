//! A record at the first glance, when it is written as CloudTrail writes its own.

use std::sync::LazyLock;

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch};
use memchr::memmem::Finder;

use super::block::{BLOCK, next_block, until_backslash};
use super::{Sketch, after};

/// How a character begins that is written as `\u….`.
static UNICODE_ESCAPE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\\u"));

/// What ends a string.
const QUOTE: &[u8; 2] = br#"\""#;

/// How a record begins.
const BEGINNING: &[u8; 20] = br#"{\"eventVersion\":\""#;

/// What follows the version.
const IDENTITY: &[u8; 21] = br#"\",\"userIdentity\":{"#;

/// What follows the identity, and each of the strings after it.
const TIME: &[u8; 17] = br#",\"eventTime\":\""#;
const SOURCE: &[u8; 21] = br#"\",\"eventSource\":\""#;
const NAME: &[u8; 19] = br#"\",\"eventName\":\""#;
const REGION: &[u8; 19] = br#"\",\"awsRegion\":\""#;
const ADDRESS: &[u8; 25] = br#"\",\"sourceIPAddress\":\""#;
const AGENT: &[u8; 19] = br#"\",\"userAgent\":\""#;
/// What follows the agent when the call failed.
const ERROR_CODE: &[u8; 19] = br#"\",\"errorCode\":\""#;

/// Parts of a record in CloudTrail's own order, still escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts<'t> {
    /// The whole record.
    text: &'t str,
    /// The value of `userIdentity`, but for its first brace.
    identity: &'t str,
    /// What follows that.
    after_identity: &'t str,
    /// What follows the call's name.
    after_name: &'t str,
}

/// All of a record, cut where no string is cut in two, and no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pieces<'t> {
    /// The values of `userIdentity`, `sourceIPAddress` and `userAgent`.
    pub caller: [&'t str; 3],
    /// The last two of them, with what is between them.
    pub origin: &'t str,
    /// What is before the identity, between that and `userAgent`, and after it.
    pub rest: [&'t str; 3],
}

impl<'t> Parts<'t> {
    /// The pieces, where the address and the agent follow the name and the region.
    pub fn pieces(&self) -> Option<Pieces<'t>> {
        dispatch!(Level::new(), simd => pieces(simd, self))
    }

    /// Whether the call surely failed: what follows its agent is an `errorCode` that says something.
    pub fn has_failed(&self) -> bool {
        let after_agent = self.pieces().map(|Pieces { rest: [_, _, after_agent], .. }| after_agent);
        // A backslash would end it, or begin something that says nothing yet.
        after_agent.and_then(|text| after(text, ERROR_CODE)).is_some_and(|code| !code.starts_with('\\'))
    }
}

#[inline(always)]
fn pieces<'t, S: Simd>(simd: S, parts: &Parts<'t>) -> Option<Pieces<'t>> {
    let Parts { text, identity, after_identity, after_name } = *parts;
    let (_, rest) = until_backslash(simd, after(after_name, REGION)?)?;
    let from_address = after(rest, ADDRESS)?;
    let (address, rest) = until_backslash(simd, from_address)?;
    let from_agent = after(rest, AGENT)?;
    let (agent, after_agent) = until_backslash(simd, from_agent)?;
    after(after_agent, QUOTE)?;
    let before = text.get(..text.len() - after_identity.len() - identity.len())?;
    let between = after_identity.get(..after_identity.len() - from_agent.len())?;
    let origin = from_address.get(..from_address.len() - after_agent.len())?;
    Some(Pieces { caller: [identity, address, agent], origin, rest: [before, between, after_agent] })
}

/// The sketch of a record that is the content of a string, which may be [simple](super::simple_length), in CloudTrail's own
/// order: version and identity, then time, source and name. These five are the outermost members that come first, of
/// whatever JSON it is. That it is JSON, and one record, is not looked at beyond where the identity ends: CloudTrail wrote it.
pub fn glance(content: &str, is_simple: bool) -> Option<Sketch<'_>> {
    // A brace may be written so, too. Asked first: the sketch is large, and is not to be copied.
    if !is_simple && UNICODE_ESCAPE.find(content.as_bytes()).is_some() {
        return None;
    }
    dispatch!(Level::new(), simd => sketch(simd, content))
}

#[inline(always)]
fn sketch<S: Simd>(simd: S, content: &str) -> Option<Sketch<'_>> {
    if content.as_bytes().last() != Some(&b'}') {
        return None;
    }
    let (_, rest) = until_backslash(simd, after(content, BEGINNING)?)?;
    let identity = after(rest, IDENTITY)?;
    let (identity, after_identity) = identity.split_at_checked(object_length(simd, identity.as_bytes())?)?;
    let (time, rest) = until_backslash(simd, after(after_identity, TIME)?)?;
    let (source, rest) = until_backslash(simd, after(rest, SOURCE)?)?;
    let (name, after_name) = until_backslash(simd, after(rest, NAME)?)?;
    after(after_name, QUOTE)?;
    let is_whole = !source.is_empty() && !name.is_empty() && !time.is_empty();
    let parts = Some(Parts { text: content, identity, after_identity, after_name });
    is_whole.then_some(Sketch { source, name, time, text: content, has_unicode_escapes: false, parts })
}

/// How long the object is that begins before `bytes`, when no brace of it may stand in a string.
#[inline(always)]
pub(super) fn object_length<S: Simd>(simd: S, bytes: &[u8]) -> Option<usize> {
    let (mut levels, mut next) = (1_usize, 0);
    let (mut start, mut rest) = (0, bytes);
    loop {
        let (block, more) = next_block(simd, rest);
        let mut braces = (block.simd_eq(b'{') | block.simd_eq(b'}')).to_bitmask();
        while braces != 0 {
            let place = start + braces.trailing_zeros() as usize;
            braces &= braces - 1;
            let (before, brace) = bytes.split_at_checked(place)?;
            if brace.first() == Some(&b'{') {
                // A quote that ends a key.
                let is_value = matches!(before, [.., letter, _, b'"', b':'] if letter.is_ascii_alphanumeric());
                if !is_value {
                    return None;
                }
                levels += 1;
            } else {
                // A quote that comes after one of these may begin a string; after a backslash, it may be within one.
                let ends_string = matches!(before, [.., byte, _, b'"']
                    if !matches!(byte, b':' | b',' | b'[' | b'{' | b' ' | b'\\'));
                if !ends_string && place != next {
                    return None;
                }
                levels -= 1;
                if levels == 0 {
                    return Some(place + 1);
                }
            }
            next = place + 1;
        }
        if more.is_empty() {
            return None;
        }
        (start, rest) = (start + BLOCK, more);
    }
}
