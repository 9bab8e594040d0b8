//! The formats of reports.

use std::path::Path;

use anstream::adapter::strip_str;
use jiff::Timestamp;

use super::{Details, Extent, PIPED_WIDTH, Report, csv, github, html, json, junit, markdown, sarif, terminal};
use crate::finding::{Finding, ocsf};
use crate::sinks::console;

/// A format of reports. A report is what [`Format::begin`] returns, an entry for each finding with separators between them,
/// and what [`Format::end`] returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A paragraph for each finding, and a summary.
    Text,
    /// One JSON document, described by `docs/report.schema.json`.
    Json,
    /// One OCSF Compliance Finding a line.
    Ocsf,
    /// A row for each finding.
    Csv,
    /// A summary and a section for each problem.
    Markdown,
    /// SARIF 2.1.0.
    Sarif,
    /// JUnit XML: a test suite for each rule.
    Junit,
    /// One HTML page that works offline and without scripts.
    Html,
    /// Annotations of GitHub Actions: a workflow command for each finding.
    Github,
}

/// A finding, and where it was found.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'e> {
    /// The finding.
    pub finding: &'e Finding,
    /// Name of the input.
    pub input: &'e str,
    /// Whether that is the path of a file.
    pub is_file: bool,
    /// Creation time of an OCSF document.
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

    /// The format that the extension of a file stands for.
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

    /// What the summary has to keep of each problem.
    pub fn details(self) -> Details {
        match self {
            Self::Markdown | Self::Junit | Self::Html => Details::Full,
            Self::Text | Self::Json | Self::Ocsf | Self::Csv | Self::Sarif | Self::Github => Details::Brief,
        }
    }

    /// Text before the first finding.
    pub fn begin(self) -> String {
        match self {
            Self::Json => json::begin(),
            Self::Csv => csv::header(),
            Self::Sarif => sarif::begin(),
            Self::Text | Self::Ocsf | Self::Markdown | Self::Junit | Self::Html | Self::Github => String::new(),
        }
    }

    /// Text between two findings.
    pub fn separator(self) -> &'static str {
        match self {
            Self::Json | Self::Sarif => ",\n",
            Self::Text | Self::Ocsf | Self::Csv | Self::Markdown | Self::Junit | Self::Html | Self::Github => "",
        }
    }

    /// Text of one finding; empty for formats that group findings by problem. [`Format::Text`] contains ANSI escapes.
    pub fn entry(self, entry: Entry<'_>) -> String {
        match self {
            Self::Text => {
                let mut text = Vec::new();
                // Memory takes whatever is written to it.
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

    /// Text after the last finding.
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
