//! The configuration by environment variables: that of the Lambda functions. Every error is reported, not only the first.

use std::path::PathBuf;

use tracing::Level;

use super::values::{
    alerts_topic, external_id, findings_topic, log_streams, member_role, quiet_minutes, session_name, severity,
    state_table, topic_account,
};
use super::{
    AlertMemorySetting, Configuration, ConfigurationFile, DEFAULT_MIN_ALERT_SEVERITY, DEFAULT_QUIET_MINUTES,
    DEFAULT_SESSION_NAME, Destination, LiveStateConfiguration,
};
use crate::sources::LogStreams;
use crate::text::visible;

/// Reads the configuration through `variable`, which looks up an environment variable. Returns it as far as it can be
/// read, and every error. With an error, only its log level and its rules are complete.
pub fn read(variable: impl Fn(&str) -> Option<String>) -> (Configuration, Vec<String>) {
    let mut environment = Environment { variable, errors: Vec::new() };
    if environment.get("AWS_LAMBDA_RUNTIME_API").is_none() {
        environment.errors.push(
            "AWS_LAMBDA_RUNTIME_API is not set: `bootstrap` runs inside AWS Lambda; the command line is `trailwarden`"
                .to_owned(),
        );
    }
    let destinations = environment.destinations();
    let log_streams = environment.log_streams();
    let live_state = environment.live_state();
    let log_level = environment.log_level();
    let directories = environment.get("RULES_DIR").unwrap_or_default();
    let directories = directories.split(':').map(str::trim).filter(|part| !part.is_empty());
    let configuration = Configuration {
        rule_directories: directories.map(PathBuf::from).collect(),
        file: environment.file(),
        exemptions: environment.get("EXEMPTIONS_FILE").map(PathBuf::from),
        live_state,
        destinations,
        log_streams,
        log_level,
        ..Configuration::default()
    };
    (configuration, environment.errors)
}

struct Environment<V> {
    variable: V,
    errors: Vec<String>,
}

