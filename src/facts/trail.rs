//! What a call sets on a trail: where it delivers, and which management events it records.

use std::collections::BTreeSet;

use super::{Calls, Fact, Origin, calls, named, object, texts};
use crate::event::{Event, Object, Value, scalar_text};

/// The settings of a trail that a call gives.
pub(super) const SETTINGS: Fact = Fact {
    name: "trail.settings",
    calls: Calls::These(&[(calls::CLOUDTRAIL, "CreateTrail"), (calls::CLOUDTRAIL, "UpdateTrail")]),
    doc: "The settings that CreateTrail and UpdateTrail give a trail. `said` lists them in words, `less` those that make it \
          record or protect less; `bucket`, `log-group`, `role`, `key` and `topic` are the resources it is to use, each as \
          its ARN and, unless that is one of another account, its name.",
    origin: Origin::Derived(settings),
};

/// The management events that a trail no longer records.
pub(super) const SELECTORS: Fact = Fact {
    name: "trail.selectors",
    calls: Calls::These(&[(calls::CLOUDTRAIL, "PutEventSelectors")]),
    doc: "The management events that a trail records by the selectors of PutEventSelectors, all of them taken together. \
          `level` is whole when it records all, minor when only events of AWS KMS or the RDS Data API are missing, else \
          major; `misses` lists in words what is missing.",
    origin: Origin::Derived(selectors),
};

/// Services whose events people leave out because there are many, by `eventSource`, and their names.
const EXCLUDABLE: [(&str, &str); 2] = [
    ("kms.amazonaws.com", "AWS KMS (kms.amazonaws.com)"),
    ("rdsdata.amazonaws.com", "RDS Data API (rdsdata.amazonaws.com)"),
];

/// Settings that make a trail record or protect less when they are false, in words, the most important first.
const SWITCHES: [(&str, &str); 4] = [
    ("isOrganizationTrail", "not for the organization"),
    ("isMultiRegionTrail", "one Region only"),
    ("includeGlobalServiceEvents", "no global services"),
    ("enableLogFileValidation", "no log file validation"),
];

/// Settings that take something away from a trail when they are empty, and give it something else when they are not: the
/// kind of the resource, and what it is called.
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
    let mut given = Vec::new();
    let mut members = Vec::new();
    for (parameter, kind, words) in RESOURCES {
        match text(parameter) {
            None => {}
            // Who is notified of deliveries does not change what the trail records.
            Some(empty) if empty.is_empty() && kind == "topic" => {}
            Some(empty) if empty.is_empty() => less.push(format!("no {words}")),
            Some(value) => {
                given.push(format!("{words} {value}"));
                members.extend(named::texts_at(event, parameter, kind).map(|texts| (kind, texts)));
            }
        }
    }
    let said: Vec<String> = less.iter().cloned().chain(given).collect();
    for (member, list) in [("less", less), ("said", said)] {
        if !list.is_empty() {
            members.push((member, texts(list)));
        }
    }
    (!members.is_empty()).then(|| object(members))
}

/// What a selector lets through of the events that read, or of those that write.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Side {
    /// Nothing, or an unknown part.
    Nothing,
    /// All but the events of these services.
    AllBut(BTreeSet<String>),
}

impl Side {
    /// What two selectors let through together.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, side) | (side, Self::Nothing) => side,
            (Self::AllBut(one), Self::AllBut(other)) => Self::AllBut(one.intersection(&other).cloned().collect()),
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
    let of_basic = basic.into_iter().flatten().filter_map(Value::as_object).map(basic_sides);
    let of_advanced = advanced.into_iter().flatten().filter_map(Value::as_object).map(advanced_sides);
    let [reads, writes] = of_basic.chain(of_advanced).fold([Side::Nothing, Side::Nothing], |[reads, writes], other| {
        let [of_reads, of_writes] = other;
        [reads.or(of_reads), writes.or(of_writes)]
    });
    let (level, misses) = judged(reads, writes);
    Some(object([("level", Value::from(level)), ("misses", texts(misses))]))
}

/// How much is missing, and what, in words.
fn judged(reads: Side, writes: Side) -> (&'static str, Vec<String>) {
    let (without_reads, without_writes) = (reads == Side::Nothing, writes == Side::Nothing);
    let mut misses = Vec::new();
    match (without_reads, without_writes) {
        (true, true) => misses.push("management events, or only some of them".to_owned()),
        (true, false) => misses.push("management events that read".to_owned()),
        (false, true) => misses.push("management events that write".to_owned()),
        (false, false) => {}
    }
    let mut is_minor = misses.is_empty();
    let excluded = [reads, writes].into_iter().filter_map(|side| match side {
        Side::AllBut(services) => Some(services),
        Side::Nothing => None,
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
fn basic_sides(selector: &Object<'_>) -> [Side; 2] {
    let text = |key: &str| selector.get(key).and_then(scalar_text).unwrap_or_default();
    if text("includeManagementEvents").eq_ignore_ascii_case("false") {
        return [Side::Nothing, Side::Nothing];
    }
    let all = Side::AllBut(strings(selector.get("excludeManagementEventSources")).collect());
    match text("readWriteType").to_ascii_lowercase().as_str() {
        "readonly" => [all, Side::Nothing],
        "writeonly" => [Side::Nothing, all],
        _ => [all.clone(), all],
    }
}

/// `{"fieldSelectors": [{"field": "eventCategory", "equals": ["Management"]}, {"field": "readOnly", "equals": ["true"]}]}`
fn advanced_sides(selector: &Object<'_>) -> [Side; 2] {
    let nothing = [Side::Nothing, Side::Nothing];
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
            // A beginning or an end of a value narrows it.
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
    let side = |admits: bool| if admits { Side::AllBut(excluded.clone()) } else { Side::Nothing };
    [side(reads), side(writes)]
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

    fn judged_as(request: &serde_json::Value) -> String {
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
    fn selectors_are_judged_together() {
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
            assert_eq!(judged_as(&request), expected.replace("ALL", all), "{request}");
        }
    }
}
