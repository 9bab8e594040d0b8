//! The names of the log files that CloudTrail delivers to S3.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// How long after an event its log file may be delivered, in hours. CloudTrail delivers within minutes as a rule, and later
/// when a service or the delivery had a problem.
const LATEST_DELIVERY: i64 = 24;

/// What the name of a log file says about its records:
/// `111122223333_CloudTrail_eu-west-1_20260304T1005Z_UNIQUE.json.gz`.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html#cloudtrail-log-filename-format>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFileName {
    /// The account whose records it contains.
    pub account: String,
    /// The Region that its records name.
    pub region: String,
    /// When it was delivered, to the minute.
    pub delivered: Timestamp,
}

impl LogFileName {
    /// Reads the name of an object. `None` if it is not named as a log file.
    pub fn of_key(key: &str) -> Option<Self> {
        let name = key.rsplit('/').next()?;
        let mut parts = name.split('_');
        let (account, log, region, time) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_account = account.len() == 12 && account.bytes().all(|one| one.is_ascii_digit());
        if !is_account || !log.starts_with("CloudTrail") || region.is_empty() {
            return None;
        }
        let delivered = DateTime::strptime("%Y%m%dT%H%MZ", time).ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp();
        Some(Self { account: account.to_owned(), region: region.to_owned(), delivered })
    }

    /// Whether it may contain records of events between `since` and `until`. A log file contains events before its delivery.
    pub fn may_contain_events(&self, since: Option<Timestamp>, until: Option<Timestamp>) -> bool {
        let hours = |time: Timestamp, hours: i64| {
            jiff::SignedDuration::try_from_hours(hours).and_then(|hours| time.checked_add(hours).ok())
        };
        // The clock of a service may be ahead.
        let is_late_enough = since.is_none_or(|since| hours(self.delivered, 1).is_none_or(|latest| since <= latest));
        let is_early_enough =
            until.is_none_or(|until| hours(until, LATEST_DELIVERY).is_none_or(|latest| self.delivered <= latest));
        is_late_enough && is_early_enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Option<Timestamp> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn the_name_of_a_log_file_is_read_whatever_folder_it_is_in() {
        let expected = LogFileName {
            account: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
            delivered: time("2026-03-04T10:05:00Z").unwrap(),
        };
        for key in [
            "111122223333_CloudTrail_eu-west-1_20260304T1005Z_abc.json.gz",
            "logs/AWSLogs/o-abcdefghij/111122223333/CloudTrail/eu-west-1/2026/03/04/111122223333_CloudTrail_eu-west-1_20260304T1005Z_a_b.json.gz",
        ] {
            assert_eq!(LogFileName::of_key(key), Some(expected.clone()), "{key}");
        }
        for key in [
            "",
            "logs/a.json",
            "11112222333_CloudTrail_eu-west-1_20260304T1005Z_abc.json.gz",
            "111122223333_Config_eu-west-1_ConfigSnapshot_20260304T100500Z_a.json.gz",
            "111122223333_CloudTrail_eu-west-1_20261304T1005Z_abc.json.gz",
            "111122223333_CloudTrail_eu-west-1",
        ] {
            assert_eq!(LogFileName::of_key(key), None, "{key}");
        }
    }

    #[test]
    fn a_log_file_contains_events_of_the_day_before_its_delivery() {
        let file = LogFileName::of_key("111122223333_CloudTrail_eu-west-1_20260304T1005Z_abc.json.gz").unwrap();
        for (since, until, expected) in [
            (None, None, true),
            (time("2026-03-04T10:00:00Z"), None, true),
            (time("2026-03-04T11:05:00Z"), None, true),
            (time("2026-03-04T11:06:00Z"), None, false),
            (None, time("2026-03-04T00:00:00Z"), true),
            (None, time("2026-03-03T10:05:00Z"), true),
            (None, time("2026-03-03T10:04:00Z"), false),
            (Some(Timestamp::MIN), Some(Timestamp::MAX), true),
        ] {
            assert_eq!(file.may_contain_events(since, until), expected, "{since:?} {until:?}");
        }
    }
}
