//! Parses times as people write them.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan as _};

/// The edge of a day, for a date without a time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayEdge {
    /// The first moment.
    Start,
    /// The last moment.
    End,
}

/// Parses a time: `2026-03-04T10:00:00Z`, `2026-03-04 10:00` or `2026-03-04` in UTC, `today`, `yesterday`, or a time before
/// `now` such as `2 days ago` or `36h`.
///
/// # Errors
/// Returns a message with the accepted forms.
pub fn instant(text: &str, now: Timestamp, edge: DayEdge) -> Result<Timestamp, String> {
    let text = text.trim();
    let is_day = text.len() == "2026-03-04".len() && text.starts_with(|first: char| first.is_ascii_digit());
    let today = now.to_zoned(TimeZone::UTC).date();
    let found = match text {
        "now" => Some(now),
        "today" => day_edge(today, edge),
        "yesterday" => today.yesterday().ok().and_then(|day| day_edge(day, edge)),
        _ if is_day && text.parse::<Date>().is_ok() => text.parse().ok().and_then(|day| day_edge(day, edge)),
        _ => text
            .parse()
            .ok()
            .or_else(|| text.parse::<DateTime>().ok().and_then(utc_timestamp))
            .or_else(|| text.parse::<Span>().ok().and_then(|span| before(now, span))),
    };
    let expected = "expected a time such as `2026-03-04`, `2026-03-04T10:00:00Z` or `2 days ago`";
    found.ok_or_else(|| expected.to_owned())
}

/// Returns the first or last moment of a day in UTC.
fn day_edge(day: Date, edge: DayEdge) -> Option<Timestamp> {
    match edge {
        DayEdge::Start => utc_timestamp(day.into()),
        DayEdge::End => utc_timestamp(day.tomorrow().ok()?.into())?.checked_sub(1.nanosecond()).ok(),
    }
}

fn utc_timestamp(clock: DateTime) -> Option<Timestamp> {
    Some(clock.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// Subtracts a span from `now`, whether it is written as `2 days ago` or `2 days`.
fn before(now: Timestamp, span: Span) -> Option<Timestamp> {
    Some(now.to_zoned(TimeZone::UTC).checked_sub(span.abs()).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let now: Timestamp = "2026-03-04T10:30:00Z".parse().unwrap();
        for (text, start) in [
            ("2026-02-01", "2026-02-01T00:00:00Z"),
            ("2026-02-01T12:00:00Z", "2026-02-01T12:00:00Z"),
            ("2026-02-01T12:00:00+02:00", "2026-02-01T10:00:00Z"),
            ("2026-02-01T12:00", "2026-02-01T12:00:00Z"),
            ("2026-02-01 12:00", "2026-02-01T12:00:00Z"),
            ("2 days ago", "2026-03-02T10:30:00Z"),
            ("1 week ago", "2026-02-25T10:30:00Z"),
            ("3 months ago", "2025-12-04T10:30:00Z"),
            ("36h", "2026-03-02T22:30:00Z"),
            ("now", "2026-03-04T10:30:00Z"),
            ("today", "2026-03-04T00:00:00Z"),
            ("yesterday", "2026-03-03T00:00:00Z"),
        ] {
            assert_eq!(instant(text, now, DayEdge::Start).map(|time| time.to_string()), Ok(start.to_owned()), "{text}");
        }
        let end = |text| instant(text, now, DayEdge::End).unwrap().to_string();
        assert_eq!(end("2026-02-01"), "2026-02-01T23:59:59.999999999Z");
        assert_eq!(end("yesterday"), "2026-03-03T23:59:59.999999999Z");
        assert_eq!(end("2026-02-01T12:00:00Z"), "2026-02-01T12:00:00Z");
    }

    #[test]
    fn other_text_is_rejected() {
        let now: Timestamp = "2026-03-04T10:30:00Z".parse().unwrap();
        for text in ["", "soon", "2026-02-30", "2026-13-01T00:00:00Z", "99999 years ago", "-"] {
            assert!(instant(text, now, DayEdge::Start).is_err(), "{text}");
        }
    }
}
