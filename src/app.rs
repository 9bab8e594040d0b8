//! Configuration. The file, the flags and the environment become one [`Configuration`], from which every binary builds its
//! rules, suppressions, live state and sinks.

pub mod environment;
mod file;
#[cfg(feature = "lambda")]
pub mod log;
#[cfg(feature = "remediation")]
pub mod remediator;
mod values;
mod webhooks;

#[cfg(feature = "lambda")]
use std::collections::HashMap;
use std::path::PathBuf;
#[cfg(feature = "lambda")]
use std::sync::Arc;

#[cfg(feature = "lambda")]
use jiff::SignedDuration;
use tracing::Level;

use crate::access::Zone;
use crate::alert::{AlertPolicy, Webhook};
#[cfg(feature = "lambda")]
use crate::aws::SdkConfig;
#[cfg(feature = "lambda")]
use crate::config_rule::Parameters;
use crate::config_rule::RoleSettings;
use crate::finding::Severity;
#[cfg(feature = "lambda")]
use crate::objects::Objects;
#[cfg(feature = "lambda")]
use crate::pipeline::Evaluator;
use crate::pipeline::Pipeline;
#[cfg(feature = "lambda")]
use crate::queue::{Queue, QueueUrl};
use crate::rules::{Options, RuleDiagnostic, RuleDiagnostics, RuleSet, UnusableRules, organization_id};
#[cfg(feature = "lambda")]
use crate::sinks::alert_state::AlertState;
#[cfg(feature = "lambda")]
use crate::sinks::alerts::{AlertMemory, Alerts, AlertsTopic};
#[cfg(feature = "lambda")]
use crate::sinks::problems::{Problems, Resolver};
#[cfg(feature = "lambda")]
use crate::sinks::webhooks::Webhooks;
#[cfg(feature = "lambda")]
use crate::sinks::{Sink, Sinks, event_bus::EventBus, findings_topic::FindingsTopic, sns::SnsTopic};
use crate::sources::LogStreams;
use crate::suppress::Exemptions;

pub use file::ConfigurationFile;
pub use values::{alerts_topic, external_id, findings_topic, member_role, session_name, severity, topic_account};

/// The default minimum severity of alerts.
pub const DEFAULT_MIN_ALERT_SEVERITY: Severity = Severity::Medium;

/// The default length of a quiet period, in minutes.
pub const DEFAULT_QUIET_MINUTES: u16 = 60;

/// The default name of sessions in other accounts.
pub const DEFAULT_SESSION_NAME: &str = "trailwarden";

/// The complete configuration, from all sources.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// Directories of rules, loaded beside the built-in rules.
    pub rule_directories: Vec<PathBuf>,
    /// The content of the configuration file.
    pub file: ConfigurationFile,
    /// Names of rules to enable, beside those that the file enables.
    pub enabled_rules: Vec<String>,
    /// Ids of trusted accounts, beside those in the file.
    pub trusted_accounts: Vec<String>,
    /// Ids or ARNs of trusted organizations and organizational units, beside those in the file.
    pub trusted_organizations: Vec<String>,
    /// Whether findings contain a trace of their rule's condition.
    pub explain: bool,
    /// Whether findings contain their record, in place of the setting of the file.
    pub raw_data: Option<bool>,
    /// Whether a rule that cannot be used stops everything or is skipped.
    pub unusable: UnusableRules,
    /// The exemptions file.
    pub exemptions: Option<PathBuf>,
    /// The configuration of live state; `None` if it is off.
    pub live_state: Option<LiveStateConfiguration>,
    /// The credentials with which AWS Config is read and answered.
    pub role: RoleSettings,
    /// The destinations of findings.
    pub destinations: Vec<Destination>,
    /// The log streams whose events are evaluated.
    pub log_streams: LogStreams,
    /// The on-failure queue, which keeps messages of SQS and Kinesis that can never be decoded.
    #[cfg(feature = "lambda")]
    pub on_failure_queue: Option<QueueUrl>,
    /// The outbox, where messages wait that a webhook did not accept.
    #[cfg(feature = "lambda")]
    pub outbox_queue: Option<QueueUrl>,
    /// The log level.
    pub log_level: Level,
}

