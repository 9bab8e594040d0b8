//! Benchmarks of Trailwarden, compared with a lower limit and with other tools in one run.
//!
//! `cargo bench` runs all benchmarks. `cargo bench -- whole`, `rules`, `stages` or `load` runs a group, and `--quick` takes
//! less time. The run ends with a table of ratios in Markdown.
//!
//! Criterion is the harness: it selects the benchmarks and their duration, and reports how the time of Trailwarden changed
//! since the last run. The ratios are computed here: in each round, all lanes of a comparison run once, in turn, and the
//! result is the median of the ratios of the rounds. So other load on the machine affects all lanes alike. Times are CPU time
//! of one thread. The limit is the time in which base64-simd and libdeflate decode the same payloads into reused buffers. No
//! program that reads a payload can be faster.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark may stop at the first surprise, and its input is its own"
)]

mod limit;
mod python;
mod race;
mod real;
mod rsigma;
mod rule_sets;
mod stages;
mod table;
mod whole;
#[path = "../workload/mod.rs"]
mod workload;

use std::io::{self, Write as _};
use std::time::Duration;

use criterion::Criterion;

use table::Table;
use workload::SEED;
use workload::batch::{LARGE, MEDIUM, SMALL, Workload};

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(4))
        .without_plots()
        .configure_from_args();
    let mut table = Table::default();
    let [small, medium, large] = [SMALL, MEDIUM, LARGE].map(|size| Workload::generate(SEED, size));
    let real = real::workload();
    whole::run(&mut criterion, &mut table, &[&small, &medium, &large], real.as_ref());
    let of_usual_size: Vec<&Workload> = [&medium].into_iter().chain(real.as_ref()).collect();
    rule_sets::run(&mut criterion, &mut table, &of_usual_size);
    stages::run(&mut criterion, &mut table, &of_usual_size);
    stages::load(&mut criterion, &mut table);
    criterion.final_summary();
    let _ = write!(io::stdout(), "\n{table}");
}
