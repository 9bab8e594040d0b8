//! Reports: the findings of a run, summarised and written in formats for people and programs.
//!
//! In: findings, one at a time and in any number, and at the end the counts of the run. Out: text; callers print it.
//! Memory is bounded: findings are aggregated as they arrive, and each list has a maximum. When a maximum is reached, the
//! report says so.

mod counts;
mod filter;
mod problem;
mod summary;
mod terminal;
mod time;
mod timeline;

pub use counts::{SeverityCounts, ValueCounts};
pub use filter::{FindingFilter, StatusFilter};
pub use problem::{Details, Problem, Problems};
pub use summary::Summary;
pub use terminal::{Extent, summary as terminal_summary};
pub use time::{DayEdge, instant};
pub use timeline::{Period, Timeline};
