//! The peer in Python: `benches/article_lambda.py`, which reports its own CPU time. It is started once, and runs a round for
//! each line of its input.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;

use crate::race::Lane;
use crate::workload::batch::Workload;

/// The name.
pub(crate) const LANE: &str = "Python";

#[derive(Deserialize)]
struct Round {
    cpu_seconds: f64,
    records: usize,
}

/// The running program.
struct Peer {
    child: Child,
    /// `None` after the end was requested.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// The payloads, which must exist until the program ends.
    _files: TempDir,
}

impl Peer {
    fn start(workload: &Workload) -> Option<Self> {
        let files = tempfile::tempdir().unwrap();
        let names: Vec<_> =
            (0..workload.payloads.len()).map(|number| files.path().join(format!("{number}.json"))).collect();
        for (path, payload) in names.iter().zip(&workload.payloads) {
            fs::write(path, &payload.text).unwrap();
        }
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/article_lambda.py");
        let mut command = Command::new("python3");
        let started = command.arg(program).args(names).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let Ok(mut child) = started else {
            let _ = writeln!(io::stderr(), "skipped: the comparison with Python; python3 cannot be started");
            return None;
        };
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Some(Self { child, input, output, _files: files })
    }

    fn round(&mut self) -> Round {
        let input = self.input.as_mut().unwrap();
        writeln!(input).and_then(|()| input.flush()).unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("article_lambda.py printed {line:?}: {error}"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // The program ends at the end of its input.
        self.input = None;
        let _ = self.child.wait();
    }
}

/// The lane of Python for a workload. `None` if Python is not installed.
pub(crate) fn lane<'l>(workload: &Workload) -> Option<Lane<'l>> {
    let mut peer = Peer::start(workload)?;
    assert_eq!(peer.round().records, workload.records());
    Some(Lane::told(LANE, move || Duration::from_secs_f64(peer.round().cpu_seconds)))
}
