//! Bytes of a text that are looked at together, a bit of a word each.
//!
//! What is generic over [`Simd`] is compiled once for each set of instructions, and `dispatch!` takes the best that the
//! processor has. All that it calls has to be inlined, or it would be compiled for any processor.

use fearless_simd::prelude::*;
use fearless_simd::u8x64;

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
            if let Some(beginning) = block.get_mut(..rest.len()) {
                beginning.copy_from_slice(rest);
            }
            (load(simd, &block), &[])
        }
    }
}

/// `text` up to the first backslash, and from there on.
#[inline(always)]
pub(super) fn until_backslash<S: Simd>(simd: S, text: &str) -> Option<(&str, &str)> {
    let (mut start, mut rest) = (0, text.as_bytes());
    loop {
        let (block, more) = next_block(simd, rest);
        let backslashes = block.simd_eq(b'\\').to_bitmask();
        if backslashes != 0 {
            return text.split_at_checked(start + backslashes.trailing_zeros() as usize);
        }
        if more.is_empty() {
            return None;
        }
        (start, rest) = (start + BLOCK, more);
    }
}
