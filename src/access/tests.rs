mod conditions;
mod principals;
mod properties;

use serde_json::{Value, json};

use super::*;

const OWN: &str = "111122223333";

fn assessed(policy: &Value) -> Assessment {
    assess(&Policy::parse(&policy.to_string()).unwrap(), Some(OWN))
}

fn policy(statements: &[Value]) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn allow(principal: &Value, condition: &Value) -> Value {
    json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", "Condition": condition})
}

/// The verdict on a statement for everybody with a condition.
fn verdict_under(condition: &Value) -> Verdict {
    assessed(&policy(&[allow(&json!("*"), condition)])).verdict
}

#[test]
fn statements_that_restrict_less_than_they_seem_to() {
    use Verdict::{Constrained, Public, Undecidable, Weak};
    let cognito = json!({"Effect": "Allow", "Principal": {"Federated": "cognito-identity.amazonaws.com"},
                         "Action": "sts:AssumeRoleWithWebIdentity"});
    let everybody = json!({"Effect": "Allow", "Principal": "*", "Action": "sts:*"});
    let unless = |action: &str, condition: Value| json!({"Effect": "Deny", "Principal": "*", "Action": action, "Condition": condition});
    let org = json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-abc123def4"}});
    let pool = json!({"StringNotEquals": {"cognito-identity.amazonaws.com:aud": "eu-west-1:1"}});
    for (statements, verdict) in [
        // Guests of the pool get in whichever way the pool is fixed.
        (vec![cognito, unless("sts:*", pool)], Weak),
        // Another call is as good.
        (vec![everybody.clone(), unless("sts:AssumeRole", org.clone())], Public),
        (vec![everybody, unless("sts:*", org)], Constrained),
        (vec![json!({"Effect": "Allow", "NotPrincipal": {"AWS": "999999999999"}, "Action": "sts:AssumeRole"})], Public),
        (vec![json!({"Effect": "Allow", "NotPrincipal": "90120", "Action": "sts:AssumeRole"})], Public),
    ] {
        assert_eq!(assessed(&policy(&statements)).verdict, verdict, "{statements:?}");
    }
    // Before variables there were, `${…}` was text.
    let old = json!({"Version": "2008-10-17", "Statement": allow(&json!("*"),
                     &json!({"StringEquals": {"aws:PrincipalOrgID": "${aws:PrincipalOrgID}"}}))});
    assert_eq!(assessed(&old).verdict, Constrained);
    let twice = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Condition":
        {"StringEquals":{"aws:PrincipalOrgID":"o-abc123def4"},"StringEquals":{"sts:ExternalId":"x"}}}}"#;
    assert_eq!(assess(&Policy::parse(twice).unwrap(), Some(OWN)).verdict, Undecidable);
}

#[test]
fn a_witness_is_an_account_that_the_policy_admits() {
    for (condition, example) in [
        (json!({"StringNotEquals": {"aws:PrincipalAccount": "999999999999"}}), "888888888888"),
        (json!({"StringLike": {"aws:PrincipalAccount": "7*"}}), "777777777777"),
    ] {
        let assessment = assessed(&policy(&[allow(&json!("*"), &condition)]));
        let witness = assessment.statements[0].witness.as_ref().unwrap();
        assert!(witness.summary.ends_with(&format!("e.g. {example}")), "{}", witness.summary);
        assert_eq!(witness.request.context.get("aws:PrincipalAccount").unwrap(), [example]);
    }
}

#[test]
fn long_policies_are_assessed_in_bounded_time() {
    let values: Vec<String> =
        (0..4_000).map(|place| format!("arn:aws:iam::{:012}:role/*", 100_000_000_000_u64 + place)).collect();
    let many = json!({"StringLike": {"aws:PrincipalArn": values}, "StringNotLike": {"aws:PrincipalArn": "x"}});
    assert_eq!(verdict_under(&many), Verdict::External);
    let stars = json!({"AWS": vec!["*"; 1_000]});
    let deny = |place: usize| {
        json!({"Effect": "Deny", "Principal": "*", "Action": "sts:*", "Condition":
        {"StringNotEquals": {"aws:PrincipalOrgID": "o-abc123def4", format!("aws:PrincipalTag/t{place}"): "x"}}})
    };
    let statements: Vec<Value> = std::iter::once(allow(&stars, &json!({}))).chain((0..9).map(deny)).collect();
    assert!(assessed(&policy(&statements)).verdict >= Verdict::Constrained);
}

