//! Configuration: the file, the flags and the environment become one [`Configuration`], from which every binary builds its
//! rules, suppressions, live state and sinks.

pub mod environment;
mod file;
mod values;

use std::path::PathBuf;

#[cfg(feature = "lambda")]
use jiff::SignedDuration;
use tracing::Level;

use crate::access::Zone;
use crate::alert::AlertPolicy;
#[cfg(feature = "lambda")]
use crate::aws::SdkConfig;
use crate::finding::Severity;
#[cfg(feature = "lambda")]
use crate::pipeline::Evaluator;
use crate::pipeline::Pipeline;
use crate::rules::{Options, RuleDiagnostic, RuleDiagnostics, RuleSet, Unusable, organization_id};
#[cfg(feature = "lambda")]
use crate::sinks::alert_state::AlertState;
#[cfg(feature = "lambda")]
use crate::sinks::alerts_topic::{AlertMemory, AlertsTopic};
#[cfg(feature = "lambda")]
use crate::sinks::{Sink, Sinks, findings_topic::FindingsTopic, sns::SnsTopic};
use crate::sources::LogStreams;
use crate::suppress::Exemptions;

pub use file::ConfigurationFile;
pub use values::{alerts_topic, external_id, findings_topic, member_role, session_name, severity, topic_account};

/// The minimum severity of alerts, unless another is configured.
pub const DEFAULT_MIN_ALERT_SEVERITY: Severity = Severity::Medium;

/// The minutes of a quiet period, unless others are configured.
pub const DEFAULT_QUIET_MINUTES: u16 = 60;

/// The name of sessions in other accounts, unless another is configured.
pub const DEFAULT_SESSION_NAME: &str = "trailwarden";

/// All that can be configured, whatever it was configured by.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// Directories of rules, loaded beside the built-in rules.
    pub rule_directories: Vec<PathBuf>,
    /// The content of the configuration file.
    pub file: ConfigurationFile,
    /// Names of rules to enable beside those that the file enables.
    pub enabled_rules: Vec<String>,
    /// Ids of trusted accounts beside those of the file.
    pub trusted_accounts: Vec<String>,
    /// Ids or ARNs of trusted organizations and organizational units beside those of the file.
    pub trusted_organizations: Vec<String>,
    /// Whether findings contain the full evaluation of their rule.
    pub explain: bool,
    /// Whether a rule that cannot be used stops everything or is skipped.
    pub unusable: Unusable,
    /// The file of exemptions.
    pub exemptions: Option<PathBuf>,
    /// How live state is read; `None` when it is off.
    pub live_state: Option<LiveStateConfiguration>,
    /// Where findings go.
    pub destinations: Vec<Destination>,
    /// The log streams whose events are evaluated.
    pub log_streams: LogStreams,
    /// The finest level that is logged.
    pub log_level: Level,
}

/// How live state is read from AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveStateConfiguration {
    /// The role to assume in other accounts; without it only the own account is read.
    pub member_role: Option<String>,
    /// The external id that its trust policy requires.
    pub external_id: Option<String>,
    /// The name of its sessions.
    pub session_name: String,
    /// Whether names of accounts are read from Organizations.
    pub account_names: bool,
}

/// A destination of findings. Another one is a variant here, its [`Sink`] in a file of its own, and an arm of
/// [`Configuration::sinks`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// The SNS topic for machines: every finding as an OCSF document.
    FindingsTopic {
        /// Its ARN.
        arn: String,
    },
    /// The SNS topic for people: alerts.
    AlertsTopic {
        /// Its ARN.
        arn: String,
        /// The minimum severity.
        min_severity: Severity,
        /// The account of the deployment, in which names of your own roles are looked up.
        account: Option<String>,
        /// What is remembered of earlier alerts.
        memory: AlertMemorySetting,
    },
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

impl Default for Configuration {
    fn default() -> Self {
        Self {
            rule_directories: Vec::new(),
            file: ConfigurationFile::default(),
            enabled_rules: Vec::new(),
            trusted_accounts: Vec::new(),
            trusted_organizations: Vec::new(),
            explain: false,
            unusable: Unusable::default(),
            exemptions: None,
            live_state: None,
            destinations: Vec::new(),
            log_streams: LogStreams::ALL,
            log_level: Level::INFO,
        }
    }
}

impl Configuration {
    /// A configuration by a configuration file alone.
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

