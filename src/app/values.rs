//! Values that several sources of configuration have in common. A value that AWS would refuse is refused here: later it would
//! only cause live state to be unknown, or findings not to be published.

use crate::finding::Severity;

/// Parses the name of the role to assume in other accounts, with its path if it has one: `Reader`, `audit/Reader`.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html>
///
/// # Errors
/// Returns the reason why it is none.
pub fn member_role(name: &str) -> Result<String, &'static str> {
    const MAX_NAME: usize = 64;
    const MAX_PATH: usize = 510;
    if name.starts_with("arn:") {
        return Err("give the name of the role and not its ARN; it is the same in all accounts");
    }
    if name.starts_with('/') {
        return Err("give no slash at the beginning: a role with a path is named `path/name`");
    }
    let (path, last) = name.rsplit_once('/').unwrap_or(("", name));
    if last.is_empty() || last.len() > MAX_NAME || path.len() > MAX_PATH {
        return Err("the name of a role has 1 to 64 characters, after a path of at most 510");
    }
    if !name.bytes().all(|byte| is_of_a_name(byte) || byte == b'/') {
        return Err("the name of a role holds letters, digits and _+=,.@- only");
    }
    Ok(name.to_owned())
}

/// Parses the name of the sessions of that role.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
///
/// # Errors
/// Returns the reason why it is none.
pub fn session_name(name: &str) -> Result<String, &'static str> {
    let fits = (2..=64).contains(&name.len()) && name.bytes().all(is_of_a_name);
    fits.then(|| name.to_owned()).ok_or("the name of a session has 2 to 64 letters, digits and characters of _+=,.@-")
}

/// Parses the external id that the trust policy of that role requires.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
///
/// # Errors
/// Returns the reason why it is none.
pub fn external_id(id: &str) -> Result<String, &'static str> {
    let fits =
        (2..=1_224).contains(&id.len()) && id.bytes().all(|byte| is_of_a_name(byte) || matches!(byte, b':' | b'/'));
    fits.then(|| id.to_owned()).ok_or("an external id has 2 to 1,224 letters, digits and characters of _+=,.@:/-")
}

/// Whether IAM and STS accept the byte in a name: `[\w+=,.@-]`.
fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte)
}

/// Parses the ARN of an SNS topic for findings.
///
/// # Errors
/// Returns the reason why it is none.
pub fn findings_topic(arn: &str) -> Result<String, &'static str> {
    let is_topic = is_topic(arn);
    is_topic.then(|| arn.to_owned()).ok_or("not the ARN of an SNS topic (arn:aws:sns:REGION:ACCOUNT:NAME)")
}

/// Returns the account of the topic with this ARN.
pub fn topic_account(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|account| !account.is_empty())
}

/// Parses the ARN of an SNS topic for alerts.
///
/// # Errors
/// Returns the reason why it is none.
pub fn alerts_topic(arn: &str) -> Result<String, &'static str> {
    if arn.ends_with(".fifo") {
        return Err("a FIFO topic delivers to no person; give a standard topic");
    }
    findings_topic(arn)
}

/// Parses the name of a DynamoDB table.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html>
///
/// # Errors
/// Returns the reason why it is none.
pub(super) fn state_table(name: &str) -> Result<String, &'static str> {
    let fits = (3..=255).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    fits.then(|| name.to_owned())
        .ok_or("the name of a DynamoDB table has 3 to 255 letters, digits and characters of _.-")
}

/// Parses the minutes of a quiet period.
///
/// # Errors
/// Returns the reason why they are none.
pub(super) fn quiet_minutes(text: &str) -> Result<u16, &'static str> {
    let minutes = text.parse().ok().filter(|minutes| (1..=1_440).contains(minutes));
    minutes.ok_or("give a whole number from 1 to 1440")
}

/// Parses patterns of log streams, separated by commas.
///
/// # Errors
/// Returns the reason why it is none.
pub(super) fn log_streams(list: &str) -> Result<Vec<String>, &'static str> {
    let patterns: Vec<String> = list.split(',').map(|pattern| pattern.trim().to_owned()).collect();
    // https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogStream.html
    let is_name = |pattern: &String| !pattern.is_empty() && pattern.chars().count() <= 512 && !pattern.contains(':');
    let all = patterns.iter().all(is_name);
    all.then_some(patterns)
        .ok_or("give names of log streams, with * and ?, separated by commas; * alone is every stream")
}

/// Parses the name of a severity, in any case.
///
/// # Errors
/// Returns the names of severities.
pub fn severity(name: &str) -> Result<Severity, &'static str> {
    let all = [Severity::Informational, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
    let named = all.into_iter().find(|severity| severity.caption().eq_ignore_ascii_case(name));
    named.ok_or("give Informational, Low, Medium, High or Critical")
}

/// `arn:PARTITION:sns:REGION:ACCOUNT:NAME`
fn is_topic(arn: &str) -> bool {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts.as_slice() {
        ["arn", partition, "sns", region, account, name] => {
            partition.starts_with("aws")
                && !region.is_empty()
                && account.len() == 12
                && account.chars().all(|digit| digit.is_ascii_digit())
                && !name.is_empty()
                && name.chars().all(|one| one.is_ascii_alphanumeric() || "-_.".contains(one))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_aws_takes_is_taken() {
        let longest = "x".repeat(64);
        let too_long = "x".repeat(65);
        for name in ["Reader", "audit/Reader", "a/b/c_+=,.@-", &longest] {
            assert_eq!(member_role(name).as_deref(), Ok(name));
        }
        for name in ["", "arn:aws:iam::1:role/Reader", "/Reader", "audit/", "Read er", "R\u{e9}ader", "R*", &too_long] {
            assert!(member_role(name).is_err(), "{name}");
        }
        for name in ["tw", "user@example.com", &longest] {
            assert_eq!(session_name(name).as_deref(), Ok(name));
        }
        for name in ["", "x", "a/b", "a b", "a:b", &too_long] {
            assert!(session_name(name).is_err(), "{name}");
        }
        assert!(external_id("arn:aws/x:1").is_ok());
        for id in ["", "x", "a b", "a*", &"x".repeat(1_225)] {
            assert!(external_id(id).is_err(), "{id}");
        }
    }
}
