//! Amazon Resource Names and account ids.

/// The parts of an ARN: `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`. Any of them may be empty or contain wildcards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arn<'t> {
    /// Such as `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: &'t str,
    /// Such as `iam`.
    pub service: &'t str,
    /// Empty for global services.
    pub region: &'t str,
    /// Twelve digits, or empty where names are unique without it.
    pub account: &'t str,
    /// The rest, with its colons.
    pub resource: &'t str,
}

impl<'t> Arn<'t> {
    /// Splits an ARN. Returns `None` for text in any other form.
    pub fn parse(text: &'t str) -> Option<Self> {
        let mut parts = text.strip_prefix("arn:")?.splitn(5, ':');
        let mut part = || parts.next();
        Some(Self { partition: part()?, service: part()?, region: part()?, account: part()?, resource: part()? })
    }
}

/// Whether `text` is an account id: twelve digits.
pub fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_has_six_parts_and_the_last_keeps_its_colons() {
        let arn = Arn::parse("arn:aws:logs:eu-west-1:111122223333:log-group:/a/b:*").unwrap();
        let Arn { partition, service, region, account, resource } = arn;
        assert_eq!([partition, service, region, account], ["aws", "logs", "eu-west-1", "111122223333"]);
        assert_eq!(resource, "log-group:/a/b:*");
        assert_eq!(Arn::parse("arn:aws:s3:::bucket").map(|arn| (arn.account, arn.resource)), Some(("", "bucket")));
        for text in ["", "arn:", "arn:aws:iam::111122223333", "urn:aws:iam::111122223333:role/r"] {
            assert_eq!(Arn::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_account_id_has_twelve_digits() {
        assert!(is_account_id("111122223333"));
        for text in ["", "11112222333", "1111222233334", "11112222333x", "１11122223333"] {
            assert!(!is_account_id(text), "{text}");
        }
    }
}
