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

/// The rules of a directory or file, or the built-in ones, as a configuration file says.
#[derive(Debug, Args)]
struct Own {
    /// A directory of rules or a single file. The default is the built-in rules.
    #[arg(value_name = "PATH")]
    directory: Option<PathBuf>,

    /// Read this configuration file: enabled rules and packs, levels, placeholders, trusted accounts and organizations. The
    /// default is the file `trailwarden.yml` in the directory of the fixtures, if there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The directory of the fixtures. The default is `fixtures/rules` beside the directory of the rules, or `fixtures` in it.
    #[arg(long, value_name = "DIR")]
    fixtures: Option<PathBuf>,
}

impl Own {
    fn fixtures(&self) -> PathBuf {
        let of_rules = || trailwarden::fixtures::directory_for(self.directory.as_deref().unwrap_or(Path::new("rules")));
        self.fixtures.clone().unwrap_or_else(of_rules)
    }

    /// The rules as far as they can be used, and what is wrong with those of the directory.
    fn load(&self) -> Result<(RuleSet, Vec<RuleDiagnostic>), RuleDiagnostic> {
        let of_fixtures = Some(self.fixtures().join("trailwarden.yml")).filter(|path| path.is_file());
        let file = self.config.clone().or(of_fixtures).as_deref().map(ConfigurationFile::read).transpose()?;
        let configuration = Configuration {
            rule_directories: self.directory.iter().cloned().collect(),
            file: file.unwrap_or_default(),
            ..Configuration::default()
        };
        let (rules, mut faults) = configuration.check_rules();
        // What is wrong with a built-in rule is not the directory's fault.
        let built_in: HashSet<&str> = rules.rules().iter().filter(|rule| rule.is_built_in()).map(Rule::file).collect();
        faults.retain(|fault| self.directory.is_none() || !built_in.contains(fault.file.as_str()));
        Ok((rules, faults))
    }

    /// The rules of the directory.
    fn rules<'r>(&self, rules: &'r RuleSet) -> Vec<&'r Rule> {
        let is_meant = |rule: &&Rule| self.directory.is_none() || !rule.is_built_in();
        rules.rules().iter().filter(is_meant).collect()
    }
}

fn loaded(selection: &Selection) -> Result<RuleSet, ExitCode> {
    selection.load(false).map(|loaded| loaded.rules).ok_or(ExitCode::from(2))
}
