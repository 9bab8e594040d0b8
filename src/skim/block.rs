//! Bytes of a text that are looked at together, a bit of a word each.
//!
//! What is generic over [`Simd`] is compiled once for each set of instructions, and `dispatch!` takes the best that the
//! processor has. All that it calls has to be inlined, or it would be compiled for any processor.

use fearless_simd::prelude::*;
use fearless_simd::u8x64;
use memchr::memchr;

/// How many these are.
pub(super) const BLOCK: usize = 64;

#[inline(always)]
pub(super) fn load<S: Simd>(simd: S, block: &[u8; BLOCK]) -> u8x64<S> {
    u8x64::from_slice(simd, block)
}

/// The block with which `rest` begins, and what follows it. Blanks stand for what is beyond the end.
#[inline(always)]
pub(super) fn next_block<S: Simd>(simd: S, rest: &[u8]) -> (u8x64<S>, &[u8]) {
    match rest.split_first_chunk::<BLOCK>() {
        Some((block, rest)) => (load(simd, block), rest),
        None => {
            let mut block = [b' '; BLOCK];
            block.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            (load(simd, &block), &[])
        }
    }
}

/// `text` up to the first backslash, and from there on. Most are short.
#[inline(always)]
pub(super) fn until_backslash<S: Simd>(simd: S, text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let first = match bytes.first_chunk() {
        Some(block) => load(simd, block).simd_eq(b'\\').to_bitmask(),
        None => 0,
    };
    let length = if first == 0 { memchr(b'\\', bytes)? } else { first.trailing_zeros() as usize };
    text.split_at_checked(length)
}
