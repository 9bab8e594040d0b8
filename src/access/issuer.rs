//! OpenID Connect issuers that serve many tenants. A claim of their tokens names the tenant.
//!
//! The table is `issuers.json`. It contains its date and the source of each entry.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// A shared issuer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Issuer {
    /// The issuer without `https://`. A name that ends in `/` is the prefix of several issuers.
    #[serde(rename = "issuer")]
    pub(super) name: String,
    /// The parties that a policy admits if it does not fix the tenant, in words.
    pub(super) who: String,
    /// The claims that name the tenant.
    claims: BTreeMap<String, Claim>,
    /// Forms of claims that restrict access without naming the tenant.
    #[serde(default)]
    weak: BTreeMap<String, Vec<ClaimForm>>,
    /// Claims of an outsider's token, with the values that they may have.
    pub(super) outsider: BTreeMap<String, Vec<String>>,
    /// A condition that fixes the tenant.
    pub(super) example: BTreeMap<String, Vec<String>>,
    /// Whether it issues tokens to guests, who did not sign in.
    #[serde(default, rename = "guests")]
    pub(super) has_guests: bool,
    /// The page that documents it.
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the table; a test requires it"))]
    source: String,
    /// Whether it represents every issuer that is not in the table.
    #[serde(skip)]
    pub(super) is_unlisted: bool,
}

/// A claim that names the tenant.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claim {
    forms: Vec<ClaimForm>,
    /// Prefixes of values that name no tenant.
    #[serde(default)]
    others: Vec<String>,
}

/// The form of a value, such as `repo:{tenant}/@`: the text before the tenant, and the characters that end it.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
struct ClaimForm {
    before: String,
    tenant: Tenant,
    ends: Vec<char>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tenant {
    /// `{tenant}`: text up to one of the end characters.
    Text,
    /// `{uuid}`: the value is a UUID.
    Uuid,
    /// `{any}`: the value contains a letter or digit.
    Any,
}

impl TryFrom<String> for ClaimForm {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let kinds = [("{tenant}", Tenant::Text), ("{uuid}", Tenant::Uuid), ("{any}", Tenant::Any)];
        let cut = kinds.into_iter().find_map(|(name, kind)| Some((text.split_once(name)?, kind)));
        let ((before, ends), tenant) = cut.ok_or_else(|| format!("`{text}` has no tenant"))?;
        Ok(Self { before: before.to_owned(), tenant, ends: ends.chars().collect() })
    }
}

impl ClaimForm {
    /// The tenant that a value fixes. `wildcards` is whether `*` and `?` in the value are wildcards.
    fn tenant<'v>(&self, value: &'v str, wildcards: bool) -> Option<&'v str> {
        let is_wild = wildcards && value.contains(['*', '?']);
        let literal = if is_wild { value.split(['*', '?']).next().unwrap_or_default() } else { value };
        match self.tenant {
            Tenant::Any => value.contains(|character: char| character.is_ascii_alphanumeric()).then_some(value),
            Tenant::Uuid => (!is_wild && is_uuid(value)).then_some(value),
            Tenant::Text => {
                let rest = literal.strip_prefix(&self.before)?;
                let tenant = match rest.find(&*self.ends) {
                    Some(end) => rest.get(..end)?,
                    None if is_wild => return None,
                    None => rest,
                };
                Some(tenant).filter(|tenant| !tenant.is_empty())
            }
        }
    }
}

impl Claim {
    /// The tenant that a value fixes. Returns `None` if values of several tenants match.
    pub(super) fn tenant<'v>(&self, value: &'v str, wildcards: bool) -> Option<&'v str> {
        self.forms.iter().find_map(|form| form.tenant(value, wildcards))
    }

    /// Whether a token can contain such a value.
    pub(super) fn could_be(&self, value: &str) -> bool {
        self.tenant(value, false).is_some()
            || self.others.iter().any(|before| value.strip_prefix(before).is_some_and(|rest| !rest.is_empty()))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(rename = "note")]
    _note: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the table; a test requires it"))]
    date: String,
    issuers: Vec<Issuer>,
}

#[expect(clippy::expect_used, reason = "the table is part of the program, and a test parses it")]
static TABLE: LazyLock<Table> =
    LazyLock::new(|| serde_json::from_str(include_str!("issuers.json")).expect("the table of issuers is valid"));

/// Represents an issuer that is not in the table and may serve other tenants too.
static UNLISTED: LazyLock<Issuer> = LazyLock::new(|| {
    let any = ClaimForm { before: String::new(), tenant: Tenant::Any, ends: Vec::new() };
    let claim = Claim { forms: vec![any], others: Vec::new() };
    let of_sub = |value: &str| BTreeMap::from([("sub".to_owned(), vec![value.to_owned()])]);
    Issuer {
        name: String::new(),
        who: "everybody with a token of the provider, which others may share".to_owned(),
        claims: BTreeMap::from([("sub".to_owned(), claim)]),
        weak: BTreeMap::new(),
        outsider: of_sub("evil"),
        example: of_sub("SUBJECT"),
        has_guests: false,
        source: String::new(),
        is_unlisted: true,
    }
});

