//! Lists the rule files under `rules/` as a Rust table, so that the built-in set is part of the binary and a new file
//! is picked up by the next build. Beside its text stands each rule as the Sigma parser reads it, in JSON: to parse the
//! YAML takes longer than all else that a start does.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use rsigma_parser::parse_sigma_yaml;
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let mut files = Vec::new();
    collect(&root.join("rules"), &mut files)?;
    files.sort();
    let mut table = String::from("&[\n");
    for file in &files {
        let name = file.strip_prefix(&root)?.display().to_string();
        let path = file.display().to_string();
        let parsed = parsed(&fs::read_to_string(file)?);
        writeln!(table, "    ({name:?}, include_str!({path:?}), {parsed:?}),")?;
    }
    table.push_str("]\n");
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("builtin_rules.rs"), table)?;
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

/// The rule of a file in the form that `src/rules/embedded.rs` reads. `None` where the file holds anything but one whole
/// rule with a name: such a file is parsed, and told about, when the rules are loaded.
fn parsed(text: &str) -> Option<String> {
    if text.lines().any(|line| line.trim_end() == "---" || line.starts_with("action:")) {
        return None;
    }
    let collection = parse_sigma_yaml(text).ok()?;
    let others = collection.errors.len() + collection.correlations.len() + collection.filters.len();
    let [rule] = collection.rules.as_slice() else { return None };
    rule.name.as_ref().filter(|_| others == 0)?;
    let mut sigma = serde_json::to_value(rule).ok()?;
    let custom = sigma.as_object_mut()?.remove("custom_attributes");
    let attributes = custom.and_then(|mut custom| custom.get_mut("trailwarden").map(Value::take));
    Some(compact(json!({"sigma": sigma, "attributes": attributes})).to_string())
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
