//! The evidence of every form of detection.

use super::*;

#[test]
fn every_form_of_detection_has_evidence() {
    let record = r#"{"eventName":"A","requestParameters":{"a":"x","b":["y","z"],"o":{"k":1},
        "list":[{"k":"1","n":2},{"k":"2"},{"k":"1"}]},"errorCode":null}"#;
    let mut reported = Vec::new();
    for detection in [
        "s: {eventName: A, requestParameters.a|startswith: x}\n  condition: s",
        "s: [{eventName: A}, {requestParameters.a: x}, {requestParameters.a: y}]\n  condition: s",
        "s: {eventName|exists: true, errorCode: null, none|exists: false}\n  condition: s",
        "s: {eventName: [A, null], errorCode: [null, x], requestParameters.a|neq: y}\n  condition: s",
        "s: [x, w]\n  condition: s",
        "s: {'|all': [x, y]}\n  condition: s",
        "s: {requestParameters.o|contains: k, requestParameters.b: z}\n  condition: s",
        "s: {requestParameters.o|exists: true}\n  condition: s",
        "s: {eventName: A}\n  t: {requestParameters.a: x}\n  u: {eventName: B}\n  condition: s and (t or u) and not u",
        "s_1: {eventName: A}\n  s_3: {eventName: B}\n  s_2: {requestParameters.b: z}\n  condition: 1 of s_*",
        "s_1: {eventName: A}\n  s_2: {requestParameters.b: z}\n  condition: all of them",
        "s: {eventName: A, 'requestParameters.list[any]': {k: '1'}}\n  condition: s",
        "s: {'requestParameters.list[all]': {k|exists: true}}\n  condition: s",
        "s: {'requestParameters.list[any]': {c: {k: '1'}, d: {n: 2}, condition: c and not d}}\n  condition: s",
        "s: {eventName: A}\n  t: {eventName: B}\n  condition:\n    - t\n    - s",
    ] {
        let finding = matches(&format!("  {detection}"), record).pop().unwrap_or_else(|| panic!("{detection}"));
        let clauses = finding.evidence.iter().map(|clause| format!("\n  {} = {}", clause.field, clause.value));
        reported.push(format!("{}{}", detection.replace("\n ", ""), clauses.collect::<String>()));
    }
    insta::assert_snapshot!(reported.join("\n"), @r#"
    s: {eventName: A, requestParameters.a|startswith: x} condition: s
      eventName = "A"
      requestParameters.a = "x"
    s: [{eventName: A}, {requestParameters.a: x}, {requestParameters.a: y}] condition: s
      eventName = "A"
      requestParameters.a = "x"
    s: {eventName|exists: true, errorCode: null, none|exists: false} condition: s
      eventName = "A"
      errorCode = null
      none = null
    s: {eventName: [A, null], errorCode: [null, x], requestParameters.a|neq: y} condition: s
      eventName = "A"
      errorCode = null
      requestParameters.a = "x"
    s: [x, w] condition: s
      keyword = null
    s: {'|all': [x, y]} condition: s
      keyword = null
    s: {requestParameters.o|contains: k, requestParameters.b: z} condition: s
      requestParameters.o = "{\"k\":1}"
      requestParameters.b = ["y","z"]
    s: {requestParameters.o|exists: true} condition: s
      requestParameters.o = {"k":1}
    s: {eventName: A} t: {requestParameters.a: x} u: {eventName: B} condition: s and (t or u) and not u
      eventName = "A"
      requestParameters.a = "x"
    s_1: {eventName: A} s_3: {eventName: B} s_2: {requestParameters.b: z} condition: 1 of s_*
      eventName = "A"
      requestParameters.b = ["y","z"]
    s_1: {eventName: A} s_2: {requestParameters.b: z} condition: all of them
      eventName = "A"
      requestParameters.b = ["y","z"]
    s: {eventName: A, 'requestParameters.list[any]': {k: '1'}} condition: s
      eventName = "A"
      requestParameters.list[0] = {"k":"1","n":2}
      requestParameters.list[2] = {"k":"1"}
    s: {'requestParameters.list[all]': {k|exists: true}} condition: s
      requestParameters.list[0] = {"k":"1","n":2}
      requestParameters.list[1] = {"k":"2"}
      requestParameters.list[2] = {"k":"1"}
    s: {'requestParameters.list[any]': {c: {k: '1'}, d: {n: 2}, condition: c and not d}} condition: s
      requestParameters.list[2] = {"k":"1"}
    s: {eventName: A} t: {eventName: B} condition:   - t   - s
      eventName = "A"
    "#);
}