impl Issuer {
    /// The claim of this name, if it names the tenant.
    pub(super) fn claim(&self, name: &str) -> Option<&Claim> {
        self.claims.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, claim)| claim)
    }

    /// Whether a claim can restrict access without naming the tenant.
    pub(super) fn has_weak(&self, claim: &str) -> bool {
        self.weak.contains_key(claim)
    }

    /// Whether a value in the policy restricts access without naming the tenant.
    pub(super) fn is_weak(&self, claim: &str, value: &str, wildcards: bool) -> bool {
        let Some(forms) = self.weak.get(claim) else { return false };
        let chunks = if wildcards { value.split('*').collect() } else { vec![value] };
        let matches = |form: &ClaimForm, chunk: &str| match form.before.as_str() {
            "" => form.tenant(value, wildcards).is_some(),
            before => chunk.find(before).and_then(|at| form.tenant(chunk.get(at..)?, true)).is_some(),
        };
        forms.iter().any(|form| chunks.iter().any(|chunk| matches(form, chunk)))
    }
}

/// The name of the issuer of a `Federated` principal: `arn:…:oidc-provider/gitlab.com` is `gitlab.com`.
pub(super) fn name_of(federated: &str) -> &str {
    let name = federated.split_once(":oidc-provider/").map_or(federated, |(_, name)| name);
    name.strip_prefix("https://").unwrap_or(name).trim_end_matches('/')
}

/// The shared issuer with this name. Returns `None` if it is not in the table.
pub(super) fn shared(name: &str) -> Option<&'static Issuer> {
    let lower = name.to_ascii_lowercase();
    TABLE.issuers.iter().find(|issuer| match issuer.name.strip_suffix('/') {
        Some(name) => lower == name || lower.starts_with(&issuer.name),
        None => lower == issuer.name,
    })
}

/// The names of the shared issuers. A name that ends in `/` is the prefix of several issuers.
pub fn shared_issuers() -> impl Iterator<Item = &'static str> {
    TABLE.issuers.iter().map(|issuer| issuer.name.as_str())
}

/// A stand-in for an issuer whose name does not show its owner.
pub(super) fn unlisted() -> &'static Issuer {
    &UNLISTED
}

/// First labels of hosts that vendors use for an issuer that serves all of their customers.
const LABELS: [&str; 16] = [
    "accounts",
    "agent",
    "agents",
    "api",
    "app",
    "ci",
    "cloud",
    "federation",
    "identity",
    "issuer",
    "oidc",
    "runner",
    "sts",
    "token",
    "tokens",
    "workload",
];

/// Path segments that name no tenant.
const SEGMENTS: [&str; 10] = ["api", "identity", "idp", "issuer", "oauth2", "oidc", "token", "v1", "v2", "v2.0"];

/// Whether an issuer may serve several tenants by its name: no path segment names a tenant, and the host is general. A host
/// such as `oidc.vendor.com` often serves all customers of a vendor.
pub(super) fn may_be_shared(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let (host, path) = lower.split_once('/').unwrap_or((&lower, ""));
    let labels: Vec<&str> = host.split('.').collect();
    let is_general =
        |label: &str| LABELS.contains(&label.trim_end_matches(|character: char| character.is_ascii_digit()));
    let is_general_host = match labels.as_slice() {
        [first, _, _] => is_general(first),
        // `login.app.vendor.com`; `login.acme.com` may be the sign-in page of one company.
        [first, second, _, _] => is_general(second) && (is_general(first) || matches!(*first, "auth" | "id" | "login")),
        _ => false,
    };
    is_general_host && path.split('/').all(|segment| segment.is_empty() || SEGMENTS.contains(&segment))
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_complete_and_its_claims_name_a_tenant() {
        assert!(TABLE.date.parse::<jiff::civil::Date>().is_ok());
        for issuer in &TABLE.issuers {
            assert!(issuer.source.starts_with("https://"), "{}", issuer.name);
            assert!(!issuer.claims.is_empty() && !issuer.example.is_empty(), "{}", issuer.name);
            assert_eq!(issuer.name, issuer.name.to_lowercase());
            for (claim, values) in &issuer.outsider {
                let claim = issuer.claim(claim).unwrap();
                assert!(values.iter().all(|value| claim.tenant(value, false).is_some()), "{}", issuer.name);
            }
            // The example fixes a tenant.
            for (claim, values) in &issuer.example {
                let claim = issuer.claim(claim).unwrap();
                assert!(values.iter().all(|value| claim.tenant(value, true).is_some()), "{}", issuer.name);
            }
        }
    }

    #[test]
    fn issuers_that_may_be_shared_are_recognized_by_name() {
        for (name, expected) in [
            ("oidc.vendor.dev", true),
            ("api.vendor.io/oidc/v2", true),
            ("tokens.vendor.io", true),
            ("api2.vendor.io", true),
            ("login.app.vendor.io", true),
            ("login.acme.example", false),
            ("acme.app.vendor.io", false),
            ("gitlab.acme.example", false),
            ("oidc.circleci.com/org/0184990a-477b-4fa8-9968-496074483cee", false),
            ("oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE", false),
            ("acme.okta.com", false),
            ("login.microsoftonline.com/0184990a-477b-4fa8-9968-496074483cee/v2.0", false),
        ] {
            assert_eq!(may_be_shared(name), expected, "{name}");
        }
    }
}
