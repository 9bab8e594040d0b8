//! The content of strings that is escaped in the one way that records in a batch mostly are.

use wide::u8x16;

/// How long the content of a string is with which `text` begins, when it is simple: without escapes but `\"`, and without
/// control characters. `None` when it is not, or does not end.
pub fn simple_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let next = bytes.get(1..)?;
    if bytes.first() == Some(&b'"') {
        return Some(0);
    }
    let mut seen = 0;
    let odd = loop {
        let Some(window) = bytes.get(seen..).and_then(|rest| rest.first_chunk::<{ BLOCK + 1 }>()) else {
            let pairs = bytes.get(seen..)?.iter().zip(next.get(seen..)?);
            let is_odd = |(byte, next): (&u8, &u8)| (*byte == b'\\') != (*next == b'"') || *byte <= 0x1f;
            break seen + pairs.into_iter().position(is_odd)?;
        };
        match first_odd(window.first_chunk()?, window.last_chunk()?) {
            BLOCK.. => seen += BLOCK,
            odd => break seen + odd,
        }
    };
    let length = odd + 1;
    let ends = bytes.get(length) == Some(&b'"') && bytes.get(odd).is_some_and(|last| *last > 0x1f);
    ends.then_some(length)
}

/// Bytes that are looked at together.
const BLOCK: usize = 64;

/// The place of the first byte of the block that is a backslash and its `next` no quote, or the other way round, or that is a
/// control character; [`BLOCK`] when there is none.
#[inline(always)]
fn first_odd(block: &[u8; BLOCK], next: &[u8; BLOCK]) -> usize {
    let (backslash, quote, last_control) = (u8x16::splat(b'\\'), u8x16::splat(b'"'), u8x16::splat(0x1f));
    let odd = |lane: &[u8; 16], next: &[u8; 16]| {
        let (lane, next) = (u8x16::new(*lane), u8x16::new(*next));
        (lane.simd_eq(backslash) ^ next.simd_eq(quote)) | lane.min(last_control).simd_eq(lane)
    };
    let [one, two, three, four] = block.as_chunks::<16>().0 else { return 0 };
    let [after_one, after_two, after_three, after_four] = next.as_chunks::<16>().0 else { return 0 };
    let (one, two, three, four) =
        (odd(one, after_one), odd(two, after_two), odd(three, after_three), odd(four, after_four));
    if (one | two | three | four).to_bitmask() == 0 {
        return BLOCK;
    }
    let bits = |lane: u8x16| u64::from(lane.to_bitmask());
    (bits(one) | bits(two) << 16 | bits(three) << 32 | bits(four) << 48).trailing_zeros() as usize
}