impl<V: Fn(&str) -> Option<String>> Environment<V> {
    /// Returns the value of a variable. An empty value is none.
    fn get(&self, name: &str) -> Option<String> {
        (self.variable)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn check<T>(&mut self, name: &str, value: &str, parse: fn(&str) -> Result<T, &'static str>) -> Option<T> {
        let error = |error| self.errors.push(format!("{name} is `{}`: {error}", visible(value)));
        parse(value).map_err(error).ok()
    }

    /// Reads `CONFIG_FILE`, or `CONFIG`: the text of a configuration file, for a deployment that knows names which no file
    /// in its package can contain.
    fn file(&mut self) -> ConfigurationFile {
        let file = match (self.get("CONFIG_FILE").map(PathBuf::from), self.get("CONFIG")) {
            (None, None) => return ConfigurationFile::default(),
            (Some(path), None) => ConfigurationFile::read(&path),
            (None, Some(text)) => ConfigurationFile::parse("CONFIG", text),
            (Some(_), Some(_)) => {
                self.errors.push("CONFIG: CONFIG_FILE is set too; give one of the two".to_owned());
                return ConfigurationFile::default();
            }
        };
        file.unwrap_or_else(|fault| {
            self.errors.push(fault.to_string());
            ConfigurationFile::default()
        })
    }

    fn destinations(&mut self) -> Vec<Destination> {
        let mut destinations = Vec::new();
        let (findings, sns) = (self.get("FINDINGS_TOPIC_ARN"), self.get("SNS_ARN"));
        if findings.is_some() && sns.is_some() && findings != sns {
            self.errors
                .push("FINDINGS_TOPIC_ARN and SNS_ARN name different topics; set only FINDINGS_TOPIC_ARN".to_owned());
        }
        let mut account = None;
        match findings.or(sns) {
            None => self
                .errors
                .push("FINDINGS_TOPIC_ARN is not set: give the ARN of the SNS topic that findings go to".to_owned()),
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
        destinations.extend(arn.map(|arn| Destination::AlertsTopic { arn, min_severity, account, memory }));
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

    /// Reads `LOG_STREAMS`. The default is those of CloudTrail and of heartbeats.
    fn log_streams(&mut self) -> LogStreams {
        let patterns = self.get("LOG_STREAMS").and_then(|list| self.check("LOG_STREAMS", &list, log_streams));
        patterns.map_or_else(LogStreams::standard, |patterns| LogStreams::named(patterns.iter().map(String::as_str)))
    }

    /// Whether a variable has the value `on`, and not `off` or none.
    fn is_on(&mut self, name: &str, on: &str, off: &str) -> bool {
        match self.get(name) {
            None => false,
            Some(value) if value.eq_ignore_ascii_case(on) => true,
            Some(value) if value.eq_ignore_ascii_case(off) => false,
            Some(other) => {
                self.errors.push(format!("{name} is `{}`: give {on} or {off}", visible(&other)));
                false
            }
        }
    }

    fn live_state(&mut self) -> Option<LiveStateConfiguration> {
        let is_on = self.is_on("LIVE_STATE", "on", "off");
        let account_names = self.is_on("ACCOUNT_NAMES", "organizations", "off");
        let (role, id) = (self.get("MEMBER_ROLE_NAME"), self.get("MEMBER_ROLE_EXTERNAL_ID"));
        if is_on && !cfg!(feature = "live") {
            self.errors.push(
                "LIVE_STATE is on, and this `bootstrap` was built without it: build it with `--features lambda,live`"
                    .to_owned(),
            );
        }
        if !is_on && (account_names || role.is_some() || id.is_some()) {
            self.errors.push(
                "ACCOUNT_NAMES or MEMBER_ROLE_… is set, and LIVE_STATE is off: set LIVE_STATE to on, or unset the others"
                    .to_owned(),
            );
        }
        if id.is_some() && role.is_none() {
            self.errors.push("MEMBER_ROLE_EXTERNAL_ID is set, and MEMBER_ROLE_NAME is not".to_owned());
        }
        let member_role = role.and_then(|name| self.check("MEMBER_ROLE_NAME", &name, member_role));
        let external_id = id.and_then(|id| self.check("MEMBER_ROLE_EXTERNAL_ID", &id, external_id));
        let name = self.get("MEMBER_ROLE_SESSION_NAME").unwrap_or_else(|| DEFAULT_SESSION_NAME.to_owned());
        let session_name = self.check("MEMBER_ROLE_SESSION_NAME", &name, session_name).unwrap_or_default();
        is_on.then_some(LiveStateConfiguration { member_role, external_id, session_name, account_names })
    }

    fn log_level(&mut self) -> Level {
        match self.get("AWS_LAMBDA_LOG_LEVEL").map(|value| value.to_ascii_uppercase()).as_deref() {
            None | Some("INFO") => Level::INFO,
            Some("TRACE") => Level::TRACE,
            Some("DEBUG") => Level::DEBUG,
            Some("WARN") => Level::WARN,
            // Lambda's levels end with FATAL; there is nothing above ERROR here.
            Some("ERROR" | "FATAL") => Level::ERROR,
            Some(other) => {
                let shown = visible(other).into_owned();
                let error = format!("AWS_LAMBDA_LOG_LEVEL is `{shown}`: give TRACE, DEBUG, INFO, WARN, ERROR or FATAL");
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

    /// The configuration, or every error.
    fn configured(variables: &[(&str, &str)]) -> Result<Configuration, Vec<String>> {
        let (configuration, errors) = read(|name| {
            let given = variables.iter().find(|(known, _)| *known == name);
            given
                .map(|(_, value)| (*value).to_owned())
                .or((name == "AWS_LAMBDA_RUNTIME_API").then(|| "127.0.0.1".into()))
        });
        if errors.is_empty() { Ok(configuration) } else { Err(errors) }
    }

    #[test]
    fn either_name_of_the_topic_will_do() {
        for name in ["FINDINGS_TOPIC_ARN", "SNS_ARN"] {
            let destinations = configured(&[(name, TOPIC)]).unwrap().destinations;
            assert_eq!(destinations, [Destination::FindingsTopic { arn: TOPIC.to_owned() }]);
        }
        assert!(configured(&[("FINDINGS_TOPIC_ARN", TOPIC), ("SNS_ARN", TOPIC)]).is_ok());
        let other = "arn:aws:sns:eu-west-1:111122223333:other";
        let faults = configured(&[("FINDINGS_TOPIC_ARN", TOPIC), ("SNS_ARN", other)]).unwrap_err();
        assert!(faults.concat().contains("different topics"), "{faults:?}");
    }

    #[test]
    fn rules_file_and_level_are_optional() {
        let config = configured(&[("SNS_ARN", TOPIC)]).unwrap();
        assert_eq!(config.log_level, Level::INFO);
        let config = configured(&[("SNS_ARN", TOPIC), ("AWS_LAMBDA_LOG_LEVEL", "Warn")]).unwrap();
        assert_eq!(config.log_level, Level::WARN);
        let log_streams =
            |given: &str| configured(&[("SNS_ARN", TOPIC), ("LOG_STREAMS", given)]).unwrap().log_streams.to_string();
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
    fn the_configuration_file_is_named_or_given_and_not_both() {
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
        let faults = configured(&[
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
        insta::assert_snapshot!(faults.join("\n"), @r"
        AWS_LAMBDA_RUNTIME_API is not set: `bootstrap` runs inside AWS Lambda; the command line is `trailwarden`
        FINDINGS_TOPIC_ARN is `my-topic\u{1b}[2J`: not the ARN of an SNS topic (arn:aws:sns:REGION:ACCOUNT:NAME)
        ALERTS_TOPIC_ARN is `arn:aws:sns:eu-west-1:111122223333:alerts.fifo`: a FIFO topic delivers to no person; give a standard topic
        ALERTS_MIN_SEVERITY is `urgent`: give Informational, Low, Medium, High or Critical
        STATE_TABLE is `a/b`: the name of a DynamoDB table has 3 to 255 letters, digits and characters of _.-
        QUIET_PERIOD_MINUTES is `0`: give a whole number from 1 to 1440
        LOG_STREAMS is `a,,b`: give names of log streams, with * and ?, separated by commas; * alone is every stream
        AWS_LAMBDA_LOG_LEVEL is `LOUD`: give TRACE, DEBUG, INFO, WARN, ERROR or FATAL
        ");
    }

    #[test]
    fn a_role_that_aws_would_refuse_does_not_start() {
        let faults = configured(&[
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
            assert!(configured(&[("SNS_ARN", topic)]).is_err(), "{topic}");
        }
        assert!(configured(&[("SNS_ARN", "arn:aws:sns:eu-west-1:111122223333:t.fifo")]).is_ok());
        assert!(configured(&[("SNS_ARN", "arn:aws-us-gov:sns:us-gov-west-1:111122223333:t")]).is_ok());
    }
}
