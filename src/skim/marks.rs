//! The bytes at which reading over a string has to stop, 64 at a time.

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch};

use super::block::{BLOCK, next_block};

/// The quotes, backslashes and control characters among the bytes of one block.
#[derive(Debug)]
pub(super) struct Marks {
    /// Where the block begins; a multiple of its size.
    start: usize,
    /// One bit for each byte, the first lowest.
    bits: u64,
}

impl Default for Marks {
    fn default() -> Self {
        // No block begins there.
        Self { start: usize::MAX, bits: 0 }
    }
}

impl Marks {
    /// The place of the first mark in `bytes` at or after `from`; beyond the end when there is none.
    #[inline(always)]
    pub(super) fn next(&mut self, bytes: &[u8], from: usize) -> usize {
        if from.wrapping_sub(self.start) < BLOCK {
            let rest = self.bits >> (from % BLOCK);
            if rest != 0 {
                return from + rest.trailing_zeros() as usize;
            }
        }
        let (place, block) = dispatch!(Level::new(), simd => beyond(simd, bytes, from));
        *self = block;
        place
    }
}

/// The same, with the block in which it is. Handed over and not kept, so that the caller has both in registers.
#[inline(always)]
pub(super) fn beyond<S: Simd>(simd: S, bytes: &[u8], from: usize) -> (usize, Marks) {
    let mut start = from - from % BLOCK;
    let (mut bits, mut rest) = marks(simd, bytes.get(start..).unwrap_or_default());
    let mut wanted = bits & !0 << (from % BLOCK);
    while wanted == 0 {
        if rest.is_empty() {
            return (bytes.len(), Marks { start, bits });
        }
        start += BLOCK;
        (bits, rest) = marks(simd, rest);
        wanted = bits;
    }
    (start + wanted.trailing_zeros() as usize, Marks { start, bits })
}

/// The marks of the block with which `rest` begins, and what follows it.
#[inline(always)]
fn marks<S: Simd>(simd: S, rest: &[u8]) -> (u64, &[u8]) {
    let (block, rest) = next_block(simd, rest);
    let marks = block.simd_eq(b'"') | block.simd_eq(b'\\') | block.simd_le(0x1f);
    (marks.to_bitmask(), rest)
}
