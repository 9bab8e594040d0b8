//! `trailwarden rules`.

mod check;
mod coverage;
mod list;
mod new;
mod reference;
mod show;
mod test;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use trailwarden::app::{Configuration, ConfigurationFile};
use trailwarden::rules::{Rule, RuleDiagnostic, RuleSet};

use crate::selection::Selection;

/// List, check and test rules.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Arguments),
    Show(show::Arguments),
    Check(check::Arguments),
    Test(test::Arguments),
    New(new::Arguments),
    Coverage(coverage::Arguments),
    Reference(reference::Arguments),
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match &arguments.command {
        Command::List(arguments) => list::run(arguments),
        Command::Show(arguments) => show::run(arguments),
        Command::Check(arguments) => check::run(arguments),
        Command::Test(arguments) => test::run(arguments),
        Command::New(arguments) => new::run(arguments),
        Command::Coverage(arguments) => coverage::run(arguments),
        Command::Reference(reference::Arguments {}) => reference::run(),
    }
}

/// The options of commands that work on the rules of a directory or file, or on the built-in rules.
#[derive(Debug, Args)]
struct RulesPath {
    /// A directory of rules or a single file. The default is the built-in rules.
    #[arg(value_name = "PATH")]
    directory: Option<PathBuf>,

    /// Read this configuration file: enabled rules and packs, levels, placeholders, trusted accounts and organizations. The
    /// default is the file `trailwarden.yml` in the directory of the fixtures, if there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Directory of the fixtures. The default is `fixtures/rules` beside the directory of the rules, or `fixtures` in it.
    #[arg(long, value_name = "DIR")]
    fixtures: Option<PathBuf>,
}

impl RulesPath {
    fn fixtures(&self) -> PathBuf {
        let default = || trailwarden::fixtures::directory_for(self.directory.as_deref().unwrap_or(Path::new("rules")));
        self.fixtures.clone().unwrap_or_else(default)
    }

    /// Loads the valid rules. Also returns the diagnostics about the rules at the path.
    fn load(&self) -> Result<(RuleSet, Vec<RuleDiagnostic>), RuleDiagnostic> {
        let default = Some(self.fixtures().join("trailwarden.yml")).filter(|path| path.is_file());
        let file = self.config.clone().or(default).as_deref().map(ConfigurationFile::read).transpose()?;
        let configuration = Configuration {
            rule_directories: self.directory.iter().cloned().collect(),
            file: file.unwrap_or_default(),
            ..Configuration::default()
        };
        let (rules, mut diagnostics) = configuration.check_rules();
        // Omit diagnostics about built-in rules, unless these are checked.
        let built_in: HashSet<&str> = rules.rules().iter().filter(|rule| rule.is_built_in()).map(Rule::file).collect();
        diagnostics.retain(|diagnostic| self.directory.is_none() || !built_in.contains(diagnostic.file.as_str()));
        Ok((rules, diagnostics))
    }

    /// Returns the rules at the path.
    fn rules<'r>(&self, rules: &'r RuleSet) -> Vec<&'r Rule> {
        let is_selected = |rule: &&Rule| self.directory.is_none() || !rule.is_built_in();
        rules.rules().iter().filter(is_selected).collect()
    }
}

/// Loads the selected rules.
fn loaded(selection: &Selection) -> Result<RuleSet, ExitCode> {
    selection.load(false).map(|loaded| loaded.rules).ok_or(ExitCode::from(2))
}
