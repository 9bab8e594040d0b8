//! The bytes at which reading over a string has to stop, 64 at a time.

use wide::u8x16;

/// Bytes that are looked at together, a bit of a word each.
const BLOCK: usize = 64;

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
        let (place, block) = beyond(bytes, from);
        *self = block;
        place
    }
}

/// The same, with the block in which it is. Handed over and not kept, so that the caller has both in registers.
#[inline(never)]
fn beyond(bytes: &[u8], from: usize) -> (usize, Marks) {
    let mut start = from - from % BLOCK;
    let mut wanted = !0 << (from % BLOCK);
    let mut rest = bytes.get(start..).unwrap_or_default();
    while let Some((block, more)) = rest.split_first_chunk::<BLOCK>() {
        let bits = marks(block);
        if bits & wanted != 0 {
            return (start + (bits & wanted).trailing_zeros() as usize, Marks { start, bits });
        }
        (start, wanted, rest) = (start + BLOCK, !0, more);
    }
    // What is beyond the end is no mark.
    let mut block = [b' '; BLOCK];
    block.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    let bits = marks(&block);
    let place = match bits & wanted {
        0 => bytes.len(),
        seen => start + seen.trailing_zeros() as usize,
    };
    (place, Marks { start, bits })
}

#[inline(always)]
fn marks(block: &[u8; BLOCK]) -> u64 {
    let (quote, backslash, last_control) = (u8x16::splat(b'"'), u8x16::splat(b'\\'), u8x16::splat(0x1f));
    let of = |lane: &[u8; 16]| {
        let lane = u8x16::new(*lane);
        let is_control = lane.min(last_control).simd_eq(lane);
        u64::from((lane.simd_eq(quote) | lane.simd_eq(backslash) | is_control).to_bitmask())
    };
    let (lanes, _) = block.as_chunks::<16>();
    let [one, two, three, four] = lanes else { return !0 };
    of(one) | of(two) << 16 | of(three) << 32 | of(four) << 48
}
