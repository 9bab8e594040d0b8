//! Counts findings over time, in periods whose length grows with the time range.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::SeverityCounts;
use crate::finding::Severity;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// Lengths of a period, in seconds. Each is a multiple of the one before it.
const LENGTHS: [i64; 6] = [HOUR, DAY, 7 * DAY, 28 * DAY, 364 * DAY, 3640 * DAY];

/// Seconds from a Monday to 1970-01-01, a Thursday. Periods of weeks begin on Mondays.
const SINCE_MONDAY: i64 = 3 * DAY;

/// Maximum number of stored periods.
const MAX_PERIODS: usize = 4096;

/// Number of findings in each period.
#[derive(Debug, Clone)]
pub struct Timeline {
    length: i64,
    /// Counts by period number.
    counts: BTreeMap<i64, SeverityCounts>,
    undated: u64,
}

/// A period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// Its first moment.
    pub start: Timestamp,
    /// Its findings.
    pub counts: SeverityCounts,
}

impl Default for Timeline {
    fn default() -> Self {
        Self { length: HOUR, counts: BTreeMap::new(), undated: 0 }
    }
}

impl Timeline {
    /// Counts a finding.
    pub fn add(&mut self, time: Option<Timestamp>, severity: Severity) {
        let Some(time) = time else {
            self.undated += 1;
            return;
        };
        self.counts.entry((time.as_second() + SINCE_MONDAY).div_euclid(self.length)).or_default().add(severity);
        while self.counts.len() > MAX_PERIODS && self.lengthen() {}
    }

    /// Returns the number of findings without a time.
    pub fn undated(&self) -> u64 {
        self.undated
    }

    /// Switches to the next length. Returns false if there is none.
    fn lengthen(&mut self) -> bool {
        let Some(length) = LENGTHS.into_iter().find(|length| *length > self.length) else { return false };
        let factor = length / self.length;
        let mut longer: BTreeMap<i64, SeverityCounts> = BTreeMap::new();
        for (number, counts) in &self.counts {
            longer.entry(number.div_euclid(factor)).or_default().merge(counts);
        }
        (self.length, self.counts) = (length, longer);
        true
    }

    /// Returns the length of a period in seconds, and every period from the first finding to the last. There are at most
    /// `max` periods unless even the greatest length yields more.
    pub fn periods(&self, max: usize) -> (i64, Vec<Period>) {
        let mut timeline = self.clone();
        let span = |timeline: &Self| match (timeline.counts.first_key_value(), timeline.counts.last_key_value()) {
            (Some((first, _)), Some((last, _))) => Some((*first, *last)),
            _ => None,
        };
        while span(&timeline).is_some_and(|(first, last)| usize::try_from(last - first).is_ok_and(|count| count >= max))
        {
            if !timeline.lengthen() {
                break;
            }
        }
        let numbers = span(&timeline).map(|(first, last)| first..=last);
        let periods = numbers.into_iter().flatten().filter_map(|number| {
            let start = Timestamp::from_second(number * timeline.length - SINCE_MONDAY).ok()?;
            Some(Period { start, counts: timeline.counts.get(&number).copied().unwrap_or_default() })
        });
        (timeline.length, periods.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(times: &[&str]) -> Timeline {
        let mut timeline = Timeline::default();
        for time in times {
            timeline.add(time.parse().ok(), Severity::High);
        }
        timeline
    }

    #[test]
    fn periods_are_as_long_as_the_range_requires() {
        let hours = timeline(&["2026-03-04T10:00:00Z", "2026-03-04T10:59:00Z", "2026-03-04T12:00:00Z"]).periods(10);
        assert_eq!(hours.0, HOUR);
        let shown = |period: &Period| (period.start.to_string(), period.counts.total());
        assert_eq!(
            hours.1.iter().map(shown).collect::<Vec<_>>(),
            [("2026-03-04T10:00:00Z", 2), ("2026-03-04T11:00:00Z", 0), ("2026-03-04T12:00:00Z", 1)]
                .map(|(start, count)| (start.to_owned(), count)),
        );
        let days = timeline(&["2026-03-04T10:00:00Z", "2026-03-06T12:00:00Z"]).periods(10);
        assert_eq!((days.0, days.1.len()), (DAY, 3));
        let weeks = timeline(&["2026-03-04T10:00:00Z", "2026-03-26T12:00:00Z"]).periods(10);
        assert_eq!((weeks.0, weeks.1.len()), (7 * DAY, 4));
        // A Monday.
        assert_eq!(weeks.1.first().map(shown), Some(("2026-03-02T00:00:00Z".to_owned(), 1)));
    }

    #[test]
    fn memory_is_bounded_and_no_finding_is_lost() {
        let mut timeline = Timeline::default();
        for hour in 0..20_000 {
            timeline.add(Timestamp::from_second(hour * HOUR).ok(), Severity::Low);
            assert!(timeline.counts.len() <= MAX_PERIODS);
        }
        timeline.add(None, Severity::Low);
        assert_eq!(timeline.periods(50).1.iter().map(|period| period.counts.total()).sum::<u64>(), 20_000);
        assert_eq!(timeline.undated(), 1);
        // From the first time that can be written to the last.
        let mut widest = Timeline::default();
        widest.add(Some(Timestamp::MIN), Severity::Low);
        widest.add(Some(Timestamp::MAX), Severity::Low);
        assert!(widest.periods(50).1.len() < 10_000);
        assert!(Timeline::default().periods(50).1.is_empty());
    }
}
