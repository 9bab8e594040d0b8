//! `trailwarden trust`.

use std::fs;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};
use trailwarden::access::{self, Assessment, StatementAssessment, Verdict, Witness, Zone, assess_within};
use trailwarden::app::{Configuration, ConfigurationFile};
use trailwarden::policy::{Caller, Policy};
use trailwarden::rules::RuleDiagnostics;
use trailwarden::text::{visible, visible_json};

use crate::documents::{self, Role};
use crate::output::{Format, ended, fail};
use crate::{account, organization};

/// Maximum bytes of the input: the authorization details of a large account.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

const AFTER_HELP: &str = "Verdicts:
  public       everybody can assume the role
  weak         everybody who meets a condition that anybody can meet, such as an external id
  undecidable  the policy is missing, not understood or too complex
  external     principals of accounts, organizations or tenants that are not your own
  constrained  everybody by the Principal element, limited by a condition or a Deny statement
  scoped       only your own accounts, named services and your own identity providers

Exit codes, for the worst of several roles:
  0  scoped or constrained
  1  public, weak or external
  2  undecidable, or the input cannot be read

Examples:
  Show who can assume a role:
    aws iam get-role --role-name ci-deploy | trailwarden trust -";

/// Show who can assume a role, according to its trust policy.
///
/// The file contains a trust policy, the output of `aws iam get-role`, `list-roles` or `get-account-authorization-details`, a
/// list of roles, CloudTrail records, an AWS Config item, a Terraform plan or a CloudFormation template. Nothing is sent
/// anywhere.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The file. `-` is standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The account of the role. The default is the account of the role's ARN. Without an ARN, every account is foreign.
    #[arg(long, value_name = "ID", value_parser = account)]
    account: Option<String>,

    /// Read your own accounts, organizations, tenants and providers from this configuration file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Treat this account as your own. May be repeated.
    #[arg(long, value_name = "ID", value_parser = account)]
    trusted_account: Vec<String>,

    /// Treat this organization or organizational unit (`o-…`, `ou-…` or an ARN) as your own. May be repeated.
    #[arg(long, value_name = "ID", value_parser = organization)]
    trusted_organization: Vec<String>,

    /// The format of the verdict. JSON is one object, or an array if the input is an array.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// What became of a role.
struct Told {
    role: Role,
    assessment: Result<Assessment, String>,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let zone = match arguments.zone() {
        Ok(zone) => zone,
        Err(faults) => return fail(format_args!("the configuration cannot be used\n{faults}")),
    };
    let (roles, is_list) = match read(&arguments.file).map(|text| documents::roles(&text)) {
        Ok(found) => found,
        Err(reason) => {
            let file = arguments.file.display().to_string();
            return fail(format_args!("{}: {reason}", visible(&file)));
        }
    };
    let judged = roles.into_iter().map(|role| judged(role, arguments.account.as_deref(), &zone));
    let told: Vec<Told> = judged.collect();
    let mut output = anstream::stdout();
    let written = match arguments.format {
        Format::Text => told.iter().try_for_each(|one| text(&mut output, one)),
        Format::Json => {
            let documents: Vec<Value> = told.iter().map(document).collect();
            let document = match (is_list, documents.into_iter()) {
                (true, documents) => Value::Array(documents.collect()),
                (false, mut documents) => documents.next().unwrap_or_default(),
            };
            writeln!(output, "{}", visible_json(&document))
        }
    };
    ended(written, told.iter().map(|one| exit_code(&one.assessment)).max().unwrap_or(0))
}

impl Arguments {
    /// What is configured as your own.
    fn zone(&self) -> Result<Zone, RuleDiagnostics> {
        let file = self.config.as_deref().map(ConfigurationFile::read).transpose();
        let configuration = Configuration {
            file: file.map_err(|fault| RuleDiagnostics(vec![fault]))?.unwrap_or_default(),
            trusted_accounts: self.trusted_account.clone(),
            trusted_organizations: self.trusted_organization.clone(),
            ..Configuration::default()
        };
        if self.config.is_some() {
            // Names in the file that do not exist are reported when rules are loaded with it.
            configuration.rules()?;
        }
        Ok(configuration.zone())
    }
}

