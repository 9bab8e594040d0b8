//! The Lambda function's configuration, from its environment. Every fault is reported, not only the first. Values that the
//! command line takes too have functions of their own.

mod member_role;

use std::fmt;
use std::path::PathBuf;

use tracing::Level;

use crate::finding::Severity;
use crate::text::visible;

pub use member_role::{external_id, member_role, session_name};

/// The least severity that people are alerted of, unless another is given.
pub const LEAST_ALERT: Severity = Severity::Low;

/// What the function is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Topic that findings are published to (`FINDINGS_TOPIC_ARN`, or `SNS_ARN`).
    pub findings_topic: String,
    /// Topic that alerts for people are published to (`ALERTS_TOPIC_ARN`).
    pub alerts_topic: Option<String>,
    /// Least severity that people are alerted of (`ALERTS_MIN_SEVERITY`).
    pub least_alert: Severity,
    /// Patterns of the log streams whose events are evaluated (`LOG_STREAMS`, several separated by `,`); `None` for those of
    /// CloudTrail and of heartbeats.
    pub log_streams: Option<Vec<String>>,
    /// How live state is read; `None` when it is off (`LIVE_STATE`).
    pub live: Option<LiveConfig>,
    /// Least level that is logged (`AWS_LAMBDA_LOG_LEVEL`, set by Lambda's logging configuration). Nothing is finer than
    /// `INFO`.
    pub log_level: Level,
}

/// How live state is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveConfig {
    /// The role that is assumed in other accounts (`MEMBER_ROLE_NAME`); without one only the own account is read.
    pub member_role: Option<String>,
    /// The external id that its trust policy asks for (`MEMBER_ROLE_EXTERNAL_ID`).
    pub external_id: Option<String>,
    /// What its sessions are called (`MEMBER_ROLE_SESSION_NAME`).
    pub session_name: String,
    /// Whether Organizations is asked for the names of accounts (`ACCOUNT_NAMES`).
    pub names: bool,
}

/// What sessions in other accounts are called, unless another name is given.
const SESSION_NAME: &str = "trailwarden";

/// Everything that is wrong with the environment. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigFaults(pub Vec<String>);

impl fmt::Display for ConfigFaults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join("\n"))
    }
}

impl Config {
    /// Reads the configuration through `variable`, which looks up an environment variable.
    ///
    /// # Errors
    /// Every fault, when there is one.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigFaults> {
        let variable =
            &|name: &str| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let mut faults = Vec::new();
        if variable("AWS_LAMBDA_RUNTIME_API").is_none() {
            faults.push(
                "AWS_LAMBDA_RUNTIME_API is not set: `bootstrap` runs inside AWS Lambda; the command line is `trailwarden`"
                    .to_owned(),
            );
        }
        let findings_topic = topic(variable("FINDINGS_TOPIC_ARN"), variable("SNS_ARN"), &mut faults);
        let alerts_topic = variable("ALERTS_TOPIC_ARN");
        let alerts_topic =
            alerts_topic.and_then(|topic| check("ALERTS_TOPIC_ARN", &topic, self::alerts_topic, &mut faults));
        let least = variable("ALERTS_MIN_SEVERITY");
        let least = least.map(|least| check("ALERTS_MIN_SEVERITY", &least, severity, &mut faults));
        let least_alert = least.flatten().unwrap_or(LEAST_ALERT);
        let log_streams = variable("LOG_STREAMS");
        let log_streams = log_streams.and_then(|given| check("LOG_STREAMS", &given, log_streams_of, &mut faults));
        let live = live(variable, &mut faults);
        let log_level = log_level(variable("AWS_LAMBDA_LOG_LEVEL"), &mut faults);
        if faults.is_empty() {
            Ok(Self { findings_topic, alerts_topic, least_alert, log_streams, live, log_level })
        } else {
            Err(ConfigFaults(faults))
        }
    }
}

/// Which rules run. Read apart from the rest: rules are loaded, and their faults reported, whatever else is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSettings {
    /// Directories of rules added to the built-in ones (`RULES_DIR`, several separated by `:`).
    pub directories: Vec<PathBuf>,
    /// The configuration file of the rules (`CONFIG_FILE`).
    pub file: Option<PathBuf>,
    /// The text of one, in its stead (`CONFIG`): whoever deploys knows names that no file in the package can.
    pub text: Option<String>,
    /// The file of exemptions (`EXEMPTIONS_FILE`).
    pub exemptions: Option<PathBuf>,
}

