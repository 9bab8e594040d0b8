//! OpenID Connect issuers that many customers share, told apart by a claim.
//!
//! The table is `issuers.json`, with its date and the source of each entry.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// A shared issuer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Issuer {
    /// The issuer without `https://`; one that ends in `/` is the beginning of several.
    #[serde(rename = "issuer")]
    pub(super) name: String,
    /// Whom a policy lets in that does not fix the tenant.
    pub(super) who: String,
    /// The claims that name the tenant.
    claims: BTreeMap<String, Claim>,
    /// Forms of claims that hold the door without naming the tenant.
    #[serde(default)]
    weak: BTreeMap<String, Vec<Form>>,
    /// Claims of somebody else's token, each with the values it may have.
    pub(super) outsider: BTreeMap<String, Vec<String>>,
    /// A condition that fixes the tenant.
    pub(super) example: BTreeMap<String, Vec<String>>,
    /// Whether it has tokens for people who did not sign in.
    #[serde(default)]
    pub(super) guests: bool,
    /// The page it is described on.
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the table; a test requires it"))]
    source: String,
    /// Whether it stands for every issuer that is not in the table.
    #[serde(skip)]
    pub(super) is_unlisted: bool,
}

/// A claim that names the tenant.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claim {
    forms: Vec<Form>,
    /// How values begin that name no tenant.
    #[serde(default)]
    others: Vec<String>,
}

/// The form of a value, such as `repo:{tenant}/@`: what precedes the tenant, and the characters that end it.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
struct Form {
    before: String,
    tenant: Tenant,
    ends: Vec<char>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tenant {
    /// `{tenant}`
    Text,
    /// `{uuid}`, and nothing else.
    Uuid,
    /// `{any}`: some text anywhere in the value.
    Any,
}

impl TryFrom<String> for Form {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let kinds = [("{tenant}", Tenant::Text), ("{uuid}", Tenant::Uuid), ("{any}", Tenant::Any)];
        let cut = kinds.into_iter().find_map(|(name, kind)| Some((text.split_once(name)?, kind)));
        let ((before, ends), tenant) = cut.ok_or_else(|| format!("`{text}` has no tenant"))?;
        Ok(Self { before: before.to_owned(), tenant, ends: ends.chars().collect() })
    }
}

impl Form {
    /// The tenant that a value fixes; `wild` says whether `*` and `?` in it are wildcards.
    fn tenant<'v>(&self, value: &'v str, wild: bool) -> Option<&'v str> {
        let is_wild = wild && value.contains(['*', '?']);
        let literal = if is_wild { value.split(['*', '?']).next().unwrap_or_default() } else { value };
        match self.tenant {
            Tenant::Any => value.contains(|one: char| one.is_ascii_alphanumeric()).then_some(value),
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
    /// The tenant that a value fixes; `None` when it leaves the tenant open.
    pub(super) fn tenant<'v>(&self, value: &'v str, wild: bool) -> Option<&'v str> {
        self.forms.iter().find_map(|form| form.tenant(value, wild))
    }

    /// Whether tokens can have such a value.
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

#[expect(clippy::expect_used, reason = "the table is part of the program, and a test reads it")]
static TABLE: LazyLock<Table> =
    LazyLock::new(|| serde_json::from_str(include_str!("issuers.json")).expect("the table of issuers can be read"));

/// Any issuer of which it is not known whether others have tokens of it.
static UNLISTED: LazyLock<Issuer> = LazyLock::new(|| {
    let any = Form { before: String::new(), tenant: Tenant::Any, ends: Vec::new() };
    let claim = Claim { forms: vec![any], others: Vec::new() };
    let of_sub = |value: &str| BTreeMap::from([("sub".to_owned(), vec![value.to_owned()])]);
    Issuer {
        name: String::new(),
        who: "everybody with a token of the provider, which others may share".to_owned(),
        claims: BTreeMap::from([("sub".to_owned(), claim)]),
        weak: BTreeMap::new(),
        outsider: of_sub("evil"),
        example: of_sub("SUBJECT"),
        guests: false,
        source: String::new(),
        is_unlisted: true,
    }
});

