//! The effect of the configuration file on rules.

use std::path::Path;

use super::*;
use crate::app::{Configuration, ConfigurationFile};
use crate::finding::Severity;

/// Loads one rule file of the pack `p` with a configuration file.
pub(super) fn configured(rules: &str, settings: &str) -> Result<RuleSet, RuleDiagnostics> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trailwarden.yml");
    std::fs::write(&path, settings).unwrap();
    let file = RuleFile::new(Path::new("r"), Path::new("r/p/r.yml"), rules.to_owned());
    let shorter = |diagnostic: RuleDiagnostic| RuleDiagnostic { file: "trailwarden.yml".to_owned(), ..diagnostic };
    let settings = ConfigurationFile::read(&path).map_err(|diagnostic| RuleDiagnostics(vec![shorter(diagnostic)]))?;
    let options = Configuration::of_file(settings).rule_options();
    let result = RuleSet::compile(&[file], &options, Vec::new());
    result.map_err(|RuleDiagnostics(diagnostics)| {
        let is_rule = |diagnostic: &RuleDiagnostic| diagnostic.file.starts_with("r/");
        RuleDiagnostics(
            diagnostics
                .into_iter()
                .map(|diagnostic| if is_rule(&diagnostic) { diagnostic } else { shorter(diagnostic) })
                .collect(),
        )
    })
}

pub(super) fn names_found(set: &RuleSet, json: &str) -> Vec<(String, Severity)> {
    let findings = set.evaluate(&Event::parse(json).unwrap());
    findings.iter().map(|finding| (finding.rule.name.clone(), finding.rule.severity)).collect()
}

