//! Where reports are written, and in which formats.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use trailwarden::report::{Format, Report};
use trailwarden::text::visible;

use crate::input::Source;

/// A format, as it is written on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    /// A paragraph for each finding, and a summary.
    Text,
    /// One JSON document: findings, summary, counts of records, rejections.
    Json,
    /// One OCSF 1.5.0 Compliance Finding a line.
    Ocsf,
    /// A row for each finding.
    Csv,
    /// A summary, and a section for each problem.
    #[value(alias = "md")]
    Markdown,
    /// SARIF 2.1.0.
    Sarif,
    /// JUnit XML: a test suite for each rule.
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
    /// Format of standard output; text by default.
    #[arg(long, value_enum)]
    format: Option<ReportFormat>,

    /// Also write a report to FILE. May be repeated. The extension determines the format: .txt, .json, .jsonl (OCSF), .csv, .md,
    /// .sarif, .xml (JUnit) or .html. For another name, write `--output FORMAT=FILE`.
    #[arg(long, short, value_name = "FILE")]
    output: Vec<String>,
}

/// A file to write.
pub(super) struct Target {
    format: Format,
    path: PathBuf,
}

impl Outputs {
    /// Format of standard output.
    pub(super) fn standard(&self) -> Format {
        self.format.map_or(Format::Text, Format::from)
    }

    /// The files to write.
    ///
    /// # Errors
    /// A file whose format is not known, and one that is named twice or also an input.
    pub(super) fn targets(&self, sources: &[Source]) -> Result<Vec<Target>, String> {
        let mut targets = Vec::new();
        let mut taken: BTreeSet<PathBuf> = BTreeSet::new();
        let inputs: BTreeSet<PathBuf> = sources
            .iter()
            .filter_map(|source| match source {
                Source::File { path, .. } => fs::canonicalize(path).ok(),
                Source::StandardInput | Source::Unreadable { .. } | Source::Plan(_) => None,
            })
            .collect();
        for text in &self.output {
            let named = text.split_once('=').and_then(|(format, path)| {
                Some((Format::from(ReportFormat::from_str(format, true).ok()?), Path::new(path)))
            });
            let (format, path) = match named {
                Some((format, path)) => (Some(format), path),
                None => (Format::of_file(Path::new(text)), Path::new(text.as_str())),
            };
            let shown = visible(text);
            let format = format.or(self.format.map(Format::from)).ok_or_else(|| {
                format!("--output {shown}: its extension stands for no format; write `--output FORMAT={shown}`")
            })?;
            // A file that does not exist yet is none of the others, unless its name is the same.
            let whole = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            if inputs.contains(&whole) {
                return Err(format!("--output {shown}: this file is an input; it would be overwritten"));
            }
            if !taken.insert(whole) {
                return Err(format!("--output {shown}: this file is named twice"));
            }
            targets.push(Target { format, path: path.to_owned() });
        }
        Ok(targets)
    }
}

/// A report that is being written.
pub(super) struct Writing {
    pub(super) format: Format,
    name: String,
    to: BufWriter<Box<dyn Write>>,
    has_entries: bool,
}

impl Writing {
    /// Creates the file and begins the report.
    ///
    /// # Errors
    /// A sentence that says why the file cannot be written.
    pub(super) fn create(target: &Target) -> Result<Self, String> {
        let name = visible(&target.path.display().to_string()).into_owned();
        let begun = File::create(&target.path).and_then(|file| {
            let to: Box<dyn Write> = match target.format {
                // Its styles are for terminals.
                Format::Text => Box::new(anstream::StripStream::new(file)),
                _ => Box::new(file),
            };
            Self::begin(target.format, name.clone(), to)
        });
        begun.map_err(|error| format!("{name} cannot be written: {error}"))
    }

    /// Begins a report.
    ///
    /// # Errors
    /// Those of `to`.
    pub(super) fn begin(format: Format, name: String, to: Box<dyn Write>) -> io::Result<Self> {
        let mut to = BufWriter::new(to);
        to.write_all(format.begin().as_bytes())?;
        Ok(Self { format, name, to, has_entries: false })
    }

    /// What it is called, safe to show.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Writes nothing more.
    pub(super) fn abandon(&mut self) {
        self.to = BufWriter::new(Box::new(io::sink()));
    }

    /// Writes a finding.
    ///
    /// # Errors
    /// Those of the file.
    pub(super) fn entry(&mut self, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        if std::mem::replace(&mut self.has_entries, true) {
            self.to.write_all(self.format.separator().as_bytes())?;
        }
        self.to.write_all(text.as_bytes())
    }

    /// Ends the report.
    ///
    /// # Errors
    /// Those of the file.
    pub(super) fn end(&mut self, report: &Report) -> io::Result<()> {
        self.write(&self.format.end(report))
    }

    /// Writes text, and everything before it.
    ///
    /// # Errors
    /// Those of the file.
    pub(super) fn write(&mut self, text: &str) -> io::Result<()> {
        self.to.write_all(text.as_bytes())?;
        self.flush()
    }

    /// Writes everything that is buffered.
    ///
    /// # Errors
    /// Those of the file.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
