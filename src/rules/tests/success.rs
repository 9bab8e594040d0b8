use super::*;

/// Whether a rule with this detection is about calls that succeeded alone; it is compared with how it judges two records.
fn needs_success(detection: &str) -> bool {
    let file = RuleFile::new(Path::new(""), Path::new("r.yml"), rule_with("sigma-version: 3", detection));
    let rules = RuleSet::compile(&[file], &Options::default(), Vec::new()).unwrap();
    let needs = rules.rules().iter().all(|rule| rule.needs_success());
    let matches = |json: &str| !rules.evaluate(&Event::parse(json).unwrap()).is_empty();
    assert!(matches(r#"{"eventSource":"s3.amazonaws.com","eventName":"A"}"#), "{detection}");
    let matches_failed = matches(r#"{"eventSource":"s3.amazonaws.com","eventName":"A","errorCode":"AccessDenied"}"#);
    assert!(!(needs && matches_failed), "{detection}");
    needs
}

#[test]
fn a_rule_is_about_success_where_each_of_its_conditions_excludes_errors() {
    for (condition, needs) in [
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
        assert_eq!(needs_success(&detection), needs, "{condition}");
    }
}

#[test]
fn what_is_excluded_is_any_error_and_nothing_more() {
    for (failed, needs) in [
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
        assert_eq!(needs_success(&detection), needs, "{failed}");
    }
}

#[test]
fn the_built_in_rules_are_about_success_but_for_the_heartbeat() {
    let rules = RuleSet::load(&[]).unwrap();
    let others: Vec<&str> = rules.rules().iter().filter(|rule| !rule.needs_success()).map(Rule::name).collect();
    assert_eq!(others, ["heartbeat"]);
}
