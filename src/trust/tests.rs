use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::policy::{Caller, Context, Decision, Request};

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
fn conditions_on_everybody() {
    use Verdict::{Constrained, Public, Undecidable, Weak};
    for (condition, verdict) in [
        // Who.
        (json!({"StringEquals": {"aws:PrincipalOrgID": "o-abc123def4"}}), Constrained),
        (json!({"StringEquals": {"aws:PrincipalOrgID": ["o-abc123def4", "o-def456abc1"]}}), Constrained),
        (json!({"StringLike": {"aws:PrincipalOrgID": ["o-abc123def4", "o-*"]}}), Public),
        (json!({"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-abc123def4"}}), Public),
        (json!({"StringEqualsIfExists": {"aws:PrincipalAccount": "444455556666"}}), Constrained),
        (json!({"StringNotEquals": {"aws:PrincipalAccount": "444455556666"}}), Public),
        (json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-abc123def4/r-ab12/*"}}), Constrained),
        (json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "*/r-ab12/*"}}), Public),
        (json!({"ForAllValues:StringLike": {"aws:PrincipalOrgPaths": "o-abc123def4/*"}}), Public),
        (json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::444455556666:role/*"}}), Constrained),
        (json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/Admin"}}), Public),
        (json!({"StringLike": {"aws:PrincipalArn": "arn:aws:iam::444455556666:*"}}), Constrained),
        (json!({"StringLike": {"aws:PrincipalArn": "*:role/Admin"}}), Public),
        (json!({"StringLike": {"aws:PrincipalArn": "*Admin"}}), Public),
        (json!({"StringLike": {"aws:PrincipalAccount": "44445555*"}}), Public),
        (json!({"StringLike": {"aws:PrincipalAccount": "*", "sts:ExternalId": "${aws:PrincipalAccount}"}}), Public),
        (json!({"StringLike": {"aws:userid": "AROAEXAMPLEEXAMPLEXX:*"}}), Constrained),
        (json!({"StringLike": {"aws:userid": "*:session"}}), Public),
        (json!({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::my-bucket"}}), Constrained),
        (json!({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}}), Public),
        (json!({"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:444455556666:*"}}), Constrained),
        (json!({"StringEquals": {"aws:SourceVpc": "vpc-0123456789abcdef0"}}), Constrained),
        (json!({"StringLike": {"aws:SourceVpc": "vpc-*"}}), Public),
        (json!({"StringEquals": {"aws:PrincipalOrgID": "${aws:ResourceOrgID}"}}), Constrained),
        (json!({"StringEquals": {"aws:PrincipalAccount": "${aws:ResourceAccount}"}}), Constrained),
        (json!({"StringEquals": {"aws:PrincipalAccount": "${aws:PrincipalAccount}"}}), Public),
        (json!({"Null": {"aws:PrincipalOrgID": "false"}}), Public),
        (json!({"Null": {"aws:PrincipalOrgID": "true"}}), Public),
        // What anybody can send, or where anybody can be.
        (json!({"StringEquals": {"sts:ExternalId": "x1y2z3"}}), Weak),
        (json!({"StringLike": {"sts:ExternalId": "vendor-*"}}), Weak),
        (json!({"StringLike": {"sts:ExternalId": "?*"}}), Public),
        (json!({"StringNotEquals": {"sts:ExternalId": "x1y2z3"}}), Public),
        (json!({"StringEqualsIfExists": {"sts:ExternalId": "x1y2z3"}}), Public),
        (json!({"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}), Public),
        (json!({"StringEquals": {"sts:RoleSessionName": "deploy"}}), Weak),
        (json!({"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "198.51.100.0/24"]}}), Weak),
        (json!({"IpAddress": {"aws:SourceIp": "128.0.0.0/1"}}), Weak),
        (json!({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}), Public),
        (json!({"IpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}}), Public),
        (json!({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}), Public),
        (json!({"Bool": {"aws:MultiFactorAuthPresent": true}}), Weak),
        (json!({"BoolIfExists": {"aws:MultiFactorAuthPresent": true}}), Public),
        (json!({"Bool": {"aws:MultiFactorAuthPresent": "false"}}), Public),
        (json!({"NumericLessThan": {"aws:MultiFactorAuthAge": 300}}), Weak),
        (json!({"StringLike": {"aws:UserAgent": "*terraform*"}}), Weak),
        (json!({"StringEquals": {"aws:PrincipalTag/team": "${aws:ResourceTag/team}"}}), Weak),
        (json!({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}), Weak),
        // What holds of everybody, or of nobody in particular.
        (json!({"Bool": {"aws:SecureTransport": "true"}}), Public),
        (json!({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}), Public),
        (json!({"StringEquals": {"aws:PrincipalType": ["User", "AssumedRole"]}}), Public),
        (json!({"StringEquals": {"aws:ResourceAccount": OWN}}), Public),
        (json!({"NumericEquals": {"aws:PrincipalAccount": 444455556666_u64}}), Constrained),
        (json!({"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}), Constrained),
        (json!({"StringEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}}), Constrained),
        (json!({"StringEquals": {"aws:ResourceOrgID": "o-abc123def4"}}), Public),
        (json!({"StringLike": {"aws:PrincipalOrgID": "o-${*}"}}), Constrained),
        // What callers choose, or have anyway, holds nobody.
        (json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::${aws:PrincipalAccount}:role/*"}}), Public),
        (json!({"StringEquals": {"aws:PrincipalOrgID": "${aws:PrincipalTag/org}"}}), Weak),
        (json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::444455556666:role/${aws:username}"}}), Constrained),
        (json!({"StringEquals": {"aws:PrincipalAccount": "${sts:ExternalId}"}}), Weak),
        (json!({"StringEquals": {"aws:PrincipalAccount": "${aws:PrincipalAccount, '444455556666'}"}}), Public),
        (json!({"StringEquals": {"aws:VpceAccount": "${aws:PrincipalAccount}"}}), Public),
        (json!({"StringEquals": {"aws:VpceOrgID": "${aws:PrincipalOrgID}"}}), Public),
        (json!({"StringEquals": {"aws:ResourceTag/t": "${aws:PrincipalTag/t}"}}), Weak),
        (json!({"StringEquals": {"sts:ExternalId": "${aws:userid}"}}), Public),
        (json!({"StringEquals": {"sts:ExternalId": "${aws:PrincipalTag/x, 'y'}"}}), Weak),
        (json!({"StringEquals": {"aws:FederatedProvider": "cognito-identity.amazonaws.com"}}), Public),
        (json!({"StringEquals": {"aws:SourceIp": "203.0.113.5"}}), Weak),
        (json!({"StringLike": {"aws:SourceIp": "203.0.113.*"}}), Weak),
        (
            json!({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}, "NotIpAddress": {"aws:SourceIp": "203.0.113.0/25"}}),
            Weak,
        ),
        (json!({"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}), Weak),
        (json!({"StringEquals": {"sts:ExternalId": "anything"}}), Weak),
        (json!({"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}}), Public),
        (json!({"StringNotEquals": {"sts:RoleSessionName": "evil"}}), Public),
        (json!({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::999999999999:*"}}), Public),
        (json!({"ArnLike": {"aws:PrincipalArn": "*"}}), Public),
        (json!({"ArnLike": {"aws:PrincipalArn": "arn:*"}}), Public),
        (json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*"}}), Public),
        // What is not known.
        (json!({"NullIfExists": {"aws:PrincipalOrgID": "false"}}), Undecidable),
        (json!({"StringEquals": {"aws:SomethingNew": "x"}}), Undecidable),
        (json!({"StringNotEquals": {"aws:SomethingNew": "x"}}), Public),
        (json!({"StringSoundsLike": {"aws:PrincipalOrgID": "o-abc123def4"}}), Undecidable),
        // The strongest of several counts.
        (json!({"StringEquals": {"sts:ExternalId": "x", "aws:SomethingNew": "y"}}), Undecidable),
        (json!({"StringEquals": {"aws:SourceVpce": "vpce-1", "aws:SomethingNew": "y"}}), Constrained),
        (json!({"StringLike": {"aws:PrincipalArn": "*"}, "StringNotLike": {"aws:PrincipalArn": "*:user/*"}}), Public),
    ] {
        assert_eq!(held_by(&condition), verdict, "{condition}");
    }
}

#[test]
fn denies_beside_everybody() {
    use Verdict::{Constrained, Public, Scoped, Undecidable, Weak};
    let org = json!({"aws:PrincipalOrgID": "o-abc123def4"});
    let deny = |principal: Value, action: &str, condition: Value| json!({"Effect": "Deny", "Principal": principal, "Action": action, "Condition": condition});
    for (denies, verdict) in [
        (vec![deny(json!("*"), "sts:AssumeRole", json!({"StringNotEquals": org}))], Constrained),
        (vec![deny(json!({"AWS": "*"}), "sts:*", json!({"StringNotEqualsIfExists": org}))], Constrained),
        (vec![deny(json!("*"), "*", json!({"ForAnyValue:StringNotLike": {"aws:PrincipalOrgPaths": "o-a/*"}}))], Public),
        (vec![deny(json!("*"), "sts:TagSession", json!({"StringNotEquals": org}))], Public),
        (vec![deny(json!("*"), "sts:AssumeRole", json!({"StringEquals": org}))], Public),
        (vec![deny(json!("*"), "sts:*", json!({"StringNotEquals": {"sts:ExternalId": "x"}}))], Weak),
        (vec![deny(json!("*"), "sts:*", json!({"Bool": {"aws:SecureTransport": false}}))], Public),
        (vec![deny(json!("*"), "sts:*", json!({"StringNotEquals": {"aws:MultiFactorAuthPresent": "true"}}))], Weak),
        (vec![deny(json!("*"), "sts:*", json!({"StringLike": {"aws:PrincipalAccount": ["9*", "8*", "7*"]}}))], Public),
        // Both have to hold for a denial, so that not having one of them is enough to get in.
        (
            vec![deny(
                json!("*"),
                "sts:*",
                json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-a", "aws:PrincipalAccount": "444455556666"}}),
            )],
            Constrained,
        ),
        (
            vec![deny(
                json!("*"),
                "sts:*",
                json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-a", "aws:RequestedRegion": "eu-west-1"}}),
            )],
            Public,
        ),
        (
            vec![
                deny(json!("*"), "sts:*", json!({"StringNotEquals": {"sts:ExternalId": "x"}})),
                deny(json!("*"), "sts:*", json!({"StringNotEquals": org})),
            ],
            Constrained,
        ),
        (vec![json!({"Effect": "Deny", "Principal": "*", "Action": "sts:*"})], Constrained),
        (vec![json!({"Effect": "Deny", "NotPrincipal": {"AWS": OWN}, "Action": "sts:*"})], Constrained),
        (vec![deny(json!("*"), "sts:*", json!({"StringSoundsLike": org}))], Undecidable),
        (vec![deny(json!({"AWS": "444455556666"}), "sts:*", json!({}))], Public),
        (vec![deny(json!({"AWS": "999999999999"}), "sts:*", json!({}))], Public),
        (vec![deny(json!({"AWS": "arn:aws:iam::*:root"}), "sts:*", json!({}))], Public),
        (vec![deny(json!("*"), "sts:TagSession", json!({"StringSoundsLike": org}))], Public),
        (
            vec![deny(json!("*"), "sts:*", json!({"StringNotEquals": {"aws:PrincipalOrgID": "${aws:ResourceOrgID}"}}))],
            Constrained,
        ),
        (
            vec![deny(json!("*"), "sts:*", json!({"NumericNotEquals": {"aws:PrincipalAccount": 444455556666_u64}}))],
            Constrained,
        ),
        // A data perimeter: whoever is no service has to be of the organisation.
        (
            vec![deny(
                json!("*"),
                "sts:*",
                json!({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-a"},
                       "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}),
            )],
            Constrained,
        ),
    ] {
        let statements = [vec![allow(&json!("*"), &json!({}))], denies.clone()].concat();
        assert_eq!(assessed(&policy(&statements)).verdict, verdict, "{denies:?}");
    }
    assert_eq!(assessed(&policy(&[])).verdict, Scoped);
}

#[test]
fn principals_of_every_kind() {
    use Verdict::{External, Public, Scoped, Undecidable, Weak};
    for (principal, verdict) in [
        (json!({"AWS": "arn:aws:iam::*:root"}), Public),
        (json!({"AWS": "arn:aws:iam::*:role/Admin"}), Public),
        (json!({"AWS": "arn:aws:iam::1111*:root"}), Public),
        (json!({"AWS": "arn:*"}), Public),
        (json!({"AWS": "AROA*"}), Public),
        (json!({"AWS": "arn:aws:iam::444455556666:role/*"}), Weak),
        (json!({"AWS": "arn:aws:iam::444455556666:role/ci"}), External),
        (json!({"AWS": "arn:aws-us-gov:iam::444455556666:root"}), External),
        (json!({"AWS": "arn:aws:sts::444455556666:assumed-role/ci/x"}), External),
        (json!({"CanonicalUser": "*"}), Undecidable),
        (json!("arn:aws:iam::444455556666:root"), External),
        (json!(["*"]), Public),
        (json!({"Federated": "arn:aws:iam::111122223333:oidc-provider/https://gitlab.com"}), Public),
        (json!({"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}), External),
        (json!({"AWS": "AIDAEXAMPLEEXAMPLEXXX"}), Scoped),
        (json!({"AWS": "somebody"}), Undecidable),
        (json!({"AWS": ""}), Undecidable),
        (json!({"Service": "*"}), Public),
        (json!({"Service": "*.amazonaws.com"}), Public),
        (json!({"Service": "lambda.amazonaws.com"}), Scoped),
        (json!({"Federated": "*"}), Public),
        (json!({"Federated": "arn:aws:iam::111122223333:saml-provider/Okta"}), Scoped),
        (json!({"Federated": "arn:aws:iam::444455556666:saml-provider/Okta"}), External),
        (
            json!({"Federated": "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/ABC"}),
            Scoped,
        ),
        (json!({"Federated": "arn:aws:iam::111122223333:oidc-provider/oidc.vercel.com/acme"}), Scoped),
        (json!({"Federated": "arn:aws:iam::111122223333:oidc-provider/oidc.vercel.com"}), Public),
        (json!({"Federated": "accounts.google.com"}), Public),
        (json!({}), Scoped),
    ] {
        let assessment = assessed(&policy(&[allow(&principal, &json!({}))]));
        assert_eq!(assessment.verdict, verdict, "{principal}");
    }
}

#[test]
fn tenants_of_shared_providers() {
    use Verdict::{Public, Scoped, Weak};
    let provider = |name: &str| {
        if name.contains("githubusercontent")
            || name.contains("gitlab")
            || name.contains("terraform")
            || name.contains('/')
        {
            format!("arn:aws:iam::{OWN}:oidc-provider/{name}")
        } else {
            name.to_owned()
        }
    };
    let github = "token.actions.githubusercontent.com";
    let cognito = "cognito-identity.amazonaws.com";
    let pool = json!({"cognito-identity.amazonaws.com:aud": "eu-west-1:1"});
    for (name, condition, verdict) in [
        (github, json!({"StringLike": {"token.actions.githubusercontent.com:sub": "repo:acme/*"}}), Scoped),
        (github, json!({"StringLike": {"token.actions.githubusercontent.com:sub": "repo:acme/deploy:*"}}), Scoped),
        (github, json!({"StringLike": {"token.actions.githubusercontent.com:sub": "repo:acme*"}}), Public),
        (github, json!({"StringLike": {"token.actions.githubusercontent.com:sub": "repo:*"}}), Public),
        (github, json!({"StringLike": {"token.actions.githubusercontent.com:sub": "*:ref:refs/heads/main"}}), Public),
        (github, json!({"StringEquals": {"token.actions.githubusercontent.com:sub": "repo:acme/*"}}), Scoped),
        (github, json!({"StringEqualsIfExists": {"token.actions.githubusercontent.com:sub": "repo:acme/x"}}), Public),
        (github, json!({"StringNotLike": {"token.actions.githubusercontent.com:sub": "repo:acme/*"}}), Public),
        (
            github,
            json!({"ForAllValues:StringLike": {"token.actions.githubusercontent.com:sub": "repo:acme/x:*"}}),
            Public,
        ),
        (
            github,
            json!({"ForAnyValue:StringLike": {"TOKEN.actions.githubusercontent.com:SUB": "repo:acme/x:*"}}),
            Scoped,
        ),
        (github, json!({"StringEquals": {"token.actions.githubusercontent.com:repository_owner": "acme"}}), Scoped),
        (github, json!({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}), Public),
        (github, json!({"StringLike": {"token.actions.githubusercontent.com:sub": "environment:prod:*"}}), Public),
        (github, json!({"StringLike": {"token.actions.githubusercontent.com:sub": "ref:refs/heads/main*"}}), Public),
        (
            github,
            json!({"StringLike": {"token.actions.githubusercontent.com:sub": "repo:${token.actions.githubusercontent.com:repository_owner}/*"}}),
            Public,
        ),
        (github, json!({"StringLike": {"token.actions.githubusercontent.com:repository": "acme/*"}}), Scoped),
        (github, json!({"StringLike": {"token.actions.githubusercontent.com:repository": "acme*"}}), Public),
        (github, json!({"StringLike": {"gitlab.com:sub": "project_path:acme/*"}}), Scoped),
        (
            "gitlab.com",
            json!({"StringLike": {"gitlab.com:sub": "project_path:acme/*:ref_type:branch:ref:main"}}),
            Scoped,
        ),
        ("gitlab.com", json!({"StringLike": {"gitlab.com:sub": "project_path:acme*"}}), Public),
        ("app.terraform.io", json!({"StringLike": {"app.terraform.io:sub": "organization:acme*:project:x:*"}}), Public),
        (
            "agent.buildkite.com",
            json!({"StringLike": {"agent.buildkite.com:sub": "organization:acme:pipeline:*"}}),
            Scoped,
        ),
        ("api.pulumi.com/oidc", json!({"StringEquals": {"api.pulumi.com/oidc:aud": "aws:acme"}}), Scoped),
        ("api.pulumi.com/oidc", json!({"StringLike": {"api.pulumi.com/oidc:aud": "aws:*"}}), Public),
        (
            "accounts.google.com",
            json!({"StringEquals": {"accounts.google.com:aud": "1.apps.googleusercontent.com"}}),
            Scoped,
        ),
        ("graph.facebook.com", json!({"StringEquals": {"graph.facebook.com:app_id": "12345"}}), Scoped),
        ("www.amazon.com", json!({"StringLike": {"www.amazon.com:app_id": "*"}}), Public),
        (
            "sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d/",
            json!({"StringEquals": {"sts:RoleSessionName": "MicrosoftSentinel_1234"}}),
            Scoped,
        ),
        (
            "sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d/",
            json!({"StringLike": {"sts:RoleSessionName": "MicrosoftSentinel_*"}}),
            Public,
        ),
        (cognito, json!({"StringEquals": pool}), Weak),
        ("cognito-identity-us-gov.amazonaws.com", json!({}), Public),
        (
            "cognito-identity-us-gov.amazonaws.com",
            json!({"StringEquals": {"cognito-identity-us-gov.amazonaws.com:aud": "us-gov-west-1:1"}}),
            Weak,
        ),
        (
            "sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d/",
            json!({"StringEquals": {"sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d/:aud": "api://1"}}),
            Public,
        ),
        (
            cognito,
            json!({"StringEquals": pool,
                   "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "authenticated"}}),
            Scoped,
        ),
        (
            cognito,
            json!({"StringEquals": pool, "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "*"}}),
            Public,
        ),
        (cognito, json!({"ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "authenticated"}}), Public),
    ] {
        let statement = json!({"Effect": "Allow", "Principal": {"Federated": provider(name)},
                               "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition});
        let assessment = assessed(&policy(&[statement]));
        let said = assessment.worst().map(Judgement::sentence).unwrap_or_default();
        assert_eq!(assessment.verdict, verdict, "{name} {condition}: {said}");
    }
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

/// Conditions of every class, some of which nobody or everybody meets.
fn condition() -> impl Strategy<Value = Value> {
    let operator = prop::sample::select(vec![
        "StringEquals",
        "StringNotEquals",
        "StringLike",
        "StringNotLike",
        "StringEqualsIfExists",
        "ArnLike",
        "ArnNotLike",
        "ForAllValues:StringLike",
        "ForAnyValue:StringLike",
        "ForAnyValue:StringNotEquals",
        "Null",
        "Bool",
        "IpAddress",
        "NotIpAddress",
        "NumericLessThan",
        "DateGreaterThan",
    ]);
    let key = prop::sample::select(vec![
        "aws:PrincipalOrgID",
        "aws:PrincipalAccount",
        "aws:PrincipalArn",
        "aws:PrincipalOrgPaths",
        "aws:SourceVpce",
        "aws:SourceAccount",
        "sts:ExternalId",
        "aws:SourceIp",
        "aws:MultiFactorAuthPresent",
        "aws:PrincipalTag/team",
        "aws:CurrentTime",
        "aws:PrincipalType",
        "aws:SecureTransport",
        "aws:SomethingNew",
        "aws:userid",
    ]);
    let value = prop::sample::select(vec![
        "*",
        "o-abc123def4",
        "o-*",
        "111122223333",
        "444455556666",
        "44445555*",
        "arn:aws:iam::111122223333:role/*",
        "arn:aws:iam::*:role/Admin",
        "vpce-1",
        "x",
        "true",
        "false",
        "0.0.0.0/0",
        "203.0.113.0/24",
        "10",
        "2020-01-01T00:00:00Z",
        "AssumedRole",
        "${aws:ResourceAccount}",
        "${aws:PrincipalAccount}",
        "o-abc123def4/*",
    ]);
    (operator, key, vec(value, 1..3)).prop_map(|(operator, key, values)| json!({operator: {key: values}}))
}

fn principal() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!("*"),
        json!({"AWS": "*"}),
        json!({"AWS": ["arn:aws:iam::111122223333:root", "*"]}),
        json!({"AWS": OWN}),
        json!({"AWS": "444455556666"}),
        json!({"AWS": "arn:aws:iam::*:role/Admin"}),
        json!({"AWS": "arn:aws:iam::111122223333:role/*"}),
        json!({"Service": "ec2.amazonaws.com"}),
        json!({"Federated": "accounts.google.com"}),
        json!({"Federated": "arn:aws:iam::111122223333:saml-provider/Okta"}),
    ])
}

/// Two conditions of the same operator become one object, as in JSON.
fn merged(conditions: &[Value]) -> Value {
    let mut merged = serde_json::Map::new();
    for (operator, keys) in conditions.iter().filter_map(Value::as_object).flatten() {
        let into = merged.entry(operator.clone()).or_insert_with(|| json!({}));
        for (key, values) in keys.as_object().into_iter().flatten() {
            into.as_object_mut().unwrap().entry(key.clone()).or_insert_with(|| values.clone());
        }
    }
    Value::Object(merged)
}

fn statement() -> impl Strategy<Value = Value> {
    let effect = prop_oneof![3 => Just("Allow"), 1 => Just("Deny")];
    let action = prop::sample::select(vec!["sts:AssumeRole", "sts:*", "STS:assume*", "sts:TagSession"]);
    (effect, principal(), action, vec(condition(), 0..3)).prop_map(|(effect, principal, action, conditions)| {
        json!({"Effect": effect, "Principal": principal, "Action": action, "Condition": merged(&conditions)})
    })
}

/// Callers of accounts that no policy here names, with and without what conditions ask for.
fn strangers() -> Vec<Request> {
    let mut strangers = Vec::new();
    for account in ["999999999999", "123456789012", "777777777777"] {
        for (name, org, external, ip) in [
            ("role/evil", None, None, None),
            ("role/Admin", Some("o-evilevil99"), Some("x"), Some("203.0.113.7")),
            ("user/evil", Some("o-other"), Some("444455556666"), Some("198.51.100.7")),
        ] {
            let arn = format!("arn:aws:iam::{account}:{name}");
            let mut context = Context::default();
            let mut set = |key: &str, value: Option<&str>| {
                if let Some(value) = value {
                    context.set(key, vec![value.to_owned()]);
                }
            };
            set("aws:PrincipalAccount", Some(account));
            set("aws:PrincipalArn", Some(&arn));
            set("aws:PrincipalOrgID", org);
            set("aws:PrincipalOrgPaths", org.map(|org| format!("{org}/r-1/")).as_deref());
            set("sts:ExternalId", external);
            set("aws:SourceIp", ip);
            set("aws:PrincipalTag/team", external);
            set("aws:MultiFactorAuthPresent", ip.map(|_| "true"));
            set("aws:CurrentTime", Some("2026-06-01T00:00:00Z"));
            set("aws:PrincipalType", Some(if name.starts_with("user") { "User" } else { "AssumedRole" }));
            set("aws:SecureTransport", Some("true"));
            set("aws:userid", Some("AROAEVILEVILEVILEVIL0:evil"));
            set("aws:ResourceAccount", Some(OWN));
            let caller = Caller::Aws { arn, account: account.to_owned() };
            strangers.push(Request { caller, action: "sts:AssumeRole".to_owned(), context });
        }
    }
    strangers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_witness_gets_in_and_no_stranger_does_where_the_door_is_held(statements in vec(statement(), 1..4)) {
        let document = policy(&statements);
        let parsed = Policy::parse(&document.to_string()).unwrap();
        let assessment = assess(&parsed, Some(OWN));
        for judgement in &assessment.statements {
            prop_assert_eq!(judgement.witness.is_some(), judgement.verdict >= Verdict::Weak);
            if let Some(witness) = &judgement.witness {
                prop_assert_eq!(parsed.evaluate(&witness.request), Decision::Allowed, "{}", document);
            }
        }
        if assessment.verdict <= Verdict::Constrained {
            for request in strangers() {
                prop_assert_ne!(parsed.evaluate(&request), Decision::Allowed, "{:?} by {}", request, document);
            }
        }
    }

    #[test]
    fn one_more_allow_never_makes_it_milder(statements in vec(statement(), 0..4), mut more in statement()) {
        more["Effect"] = "Allow".into();
        let before = assessed(&policy(&statements)).verdict;
        let after = assessed(&policy(&[statements, vec![more]].concat())).verdict;
        prop_assert!(before <= after, "{before:?} became {after:?}");
    }

    #[test]
    fn one_more_deny_or_condition_never_makes_it_worse(
        statements in vec(statement(), 1..4),
        mut more in statement(),
        condition in condition(),
    ) {
        let before = assessed(&policy(&statements)).verdict;
        more["Effect"] = "Deny".into();
        let denied = assessed(&policy(&[statements.clone(), vec![more]].concat())).verdict;
        prop_assert!(denied <= before, "{before:?} became {denied:?} by a Deny");

        let mut held = statements;
        let first = held.iter_mut().find(|one| one["Effect"] == "Allow");
        if let Some(first) = first {
            first["Condition"] = merged(&[first["Condition"].clone(), condition]);
            let after = assessed(&policy(&held)).verdict;
            prop_assert!(after <= before, "{before:?} became {after:?} by a condition");
        }
    }

    #[test]
    fn form_changes_nothing(statements in vec(statement(), 1..3)) {
        let document = policy(&statements);
        let plain = assessed(&document);
        let text = document.to_string();
        let upper = |text: &str| {
            ["Statement", "Effect", "Principal", "Action", "Condition"].iter().fold(text.to_owned(), |text, name| {
                text.replace(&format!("\"{name}\":"), &format!("\"{}\":", name.to_uppercase()))
            })
        };
        let keys = ["aws:PrincipalOrgID", "sts:ExternalId", "aws:PrincipalAccount"];
        let cased = keys.iter().fold(text.clone(), |text, key| {
            text.replace(&format!("\"{key}\":"), &format!("\"{}\":", key.to_uppercase()))
        });
        let encoded = percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let padded = format!("\u{feff}{}{text}\n", " ".repeat(1000));
        for other in [upper(&text), cased, encoded, padded] {
            let judged = assess(&Policy::parse(&other).unwrap(), Some(OWN));
            prop_assert_eq!(judged.verdict, plain.verdict, "{}", other);
        }
        let mut reversed = statements.clone();
        for one in &mut reversed {
            for values in one["Condition"].as_object_mut().unwrap().values_mut().flat_map(|keys| keys.as_object_mut().unwrap().values_mut()) {
                values.as_array_mut().unwrap().reverse();
            }
        }
        prop_assert_eq!(assessed(&policy(&reversed)).verdict, plain.verdict);
        if let [only] = statements.as_slice() {
            let single = json!({"Version": "2012-10-17", "Statement": only});
            prop_assert_eq!(assessed(&single).verdict, plain.verdict);
        }
    }

    #[test]
    fn any_json_is_judged_without_panic(text in "\\PC{0,80}", statements in vec(any_json(), 0..3)) {
        let _ = Policy::parse(&text);
        let document = json!({"Version": "2012-10-17", "Statement": statements});
        if let Ok(policy) = Policy::parse(&document.to_string()) {
            let _ = assess(&policy, Some(OWN));
        }
    }
}

/// JSON in the words of policies, in any arrangement.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "Allow",
            "Deny",
            "*",
            "sts:AssumeRole",
            OWN,
            "${",
            "${aws:PrincipalAccount}",
            "arn:*",
            ""
        ])
        .prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
    ];
    let keys = prop::sample::select(vec![
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Condition",
        "AWS",
        "Service",
        "Federated",
        "StringEquals",
        "StringLike",
        "ForAllValues:StringNotLikeIfExists",
        "Null",
        "IpAddress",
        "aws:PrincipalArn",
        "sts:ExternalId",
        "aws:SourceIp",
    ]);
    leaf.prop_recursive(5, 32, 5, move |inner| {
        prop_oneof![
            3 => vec((keys.clone(), inner.clone()), 0..6)
                .prop_map(|members| members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
            1 => vec(inner, 0..4).prop_map(Value::from),
        ]
    })
}

#[test]
fn a_policy_padded_to_the_limit_is_judged_like_the_plain_one() {
    let plain = policy(&[allow(&json!({"AWS": "*"}), &json!({}))]).to_string();
    let padded = plain.replacen('{', &format!("{{{}", " ".repeat(128 * 1024)), 1);
    assert_eq!(Policy::parse(&padded), Policy::parse(&plain));
    assert_eq!(assess(&Policy::parse(&padded).unwrap(), Some(OWN)).verdict, Verdict::Public);
}