/// The configuration of live state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveStateConfiguration {
    /// The role to assume in other accounts. Without it, only the account of the credentials is read.
    pub member_role: Option<String>,
    /// The external id that the trust policy of the role requires.
    pub external_id: Option<String>,
    /// The name of the role's sessions.
    pub session_name: String,
    /// Whether account names are read from AWS Organizations.
    pub account_names: bool,
}

/// A destination of findings. To add one, add a variant, its [`Sink`] in a new file, and an arm in [`Configuration::sinks`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// The findings topic, for programs: every finding as an OCSF document.
    FindingsTopic {
        /// Its ARN.
        arn: String,
    },
    /// An event bus: every finding as an event.
    EventBus {
        /// Its name or ARN.
        name: String,
    },
    /// Alerts for people.
    Alerts {
        /// The alerts topic.
        topic: Option<AlertsTopicSetting>,
        /// The webhooks.
        webhooks: Vec<Webhook>,
        /// The account of the deployment, which contains your own roles.
        account: Option<String>,
        /// What is remembered of earlier alerts.
        memory: AlertMemorySetting,
    },
    /// The open problems in the state table.
    Problems {
        /// The name of the table.
        table: String,
    },
}

/// The alerts topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertsTopicSetting {
    /// Its ARN.
    pub arn: String,
    /// The minimum severity of alerts.
    pub min_severity: Severity,
}

/// What is remembered of earlier alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertMemorySetting {
    /// Nothing: for a process that handles few payloads.
    None,
    /// A limit on alerts of one rule and caller. Findings beyond it wait in the memory of the process.
    Process,
    /// Quiet periods in a DynamoDB table that all environments share.
    Table {
        /// Its name.
        name: String,
        /// Minutes of a quiet period.
        quiet_minutes: u16,
    },
}

#[cfg(feature = "lambda")]
impl AlertMemorySetting {
    /// The client of the table, if there is one.
    fn state(&self, sdk: &SdkConfig) -> Option<AlertState> {
        let Self::Table { name, quiet_minutes } = self else { return None };
        Some(AlertState::new(sdk, name.clone(), SignedDuration::from_mins(i64::from(*quiet_minutes))))
    }
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            rule_directories: Vec::new(),
            file: ConfigurationFile::default(),
            enabled_rules: Vec::new(),
            trusted_accounts: Vec::new(),
            trusted_organizations: Vec::new(),
            explain: false,
            raw_data: None,
            unusable: UnusableRules::default(),
            exemptions: None,
            live_state: None,
            role: RoleSettings::default(),
            destinations: Vec::new(),
            log_streams: LogStreams::ALL,
            #[cfg(feature = "lambda")]
            on_failure_queue: None,
            #[cfg(feature = "lambda")]
            outbox_queue: None,
            log_level: Level::INFO,
        }
    }
}

impl Configuration {
    /// A configuration from a configuration file alone.
    pub fn of_file(file: ConfigurationFile) -> Self {
        Self { file, ..Self::default() }
    }

    /// Returns your own accounts, organizations, tenants and identity providers.
    pub fn zone(&self) -> Zone {
        let mut zone = self.file.zone.clone();
        zone.accounts.extend(self.trusted_accounts.iter().cloned());
        let organizations = self.trusted_organizations.iter().filter_map(|text| organization_id(text));
        zone.organizations.extend(organizations.map(str::to_owned));
        zone
    }

    /// Returns the options for loading rules.
    pub fn rule_options(&self) -> Options {
        Options {
            directories: self.rule_directories.clone(),
            settings: self.file.rules.clone(),
            enabled: self.enabled_rules.clone(),
            zone: self.zone(),
            explain: self.explain,
            unusable: self.unusable,
        }
    }

