//! Accounts, organizations, tenants and identity providers of your own.

use std::cell::Cell;
use std::collections::BTreeMap;

use jiff::Timestamp;

/// The zone of trust: whoever is in it is no outsider. What is not listed in a kind that lists something is foreign.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Zone {
    /// Account ids.
    pub accounts: Vec<String>,
    /// Ids of organizations (`o-…`), their roots and organizational units.
    pub organizations: Vec<String>,
    /// Tenants of shared identity providers, by issuer: `token.actions.githubusercontent.com` and the owners of repositories.
    pub tenants: BTreeMap<String, Vec<String>>,
    /// OIDC providers, by issuer, and SAML providers, by name.
    pub providers: Vec<String>,
}

impl Zone {
    /// Whether nothing is configured.
    pub fn is_empty(&self) -> bool {
        let Self { accounts, organizations, tenants, providers } = self;
        accounts.is_empty() && organizations.is_empty() && tenants.is_empty() && providers.is_empty()
    }

    /// Whether an organization, or the path of an organizational unit (`o-…/r-…/ou-…`), is listed; `None` when none are.
    pub(super) fn has_organization(&self, path: &str) -> Option<bool> {
        let is_listed = |id: &str| self.organizations.iter().any(|known| known.eq_ignore_ascii_case(id));
        (!self.organizations.is_empty()).then(|| path.split('/').any(is_listed))
    }

    /// Whether a tenant of an issuer is listed; `None` when none of the issuer are.
    pub(super) fn has_tenant(&self, issuer: &str, tenant: &str) -> Option<bool> {
        let of_issuer = self.tenants.iter().find(|(name, _)| same_issuer(name, issuer))?;
        Some(of_issuer.1.iter().any(|known| known.eq_ignore_ascii_case(tenant)))
    }

    /// Whether a provider, by issuer or by the name of the SAML provider, is listed; `None` when none are.
    pub(super) fn has_provider(&self, name: &str) -> Option<bool> {
        let is_listed = |known: &String| same_issuer(known, name);
        (!self.providers.is_empty()).then(|| self.providers.iter().any(is_listed))
    }
}

fn same_issuer(one: &str, other: &str) -> bool {
    let bare = |name: &str| {
        let name = name.strip_prefix("https://").unwrap_or(name);
        name.strip_prefix("saml-provider/").unwrap_or(name).trim_end_matches('/').to_ascii_lowercase()
    };
    bare(one) == bare(other)
}

/// The role that a trust policy belongs to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Role<'r> {
    /// Its account; without it, every account is another.
    pub account: Option<&'r str>,
    /// The time at which its policy is judged; without it, conditions on times are taken to hold at some time.
    pub now: Option<Timestamp>,
    /// Whether IAM has returned the policy. It shows principals by their ARNs then, and by a unique id only when they
    /// were deleted.
    pub is_stored: bool,
}

/// Maximum number of comparisons of a value of the policy with a value of a request that one assessment makes. The largest
/// policies in use take some thousands.
const MAX_COMPARISONS: u64 = 30_000;

/// The comparisons that are left.
#[derive(Debug)]
pub(super) struct Budget(Cell<u64>);

impl Budget {
    pub(super) fn new() -> Self {
        Self(Cell::new(MAX_COMPARISONS))
    }

    /// Takes some away. Returns whether the budget suffices.
    pub(super) fn spend(&self, comparisons: usize) -> bool {
        let left = self.0.get().saturating_sub(u64::try_from(comparisons).unwrap_or(u64::MAX));
        self.0.set(left);
        left > 0
    }

    pub(super) fn is_spent(&self) -> bool {
        self.0.get() == 0
    }
}
