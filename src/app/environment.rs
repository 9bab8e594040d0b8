//! The configuration of the Lambda function, from environment variables. All errors are reported, not only the first.

use std::path::PathBuf;
#[cfg(feature = "lambda")]
use std::str::FromStr as _;

use tracing::Level;

use super::values::{
    alerts_topic, event_bus, external_id, findings_topic, log_streams, member_role, quiet_minutes, session_name,
    severity, state_table, topic_account,
};
use super::{
    AlertMemorySetting, AlertsTopicSetting, Configuration, ConfigurationFile, DEFAULT_MIN_ALERT_SEVERITY,
    DEFAULT_QUIET_MINUTES, DEFAULT_SESSION_NAME, Destination, LiveStateConfiguration,
};
use crate::config_rule::{RoleMode, RoleSettings};
#[cfg(feature = "lambda")]
use crate::queue::QueueUrl;
use crate::sources::LogStreams;
use crate::text::visible;

/// Names of the variable for the findings topic. The others are those of the articles that this function replaces.
const FINDINGS_TOPIC_NAMES: [&str; 3] = ["FINDINGS_TOPIC_ARN", "SNS_ARN", "SNSARN"];

/// Reads the configuration from environment variables, which `variable` looks up. Returns the valid part of the
/// configuration, and every error. If there is an error, only its log level and its rules are complete.
pub fn read(variable: impl Fn(&str) -> Option<String>) -> (Configuration, Vec<String>) {
    let mut environment = Environment { variable, errors: Vec::new() };
    if environment.get("AWS_LAMBDA_RUNTIME_API").is_none() {
        environment.errors.push(
            "AWS_LAMBDA_RUNTIME_API is not set: `bootstrap` runs inside AWS Lambda; use `trailwarden` on the command line"
                .to_owned(),
        );
    }
    let file = environment.file();
    let destinations = environment.destinations(&file);
    let log_streams = environment.log_streams();
    let role = environment.role();
    let live_state = environment.live_state(&role);
    let log_level = environment.log_level();
    let directories = environment.get("RULES_DIR").unwrap_or_default();
    let directories = directories.split(':').map(str::trim).filter(|part| !part.is_empty());
    let configuration = Configuration {
        rule_directories: directories.map(PathBuf::from).collect(),
        file,
        exemptions: environment.get("EXEMPTIONS_FILE").map(PathBuf::from),
        live_state,
        role,
        raw_data: environment.on_or_off("RAW_DATA", "on", "off"),
        destinations,
        log_streams,
        #[cfg(feature = "lambda")]
        on_failure_queue: environment.queue("ON_FAILURE_QUEUE_URL"),
        #[cfg(feature = "lambda")]
        outbox_queue: environment.queue("OUTBOX_QUEUE_URL"),
        log_level,
        ..Configuration::default()
    };
    (configuration, environment.errors)
}

pub(super) struct Environment<V> {
    pub(super) variable: V,
    pub(super) errors: Vec<String>,
}

