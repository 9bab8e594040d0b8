//! OpenID Connect providers that everybody shares: one issuer for all tenants, told apart by a claim.
//!
//! After the IAM user guide, "Identity-provider controls for shared OIDC providers", and its pages on Amazon Cognito,
//! Google, Amazon and Facebook.

/// A shared provider.
#[derive(Debug)]
pub(super) struct Issuer {
    /// The issuer without `https://`; one that ends in `/` is the beginning of several.
    pub(super) name: &'static str,
    /// The condition key that tells tenants apart: a claim of the token, or `sts:RoleSessionName`.
    pub(super) tenancy: &'static str,
    /// A stranger's value of it.
    pub(super) stranger: &'static str,
    /// Who has tokens of it.
    pub(super) who: &'static str,
    /// What a condition on it should look like.
    pub(super) example: &'static str,
}

/// What a `sub` may begin with, before the first `:`, so that a tenant follows: for GitHub and GitLab, whose subjects can
/// be customised, the claims that name an owner; for the others what their subjects always begin with.
const KINDS: &[(&str, &[&str])] = &[
    (
        "githubusercontent.com",
        &[
            "enterprise",
            "enterprise_id",
            "repo",
            "repository",
            "repository_id",
            "repository_owner",
            "repository_owner_id",
        ],
    ),
    ("gitlab.com", &["namespace_id", "namespace_path", "project_id", "project_path"]),
];

const fn issuer(
    name: &'static str,
    tenancy: &'static str,
    stranger: &'static str,
    who: &'static str,
    example: &'static str,
) -> Issuer {
    Issuer { name, tenancy, stranger, who, example }
}

const GITHUB: &str = "any workflow of any GitHub repository";