impl RuleSettings {
    /// Reads them through `variable`, which looks up an environment variable.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let path = |name: &str| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let directories = path("RULES_DIR").unwrap_or_default();
        let directories = directories.split(':').map(str::trim).filter(|part| !part.is_empty());
        Self {
            directories: directories.map(PathBuf::from).collect(),
            file: path("CONFIG_FILE").map(PathBuf::from),
            text: path("CONFIG"),
            exemptions: path("EXEMPTIONS_FILE").map(PathBuf::from),
        }
    }
}

fn topic(findings: Option<String>, sns: Option<String>, faults: &mut Vec<String>) -> String {
    if let (Some(findings), Some(sns)) = (&findings, &sns)
        && findings != sns
    {
        faults.push("FINDINGS_TOPIC_ARN and SNS_ARN name different topics; set only FINDINGS_TOPIC_ARN".to_owned());
    }
    let Some(topic) = findings.or(sns) else {
        faults.push("FINDINGS_TOPIC_ARN is not set: give the ARN of the SNS topic that findings go to".to_owned());
        return String::new();
    };
    check("FINDINGS_TOPIC_ARN", &topic, findings_topic, faults).unwrap_or_default()
}

fn check<T>(name: &str, value: &str, read: fn(&str) -> Result<T, &'static str>, faults: &mut Vec<String>) -> Option<T> {
    let fault = |fault| faults.push(format!("{name} is `{}`: {fault}", visible(value)));
    read(value).map_err(fault).ok()
}

/// The topic for findings that `arn` names.
///
/// # Errors
/// Why it cannot be one.
pub fn findings_topic(arn: &str) -> Result<String, &'static str> {
    let is_topic = is_topic(arn);
    is_topic.then(|| arn.to_owned()).ok_or("not the ARN of an SNS topic (arn:aws:sns:REGION:ACCOUNT:NAME)")
}

/// The account of the topic with this ARN.
pub fn topic_account(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|account| !account.is_empty())
}

/// The topic for people that `arn` names.
///
/// # Errors
/// Why it cannot be one.
pub fn alerts_topic(arn: &str) -> Result<String, &'static str> {
    if arn.ends_with(".fifo") {
        return Err("a FIFO topic delivers to no person; give a standard topic");
    }
    findings_topic(arn)
}

/// The patterns of log streams in a list with commas.
fn log_streams_of(list: &str) -> Result<Vec<String>, &'static str> {
    let patterns: Vec<String> = list.split(',').map(|pattern| pattern.trim().to_owned()).collect();
    // https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogStream.html
    let is_name = |pattern: &String| !pattern.is_empty() && pattern.chars().count() <= 512 && !pattern.contains(':');
    let all = patterns.iter().all(is_name);
    all.then_some(patterns)
        .ok_or("give names of log streams, with * and ?, separated by commas; * alone is every stream")
}

/// The severity of this name, whatever its case.
///
/// # Errors
/// Which names there are.
pub fn severity(name: &str) -> Result<Severity, &'static str> {
    let all = [Severity::Informational, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
    let named = all.into_iter().find(|severity| severity.caption().eq_ignore_ascii_case(name));
    named.ok_or("give Informational, Low, Medium, High or Critical")
}

/// `arn:PARTITION:sns:REGION:ACCOUNT:NAME`
fn is_topic(arn: &str) -> bool {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts.as_slice() {
        ["arn", partition, "sns", region, account, name] => {
            partition.starts_with("aws")
                && !region.is_empty()
                && account.len() == 12
                && account.chars().all(|digit| digit.is_ascii_digit())
                && !name.is_empty()
                && name.chars().all(|one| one.is_ascii_alphanumeric() || "-_.".contains(one))
        }
        _ => false,
    }
}

