use super::*;

/// Whether a rule with this detection requires success. Also checks its result on a successful and a failed call.
fn requires_success(detection: &str) -> bool {
    let file = RuleFile::new(Path::new(""), Path::new("r.yml"), rule_with("sigma-version: 3", detection));
    let rules = RuleSet::compile(&[file], &Options::default(), Vec::new()).unwrap();
    let required = rules.rules().iter().all(|rule| rule.requires_success());
    let matches = |json: &str| !rules.evaluate(&Event::parse(json).unwrap()).is_empty();
    assert!(matches(r#"{"eventSource":"s3.amazonaws.com","eventName":"A"}"#), "{detection}");
    let matches_failed = matches(r#"{"eventSource":"s3.amazonaws.com","eventName":"A","errorCode":"AccessDenied"}"#);
    assert!(!(required && matches_failed), "{detection}");
    required
}

#[test]
fn a_rule_requires_success_if_every_condition_excludes_errors() {
    for (condition, required) in [
        ("s and not f", true),
        ("not f", true),
        ("(s and not f) or (t and not f)", true),
        ("(s or t) and not f", true),
        ("[s and not f, t and not f]", true),
        ("s", false),
        ("s or not f", false),
        ("[s, t and not f]", false),
        ("s and not (f and g)", false),
        ("s and not not not f", false),
        ("1 of s* and not 1 of f*", false),
    ] {
        let detection = format!(
            "  s: {{eventName: A}}\n  t: {{eventName: A}}\n  f: {{errorCode: '?*'}}\n  g: {{eventName: B}}\n  condition: {condition}"
        );
        assert_eq!(requires_success(&detection), required, "{condition}");
    }
}

#[test]
fn only_a_detection_of_any_error_counts() {
    for (failed, required) in [
        ("errorCode: '?*'", true),
        ("errorCode: AccessDenied", false),
        ("errorCode|exists: true", false),
        ("errorCode: ['?*', A]", false),
        ("{errorCode: '?*', eventName: B}", false),
        ("errorMessage: '?*'", false),
        ("errorcode: '?*'", false),
    ] {
        let failed = if failed.starts_with('{') { failed.to_owned() } else { format!("{{{failed}}}") };
        let detection = format!("  s: {{eventName: A}}\n  f: {failed}\n  condition: s and not f");
        assert_eq!(requires_success(&detection), required, "{failed}");
    }
}

#[test]
fn all_built_in_rules_except_the_heartbeat_require_success() {
    let rules = RuleSet::load(&[]).unwrap();
    let others: Vec<&str> = rules.rules().iter().filter(|rule| !rule.requires_success()).map(Rule::name).collect();
    assert_eq!(others, ["heartbeat"]);
}
