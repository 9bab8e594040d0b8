//! Reports: the findings of a run, summarised and written in formats for people and programs.
//!
//! In: findings, one at a time and in any number, and at the end the counts of the run. Out: text; callers print it.
//! Memory is bounded: findings are aggregated as they arrive, and each list has a maximum. When a maximum is reached, the
//! report says so.

mod counts;
mod csv;
mod details;
mod filter;
mod format;
mod github;
mod html;
mod json;
mod junit;
mod markdown;
mod problem;
mod sarif;
mod summary;
mod terminal;
mod time;
mod timeline;

use std::sync::Arc;

use jiff::Timestamp;

pub use counts::{SeverityCounts, ValueCounts};
pub use filter::{FindingFilter, StatusFilter};
pub use format::{Entry, Format};
pub use problem::{Details, Problem, Problems};
pub use summary::Summary;
pub use terminal::{Extent, PIPED_WIDTH, summary as terminal_summary};
pub use time::{DayEdge, instant};
pub use timeline::{Period, Timeline};

use crate::finding::RuleInfo;
use crate::pipeline::Tally;

/// Maximum number of rejections that are listed.
const MAX_REJECTIONS: usize = 1000;

/// What was not accepted as input.
#[derive(Debug, Clone, Default)]
pub struct Rejections {
    listed: Vec<String>,
    others: u64,
}

impl Rejections {
    /// Adds a rejection: where it is and why, with hidden characters escaped.
    pub fn add(&mut self, rejection: &str) {
        if self.listed.len() < MAX_REJECTIONS {
            self.listed.push(rejection.to_owned());
        } else {
            self.others += 1;
        }
    }

    /// The first ones.
    pub fn listed(&self) -> &[String] {
        &self.listed
    }

    /// Number of those that came after the maximum was reached.
    pub fn others(&self) -> u64 {
        self.others
    }
}

/// How much of the known sensitive API calls the rules cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CallCoverage {
    /// Number of sensitive calls that are known.
    pub sensitive: usize,
    /// Number of those that no rule covers.
    pub uncovered: usize,
}

/// A run, after its last finding.
#[derive(Debug, Default)]
pub struct Report {
    /// Its findings.
    pub summary: Summary,
    /// What became of its records.
    pub tally: Tally,
    /// What was not accepted as input.
    pub rejections: Rejections,
    /// Number of findings that the filters left out.
    pub left_out: u64,
    /// Whether everything could be evaluated.
    pub is_complete: bool,
    /// The rules that ran.
    pub rules: Vec<Arc<RuleInfo>>,
    /// How much of the known sensitive calls they cover.
    pub coverage: CallCoverage,
    /// When the run began.
    pub created: Timestamp,
}
