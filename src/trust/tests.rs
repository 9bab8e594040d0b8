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

/// What anybody comes to under a condition.
fn held_by(condition: &Value) -> Verdict {
    assessed(&policy(&[allow(&json!("*"), condition)])).verdict
}

#[test]
fn statements_that_hold_less_than_they_seem_to() {
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
fn an_example_is_nobody_whom_the_policy_keeps_out() {
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
fn long_policies_are_judged_in_bounded_time() {
    let values: Vec<String> =
        (0..4_000).map(|place| format!("arn:aws:iam::{:012}:role/*", 100_000_000_000_u64 + place)).collect();
    let many = json!({"StringLike": {"aws:PrincipalArn": values}, "StringNotLike": {"aws:PrincipalArn": "x"}});
    assert_eq!(held_by(&many), Verdict::Constrained);
    let stars = json!({"AWS": vec!["*"; 1_000]});
    let deny = |place: usize| {
        json!({"Effect": "Deny", "Principal": "*", "Action": "sts:*", "Condition":
        {"StringNotEquals": {"aws:PrincipalOrgID": "o-abc123def4", format!("aws:PrincipalTag/t{place}"): "x"}}})
    };
    let statements: Vec<Value> = std::iter::once(allow(&stars, &json!({}))).chain((0..9).map(deny)).collect();
    assert!(assessed(&policy(&statements)).verdict >= Verdict::Constrained);
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
fn a_policy_padded_to_the_limit_is_judged_like_the_plain_one() {
    let plain = policy(&[allow(&json!({"AWS": "*"}), &json!({}))]).to_string();
    let padded = plain.replacen('{', &format!("{{{}", " ".repeat(128 * 1024)), 1);
    assert_eq!(Policy::parse(&padded), Policy::parse(&plain));
    assert_eq!(assess(&Policy::parse(&padded).unwrap(), Some(OWN)).verdict, Verdict::Public);
}
