//! The table of results.

use std::fmt;

use crate::race::{LIMIT, OURS, Times};
use crate::workload::batch::Workload;

/// The results in Markdown.
#[derive(Debug, Default)]
pub(crate) struct Table {
    workloads: Vec<String>,
    whole: Vec<String>,
    notes: Vec<String>,
    stages: Vec<String>,
    loads: Vec<String>,
}

impl Table {
    /// A row that describes a workload.
    pub(crate) fn workload(&mut self, workload: &Workload) {
        let (bytes, records, payloads) = (workload.bytes(), workload.records(), &workload.payloads);
        let gzip: usize = payloads.iter().map(|payload| payload.gzip_bytes).sum();
        #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
        let ratio = bytes as f64 / gzip as f64;
        let (name, payloads, mean) = (workload.name, payloads.len(), counted(bytes / records));
        self.workloads.push(format!("| {name} | {payloads} | {} | {mean} | {ratio:.1} |", counted(records)));
    }

    /// A row for the whole path: `ours` is the lane of Trailwarden, `max` the maximum ratio, and `peers` are the
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

    /// A sentence below the table of the whole path.
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

/// Megabytes of decompressed log and records per second.
fn rates(workload: &Workload, seconds: f64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let (bytes, records) = (workload.bytes() as f64, workload.records() as f64);
    format!("{:.0} | {:.0} k", bytes / seconds / 1e6, records / seconds / 1e3)
}

/// A number with thousands separators.
pub(crate) fn counted(count: usize) -> String {
    match (count / 1_000, count % 1_000) {
        (0, rest) => rest.to_string(),
        (thousands, rest) => format!("{thousands},{rest:03}"),
    }
}

fn ratio(ratio: Option<f64>) -> String {
    match ratio {
        None => "–".to_owned(),
        Some(ratio) if ratio < 0.1 => format!("{ratio:.3}"),
        Some(ratio) if ratio < 10.0 => format!("{ratio:.2}"),
        Some(ratio) => format!("{ratio:.1}"),
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = |formatter: &mut fmt::Formatter<'_>, head: &str, rows: &[String]| match rows {
            [] => Ok(()),
            rows => writeln!(formatter, "{head}\n{}\n", rows.join("\n")),
        };
        rows(
            formatter,
            "| whole path | rules | × limit | MB/s of log | records/s | Python takes × (≥ 8) | rsigma-eval takes × (≥ 5) |\n\
             |---|---|--:|--:|--:|--:|--:|",
            &self.whole,
        )?;
        for note in &self.notes {
            writeln!(formatter, "{note}\n")?;
        }
        rows(
            formatter,
            "| workload | stage | × limit | MB/s of log | records/s |\n|---|---|--:|--:|--:|",
            &self.stages,
        )?;
        rows(
            formatter,
            "| workload | payloads | records | bytes a record | gzip 1 : |\n|---|--:|--:|--:|--:|",
            &self.workloads,
        )?;
        rows(formatter, "| loading rules | × limit of one 1 MB payload | ms |\n|---|--:|--:|", &self.loads)
    }
}
