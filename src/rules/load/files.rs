//! Reads rule files from the binary and from directories, and splits them into YAML documents.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use walkdir::WalkDir;

use crate::rules::load::diagnostic::{Reason, RuleDiagnostic};
use crate::rules::load::header::Header;

/// `(path in the repository, text)` of every built-in rule file.
static BUILTIN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/builtin_rules.rs"));

/// One rule file.
#[derive(Debug)]
pub(in crate::rules) struct RuleFile {
    /// The path, as in messages.
    pub(in crate::rules) name: Cow<'static, str>,
    /// The pack of its rules: the first directory of its path below the rules directory.
    pub(in crate::rules) pack: Option<Cow<'static, str>>,
    /// Whether it is part of the binary.
    pub(in crate::rules) built_in: bool,
    /// The content.
    pub(in crate::rules) text: Cow<'static, str>,
    /// The header of the rule in a built-in file, whose body is parsed on first use.
    pub(in crate::rules) header: Option<Header>,
}

/// One YAML document of a rule file.
#[derive(Debug)]
pub(in crate::rules) struct Document {
    /// The default name of its rule: the stem of the file, numbered from the second document on.
    pub(in crate::rules) name: String,
    /// The content.
    pub(in crate::rules) text: String,
    /// Number of lines before the document in the file.
    pub(in crate::rules) line_offset: usize,
}

impl Document {
    /// Returns the name of its rule for messages, even if the document cannot be parsed.
    pub(in crate::rules) fn shown_name(&self) -> String {
        let name = self.text.lines().find_map(|line| line.strip_prefix("name:"));
        let name = name.map(|name| name.split(" #").next().unwrap_or(name).trim().trim_matches(['\'', '"']));
        name.filter(|name| !name.is_empty()).map_or_else(|| self.name.clone(), str::to_owned)
    }

    /// Returns the diagnostic for the document.
    pub(in crate::rules) fn diagnostic(&self, file: &str, rule: Option<&str>, reason: Reason) -> RuleDiagnostic {
        reason.in_document(file, &self.text, self.line_offset, rule)
    }
}

impl RuleFile {
    /// Splits the file into documents. A file with collection actions (`action: global`), which connect documents, is not
    /// split.
    pub(in crate::rules) fn documents(&self) -> Vec<Document> {
        let stem = Path::new(self.name.as_ref()).file_stem().unwrap_or_default().to_string_lossy();
        let text: &str = &self.text;
        if text.lines().any(|line| line.starts_with("action:")) {
            return vec![Document { name: stem.into_owned(), text: text.to_owned(), line_offset: 0 }];
        }
        let mut parts = vec![(0, String::new())];
        for (index, line) in text.lines().enumerate() {
            if line.trim_end() == "---" {
                parts.push((index + 1, String::new()));
            } else if let Some((_, text)) = parts.last_mut() {
                text.push_str(line);
                text.push('\n');
            }
        }
        let has_content = |(_, text): &(usize, String)| text.lines().any(is_code);
        let named = |(index, (line_offset, text)): (usize, (usize, String))| {
            let name = if index == 0 { stem.to_string() } else { format!("{stem}-{}", index + 1) };
            Document { name, text, line_offset }
        };
        parts.into_iter().filter(has_content).enumerate().map(named).collect()
    }

    /// A file at `path` below `root`.
    pub(in crate::rules) fn new(root: &Path, path: &Path, text: String) -> Self {
        let mut below = path.strip_prefix(root).unwrap_or(path).components();
        let first = below.next().filter(|_| below.next().is_some());
        let pack = first.map(|first| first.as_os_str().to_string_lossy().into_owned().into());
        let text = Cow::Owned(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text));
        Self { name: path.display().to_string().into(), pack, built_in: false, text, header: None }
    }
}

/// Returns the rule files in the binary.
pub(in crate::rules) fn builtin() -> Vec<RuleFile> {
    let file = |(path, text): &'static (&str, &str)| RuleFile {
        name: Cow::Borrowed(*path),
        pack: path.strip_prefix("rules/").and_then(|path| path.split_once('/')).map(|(pack, _)| Cow::Borrowed(pack)),
        built_in: true,
        text: Cow::Borrowed(*text),
        header: Header::parse(text),
    };
    BUILTIN.iter().map(file).collect()
}

/// Returns every rule file below `directory`, in the order of their names. Each path that cannot be read becomes a
/// diagnostic. Hidden files and directories, such as `.github`, and GitHub workflow files are skipped.
pub(in crate::rules) fn in_directory(directory: &Path, diagnostics: &mut Vec<RuleDiagnostic>) -> Vec<RuleFile> {
    let before = diagnostics.len();
    let mut files = Vec::new();
    let mut diagnostic = |path: &Path, reason: String| {
        diagnostics.push(RuleDiagnostic::new(&path.display().to_string(), None, reason));
    };
    let is_hidden = |name: &OsStr| name.to_string_lossy().starts_with('.');
    let entries = WalkDir::new(directory).follow_links(true).sort_by_file_name().into_iter();
    for entry in entries.filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry.file_name())) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                diagnostic(error.path().unwrap_or(directory), format!("cannot be read: {error}"));
                continue;
            }
        };
        let is_rule_file = entry
            .path()
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("yml") || extension.eq_ignore_ascii_case("yaml"));
        if entry.file_type().is_dir() || !is_rule_file {
            continue;
        }
        match fs::read_to_string(entry.path()) {
            Ok(text) if is_workflow(&text) => {}
            Ok(text) => files.push(RuleFile::new(directory, entry.path(), text)),
            Err(error) => diagnostic(entry.path(), format!("cannot be read: {error}")),
        }
    }
    if files.is_empty() && diagnostics.len() == before {
        let reason = "it contains no rule file (*.yml or *.yaml)".to_owned();
        diagnostics.push(RuleDiagnostic::new(&directory.display().to_string(), None, reason));
    }
    files
}

/// Whether a line of YAML is neither empty nor a comment.
pub(in crate::rules) fn is_code(line: &str) -> bool {
    !line.trim().is_empty() && !line.trim_start().starts_with('#')
}

/// Returns the first line of a document, from 1, that is neither empty nor a comment.
pub(in crate::rules) fn first_code_line(text: &str) -> usize {
    text.lines().position(is_code).map_or(1, |index| index + 1)
}

/// Whether a file is a GitHub workflow or action: it has the keys `on` and `jobs`, or `runs`, and no key of Sigma.
fn is_workflow(text: &str) -> bool {
    let has = |key: &str| {
        text.lines().any(|line| {
            let line = line.strip_prefix(['\'', '"']).unwrap_or(line);
            let rest = line.strip_prefix(key).map(|rest| rest.strip_prefix(['\'', '"']).unwrap_or(rest));
            rest.is_some_and(|rest| rest.starts_with(':'))
        })
    };
    let is_sigma = ["title", "detection", "correlation", "filter", "logsource", "action"].into_iter().any(has);
    !is_sigma && ((has("on") && has("jobs")) || (has("runs") && has("name")))
}
