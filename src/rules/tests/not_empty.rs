//! `field: '?*'`: fields that are not empty.

use super::*;

/// Returns the evidence of the findings of each record, as fields and values.
fn found(detection: &str, records: &[String]) -> Vec<Vec<Vec<(String, serde_json::Value)>>> {
    let evidence = |finding: Finding| finding.evidence.into_iter().map(|one| (one.field, one.value)).collect();
    records.iter().map(|json| matches(detection, json).into_iter().map(evidence).collect()).collect()
}

/// A regular expression for any character is the oracle.
#[test]
fn a_field_is_not_empty_where_any_character_is_found() {
    let values = [
        r#""""#,
        r#"" ""#,
        r#""\n""#,
        r#""é""#,
        r#""AccessDenied""#,
        "null",
        "true",
        "false",
        "0",
        "-1.5",
        "[]",
        "[null]",
        r#"[""]"#,
        r#"["","x"]"#,
        r#"["",["x"]]"#,
        r#"[[""]]"#,
        "{}",
        r#"{"a":""}"#,
        r#"[{}]"#,
    ];
    let mut records = vec![r#"{"eventName":"B"}"#.to_owned()];
    for value in values {
        records.push(format!(r#"{{"eventName":"B","errorCode":{value}}}"#));
        records.push(format!(r#"{{"eventName":"B","a":{{"b":{value}}}}}"#));
        records.push(format!(r#"{{"eventName":"x","a":[{{"b":""}},{{"b":{value}}}],"errorCode":"x"}}"#));
    }
    for field in ["errorCode", "a.b"] {
        for shape in [
            "  s:\n    FIELD\n  condition: s",
            "  s:\n    FIELD\n  condition: not s",
            "  s:\n    - FIELD\n    - eventName: A\n  condition: s",
            "  s:\n    FIELD\n  t:\n    FIELD\n    awsRegion: null\n  condition: s and t",
            "  s:\n    FIELD\n  t:\n    NAME: [x, '']\n  condition: s or t",
            "  s:\n    FIELD\n  t:\n    NAME: null\n  condition: not s and not t",
            "  s:\n    FIELD\n  t:\n    NAME|exists: true\n  condition: t and not s",
            "  s:\n    FIELD\n  t:\n    eventName|fieldref: NAME\n  condition: s or t",
        ] {
            let of = |item: &str| shape.replace("FIELD", item).replace("NAME", field);
            let found_by_rule = found(&of(&format!("{field}: '?*'")), &records);
            let searched = found(&of(&format!("{field}|re: '(?s).'")), &records);
            for ((found_by_rule, searched), record) in found_by_rule.iter().zip(&searched).zip(&records) {
                assert_eq!(found_by_rule, searched, "{} on {record}", of(field));
            }
            assert!(found_by_rule.iter().any(Vec::is_empty) && !found_by_rule.iter().all(Vec::is_empty), "{shape}");
        }
    }
}
