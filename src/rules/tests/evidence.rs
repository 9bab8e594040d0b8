//! What made a rule match is the same with and without the engine's trace of it.

use super::super::evidence::Matched;
use super::super::matcher::Matcher;
use super::embedded::records;
use super::*;

fn assert_same(rule: &Rule, event: &Event<'_>, told: &str) -> bool {
    let (matcher, subject) = (Matcher::new(rule.sigma()).unwrap(), Subject::new(event));
    let explanation = matcher.explain(&subject);
    let hold = matcher.holding(&subject);
    assert_eq!(!hold.is_empty(), explanation.matched, "{}: {told}", rule.info().name);
    assert_eq!(
        Matched::of(&matcher, &hold, &subject),
        Matched::traced(&explanation, &subject),
        "{}: {told}",
        rule.info().name
    );
    explanation.matched
}

#[test]
fn evidence_of_the_built_in_rules_is_that_of_their_traces() {
    let set = RuleSet::load(&[]).unwrap();
    let mut matched = 0;
    for (file, text) in records() {
        let rule = file.split("fixtures/rules/").nth(1).and_then(|rest| rest.split('/').next()).unwrap();
        let Some(rule) = set.rules().iter().find(|one| one.info().name == rule) else { continue };
        let Ok(event) = Event::parse(&text) else { continue };
        matched += usize::from(assert_same(rule, &event, &file));
    }
    assert!(matched > 200, "only {matched} records match");
}

#[test]
fn evidence_of_any_form_of_detection_is_that_of_its_trace() {
    let record = r#"{"eventName":"A","requestParameters":{"a":"x","b":["y","z"],
        "list":[{"k":"1","n":2},{"k":"2"},{"k":"1"}]},"errorCode":null}"#;
    for detection in [
        "  s: {eventName: A, requestParameters.a|startswith: x}\n  condition: s",
        "  s: [{eventName: A}, {requestParameters.a: x}, {requestParameters.a: y}]\n  condition: s",
        "  s: {eventName|exists: true, errorCode: null, none|exists: false}\n  condition: s",
        "  s: {eventName: [A, null], errorCode: [null, x]}\n  condition: s",
        "  s: [x, w]\n  condition: s",
        "  s: {'|all': [x, y]}\n  condition: s",
        "  s: {eventName: A}\n  t: {requestParameters.a: x}\n  u: {eventName: B}\n  condition: s and (t or u) and not u",
        "  s_1: {eventName: A}\n  s_3: {eventName: B}\n  s_2: {requestParameters.b: z}\n  condition: 1 of s_*",
        "  s_1: {eventName: A}\n  s_2: {requestParameters.b: z}\n  condition: all of them",
        "  s_1: {eventName: A}\n  s_3: {eventName: B}\n  condition: 1 of them\n",
        "  s: {eventName: A, 'requestParameters.list[any]': {k: '1'}}\n  condition: s",
        "  s: {'requestParameters.list[all]': {k|exists: true}}\n  condition: s",
        "  s: {'requestParameters.list[any]': {c: {k: '1'}, d: {n: 2}, condition: c and not d}}\n  condition: s",
        "  s: {eventName: A}\n  t: {eventName: B}\n  condition:\n    - t\n    - s",
    ] {
        let file = RuleFile::new(Path::new(""), Path::new("r.yml"), rule_with("sigma-version: 3", detection));
        let set = RuleSet::compile(&[file], &Options::default(), Vec::new()).unwrap();
        let event = Event::parse(record).unwrap();
        assert!(assert_same(&set.rules()[0], &event, detection), "{detection}");
    }
}