    /// Returns the options by which rules are loaded.
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
    /// Returns every fault of the rules and of the configuration file.
    pub fn rules(&self) -> Result<RuleSet, RuleDiagnostics> {
        let loaded = RuleSet::load_with(&self.rule_options());
        if self.file.faults().is_empty() {
            return loaded;
        }
        let mut faults = loaded.err().map_or_else(Vec::new, |RuleDiagnostics(faults)| faults);
        faults.extend(self.file.faults().iter().cloned());
        Err(RuleDiagnostics(faults))
    }

    /// Loads the rules that can be used, and returns them with every fault of the rules and of the configuration file.
    pub fn check_rules(&self) -> (RuleSet, Vec<RuleDiagnostic>) {
        let (rules, mut faults) = RuleSet::check(&self.rule_options());
        faults.extend(self.file.faults().iter().cloned());
        (rules, faults)
    }

    /// Loads the exemptions, which refer to `rules`.
    ///
    /// # Errors
    /// Returns every fault of the file of exemptions.
    pub fn exemptions(&self, rules: &RuleSet) -> Result<Exemptions, RuleDiagnostics> {
        let exemptions = self.exemptions.as_deref().map(|path| Exemptions::read(path, rules));
        Ok(exemptions.transpose()?.unwrap_or_default())
    }

    /// Returns the pipeline of these rules and exemptions.
    pub fn pipeline_of(&self, rules: RuleSet, exemptions: Exemptions) -> Pipeline {
        Pipeline::new(rules)
            .with_exemptions(exemptions)
            .with_vpc_exemptions(self.file.vpc_exemptions.clone())
            .with_account_names(self.file.account_names.clone())
            .with_log_streams(self.log_streams.clone())
    }

    /// Loads rules and exemptions, and returns their pipeline.
    ///
    /// # Errors
    /// Returns every fault of the rules and of the configuration file, or else of the file of exemptions.
    pub fn pipeline(&self) -> Result<Pipeline, RuleDiagnostics> {
        let rules = self.rules()?;
        let exemptions = self.exemptions(&rules)?;
        Ok(self.pipeline_of(rules, exemptions))
    }

    /// Returns the evaluator of `pipeline`, with live state if it is on.
    #[cfg(all(feature = "lambda", feature = "live"))]
    pub fn evaluator(&self, pipeline: Pipeline, sdk: &SdkConfig) -> Evaluator {
        use crate::live_state::aws::MemberRole;
        use crate::pipeline::aws::AwsLive;

        let Some(live) = self.live_state.clone() else { return Evaluator::new(pipeline) };
        let LiveStateConfiguration { member_role, external_id, session_name, account_names } = live;
        let member = member_role.map(|name| MemberRole { name, external_id, session_name });
        Evaluator::new(pipeline).with_live_state(AwsLive::new(sdk, member, account_names))
    }

    /// Returns the evaluator of `pipeline`. Live state is not part of this build.
    #[cfg(all(feature = "lambda", not(feature = "live")))]
    pub fn evaluator(&self, pipeline: Pipeline, _: &SdkConfig) -> Evaluator {
        Evaluator::new(pipeline)
    }

    /// Returns a sink for each destination.
    #[cfg(feature = "lambda")]
    pub fn sinks(&self, sdk: &SdkConfig) -> Sinks {
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
                Destination::AlertsTopic { arn, min_severity, account, memory } => {
                    let policy = self.alert_policy(*min_severity, account.clone());
                    let memory = match memory {
                        AlertMemorySetting::None => AlertMemory::None,
                        AlertMemorySetting::Process => AlertMemory::process(),
                        AlertMemorySetting::Table { name, quiet_minutes } => {
                            let period = SignedDuration::from_mins(i64::from(*quiet_minutes));
                            AlertMemory::table(AlertState::new(sdk, name.clone(), period))
                        }
                    };
                    Box::new(AlertsTopic::new(topic(arn), policy, memory))
                }
            }
        });
        Sinks::new(sinks.collect())
    }

    /// Returns which findings make alerts.
    pub fn alert_policy(&self, min_severity: Severity, account: Option<String>) -> AlertPolicy {
        let own_roles = self.file.rules.placeholder("own_roles").to_vec();
        AlertPolicy { min_severity, own_roles, account, runbooks: self.file.runbooks.clone() }
    }
}
