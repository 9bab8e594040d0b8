//! The log streams whose events are evaluated.
//!
//! Whoever may call `logs:PutLogEvents` on CloudTrail's log group can add records of its own, usually to a stream of its own.

use std::fmt;
use std::sync::Arc;

use wildmatch::WildMatch;

/// CloudTrail's log streams (`111122223333_CloudTrail_eu-west-1_2`, for an organization's trail with the id of the
/// organization before it) and those that the Terraform module makes for heartbeats.
const STANDARD: [&str; 3] = ["????????????_CloudTrail_*", "o-*_????????????_CloudTrail_*", "*-heartbeat"];

/// Names of log streams, with `*` and `?`. Events of any other stream are rejected.
#[derive(Debug, Clone, PartialEq)]
pub struct LogStreams(Option<Arc<[WildMatch]>>);

impl LogStreams {
    /// Every log stream.
    pub const ALL: Self = Self(None);

    /// The streams of CloudTrail and of the Terraform module's heartbeats.
    pub fn standard() -> Self {
        Self::named(STANDARD)
    }

    /// The streams whose names match any of these patterns.
    pub fn named<'p>(patterns: impl IntoIterator<Item = &'p str>) -> Self {
        Self(Some(patterns.into_iter().map(WildMatch::new).collect()))
    }

    /// Whether events of the stream are evaluated.
    pub fn admit(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|patterns| patterns.iter().any(|pattern| pattern.matches(name)))
    }
}

impl fmt::Display for LogStreams {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let patterns = self.0.iter().flat_map(|patterns| patterns.iter()).map(ToString::to_string);
        formatter.write_str(&patterns.collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_cloudtrail_and_of_heartbeats_are_standard() {
        let standard = LogStreams::standard();
        for name in [
            "111122223333_CloudTrail_eu-west-1",
            "111122223333_CloudTrail_us-gov-west-1_3",
            "o-abc123def4_111122223333_CloudTrail_us-east-1",
            "trailwarden-heartbeat",
        ] {
            assert!(standard.admit(name), "{name}");
        }
        for name in
            ["", "s", "CloudTrail", "1_CloudTrail_eu-west-1", "x_111122223333_CloudTrail_eu-west-1", "heartbeat"]
        {
            assert!(!standard.admit(name), "{name}");
            assert!(LogStreams::ALL.admit(name), "{name}");
        }
    }
}
