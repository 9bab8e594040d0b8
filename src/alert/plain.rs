//! Text from records as text alone: nothing that a mail program, a chat application or a phone makes a link or a picture of.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::{Captures, Match, Regex};

/// Host names that mail programs make links of, `evil.example` among them.
#[expect(clippy::expect_used, reason = "the expression is constant and covered by tests")]
static HOST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?\.)+(?:\p{L}{2,24}|xn--[\p{L}\p{N}-]+)").expect("valid")
});

/// Beginnings of paths into a record. The host pattern finds `requestParameters.ipPermissions` in them.
const RECORD_FIELDS: [&str; 4] = ["requestParameters.", "responseElements.", "userIdentity.", "additionalEventData."];

/// A name of an emoji, which chat applications show as a picture. It has a letter, unlike the minutes of a time, and begins
/// a word, unlike the parts of an ARN or of an OIDC subject.
#[expect(clippy::expect_used, reason = "the expression is constant and covered by tests")]
static EMOJI_NAME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(^|[^\p{L}\p{N}:]):([a-z0-9_+\-]*[a-z][a-z0-9_+\-]*):").expect("valid"));

/// Host names of AWS, which services are named by.
const AWS_HOSTS: [&str; 4] = ["amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "api.aws"];

/// The text with `evil[.]example` for `evil.example` and `\u{1f600}` for pictures. Host names of AWS, mail addresses and
/// the names in `keep` stay as they are.
pub(super) fn defused(text: &str, keep: &[&str]) -> String {
    let stays = |host: &Match<'_>| {
        let before = text.get(..host.start()).unwrap_or_default();
        let is_of = |suffix: &str| {
            host.as_str().strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let is_address = before.ends_with('@');
        let is_path = before.ends_with("].") || RECORD_FIELDS.iter().any(|field| host.as_str().starts_with(field));
        is_address || is_path || AWS_HOSTS.iter().any(|suffix| is_of(suffix)) || keep.contains(&host.as_str())
    };
    let hosts = HOST.replace_all(text, |captures: &Captures<'_>| match captures.get(0) {
        Some(host) if !stays(&host) => match host.as_str().rsplit_once('.') {
            Some((name, top)) => format!("{name}[.]{top}"),
            None => host.as_str().to_owned(),
        },
        host => host.map_or_else(String::new, |host| host.as_str().to_owned()),
    });
    without_pictures(&hosts.replace("://", "[:]//")).into_owned()
}

/// The text with emoji spelled out by their code points.
pub(super) fn without_pictures(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    for one in text.chars() {
        if matches!(one, '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
        {
            // Writing to a String cannot fail.
            let _ = write!(plain, "\\u{{{:x}}}", u32::from(one));
        } else {
            plain.push(one);
        }
    }
    Cow::Owned(plain)
}

/// The text with the names of emoji, such as `:white_check_mark:`, taken apart.
pub(super) fn without_emoji_names(text: &str) -> Cow<'_, str> {
    EMOJI_NAME.replace_all(text, "$1\u{2236}$2\u{2236}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_of_others_are_no_links() {
        assert_eq!(
            defused("role/evil.example and https://a.b.evil.co.uk/x", &[]),
            "role/evil[.]example and https[:]//a.b.evil.co[.]uk/x"
        );
        assert_eq!(defused("büro.xn--80ak6aa92e", &[]), "büro[.]xn--80ak6aa92e");
        assert_eq!(defused("notamazonaws.com", &[]), "notamazonaws[.]com");
        assert_eq!(defused("ec2.amazonaws.com by dana@example.com", &[]), "ec2.amazonaws.com by dana@example.com");
        assert_eq!(
            defused("exposure.ingress.world is admin", &["exposure.ingress.world"]),
            "exposure.ingress.world is admin"
        );
        assert_eq!(defused("198.51.100.7/32 with aws-cli/2.24.0", &[]), "198.51.100.7/32 with aws-cli/2.24.0");
    }

    #[test]
    fn pictures_are_spelled_out() {
        assert_eq!(defused("\u{2705} resolved \u{1f600}", &[]), "\\u{2705} resolved \\u{1f600}");
        assert_eq!(defused("Zoë, 東京", &[]), "Zoë, 東京");
        assert_eq!(
            without_emoji_names(":ok: all :white_check_mark: 10:00:01 arn:aws:iam::1:role/x repo:o/r:ref:x"),
            "\u{2236}ok\u{2236} all \u{2236}white_check_mark\u{2236} 10:00:01 arn:aws:iam::1:role/x repo:o/r:ref:x"
        );
    }
}
