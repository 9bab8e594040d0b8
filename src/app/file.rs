//! The configuration file: enabled rules, levels, values of placeholders, your own accounts, and more.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::webhooks::{self, WebhookEntry};
use crate::access::{Zone, shared_issuers};
use crate::alert::{Webhook, is_link};
use crate::arn::is_account_id;
use crate::rules::{
    EXEMPT_VPC_TAGS, RuleDiagnostic, RuleSetting, Settings, did_you_mean, organization_id, with_suggestion,
};
use crate::suppress::VpcExemptions;

/// The content of a configuration file.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigurationFile {
    /// Enabled rules and packs, levels, and values of placeholders.
    pub rules: Settings,
    /// Your own accounts, organizations, tenants and identity providers.
    pub zone: Zone,
    /// The exemptions of VPCs by live state.
    pub vpc_exemptions: VpcExemptions,
    /// Names of accounts, by account id.
    pub account_names: BTreeMap<String, String>,
    /// Whether findings contain their record.
    pub raw_data: bool,
    /// URLs of runbooks, by name of a rule or of a pack.
    pub runbooks: BTreeMap<String, String>,
    /// The webhooks that receive alerts.
    pub webhooks: Vec<Webhook>,
    diagnostics: Vec<RuleDiagnostic>,
}

/// The keys of the file. All are optional. An unknown key is an error.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Document {
    /// Whether the rules of a pack are enabled. The setting of a single rule has precedence.
    packs: BTreeMap<String, bool>,
    /// Settings of single rules.
    rules: BTreeMap<String, RuleSetting>,
    trusted_accounts: Vec<String>,
    /// Organizations and organizational units, by id or ARN.
    trusted_organizations: Vec<String>,
    /// Tenants of shared OIDC issuers, by issuer.
    trusted_tenants: BTreeMap<String, Vec<String>>,
    /// Identity providers that only you use: issuers of OIDC providers and names of SAML providers.
    trusted_providers: Vec<String>,
    /// Values for the `%placeholders%` of rules.
    placeholders: BTreeMap<String, Vec<String>>,
    live_state: VpcExemptions,
    account_names: BTreeMap<String, String>,
    raw_data: Option<bool>,
    /// URLs of runbooks, by name of a rule or of a pack. Alerts link to them.
    runbooks: BTreeMap<String, String>,
    /// Webhooks that receive alerts.
    webhooks: Vec<WebhookEntry>,
}

impl Default for ConfigurationFile {
    fn default() -> Self {
        Self {
            rules: Settings::default(),
            zone: Zone::default(),
            vpc_exemptions: VpcExemptions::default(),
            account_names: BTreeMap::new(),
            raw_data: true,
            runbooks: BTreeMap::new(),
            webhooks: Vec::new(),
            diagnostics: Vec::new(),
        }
    }
}

impl ConfigurationFile {
    /// Reads the configuration file at `path`.
    ///
    /// # Errors
    /// Returns the reason why it cannot be read or parsed.
    pub fn read(path: &Path) -> Result<Self, RuleDiagnostic> {
        let name = path.display().to_string();
        let text = fs::read_to_string(path)
            .map_err(|error| RuleDiagnostic::of_file(&name, format!("cannot be read: {error}")))?;
        Self::parse(&name, text)
    }

    /// Parses the text of a configuration file. `name` is its name in messages.
    ///
    /// # Errors
    /// Returns the reason why it cannot be parsed.
    pub fn parse(name: &str, text: String) -> Result<Self, RuleDiagnostic> {
        let document: Option<Document> = yaml_serde::from_str(&text)
            .map_err(|error| RuleDiagnostic::in_text(name, &text, None, with_suggestion(error.to_string())))?;
        let mut document = document.unwrap_or_default();
        let (webhooks, faults) = webhooks::checked(&document.webhooks);
        let diagnostics = document.diagnostics().into_iter().chain(faults);
        let diagnostics =
            diagnostics.map(|(word, reason)| RuleDiagnostic::in_text(name, &text, Some(&word), reason)).collect();
        if !document.live_state.exempt_vpc_tags.is_empty() {
            // The exemption and the rule about changes to these tags must use the same keys.
            let keys = document.live_state.exempt_vpc_tags.clone();
            document.placeholders.entry(EXEMPT_VPC_TAGS.to_owned()).or_default().extend(keys);
        }
        let webhook_names = document.webhooks.iter().flat_map(WebhookEntry::names);
        let organizations = document.trusted_organizations.iter().filter_map(|text| organization_id(text));
        Ok(Self {
            zone: Zone {
                accounts: document.trusted_accounts,
                organizations: organizations.map(str::to_owned).collect(),
                tenants: document.trusted_tenants,
                providers: document.trusted_providers,
            },
            rules: Settings::new(document.packs, document.rules, document.placeholders, (name.to_owned(), text))
                .with_names(document.runbooks.keys().chain(webhook_names).cloned()),
            vpc_exemptions: document.live_state,
            account_names: document.account_names,
            raw_data: document.raw_data.unwrap_or(true),
            runbooks: document.runbooks,
            webhooks,
            diagnostics,
        })
    }

