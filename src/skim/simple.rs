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
