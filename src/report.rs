//! Reports: a summary of the findings of a run, in formats for people and programs.
//!
//! In: findings, one at a time, and at the end the counts of the run. Out: text, which callers print. Memory is bounded:
//! findings are aggregated as they arrive, and each list has a maximum length. A report mentions entries beyond that
//! length.

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
pub use problem::{Problem, ProblemDetail, Problems};
pub use summary::Summary;
pub use terminal::{Extent, PIPED_WIDTH, summary as terminal_summary};
pub use time::{DayEdge, instant};
pub use timeline::{Period, Timeline};

use crate::finding::RuleInfo;
use crate::pipeline::Tally;

/// Maximum number of listed rejections.
const MAX_REJECTIONS: usize = 1000;

/// Input that was not accepted.
#[derive(Debug, Clone, Default)]
pub struct Rejections {
    listed: Vec<String>,
    unlisted: u64,
}

impl Rejections {
    /// Adds a rejection: its position and reason, with hidden characters escaped.
    pub fn add(&mut self, rejection: &str) {
        if self.listed.len() < MAX_REJECTIONS {
            self.listed.push(rejection.to_owned());
        } else {
            self.unlisted += 1;
        }
    }

    /// Returns the first rejections, up to the maximum.
    pub fn listed(&self) -> &[String] {
        &self.listed
    }

    /// Returns the number of rejections beyond the maximum.
    pub fn unlisted(&self) -> u64 {
        self.unlisted
    }
}

/// The coverage of known sensitive API calls by the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CallCoverage {
    /// Number of known sensitive calls.
    pub sensitive: usize,
    /// Number of sensitive calls that no rule covers.
    pub uncovered: usize,
}

/// The results of a completed run.
#[derive(Debug, Default)]
pub struct Report {
    /// The summary of its findings.
    pub summary: Summary,
    /// The counts of its records.
    pub tally: Tally,
    /// Input that was not accepted.
    pub rejections: Rejections,
    /// Number of findings that do not match the filters.
    pub filtered_out: u64,
    /// Whether all input could be evaluated.
    pub is_complete: bool,
    /// The rules that ran.
    pub rules: Vec<Arc<RuleInfo>>,
    /// The coverage of known sensitive calls by these rules.
    pub coverage: CallCoverage,
    /// The start of the run.
    pub created: Timestamp,
}