#[test]
fn what_is_too_complex_is_undecidable_and_does_not_hide_its_neighbours() {
    let endings: Vec<String> = (0..24).map(|number| format!("*{number:x}")).collect();
    let others: Vec<String> = (0..24).map(|number| format!("*y{number:x}")).collect();
    let patterns = json!({"StringLike": {"aws:PrincipalArn": endings}, "StringNotLike": {"aws:PrincipalArn": others},
                          "ArnLike": {"aws:PrincipalArn": endings}, "ArnNotLike": {"aws:PrincipalArn": others}});
    let deny = |letter: char| {
        let (tag, other) = (format!("aws:PrincipalTag/{letter}"), format!("aws:PrincipalTag/{letter}z"));
        json!({"Effect": "Deny", "Principal": "*", "Action": "*",
               "Condition": {"Null": {tag: "true"}, "Bool": {other: "true"}}})
    };
    let mut statements = vec![allow(&json!("*"), &patterns)];
    statements.extend(('a'..='i').map(deny));
    let assessment = assessed(&policy(&statements));
    assert_eq!(assessment.verdict, Verdict::Undecidable);
    assert_eq!(assessment.statements[0].reason, "is too complex to decide");
    // The budget is spent, but named parties are still listed.
    statements.push(allow(&json!({"AWS": "444455556666"}), &json!({})));
    let assessment = assessed(&policy(&statements));
    assert_eq!(assessment.statements[1].verdict, Verdict::External);
    assert_eq!(assessment.statements[1].accounts, ["444455556666"]);
}

#[test]
fn thousands_of_keys_are_no_more_than_thousands_of_comparisons() {
    let keys = |count: usize| -> serde_json::Map<String, Value> {
        (0..count).map(|key| (format!("aws:PrincipalTag/k{key}"), json!("x"))).collect()
    };
    assert_eq!(verdict_under(&json!({"StringEquals": keys(5_000)})), Verdict::Weak);
    let started = std::time::Instant::now();
    verdict_under(&json!({"StringEquals": keys(40_000)}));
    // It would take minutes if it were quadratic.
    assert!(started.elapsed().as_secs() < 20);
}

#[test]
fn times_are_those_of_the_event() {
    let until = allow(&json!("*"), &json!({"DateLessThan": {"aws:CurrentTime": "2026-03-04T10:00:00Z"}}));
    let parsed = Policy::parse(&policy(&[until]).to_string()).unwrap();
    let at = |time: &str| {
        let role = Role { account: Some(OWN), now: Some(time.parse().unwrap()), is_stored: false };
        assess_within(&parsed, &role, &Zone::default())
    };
    let before = at("2026-03-04T09:59:59Z");
    assert_eq!(before.verdict, Verdict::Public);
    let witness = before.statements[0].witness.as_ref().unwrap();
    assert_eq!(witness.request.context.get("aws:CurrentTime").unwrap(), ["2026-03-04T09:59:59Z"]);
    assert_eq!(at("2026-03-04T10:00:00Z").verdict, Verdict::Constrained);
    let unknown = Role { account: Some(OWN), now: None, is_stored: false };
    assert_eq!(assess_within(&parsed, &unknown, &Zone::default()).verdict, Verdict::Weak);
}

#[test]
fn in_a_stored_policy_a_unique_id_is_a_deleted_principal() {
    let text = policy(&[allow(&json!({"AWS": "AROAJQABLZS4A3QDU576Q"}), &json!({}))]).to_string();
    let parsed = Policy::parse(&text).unwrap();
    for (is_stored, verdict) in [(false, Verdict::External), (true, Verdict::Scoped)] {
        let role = Role { account: Some(OWN), now: None, is_stored };
        assert_eq!(assess_within(&parsed, &role, &Zone::default()).verdict, verdict);
    }
}

