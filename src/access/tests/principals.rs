//! Groups of principals, and tenants of shared providers.

use serde_json::json;

use super::*;

#[test]
fn principals_of_every_kind() {
    use Verdict::{External, Public, Scoped, Undecidable, Weak};
    let mut wrong = Vec::new();
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
        (json!({"AWS": "AIDAJQABLZS4A3QDU576Q"}), External),
        (json!({"AWS": "AROAJQABLZS4A3QDU576Q"}), External),
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
        let mut statement = allow(&principal, &json!({}));
        statement["Action"] = json!(ASSUME);
        let found = assessed(&policy(&[statement])).verdict;
        if found != verdict {
            wrong.push(format!("{principal} is {found:?}, not {verdict:?}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn tenants_of_shared_providers() {
    use Verdict::{Public, Scoped, Weak};
    let mut wrong = Vec::new();
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
        (github, json!({"StringEqualsIfExists": {"token.actions.githubusercontent.com:sub": "repo:acme/x"}}), Scoped),
        (github, json!({"StringNotLike": {"token.actions.githubusercontent.com:sub": "repo:acme/*"}}), Public),
        (
            github,
            json!({"ForAllValues:StringLike": {"token.actions.githubusercontent.com:sub": "repo:acme/x:*"}}),
            Scoped,
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
        (github, json!({"StringLikeIfExists": {"token.actions.githubusercontent.com:sub": "repo:acme/x:*"}}), Scoped),
        (github, json!({"StringLikeIfExists": {"token.actions.githubusercontent.com:sub": "repo:acme*"}}), Public),
        (
            github,
            json!({"StringLikeIfExists": {"token.actions.githubusercontent.com:sub": "repo:*",
                                          "token.actions.githubusercontent.com:ref": "refs/heads/main"}}),
            Public,
        ),
        ("api.pulumi.com/oidc", json!({"StringEquals": {"api.pulumi.com/oidc:aud": "aws:acme"}}), Scoped),
        (
            "api.pulumi.com/oidc/v2",
            json!({"StringEquals": {"api.pulumi.com/oidc/v2:aud": "sts.amazonaws.com"}}),
            Public,
        ),
        (
            "api.pulumi.com/oidc/v2",
            json!({"StringEquals": {"api.pulumi.com/oidc/v2:aud": "sts.amazonaws.com"},
                   "StringLike": {"api.pulumi.com/oidc/v2:sub": "pulumi:org:0184990a-477b-4fa8-9968-496074483cee:env:*"}}),
            Scoped,
        ),
        ("api.pulumi.com/oidc/v2", json!({"StringLike": {"api.pulumi.com/oidc/v2:sub": "pulumi:org:*"}}), Public),
        ("login.app.env0.com/", json!({"StringEquals": {"login.app.env0.com/:aud": "hoMiq9"}}), Public),
        (
            "login.app.env0.com/",
            json!({"StringEquals": {"login.app.env0.com/:aud": "hoMiq9", "login.app.env0.com/:sub": "auth0|632b8219"}}),
            Scoped,
        ),
        ("api.cursor.com", json!({"StringLike": {"api.cursor.com:sub": "user:*"}}), Public),
        ("api.cursor.com", json!({"StringEquals": {"api.cursor.com:sub": "team_id:123"}}), Scoped),
        (
            "federation.namespaceapis.com",
            json!({"StringLike": {"federation.namespaceapis.com:sub": "tenant_acme/*"}}),
            Scoped,
        ),
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
        let said = assessment.worst().map(StatementAssessment::sentence).unwrap_or_default();
        if assessment.verdict != verdict {
            wrong.push(format!("{name} {condition} is not {verdict:?}: {said}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn a_token_of_any_provider_is_not_exchanged_by_assume_role() {
    for (action, verdict) in [
        ("sts:AssumeRole", Verdict::Scoped),
        ("sts:AssumeRoleWithWebIdentity", Verdict::Public),
        ("sts:AssumeRoleWithSAML", Verdict::Public),
        ("sts:*", Verdict::Public),
    ] {
        let statement = json!({"Effect": "Allow", "Principal": {"Federated": "*"}, "Action": action});
        assert_eq!(assessed(&policy(&[statement])).verdict, verdict, "{action}");
    }
}