fn exit_code(assessment: &Result<Assessment, String>) -> u8 {
    match assessment.as_ref().map(|assessment| assessment.verdict) {
        Ok(Verdict::Scoped | Verdict::Constrained) => 0,
        Ok(Verdict::Public | Verdict::Weak | Verdict::External) => 1,
        Ok(Verdict::Undecidable) | Err(_) => 2,
    }
}

fn read(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let read = match path.as_os_str() == "-" {
        true => io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut bytes),
        false => fs::File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)),
    };
    read.map_err(|error| format!("cannot be read: {error}"))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_BYTES {
        return Err("is longer than 256 MiB".to_owned());
    }
    String::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned())
}

fn judged(role: Role, account: Option<&str>, zone: &Zone) -> Told {
    let policy = role.policy.clone().and_then(|text| {
        let policy = Policy::parse(&text).map_err(|error| error.to_string())?;
        documents::is_of_trust(&policy).map(|()| policy)
    });
    let assessment = policy.map(|policy| {
        let now = role.time.or_else(|| Some(Timestamp::now()));
        let own = account.or(role.account.as_deref());
        assess_within(&policy, &access::Role { account: own, now, is_stored: role.is_stored }, zone)
    });
    Told { role, assessment }
}

fn text(to: &mut dyn Write, told: &Told) -> io::Result<()> {
    let name = told.role.name.as_deref().or(told.role.arn.as_deref()).unwrap_or("the role");
    let verdict = told.assessment.as_ref().map_or(Verdict::Undecidable, |assessment| assessment.verdict);
    let color = match verdict {
        Verdict::Public => AnsiColor::Red,
        Verdict::Weak | Verdict::Undecidable => AnsiColor::Yellow,
        Verdict::External => AnsiColor::Cyan,
        Verdict::Constrained | Verdict::Scoped => AnsiColor::Green,
    };
    let style = Style::new().fg_color(Some(color.into())).bold();
    writeln!(to, "{style}{}{style:#} {}", verdict.as_str().to_uppercase(), visible(name))?;
    match &told.assessment {
        Err(reason) => writeln!(to, "  {}", visible(reason)),
        Ok(assessment) if assessment.statements.is_empty() => writeln!(to, "  no statement lets anybody assume it"),
        Ok(assessment) => assessment.statements.iter().try_for_each(|statement| {
            writeln!(to, "  {}: {}", statement.verdict.as_str(), visible(&statement.sentence()))?;
            match &statement.fix {
                Some(fix) => writeln!(to, "    fix: {}", visible(fix)),
                None => Ok(()),
            }
        }),
    }
}

fn document(told: &Told) -> Value {
    let role = &told.role;
    let mut document = match &told.assessment {
        Ok(assessment) => json!({
            "verdict": assessment.verdict.as_str(),
            "witness": assessment.worst().and_then(|worst| worst.witness.as_ref()).map(witness),
            "statements": assessment.statements.iter().map(statement).collect::<Vec<_>>(),
        }),
        Err(reason) => json!({
            "verdict": Verdict::Undecidable.as_str(), "reason": reason, "witness": null, "statements": [],
        }),
    };
    for (key, value) in [("role", &role.name), ("arn", &role.arn)] {
        if let (Some(members), Some(value)) = (document.as_object_mut(), value) {
            members.insert(key.to_owned(), json!(value));
        }
    }
    document
}

fn statement(judgement: &StatementAssessment) -> Value {
    json!({
        "statement": judgement.number,
        "sid": judgement.sid,
        "verdict": judgement.verdict.as_str(),
        "reason": judgement.reason,
        "witness": judgement.witness.as_ref().map(witness),
        "fix": judgement.fix,
        "accounts": judgement.accounts,
        "organizations": judgement.organizations,
        "tenants": judgement.tenants,
        "providers": judgement.providers,
        "unguarded_services": judgement.unguarded_services,
    })
}

fn witness(witness: &Witness) -> Value {
    let caller = match &witness.request.caller {
        Caller::Aws { arn, .. } => json!({"AWS": arn}),
        Caller::Service(name) => json!({"Service": name}),
        Caller::Federated(name) => json!({"Federated": name}),
    };
    let context = witness.request.context.iter().map(|(key, values)| (key.to_owned(), json!(values)));
    json!({
        "summary": witness.summary,
        "principal": caller,
        "action": witness.request.action,
        "context": context.collect::<serde_json::Map<_, _>>(),
    })
}
