//! Options that several commands share: which rules run, and which findings are suppressed.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use trailwarden::app::{Configuration, ConfigurationFile};
use trailwarden::pipeline::Pipeline;
use trailwarden::rules::{DiagnosticKind, RuleDiagnostics, RuleSet, UnusableRules};
use trailwarden::text::visible;

use crate::{account, organization};

#[derive(Debug, Args)]
pub(crate) struct Selection {
    /// Load the rules (`*.yml`, `*.yaml`) below this directory too. May be repeated.
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,

    /// Read this configuration file: enabled rules and packs, levels, placeholders, trusted accounts and organizations.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Enable this rule. May be repeated.
    #[arg(long, value_name = "RULE")]
    enable: Vec<String>,

    /// Trust this account: rules about other accounts find nothing if an event names only trusted ones. May be repeated.
    #[arg(long, value_name = "ID", value_parser = account)]
    trusted_account: Vec<String>,

    /// Trust this organization or organizational unit (`o-…`, `ou-…` or an ARN). May be repeated.
    #[arg(long, value_name = "ID", value_parser = organization)]
    trusted_organization: Vec<String>,

    /// Skip rules that use unsupported features, and list them. By default, such a rule is an error.
    #[arg(long)]
    allow_unsupported: bool,
}

/// The options of commands that evaluate.
#[derive(Debug, Args)]
pub(crate) struct Evaluation {
    #[command(flatten)]
    selection: Selection,

    /// Suppress findings matched by the Sigma filters in FILE.
    #[arg(long, value_name = "FILE")]
    exemptions: Option<PathBuf>,
}

/// A pipeline and the configuration it was built from.
pub(crate) struct LoadedPipeline {
    pub(crate) configuration: Configuration,
    pub(crate) pipeline: Pipeline,
    /// Whether a rule was refused.
    pub(crate) refused: bool,
}

impl Evaluation {
    /// Loads rules and exemptions. Writes errors to standard error, and returns `None` if nothing can be evaluated.
    pub(crate) fn load(&self, explain: bool) -> Option<LoadedPipeline> {
        let Loaded { configuration, rules, refused } = self.selection.load(explain)?;
        let configuration = Configuration { exemptions: self.exemptions.clone(), ..configuration };
        self.selection.report_warnings(&rules);
        match configuration.exemptions(&rules) {
            Ok(exemptions) => {
                let pipeline = configuration.pipeline_of(rules, exemptions);
                Some(LoadedPipeline { configuration, pipeline, refused })
            }
            Err(faults) => {
                // Nothing can be done about a closed standard error.
                let _ = writeln!(
                    anstream::stderr(),
                    "error: these exemptions cannot be used; nothing was evaluated\n{faults}"
                );
                None
            }
        }
    }
}

/// Warns that exemptions by live state have no effect, if there are any. `advice` says what to do.
pub(crate) fn warn_of_no_live_state(configuration: &Configuration, advice: &str) {
    if !configuration.file.vpc_exemptions.is_empty() {
        // Nothing can be done about a closed standard error.
        let _ = writeln!(
            anstream::stderr(),
            "warning: `live-state` of the configuration file exempts nothing without live state; {advice}"
        );
    }
}

/// Rules and the configuration they were loaded by.
pub(crate) struct Loaded {
    pub(crate) configuration: Configuration,
    pub(crate) rules: RuleSet,
    /// Whether a rule was refused.
    pub(crate) refused: bool,
}

impl Selection {
    /// Writes one line to standard error if the user's rules have warnings.
    fn report_warnings(&self, rules: &RuleSet) {
        let warnings = if self.rules.is_empty() { Vec::new() } else { rules.warnings() };
        let about: BTreeSet<&str> = warnings.iter().filter_map(|warning| warning.rule.as_deref()).collect();
        let Some(name) = about.first() else { return };
        let rules = match about.len() {
            1 => format!("the rule `{}`", visible(name)),
            number => format!("{number} rules"),
        };
        let number = warnings.len();
        let count = if number == 1 { "1 warning".to_owned() } else { format!("{number} warnings") };
        let commands = self.rules.iter().map(|path| format!("`trailwarden rules check {}`", path.display()));
        let commands = commands.collect::<Vec<_>>().join(", ");
        // Nothing can be done about a closed standard error.
        let _ = writeln!(anstream::stderr(), "warning: {count} about {rules}; see {}", visible(&commands));
    }

    /// Loads the rules. Writes errors and rules that were skipped or refused to standard error, and returns `None` if no
    /// rule can run.
    pub(crate) fn load(&self, explain: bool) -> Option<Loaded> {
        let mut errors = anstream::stderr();
        let loaded = self.configuration(explain).and_then(|configuration| {
            let rules = configuration.rules()?;
            Ok((configuration, rules))
        });
        match loaded {
            Ok((configuration, rules)) => {
                let mut refused = false;
                for fault in rules.skipped() {
                    let is_allowed = self.allow_unsupported && fault.kind == DiagnosticKind::Unsupported;
                    refused |= !is_allowed;
                    // Nothing can be done about a closed standard error.
                    let _ = writeln!(errors, "{}: {fault}", if is_allowed { "left out" } else { "error: refused" });
                }
                Some(Loaded { configuration, rules, refused })
            }
            Err(faults) => {
                let _ = writeln!(errors, "error: these rules cannot be used; nothing was evaluated");
                let _ = writeln!(errors, "{faults}");
                None
            }
        }
    }

    fn configuration(&self, explain: bool) -> Result<Configuration, RuleDiagnostics> {
        let file = self.config.as_deref().map(ConfigurationFile::read).transpose();
        Ok(Configuration {
            rule_directories: self.rules.clone(),
            file: file.map_err(|fault| RuleDiagnostics(vec![fault]))?.unwrap_or_default(),
            enabled_rules: self.enable.clone(),
            trusted_accounts: self.trusted_account.clone(),
            trusted_organizations: self.trusted_organization.clone(),
            explain,
            unusable: UnusableRules::Skip,
            ..Configuration::default()
        })
    }
}
