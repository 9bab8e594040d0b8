//! `trailwarden plan`.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use trailwarden::terraform_plan::{Plan, PlanContext};
use trailwarden::text::visible;

use crate::account;
use crate::evaluate::{Options, print_findings};
use crate::input::{PlanFile, Source};

const AFTER_HELP: &str = "Exit codes:
  0  no findings, or only suppressed findings
  1  findings that match the filters and --fail-on
  2  a plan could not be read, a rule was refused, or a file could not be written

Examples:
  Evaluate a plan before it is applied:
    terraform plan -out plan.bin
    terraform show -json plan.bin > plan.json
    trailwarden plan plan.json
  Fail a pipeline on high findings, and write a SARIF file for code scanning:
    trailwarden plan plan.json --fail-on high --output plan.sarif
  Annotate a run of GitHub Actions:
    trailwarden plan plan.json --format github";

/// Evaluate Terraform plans before they are applied.
///
/// Reads the output of `terraform show -json PLAN` and evaluates the AWS API calls that applying the plan would make, by the
/// same rules as CloudTrail records. A value that is known only after the plan is applied is reported as a warning. Findings
/// name the address of the resource.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Plans as JSON. `-` is standard input.
    #[arg(value_name = "PLAN", required = true)]
    plans: Vec<PathBuf>,

    /// The account of resources whose account the plan does not contain.
    #[arg(long, value_name = "ID", value_parser = account)]
    default_account: Option<String>,

    /// The Region of resources whose Region the plan does not contain.
    #[arg(long, value_name = "REGION")]
    default_region: Option<String>,

    #[command(flatten)]
    options: Options,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let context = PlanContext { account: arguments.default_account.clone(), region: arguments.default_region.clone() };
    let sources: Vec<Source> = arguments.plans.iter().map(|path| source(path, &context)).collect();
    let mut errors = anstream::stderr();
    for file in sources.iter().filter_map(|source| if let Source::Plan(file) = source { Some(file) } else { None }) {
        let unmapped: Vec<String> =
            file.plan.unmapped.iter().map(|(kind, count)| format!("{count} × {}", visible(kind))).collect();
        if !unmapped.is_empty() {
            // Nothing can be done about a closed standard error.
            let _ = writeln!(errors, "{}: not evaluated: {}", visible(&file.name), unmapped.join(", "));
        }
    }
    print_findings(sources, &arguments.options, None)
}

fn source(path: &Path, context: &PlanContext) -> Source {
    let is_standard_input = path.as_os_str() == "-";
    let name = if is_standard_input { "standard input".to_owned() } else { path.display().to_string() };
    let bytes = if is_standard_input {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(path)
    };
    let plan = bytes
        .map_err(|error| format!("cannot be read: {error}"))
        .and_then(|bytes| Plan::read(&bytes, context, Timestamp::now()).map_err(|error| error.to_string()));
    match plan {
        Ok(plan) => Source::Plan(Box::new(PlanFile { name, plan })),
        Err(reason) => Source::Unreadable { name, reason },
    }
}