    /// Returns an error for each value that can never match, such as an account id of eleven digits. Names of rules that do
    /// not exist are reported when rules are loaded.
    pub fn diagnostics(&self) -> &[RuleDiagnostic] {
        &self.diagnostics
    }
}

impl Document {
    /// Returns each invalid value with the reason.
    fn diagnostics(&self) -> Vec<(String, String)> {
        let mut diagnostics = Vec::new();
        for text in self.trusted_accounts.iter().chain(self.account_names.keys()).filter(|text| !is_account_id(text)) {
            let reason = format!("`{text}` is not an account id: write its twelve digits in quotes");
            diagnostics.push((text.clone(), reason));
        }
        for (name, url) in self.runbooks.iter().filter(|(_, url)| !is_link(url)) {
            let reason =
                format!("the runbook of `{name}` is not an `https://` URL without spaces, quotes and brackets");
            diagnostics.push((url.clone(), reason));
        }
        for text in self.trusted_organizations.iter().filter(|text| organization_id(text).is_none()) {
            let reason =
                format!("`{text}` is not the id or ARN of an organization (`o-…`) or organizational unit (`ou-…`)");
            diagnostics.push((text.clone(), reason));
        }
        for issuer in self.trusted_tenants.keys().filter(|issuer| !is_shared_issuer(issuer)) {
            let known: Vec<&str> = shared_issuers().collect();
            let suggestion = did_you_mean(issuer, &known);
            let reason = format!(
                "`{issuer}` is not an issuer that several tenants share{suggestion}; list a provider that only you use \
                 under `trusted-providers`"
            );
            diagnostics.push((issuer.clone(), reason));
        }
        diagnostics
    }
}

/// Whether `name` is a shared issuer, or begins with a shared prefix of issuers.
fn is_shared_issuer(name: &str) -> bool {
    let name = name.strip_prefix("https://").unwrap_or(name).trim_end_matches('/').to_ascii_lowercase();
    shared_issuers().any(|known| match known.strip_suffix('/') {
        Some(issuer) => name == issuer || name.starts_with(known),
        None => name == known,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_values_are_reported_with_their_lines() {
        let text = "trusted-accounts: [acme]\ntrusted-organizations: [o-short, acme]\naccount-names: {'12': x}\n\
                    trusted-tenants: {token.actions.githubusercontent.co: [acme]}\nrunbooks: {tamper: 'http://wiki'}";
        let file = ConfigurationFile::parse("trailwarden.yml", text.to_owned()).unwrap();
        let diagnostics: Vec<String> = file.diagnostics().iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(diagnostics.join("\n"), @"
        trailwarden.yml:1: `acme` is not an account id: write its twelve digits in quotes
        trailwarden.yml:3: `12` is not an account id: write its twelve digits in quotes
        trailwarden.yml:5: the runbook of `tamper` is not an `https://` URL without spaces, quotes and brackets
        trailwarden.yml:2: `o-short` is not the id or ARN of an organization (`o-…`) or organizational unit (`ou-…`)
        trailwarden.yml:1: `acme` is not the id or ARN of an organization (`o-…`) or organizational unit (`ou-…`)
        trailwarden.yml:4: `token.actions.githubusercontent.co` is not an issuer that several tenants share (did you mean `token.actions.githubusercontent.com`?); list a provider that only you use under `trusted-providers`
        ");
    }

    #[test]
    fn a_runbook_belongs_to_a_rule_or_a_pack() {
        let text =
            "runbooks: {tamper: 'https://wiki/t', trail-stopped: 'https://wiki/s', trail-stoped: 'https://wiki/x'}";
        let file = ConfigurationFile::parse("trailwarden.yml", text.to_owned()).unwrap();
        let (_, faults) = crate::app::Configuration::of_file(file).check_rules();
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            faults,
            ["trailwarden.yml:1: there is no rule or pack `trail-stoped` (did you mean `trail-stopped`?)"]
        );
    }

    #[test]
    fn exempt_tags_are_also_the_values_of_a_placeholder() {
        let text = "live-state: {exempt-vpc-tags: [public]}\naccount-names: {'111122223333': production}";
        let file = ConfigurationFile::parse("trailwarden.yml", text.to_owned()).unwrap();
        assert_eq!(file.rules.placeholder("exempt_vpc_tags"), ["public"]);
        assert_eq!(file.account_names["111122223333"], "production");
        assert!(file.diagnostics().is_empty() && !file.vpc_exemptions.is_empty());
    }
}
