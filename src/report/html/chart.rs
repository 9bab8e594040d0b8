//! Charts as inline SVG. Labels are HTML outside the SVG, so that they wrap and are not scaled.

use jiff::tz::TimeZone;
use maud::{Markup, html};

use super::super::{SeverityCounts, Timeline, ValueCounts, json};

/// Maximum number of bars.
const MAX_BARS: usize = 60;

/// Width and height of the drawing, in SVG units.
const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 100.0;

/// Maximum width of a bar, in the same units.
const MAX_BAR_WIDTH: f64 = 60.0;

/// Renders findings over time: a bar per period, stacked by severity.
pub(super) fn timeline(timeline: &Timeline) -> Markup {
    let (length, periods) = timeline.periods(MAX_BARS);
    let max_count = periods.iter().map(|period| period.counts.total()).max().unwrap_or_default();
    let (Some(first), Some(last)) = (periods.first(), periods.last()) else { return html! {} };
    let unit = match length {
        3600 => "hour",
        86_400 => "day",
        604_800 => "week",
        2_419_200 => "four weeks",
        31_449_600 => "52 weeks",
        _ => "ten years",
    };
    let label = |start: jiff::Timestamp| {
        let format = if length == 3600 { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d" };
        start.to_zoned(TimeZone::UTC).strftime(format).to_string()
    };
    let (first, last) = (label(first.start), label(last.start));
    let title = format!("Findings per {unit}, from {first} to {last}; up to {max_count}");
    let step = WIDTH / ratio_of(periods.len());
    let width = (step * 0.8).min(MAX_BAR_WIDTH);
    html! {
        figure.card.timeline {
            h3 { "Findings over time" }
            div.ends { span { "up to " (max_count) " per " (unit) } }
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img" aria-label=(title) {
                @for (index, period) in periods.iter().enumerate() {
                    @for (severity, below, count) in stacked(&period.counts) {
                        @let height = HEIGHT * share(count, max_count);
                        @let top = HEIGHT - HEIGHT * share(below, max_count) - height;
                        rect class=(json::severity(severity)) x=(rounded(ratio_of(index) * step + (step - width) / 2.0)) y=(rounded(top))
                            width=(rounded(width)) height=(rounded(height)) {}
                    }
                }
            }
            div.ends { span { (first) } span { (last) } }
            ul.legend {
                @for severity in SeverityCounts::SEVERITIES {
                    li { svg viewBox="0 0 1 1" aria-hidden="true" { rect class=(json::severity(severity)) width="1" height="1" {} } (severity.caption()) }
                }
            }
            @if timeline.undated() > 0 { p.muted { (timeline.undated()) " findings have no time." } }
        }
    }
}

/// Returns each severity in a bar, with the number of findings below it and its own, the highest severity at the bottom.
fn stacked(counts: &SeverityCounts) -> Vec<(crate::finding::Severity, u64, u64)> {
    let mut below = 0;
    let mut parts = Vec::new();
    for (severity, count) in counts.iter().filter(|(_, count)| *count > 0) {
        parts.push((severity, below, count));
        below += count;
    }
    parts
}

/// Renders a table of the most frequent values, with a bar for each.
pub(super) fn bars(title: &str, column: &str, counts: &ValueCounts, max: usize) -> Markup {
    let values = counts.by_frequency();
    let max_count = values.first().map_or(1, |(_, count)| *count);
    let rest = values.get(max..).unwrap_or_default();
    let others = rest.iter().map(|(_, count)| count).sum::<u64>() + counts.unlisted();
    html! {
        div.card {
            h3 { (title) }
            table {
                thead { tr { th scope="col" { (column) } td.bar {} th.number scope="col" { "Findings" } } }
                tbody {
                    @for (value, count) in values.iter().take(max) {
                        tr {
                            td { (value) }
                            td.bar {
                                svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" {
                                    rect width=(rounded(100.0 * share(*count, max_count))) height="10" {}
                                }
                            }
                            td.number { (count) }
                        }
                    }
                    @if others > 0 { tr { td { "Others" } td.bar {} td.number { (others) } } }
                }
            }
        }
    }
}

fn share(count: u64, total: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a drawing is not that precise")]
    let share = count as f64 / total.max(1) as f64;
    share
}

fn ratio_of(count: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a drawing is not that precise")]
    let ratio = count as f64;
    ratio
}

/// Formats a number with two decimal places.
fn rounded(number: f64) -> String {
    format!("{number:.2}")
}
