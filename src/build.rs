//! Lists the rule files under `rules/` as Rust tables, so that the built-in set is part of the binary and a new file is
//! picked up by the next build.
//!
//! With each stands what is known of its rule before any call arrives. The rest lies in two compressed files: the texts,
//! and the rules as the Sigma parser reads them, in JSON, since to parse the YAML takes longer than all else that a start
//! does. A second table tells by the names of calls which rules watch them.

#[expect(dead_code, unreachable_pub, reason = "the rest of it is what the program asks for")]
#[path = "facts/calls.rs"]
mod facts;
#[expect(unreachable_pub, reason = "the program asks for it")]
#[path = "rules/placeholder.rs"]
mod placeholder;
#[path = "rules/selector.rs"]
mod selector;
#[expect(dead_code, unreachable_pub, reason = "the rest of it is what the program asks for")]
#[path = "rules/trigger.rs"]
mod trigger;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use libdeflater::{CompressionLvl, Compressor};
use placeholder::PLACEHOLDERS;
use rsigma_parser::parse_sigma_yaml;
use serde_json::{Value, json};
use trigger::{Names, Triggers};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut files = Vec::new();
    collect(&root.join("rules"), &mut files)?;
    files.sort();
    let (mut table, mut calls, mut taken) = (String::from("&[\n"), Calls::default(), BTreeSet::new());
    let (mut yaml, mut json) = (String::new(), String::new());
    for (place, file) in files.iter().enumerate() {
        let parts: Vec<_> = file.strip_prefix(&root)?.iter().map(|part| part.to_string_lossy()).collect();
        let name = parts.join("/");
        let text = fs::read_to_string(file)?;
        let rule = Rule::of(&text).filter(|rule| taken.insert(rule.name.clone()));
        let rule = rule.filter(|rule| rule.id.as_ref().is_none_or(|id| taken.insert(id.to_ascii_lowercase())));
        let outline = match &rule {
            Some(rule) => format!("Some({})", rule.outline(&mut json)),
            None => "None".to_owned(),
        };
        writeln!(table, "    ({name:?}, {:?}, {outline}),", append(&mut yaml, &text))?;
        rule.iter().for_each(|rule| calls.add(place, &rule.triggers));
    }
    table.push_str("]\n");
    fs::write(out.join("builtin_rules.rs"), table)?;
    fs::write(out.join("builtin_calls.rs"), calls.table())?;
    fs::write(out.join("builtin_yaml.gz"), compressed(&yaml)?)?;
    fs::write(out.join("builtin_json.gz"), compressed(&json)?)?;
    println!("cargo::rerun-if-changed=rules");
    println!("cargo::rerun-if-changed=src/build.rs");
    Ok(())
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "yml") {
            files.push(path);
        }
    }
    Ok(())
}

/// Adds a text to others, and says where it stands among them.
fn append(all: &mut String, text: &str) -> Range<usize> {
    let start = all.len();
    all.push_str(text);
    start..all.len()
}

/// The text as gzip. Which bytes these are follows from the text and the version of the compressor alone.
fn compressed(text: &str) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut compressor = Compressor::new(CompressionLvl::best());
    let mut gzip = vec![0; compressor.gzip_compress_bound(text.len())];
    let size = compressor.gzip_compress(text.as_bytes(), &mut gzip)?;
    gzip.truncate(size);
    Ok(gzip)
}

/// The rule of a file.
struct Rule {
    name: String,
    id: Option<String>,
    /// Whether it runs without being asked for.
    enabled: bool,
    placeholders: Vec<String>,
    /// The calls it could match whatever fills its placeholders.
    triggers: Triggers,
    /// The calls it can match when nothing fills them.
    unfilled: Triggers,
    /// The form that `src/rules/embedded.rs` reads.
    json: String,
}

