//! Parsers for configuration values. Values that AWS would reject are errors here. Otherwise live state would be
//! unavailable, or findings could not be published.

use crate::arn::{Arn, is_account_id};
use crate::finding::Severity;

/// Parses the name of the role to assume in other accounts, with its path if it has one: `Reader`, `audit/Reader`.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html>
///
/// # Errors
/// Returns the reason if it is not valid.
pub fn member_role(name: &str) -> Result<String, &'static str> {
    const MAX_NAME: usize = 64;
    const MAX_PATH: usize = 510;
    if name.starts_with("arn:") {
        return Err("use the name of the role, not its ARN; it is the same in all accounts");
    }
    if name.starts_with('/') {
        return Err("remove the slash at the beginning: write a role with a path as `path/name`");
    }
    let (path, last) = name.rsplit_once('/').unwrap_or(("", name));
    if last.is_empty() || last.len() > MAX_NAME || path.len() > MAX_PATH {
        return Err("the name of a role has 1 to 64 characters, after a path of at most 510");
    }
    if !name.bytes().all(|byte| is_name_byte(byte) || byte == b'/') {
        return Err("the name of a role contains only letters, digits and _+=,.@-");
    }
    Ok(name.to_owned())
}

/// Parses the session name for assuming a role.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
///
/// # Errors
/// Returns the reason if it is not valid.
pub fn session_name(name: &str) -> Result<String, &'static str> {
    let is_valid = (2..=64).contains(&name.len()) && name.bytes().all(is_name_byte);
    is_valid.then(|| name.to_owned()).ok_or("the name of a session has 2 to 64 characters: letters, digits and _+=,.@-")
}

/// Parses the external id that the trust policy of a role requires.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
///
/// # Errors
/// Returns the reason if it is not valid.
pub fn external_id(id: &str) -> Result<String, &'static str> {
    let is_valid =
        (2..=1_224).contains(&id.len()) && id.bytes().all(|byte| is_name_byte(byte) || matches!(byte, b':' | b'/'));
    is_valid.then(|| id.to_owned()).ok_or("an external id has 2 to 1,224 characters: letters, digits and _+=,.@:/-")
}

/// Whether IAM and STS accept the byte in a name: `[\w+=,.@-]`.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte)
}

/// Parses the ARN of an SNS topic for findings.
///
/// # Errors
/// Returns the reason if it is not valid.
pub fn findings_topic(arn: &str) -> Result<String, &'static str> {
    let is_topic = is_topic(arn);
    is_topic.then(|| arn.to_owned()).ok_or("not the ARN of an SNS topic (arn:aws:sns:REGION:ACCOUNT:NAME)")
}

/// Returns the account of the topic with this ARN.
pub fn topic_account(arn: &str) -> Option<&str> {
    Arn::parse(arn).map(|arn| arn.account).filter(|account| !account.is_empty())
}

/// Parses the ARN of an SNS topic for alerts.
///
/// # Errors
/// Returns the reason if it is not valid.
pub fn alerts_topic(arn: &str) -> Result<String, &'static str> {
    if arn.ends_with(".fifo") {
        return Err("a FIFO topic cannot deliver to people; use a standard topic");
    }
    findings_topic(arn)
}

/// Parses the name or the ARN of an event bus.
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html>
///
/// # Errors
/// Returns the reason why it is neither.
pub(super) fn event_bus(text: &str) -> Result<String, &'static str> {
    const MAX_NAME: usize = 256;
    let name = match Arn::parse(text) {
        Some(Arn { service: "events", region, account, resource, .. })
            if !region.is_empty() && is_account_id(account) =>
        {
            resource.strip_prefix("event-bus/")
        }
        Some(_) => None,
        None => Some(text),
    };
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    let is_name = name.is_some_and(|name| (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(fits));
    is_name.then(|| text.to_owned()).ok_or("not the ARN of an event bus (arn:aws:events:REGION:ACCOUNT:event-bus/NAME)")
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
/// Returns the reason if it is not valid.
pub(super) fn log_streams(list: &str) -> Result<Vec<String>, &'static str> {
    let patterns: Vec<String> = list.split(',').map(|pattern| pattern.trim().to_owned()).collect();
    // https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogStream.html
    let is_name = |pattern: &String| !pattern.is_empty() && pattern.chars().count() <= 512 && !pattern.contains(':');
    let is_valid = patterns.iter().all(is_name);
    is_valid
        .then_some(patterns)
        .ok_or("use names of log streams, with wildcards * and ?, separated by commas; * matches every stream")
}

/// Parses the name of a severity, in any case.
///
/// # Errors
/// Returns the names of severities.
pub fn severity(name: &str) -> Result<Severity, &'static str> {
    let all = [Severity::Informational, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
    let named = all.into_iter().find(|severity| severity.caption().eq_ignore_ascii_case(name));
    named.ok_or("use Informational, Low, Medium, High or Critical")
}

/// Whether an ARN has the form `arn:PARTITION:sns:REGION:ACCOUNT:NAME`.
fn is_topic(arn: &str) -> bool {
    let Some(Arn { partition, service: "sns", region, account, resource: name }) = Arn::parse(arn) else {
        return false;
    };
    partition.starts_with("aws")
        && !region.is_empty()
        && is_account_id(account)
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_aws_accepts_are_valid() {
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
