//! The scans come to the same as one byte after another, on whatever the processor offers.

use fearless_simd::{Level, dispatch};
use proptest::prelude::*;

use super::block::until_backslash;
use super::glance::{glance, object_length};
use super::marks::{Marks, beyond};
use super::simple::first_odd;
use super::{Skim, simple_length};

/// The sets of instructions that this processor has.
fn levels() -> Vec<Level> {
    let best = Level::new();
    #[cfg(target_arch = "x86_64")]
    let lesser =
        [best.as_sse2().map(Level::Sse2), best.as_sse4_2().map(Level::Sse4_2), best.as_avx2().map(Level::Avx2)];
    #[cfg(not(target_arch = "x86_64"))]
    let lesser = [Some(Level::baseline())];
    lesser.into_iter().flatten().chain([best]).collect()
}

/// Texts as long as some blocks, most of them of one letter, so that what is sought may be anywhere.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "a{0,70}",
        2 => Just(r#"\""#.to_owned()),
        1 => r#"[\\"{}:, é\x1f\x00\n]"#,
        1 => Just(r#"a\":{"#.to_owned()),
        1 => Just(r#"a\"}"#.to_owned()),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn odd_by_bytes(bytes: &[u8]) -> Option<usize> {
    bytes.windows(2).position(|pair| (pair[0] == b'\\') != (pair[1] == b'"') || pair[0] <= 0x1f)
}

fn object_by_bytes(bytes: &[u8]) -> Option<usize> {
    let mut levels = 1;
    for (place, byte) in bytes.iter().enumerate() {
        let before = &bytes[..place];
        match byte {
            b'{' => {
                let ends_key = before.ends_with(b"\":") && place > 3 && before[place - 4].is_ascii_alphanumeric();
                if !ends_key {
                    return None;
                }
                levels += 1;
            }
            b'}' => {
                let ends_string = before.ends_with(b"\"") && place > 2 && !b":,[{ \\".contains(&before[place - 3]);
                let follows_brace = place == 0 || matches!(before[place - 1], b'{' | b'}');
                if !ends_string && !follows_brace {
                    return None;
                }
                levels -= 1;
                if levels == 0 {
                    return Some(place + 1);
                }
            }
            _ => {}
        }
    }
    None
}

fn check(text: &str) {
    let bytes = text.as_bytes();
    for level in levels() {
        let odd = dispatch!(level, simd => first_odd(simd, bytes));
        assert_eq!(odd, odd_by_bytes(bytes), "{level:?} {text:?}");
        let object = dispatch!(level, simd => object_length(simd, bytes));
        assert_eq!(object, object_by_bytes(bytes), "{level:?} {text:?}");
        let until = dispatch!(level, simd => until_backslash(simd, text));
        assert_eq!(until, text.find('\\').map(|place| text.split_at(place)), "{level:?} {text:?}");
        for from in (0..=bytes.len()).step_by(bytes.len() / 7 + 1) {
            let (place, _): (usize, Marks) = dispatch!(level, simd => beyond(simd, bytes, from));
            let is_mark = |byte: &u8| *byte <= 0x1f || [b'"', b'\\'].contains(byte);
            let expected = bytes[from..].iter().position(is_mark).map_or(bytes.len(), |place| from + place);
            assert_eq!(place, expected, "{level:?} {text:?} from {from}");
        }
    }
}

#[test]
fn what_is_sought_is_found_wherever_it_is() {
    for length in [0..20, 30..35, 62..67, 126..132, 190..194].into_iter().flatten() {
        check(&"a".repeat(length));
        for place in 0..length {
            for sought in ["\\", "\"", "\x1f", "{", "}", "\\\"", "\\\"}", "a\\\":{}}"] {
                if place + sought.len() <= length {
                    check(&format!("{}{sought}{}", "a".repeat(place), "a".repeat(length - place - sought.len())));
                }
            }
        }
    }
}

/// The content of strings as long as some blocks, with escapes of all kinds, and sometimes with what no string has.
fn contents() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "a{0,70}",
        4 => Just(r#"\""#.to_owned()),
        2 => prop::sample::select(vec![r"\\", r"\n", r"\u00e9", r#"\\\""#]).prop_map(str::to_owned),
        1 => prop::sample::select(vec!["\"", "\\", "\u{1}", r"\ud800", "é"]).prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn scans_come_to_the_same_as_bytes_do(text in texts()) {
        check(&text);
    }

    #[test]
    fn a_string_ends_where_it_does_however_much_of_it_is_simple(content in contents()) {
        let rest = format!("{content}\",");
        let text = format!("\"{rest}");
        let mut skim = Skim::new(&text);
        let end = match simple_length(&rest) {
            Ok(length) => Some(1 + length),
            Err(length) => {
                skim.go_to(1 + length);
                skim.string_from(1).map(|span| {
                    assert_eq!((span.start, skim.at()), (1, span.end + 1), "{text:?}");
                    assert_eq!(span.is_plain, !text.as_bytes()[1..span.end].contains(&b'\\'), "{text:?}");
                    span.end
                })
            }
        };
        prop_assert_eq!(end, Skim::new(&text).string().map(|span| span.end));
    }
}

#[test]
fn a_call_has_failed_when_a_code_stands_where_cloudtrail_writes_it() {
    let failed = |rest: &str| {
        let record = format!(
            r#"{{"eventVersion":"1.11","userIdentity":{{}},"eventTime":"2026-03-04T10:00:00Z","eventSource":"ec2.amazonaws.com","eventName":"RunInstances","awsRegion":"eu-west-1","sourceIPAddress":"198.51.100.23","userAgent":"aws-cli"{rest}}}"#
        );
        let escaped = record.replace('\\', r"\\").replace('"', "\\\"");
        glance(&escaped, false).unwrap().parts.unwrap().has_failed()
    };
    assert!(failed(r#","errorCode":"AccessDenied","requestParameters":null"#));
    for rest in [
        "",
        r#","errorCode":"","requestParameters":null"#,
        r#","errorCode":null"#,
        r#","errorCode":["AccessDenied"]"#,
        r#","errorCode":"\n""#,
        r#","requestParameters":{"errorCode":"AccessDenied"}"#,
        r#","errorMessage":"errorCode""#,
    ] {
        assert!(!failed(rest), "{rest}");
    }
}
