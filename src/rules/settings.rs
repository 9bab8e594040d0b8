//! The configuration file: which rules run, how bad their findings are, and what is one's own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use rsigma_parser::Level;
use serde::Deserialize;

use super::Known;
use super::fault::{Reason, RuleFault};
use super::placeholder::{EXEMPT_VPC_TAGS, PLACEHOLDERS, Placeholders};
use super::trusted::{is_account, organization_id};
use crate::facts::shared_issuers;

/// The configuration file. Everything in it is optional; a key that is not listed here is a fault.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Whether all rules of a pack run, or none; a rule's own setting counts more.
    #[serde(default)]
    packs: BTreeMap<String, bool>,
    /// What is different for a rule.
    #[serde(default)]
    rules: BTreeMap<String, RuleSetting>,
    /// Accounts that rules about other accounts leave alone.
    #[serde(default)]
    pub(super) trusted_accounts: Vec<String>,
    /// Organizations and organizational units that these rules leave alone, by id or ARN.
    #[serde(default)]
    pub(super) trusted_organizations: Vec<String>,
    /// Tenants of shared OIDC issuers that are your own, by issuer.
    #[serde(default)]
    pub(super) trusted_tenants: BTreeMap<String, Vec<String>>,
    /// Identity providers that are yours alone: the issuers of OIDC providers and the names of SAML providers.
    #[serde(default)]
    pub(super) trusted_providers: Vec<String>,
    /// Values for the `%placeholders%` of rules.
    #[serde(default)]
    pub(super) placeholders: Placeholders,
    /// What live state is used for beyond confirming.
    #[serde(default)]
    pub(super) live_state: LiveSettings,
    /// Names of accounts, by their ids.
    #[serde(default)]
    pub(super) account_names: BTreeMap<String, String>,
    /// How messages call the file, and its text.
    #[serde(skip)]
    source: (String, String),
}

/// What live state exempts; nothing unless configured.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LiveSettings {
    /// The VPC that AWS makes with each account.
    #[serde(default)]
    pub exempt_default_vpc: bool,
    /// VPCs that have a tag with one of these keys, whatever its value. Who sets or removes such a tag is reported.
    #[serde(default)]
    pub exempt_vpc_tags: Vec<String>,
}