    /// Loads the rules.
    ///
    /// # Errors
    /// Returns every diagnostic about the rules and the configuration file.
    pub fn rules(&self) -> Result<RuleSet, RuleDiagnostics> {
        let loaded = RuleSet::load_with(&self.rule_options());
        if self.file.diagnostics().is_empty() {
            return loaded;
        }
        let mut diagnostics = loaded.err().map_or_else(Vec::new, |RuleDiagnostics(diagnostics)| diagnostics);
        diagnostics.extend(self.file.diagnostics().iter().cloned());
        Err(RuleDiagnostics(diagnostics))
    }

    /// Loads the valid rules, and returns them with every diagnostic about the rules and the configuration file.
    pub fn check_rules(&self) -> (RuleSet, Vec<RuleDiagnostic>) {
        let (rules, mut diagnostics) = RuleSet::check(&self.rule_options());
        diagnostics.extend(self.file.diagnostics().iter().cloned());
        (rules, diagnostics)
    }

    /// Loads the exemptions, which refer to `rules`.
    ///
    /// # Errors
    /// Returns every diagnostic about the exemptions file.
    pub fn exemptions(&self, rules: &RuleSet) -> Result<Exemptions, RuleDiagnostics> {
        let exemptions = self.exemptions.as_deref().map(|path| Exemptions::read(path, rules));
        Ok(exemptions.transpose()?.unwrap_or_default())
    }

    /// Builds the pipeline with these rules and exemptions.
    pub fn pipeline_of(&self, rules: RuleSet, exemptions: Exemptions) -> Pipeline {
        Pipeline::new(rules)
            .with_exemptions(exemptions)
            .with_vpc_exemptions(self.file.vpc_exemptions.clone())
            .with_account_names(self.file.account_names.clone())
            .with_log_streams(self.log_streams.clone())
            .with_records(self.raw_data.unwrap_or(self.file.raw_data))
    }

    /// Loads rules and exemptions, and builds the pipeline.
    ///
    /// # Errors
    /// Returns every diagnostic about the rules and the configuration file, or otherwise about the exemptions file.
    pub fn pipeline(&self) -> Result<Pipeline, RuleDiagnostics> {
        let rules = self.rules()?;
        let exemptions = self.exemptions(&rules)?;
        Ok(self.pipeline_of(rules, exemptions))
    }

    /// The same for the Config rule called `name`, whose trusted accounts are trusted beside those of the configuration.
    ///
    /// # Errors
    /// See [`Configuration::pipeline`].
    #[cfg(feature = "lambda")]
    pub fn config_rule_pipeline(&self, name: &str, parameters: &Parameters) -> Result<Pipeline, RuleDiagnostics> {
        let mut configuration = self.clone();
        configuration.trusted_accounts.extend(parameters.trusted_accounts.iter().cloned());
        Ok(configuration.pipeline()?.with_config_rule(name.to_owned(), parameters.clone()))
    }

    /// Builds the evaluator of `pipeline`, which fetches objects, with live state if that is on.
    #[cfg(all(feature = "lambda", feature = "live"))]
    pub fn evaluator(&self, pipeline: Pipeline, sdk: &SdkConfig) -> Evaluator {
        use crate::live_state::aws::MemberRole;
        use crate::pipeline::aws::AwsLive;

        let evaluator = Evaluator::new(pipeline).with_objects(Objects::new(sdk));
        let Some(live) = self.live_state.clone() else { return evaluator };
        let LiveStateConfiguration { member_role, external_id, session_name, account_names } = live;
        let member = member_role.map(|name| MemberRole { name, external_id, session_name });
        evaluator.with_live_state(AwsLive::new(sdk, member, account_names))
    }

    /// Builds the evaluator of `pipeline`, which fetches objects. Live state is not part of this build.
    #[cfg(all(feature = "lambda", not(feature = "live")))]
    pub fn evaluator(&self, pipeline: Pipeline, sdk: &SdkConfig) -> Evaluator {
        Evaluator::new(pipeline).with_objects(Objects::new(sdk))
    }

