//! The verification of a finding by live state.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The result of verifying a finding against live state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The finding is true now: somebody on the internet gets in.
    Confirmed,
    /// It is open, but no resource uses it, or a hop of the path is missing.
    Latent,
    /// It is open, but another layer blocks it.
    Mitigated,
    /// It has been reverted.
    Remediated,
    /// Live state could not be read.
    Unknown,
}

impl Outcome {
    /// The name in OCSF documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Latent => "latent",
            Self::Mitigated => "mitigated",
            Self::Remediated => "remediated",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it lowers the severity by one step. An unknown result never does, and neither does a reverted change: it was
    /// open for a while.
    pub(super) fn lowers(self) -> bool {
        matches!(self, Self::Latent | Self::Mitigated)
    }
}

/// A path from the internet to one network interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Path {
    /// `eni-…`
    pub interface: String,
    /// Its public IP address.
    pub address: String,
    /// The instance it is attached to, such as `i-…`, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The traffic that reaches it, such as `tcp port 22`.
    pub traffic: Vec<String>,
    /// Every hop from the internet in order, as text.
    pub hops: Vec<String>,
}

impl std::fmt::Display for Path {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.hops.join(" > "))
    }
}

/// The verification of a finding by live state. All texts are safe to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// The result.
    pub outcome: Outcome,
    /// The result as a sentence, with the reason.
    pub summary: String,
    /// Paths from the internet if there are any. Their number is limited; `summary` contains the total.
    pub paths: Vec<Path>,
    /// The time of the oldest response that was used, if known.
    pub checked_at: Option<Timestamp>,
}
