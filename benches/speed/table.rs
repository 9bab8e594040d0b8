//! The table at the end.

use std::fmt;

use crate::race::{LIMIT, OURS, Times};
use crate::workload::Workload;

/// What was measured, in Markdown.
#[derive(Debug, Default)]
pub(crate) struct Table {
    whole: Vec<String>,
    notes: Vec<String>,
    stages: Vec<String>,
    loads: Vec<String>,
}

impl Table {
    /// A row for the whole path: `ours` is the lane it is about, `most` what it may take at most, and `peers` are the
    /// lanes of Python and of rsigma-eval.
    pub(crate) fn whole(
        &mut self,
        workload: &Workload,
        rules: &str,
        ours: &str,
        most: Option<f64>,
        times: &Times,
        peers: (&str, &str),
    ) {
        let limit = ratio(times.ratio(ours, LIMIT));
        let most = most.map(|most| format!(" (≤ {most:.1})")).unwrap_or_default();
        let (python, rsigma) = (ratio(times.ratio(peers.0, ours)), ratio(times.ratio(peers.1, ours)));
        let rates = rates(workload, times.seconds(ours).unwrap());
        self.whole.push(format!("| {} | {rules} | {limit}{most} | {rates} | {python} | {rsigma} |", workload.name));
    }

    /// A sentence below the whole path.
    pub(crate) fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    /// A row for a stage.
    pub(crate) fn stage(&mut self, workload: &Workload, what: &str, times: &Times) {
        let rates = rates(workload, times.seconds(OURS).unwrap());
        self.stages.push(format!("| {} | {what} | {} | {rates} |", workload.name, ratio(times.ratio(OURS, LIMIT))));
    }

    /// A row for loading rules.
    pub(crate) fn load(&mut self, rules: &str, times: &Times) {
        let milliseconds = times.seconds(OURS).unwrap() * 1_000.0;
        self.loads.push(format!("| {rules} | {} | {milliseconds:.1} |", ratio(times.ratio(OURS, LIMIT))));
    }
}

/// Megabytes of decompressed log, and records, in a second.
fn rates(workload: &Workload, seconds: f64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let (bytes, records) = (workload.bytes() as f64, workload.records() as f64);
    format!("{:.0} | {:.0},000", bytes / seconds / 1e6, records / seconds / 1e3)
}

fn ratio(ratio: Option<f64>) -> String {
    match ratio {
        None => "–".to_owned(),
        Some(ratio) if ratio < 0.1 => format!("{ratio:.3}"),
        Some(ratio) if ratio < 20.0 => format!("{ratio:.2}"),
        Some(ratio) => format!("{ratio:.0}"),
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = |head: &str, rows: &[String]| match rows {
            [] => Ok(()),
            rows => writeln!(formatter, "{head}\n{}\n", rows.join("\n")),
        };
        rows(
            "| whole path | rules | × limit | MB/s of log | records/s | Python takes × | rsigma-eval takes × |\n\
             |---|---|--:|--:|--:|--:|--:|",
            &self.whole,
        )?;
        rows("", &self.notes)?;
        rows("| workload | stage | × limit | MB/s of log | records/s |\n|---|---|--:|--:|--:|", &self.stages)?;
        rows("| loading rules | × limit of one 1 MB payload | ms |\n|---|--:|--:|", &self.loads)
    }
}
