//! `trailwarden schema`.

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::output::print;

const EXAMPLES: &str = "Examples:
  Let an editor check a configuration file as you type:
    trailwarden schema configuration > configuration.schema.json
    # The first line of trailwarden.yml:
    # yaml-language-server: $schema=configuration.schema.json";

/// Print the JSON Schema of a kind of file.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The kind of file.
    #[arg(value_enum)]
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// The configuration file.
    Configuration,
    /// A rule.
    Rule,
    /// An exemption.
    Exemption,
    /// A report in JSON.
    Report,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let schema = match arguments.kind {
        Kind::Configuration => include_str!("../../../docs/configuration.schema.json"),
        Kind::Rule => include_str!("../../../docs/rule.schema.json"),
        Kind::Exemption => include_str!("../../../docs/exemption.schema.json"),
        Kind::Report => include_str!("../../../docs/report.schema.json"),
    };
    print(schema, 0)
}
