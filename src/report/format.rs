//! The formats of reports.

use std::path::Path;

use anstream::adapter::strip_str;
use jiff::Timestamp;

use super::{Extent, PIPED_WIDTH, ProblemDetail, Report, csv, github, html, json, junit, markdown, sarif, terminal};
use crate::finding::{Finding, ocsf};
use crate::sinks::console;

/// A format of reports. A report consists of [`Format::begin`], an entry for each finding with separators between them, and
/// [`Format::end`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A paragraph per finding, and a summary.
    Text,
    /// One JSON document, described by `docs/report.schema.json`.
    Json,
    /// One OCSF Compliance Finding per line.
    Ocsf,
    /// A row per finding.
    Csv,
    /// A summary, and a section per problem.
    Markdown,
    /// SARIF 2.1.0.
    Sarif,
    /// JUnit XML: a test suite per rule.
    Junit,
    /// One HTML page that works offline and without scripts.
    Html,
    /// Annotations of GitHub Actions: a workflow command for each finding.
    Github,
}

/// A finding, and the input that contained its event.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'e> {
    /// The finding.
    pub finding: &'e Finding,
    /// Name of the input.
    pub input: &'e str,
    /// Whether the name is the path of a file.
    pub is_file: bool,
    /// Creation time, for OCSF documents.
    pub now: Timestamp,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 9] = [
        Self::Text,
        Self::Json,
        Self::Ocsf,
        Self::Csv,
        Self::Markdown,
        Self::Sarif,
        Self::Junit,
        Self::Html,
        Self::Github,
    ];

    /// Returns the format for the extension of a file, if there is one.
    pub fn of_file(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        Some(match extension.as_str() {
            "txt" => Self::Text,
            "json" if stem.ends_with(".sarif") => Self::Sarif,
            "json" if stem.ends_with(".ocsf") => Self::Ocsf,
            "json" => Self::Json,
            "jsonl" | "ndjson" => Self::Ocsf,
            "csv" => Self::Csv,
            "md" | "markdown" => Self::Markdown,
            "sarif" => Self::Sarif,
            "xml" => Self::Junit,
            "html" | "htm" => Self::Html,
            _ => return None,
        })
    }

    /// Returns the detail that the summary must store for each problem.
    pub fn problem_detail(self) -> ProblemDetail {
        match self {
            Self::Markdown | Self::Junit | Self::Html => ProblemDetail::Full,
            Self::Text | Self::Json | Self::Ocsf | Self::Csv | Self::Sarif | Self::Github => ProblemDetail::Brief,
        }
    }

    /// Returns the text before the first finding.
    pub fn begin(self) -> String {
        match self {
            Self::Json => json::begin(),
            Self::Csv => csv::header(),
            Self::Sarif => sarif::begin(),
            Self::Text | Self::Ocsf | Self::Markdown | Self::Junit | Self::Html | Self::Github => String::new(),
        }
    }

    /// Returns the text between two findings.
    pub fn separator(self) -> &'static str {
        match self {
            Self::Json | Self::Sarif => ",\n",
            Self::Text | Self::Ocsf | Self::Csv | Self::Markdown | Self::Junit | Self::Html | Self::Github => "",
        }
    }

    /// Returns the text of a finding; empty for formats that group findings by problem. [`Format::Text`] contains ANSI
    /// escapes.
    pub fn entry(self, entry: Entry<'_>) -> String {
        match self {
            Self::Text => {
                let mut text = Vec::new();
                // Writing to memory cannot fail.
                let _ = console::write(&mut text, console::Format::Text, entry.finding, entry.now);
                String::from_utf8_lossy(&text).into_owned()
            }
            Self::Ocsf => ocsf::line(entry.finding, entry.now) + "\n",
            Self::Json => json::entry(entry),
            Self::Csv => csv::row(entry),
            Self::Sarif => sarif::entry(entry),
            Self::Github => github::annotation(entry),
            Self::Markdown | Self::Junit | Self::Html => String::new(),
        }
    }

    /// Returns the text after the last finding.
    pub fn end(self, report: &Report) -> String {
        match self {
            Self::Text => strip_str(&terminal::summary(&report.summary, Extent::BRIEF, PIPED_WIDTH)).to_string(),
            Self::Json => json::end(report),
            Self::Ocsf | Self::Csv | Self::Github => String::new(),
            Self::Markdown => markdown::document(report),
            Self::Sarif => sarif::end(report),
            Self::Junit => junit::document(report),
            Self::Html => html::document(report),
        }
    }
}
