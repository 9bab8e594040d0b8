//! What is wrong with rules that run all the same: they do less than they seem to.

use std::collections::BTreeSet;

use rsigma_parser::{Detection, DetectionItem, Severity, SigmaRule, lint_yaml_str};

use super::fault::{FaultKind, Reason, RuleFault};
use super::files::RuleFile;
use super::operations;
use super::rule::Rule;
use super::settings::nearest;
use super::trigger::Names;
use crate::facts;

/// The members of a CloudTrail record, after the CloudTrail user guide, "CloudTrail record contents".
const FIELDS: [&str; 32] = [
    "additionalEventData",
    "addendum",
    "apiVersion",
    "awsRegion",
    "edgeDeviceDetails",
    "errorCode",
    "errorMessage",
    "eventCategory",
    "eventContext",
    "eventID",
    "eventName",
    "eventSource",
    "eventTime",
    "eventType",
    "eventVersion",
    "insightDetails",
    "managementEvent",
    "readOnly",
    "recipientAccountId",
    "requestID",
    "requestParameters",
    "resources",
    "responseElements",
    "serviceEventDetails",
    "sessionCredentialFromConsole",
    "sharedEventID",
    "sourceIPAddress",
    "tlsDetails",
    "userAgent",
    "userIdentity",
    "vpcEndpointAccountId",
    "vpcEndpointId",
];
/// The source of heartbeats, which no service sends.
const HEARTBEAT: &str = "heartbeat.trailwarden";

/// What the Sigma specification asks of the form of the file, as far as it is more than style.
pub(super) fn structure(file: &RuleFile) -> Vec<RuleFault> {
    let warnings = lint_yaml_str(file.text.as_str()).into_iter();
    let told = warnings.filter(|warning| matches!(warning.severity, Severity::Error | Severity::Warning));
    told.map(|warning| {
        let kind = if warning.severity == Severity::Error { FaultKind::Error } else { FaultKind::Warning };
        // Its lines count from 0; what has no place of its own is the whole document's.
        let line = warning.span.and_then(|span| usize::try_from(span.start_line).ok());
        let line = Some(line.map_or(1, |line| line + 1));
        RuleFault { line, kind, ..RuleFault::of_file(&file.name, format!("{} ({})", warning.message, warning.rule)) }
    })
    .collect()
}

/// What a rule asks for in vain.
pub(super) fn warnings(rule: &Rule) -> Vec<RuleFault> {
    let mut reasons = Vec::new();
    reasons.extend(unknown_fields(rule.sigma()));
    unknown_calls(rule, &mut reasons);
    let is_filled = rule.placeholders().is_empty();
    if rule.triggers().0.is_empty() && is_filled {
        let text = "it can never match: its condition asks for two different services or calls at once";
        reasons.push(Reason::warning(text).at("condition"));
    }
    let name = rule.name();
    reasons.into_iter().map(|reason| reason.in_file(rule.file(), rule.text(), Some(name))).collect()
}

/// Fields of a detection that no record has.
pub(super) fn unknown_fields(sigma: &SigmaRule) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut fields = BTreeSet::new();
    sigma.detection.named.values().for_each(|detection| fields_of(detection, &mut fields));
    for field in fields {
        let head = field.split(['.', '[']).next().unwrap_or_default();
        if facts::is_fact_namespace(head) || FIELDS.contains(&head) {
            continue;
        }
        let near = nearest(head, &FIELDS).map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
        reasons.push(Reason::warning(format!("CloudTrail records have no field `{head}`{near}")).at(head));
    }
    reasons
}

fn fields_of<'r>(detection: &'r Detection, fields: &mut BTreeSet<&'r str>) {
    match detection {
        Detection::AllOf(items) => {
            let name = |item: &'r DetectionItem| item.field.name.as_deref();
            fields.extend(items.iter().filter_map(name));
        }
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter().for_each(|part| fields_of(part, fields)),
        // What stands in the body is named within a member of the array.
        Detection::ArrayMatch { field, .. } => {
            fields.insert(field);
        }
        Detection::Conditional { named, .. } => named.values().for_each(|part| fields_of(part, fields)),
        Detection::Keywords(_) => {}
    }
}

fn unknown_calls(rule: &Rule, reasons: &mut Vec<Reason>) {
    let is_plain = |name: &&String| !name.contains(['*', '?']);
    for trigger in &rule.triggers().0 {
        let Names::These(sources) = &trigger.source else { continue };
        for source in sources
            .iter()
            .filter(is_plain)
            .filter(|source| **source != HEARTBEAT && !source.to_ascii_lowercase().ends_with(".amazonaws.com"))
        {
            let text = format!("`{source}` is no event source: they end in `.amazonaws.com`");
            reasons.push(Reason::warning(text).at(source));
        }
        let Names::These(names) = &trigger.name else { continue };
        let known: Vec<&str> =
            sources.iter().flat_map(|source| operations::names_of(&source.to_ascii_lowercase())).collect();
        let all_known = sources.iter().all(|source| !operations::names_of(&source.to_ascii_lowercase()).is_empty());
        if !all_known {
            continue;
        }
        let unknown = names.iter().filter(is_plain).filter(|name| {
            let name = facts::without_version(name);
            !known.iter().any(|known| known.eq_ignore_ascii_case(name))
        });
        for name in unknown {
            let near = nearest(name, &known).map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
            let text = format!("{} has no call `{name}`{near}", sources.join(" or "));
            reasons.push(Reason::warning(text).at(name));
        }
    }
    reasons.dedup();
}
