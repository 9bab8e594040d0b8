//! Accounts, organizations, tenants and identity providers of your own.

use std::cell::Cell;
use std::collections::BTreeMap;

use jiff::Timestamp;

/// The zone of trust. Parties in it are not outsiders. If a list is not empty, parties that are not in it are external.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Zone {
    /// Account ids.
    pub accounts: Vec<String>,
    /// Ids of organizations (`o-…`), their roots and organizational units.
    pub organizations: Vec<String>,
    /// Tenants of shared identity providers, by issuer: for `token.actions.githubusercontent.com`, the owners of repositories.
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

    /// Whether an organization or the path of an organizational unit (`o-…/r-…/ou-…`) is listed. Returns `None` if the list is
    /// empty.
    pub(super) fn has_organization(&self, path: &str) -> Option<bool> {
        let is_listed = |id: &str| self.organizations.iter().any(|known| known.eq_ignore_ascii_case(id));
        (!self.organizations.is_empty()).then(|| path.split('/').any(is_listed))
    }

    /// Whether a tenant of an issuer is listed. Returns `None` if no tenant of the issuer is.
    pub(super) fn has_tenant(&self, issuer: &str, tenant: &str) -> Option<bool> {
        let (_, tenants) = self.tenants.iter().find(|(name, _)| same_issuer(name, issuer))?;
        Some(tenants.iter().any(|known| known.eq_ignore_ascii_case(tenant)))
    }

    /// Whether a provider is listed, by its issuer or by the name of the SAML provider. Returns `None` if the list is empty.
    pub(super) fn has_provider(&self, name: &str) -> Option<bool> {
        let is_listed = |known: &String| same_issuer(known, name);
        (!self.providers.is_empty()).then(|| self.providers.iter().any(is_listed))
    }
}

fn same_issuer(first: &str, second: &str) -> bool {
    let normalized = |name: &str| {
        let name = name.strip_prefix("https://").unwrap_or(name);
        name.strip_prefix("saml-provider/").unwrap_or(name).trim_end_matches('/').to_ascii_lowercase()
    };
    normalized(first) == normalized(second)
}

/// The role that a trust policy belongs to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Role<'r> {
    /// The account. Without it, every account is external.
    pub account: Option<&'r str>,
    /// The time as of which the policy is assessed. Without it, conditions on times are assumed to hold at some time.
    pub now: Option<Timestamp>,
    /// Whether IAM returned the policy. IAM shows existing principals by ARN, and deleted ones by unique id.
    pub is_stored: bool,
}

/// Maximum number of comparisons of policy values with request values for one assessment. The largest policies in use need a
/// few thousand.
const MAX_COMPARISONS: u64 = 30_000;

/// The number of comparisons that remain.
#[derive(Debug)]
pub(super) struct Budget(Cell<u64>);

impl Budget {
    pub(super) fn new() -> Self {
        Self(Cell::new(MAX_COMPARISONS))
    }

    /// Subtracts comparisons. Returns whether the budget suffices.
    pub(super) fn spend(&self, comparisons: usize) -> bool {
        let remaining = self.0.get().saturating_sub(u64::try_from(comparisons).unwrap_or(u64::MAX));
        self.0.set(remaining);
        remaining > 0
    }

    pub(super) fn is_spent(&self) -> bool {
        self.0.get() == 0
    }
}
