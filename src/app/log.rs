//! The log of the Lambda functions.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Writes JSON lines to standard output. Dependencies log warnings and errors only: finer levels might contain payloads.
/// `binary` is the name of the binary.
pub fn write_json_lines(binary: &'static str, level: LevelFilter) {
    let ours = ["trailwarden", binary].map(|target| (target, level));
    let filter = Targets::new().with_default(level.min(LevelFilter::WARN)).with_targets(ours);
    let lines =
        tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(false).with_span_list(false);
    tracing_subscriber::registry().with(lines).with(filter).init();
}
