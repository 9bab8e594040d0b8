//! Text in lower case.

use fearless_simd::{Level, Simd, dispatch};

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

/// Compiled for each set of instructions, with which the compiler takes many bytes at a time.
#[inline(always)]
fn in_lower_case<S: Simd>(_: S, text: &mut [u8]) -> bool {
    let mut all = 0;
    for byte in text {
        all |= *byte;
        *byte = byte.to_ascii_lowercase();
    }
    all.is_ascii()
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
