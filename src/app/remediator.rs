//! The configuration of the remediator by environment variables. Every error is reported, not only the first.

use std::fs;

use jiff::Timestamp;
use tracing::Level;

use super::environment::Environment;
use super::values::{alerts_topic, external_id, findings_topic, member_role, topic_account};
use crate::aws::SdkConfig;
use crate::queue::{Queue, QueueUrl};
use crate::remediation::aws::approvals::StateMachine;
use crate::remediation::aws::store::DynamoStore;
use crate::remediation::aws::topics::Topics;
use crate::remediation::aws::{AwsCloud, RemediationRole};
use crate::remediation::{Deployment, Engine, RemediationPolicy};
use crate::sinks::sns::SnsTopic;
use crate::text::visible;

/// The remediator on AWS.
pub type AwsEngine = Engine<AwsCloud, DynamoStore, Topics, Option<StateMachine>>;

/// The configuration of the remediator.
#[derive(Debug, Clone, Default)]
pub struct RemediatorConfiguration {
    /// ARN of the findings topic.
    pub findings_topic: String,
    /// ARN of the alerts topic.
    pub alerts_topic: Option<String>,
    /// The outbox of the function that evaluates, which tells webhooks that problems are resolved.
    pub outbox_queue: Option<QueueUrl>,
    /// Name of the DynamoDB table.
    pub table: String,
    /// The policy.
    pub policy: RemediationPolicy,
    /// Faults of the policy with which it can be used.
    pub warnings: Vec<String>,
    /// Name of the SSM parameter that is the kill switch.
    pub switch: String,
    /// ARN of the state machine for approvals.
    pub state_machine: Option<String>,
    /// The role in other accounts.
    pub role: Option<RemediationRole>,
    /// Ids and ARNs of the deployment's resources, with `*` and `?`.
    pub own_resources: Vec<String>,
    /// ARNs of the deployment's roles.
    pub own_roles: Vec<String>,
    /// The Region.
    pub region: String,
}

/// Reads the configuration through `variable`, which looks up an environment variable. Returns it, the finest level that is
/// logged, and every error.
pub fn read(
    variable: impl Fn(&str) -> Option<String>,
    now: Timestamp,
) -> (RemediatorConfiguration, Level, Vec<String>) {
    let mut environment = Environment { variable, errors: Vec::new() };
    if environment.get("AWS_LAMBDA_RUNTIME_API").is_none() {
        let error =
            "AWS_LAMBDA_RUNTIME_API is not set: `remediator` runs inside AWS Lambda; the command line is `trailwarden`";
        environment.errors.push(error.to_owned());
    }
    let log_level = environment.log_level();
    let (policy, warnings) = environment.policy(now);
    let findings_topic =
        environment.required("FINDINGS_TOPIC_ARN", "the ARN of the SNS topic with the findings", findings_topic);
    let partition = findings_topic.split(':').nth(1).unwrap_or_default().to_owned();
    let role = environment.get("REMEDIATION_ROLE_NAME");
    let external_id = environment
        .get("REMEDIATION_EXTERNAL_ID")
        .and_then(|id| environment.check("REMEDIATION_EXTERNAL_ID", &id, external_id));
    if external_id.is_some() && role.is_none() {
        environment.errors.push("REMEDIATION_EXTERNAL_ID is set, and REMEDIATION_ROLE_NAME is not".to_owned());
    }
    let role = role.and_then(|name| environment.check("REMEDIATION_ROLE_NAME", &name, member_role));
    let configuration = RemediatorConfiguration {
        alerts_topic: environment
            .get("ALERTS_TOPIC_ARN")
            .and_then(|arn| environment.check("ALERTS_TOPIC_ARN", &arn, alerts_topic)),
        outbox_queue: environment.queue("OUTBOX_QUEUE_URL"),
        table: environment.required("REMEDIATION_TABLE", "the name of the DynamoDB table", table_name),
        policy,
        warnings,
        switch: environment.required("KILL_SWITCH_PARAMETER", "the name of the SSM parameter", parameter_name),
        state_machine: environment
            .get("APPROVAL_STATE_MACHINE_ARN")
            .and_then(|arn| environment.check("APPROVAL_STATE_MACHINE_ARN", &arn, state_machine)),
        own_resources: environment.list("OWN_RESOURCES"),
        own_roles: environment.own_roles(role.as_deref(), &partition),
        role: role.map(|name| RemediationRole { name, external_id, partition }),
        region: environment.required("AWS_REGION", "the Region", |text| Ok(text.to_owned())),
        findings_topic,
    };
    (configuration, log_level, environment.errors)
}

