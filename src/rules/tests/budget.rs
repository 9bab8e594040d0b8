//! The budget of work of one rule for one record.

use super::*;
use crate::finding::Status;

fn record(text: &str) -> String {
    serde_json::json!({"eventID": "e-1", "eventName": "A", "eventSource": "ec2.amazonaws.com", "userAgent": text})
        .to_string()
}

#[test]
fn a_rule_beyond_its_budget_warns_and_names_the_record() {
    let long = record(&"ab".repeat(100_000));
    for pattern in [
        "userAgent|re: '(a|b)*a(a|b){500}c'".to_owned(),
        format!("userAgent: '*{}?b*'", "a".repeat(1000)),
        format!("userAgent: '*{}?b*'", "é".repeat(1000)),
    ] {
        for condition in ["s and t", "s and not t"] {
            let detection = format!("  s: {{eventName: A}}\n  t:\n    {pattern}\n  condition: {condition}");
            let findings = matches(&detection, &long);
            let [finding] = findings.as_slice() else { panic!("{pattern}: {findings:?}") };
            assert_eq!(finding.status, Status::Warning, "{pattern}");
            assert!(finding.message.starts_with("Record e-1 is too complex to decide: "), "{}", finding.message);
        }
        let detection = format!("  s:\n    eventName: A\n    {pattern}\n  condition: s");
        assert!(matches(&detection, &record("ab")).is_empty(), "{pattern}");
        let other = detection.replace("eventName: A", "eventName: B");
        assert!(matches(&other, &long).is_empty(), "no call of the rule: {pattern}");
    }
}

#[test]
fn a_reference_compared_for_every_element_counts() {
    let list: Vec<_> = (0..5000).map(|number| serde_json::json!({"k": number.to_string()})).collect();
    let record = serde_json::json!({"eventName": "A", "requestParameters": {"l": list}}).to_string();
    let detection = "  s:\n    eventName: A\n    requestParameters.l[any]:\n      k|fieldref|contains: requestParameters.l.k\n  \
                     condition: s";
    assert_eq!(matches(detection, &record)[0].status, Status::Warning);
}

#[test]
fn ordinary_patterns_stay_within_the_budget() {
    let long = record(&"x".repeat(250_000));
    for pattern in ["userAgent|contains: [a, b, c, d]", "userAgent: '*a*b*c'", "userAgent|re: '(?i)boto[0-9]+/[a-z.]*'"]
    {
        assert!(matches(&format!("  s:\n    {pattern}\n  condition: s"), &long).is_empty(), "{pattern}");
    }
}
