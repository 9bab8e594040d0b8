//! Text in lower case.

use fearless_simd::{Level, Simd, dispatch};

/// Writes `text` in lower case at the end of `to`; says whether it is ASCII.
pub(super) fn append_in_lower_case(text: &str, to: &mut Vec<u8>) -> bool {
    let start = to.len();
    to.extend_from_slice(text.as_bytes());
    let written = to.get_mut(start..).unwrap_or_default();
    dispatch!(Level::new(), simd => in_lower_case(simd, written))
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

    use super::append_in_lower_case;

    proptest! {
        #[test]
        fn it_comes_to_the_same_as_a_letter_at_a_time(text in "[A-Za-z@\\[`{é ]{0,3}[ -~]{0,200}[é]?", before in "[a-z]{0,5}") {
            let mut to = before.clone().into_bytes();
            prop_assert_eq!(append_in_lower_case(&text, &mut to), text.is_ascii());
            prop_assert_eq!(to, (before + &text.to_ascii_lowercase()).into_bytes());
        }
    }
}
