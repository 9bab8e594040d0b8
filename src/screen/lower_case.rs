//! Text in lower case.

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, u8x64};

/// Bytes that are looked at together.
const BLOCK: usize = 64;

/// Writes `texts` over what is in `to`, in lower case and each on a line of its own, so that nothing is found where two of
/// them meet; says whether they are ASCII.
pub(super) fn write_in_lower_case(texts: &[&str], to: &mut Vec<u8>) -> bool {
    to.clear();
    for text in texts {
        to.extend_from_slice(text.as_bytes());
        to.push(b'\n');
    }
    dispatch!(Level::new(), simd => in_lower_case(simd, to))
}

#[inline(always)]
fn in_lower_case<S: Simd>(simd: S, text: &mut [u8]) -> bool {
    let mut all = u8x64::splat(simd, 0);
    let (blocks, rest) = text.as_chunks_mut();
    for block in blocks {
        all |= block_in_lower_case(simd, block);
    }
    let mut last = [0; BLOCK];
    if let Some(beginning) = last.get_mut(..rest.len()) {
        beginning.copy_from_slice(rest);
    }
    all |= block_in_lower_case(simd, &mut last);
    if let Some(beginning) = last.get(..rest.len()) {
        rest.copy_from_slice(beginning);
    }
    !all.simd_ge(0x80).any_true()
}

/// Gives back what was there.
#[inline(always)]
fn block_in_lower_case<S: Simd>(simd: S, block: &mut [u8; BLOCK]) -> u8x64<S> {
    let bytes = u8x64::from_slice(simd, block);
    let is_upper = bytes.simd_ge(b'A') & bytes.simd_le(b'Z');
    is_upper.select(bytes | 0x20, bytes).store_slice(block);
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::write_in_lower_case;

    proptest! {
        #[test]
        fn it_comes_to_the_same_as_a_letter_at_a_time(
            texts in prop::collection::vec("[A-Za-z@\\[`{é ]{0,3}[ -~]{0,150}[é]?", 0..4),
        ) {
            let mut to = b"what was there".to_vec();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            prop_assert_eq!(write_in_lower_case(&texts, &mut to), texts.iter().all(|text| text.is_ascii()));
            let lines: String = texts.iter().map(|text| text.to_ascii_lowercase() + "\n").collect();
            prop_assert_eq!(String::from_utf8(to).unwrap(), lines);
        }
    }
}
