//! Settings of a trail: its delivery, and the management events that it records.

use std::collections::BTreeSet;

use super::{Calls, Derivation, Fact, calls, named, object, texts};
use crate::event::{Event, Object, Value, scalar_text};

/// The settings in a call that creates or updates a trail.
pub(super) const SETTINGS: Fact = Fact {
    name: "trail.settings",
    calls: Calls::These(&[(calls::CLOUDTRAIL, "CreateTrail"), (calls::CLOUDTRAIL, "UpdateTrail")]),
    doc: "The settings of a trail in CreateTrail and UpdateTrail. `said` lists them in words, and `less` those that make it \
          record or protect less. `bucket`, `log-group`, `role`, `key` and `topic` are the resources that it uses, each as \
          its ARN and, unless it belongs to another account, its name.",
    derivation: Derivation::FromRecord(settings),
};

/// The management events that a trail records.
pub(super) const SELECTORS: Fact = Fact {
    name: "trail.selectors",
    calls: Calls::These(&[(calls::CLOUDTRAIL, "PutEventSelectors")]),
    doc: "The management events that a trail records according to all selectors of PutEventSelectors together. `level` is \
          whole if it records all of them, minor if only events of AWS KMS or the RDS Data API are missing, else major. \
          `misses` lists in words the events that are missing.",
    derivation: Derivation::FromRecord(selectors),
};

/// Services whose events are often excluded because of their number, by `eventSource`, and their names.
const EXCLUDABLE: [(&str, &str); 2] = [
    ("kms.amazonaws.com", "AWS KMS (kms.amazonaws.com)"),
    ("rdsdata.amazonaws.com", "RDS Data API (rdsdata.amazonaws.com)"),
];

/// Settings that make a trail record or protect less if they are false, and a description, the most important first.
const SWITCHES: [(&str, &str); 4] = [
    ("isOrganizationTrail", "not for the organization"),
    ("isMultiRegionTrail", "one Region only"),
    ("includeGlobalServiceEvents", "no global services"),
    ("enableLogFileValidation", "no log file validation"),
];

/// Settings that name a resource, or remove it if they are empty: the parameter, the kind of the resource, and its name in
/// sentences.
const RESOURCES: [(&str, &str, &str); 5] = [
    ("s3BucketName", "bucket", "bucket"),
    ("cloudWatchLogsLogGroupArn", "log-group", "log group"),
    ("cloudWatchLogsRoleArn", "role", "role"),
    ("kmsKeyId", "key", "KMS key"),
    ("snsTopicName", "topic", "topic"),
];

fn settings<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    let request = event.request()?.as_object()?;
    let text = |parameter: &str| request.get(parameter).and_then(scalar_text);
    let mut less: Vec<String> = Vec::new();
    for (parameter, words) in SWITCHES {
        if text(parameter).is_some_and(|flag| flag.eq_ignore_ascii_case("false")) {
            less.push(words.to_owned());
        }
    }
    let mut used = Vec::new();
    let mut members = Vec::new();
    for (parameter, kind, words) in RESOURCES {
        match text(parameter) {
            None => {}
            // Notifications of deliveries do not change the events that the trail records.
            Some(empty) if empty.is_empty() && kind == "topic" => {}
            Some(empty) if empty.is_empty() => less.push(format!("no {words}")),
            Some(value) => {
                used.push(format!("{words} {value}"));
                members.extend(named::texts_at(event, parameter, kind).map(|texts| (kind, texts)));
            }
        }
    }
    let all: Vec<String> = less.iter().cloned().chain(used).collect();
    for (member, list) in [("less", less), ("said", all)] {
        if !list.is_empty() {
            members.push((member, texts(list)));
        }
    }
    (!members.is_empty()).then(|| object(members))
}

/// The read events or the write events that a selector selects.
#[derive(Debug, Clone, PartialEq, Eq)]
enum SelectedEvents {
    /// None, or an unknown part.
    None,
    /// All except the events of these services.
    AllBut(BTreeSet<String>),
}

impl SelectedEvents {
    /// The events that two selectors select together.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::None, selected) | (selected, Self::None) => selected,
            (Self::AllBut(first), Self::AllBut(second)) => Self::AllBut(first.intersection(&second).cloned().collect()),
        }
    }
}

