//! The content of strings that is escaped in the one way that records in a batch mostly are.

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch};

use super::block::{BLOCK, load};

/// How long the content of a string is with which `text` begins, when it is simple: without escapes but `\"`, and without
/// control characters.
///
/// # Errors
/// When not all of it is, a place up to which it is, which cuts no escape in two; 0 when it does not end.
pub fn simple_length(text: &str) -> Result<usize, usize> {
    let bytes = text.as_bytes();
    if bytes.first().ok_or(0_usize)? == &b'"' {
        return Ok(0);
    }
    let odd = dispatch!(Level::new(), simd => first_odd(simd, bytes)).ok_or(0_usize)?;
    let length = odd + 1;
    let ends = bytes.get(length) == Some(&b'"') && bytes.get(odd).is_some_and(|last| *last > 0x1f);
    // What is odd and does not end it is a control character, or a backslash that begins another escape.
    if ends { Ok(length) } else { Err(odd) }
}

/// The place of the first odd byte: a backslash when the next is no quote, or the other way round, or a control character.
/// The last byte, which no other follows, is not looked at.
#[inline(always)]
pub(super) fn first_odd<S: Simd>(simd: S, bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    // Two blocks at a time, until there is something odd in one of them.
    while let Some(window) = rest.first_chunk::<{ 2 * BLOCK + 1 }>() {
        let (one, two) =
            (load(simd, window.first_chunk()?), load(simd, window.last_chunk::<{ BLOCK + 1 }>()?.first_chunk()?));
        let (after_one, after_two) = (load(simd, window.get(1..)?.first_chunk()?), load(simd, window.last_chunk()?));
        let odd = (one.simd_eq(b'\\') ^ after_one.simd_eq(b'"')) | (two.simd_eq(b'\\') ^ after_two.simd_eq(b'"'));
        if (odd | one.min(two).simd_le(0x1f)).any_true() {
            break;
        }
        rest = rest.get(2 * BLOCK..)?;
    }
    while let Some(window) = rest.first_chunk::<{ BLOCK + 1 }>() {
        let (block, next) = (load(simd, window.first_chunk()?), load(simd, window.last_chunk()?));
        let odd = (block.simd_eq(b'\\') ^ next.simd_eq(b'"')) | block.simd_le(0x1f);
        if odd.any_true() {
            return Some(bytes.len() - rest.len() + odd.to_bitmask().trailing_zeros() as usize);
        }
        rest = rest.get(BLOCK..)?;
    }
    let is_odd = |pair: &[u8]| matches!(pair, [byte, next] if (*byte == b'\\') != (*next == b'"') || *byte <= 0x1f);
    Some(bytes.len() - rest.len() + rest.windows(2).position(is_odd)?)
}