impl Rule {
    /// `None` where the file holds anything but one whole rule with a name and with placeholders that may be left open:
    /// such a file is parsed, and told about, when the rules are loaded.
    fn of(text: &str) -> Option<Self> {
        if text.lines().any(|line| line.trim_end() == "---" || line.starts_with("action:")) {
            return None;
        }
        let mut collection = parse_sigma_yaml(text).ok()?;
        let others = collection.errors.len() + collection.correlations.len() + collection.filters.len();
        let mut sigma = collection.rules.pop().filter(|_| others == 0 && collection.rules.is_empty())?;
        let is_plain = |name: &String| name.chars().all(|one| one.is_ascii_alphanumeric() || "._-".contains(one));
        let name = sigma.name.take().filter(|name| !name.is_empty() && is_plain(name))?;
        let id = sigma.id.take();
        let mut written = serde_json::to_value(&sigma).ok()?;
        let custom = written.as_object_mut()?.remove("custom_attributes");
        let attributes = custom.and_then(|mut custom| custom.get_mut("trailwarden").map(Value::take));
        let enabled = attributes.as_ref().and_then(|attributes| attributes.get("enabled"));
        let enabled = enabled.is_none_or(|enabled| enabled == true);
        let json = compact(json!({"sigma": written, "attributes": attributes})).to_string();
        let placeholders = placeholder::names(&sigma);
        let may_be_open = |name: &String| PLACEHOLDERS.iter().any(|(known, _)| known == name);
        let triggers = Triggers::of(&sigma.detection);
        placeholder::fill(&mut sigma, &BTreeMap::new()).ok()?;
        let unfilled = Triggers::of(&sigma.detection);
        let can_be_read = |triggers: &Triggers| Triggers::read(&triggers.to_string()) == *triggers;
        let is_whole = placeholders.iter().all(may_be_open) && can_be_read(&triggers) && can_be_read(&unfilled);
        is_whole.then_some(Self { name, id, enabled, placeholders, triggers, unfilled, json })
    }

    /// The `Outline` of the rule, in Rust. Its JSON is added to that of the others.
    fn outline(&self, all: &mut String) -> String {
        let Self { name, id, enabled, placeholders, triggers, unfilled, json } = self;
        let unfilled = (!placeholders.is_empty()).then(|| unfilled.to_string());
        format!(
            "Outline {{ name: {name:?}, id: {id:?}, enabled: {enabled}, placeholders: &{placeholders:?}, \
             triggers: {:?}, unfilled: {unfilled:?}, json: {:?} }}",
            triggers.to_string(),
            append(all, json)
        )
    }
}

/// Which rules watch a call, by their places in the table of rules.
#[derive(Default)]
struct Calls {
    /// By name in lower case.
    by_name: BTreeMap<String, BTreeSet<usize>>,
    /// Those that watch names with wildcards, or any.
    others: BTreeSet<usize>,
}

impl Calls {
    fn add(&mut self, place: usize, triggers: &Triggers) {
        for trigger in &triggers.0 {
            match &trigger.name {
                Names::These(names) if names.iter().all(|name| !name.contains(['*', '?'])) => {
                    names.iter().for_each(|name| {
                        self.by_name.entry(name.to_ascii_lowercase()).or_default().insert(place);
                    })
                }
                Names::These(_) | Names::Any => {
                    self.others.insert(place);
                }
            }
        }
    }

    /// The `Watched` of all rules, in Rust. Names stand in one text, and calls of the same rules name these once: each text
    /// and list of its own would take longer to load than all of them take to read.
    fn table(&self) -> String {
        let groups: BTreeSet<&BTreeSet<usize>> = self.by_name.values().collect();
        let groups: Vec<&BTreeSet<usize>> = groups.into_iter().collect();
        let (mut names, mut entries) = (String::new(), String::new());
        for (name, places) in &self.by_name {
            let start = names.len();
            names.push_str(name);
            let group = groups.iter().position(|group| *group == places).unwrap_or_default();
            // Writing to a string cannot fail.
            let _ = write!(entries, "({start}, {}, {group}), ", names.len());
        }
        let groups: String = groups.iter().map(|group| format!("&{:?}, ", group.iter().collect::<Vec<_>>())).collect();
        let others: Vec<&usize> = self.others.iter().collect();
        format!("Watched {{ names: {names:?}, entries: &[{entries}], groups: &[{groups}], others: &{others:?} }}\n")
    }
}

/// The same without what the reader has by default, null and empty lists, and without the parsed form of strings, which
/// follows from how they are written.
fn compact(value: Value) -> Value {
    match value {
        Value::Object(mut members) => {
            if let (2, Some(Value::Array(_)), Some(Value::String(_))) =
                (members.len(), members.get("parts"), members.get("original"))
            {
                return members.remove("original").unwrap_or_default();
            }
            let is_said = |value: &Value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty());
            let members = members.into_iter().filter(|(_, value)| is_said(value));
            Value::Object(members.map(|(key, value)| (key, compact(value))).collect())
        }
        Value::Array(elements) => Value::Array(elements.into_iter().map(compact).collect()),
        scalar => scalar,
    }
}