impl Issuer {
    /// A claim that names the tenant.
    pub(super) fn claim(&self, name: &str) -> Option<&Claim> {
        self.claims.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, claim)| claim)
    }

    /// Whether a claim can hold the door without naming the tenant.
    pub(super) fn has_weak(&self, claim: &str) -> bool {
        self.weak.contains_key(claim)
    }

    /// Whether a value of the policy says more of the holder of the token than anybody's would.
    pub(super) fn is_weak(&self, claim: &str, value: &str, wild: bool) -> bool {
        let Some(forms) = self.weak.get(claim) else { return false };
        let chunks = if wild { value.split('*').collect() } else { vec![value] };
        let holds = |form: &Form, chunk: &str| match form.before.as_str() {
            "" => form.tenant(value, wild).is_some(),
            before => chunk.find(before).and_then(|at| form.tenant(chunk.get(at..)?, true)).is_some(),
        };
        forms.iter().any(|form| chunks.iter().any(|chunk| holds(form, chunk)))
    }
}

/// The name of the issuer a `Federated` principal stands for: `arn:…:oidc-provider/gitlab.com` is `gitlab.com`.
pub(super) fn name_of(federated: &str) -> &str {
    let name = federated.split_once(":oidc-provider/").map_or(federated, |(_, name)| name);
    name.strip_prefix("https://").unwrap_or(name).trim_end_matches('/')
}

/// The shared issuer of that name; `None` when it is not in the table.
pub(super) fn shared(name: &str) -> Option<&'static Issuer> {
    let lower = name.to_ascii_lowercase();
    TABLE.issuers.iter().find(|issuer| match issuer.name.strip_suffix('/') {
        Some(whole) => lower == whole || lower.starts_with(&issuer.name),
        None => lower == issuer.name,
    })
}

/// The names of shared issuers; one that ends in `/` is the beginning of several.
pub fn shared_issuers() -> impl Iterator<Item = &'static str> {
    TABLE.issuers.iter().map(|issuer| issuer.name.as_str())
}

/// The stand-in for an issuer whose name does not show whose it is.
pub(super) fn unlisted() -> &'static Issuer {
    &UNLISTED
}

/// First labels of hosts that vendors give the issuer of all their customers.
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

/// Segments of paths that name nobody.
const SEGMENTS: [&str; 10] = ["api", "identity", "idp", "issuer", "oauth2", "oidc", "token", "v1", "v2", "v2.0"];

/// Whether nothing in the name shows that the issuer is one tenant's own: neither a path that names a tenant nor a host
/// of the owner's. A host such as `oidc.vendor.com` is a vendor's for all its customers as often as not.
pub(super) fn may_be_shared(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let (host, path) = lower.split_once('/').unwrap_or((&lower, ""));
    let labels: Vec<&str> = host.split('.').collect();
    let is_general = |label: &str| LABELS.contains(&label.trim_end_matches(|one: char| one.is_ascii_digit()));
    let is_open = match labels.as_slice() {
        [first, _, _] => is_general(first),
        // `login.app.vendor.com`; `login.acme.com` may be the sign-in page of one company.
        [first, second, _, _] => is_general(second) && (is_general(first) || matches!(*first, "auth" | "id" | "login")),
        _ => false,
    };
    is_open && path.split('/').all(|segment| segment.is_empty() || SEGMENTS.contains(&segment))
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole_and_its_strangers_are_of_no_fixed_tenant_of_others() {
        assert!(TABLE.date.parse::<jiff::civil::Date>().is_ok());
        for issuer in &TABLE.issuers {
            assert!(issuer.source.starts_with("https://"), "{}", issuer.name);
            assert!(!issuer.claims.is_empty() && !issuer.example.is_empty(), "{}", issuer.name);
            assert_eq!(issuer.name, issuer.name.to_lowercase());
            for (claim, values) in &issuer.outsider {
                let claim = issuer.claim(claim).unwrap();
                assert!(values.iter().all(|value| claim.tenant(value, false).is_some()), "{}", issuer.name);
            }
            // The example fixes a tenant, and is about claims that tell it.
            for (claim, values) in &issuer.example {
                let claim = issuer.claim(claim).unwrap();
                assert!(values.iter().all(|value| claim.tenant(value, true).is_some()), "{}", issuer.name);
            }
        }
    }

    #[test]
    fn names_that_show_whose_the_issuer_is() {
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
