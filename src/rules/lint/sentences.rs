//! Placeholders of sentences, and paths of attributes, that nothing fills.

use super::fields::{odd_path, unknown};
use crate::event::schema::RECORD;
use crate::rules::load::attributes::ResourceSpec;
use crate::rules::load::diagnostic::Reason;
use crate::rules::load::spelling::did_you_mean;
use crate::rules::rule::Rule;
use crate::rules::text::remediation::RemediationTemplate;
use crate::rules::text::template::Template;

/// What a sentence can name beside fields and facts.
const OF_CONTEXT: [&str; 5] = ["account", "actor", "partition", "region", "resource"];

/// Warns of placeholders and paths under `trailwarden:` that no record has.
pub(super) fn lint(rule: &Rule, reasons: &mut Vec<Reason>) {
    let attributes = rule.attributes();
    let mut check = |path: &str, more: &[&str]| reasons.extend(warning(path, more, rule.text()));
    for template in attributes.templates() {
        template.paths().for_each(|path| check(path, &OF_CONTEXT));
    }
    let escaped = attributes.templates().into_iter().flat_map(Template::escaped).filter(|name| is_filled(name));
    let escaped: Vec<Reason> = escaped
        .map(|name| {
            let text = format!("`{{{{{name}}}}}` is the text `{{{name}}}`; a placeholder has single braces");
            Reason::warning(text).at(format!("{{{{{name}}}}}"))
        })
        .collect();
    for spec in &attributes.resource {
        match spec {
            ResourceSpec::Field { id, arn, .. } => {
                check(id, &[]);
                let parts = [&OF_CONTEXT[..], &["id"]].concat();
                arn.iter().flat_map(Template::paths).for_each(|path| check(path, &parts));
            }
            ResourceSpec::Fact(fact) => check(fact, &[]),
        }
    }
    attributes.others().for_each(|path| check(path, &[]));
    let commands = attributes.remediations().flat_map(RemediationTemplate::unread_commands);
    reasons.extend(commands.map(|(command, error)| {
        let line = command.split(['{', '\n']).next().unwrap_or_default().trim_end();
        let text = format!("the command `{command}` is not read as one AWS API call: {error}");
        Reason::warning(text).at(line)
    }));
    reasons.extend(escaped);
}

/// Whether a placeholder of this name would be filled.
fn is_filled(name: &str) -> bool {
    OF_CONTEXT.contains(&name) || unknown(name).is_ok()
}

/// A warning of a path, if neither a record nor a fact has it and it is none of `more`.
fn warning(path: &str, more: &[&str], text: &str) -> Option<Reason> {
    if more.contains(&path) {
        return None;
    }
    let text_of_warning = match path.contains(['.', '[']) {
        true => {
            let why = odd_path(path, true).or_else(|| unknown(path).err());
            why.map(|why| format!("`{{{path}}}` is never filled: {why}"))
        }
        false if RECORD.iter().any(|(name, _)| *name == path) => None,
        false => {
            let names: Vec<&str> = more.iter().copied().chain(RECORD.iter().map(|(name, _)| *name)).collect();
            Some(format!("`{{{path}}}` is never filled: there is no `{path}`{}", did_you_mean(path, &names)))
        }
    }?;
    // Below the key: detections may name the same path.
    let below = text.lines().position(|line| line.starts_with("trailwarden:")).unwrap_or_default();
    let line = text.lines().enumerate().skip(below).find(|(_, line)| line.contains(path));
    let reason = Reason::warning(text_of_warning);
    Some(match line {
        Some((place, _)) => reason.on(place + 1),
        None => reason.at("trailwarden"),
    })
}