fn live(variable: impl Fn(&str) -> Option<String>, faults: &mut Vec<String>) -> Option<LiveConfig> {
    let mut of_two = |name: &str, on: &str, off: &str| match variable(name).as_deref() {
        None => false,
        Some(value) if value.eq_ignore_ascii_case(on) => true,
        Some(value) if value.eq_ignore_ascii_case(off) => false,
        Some(other) => {
            faults.push(format!("{name} is `{}`: give {on} or {off}", visible(other)));
            false
        }
    };
    let (is_on, names) = (of_two("LIVE_STATE", "on", "off"), of_two("ACCOUNT_NAMES", "organizations", "off"));
    let (role, id) = (variable("MEMBER_ROLE_NAME"), variable("MEMBER_ROLE_EXTERNAL_ID"));
    if is_on && !cfg!(feature = "live") {
        faults.push(
            "LIVE_STATE is on, and this `bootstrap` was built without it: build it with `--features lambda,live`"
                .to_owned(),
        );
    }
    if !is_on && (names || role.is_some() || id.is_some()) {
        faults.push(
            "ACCOUNT_NAMES or MEMBER_ROLE_… is set, and LIVE_STATE is off: set LIVE_STATE to on, or unset the others"
                .to_owned(),
        );
    }
    if id.is_some() && role.is_none() {
        faults.push("MEMBER_ROLE_EXTERNAL_ID is set, and MEMBER_ROLE_NAME is not".to_owned());
    }
    let member_role = role.and_then(|name| check("MEMBER_ROLE_NAME", &name, member_role, faults));
    let external_id = id.and_then(|id| check("MEMBER_ROLE_EXTERNAL_ID", &id, external_id, faults));
    let session_name = variable("MEMBER_ROLE_SESSION_NAME").unwrap_or_else(|| SESSION_NAME.to_owned());
    let session_name = check("MEMBER_ROLE_SESSION_NAME", &session_name, self::session_name, faults).unwrap_or_default();
    is_on.then_some(LiveConfig { member_role, external_id, session_name, names })
}