#[test]
fn whoever_is_listed_as_your_own_is_no_outsider() {
    use Verdict::{Constrained, External, Scoped};
    let (foreign, org) = ("444455556666", "o-abc123def4");
    let federated = |name: &str, condition: Value| {
        json!({"Effect": "Allow", "Principal": {"Federated": format!("arn:aws:iam::{OWN}:{name}")},
               "Action": ["sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML"], "Condition": condition})
    };
    let github = "token.actions.githubusercontent.com";
    let of_owner = |sub: &str| {
        federated(&format!("oidc-provider/{github}"), json!({"StringLike": {format!("{github}:sub"): sub}}))
    };
    let zone = Zone {
        accounts: vec![foreign.to_owned()],
        organizations: vec![org.to_owned()],
        tenants: [(github.to_owned(), vec!["acme".to_owned()])].into(),
        providers: vec!["Okta".to_owned(), "https://gitlab.acme.example/".to_owned()],
    };
    let by_org = |org: &str| allow(&json!("*"), &json!({"StringEquals": {"aws:PrincipalOrgID": org}}));
    let by_path = |path: &str| allow(&json!("*"), &json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": path}}));
    let named_in_org =
        |org: &str| allow(&json!({"AWS": "777788889999"}), &json!({"StringEquals": {"aws:PrincipalOrgID": org}}));
    for (statement, plain, within) in [
        (allow(&json!({"AWS": foreign}), &json!({})), External, Scoped),
        (allow(&json!({"AWS": "777788889999"}), &json!({})), External, External),
        (allow(&json!("*"), &json!({"StringEquals": {"aws:PrincipalAccount": foreign}})), External, Constrained),
        (
            allow(&json!("*"), &json!({"StringEquals": {"aws:PrincipalAccount": [foreign, "777788889999"]}})),
            External,
            External,
        ),
        (by_org(org), Constrained, Constrained),
        (by_org("o-attacker123"), Constrained, External),
        (by_path("o-abc123def4/r-ab12/*"), Constrained, Constrained),
        (by_path("o-attacker123/r-ab12/*"), Constrained, External),
        (named_in_org(org), External, Scoped),
        (named_in_org("o-attacker123"), External, External),
        (of_owner("repo:acme/*"), Scoped, Scoped),
        (of_owner("repo:ACME@7/*"), Scoped, Scoped),
        (of_owner("repo:attacker/evil:*"), Scoped, External),
        (of_owner("repo:attacker@7/evil@8:*"), Scoped, External),
        (federated("saml-provider/Okta", json!({})), Scoped, Scoped),
        (federated("saml-provider/evil", json!({})), Scoped, External),
        (federated("oidc-provider/gitlab.acme.example", json!({})), Scoped, Scoped),
        (federated("oidc-provider/evil.example.com", json!({})), Scoped, External),
        // None of this issuer's are listed.
        (
            federated("oidc-provider/gitlab.com", json!({"StringLike": {"gitlab.com:sub": "project_path:other/*"}})),
            Scoped,
            Scoped,
        ),
    ] {
        let parsed = Policy::parse(&policy(std::slice::from_ref(&statement)).to_string()).unwrap();
        let role = Role { account: Some(OWN), now: None, is_stored: false };
        assert_eq!(assess_within(&parsed, &role, &Zone::default()).verdict, plain, "{statement}");
        let assessment = assess_within(&parsed, &role, &zone);
        assert_eq!(assessment.verdict, within, "{statement}");
        let one = &assessment.statements[0];
        let others = [&one.accounts, &one.organizations, &one.tenants, &one.providers];
        assert_eq!(within == External, others.iter().any(|list| !list.is_empty()) && within == External, "{statement}");
    }
}

#[test]
fn a_policy_of_another_account_names_others_when_the_own_is_not_known() {
    let text = policy(&[allow(&json!({"AWS": OWN}), &json!({}))]).to_string();
    let policy = Policy::parse(&text).unwrap();
    assert_eq!(assess(&policy, Some(OWN)).verdict, Verdict::Scoped);
    assert_eq!(assess(&policy, None).verdict, Verdict::External);
}

#[test]
fn a_statement_that_is_not_understood_does_not_hide_its_neighbours() {
    let broken = json!({"Effect": "Allow", "Principal": 7, "Action": "sts:AssumeRole"});
    let open = allow(&json!("*"), &json!({}));
    assert_eq!(assessed(&policy(std::slice::from_ref(&broken))).verdict, Verdict::Undecidable);
    let both = assessed(&policy(&[broken, open]));
    assert_eq!((both.verdict, both.statements.len()), (Verdict::Public, 2));
}

#[test]
fn a_policy_padded_to_the_limit_has_the_same_verdict() {
    let plain = policy(&[allow(&json!({"AWS": "*"}), &json!({}))]).to_string();
    let padded = plain.replacen('{', &format!("{{{}", " ".repeat(128 * 1024)), 1);
    assert_eq!(Policy::parse(&padded), Policy::parse(&plain));
    assert_eq!(assess(&Policy::parse(&padded).unwrap(), Some(OWN)).verdict, Verdict::Public);
}
