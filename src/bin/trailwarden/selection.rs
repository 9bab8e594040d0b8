//! Which rules to run, and what is exempt: the options that several commands share.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use trailwarden::pipeline::Pipeline;
use trailwarden::rules::{FaultKind, Options, RuleFaults, RuleSet, Settings, Unusable};
use trailwarden::suppress::Exemptions;
use trailwarden::text::visible;

use crate::{account, organization};

#[derive(Debug, Args)]
pub(crate) struct Selection {
    /// Adds the rules (`*.yml`, `*.yaml`) below this directory to the built-in ones. May be repeated.
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,

    /// The configuration file: rules and packs on and off, levels, placeholders, trusted accounts and
    /// organizations.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Runs this rule, which is off unless enabled. May be repeated.
    #[arg(long, value_name = "RULE")]
    enable: Vec<String>,

    /// Trusts this account: rules about other accounts find nothing where only trusted ones are named. May be repeated.
    #[arg(long, value_name = "ID", value_parser = account)]
    trusted_account: Vec<String>,

    /// Trusts this organization or organizational unit (`o-…`, `ou-…` or an ARN), like `--trusted-account`. May be
    /// repeated.
    #[arg(long, value_name = "ID", value_parser = organization)]
    trusted_organization: Vec<String>,

    /// Leaves out rules that ask for what is not supported, and lists them; otherwise they are refused, which is an error.
    #[arg(long)]
    allow_unsupported: bool,
}

/// The options of commands that evaluate.
#[derive(Debug, Args)]
pub(crate) struct Evaluation {
    #[command(flatten)]
    selection: Selection,

    /// Marks findings as exempt that this file of Sigma filters covers.
    #[arg(long, value_name = "FILE")]
    exemptions: Option<PathBuf>,
}

impl Evaluation {
    /// The pipeline, and whether some rule was refused. Faults go to standard error; `None` when nothing can be run.
    pub(crate) fn load(&self, explain: bool) -> Option<(Pipeline, bool)> {
        let Loaded { rules, refused } = self.selection.load(explain)?;
        self.selection.tell_of_warnings(&rules);
        match self.exemptions.as_deref().map(|path| Exemptions::read(path, &rules)).transpose() {
            Ok(exemptions) => Some((Pipeline::new(rules).with_exemptions(exemptions.unwrap_or_default()), refused)),
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

/// Says that exemptions by live state have no effect, when there are some. `give` is what to do about it.
pub(crate) fn warn_of_no_live_state(rules: &RuleSet, give: &str) {
    if !rules.live_state().is_empty() {
        // Nothing can be done about a closed standard error.
        let _ = writeln!(
            anstream::stderr(),
            "warning: `live-state` of the configuration file exempts nothing without live state; {give}"
        );
    }
}

/// Rules that can be run.
pub(crate) struct Loaded {
    pub(crate) rules: RuleSet,
    /// Whether some rule was refused.
    pub(crate) refused: bool,
}

impl Selection {
    /// One line on standard error if some of the user's rules have warnings.
    fn tell_of_warnings(&self, rules: &RuleSet) {
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

    /// Loads the rules. Faults, and what was left out or refused, go to standard error; `None` when nothing can be run.
    pub(crate) fn load(&self, explain: bool) -> Option<Loaded> {
        let mut errors = anstream::stderr();
        match self.try_load(explain) {
            Ok(rules) => {
                let mut refused = false;
                for fault in rules.skipped() {
                    let is_let_go = self.allow_unsupported && fault.kind == FaultKind::Unsupported;
                    refused |= !is_let_go;
                    // Nothing can be done about a closed standard error.
                    let _ = writeln!(errors, "{}: {fault}", if is_let_go { "left out" } else { "error: refused" });
                }
                Some(Loaded { rules, refused })
            }
            Err(faults) => {
                let _ = writeln!(errors, "error: these rules cannot be used; nothing was evaluated");
                let _ = writeln!(errors, "{faults}");
                None
            }
        }
    }

    fn try_load(&self, explain: bool) -> Result<RuleSet, RuleFaults> {
        let settings =
            self.config.as_deref().map(Settings::read).transpose().map_err(|fault| RuleFaults(vec![fault]))?;
        RuleSet::load_with(&Options {
            directories: self.rules.clone(),
            settings: settings.unwrap_or_default(),
            enabled: self.enable.clone(),
            trusted_accounts: self.trusted_account.clone(),
            trusted_organizations: self.trusted_organization.clone(),
            explain,
            unusable: Unusable::Skip,
        })
    }
}