impl LiveSettings {
    /// Whether it exempts nothing.
    pub fn is_empty(&self) -> bool {
        !self.exempt_default_vpc && self.exempt_vpc_tags.is_empty()
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleSetting {
    enabled: Option<bool>,
    level: Option<Level>,
}

impl Settings {
    /// Reads the configuration file.
    ///
    /// # Errors
    /// A fault when it cannot be read or is not understood.
    pub fn read(path: &Path) -> Result<Self, RuleFault> {
        let name = path.display().to_string();
        let text = fs::read_to_string(path)
            .map_err(|error| RuleFault::new(&name, None, format!("cannot be read: {error}")))?;
        Self::parse(&name, text)
    }

    /// Reads its text; `name` is what messages call it.
    ///
    /// # Errors
    /// A fault when it is not understood.
    pub fn parse(name: &str, text: String) -> Result<Self, RuleFault> {
        let fault = |text: &str, error: String| Reason::error(error).in_file(name, text, None);
        let value: Option<Self> = yaml_serde::from_str(&text).map_err(|error| fault(&text, error.to_string()))?;
        let mut settings = Self { source: (name.to_owned(), text), ..value.unwrap_or_default() };
        if !settings.live_state.exempt_vpc_tags.is_empty() {
            // The exemption and the rule that guards it cannot be configured apart.
            let keys = settings.live_state.exempt_vpc_tags.clone();
            settings.placeholders.entry(EXEMPT_VPC_TAGS.to_owned()).or_default().extend(keys);
        }
        Ok(settings)
    }

    /// Whether the rule runs; `enabled` is what it says itself.
    pub(super) fn runs(&self, rule: &str, pack: Option<&str>, enabled: bool) -> bool {
        let own = self.rules.get(rule).and_then(|setting| setting.enabled);
        own.or_else(|| self.packs.get(pack?).copied()).unwrap_or(enabled)
    }

    /// The level the rule's findings are to have, when it is not the rule's own.
    pub(super) fn level(&self, rule: &str) -> Option<Level> {
        self.rules.get(rule)?.level
    }

    /// What the file names that there is not, and values that cannot be. What there is, is asked for where the file names
    /// something.
    pub(super) fn faults<'k>(&self, known: impl FnOnce() -> Known<'k>) -> Vec<RuleFault> {
        let mut reasons = match self.rules.is_empty() && self.packs.is_empty() && self.placeholders.is_empty() {
            true => Vec::new(),
            false => self.unknown(&known()),
        };
        for text in self.trusted_accounts.iter().chain(self.account_names.keys()).filter(|text| !is_account(text)) {
            let told = format!("`{text}` is not an account id, which has twelve digits and stands in quotes");
            reasons.push(Reason::error(told).at(text));
        }
        for text in self.trusted_organizations.iter().filter(|text| organization_id(text).is_none()) {
            let told =
                format!("`{text}` is not the id or ARN of an organization (`o-…`) or organizational unit (`ou-…`)");
            reasons.push(Reason::error(told).at(text));
        }
        for issuer in self.trusted_tenants.keys().filter(|issuer| !is_shared_issuer(issuer)) {
            let known: Vec<&str> = shared_issuers().collect();
            let nearest = nearest(issuer, &known).map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
            let told = format!(
                "`{issuer}` is not an issuer that tenants share{nearest}; list a provider that is yours alone under \
                 `trusted-providers`"
            );
            reasons.push(Reason::error(told).at(issuer));
        }
        let own = self.placeholders.iter().filter(|(name, _)| PLACEHOLDERS.iter().any(|(known, _)| known == name));
        for value in own.flat_map(|(_, values)| values).filter(|value| value.starts_with("arn:")) {
            reasons.push(Reason::error(format!("`{value}` is an ARN; give the name alone")).at(value));
        }
        let has = |name: &str| self.placeholders.get(name).is_some_and(|values| !values.is_empty());
        for needed in ["own_log_groups", "own_buckets"] {
            if has("own_trails") && !has(needed) {
                let told = format!("`own_trails` is set and `{needed}` is not: name those that these trails write to");
                reasons.push(Reason::error(told).at("own_trails"));
            }
        }
        let (file, text) = &self.source;
        reasons.into_iter().map(|reason| reason.in_file(file, text, None)).collect()
    }

    /// What the file names that there is not.
    fn unknown(&self, known: &Known<'_>) -> Vec<Reason> {
        let unknown = |what: &str, name: &String, known: &BTreeSet<&str>| {
            let known: Vec<&str> = known.iter().copied().collect();
            let nearest = nearest(name, &known).map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
            Reason::error(format!("there is no {what} `{name}`{nearest}")).at(name)
        };
        let missing = |names: Vec<&String>, what: &'static str, known: &BTreeSet<&str>| -> Vec<Reason> {
            let missing = names.into_iter().filter(|name| !known.contains(name.as_str()));
            missing.map(|name| unknown(what, name, known)).collect()
        };
        let mut reasons = missing(self.rules.keys().collect(), "rule", &known.rules);
        reasons.extend(missing(self.packs.keys().collect(), "pack", &known.packs));
        reasons.extend(missing(self.placeholders.keys().collect(), "placeholder", &known.placeholders));
        reasons
    }
}

/// Whether it is an issuer of the table, or begins as one there does that stands for several.
fn is_shared_issuer(name: &str) -> bool {
    let name = name.strip_prefix("https://").unwrap_or(name).trim_end_matches('/').to_ascii_lowercase();
    shared_issuers().any(|known| match known.strip_suffix('/') {
        Some(whole) => name == whole || name.starts_with(known),
        None => name == known,
    })
}

/// The known name that looks most like `name`, if one does.
pub(super) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let scored = known.iter().map(|one| (strsim::jaro_winkler(name, one), *one));
    scored.filter(|(score, _)| *score > 0.8).max_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, one)| one)
}
