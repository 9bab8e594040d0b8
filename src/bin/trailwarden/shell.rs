//! `trailwarden completions` and `trailwarden man`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::{Shell, generate};
use clap_mangen::{Man, generate_to};

use crate::output::{fail, print};

const COMPLETIONS_EXAMPLES: &str = "Examples:
  Bash:  trailwarden completions bash > ~/.local/share/bash-completion/completions/trailwarden
  Fish:  trailwarden completions fish > ~/.config/fish/completions/trailwarden.fish
  Zsh:   trailwarden completions zsh > \"${fpath[1]}/_trailwarden\"";

const MAN_EXAMPLES: &str = "Examples:
  Read the manual:
    trailwarden man | man -l -
  Install the pages of all commands:
    trailwarden man --output-dir ~/.local/share/man/man1";

/// Print the completions for a shell.
#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub(crate) struct CompletionsArguments {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Print the manual page, or write the pages of all commands.
#[derive(Debug, Args)]
#[command(after_help = MAN_EXAMPLES)]
pub(crate) struct ManArguments {
    /// Write a page for each command into this directory, which is created if it is missing.
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
}

pub(crate) fn completions(arguments: &CompletionsArguments, mut command: Command) -> ExitCode {
    let mut text = Vec::new();
    generate(arguments.shell, &mut command, "trailwarden", &mut text);
    print(&String::from_utf8_lossy(&text), 0)
}

pub(crate) fn man(arguments: &ManArguments, command: Command) -> ExitCode {
    match &arguments.output_dir {
        None => match page(command) {
            Ok(text) => print(&text, 0),
            Err(error) => fail(error),
        },
        Some(directory) => match pages(command, directory) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(format_args!("{} cannot be written: {error}", directory.display())),
        },
    }
}

fn page(command: Command) -> io::Result<String> {
    let mut text = Vec::new();
    Man::new(command).render(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Writes a page for each command: `trailwarden.1`, `trailwarden-evaluate.1`.
fn pages(command: Command, directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    generate_to(command, directory)
}
