//! Warnings about services and calls that do not exist.

use std::sync::LazyLock;

use crate::facts;
use crate::rules::load::diagnostic::Reason;
use crate::rules::load::operations;
use crate::rules::load::spelling::{did_you_mean, is_typo, nearest};
use crate::rules::rule::Rule;
use crate::rules::sigma::call_pattern::{CallPattern, CallPatterns, Names, has_wildcard, pattern_matches};

/// The event source of heartbeats, which is not an AWS service.
const HEARTBEAT: &str = "heartbeat.trailwarden";
/// The suffixes of event sources.
const SUFFIXES: [&str; 4] = [".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.cn", ".aws.internal"];

static CALLS: LazyLock<Vec<&str>> = LazyLock::new(|| lines(include_str!("../names/calls.txt")));
static SERVICES: LazyLock<Vec<&str>> = LazyLock::new(|| lines(include_str!("../names/services.txt")));

/// Returns the lines of a list that are not comments.
fn lines(text: &'static str) -> Vec<&'static str> {
    text.lines().filter(|line| !line.starts_with('#')).collect()
}

/// Warns about services and calls in a rule that do not exist.
pub(super) fn lint(rule: &Rule, reasons: &mut Vec<Reason>) {
    let detections: Vec<CallPatterns> = rule.sigma().detection.named.values().map(CallPatterns::of_detection).collect();
    let call_patterns =
        rule.call_patterns().0.iter().chain(detections.iter().flat_map(|call_patterns| &call_patterns.0));
    let mut found: Vec<Reason> = Vec::new();
    for call_pattern in call_patterns {
        if let Names::These(sources) = &call_pattern.source {
            found.extend(
                sources.iter().filter(|source| !has_wildcard(source)).filter_map(|source| unknown_source(source)),
            );
        }
        unknown_calls(call_pattern, &mut found);
    }
    for reason in found {
        // A detection may name the same call without its service. That warning would say less.
        if !reasons.iter().any(|known| known.at == reason.at) {
            reasons.push(reason);
        }
    }
}

fn unknown_source(source: &str) -> Option<Reason> {
    let lower = source.to_ascii_lowercase();
    if lower == HEARTBEAT {
        return None;
    }
    let warn = |text: String| Some(Reason::warning(text).at(source));
    let Some(label) = SUFFIXES.iter().find_map(|suffix| lower.strip_suffix(suffix)) else {
        let label = lower.strip_prefix("aws.").unwrap_or(&lower);
        let advice = if SERVICES.contains(&label) { format!("; write `{label}.amazonaws.com`") } else { String::new() };
        return warn(format!("`{source}` is not an event source: event sources end with `.amazonaws.com`{advice}"));
    };
    if SERVICES.contains(&label) {
        return None;
    }
    let near = SERVICES.iter().find(|known| is_typo(label, known))?;
    warn(format!("there is no event source `{source}` (did you mean `{near}.amazonaws.com`?)"))
}

fn unknown_calls(call_pattern: &CallPattern, reasons: &mut Vec<Reason>) {
    let Names::These(names) = &call_pattern.name else { return };
    let (permissions, names): (Vec<&String>, Vec<&String>) = names.iter().partition(|name| name.contains(':'));
    for name in permissions {
        let (service, call) = name.split_once(':').unwrap_or_default();
        let (service, call) = (service.trim_matches('*'), call.trim_matches('*'));
        let text = format!(
            "`{name}` is written like an IAM action; records have `eventName: {call}` and, for the service, \
             `eventSource: {service}.amazonaws.com`"
        );
        reasons.push(Reason::warning(text).at(name.trim_matches('*')));
    }
    match &call_pattern.source {
        Names::Any => check_any_service(&names, reasons),
        Names::These(sources) => check_services(sources, &names, reasons),
    }
}

/// Checks calls of services whose calls are all known.
fn check_services(sources: &[String], names: &[&String], reasons: &mut Vec<Reason>) {
    let known_of = |source: &String| operations::names_of(&source.to_ascii_lowercase());
    if !sources.iter().all(|source| !known_of(source).is_empty()) {
        return;
    }
    let known: Vec<&str> = sources.iter().flat_map(known_of).collect();
    for name in names {
        let plain = facts::without_version(name);
        if has_wildcard(name) {
            // Names in records may end with a version, which the lists omit.
            let is_versioned = name.bytes().any(|byte| byte.is_ascii_digit());
            if !is_versioned && !known.iter().any(|known| pattern_matches(name, known)) {
                let text = format!("no call of {} matches `{name}`", sources.join(" or "));
                reasons.push(Reason::warning(text).at(name.trim_matches(['*', '?'])));
            }
        } else if !known.iter().any(|known| known.eq_ignore_ascii_case(plain)) {
            let near = did_you_mean(name, &known);
            let text = format!("{} has no call `{name}`{near}", sources.join(" or "));
            reasons.push(Reason::warning(text).at(*name));
        }
    }
}

/// Checks calls where the rule names no service.
fn check_any_service(names: &[&String], reasons: &mut Vec<Reason>) {
    let names: Vec<&&String> = names.iter().filter(|name| !name.is_empty()).collect();
    let is_known = |name: &str| {
        if has_wildcard(name) {
            // Names in records may end with a version, which the lists omit.
            name.bytes().any(|byte| byte.is_ascii_digit()) || CALLS.iter().any(|known| pattern_matches(name, known))
        } else {
            let plain = facts::without_version(name);
            CALLS.iter().any(|known| known.eq_ignore_ascii_case(plain))
        }
    };
    let unknown: Vec<&&&String> = names.iter().filter(|name| !is_known(name)).collect();
    // Consoles and agents make calls that the lists omit. An unknown name that resembles no known one is reported only if
    // all names are unknown.
    let all_unknown = unknown.len() == names.len();
    for name in unknown {
        if has_wildcard(name) {
            if all_unknown {
                let text = format!("no known call matches `{name}`");
                reasons.push(Reason::warning(text).at(name.trim_matches(['*', '?'])));
            }
            continue;
        }
        let near = nearest(name, &CALLS);
        let advice = match near {
            Some(near) if is_typo(&name.to_lowercase(), &near.to_lowercase()) => {
                Some(format!(" (did you mean `{near}`?)"))
            }
            _ if !all_unknown => None,
            Some(near) => Some(format!(" (the nearest is `{near}`); name its `eventSource` if it exists")),
            None => Some("; name its `eventSource` if it exists".to_owned()),
        };
        if let Some(advice) = advice {
            reasons.push(Reason::warning(format!("there is no known call `{name}`{advice}")).at(**name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_contain_only_names() {
        assert!(
            CALLS.len() > 15_000
                && CALLS.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
        );
        assert!(SERVICES.contains(&"ec2") && SERVICES.contains(&"signin"));
        for (source, name) in operations::known_calls() {
            assert!(CALLS.contains(&name), "{source} {name}");
            assert!(unknown_source(source).is_none(), "{source}");
        }
    }
}
