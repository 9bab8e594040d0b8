//! What EventBridge makes of an event pattern, read off its documentation: as much of it as patterns of ours may use.
//!
//! Anything else is a panic, never a match. Sources: Amazon EventBridge user guide, "Comparison operators for use in event
//! patterns" and "Amazon EventBridge quotas".

use serde_json::{Map, Value};

/// A pattern that can be asked.
#[derive(Debug)]
pub(crate) struct EventMatcher(Map<String, Value>);

impl EventMatcher {
    pub(crate) fn parse(pattern: &str) -> Self {
        assert!(pattern.len() <= 2048, "an event pattern has at most 2048 characters");
        assert!(pattern.is_ascii() && !pattern.contains(char::is_control), "{pattern:?}");
        let Value::Object(members) = serde_json::from_str(pattern).unwrap() else { panic!("no object: {pattern}") };
        assert!(!members.is_empty(), "an event pattern is not empty");
        Self(members)
    }

    /// Whether an event matches.
    pub(crate) fn matches(&self, event: &Value) -> bool {
        matches_object(&self.0, Some(event))
    }
}

/// Every member has to match. `$or` has alternatives, of which one has to.
fn matches_object(pattern: &Map<String, Value>, event: Option<&Value>) -> bool {
    // Every member is read, so that none of them is unknown.
    let all = pattern.iter().map(|(key, wanted)| {
        let given = event.and_then(|event| event.as_object()?.get(key));
        match wanted {
            Value::Array(alternatives) if key == "$or" => {
                assert!(alternatives.len() > 1, "$or has alternatives");
                let each = alternatives.iter().map(|one| matches_object(one.as_object().unwrap(), event));
                each.fold(false, |any, one| any | one)
            }
            Value::Object(inner) => matches_object(inner, given),
            Value::Array(values) => {
                assert!(!values.is_empty(), "{key} has no value");
                let is_alone = values.len() == 1;
                values.iter().map(|one| matches_value(one, given, is_alone)).fold(false, |any, one| any | one)
            }
            other => panic!("{key} is neither an array nor an object: {other}"),
        }
    });
    all.fold(true, |every, one| every & one)
}

fn matches_value(wanted: &Value, given: Option<&Value>, is_alone: bool) -> bool {
    let Value::Object(operator) = wanted else {
        assert!(!wanted.is_array());
        return given == Some(wanted);
    };
    let mut members = operator.iter();
    let (Some((name, operand)), None) = (members.next(), members.next()) else { panic!("one operator: {wanted}") };
    if name == "exists" {
        assert!(is_alone, "whether `exists` may stand beside other values is not documented");
        return given.is_some_and(|value| !value.is_object()) == operand.as_bool().unwrap();
    }
    if let ("anything-but", Value::Array(others)) = (name.as_str(), operand) {
        assert!(is_alone && others.iter().all(Value::is_string));
        return given.is_some_and(|given| !others.contains(given));
    }
    let operand = operand.as_str().unwrap();
    assert!(!operand.is_empty(), "{wanted}");
    let Some(given) = given.and_then(Value::as_str) else { return false };
    match name.as_str() {
        "prefix" => given.starts_with(operand),
        "suffix" => given.ends_with(operand),
        "wildcard" => {
            assert!(!operand.contains("**") && !operand.contains('\\'), "{operand}");
            is_like(operand, given)
        }
        other => panic!("the operator {other}"),
    }
}

/// `*` is any number of characters.
fn is_like(pattern: &str, given: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == given,
        Some((head, rest)) => given
            .strip_prefix(head)
            .is_some_and(|given| (0..=given.len()).filter_map(|at| given.get(at..)).any(|given| is_like(rest, given))),
    }
}

#[test]
fn it_reads_patterns_as_the_documentation_does() {
    let event: Value = serde_json::from_str(
        r#"{"source":"aws.s3","detail":{"name":"DeleteObject","flag":false,"none":null,"list":{"a":"b"}}}"#,
    )
    .unwrap();
    for (pattern, matches) in [
        (r#"{"source":["aws.s3"]}"#, true),
        (r#"{"source":["AWS.s3"]}"#, false),
        (r#"{"source":["aws.ec2",{"prefix":"aws."}]}"#, true),
        (r#"{"source":[{"prefix":"s3"}]}"#, false),
        (r#"{"source":["aws.s3"],"detail":{"name":["PutObject"]}}"#, false),
        (r#"{"detail":{"name":[{"suffix":"Object"}]}}"#, true),
        (r#"{"detail":{"name":[{"suffix":"object"}]}}"#, false),
        (r#"{"detail":{"name":[{"wildcard":"De*te*ect"}]}}"#, true),
        (r#"{"detail":{"name":[{"wildcard":"*Delete"}]}}"#, false),
        (r#"{"detail":{"name":[{"anything-but":["PutObject"]}]}}"#, true),
        (r#"{"detail":{"name":[{"anything-but":["DeleteObject"]}]}}"#, false),
        (r#"{"detail":{"missing":[{"anything-but":["DeleteObject"]}]}}"#, false),
        (r#"{"detail":{"flag":[false]}}"#, true),
        (r#"{"detail":{"flag":[true,null]}}"#, false),
        (r#"{"detail":{"none":[true,null]}}"#, true),
        (r#"{"detail":{"missing":[null]}}"#, false),
        (r#"{"detail":{"missing":[{"exists":false}]}}"#, true),
        (r#"{"detail":{"none":[{"exists":false}]}}"#, false),
        (r#"{"missing":{"inner":[{"exists":false}]}}"#, true),
        (r#"{"detail":{"$or":[{"name":["x"]},{"flag":[false]}]}}"#, true),
        (r#"{"detail":{"$or":[{"name":["x"]},{"flag":[true]}]}}"#, false),
        (r#"{"detail":{"name":["x"],"$or":[{"flag":[false]},{"flag":[true]}]}}"#, false),
    ] {
        assert_eq!(EventMatcher::parse(pattern).matches(&event), matches, "{pattern}");
    }
}
