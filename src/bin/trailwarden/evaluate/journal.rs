//! `--resume FILE`: which inputs an interrupted run has evaluated, so that the next run continues behind them.
//!
//! The file has a JSON document per line: first the outputs, then each evaluated input with the length of every output after
//! it. The next run shortens the outputs to the last recorded lengths, so that no finding is written twice, and appends.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, BufWriter, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use trailwarden::pipeline::Tally;
use trailwarden::text::visible;

use crate::input::Source;

/// The first line.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Header {
    /// The version of the format.
    version: u32,
    /// The files to which findings are written.
    outputs: Vec<PathBuf>,
}

const VERSION: u32 = 1;

/// The line of an evaluated input.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    input: String,
    /// Its size. An input of another size is another input.
    bytes: u64,
    /// The length of each output behind its findings.
    lengths: Vec<u64>,
    /// The counts of its records.
    tally: Tally,
    /// The number of findings that result in exit code 1.
    failing_findings: u64,
}

/// What earlier runs have evaluated.
#[derive(Debug, Default)]
pub(super) struct Earlier {
    inputs: HashSet<(String, u64)>,
    /// The length of each output.
    pub(super) lengths: Vec<u64>,
    pub(super) tally: Tally,
    pub(super) failing_findings: u64,
}

impl Earlier {
    /// Whether an earlier run has evaluated the input.
    pub(super) fn contains(&self, source: &Source) -> bool {
        self.inputs.contains(&(source.name(), source.bytes()))
    }

    /// The number of inputs.
    pub(super) fn len(&self) -> usize {
        self.inputs.len()
    }
}

/// The journal of a run.
pub(super) struct Journal {
    file: BufWriter<File>,
    name: String,
}

impl Journal {
    /// Opens the journal of earlier runs with the same outputs, or begins one.
    ///
    /// # Errors
    /// Returns a message if the file cannot be used: it is of another kind, or a run with other outputs wrote it.
    pub(super) fn open(path: &Path, outputs: Vec<PathBuf>) -> Result<(Self, Earlier), String> {
        let name = visible(&path.display().to_string()).into_owned();
        let header = Header { version: VERSION, outputs };
        Self::read(path, &header, name.clone()).map_err(|reason| format!("--resume {name}: {reason}"))
    }

    fn read(path: &Path, header: &Header, name: String) -> Result<(Self, Earlier), String> {
        let unusable = |error: io::Error| format!("it cannot be used: {error}");
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let mut file = file.map_err(unusable)?;
        let mut earlier = Earlier { lengths: vec![0; header.outputs.len()], ..Earlier::default() };
        let (mut reader, mut line, mut end) = (BufReader::new(&file), Vec::new(), 0);
        let mut is_first = true;
        loop {
            line.clear();
            let read = reader.read_until(b'\n', &mut line).map_err(unusable)?;
            // The run was interrupted while it wrote the last line.
            if line.pop() != Some(b'\n') {
                break;
            }
            if std::mem::take(&mut is_first) {
                let written: Header = serde_json::from_slice(&line)
                    .map_err(|_| "it is no journal of this version; give a file that does not exist yet".to_owned())?;
                if written != *header {
                    return Err("it belongs to a run with other outputs; use the same --output options".to_owned());
                }
            } else {
                let number = earlier.inputs.len() + 2;
                let Line { input, bytes, lengths, tally, failing_findings } = serde_json::from_slice(&line)
                    .map_err(|error| format!("line {number} cannot be read ({error}); delete it and what follows"))?;
                if lengths.len() != header.outputs.len() {
                    return Err(format!("line {number} has {} lengths of outputs", lengths.len()));
                }
                earlier.inputs.insert((input, bytes));
                earlier.lengths = lengths;
                earlier.tally.add(&tally);
                earlier.failing_findings += failing_findings;
            }
            end += read as u64;
        }
        drop(reader);
        file.set_len(end).and_then(|()| file.seek(io::SeekFrom::End(0))).map_err(unusable)?;
        let mut journal = Self { file: BufWriter::new(file), name };
        if end == 0 {
            journal.write(header).map_err(unusable)?;
        }
        Ok((journal, earlier))
    }

    /// The name of the file, safe to print.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Records that an input was evaluated. Its findings must have been written.
    ///
    /// # Errors
    /// Returns errors of the file.
    pub(super) fn add(&mut self, input: Evaluated, lengths: Vec<u64>) -> io::Result<()> {
        let Evaluated { name, bytes, tally, failing_findings } = input;
        self.write(&Line { input: name, bytes, lengths, tally, failing_findings })
    }

    fn write(&mut self, line: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.file, line)?;
        self.file.write_all(b"\n")?;
        self.file.flush()
    }
}

/// An evaluated input.
pub(super) struct Evaluated {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) tally: Tally,
    pub(super) failing_findings: u64,
}