#[test]
fn rules_and_packs_can_be_enabled_and_levels_set() {
    let off = rule_with("name: off\nlevel: low\ntrailwarden: {enabled: false}", SELECTION);
    let on = rule_with("name: on\nlevel: low", SELECTION);
    let rules = format!("{off}---\n{on}");
    for (settings, found) in [
        ("", vec![("on", Severity::Low)]),
        ("packs: {p: true}", vec![("off", Severity::Low), ("on", Severity::Low)]),
        ("packs: {p: false}", vec![]),
        ("packs: {p: false}\nrules: {on: {enabled: true}}", vec![("on", Severity::Low)]),
        ("rules: {on: {enabled: false}, off: {enabled: true, level: high}}", vec![("off", Severity::High)]),
    ] {
        let set = configured(&rules, settings).unwrap();
        let reported = names_found(&set, r#"{"eventName":"A"}"#);
        let found: Vec<_> = found.into_iter().map(|(name, severity)| (name.to_owned(), severity)).collect();
        assert_eq!(reported, found, "{settings}");
    }
}

#[test]
fn an_escalation_variant_raises_the_level_unless_it_is_configured() {
    let rule = rule_with(
        "name: r\nlevel: low\ntrailwarden: {raised: {when: own, level: critical}}",
        "  s:\n    eventName: A\n  own:\n    awsRegion: eu-west-1\n  condition: s",
    );
    let own = r#"{"eventName":"A","awsRegion":"eu-west-1"}"#;
    for (settings, json, severity) in [
        ("", own, Severity::Critical),
        ("", r#"{"eventName":"A"}"#, Severity::Low),
        ("rules: {r: {level: medium}}", own, Severity::Medium),
        ("rules: {r: {level: low}}", own, Severity::Low),
    ] {
        let set = configured(&rule, settings).unwrap();
        assert_eq!(names_found(&set, json), [("r".to_owned(), severity)], "{settings} {json}");
    }
}

#[test]
fn placeholders_are_filled_from_the_configuration() {
    let rule =
        |value: &str| rule_with("name: r", &format!("  s:\n    userIdentity.arn|expand: '{value}'\n  condition: s"));
    let json = r#"{"eventName":"A","userIdentity":{"arn":"user/eve"}}"#;
    for (value, settings, hit) in [
        ("%who%", "placeholders: {who: [user/bob, user/eve]}", true),
        ("%who%", "placeholders: {who: ['user/*']}", true),
        ("%who%", "placeholders: {who: []}", false),
        ("user/%who%", "placeholders: {who: [eve]}", true),
        ("%what%/%who%", "placeholders: {who: [bob, eve], what: [role, user]}", true),
        ("%who%", "placeholders: {who: ['%who%']}", false),
        // Those of the built-in rules are empty unless configured.
        ("%own_roles%", "", false),
        ("%own_roles%", "placeholders: {own_roles: [user/eve]}", true),
    ] {
        let set = configured(&rule(value), settings).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
        assert_eq!(!names_found(&set, json).is_empty(), hit, "{value} {settings}");
    }
}

#[test]
fn invalid_configuration_has_clear_diagnostics() {
    let rule = rule_with("name: some-rule", "  s:\n    a|expand: '%who%'\n  condition: s");
    let reported: Vec<String> = [
        "rules: [",
        "rule: {}",
        "rules: {some-rule: {level: loud}}",
        "placeholders: {whom: [a], own_trails: ['arn:aws:cloudtrail:eu-west-1:111122223333:trail/t']}\npacks: {q: true}\n\
         rules: {some-rul: {enabled: true}}",
    ]
    .iter()
    .map(|settings| configured(&rule, settings).unwrap_err().to_string())
    .collect();
    insta::assert_snapshot!(reported.join("\n"), @"
    trailwarden.yml:1: rules: invalid type: sequence, expected a map at line 1 column 8
    trailwarden.yml:1: unknown field `rule`, expected one of `packs`, `rules`, `trusted-accounts`, `trusted-organizations`, `trusted-tenants`, `trusted-providers`, `placeholders`, `live-state`, `account-names`, `raw-data`, `runbooks`, `webhooks` (did you mean `rules`?)
    trailwarden.yml:1: rules.some-rule.level: unknown variant `loud`, expected one of `informational`, `low`, `medium`, `high`, `critical` at line 1 column 28
    r/p/r.yml:6: unsupported: rule `some-rule`: `a|expand` has the placeholder `%who%`, which has no values; list them under `placeholders:` in the configuration file
    trailwarden.yml:3: there is no rule `some-rul` (did you mean `some-rule`?)
    trailwarden.yml:2: there is no pack `q`
    trailwarden.yml:1: there is no placeholder `whom`
    trailwarden.yml:1: `arn:aws:cloudtrail:eu-west-1:111122223333:trail/t` is an ARN; give only the name
    trailwarden.yml:1: `own_trails` is set and `own_log_groups` is not: list those that these trails write to
    trailwarden.yml:1: `own_trails` is set and `own_buckets` is not: list those that these trails write to
    ");
}

#[test]
fn unsupported_rules_are_skipped_on_request() {
    let count = rule_with("name: count", "  s:\n    eventName: A\n  condition: s | count() > 5");
    let open = rule_with("name: open", "  s:\n    a|expand: '%names%'\n  condition: s");
    let good = rule_with("name: good", SELECTION);
    let wrong = rule_with("name: wrong", "  s:\n    a|foo: b\n  condition: s");
    let options = Options { unusable: UnusableRules::Skip, ..Options::default() };
    let load = |rules: &[&String]| {
        let text = rules.iter().map(|rule| rule.as_str()).collect::<Vec<_>>().join("---\n");
        RuleSet::compile(&[RuleFile::new(Path::new(""), Path::new("r.yml"), text)], &options, Vec::new())
    };
    let set = load(&[&count, &good, &open]).unwrap();
    let skipped: Vec<_> =
        set.skipped().iter().map(|diagnostic| (diagnostic.rule.as_deref(), diagnostic.line)).collect();
    assert_eq!(skipped, [(Some("count"), Some(7)), (Some("open"), Some(22))]);
    assert_eq!(names_found(&set, r#"{"eventName":"A"}"#).len(), 1);
    // A rejected rule does not run in part.
    let loud = good.replace("name: good", "name: loud\nlevel: loud");
    let set = load(&[&good, &loud]).unwrap();
    assert_eq!((set.skipped().len(), names_found(&set, r#"{"eventName":"A"}"#).len()), (1, 1));
    let skipped = load(&[&count, &good, &wrong]).unwrap();
    let kinds: Vec<_> = skipped.skipped().iter().map(|diagnostic| diagnostic.kind).collect();
    assert_eq!(kinds, [DiagnosticKind::Unsupported, DiagnosticKind::Error]);
}

#[test]
fn rules_about_access_have_no_findings_for_trusted_principals() {
    let rule = rule_with(
        "name: r\ntrailwarden: {accounts: [requestParameters.add.userId, requestParameters.userIds], \
         organizations: requestParameters.add.organization}",
        SELECTION,
    );
    let settings = "trusted-accounts: ['444455556666']\n\
        trusted-organizations: [o-a1b2c3d4e5, 'arn:aws:organizations::444455556666:ou/o-zz99yy88xx/ou-ab12-cdef3456']";
    let set = configured(&rule, settings).unwrap();
    for (request, silent) in [
        // A call that names no account is not trusted.
        ("{}", false),
        (r#"{"userIds":["444455556666"]}"#, true),
        (r#"{"userIds":["111122223333","arn:aws:iam::444455556666:role/r"]}"#, true),
        (r#"{"userIds":["444455556666","777788889999"]}"#, false),
        (r#"{"userIds":["444455556666"],"add":{"userId":"777788889999"}}"#, false),
        (r#"{"userIds":["*"]}"#, false),
        (r#"{"userIds":["arn:aws:iam::777788889999:user/444455556666"]}"#, false),
        (r#"{"add":{"organization":"o-a1b2c3d4e5"}}"#, true),
        (r#"{"add":{"organization":"o-a1b2c3d4e5*"}}"#, false),
        (r#"{"add":{"organization":"o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"}}"#, true),
        (r#"{"add":{"organization":"arn:aws-cn:organizations::777788889999:organization/o-a1b2c3d4e5"}}"#, true),
        // Trusting the management account or a unit does not trust the organization.
        (r#"{"add":{"organization":"arn:aws:organizations::444455556666:organization/o-zz99yy88xx"}}"#, false),
        (r#"{"add":{"organization":"arn:aws:organizations::444455556666:ou/o-zz99yy88xx/ou-ab12-cdef3456"}}"#, true),
        (r#"{"add":{"organization":"ou-ab12-cdef3456","userId":"777788889999"}}"#, false),
        (r#"{"add":{"organization":"ou-ab12-99999999","userId":"444455556666"}}"#, false),
        (r#"{"userIds":"arn:aws:organizations::777788889999:account/o-zz99yy88xx/444455556666"}"#, true),
    ] {
        let json = format!(r#"{{"eventName":"A","recipientAccountId":"111122223333","requestParameters":{request}}}"#);
        assert_eq!(names_found(&set, &json).is_empty(), silent, "{request}");
    }
}