impl<V: Fn(&str) -> Option<String>> Environment<V> {
    /// Returns the value of a variable. An empty variable counts as unset.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        (self.variable)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// Parses the value of a variable, and records an error if it is invalid.
    pub(super) fn check<T>(
        &mut self,
        name: &str,
        value: &str,
        parse: fn(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        let error = |error| self.errors.push(format!("{name} is `{}`: {error}", visible(value)));
        parse(value).map_err(error).ok()
    }

    /// Reads the configuration file from the path in `CONFIG_FILE` or the text in `CONFIG`. A deployment uses `CONFIG` for
    /// names that are not known when its package is built.
    fn file(&mut self) -> ConfigurationFile {
        let file = match (self.get("CONFIG_FILE").map(PathBuf::from), self.get("CONFIG")) {
            (None, None) => return ConfigurationFile::default(),
            (Some(path), None) => ConfigurationFile::read(&path),
            (None, Some(text)) => ConfigurationFile::parse("CONFIG", text),
            (Some(_), Some(_)) => {
                self.errors.push("CONFIG: CONFIG_FILE is set too; set only one of them".to_owned());
                return ConfigurationFile::default();
            }
        };
        file.unwrap_or_else(|error| {
            self.errors.push(error.to_string());
            ConfigurationFile::default()
        })
    }

    fn destinations(&mut self, file: &ConfigurationFile) -> Vec<Destination> {
        let mut destinations = Vec::new();
        let named = FINDINGS_TOPIC_NAMES.map(|name| Some((name, self.get(name)?)));
        let mut named = named.into_iter().flatten();
        let findings = named.next();
        if let Some((name, arn)) = &findings
            && let Some((other, _)) = named.find(|(_, other)| other != arn)
        {
            self.errors.push(format!("{name} and {other} name different topics; set only FINDINGS_TOPIC_ARN"));
        }
        let mut account = None;
        match findings.map(|(_, arn)| arn) {
            None => {
                self.errors.push("FINDINGS_TOPIC_ARN is not set: set it to the ARN of the findings topic".to_owned())
            }
            Some(arn) => {
                account = topic_account(&arn).map(str::to_owned);
                let arn = self.check("FINDINGS_TOPIC_ARN", &arn, findings_topic);
                destinations.extend(arn.map(|arn| Destination::FindingsTopic { arn }));
            }
        }
        let arn = self.get("ALERTS_TOPIC_ARN").and_then(|arn| self.check("ALERTS_TOPIC_ARN", &arn, alerts_topic));
        let minimum = self.get("ALERTS_MIN_SEVERITY");
        let minimum = minimum.and_then(|minimum| self.check("ALERTS_MIN_SEVERITY", &minimum, severity));
        let min_severity = minimum.unwrap_or(DEFAULT_MIN_ALERT_SEVERITY);
        let memory = self.alert_memory();
        let table = match &memory {
            AlertMemorySetting::Table { name, .. } => Some(name.clone()),
            AlertMemorySetting::None | AlertMemorySetting::Process => None,
        };
        let topic = arn.map(|arn| AlertsTopicSetting { arn, min_severity });
        if topic.is_some() || !file.webhooks.is_empty() {
            let webhooks = file.webhooks.clone();
            destinations.push(Destination::Alerts { topic, webhooks, account, memory });
        }
        destinations.extend(table.map(|table| Destination::Problems { table }));
        let bus = self.get("EVENT_BUS_ARN").and_then(|name| self.check("EVENT_BUS_ARN", &name, event_bus));
        destinations.extend(bus.map(|name| Destination::EventBus { name }));
        destinations
    }

    /// Reads `STATE_TABLE` and `QUIET_PERIOD_MINUTES`.
    fn alert_memory(&mut self) -> AlertMemorySetting {
        let table = self.get("STATE_TABLE").and_then(|name| self.check("STATE_TABLE", &name, state_table));
        let minutes = self.get("QUIET_PERIOD_MINUTES");
        let minutes = minutes.and_then(|minutes| self.check("QUIET_PERIOD_MINUTES", &minutes, quiet_minutes));
        let quiet_minutes = minutes.unwrap_or(DEFAULT_QUIET_MINUTES);
        table.map_or(AlertMemorySetting::Process, |name| AlertMemorySetting::Table { name, quiet_minutes })
    }

    /// Reads `LOG_STREAMS`. The default is the log streams of CloudTrail and of heartbeats.
    fn log_streams(&mut self) -> LogStreams {
        let patterns = self.get("LOG_STREAMS").and_then(|list| self.check("LOG_STREAMS", &list, log_streams));
        patterns.map_or_else(LogStreams::standard, |patterns| LogStreams::named(patterns.iter().map(String::as_str)))
    }

    #[cfg(feature = "lambda")]
    pub(super) fn queue(&mut self, name: &str) -> Option<QueueUrl> {
        let url = self.get(name)?;
        self.check(name, &url, QueueUrl::from_str)
    }

    /// Whether a variable has the value `on`. Records an error for a value other than `on` and `off`.
    fn is_on(&mut self, name: &str, on: &str, off: &str) -> bool {
        self.on_or_off(name, on, off).unwrap_or_default()
    }

    /// Whether a variable has the value `on` or `off`, if it is set.
    fn on_or_off(&mut self, name: &str, on: &str, off: &str) -> Option<bool> {
        let value = self.get(name)?;
        let is_on = value.eq_ignore_ascii_case(on);
        if !is_on && !value.eq_ignore_ascii_case(off) {
            self.errors.push(format!("{name} is `{}`: use {on} or {off}", visible(&value)));
        }
        Some(is_on)
    }

    /// Reads `MEMBER_ROLE_…` and `ASSUME_ROLE_MODE`: the role that live state and AWS Config use in other accounts.
    fn role(&mut self) -> RoleSettings {
        let (role, id) = (self.get("MEMBER_ROLE_NAME"), self.get("MEMBER_ROLE_EXTERNAL_ID"));
        if id.is_some() && role.is_none() {
            self.errors.push("MEMBER_ROLE_EXTERNAL_ID is set, but MEMBER_ROLE_NAME is not".to_owned());
        }
        // The name of AWS Config's rule development kit for whether another role is assumed.
        let mode = match self.on_or_off("ASSUME_ROLE_MODE", "true", "false") {
            None => RoleMode::OtherAccounts,
            Some(true) => RoleMode::Always,
            Some(false) => RoleMode::Never,
        };
        let role = role.filter(|_| mode != RoleMode::Never);
        let member_role = role.and_then(|name| self.check("MEMBER_ROLE_NAME", &name, member_role));
        let external_id = id.and_then(|id| self.check("MEMBER_ROLE_EXTERNAL_ID", &id, external_id));
        let name = self.get("MEMBER_ROLE_SESSION_NAME").unwrap_or_else(|| DEFAULT_SESSION_NAME.to_owned());
        let session_name = self.check("MEMBER_ROLE_SESSION_NAME", &name, session_name).unwrap_or_default();
        RoleSettings { mode, member_role, external_id, session_name }
    }

    fn live_state(&mut self, role: &RoleSettings) -> Option<LiveStateConfiguration> {
        let is_on = self.is_on("LIVE_STATE", "on", "off");
        let account_names = self.is_on("ACCOUNT_NAMES", "organizations", "off");
        if is_on && !cfg!(feature = "live") {
            self.errors.push(
                "LIVE_STATE is on, but this `bootstrap` was built without it: build it with `--features lambda,live`"
                    .to_owned(),
            );
        }
        if !is_on && account_names {
            self.errors.push(
                "ACCOUNT_NAMES is set, but LIVE_STATE is off: set LIVE_STATE to on, or unset ACCOUNT_NAMES".to_owned(),
            );
        }
        if role.mode == RoleMode::Always && is_on && self.get("MEMBER_ROLE_NAME").is_none() {
            self.errors.push("ASSUME_ROLE_MODE is true, and MEMBER_ROLE_NAME is not set: name the role".to_owned());
        }
        let RoleSettings { member_role, external_id, session_name, .. } = role.clone();
        is_on.then_some(LiveStateConfiguration { member_role, external_id, session_name, account_names })
    }

    pub(super) fn log_level(&mut self) -> Level {
        match self.get("AWS_LAMBDA_LOG_LEVEL").map(|value| value.to_ascii_uppercase()).as_deref() {
            None | Some("INFO") => Level::INFO,
            Some("TRACE") => Level::TRACE,
            Some("DEBUG") => Level::DEBUG,
            Some("WARN") => Level::WARN,
            // Lambda has the level FATAL, which `tracing` lacks.
            Some("ERROR" | "FATAL") => Level::ERROR,
            Some(other) => {
                let shown = visible(other).into_owned();
                let error = format!("AWS_LAMBDA_LOG_LEVEL is `{shown}`: use TRACE, DEBUG, INFO, WARN, ERROR or FATAL");
                self.errors.push(error);
                Level::INFO
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: &str = "arn:aws:sns:eu-west-1:111122223333:findings";

    /// Returns the configuration, or every error.
    fn configured(variables: &[(&str, &str)]) -> Result<Configuration, Vec<String>> {
        let (configuration, errors) = read(|name| {
            let value = variables.iter().find(|(known, _)| *known == name);
            value
                .map(|(_, value)| (*value).to_owned())
                .or((name == "AWS_LAMBDA_RUNTIME_API").then(|| "127.0.0.1".into()))
        });
        if errors.is_empty() { Ok(configuration) } else { Err(errors) }
    }

    #[test]
    fn the_topic_can_have_any_of_its_variable_names() {
        for name in FINDINGS_TOPIC_NAMES {
            let destinations = configured(&[(name, TOPIC)]).unwrap().destinations;
            assert_eq!(destinations, [Destination::FindingsTopic { arn: TOPIC.to_owned() }]);
        }
        assert!(configured(&[("FINDINGS_TOPIC_ARN", TOPIC), ("SNS_ARN", TOPIC)]).is_ok());
        let other = "arn:aws:sns:eu-west-1:111122223333:other";
        for names in [["FINDINGS_TOPIC_ARN", "SNS_ARN"], ["SNS_ARN", "SNSARN"]] {
            let errors = configured(&[(names[0], TOPIC), (names[1], other)]).unwrap_err().concat();
            assert!(errors.contains("different topics") && errors.contains(names[1]), "{errors}");
        }
    }

    #[test]
    fn findings_contain_their_record_unless_it_is_turned_off() {
        let raw_data = |value: &str| configured(&[("SNSARN", TOPIC), ("RAW_DATA", value)]).map(|one| one.raw_data);
        assert_eq!((raw_data(""), raw_data("off"), raw_data("ON")), (Ok(None), Ok(Some(false)), Ok(Some(true))));
        assert_eq!(raw_data("no"), Err(vec!["RAW_DATA is `no`: use on or off".to_owned()]));
    }

    #[test]
    fn a_role_for_config_rules_needs_no_live_state() {
        let role = |variables: &[(&str, &str)]| {
            let role = configured(&[&[("SNS_ARN", TOPIC)], variables].concat()).unwrap().role;
            (role.mode, role.member_role, role.external_id, role.session_name)
        };
        let name = ("MEMBER_ROLE_NAME", "Reader");
        let session = DEFAULT_SESSION_NAME.to_owned();
        assert_eq!(role(&[]), (RoleMode::OtherAccounts, None, None, session.clone()));
        let (reader, id) = (Some("Reader".to_owned()), Some("x1".to_owned()));
        assert_eq!(
            role(&[name, ("MEMBER_ROLE_EXTERNAL_ID", "x1"), ("ASSUME_ROLE_MODE", "true")]),
            (RoleMode::Always, reader, id, session)
        );
        assert_eq!(role(&[name, ("ASSUME_ROLE_MODE", "false")]).0, RoleMode::Never);
        let errors = configured(&[("SNS_ARN", TOPIC), ("ACCOUNT_NAMES", "organizations")]).unwrap_err().concat();
        assert!(errors.contains("ACCOUNT_NAMES is set, but LIVE_STATE is off"), "{errors}");
    }

    #[cfg(feature = "live")]
    #[test]
    fn the_member_role_is_assumed_unless_the_mode_says_otherwise() {
        let role = |variables: &[(&str, &str)]| {
            let all = [&[("SNS_ARN", TOPIC), ("LIVE_STATE", "on")], variables].concat();
            configured(&all).map(|one| one.live_state.and_then(|live| live.member_role))
        };
        let name = ("MEMBER_ROLE_NAME", "Reader");
        assert_eq!(role(&[name]), Ok(Some("Reader".to_owned())));
        assert_eq!(role(&[name, ("ASSUME_ROLE_MODE", "True")]), Ok(Some("Reader".to_owned())));
        assert_eq!(role(&[name, ("ASSUME_ROLE_MODE", "false")]), Ok(None));
        assert!(role(&[("ASSUME_ROLE_MODE", "true")]).unwrap_err().concat().contains("MEMBER_ROLE_NAME is not set"));
    }

    #[cfg(feature = "lambda")]
    #[test]
    fn the_on_failure_queue_is_a_standard_queue() {
        let queue = |url: &str| configured(&[("SNS_ARN", TOPIC), ("ON_FAILURE_QUEUE_URL", url)]);
        let url = "https://sqs.eu-west-1.amazonaws.com/111122223333/failed";
        assert_eq!(queue(url).unwrap().on_failure_queue.unwrap().to_string(), url);
        assert!(queue("failed").unwrap_err().concat().starts_with("ON_FAILURE_QUEUE_URL is `failed`: not the URL"));
    }

    #[test]
    fn rules_file_and_level_are_optional() {
        let config = configured(&[("SNS_ARN", TOPIC)]).unwrap();
        assert_eq!(config.log_level, Level::INFO);
        let config = configured(&[("SNS_ARN", TOPIC), ("AWS_LAMBDA_LOG_LEVEL", "Warn")]).unwrap();
        assert_eq!(config.log_level, Level::WARN);
        let log_streams =
            |value: &str| configured(&[("SNS_ARN", TOPIC), ("LOG_STREAMS", value)]).unwrap().log_streams.to_string();
        assert_eq!(log_streams(""), LogStreams::standard().to_string());
        assert_eq!(log_streams(" a*, b "), LogStreams::named(["a*", "b"].into_iter()).to_string());
        let (configuration, _) = read(|name| match name {
            "RULES_DIR" => Some("/a:/b".to_owned()),
            "CONFIG" => Some("account-names: {'111122223333': production}".to_owned()),
            "EXEMPTIONS_FILE" => Some(" exemptions.yml".to_owned()),
            _ => None,
        });
        assert_eq!(configuration.exemptions, Some(PathBuf::from("exemptions.yml")));
        assert_eq!(configuration.rule_directories, [PathBuf::from("/a"), PathBuf::from("/b")]);
        assert_eq!(configuration.file.account_names["111122223333"], "production");
    }

    #[test]
    fn the_configuration_file_is_a_path_or_a_text_but_not_both() {
        for (variables, error) in [
            (&[("CONFIG_FILE", "/c/none.yml")][..], "/c/none.yml: cannot be read"),
            (&[("CONFIG", "rule: {}")], "CONFIG:1: unknown field `rule`"),
            (&[("CONFIG", "rules: {}"), ("CONFIG_FILE", "/c/none.yml")], "CONFIG: CONFIG_FILE is set too"),
        ] {
            let errors = configured(&[&[("SNS_ARN", TOPIC)], variables].concat()).unwrap_err();
            assert!(errors.len() == 1 && errors[0].starts_with(error), "{errors:?}");
        }
    }

    #[test]
    fn all_errors_are_reported_at_once() {
        let errors = configured(&[
            ("AWS_LAMBDA_RUNTIME_API", ""),
            ("FINDINGS_TOPIC_ARN", "my-topic\u{1b}[2J"),
            ("ALERTS_TOPIC_ARN", "arn:aws:sns:eu-west-1:111122223333:alerts.fifo"),
            ("ALERTS_MIN_SEVERITY", "urgent"),
            ("STATE_TABLE", "a/b"),
            ("QUIET_PERIOD_MINUTES", "0"),
            ("LOG_STREAMS", "a,,b"),
            ("AWS_LAMBDA_LOG_LEVEL", "loud"),
        ])
        .unwrap_err();
        insta::assert_snapshot!(errors.join("\n"), @r"
        AWS_LAMBDA_RUNTIME_API is not set: `bootstrap` runs inside AWS Lambda; use `trailwarden` on the command line
        FINDINGS_TOPIC_ARN is `my-topic\u{1b}[2J`: not the ARN of an SNS topic (arn:aws:sns:REGION:ACCOUNT:NAME)
        ALERTS_TOPIC_ARN is `arn:aws:sns:eu-west-1:111122223333:alerts.fifo`: a FIFO topic cannot deliver to people; use a standard topic
        ALERTS_MIN_SEVERITY is `urgent`: use Informational, Low, Medium, High or Critical
        STATE_TABLE is `a/b`: the name of a DynamoDB table has 3 to 255 letters, digits and characters of _.-
        QUIET_PERIOD_MINUTES is `0`: give a whole number from 1 to 1440
        LOG_STREAMS is `a,,b`: use names of log streams, with wildcards * and ?, separated by commas; * matches every stream
        AWS_LAMBDA_LOG_LEVEL is `LOUD`: use TRACE, DEBUG, INFO, WARN, ERROR or FATAL
        ");
    }

    #[test]
    fn role_settings_that_aws_would_reject_are_errors() {
        let errors = configured(&[
            ("SNS_ARN", TOPIC),
            ("LIVE_STATE", "on"),
            ("MEMBER_ROLE_NAME", "arn:aws:iam::111122223333:role/Reader"),
            ("MEMBER_ROLE_EXTERNAL_ID", "x"),
            ("MEMBER_ROLE_SESSION_NAME", "trail warden"),
        ])
        .unwrap_err();
        let errors: Vec<_> =
            errors.iter().filter(|error| !error.starts_with("LIVE_STATE")).map(String::as_str).collect();
        insta::assert_snapshot!(errors.join("\n"), @r"
        MEMBER_ROLE_NAME is `arn:aws:iam::111122223333:role/Reader`: use the name of the role, not its ARN; it is the same in all accounts
        MEMBER_ROLE_EXTERNAL_ID is `x`: an external id has 2 to 1,224 characters: letters, digits and _+=,.@:/-
        MEMBER_ROLE_SESSION_NAME is `trail warden`: the name of a session has 2 to 64 characters: letters, digits and _+=,.@-
        ");
    }

    #[test]
    fn only_arns_of_sns_topics_are_accepted() {
        for topic in ["", "arn:aws:sqs:eu-west-1:111122223333:q", "arn:aws:sns:eu-west-1:1:t"] {
            assert!(configured(&[("SNS_ARN", topic)]).is_err(), "{topic}");
        }
        assert!(configured(&[("SNS_ARN", "arn:aws:sns:eu-west-1:111122223333:t.fifo")]).is_ok());
        assert!(configured(&[("SNS_ARN", "arn:aws-us-gov:sns:us-gov-west-1:111122223333:t")]).is_ok());
    }
}
