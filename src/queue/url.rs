//! The URL of a queue.

use std::fmt;
use std::str::FromStr;

use crate::arn::Arn;

/// The URL of a standard SQS queue, such as `https://sqs.eu-west-1.amazonaws.com/111122223333/failed`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueUrl(String);

impl FromStr for QueueUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let is_url = rest.and_then(|rest| rest.split_once('/')).is_some_and(|(host, path)| {
            let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_./".contains(character);
            !host.is_empty() && path.contains('/') && !path.ends_with('/') && path.chars().all(is_plain)
        });
        if !is_url {
            return Err("not the URL of an SQS queue (https://sqs.REGION.amazonaws.com/ACCOUNT/NAME); \
                        `aws sqs get-queue-url --queue-name NAME` prints it");
        }
        // A FIFO queue withholds later messages of a group until a message is deleted.
        if text.ends_with(".fifo") {
            return Err("a FIFO queue, which does not return all of its messages at once; \
                        the on-failure destination of a function is a standard queue");
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for QueueUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl QueueUrl {
    /// Whether it is the URL of the queue with this ARN: account and name are the same, and the Region, if the URL contains
    /// one.
    pub fn is_of(&self, arn: &str) -> bool {
        let Some(Arn { service: "sqs", region, account, resource: name, .. }) = Arn::parse(arn) else { return false };
        let mut parts = self.0.rsplit('/');
        parts.next() == Some(name) && parts.next() == Some(account) && self.region().is_none_or(|own| own == region)
    }

    /// The Region, if the host contains one: `sqs.REGION.…`, `sqs-fips.REGION.…`, either of them after the name of a VPC
    /// endpoint, or the older `REGION.queue.amazonaws.com`.
    /// <https://docs.aws.amazon.com/general/latest/gr/sqs-service.html>
    pub fn region(&self) -> Option<&str> {
        let host = self.0.split('/').nth(2)?;
        let mut labels = host.split('.');
        let first = host.split('.').next().filter(|_| host.split('.').nth(1) == Some("queue"));
        let after = labels.find(|label| matches!(*label, "sqs" | "sqs-fips")).and_then(|_| labels.next());
        after.or(first).filter(|label| is_region(label))
    }
}

/// Whether a label of a host has the form of a Region, such as `eu-west-1` or `us-gov-east-1`.
fn is_region(label: &str) -> bool {
    let mut parts = label.rsplit('-');
    let is_numbered =
        parts.next().is_some_and(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    let words: Vec<&str> = parts.collect();
    is_numbered && words.len() >= 2 && words.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(url: &str) -> Option<String> {
        url.parse::<QueueUrl>().unwrap().region().map(str::to_owned)
    }

    #[test]
    fn an_arn_is_that_of_the_queue() {
        let url: QueueUrl = "https://sqs.eu-west-1.amazonaws.com/111122223333/outbox".parse().unwrap();
        assert!(url.is_of("arn:aws:sqs:eu-west-1:111122223333:outbox"));
        for arn in [
            "arn:aws:sqs:eu-west-1:111122223333:other",
            "arn:aws:sqs:eu-west-1:444455556666:outbox",
            "arn:aws:sqs:us-east-1:111122223333:outbox",
            "arn:aws:sns:eu-west-1:111122223333:outbox",
            "",
        ] {
            assert!(!url.is_of(arn), "{arn}");
        }
    }

    #[test]
    fn the_region_is_read_from_the_host() {
        for (host, expected) in [
            ("https://sqs.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("https://sqs.us-gov-east-1.amazonaws.com", Some("us-gov-east-1")),
            ("https://sqs.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("https://sqs-fips.us-east-2.amazonaws.com", Some("us-east-2")),
            ("https://sqs.ap-southeast-4.api.aws", Some("ap-southeast-4")),
            ("https://vpce-0a1b-2c3d.sqs.us-west-2.vpce.amazonaws.com", Some("us-west-2")),
            ("https://eu-central-1.queue.amazonaws.com", Some("eu-central-1")),
            ("https://queue.amazonaws.com", None),
            ("https://sqs.amazonaws.com", None),
            ("https://sqs.example.org", None),
            ("http://127.0.0.1:4566", None),
        ] {
            assert_eq!(region(&format!("{host}/111122223333/failed")).as_deref(), expected, "{host}");
        }
    }

    #[test]
    fn only_urls_of_standard_queues_are_accepted() {
        for text in [
            "",
            "failed",
            "arn:aws:sqs:eu-west-1:111122223333:failed",
            "https://sqs.eu-west-1.amazonaws.com",
            "https://sqs.eu-west-1.amazonaws.com/failed",
            "https:///111122223333/failed",
            "https://sqs.eu-west-1.amazonaws.com/111122223333/\u{1b}[2J",
        ] {
            assert!(text.parse::<QueueUrl>().unwrap_err().starts_with("not the URL"), "{text}");
        }
        let fifo = "https://sqs.eu-west-1.amazonaws.com/111122223333/failed.fifo";
        assert!(fifo.parse::<QueueUrl>().unwrap_err().starts_with("a FIFO queue"));
    }
}
