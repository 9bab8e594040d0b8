//! What live state says of a finding.

use jiff::Timestamp;

/// What live state says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is so: somebody on the internet gets in.
    Confirmed,
    /// It is open, but nothing stands behind it, or a hop on the way is missing.
    Latent,
    /// It is open, and another layer blocks it.
    Mitigated,
    /// The state does not hold it any more.
    Remediated,
    /// Live state could not be read.
    Unknown,
}

impl Outcome {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Latent => "latent",
            Self::Mitigated => "mitigated",
            Self::Remediated => "remediated",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it makes the finding less bad, by one step. What is not known never does, and neither does what somebody
    /// has taken back: it was open for a while.
    pub(super) fn lowers(self) -> bool {
        matches!(self, Self::Latent | Self::Mitigated)
    }
}

/// The way from the internet to one network interface.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Path {
    /// `eni-…`
    pub interface: String,
    /// Its public address.
    pub address: String,
    /// What takes connections there, such as `i-…`, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// What gets there, such as `tcp port 22`.
    pub traffic: Vec<String>,
    /// Every hop from the internet on, in order, each in words.
    pub hops: Vec<String>,
}

impl std::fmt::Display for Path {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.hops.join(" > "))
    }
}

/// What live state says of a finding. All texts are safe to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// What it says.
    pub outcome: Outcome,
    /// The same as a sentence, with the reason.
    pub summary: String,
    /// The ways in, when it is confirmed that there are some. Not more than some; `summary` tells how many there are.
    pub paths: Vec<Path>,
    /// When the oldest answer that counted was true, where that is known.
    pub checked_at: Option<Timestamp>,
}