fn log_level(value: Option<String>, faults: &mut Vec<String>) -> Level {
    match value.as_deref().map(str::to_ascii_uppercase).as_deref() {
        None | Some("INFO") => Level::INFO,
        Some("TRACE") => Level::TRACE,
        Some("DEBUG") => Level::DEBUG,
        Some("WARN") => Level::WARN,
        // Lambda's levels end with FATAL; there is nothing above ERROR here.
        Some("ERROR" | "FATAL") => Level::ERROR,
        Some(other) => {
            let shown = visible(other).into_owned();
            faults.push(format!("AWS_LAMBDA_LOG_LEVEL is `{shown}`: give TRACE, DEBUG, INFO, WARN, ERROR or FATAL"));
            Level::INFO
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: &str = "arn:aws:sns:eu-west-1:111122223333:findings";

    fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigFaults> {
        Config::read(|name| {
            let given = variables.iter().find(|(known, _)| *known == name);
            given
                .map(|(_, value)| (*value).to_owned())
                .or((name == "AWS_LAMBDA_RUNTIME_API").then(|| "127.0.0.1".into()))
        })
    }

    #[test]
    fn either_name_of_the_topic_will_do() {
        for name in ["FINDINGS_TOPIC_ARN", "SNS_ARN"] {
            assert_eq!(read(&[(name, TOPIC)]).unwrap().findings_topic, TOPIC);
        }
        assert!(read(&[("FINDINGS_TOPIC_ARN", TOPIC), ("SNS_ARN", TOPIC)]).is_ok());
        let other = "arn:aws:sns:eu-west-1:111122223333:other";
        let faults = read(&[("FINDINGS_TOPIC_ARN", TOPIC), ("SNS_ARN", other)]).unwrap_err();
        assert!(faults.to_string().contains("different topics"), "{faults}");
    }

    #[test]
    fn rules_and_level_are_optional() {
        let config = read(&[("SNS_ARN", TOPIC)]).unwrap();
        assert_eq!(config.log_level, Level::INFO);
        let config = read(&[("SNS_ARN", TOPIC), ("AWS_LAMBDA_LOG_LEVEL", "Warn")]).unwrap();
        assert_eq!(config.log_level, Level::WARN);
        assert_eq!(config.log_streams, None);
        let config = read(&[("SNS_ARN", TOPIC), ("LOG_STREAMS", " a*, b ")]).unwrap();
        assert_eq!(config.log_streams, Some(vec!["a*".to_owned(), "b".to_owned()]));
        let settings = RuleSettings::read(|name| match name {
            "RULES_DIR" => Some("/a:/b".to_owned()),
            "CONFIG_FILE" => Some(" /c/trailwarden.yml".to_owned()),
            "EXEMPTIONS_FILE" => Some("exemptions.yml".to_owned()),
            _ => None,
        });
        assert_eq!(settings.exemptions, Some(PathBuf::from("exemptions.yml")));
        assert_eq!(settings.directories, [PathBuf::from("/a"), PathBuf::from("/b")]);
        assert_eq!(settings.file, Some(PathBuf::from("/c/trailwarden.yml")));
    }

    #[test]
    fn all_faults_are_reported_at_once() {
        let ConfigFaults(faults) = read(&[
            ("AWS_LAMBDA_RUNTIME_API", ""),
            ("FINDINGS_TOPIC_ARN", "my-topic\u{1b}[2J"),
            ("ALERTS_TOPIC_ARN", "arn:aws:sns:eu-west-1:111122223333:alerts.fifo"),
            ("ALERTS_MIN_SEVERITY", "urgent"),
            ("LOG_STREAMS", "a,,b"),
            ("AWS_LAMBDA_LOG_LEVEL", "loud"),
        ])
        .unwrap_err();
        insta::assert_snapshot!(faults.join("\n"), @r"
        AWS_LAMBDA_RUNTIME_API is not set: `bootstrap` runs inside AWS Lambda; the command line is `trailwarden`
        FINDINGS_TOPIC_ARN is `my-topic\u{1b}[2J`: not the ARN of an SNS topic (arn:aws:sns:REGION:ACCOUNT:NAME)
        ALERTS_TOPIC_ARN is `arn:aws:sns:eu-west-1:111122223333:alerts.fifo`: a FIFO topic delivers to no person; give a standard topic
        ALERTS_MIN_SEVERITY is `urgent`: give Informational, Low, Medium, High or Critical
        LOG_STREAMS is `a,,b`: give names of log streams, with * and ?, separated by commas; * alone is every stream
        AWS_LAMBDA_LOG_LEVEL is `LOUD`: give TRACE, DEBUG, INFO, WARN, ERROR or FATAL
        ");
    }

    #[test]
    fn a_role_that_aws_would_refuse_does_not_start() {
        let ConfigFaults(faults) = read(&[
            ("SNS_ARN", TOPIC),
            ("LIVE_STATE", "on"),
            ("MEMBER_ROLE_NAME", "arn:aws:iam::111122223333:role/Reader"),
            ("MEMBER_ROLE_EXTERNAL_ID", "x"),
            ("MEMBER_ROLE_SESSION_NAME", "trail warden"),
        ])
        .unwrap_err();
        let faults: Vec<_> =
            faults.iter().filter(|fault| !fault.starts_with("LIVE_STATE")).map(String::as_str).collect();
        insta::assert_snapshot!(faults.join("\n"), @r"
        MEMBER_ROLE_NAME is `arn:aws:iam::111122223333:role/Reader`: give the name of the role and not its ARN; it is the same in all accounts
        MEMBER_ROLE_EXTERNAL_ID is `x`: an external id has 2 to 1,224 letters, digits and characters of _+=,.@:/-
        MEMBER_ROLE_SESSION_NAME is `trail warden`: the name of a session has 2 to 64 letters, digits and characters of _+=,.@-
        ");
    }

    #[test]
    fn only_topics_are_topics() {
        for topic in ["", "arn:aws:sqs:eu-west-1:111122223333:q", "arn:aws:sns:eu-west-1:1:t"] {
            assert!(read(&[("SNS_ARN", topic)]).is_err(), "{topic}");
        }
        assert!(read(&[("SNS_ARN", "arn:aws:sns:eu-west-1:111122223333:t.fifo")]).is_ok());
        assert!(read(&[("SNS_ARN", "arn:aws-us-gov:sns:us-gov-west-1:111122223333:t")]).is_ok());
    }
}
