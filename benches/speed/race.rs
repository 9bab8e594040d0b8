//! Runs the lanes of a comparison in turn, round by round.

use std::io::{self, Write as _};
use std::time::Duration;

use criterion::{Criterion, SamplingMode};
use rustix::time::{ClockId, clock_gettime};

/// The lane of the limit.
pub(crate) const LIMIT: &str = "limit";
/// The lane of Trailwarden, if there is only one.
pub(crate) const OURS: &str = "ours";

/// A lane: a program or function that is compared.
pub(crate) struct Lane<'l> {
    name: String,
    run: Box<dyn FnMut() -> Duration + 'l>,
}

impl<'l> Lane<'l> {
    /// A lane that is measured by the CPU time of this thread.
    pub(crate) fn new(name: impl Into<String>, mut run: impl FnMut() + 'l) -> Self {
        Self::told(name, move || {
            let start = cpu_time();
            run();
            cpu_time().saturating_sub(start)
        })
    }

    /// A lane that reports its own CPU time.
    pub(crate) fn told(name: impl Into<String>, run: impl FnMut() -> Duration + 'l) -> Self {
        Self { name: name.into(), run: Box::new(run) }
    }
}

/// The CPU time of this thread.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
}

/// The results: the seconds of each lane in each round.
#[derive(Debug)]
pub(crate) struct Times {
    lanes: Vec<String>,
    rounds: Vec<Vec<f64>>,
}

impl Times {
    fn place(&self, lane: &str) -> Option<usize> {
        self.lanes.iter().position(|name| name == lane)
    }

    /// The median time of a lane in seconds.
    pub(crate) fn seconds(&self, lane: &str) -> Option<f64> {
        let lane = self.place(lane)?;
        median(self.rounds.iter().map(|round| round[lane]).collect())
    }

    /// The median over the rounds of the ratio of a lane's time to that of `other`.
    pub(crate) fn ratio(&self, lane: &str, other: &str) -> Option<f64> {
        let (lane, other) = (self.place(lane)?, self.place(other)?);
        median(self.rounds.iter().map(|round| round[lane] / round[other]).collect())
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        _ if values.is_empty() => None,
        0 => Some((values[middle - 1] + values[middle]) / 2.0),
        _ => Some(values[middle]),
    }
}

/// Runs a benchmark if it is selected. Criterion reports the time of the lane `shown`.
pub(crate) fn race<'l>(
    criterion: &mut Criterion,
    group: &str,
    name: &str,
    shown: &str,
    lanes: impl FnOnce() -> Vec<Lane<'l>>,
) -> Option<Times> {
    let mut prepare = Some(lanes);
    let mut lanes: Vec<Lane<'l>> = Vec::new();
    let mut rounds = Vec::new();
    let mut count = 0;
    let mut group = criterion.benchmark_group(group);
    group.sampling_mode(SamplingMode::Flat);
    group.bench_function(name, |bencher| {
        if let Some(prepare) = prepare.take() {
            lanes = prepare();
        }
        bencher.iter_custom(|rounds_wanted| {
            let mut reported = Duration::ZERO;
            for _ in 0..rounds_wanted {
                let mut round = vec![0.0; lanes.len()];
                for step in 0..lanes.len() {
                    // The first lane rotates, because the lane after the limit benefits from its caches.
                    let place = (count + step) % lanes.len();
                    let time = (lanes[place].run)();
                    round[place] = time.as_secs_f64();
                    if lanes[place].name == shown {
                        reported += time;
                    }
                }
                count += 1;
                // The first round is cold.
                if count > 1 {
                    rounds.push(round);
                }
            }
            reported
        });
    });
    group.finish();
    let lanes: Vec<String> = lanes.into_iter().map(|lane| lane.name).collect();
    let times = (!rounds.is_empty()).then_some(Times { lanes, rounds })?;
    let told = times.lanes.iter().filter(|lane| *lane != LIMIT);
    let told: Vec<String> =
        told.filter_map(|lane| Some(format!("{lane} {:.2} × {LIMIT}", times.ratio(lane, LIMIT)?))).collect();
    let _ = writeln!(io::stdout(), "{:24}{} in {} rounds\n", "", told.join("; "), times.rounds.len());
    Some(times)
}
