//! The outputs of a run: standard output and report files, with their formats.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use trailwarden::report::{Format, Report};
use trailwarden::text::visible;

use crate::input::Source;

/// A format on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    /// A paragraph per finding, and a summary.
    Text,
    /// One JSON document: findings, summary, counts of records, rejections.
    Json,
    /// One OCSF 1.5.0 Compliance Finding per line.
    Ocsf,
    /// A row per finding.
    Csv,
    /// A summary, and a section per problem.
    #[value(alias = "md")]
    Markdown,
    /// SARIF 2.1.0.
    Sarif,
    /// JUnit XML: a test suite per rule.
    Junit,
    /// One page with charts that works offline and without scripts.
    Html,
    /// Annotations of GitHub Actions.
    Github,
}

impl From<ReportFormat> for Format {
    fn from(format: ReportFormat) -> Self {
        match format {
            ReportFormat::Text => Self::Text,
            ReportFormat::Json => Self::Json,
            ReportFormat::Ocsf => Self::Ocsf,
            ReportFormat::Csv => Self::Csv,
            ReportFormat::Markdown => Self::Markdown,
            ReportFormat::Sarif => Self::Sarif,
            ReportFormat::Junit => Self::Junit,
            ReportFormat::Html => Self::Html,
            ReportFormat::Github => Self::Github,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct Outputs {
    /// Format of standard output. The default is text.
    #[arg(long, value_enum)]
    format: Option<ReportFormat>,

    /// Also write a report to FILE. May be repeated. The extension determines the format: .txt, .json, .jsonl (OCSF), .csv,
    /// .md, .sarif, .xml (JUnit) or .html. For another name, write `--output FORMAT=FILE`.
    #[arg(long, short, value_name = "FILE")]
    output: Vec<String>,
}

/// A file to write.
pub(super) struct Target {
    pub(super) format: Format,
    pub(super) path: PathBuf,
}

impl Outputs {
    /// Returns the format of standard output.
    pub(super) fn stdout_format(&self) -> Format {
        self.format.map_or(Format::Text, Format::from)
    }

    /// Returns the files to write.
    ///
    /// # Errors
    /// Returns an error for a file of unknown format, a file that is given twice, and a file that is also an input.
    pub(super) fn targets(&self, sources: &[Source]) -> Result<Vec<Target>, String> {
        let mut targets = Vec::new();
        let mut seen: BTreeSet<PathBuf> = BTreeSet::new();
        let inputs: BTreeSet<PathBuf> = sources
            .iter()
            .filter_map(|source| match source {
                Source::File { path, .. } => fs::canonicalize(path).ok(),
                _ => None,
            })
            .collect();
        for text in &self.output {
            let with_format = text.split_once('=').and_then(|(format, path)| {
                Some((Format::from(ReportFormat::from_str(format, true).ok()?), Path::new(path)))
            });
            let (format, path) = match with_format {
                Some((format, path)) => (Some(format), path),
                None => (Format::of_file(Path::new(text)), Path::new(text.as_str())),
            };
            let shown = visible(text);
            let format = format
                .or(self.format.map(Format::from))
                .ok_or_else(|| format!("--output {shown}: unknown extension; write `--output FORMAT={shown}`"))?;
            // A file that does not exist yet can only equal another output with the same name.
            let canonical = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            if inputs.contains(&canonical) {
                return Err(format!("--output {shown}: this file is an input and would be overwritten"));
            }
            if !seen.insert(canonical) {
                return Err(format!("--output {shown}: this file is given twice"));
            }
            targets.push(Target { format, path: path.to_owned() });
        }
        Ok(targets)
    }
}

/// A report that is being written.
pub(super) struct ReportWriter {
    pub(super) format: Format,
    name: String,
    destination: BufWriter<Box<dyn Write>>,
    /// Bytes that were written, those of earlier runs included.
    length: u64,
    has_entries: bool,
}

impl ReportWriter {
    /// Creates the file and begins the report.
    ///
    /// # Errors
    /// Returns a message if the file cannot be written.
    pub(super) fn create(target: &Target) -> Result<Self, String> {
        let name = visible(&target.path.display().to_string()).into_owned();
        let created = File::create(&target.path).and_then(|file| {
            let destination: Box<dyn Write> = match target.format {
                // Styles are only for terminals.
                Format::Text => Box::new(anstream::StripStream::new(file)),
                _ => Box::new(file),
            };
            Self::begin(target.format, name.clone(), destination)
        });
        created.map_err(|error| format!("{name} cannot be written: {error}"))
    }

    /// Begins a report.
    ///
    /// # Errors
    /// Returns errors of `destination`.
    pub(super) fn begin(format: Format, name: String, destination: Box<dyn Write>) -> io::Result<Self> {
        let mut writer = Self { format, name, destination: BufWriter::new(destination), length: 0, has_entries: false };
        writer.put(&format.begin())?;
        Ok(writer)
    }

    /// Opens a file of OCSF documents of which an earlier run has written `length` bytes. What follows them is deleted.
    ///
    /// # Errors
    /// Returns a message if the file cannot be written, or is shorter.
    pub(super) fn resume(target: &Target, length: u64) -> Result<Self, String> {
        let name = visible(&target.path.display().to_string()).into_owned();
        let open = || {
            let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(&target.path)?;
            if file.metadata()?.len() < length {
                return Err(io::Error::other("it is shorter than the file of --resume says; was it replaced?"));
            }
            file.set_len(length)?;
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        };
        let file = open().map_err(|error| format!("{name} cannot be continued: {error}"))?;
        let destination = BufWriter::new(Box::new(file) as Box<dyn Write>);
        Ok(Self { format: target.format, name, destination, length, has_entries: length > 0 })
    }

    /// Returns the number of bytes that were written, those of earlier runs included.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    fn put(&mut self, text: &str) -> io::Result<()> {
        self.destination.write_all(text.as_bytes())?;
        self.length += text.len() as u64;
        Ok(())
    }

    /// Returns the name of the output, safe to print.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Discards all further text.
    pub(super) fn discard(&mut self) {
        self.destination = BufWriter::new(Box::new(io::sink()));
    }

    /// Writes a finding.
    ///
    /// # Errors
    /// Returns errors of the destination.
    pub(super) fn entry(&mut self, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        if std::mem::replace(&mut self.has_entries, true) {
            self.put(self.format.separator())?;
        }
        self.put(text)
    }

    /// Ends the report.
    ///
    /// # Errors
    /// Returns errors of the destination.
    pub(super) fn end(&mut self, report: &Report) -> io::Result<()> {
        self.write(&self.format.end(report))
    }

    /// Writes text, and flushes the buffer.
    ///
    /// # Errors
    /// Returns errors of the destination.
    pub(super) fn write(&mut self, text: &str) -> io::Result<()> {
        self.put(text)?;
        self.flush()
    }

    /// Flushes the buffer.
    ///
    /// # Errors
    /// Returns errors of the destination.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.destination.flush()
    }
}