const ISSUERS: &[Issuer] = &[
    issuer(
        "token.actions.githubusercontent.com",
        "sub",
        "repo:evil/x:ref:refs/heads/main",
        GITHUB,
        "repo:OWNER/REPOSITORY:*",
    ),
    issuer(
        "vstoken.actions.githubusercontent.com",
        "sub",
        "repo:evil/x:ref:refs/heads/main",
        GITHUB,
        "repo:OWNER/REPOSITORY:*",
    ),
    issuer(
        "oidc-configuration.audit-log.githubusercontent.com",
        "sub",
        "https://github.com/evil",
        "the audit log of any GitHub enterprise",
        "https://github.com/ENTERPRISE",
    ),
    issuer(
        "gitlab.com",
        "sub",
        "project_path:evil/x:ref_type:branch:ref:main",
        "any pipeline of any GitLab project",
        "project_path:GROUP/PROJECT:*",
    ),
    issuer(
        "app.terraform.io",
        "sub",
        "organization:evil:project:x:workspace:x:run_phase:apply",
        "any run of any HCP Terraform organization",
        "organization:ORGANIZATION:project:PROJECT:workspace:WORKSPACE:run_phase:*",
    ),
    issuer(
        "agent.buildkite.com",
        "sub",
        "organization:evil:pipeline:x:ref:refs/heads/main:commit:HEAD:step:x",
        "any job of any Buildkite organization",
        "organization:ORGANIZATION:pipeline:PIPELINE:*",
    ),
    issuer(
        "oidc.codefresh.io",
        "sub",
        "account:evil:pipeline:x",
        "any pipeline of any Codefresh account",
        "account:ACCOUNT:pipeline:PIPELINE:*",
    ),
    issuer(
        "studio.datachain.ai/api",
        "sub",
        "credentials:evil/x",
        "any team of DataChain Studio",
        "credentials:TEAM/NAME",
    ),
    issuer("scalr.io", "sub", "account:evil:environment:x", "any Scalr account", "account:ACCOUNT:environment:*"),
    issuer("tokens.cloud.shisho.dev", "sub", "job:evil:x", "any organization of Shisho Cloud", "job:ORGANIZATION:*"),
    issuer("proidc.upbound.io", "sub", "mcp:evil/x:provider:x", "any Upbound organization", "mcp:ORGANIZATION/*"),
    issuer(
        "rh-oidc.s3.us-east-1.amazonaws.com/",
        "sub",
        "system:serviceaccount:evil:x",
        "any workload of the provider",
        "system:serviceaccount:NAMESPACE:NAME",
    ),
    issuer(
        "oidc.op1.openshiftapps.com/",
        "sub",
        "system:serviceaccount:evil:x",
        "any workload of the provider",
        "system:serviceaccount:NAMESPACE:NAME",
    ),
    issuer(
        "sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d",
        "sts:RoleSessionName",
        "MicrosoftSentinel_evil",
        "any workspace of Microsoft Sentinel",
        "MicrosoftSentinel_WORKSPACE",
    ),
    issuer("api.pulumi.com/oidc", "aud", "aws:evil", "any Pulumi organization", "aws:ORGANIZATION"),
    issuer("sandboxes.cloud", "aud", "evil", "any tenant of the provider", "TENANT"),
    issuer("oidc.vercel.com", "aud", "https://vercel.com/evil", "any Vercel team", "https://vercel.com/TEAM"),
    issuer(
        "cognito-identity.amazonaws.com",
        "aud",
        "eu-west-1:99999999-9999-4999-8999-999999999999",
        "any identity of any Cognito identity pool",
        "REGION:IDENTITY_POOL",
    ),
    issuer(
        "cognito-identity-us-gov.amazonaws.com",
        "aud",
        "us-gov-west-1:99999999-9999-4999-8999-999999999999",
        "any identity of any Cognito identity pool",
        "REGION:IDENTITY_POOL",
    ),
    issuer(
        "cognito-identity.cn-north-1.amazonaws.com.cn",
        "aud",
        "cn-north-1:99999999-9999-4999-8999-999999999999",
        "any identity of any Cognito identity pool",
        "REGION:IDENTITY_POOL",
    ),
    issuer(
        "accounts.google.com",
        "aud",
        "evil.apps.googleusercontent.com",
        "any Google application",
        "CLIENT.apps.googleusercontent.com",
    ),
    issuer(
        "www.amazon.com",
        "app_id",
        "amzn1.application-oa2-client.evil",
        "any Login with Amazon application",
        "amzn1.application-oa2-client.APPLICATION",
    ),
    issuer("graph.facebook.com", "app_id", "999999999999999", "any Facebook application", "APPLICATION_ID"),
];

impl Issuer {
    /// Whether a `sub` of this kind, what stands before the first `:`, goes on with a tenant.
    pub(super) fn has_tenant_after(&self, kind: &str) -> bool {
        match KINDS.iter().find(|(name, _)| self.name.ends_with(name) && !self.name.starts_with("oidc-configuration")) {
            Some((_, kinds)) => kinds.contains(&kind),
            None => self.stranger.split(':').next() == Some(kind),
        }
    }

    /// Whether it is Amazon Cognito, some of whose users need not sign in.
    pub(super) fn has_guests(&self) -> bool {
        self.name.starts_with("cognito-identity")
    }
}

/// The name of the issuer a `Federated` principal stands for: `arn:…:oidc-provider/gitlab.com` is `gitlab.com`.
pub(super) fn name_of(federated: &str) -> &str {
    let name = federated.split_once(":oidc-provider/").map_or(federated, |(_, name)| name);
    name.strip_prefix("https://").unwrap_or(name).trim_end_matches('/')
}

/// The shared provider of that name; `None` when it is one's own.
pub(super) fn shared(name: &str) -> Option<&'static Issuer> {
    ISSUERS.iter().find(|issuer| match issuer.name.strip_suffix('/') {
        Some(_) => name.to_ascii_lowercase().starts_with(issuer.name),
        None => name.eq_ignore_ascii_case(issuer.name),
    })
}