impl<V: Fn(&str) -> Option<String>> Environment<V> {
    fn required(&mut self, name: &str, what: &str, parse: fn(&str) -> Result<String, &'static str>) -> String {
        match self.get(name) {
            Some(value) => self.check(name, &value, parse).unwrap_or_default(),
            None => {
                self.errors.push(format!("{name} is not set: give {what}"));
                String::new()
            }
        }
    }

    /// Reads a list that is separated by white space or commas.
    fn list(&self, name: &str) -> Vec<String> {
        let list = self.get(name).unwrap_or_default();
        let entries = list.split(|one: char| one.is_whitespace() || one == ',');
        entries.filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
    }

    /// Reads `OWN_ROLES`. The role in other accounts belongs to the deployment in each of them.
    fn own_roles(&mut self, member: Option<&str>, partition: &str) -> Vec<String> {
        let mut roles = self.list("OWN_ROLES");
        for role in roles.iter().filter(|role| !(role.starts_with("arn:") && role.contains(":role/"))) {
            self.errors.push(format!("OWN_ROLES contains `{}`: give ARNs of roles", visible(role)));
        }
        roles.extend(member.map(|name| format!("arn:{partition}:iam::*:role/{name}")));
        roles
    }

    /// Reads `REMEDIATION_POLICY_FILE`, or `REMEDIATION_POLICY`: the text of a policy file.
    fn policy(&mut self, now: Timestamp) -> (RemediationPolicy, Vec<String>) {
        let (file, text) = match (self.get("REMEDIATION_POLICY_FILE"), self.get("REMEDIATION_POLICY")) {
            (Some(_), Some(_)) => {
                self.errors
                    .push("REMEDIATION_POLICY: REMEDIATION_POLICY_FILE is set too; give one of the two".to_owned());
                return (RemediationPolicy::default(), Vec::new());
            }
            (None, None) => {
                let error = "REMEDIATION_POLICY_FILE is not set: give the path of the policy file, or its text in REMEDIATION_POLICY";
                self.errors.push(error.to_owned());
                return (RemediationPolicy::default(), Vec::new());
            }
            (None, Some(text)) => ("REMEDIATION_POLICY".to_owned(), text),
            (Some(file), None) => match fs::read_to_string(&file) {
                Ok(text) => (file, text),
                Err(error) => {
                    self.errors.push(format!("{}: cannot be read: {error}", visible(&file)));
                    return (RemediationPolicy::default(), Vec::new());
                }
            },
        };
        match RemediationPolicy::parse(&file, &text) {
            Ok(policy) => {
                let faults = policy.check(&file, &text, now);
                let (warnings, errors): (Vec<_>, Vec<_>) = faults.into_iter().partition(|fault| fault.is_warning);
                self.errors.extend(errors.iter().map(ToString::to_string));
                (policy, warnings.iter().map(ToString::to_string).collect())
            }
            Err(fault) => {
                self.errors.push(fault.to_string());
                (RemediationPolicy::default(), Vec::new())
            }
        }
    }
}

/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html>
fn table_name(name: &str) -> Result<String, &'static str> {
    let fits = (3..=255).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    fits.then(|| name.to_owned()).ok_or("the name of a table has 3 to 255 letters, digits and characters of _-.")
}

fn parameter_name(name: &str) -> Result<String, &'static str> {
    let fits = (1..=1011).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte));
    fits.then(|| name.to_owned()).ok_or("the name of a parameter holds letters, digits and characters of _-./ only")
}

fn state_machine(arn: &str) -> Result<String, &'static str> {
    let is_one = arn.starts_with("arn:") && arn.contains(":states:") && arn.contains(":stateMachine:");
    is_one
        .then(|| arn.to_owned())
        .ok_or("not the ARN of a state machine (arn:aws:states:REGION:ACCOUNT:stateMachine:NAME)")
}

impl RemediatorConfiguration {
    /// The engine with clients of AWS.
    pub fn engine(&self, sdk: &SdkConfig) -> AwsEngine {
        let findings = SnsTopic::new(sdk, self.findings_topic.clone());
        let alerts = self.alerts_topic.clone().map(|arn| findings.beside(sdk, arn));
        let outbox = self.outbox_queue.as_ref().map(|url| Queue::new(sdk, url));
        // Everything is deployed in one account and Region.
        let account = topic_account(&self.findings_topic).unwrap_or_default().to_owned();
        let deployment = Deployment {
            account: account.clone(),
            region: self.region.clone(),
            resources: self.own_resources.clone(),
            roles: self.own_roles.clone(),
            switch: self.switch.clone(),
        };
        Engine {
            cloud: AwsCloud::new(sdk, account, self.role.clone()),
            store: DynamoStore::new(sdk, self.table.clone()),
            announcer: Topics { alerts, findings: Some(findings), outbox },
            approvals: self.state_machine.clone().map(|arn| StateMachine::new(sdk, arn)),
            policy: self.policy.clone(),
            deployment,
        }
    }
}