    /// Builds the webhooks, if there are any. `packs` has the pack of each rule.
    #[cfg(feature = "lambda")]
    pub fn webhooks(&self, sdk: &SdkConfig, packs: HashMap<String, String>) -> Option<Arc<Webhooks>> {
        let alerts = self.destinations.iter().find_map(|destination| match destination {
            Destination::Alerts { webhooks, memory, .. } if !webhooks.is_empty() => Some((webhooks, memory)),
            _ => None,
        });
        let (webhooks, memory) = alerts?;
        let outbox = self.outbox_queue.as_ref().map(|url| Queue::new(sdk, url));
        let state = memory.state(sdk);
        Some(Arc::new(Webhooks::new(sdk, webhooks.clone(), outbox, state).with_packs(packs)))
    }

    /// Builds a sink for each destination. Alerts go to `webhooks`, too.
    #[cfg(feature = "lambda")]
    pub fn sinks(&self, sdk: &SdkConfig, webhooks: Option<&Arc<Webhooks>>) -> Sinks {
        let mut topics: Vec<SnsTopic> = Vec::new();
        let mut topic = |arn: &str| {
            let topic = match topics.first() {
                Some(first) => first.beside(sdk, arn.to_owned()),
                None => SnsTopic::new(sdk, arn.to_owned()),
            };
            topics.push(topic.beside(sdk, arn.to_owned()));
            topic
        };
        let sinks = self.destinations.iter().map(|destination| -> Box<dyn Sink> {
            match destination {
                Destination::FindingsTopic { arn } => Box::new(FindingsTopic::new(topic(arn))),
                Destination::EventBus { name } => Box::new(EventBus::new(sdk, name.clone())),
                Destination::Alerts { topic: setting, webhooks: settings, account, memory } => {
                    let of_webhooks = settings.iter().map(|webhook| webhook.route.min_severity);
                    let all = setting.iter().map(|topic| topic.min_severity).chain(of_webhooks);
                    let policy = self.alert_policy(all.min().unwrap_or(DEFAULT_MIN_ALERT_SEVERITY), account.clone());
                    let memory = match (memory, memory.state(sdk)) {
                        (_, Some(state)) => AlertMemory::table(state),
                        (AlertMemorySetting::Process, None) => AlertMemory::process(),
                        (_, None) => AlertMemory::None,
                    };
                    let alerts_topic = setting.as_ref().map(|AlertsTopicSetting { arn, min_severity }| AlertsTopic {
                        topic: topic(arn),
                        min_severity: *min_severity,
                    });
                    Box::new(Alerts::new(alerts_topic, webhooks.cloned(), policy, memory))
                }
                Destination::Problems { table } => Box::new(Problems::new(sdk, table.clone())),
            }
        });
        Sinks::new(sinks.collect())
    }

    /// Builds what closes problems, if open problems are kept.
    #[cfg(feature = "lambda")]
    pub fn resolver(&self, sdk: &SdkConfig) -> Option<Resolver> {
        let (mut problems, mut findings, mut alerts) = (None, None, None);
        for destination in &self.destinations {
            let topic = |arn: &String| SnsTopic::new(sdk, arn.clone());
            match destination {
                Destination::FindingsTopic { arn } => findings = Some(topic(arn)),
                Destination::Alerts { topic: Some(AlertsTopicSetting { arn, min_severity }), .. } => {
                    alerts = Some((topic(arn), *min_severity));
                }
                Destination::Problems { table } => problems = Some(Problems::new(sdk, table.clone())),
                Destination::Alerts { topic: None, .. } | Destination::EventBus { .. } => {}
            }
        }
        Some(Resolver::new(problems?, findings, alerts))
    }

    /// Returns the policy that selects findings for alerts.
    pub fn alert_policy(&self, min_severity: Severity, account: Option<String>) -> AlertPolicy {
        let own_roles = self.file.rules.placeholder("own_roles").to_vec();
        AlertPolicy { min_severity, own_roles, account, runbooks: self.file.runbooks.clone() }
    }
}
