//! Services and calls that do not exist.

use std::sync::LazyLock;

use wildmatch::WildMatch;

use crate::facts;
use crate::rules::load::diagnostic::Reason;
use crate::rules::load::operations;
use crate::rules::load::spelling::{did_you_mean, is_slip, nearest};
use crate::rules::rule::Rule;
use crate::rules::sigma::call_pattern::{CallPattern, CallPatterns, Names};

/// The source of heartbeats, which no service sends.
const HEARTBEAT: &str = "heartbeat.trailwarden";
/// The ends of event sources.
const ENDS: [&str; 4] = [".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.cn", ".aws.internal"];

static CALLS: LazyLock<Vec<&str>> = LazyLock::new(|| lines(include_str!("../names/calls.txt")));
static SERVICES: LazyLock<Vec<&str>> = LazyLock::new(|| lines(include_str!("../names/services.txt")));

/// The lines of a list, which begins with comments.
fn lines(text: &'static str) -> Vec<&'static str> {
    text.lines().filter(|line| !line.starts_with('#')).collect()
}

/// Warns of services and calls that a rule names and that do not exist.
pub(super) fn lint(rule: &Rule, reasons: &mut Vec<Reason>) {
    let of_detections: Vec<CallPatterns> =
        rule.sigma().detection.named.values().map(CallPatterns::of_detection).collect();
    let call_patterns =
        rule.call_patterns().0.iter().chain(of_detections.iter().flat_map(|call_patterns| &call_patterns.0));
    let mut found: Vec<Reason> = Vec::new();
    for call_pattern in call_patterns {
        if let Names::These(sources) = &call_pattern.source {
            found.extend(sources.iter().filter(|source| !is_wild(source)).filter_map(|source| unknown_source(source)));
        }
        unknown_calls(call_pattern, &mut found);
    }
    for reason in found {
        // The same call without its service may have been found too, and less is known of it.
        if !reasons.iter().any(|known| known.at == reason.at) {
            reasons.push(reason);
        }
    }
}

fn is_wild(name: &str) -> bool {
    name.contains(['*', '?'])
}

fn unknown_source(source: &str) -> Option<Reason> {
    let lower = source.to_ascii_lowercase();
    if lower == HEARTBEAT {
        return None;
    }
    let warn = |text: String| Some(Reason::warning(text).at(source));
    let Some(label) = ENDS.iter().find_map(|end| lower.strip_suffix(end)) else {
        let label = lower.strip_prefix("aws.").unwrap_or(&lower);
        let advice = match SERVICES.contains(&label) {
            true => format!("; write `{label}.amazonaws.com`"),
            false => String::new(),
        };
        return warn(format!("`{source}` is no event source: they end in `.amazonaws.com`{advice}"));
    };
    if SERVICES.contains(&label) {
        return None;
    }
    let near = SERVICES.iter().find(|known| is_slip(label, known))?;
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
        Names::Any => of_any_service(&names, reasons),
        Names::These(sources) => of_services(sources, &names, reasons),
    }
}

/// Calls of services whose calls are all known.
fn of_services(sources: &[String], names: &[&String], reasons: &mut Vec<Reason>) {
    let known_of = |source: &String| operations::names_of(&source.to_ascii_lowercase());
    if !sources.iter().all(|source| !known_of(source).is_empty()) {
        return;
    }
    let known: Vec<&str> = sources.iter().flat_map(known_of).collect();
    for name in names {
        let plain = facts::without_version(name);
        if is_wild(name) {
            // A version may stand at the end of a name, which no list has.
            let is_versioned = name.bytes().any(|byte| byte.is_ascii_digit());
            if !is_versioned && !known.iter().any(|known| fits(name, known)) {
                let text = format!("no call of {} fits `{name}`", sources.join(" or "));
                reasons.push(Reason::warning(text).at(name.trim_matches(['*', '?'])));
            }
        } else if !known.iter().any(|known| known.eq_ignore_ascii_case(plain)) {
            let near = did_you_mean(name, &known);
            let text = format!("{} has no call `{name}`{near}", sources.join(" or "));
            reasons.push(Reason::warning(text).at(*name));
        }
    }
}

/// Calls where the rule names no service.
fn of_any_service(names: &[&String], reasons: &mut Vec<Reason>) {
    let names: Vec<&&String> = names.iter().filter(|name| !name.is_empty()).collect();
    let is_known = |name: &str| match is_wild(name) {
        // A version may stand at the end of a name, which no list has.
        true => name.bytes().any(|byte| byte.is_ascii_digit()) || CALLS.iter().any(|known| fits(name, known)),
        false => {
            let plain = facts::without_version(name);
            CALLS.iter().any(|known| known.eq_ignore_ascii_case(plain))
        }
    };
    let unknown: Vec<&&&String> = names.iter().filter(|name| !is_known(name)).collect();
    // Consoles and agents make calls that no list has: a name that looks like none is doubted only if nothing else in the
    // rule is known.
    let is_dead = unknown.len() == names.len();
    for name in unknown {
        if is_wild(name) {
            if is_dead {
                let text = format!("no service is known to have a call that fits `{name}`");
                reasons.push(Reason::warning(text).at(name.trim_matches(['*', '?'])));
            }
            continue;
        }
        let near = nearest(name, &CALLS);
        let advice = match near {
            Some(near) if is_slip(&name.to_lowercase(), &near.to_lowercase()) => {
                Some(format!(" (did you mean `{near}`?)"))
            }
            _ if !is_dead => None,
            Some(near) => Some(format!(" (the nearest is `{near}`); name its `eventSource` if it exists")),
            None => Some("; name its `eventSource` if it exists".to_owned()),
        };
        if let Some(advice) = advice {
            reasons.push(Reason::warning(format!("no service is known to have a call `{name}`{advice}")).at(**name));
        }
    }
}

fn fits(pattern: &str, name: &str) -> bool {
    WildMatch::new(&pattern.to_ascii_lowercase()).matches(&name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_lists_of_names() {
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
