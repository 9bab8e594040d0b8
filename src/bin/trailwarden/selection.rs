//! Options that several commands share: the selection and configuration of rules, and exemptions.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use trailwarden::app::{Configuration, ConfigurationFile};
use trailwarden::pipeline::Pipeline;
use trailwarden::rules::{DiagnosticKind, RuleDiagnostics, RuleSet, UnusableRules};
use trailwarden::text::visible;

use crate::output::message;
use crate::{account, organization};

#[derive(Debug, Args)]
pub(crate) struct Selection {
    /// Also load the rules (`*.yml`, `*.yaml`) below this directory. May be repeated.
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,

    /// Read this configuration file: enabled rules and packs, levels, placeholders, trusted accounts and organizations.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Enable this rule. May be repeated.
    #[arg(long, value_name = "RULE")]
    enable: Vec<String>,

    /// Trust this account. Rules about access by others have no findings for trusted accounts. May be repeated.
    #[arg(long, value_name = "ID", value_parser = account)]
    trusted_account: Vec<String>,

    /// Trust this organization or organizational unit (`o-…`, `ou-…` or an ARN). May be repeated.
    #[arg(long, value_name = "ID", value_parser = organization)]
    trusted_organization: Vec<String>,

    /// Skip rules that use unsupported features, and list them. By default, they are errors.
    #[arg(long)]
    allow_unsupported: bool,
}

/// The options of commands that evaluate records.
#[derive(Debug, Args)]
pub(crate) struct Evaluation {
    #[command(flatten)]
    selection: Selection,

    /// Suppress findings matched by the Sigma filters in FILE.
    #[arg(long, value_name = "FILE")]
    exemptions: Option<PathBuf>,
}

/// A pipeline, and the configuration from which it was built.
pub(crate) struct LoadedPipeline {
    pub(crate) configuration: Configuration,
    pub(crate) pipeline: Pipeline,
    /// Whether a rule was rejected.
    pub(crate) has_rejected_rules: bool,
}

impl Evaluation {
    /// Loads rules and exemptions. Reports errors, and returns `None` if nothing can be evaluated.
    pub(crate) fn load(&self, explain: bool) -> Option<LoadedPipeline> {
        let Loaded { configuration, rules, has_rejected_rules } = self.selection.load(explain)?;
        let configuration = Configuration { exemptions: self.exemptions.clone(), ..configuration };
        self.selection.report_warnings(&rules);
        match configuration.exemptions(&rules) {
            Ok(exemptions) => {
                let pipeline = configuration.pipeline_of(rules, exemptions);
                Some(LoadedPipeline { configuration, pipeline, has_rejected_rules })
            }
            Err(diagnostics) => {
                message(format_args!("error: the exemptions are invalid; nothing was evaluated\n{diagnostics}"));
                None
            }
        }
    }
}

/// Warns if the configuration has exemptions by live state, which have no effect without live state. `advice` is a
/// correction.
pub(crate) fn warn_without_live_state(configuration: &Configuration, advice: &str) {
    if !configuration.file.vpc_exemptions.is_empty() {
        message(format_args!(
            "warning: `live-state` in the configuration file has no effect without live state; {advice}"
        ));
    }
}

/// Rules, and the configuration with which they were loaded.
pub(crate) struct Loaded {
    pub(crate) configuration: Configuration,
    pub(crate) rules: RuleSet,
    /// Whether a rule was rejected.
    pub(crate) has_rejected_rules: bool,
}

impl Selection {
    /// Writes one line to standard error if the user's rules have warnings.
    fn report_warnings(&self, rules: &RuleSet) {
        let warnings = if self.rules.is_empty() { Vec::new() } else { rules.warnings() };
        let rule_names: BTreeSet<&str> = warnings.iter().filter_map(|warning| warning.rule.as_deref()).collect();
        let Some(name) = rule_names.first() else { return };
        let rules = match rule_names.len() {
            1 => format!("the rule `{}`", visible(name)),
            number => format!("{number} rules"),
        };
        let number = warnings.len();
        let count = if number == 1 { "1 warning".to_owned() } else { format!("{number} warnings") };
        let commands = self.rules.iter().map(|path| format!("`trailwarden rules check {}`", path.display()));
        let commands = commands.collect::<Vec<_>>().join(", ");
        message(format_args!("warning: {count} about {rules}; run {}", visible(&commands)));
    }

    /// Loads the rules. Reports errors, and rules that were skipped or rejected. Returns `None` if no rule can run.
    pub(crate) fn load(&self, explain: bool) -> Option<Loaded> {
        let loaded = self.configuration(explain).and_then(|configuration| {
            let rules = configuration.rules()?;
            Ok((configuration, rules))
        });
        match loaded {
            Ok((configuration, rules)) => {
                let mut has_rejected_rules = false;
                for diagnostic in rules.skipped() {
                    let is_allowed = self.allow_unsupported && diagnostic.kind == DiagnosticKind::Unsupported;
                    has_rejected_rules |= !is_allowed;
                    let prefix = if is_allowed { "skipped" } else { "error: rejected" };
                    message(format_args!("{prefix}: {diagnostic}"));
                }
                Some(Loaded { configuration, rules, has_rejected_rules })
            }
            Err(diagnostics) => {
                message(format_args!("error: the rules are invalid; nothing was evaluated\n{diagnostics}"));
                None
            }
        }
    }

    fn configuration(&self, explain: bool) -> Result<Configuration, RuleDiagnostics> {
        let file = self.config.as_deref().map(ConfigurationFile::read).transpose();
        Ok(Configuration {
            rule_directories: self.rules.clone(),
            file: file.map_err(|diagnostic| RuleDiagnostics(vec![diagnostic]))?.unwrap_or_default(),
            enabled_rules: self.enable.clone(),
            trusted_accounts: self.trusted_account.clone(),
            trusted_organizations: self.trusted_organization.clone(),
            explain,
            unusable: UnusableRules::Skip,
            ..Configuration::default()
        })
    }
}