fn selectors<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    let request = event.request()?.as_object()?;
    let list = |key: &str| request.get(key).and_then(Value::as_array);
    let (basic, advanced) = (list("eventSelectors"), list("advancedEventSelectors"));
    if basic.is_none() && advanced.is_none() {
        return None;
    }
    let of_basic = basic.into_iter().flatten().filter_map(Value::as_object).map(from_basic_selector);
    let of_advanced = advanced.into_iter().flatten().filter_map(Value::as_object).map(from_advanced_selector);
    let [reads, writes] =
        of_basic.chain(of_advanced).fold([SelectedEvents::None, SelectedEvents::None], |[reads, writes], other| {
            let [of_reads, of_writes] = other;
            [reads.or(of_reads), writes.or(of_writes)]
        });
    let (level, misses) = level_and_misses(reads, writes);
    Some(object([("level", Value::from(level)), ("misses", texts(misses))]))
}

/// The level and a description of the missing events.
fn level_and_misses(reads: SelectedEvents, writes: SelectedEvents) -> (&'static str, Vec<String>) {
    let (without_reads, without_writes) = (reads == SelectedEvents::None, writes == SelectedEvents::None);
    let mut misses = Vec::new();
    match (without_reads, without_writes) {
        (true, true) => misses.push("management events, or only some of them".to_owned()),
        (true, false) => misses.push("management events that read".to_owned()),
        (false, true) => misses.push("management events that write".to_owned()),
        (false, false) => {}
    }
    let mut is_minor = misses.is_empty();
    let excluded = [reads, writes].into_iter().filter_map(|selected| match selected {
        SelectedEvents::AllBut(services) => Some(services),
        SelectedEvents::None => None,
    });
    for service in excluded.flatten().collect::<BTreeSet<String>>() {
        let known = EXCLUDABLE.iter().find(|(source, _)| *source == service);
        is_minor &= known.is_some();
        misses.push(format!("events of {}", known.map_or(service.as_str(), |(_, name)| name)));
    }
    match (misses.is_empty(), is_minor) {
        (true, _) => ("whole", misses),
        (false, true) => ("minor", misses),
        (false, false) => ("major", misses),
    }
}

/// `{"readWriteType": "All", "includeManagementEvents": true, "excludeManagementEventSources": ["kms.amazonaws.com"]}`
fn from_basic_selector(selector: &Object<'_>) -> [SelectedEvents; 2] {
    let text = |key: &str| selector.get(key).and_then(scalar_text).unwrap_or_default();
    if text("includeManagementEvents").eq_ignore_ascii_case("false") {
        return [SelectedEvents::None, SelectedEvents::None];
    }
    let all = SelectedEvents::AllBut(strings(selector.get("excludeManagementEventSources")).collect());
    match text("readWriteType").to_ascii_lowercase().as_str() {
        "readonly" => [all, SelectedEvents::None],
        "writeonly" => [SelectedEvents::None, all],
        _ => [all.clone(), all],
    }
}

/// `{"fieldSelectors": [{"field": "eventCategory", "equals": ["Management"]}, {"field": "readOnly", "equals": ["true"]}]}`
fn from_advanced_selector(selector: &Object<'_>) -> [SelectedEvents; 2] {
    let nothing = [SelectedEvents::None, SelectedEvents::None];
    let fields = selector.get("fieldSelectors").and_then(Value::as_array).into_iter().flatten();
    let (mut is_management, mut reads, mut writes, mut excluded) = (false, true, true, BTreeSet::new());
    for field in fields.filter_map(Value::as_object) {
        let name = field.get("field").and_then(Value::as_str).unwrap_or_default();
        let values = |operator: &str| strings(field.get(operator)).collect::<BTreeSet<String>>();
        let (equals, differs) = (values("equals"), values("notEquals"));
        let is_other = |(key, value): (&str, &Value<'_>)| {
            !matches!(key, "field" | "equals" | "notEquals") && strings(Some(value)).next().is_some()
        };
        if field.iter().any(is_other) {
            // An operator such as startsWith selects only a part of the events.
            return nothing;
        }
        match name.to_ascii_lowercase().as_str() {
            "eventcategory" if differs.is_empty() => is_management = equals.contains("management"),
            "readonly" => {
                let admits = |flag: &str| (equals.is_empty() || equals.contains(flag)) && !differs.contains(flag);
                (reads, writes) = (reads && admits("true"), writes && admits("false"));
            }
            "eventsource" if equals.is_empty() => excluded.extend(differs),
            _ => return nothing,
        }
    }
    if !is_management {
        return nothing;
    }
    let selected = |admits: bool| if admits { SelectedEvents::AllBut(excluded.clone()) } else { SelectedEvents::None };
    [selected(reads), selected(writes)]
}

