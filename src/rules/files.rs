//! Where rule files come from: the binary itself and directories.

use std::borrow::Cow;
use std::fs;
use std::ops::Range;
use std::path::Path;

use walkdir::WalkDir;

use super::fault::RuleFault;
use super::outline::{BUILTIN, Outline};
use super::packed::Text;

/// One rule file.
#[derive(Debug)]
pub(super) struct RuleFile {
    /// How messages call it.
    pub(super) name: Cow<'static, str>,
    /// The pack its rules belong to: the directory below that of all rules in which it stands.
    pub(super) pack: Option<Cow<'static, str>>,
    /// Whether it is part of the binary.
    pub(super) built_in: bool,
    /// Its text.
    pub(super) text: Text,
    /// The one rule in it, as the build script has read it, and its place among the built-in files.
    pub(super) outline: Option<(usize, &'static Outline)>,
}

/// One YAML document of a rule file.
#[derive(Debug)]
pub(super) struct Document {
    /// What the rule in it is called when it does not say: the file's stem, numbered from the second on.
    pub(super) name: String,
    /// Its text, after as many empty lines as precede it in the file, so that parsers count lines rightly.
    pub(super) text: String,
}

impl RuleFile {
    /// The documents of the file. Collection actions (`action: global`) connect documents; a file with one is kept whole.
    pub(super) fn documents(&self) -> Vec<Document> {
        let stem = Path::new(self.name.as_ref()).file_stem().unwrap_or_default().to_string_lossy();
        let text = self.text.as_str();
        if text.lines().any(|line| line.starts_with("action:")) {
            return vec![Document { name: stem.into_owned(), text: text.to_owned() }];
        }
        let mut texts = vec![String::new()];
        for (place, line) in text.lines().enumerate() {
            if line.trim_end() == "---" {
                texts.push("\n".repeat(place + 1));
            } else if let Some(text) = texts.last_mut() {
                text.push_str(line);
                text.push('\n');
            }
        }
        let says_something =
            |text: &String| text.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
        let named = |(place, text): (usize, String)| {
            let name = if place == 0 { stem.to_string() } else { format!("{stem}-{}", place + 1) };
            Document { name, text }
        };
        texts.into_iter().filter(says_something).enumerate().map(named).collect()
    }

    /// The file at `path`, found below `root`.
    pub(super) fn new(root: &Path, path: &Path, text: String) -> Self {
        let mut below = path.strip_prefix(root).unwrap_or(path).components();
        let first = below.next().filter(|_| below.next().is_some());
        let pack = first.map(|first| first.as_os_str().to_string_lossy().into_owned().into());
        let text = Text::Own(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text));
        Self { name: path.display().to_string().into(), pack, built_in: false, text, outline: None }
    }
}

/// The rule files that are part of the binary.
pub(super) fn builtin() -> Vec<RuleFile> {
    let file = |(place, (path, text, outline)): (usize, &'static (&str, Range<usize>, Option<Outline>))| RuleFile {
        name: Cow::Borrowed(*path),
        pack: path.strip_prefix("rules/").and_then(|path| path.split_once('/')).map(|(pack, _)| Cow::Borrowed(pack)),
        built_in: true,
        text: Text::BuiltIn(text.clone()),
        outline: outline.as_ref().map(|outline| (place, outline)),
    };
    BUILTIN.iter().enumerate().map(file).collect()
}

/// Every rule file below `directory`, in the order of their names; a fault for what cannot be read.
pub(super) fn below(directory: &Path, faults: &mut Vec<RuleFault>) -> Vec<RuleFile> {
    let before = faults.len();
    let mut files = Vec::new();
    let mut fault = |path: &Path, reason: String| {
        faults.push(RuleFault::new(&path.display().to_string(), None, reason));
    };
    for entry in WalkDir::new(directory).follow_links(true).sort_by_file_name() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                fault(error.path().unwrap_or(directory), format!("cannot be read: {error}"));
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
            Ok(text) => files.push(RuleFile::new(directory, entry.path(), text)),
            Err(error) => fault(entry.path(), format!("cannot be read: {error}")),
        }
    }
    if files.is_empty() && faults.len() == before {
        let reason = "there is no rule file (*.yml or *.yaml) in it".to_owned();
        faults.push(RuleFault::new(&directory.display().to_string(), None, reason));
    }
    files
}
