//! Warnings about placeholders of templates, and paths of attributes, that never have a value.

use super::fields::{malformed_path, shape_of};
use crate::event::schema::RECORD;
use crate::rules::load::attributes::ResourceSpec;
use crate::rules::load::diagnostic::Reason;
use crate::rules::load::spelling::did_you_mean;
use crate::rules::rule::Rule;
use crate::rules::text::remediation::RemediationTemplate;
use crate::rules::text::template::Template;

/// The placeholders of templates beside fields and facts.
const CONTEXT_VALUES: [&str; 5] = ["account", "actor", "partition", "region", "resource"];

/// Warns about placeholders and paths below `trailwarden:` that no record contains.
pub(super) fn lint(rule: &Rule, reasons: &mut Vec<Reason>) {
    let attributes = rule.attributes();
    let mut check = |path: &str, more: &[&str]| reasons.extend(warning(path, more, rule.text()));
    for template in attributes.templates() {
        template.paths().for_each(|path| check(path, &CONTEXT_VALUES));
    }
    let escaped = attributes.templates().into_iter().flat_map(Template::escaped).filter(|name| is_filled(name));
    let escaped: Vec<Reason> = escaped
        .map(|name| {
            let text = format!("`{{{{{name}}}}}` prints the text `{{{name}}}`; write a placeholder with single braces");
            Reason::warning(text).at(format!("{{{{{name}}}}}"))
        })
        .collect();
    for spec in &attributes.resource {
        match spec {
            ResourceSpec::Field { id, arn, .. } => {
                check(id, &[]);
                let parts = [&CONTEXT_VALUES[..], &["id"]].concat();
                arn.iter().flat_map(Template::paths).for_each(|path| check(path, &parts));
            }
            ResourceSpec::Fact(fact) => check(fact, &[]),
        }
    }
    attributes.principal_paths().for_each(|path| check(path, &[]));
    let commands = attributes.remediations().flat_map(RemediationTemplate::invalid_commands);
    reasons.extend(commands.map(|(command, error)| {
        let line = command.split(['{', '\n']).next().unwrap_or_default().trim_end();
        let text = format!("the command `{command}` cannot be read as one AWS API call: {error}");
        Reason::warning(text).at(line)
    }));
    reasons.extend(escaped);
}

/// Whether a placeholder of this name would have a value.
fn is_filled(name: &str) -> bool {
    CONTEXT_VALUES.contains(&name) || shape_of(name).is_ok()
}

/// Returns a warning for a path that is neither in a record nor a fact nor one of `more`.
fn warning(path: &str, more: &[&str], text: &str) -> Option<Reason> {
    if more.contains(&path) {
        return None;
    }
    let cause = if path.contains(['.', '[']) {
        malformed_path(path, true).or_else(|| shape_of(path).err())?
    } else if RECORD.iter().any(|(name, _)| *name == path) {
        return None;
    } else {
        let names: Vec<&str> = more.iter().copied().chain(RECORD.iter().map(|(name, _)| *name)).collect();
        format!("there is no `{path}`{}", did_you_mean(path, &names))
    };
    // Skip the detections, which may contain the same path.
    let below = text.lines().position(|line| line.starts_with("trailwarden:")).unwrap_or_default();
    let line = text.lines().enumerate().skip(below).find(|(_, line)| line.contains(path));
    let reason = Reason::warning(format!("`{{{path}}}` never has a value: {cause}"));
    Some(reason.on_or_at(line.map(|(index, _)| index + 1), "trailwarden"))
}