/// A string, or each string of a list, in lower case.
fn strings<'v>(value: Option<&'v Value<'_>>) -> impl Iterator<Item = String> + 'v {
    let elements = value.and_then(Value::as_array).into_iter().flatten();
    let scalar = value.filter(|value| !value.is_array());
    elements.chain(scalar).filter_map(scalar_text).filter(|text| !text.is_empty()).map(|text| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn described(request: &serde_json::Value) -> String {
        let record = json!({"eventSource": "cloudtrail.amazonaws.com", "eventName": "PutEventSelectors",
                            "requestParameters": request})
        .to_string();
        let event = Event::parse(&record).unwrap();
        let Some(value) = selectors(&event) else { return "nothing".to_owned() };
        let value = serde_json::Value::from(&value);
        let misses = value["misses"].as_array().unwrap().iter().map(|text| text.as_str().unwrap());
        [value["level"].as_str().unwrap()].into_iter().chain(misses).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn selectors_are_evaluated_together() {
        let management = json!({"field": "eventCategory", "equals": ["Management"]});
        let advanced = |lists: &[Vec<serde_json::Value>]| {
            let selector = |fields: &Vec<serde_json::Value>| {
                let fields: Vec<_> = std::iter::once(&management).chain(fields).collect();
                json!({"fieldSelectors": fields})
            };
            json!({"advancedEventSelectors": lists.iter().map(selector).collect::<Vec<_>>()})
        };
        let read_only = |flag: &str| json!({"field": "readOnly", "equals": [flag]});
        let without = |source: &str| json!({"field": "eventSource", "notEquals": [source]});
        let (reads, writes) = (read_only("true"), read_only("false"));
        let (kms, iam) = (without("kms.amazonaws.com"), without("iam.amazonaws.com"));
        let all = "management events, or only some of them";
        for (request, expected) in [
            (json!({}), "nothing"),
            (json!({"eventSelectors": []}), "major; ALL"),
            (json!({"eventSelectors": [{}]}), "whole"),
            (json!({"eventSelectors": [{"includeManagementEvents": "false"}]}), "major; ALL"),
            (json!({"eventSelectors": [{"readWriteType": "ReadOnly"}, {"readWriteType": "WriteOnly"}]}), "whole"),
            (json!({"eventSelectors": [{"readWriteType": "WriteOnly"}]}), "major; management events that read"),
            (advanced(&[vec![]]), "whole"),
            (advanced(&[vec![reads.clone()], vec![writes.clone()]]), "whole"),
            (
                advanced(&[vec![json!({"field": "readOnly", "notEquals": ["true"]})]]),
                "major; management events that read",
            ),
            (advanced(&[vec![reads.clone()]]), "major; management events that write"),
            (advanced(&[vec![kms.clone()]]), "minor; events of AWS KMS (kms.amazonaws.com)"),
            (advanced(&[vec![kms.clone()], vec![without("rdsdata.amazonaws.com")]]), "whole"),
            (
                advanced(&[vec![reads.clone(), kms.clone()], vec![writes.clone()]]),
                "minor; events of AWS KMS (kms.amazonaws.com)",
            ),
            (
                advanced(&[vec![writes, kms]]),
                "major; management events that read; events of AWS KMS (kms.amazonaws.com)",
            ),
            (advanced(&[vec![iam]]), "major; events of iam.amazonaws.com"),
            (advanced(&[vec![json!({"field": "eventSource", "equals": ["iam.amazonaws.com"]})]]), "major; ALL"),
            (advanced(&[vec![json!({"field": "eventName", "startsWith": ["Put"]})]]), "major; ALL"),
            (
                json!({"advancedEventSelectors": [{"fieldSelectors": [{"field": "eventCategory", "equals": ["Data"]}]}]}),
                "major; ALL",
            ),
        ] {
            assert_eq!(described(&request), expected.replace("ALL", all), "{request}");
        }
    }
}
