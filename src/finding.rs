//! A finding: who did what and where, why it violates a rule, and how to undo it. Owned, so that it outlives the record.

mod action;
pub mod command;
mod live;
pub mod ocsf;
pub mod remediation;
pub mod resolved;
mod shared;
mod trace;
mod wording;

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

pub use action::RequestedAction;
pub use live::{Live, Outcome, Path};
pub use remediation::{Remediation, RemediationPart};
pub use trace::Trace;

/// Namespace of derived ids: an arbitrary UUID that must never change, because every id depends on it.
const NAMESPACE: Uuid = Uuid::from_u128(0x8d5b_6f0e_2f1c_5b64_9a57_1c0e_7d3f_42a9);

/// Severity of a finding. The numbers are OCSF's `severity_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    /// No action needed.
    Informational = 1,
    /// Review when convenient.
    Low = 2,
    /// Review soon.
    Medium = 3,
    /// Action is needed soon.
    High = 4,
    /// Action is needed now.
    Critical = 5,
}

impl Severity {
    /// OCSF's `severity_id`.
    pub fn id(self) -> u8 {
        self as u8
    }

    /// The severity with this `severity_id`.
    pub fn of_id(id: u64) -> Option<Self> {
        let all = [Self::Informational, Self::Low, Self::Medium, Self::High, Self::Critical];
        all.into_iter().find(|severity| u64::from(severity.id()) == id)
    }

    /// One step less; the lowest stays.
    pub fn lower(self) -> Self {
        match self {
            Self::Informational | Self::Low => Self::Informational,
            Self::Medium => Self::Low,
            Self::High => Self::Medium,
            Self::Critical => Self::High,
        }
    }

    /// OCSF's `severity`.
    pub fn caption(self) -> &'static str {
        match self {
            Self::Informational => "Informational",
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
            Self::Critical => "Critical",
        }
    }
}

/// Compliance status of the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Status {
    /// The resource violates the rule.
    #[default]
    NonCompliant,
    /// The record does not contain enough to decide.
    Warning,
    /// All is as it must be: heartbeats report that they arrived. It is no violation for exit codes and alerts.
    Compliant,
}

impl Status {
    /// OCSF's `compliance.status_code`, and the word in messages.
    pub fn code(self) -> &'static str {
        match self {
            Self::NonCompliant => "NON_COMPLIANT",
            Self::Warning => "WARNING",
            Self::Compliant => "COMPLIANT",
        }
    }
}

/// The kind of verification by live state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confirm {
    /// Whether packets from the internet arrive: address, route, gateway, security group and network ACL.
    Reachability,
    /// Whether the role's trust policy still lets in whom the record says.
    Trust,
}

/// The part of a rule that findings contain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleInfo {
    /// The unique name, such as `sg-ingress-world`.
    pub name: String,
    /// The pack it belongs to, when it has one.
    pub pack: Option<String>,
    /// The rule's UUID, when it has one.
    pub id: Option<String>,
    /// One line on what it finds.
    pub title: String,
    /// Several of its findings in one noun, such as `blocked EC2 actions`.
    pub plural: Option<String>,
    /// The reasoning behind it.
    pub description: Option<String>,
    /// The severity of its findings.
    pub severity: Severity,
    /// The kind of verification by live state.
    pub confirm: Option<Confirm>,
    /// Links to documentation.
    pub references: Vec<String>,
    /// Sigma tags, such as `attack.t1190`.
    pub tags: Vec<String>,
    /// Controls of compliance frameworks.
    pub controls: Vec<Control>,
}

/// One control of one framework.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Such as `CIS AWS Foundations Benchmark 5.0.0`.
    pub framework: String,
    /// Such as `5.3`.
    pub control: String,
    /// Whether the control demands monitoring, which the finding provides. The resource does not break it.
    #[serde(default)]
    pub related: bool,
}

/// The caller.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Actor {
    /// The short name.
    pub name: String,
    /// `userIdentity.type`.
    pub kind: Option<String>,
    /// ARN.
    pub arn: Option<String>,
    /// `principalId`.
    pub principal_id: Option<String>,
    /// The caller's account.
    pub account: Option<String>,
    /// Access key the call was signed with.
    pub access_key_id: Option<String>,
    /// ARN of the role behind a session.
    pub session_issuer: Option<String>,
    /// Whether the session used MFA.
    pub mfa: Option<bool>,
    /// The AWS service that called on the caller's behalf.
    pub invoked_by: Option<String>,
    /// The id of the IAM Identity Center user for whom the caller called.
    pub on_behalf_of: Option<String>,
    /// The account of the vendor that called with temporary delegation.
    pub delegate_account: Option<String>,
    /// The workload that used the credentials, such as the ARN of a Lambda function.
    pub in_scope_of: Option<String>,
}

/// The API call.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Call {
    /// `eventSource`.
    pub service: String,
    /// `eventName`.
    pub operation: String,
    /// `requestID`.
    pub request_id: Option<String>,
    /// `sourceIPAddress`: an address or a service's name.
    pub source_address: Option<String>,
    /// `userAgent`.
    pub user_agent: Option<String>,
}

/// The log that a finding comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum LogSource {
    /// A CloudTrail record, which tells who did what.
    #[default]
    CloudTrail,
    /// A configuration item of AWS Config, which tells the state of a resource and not who caused it.
    Config,
}

impl LogSource {
    /// OCSF's `metadata.log_name`.
    pub fn name(self) -> &'static str {
        match self {
            Self::CloudTrail => "CloudTrail",
            Self::Config => "AWS Config",
        }
    }
}

/// The record or configuration item behind a finding: where and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The log.
    #[serde(default)]
    pub log: LogSource,
    /// `eventID`, or an id derived from the record when it has none. Of a configuration item, an id that is the same on every
    /// delivery of the state.
    pub event_id: String,
    /// Ids of CloudTrail events that AWS Config relates to a configuration item.
    #[serde(default)]
    pub related_events: Vec<String>,
    /// `eventTime`, or when AWS Config captured the state.
    pub time: Option<Timestamp>,
    /// `eventTime` as written.
    pub time_text: Option<String>,
    /// `recipientAccountId`.
    pub account: String,
    /// The name of that account, where it is known.
    pub account_name: Option<String>,
    /// `awsRegion`.
    pub region: String,
    /// Such as `aws`.
    pub partition: String,
}

/// Fields of evidence that only repeat the call.
pub const CALL_FIELDS: [&str; 5] = ["eventSource", "eventName", "call.operation", "readOnly", "managementEvent"];

/// The kind of a resource that the record does not name. Its id is the call.
pub const UNNAMED: &str = "AWS API call";

/// A resource that the finding is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Id within its account and region, such as `sg-0abc` or a role's name.
    pub id: String,
    /// CloudFormation type, such as `AWS::EC2::SecurityGroup`.
    pub kind: String,
    /// ARN, if known.
    pub arn: Option<String>,
}

/// One clause of the rule that matched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Field of the record or fact.
    pub field: String,
    /// The value. Long strings are shortened.
    pub value: Value,
    /// The clause in words, safe to show.
    pub text: String,
}

/// The suppression of a finding by an exemption.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// The name of the exemption.
    pub exemption: String,
    /// The owner of the exemption.
    pub owner: String,
    /// Why the finding is acceptable.
    pub reason: String,
    /// The ticket of the decision.
    pub ticket: Option<String>,
    /// The last day (UTC) on which it works. `None` if it has no end.
    pub expires: Option<String>,
    /// Names of other exemptions that match too.
    pub also: Vec<String>,
}

impl Suppression {
    /// `exempt by eks-interfaces of the platform team until 2027-03-31 (SEC-123): EKS manages them`
    pub fn sentence(&self) -> String {
        let Self { exemption, owner, reason, ticket, expires, .. } = self;
        let ticket = ticket.as_ref().map(|ticket| format!(" ({ticket})")).unwrap_or_default();
        let until = expires.as_ref().map(|expires| format!(" until {expires}")).unwrap_or_default();
        format!("exempt by {exemption} of {owner}{until}{ticket}: {reason}")
    }
}

/// A finding. Serialised, it lacks the requested action and the trace, which are used in the same run only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule.
    #[serde(with = "shared")]
    pub rule: Arc<RuleInfo>,
    /// Whether the resource violates it.
    pub status: Status,
    /// One sentence, safe to show.
    pub message: String,
    /// How to undo it.
    pub remediation: Remediation,
    /// The action that undoes it, if there is one.
    #[serde(skip)]
    pub action: Option<RequestedAction>,
    /// The caller.
    pub actor: Actor,
    /// The API call.
    pub call: Call,
    /// The record: where and when.
    pub origin: Origin,
    /// The resources it is about. The problem's id is derived from the first.
    pub resources: Vec<Resource>,
    /// The clauses of the rule that matched.
    pub evidence: Vec<Evidence>,
    /// The full evaluation of the rule, if requested.
    #[serde(skip)]
    pub trace: Option<Trace>,
    /// The verification by live state, if there was one.
    pub live: Option<Live>,
    /// The suppression, if an exemption matches.
    pub suppression: Option<Suppression>,
    /// Further sentences, safe to show.
    pub notes: Vec<String>,
    /// The address of the Terraform resource whose planned change it is about.
    pub terraform_address: Option<String>,
    /// The JSON of the record, as received, if findings contain it.
    pub record: Option<Arc<str>>,
}

impl Finding {
    /// The problem's id: equal for every event by which the same rule finds the same resource, in the same account and
    /// region.
    pub fn uid(&self) -> String {
        let resource = self.resources.first().map_or("", |resource| resource.id.as_str());
        derived_id(&["problem", &self.rule.name, &self.origin.account, &self.origin.region, resource])
    }

    /// This message's id: the problem's and the event's. Equal on every retry.
    pub fn message_uid(&self) -> String {
        derived_id(&["message", &self.uid(), &self.origin.event_id])
    }

    /// The severity of the rule, one step lower if live state shows that there is no open path.
    pub fn severity(&self) -> Severity {
        match &self.live {
            Some(live) if live.outcome.lowers() => self.rule.severity.lower(),
            _ => self.rule.severity,
        }
    }

    /// `SUPPRESSED`, or else the code of the status.
    pub fn status_word(&self) -> &'static str {
        if self.suppression.is_some() { "SUPPRESSED" } else { self.status.code() }
    }

    /// The message and the further sentences.
    pub fn full_message(&self) -> String {
        let parts = std::iter::once(&self.message).chain(&self.notes);
        parts.map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// The resource the problem is about.
    pub fn primary_resource(&self) -> Option<&Resource> {
        self.resources.first()
    }
}

/// Returns a version 5 UUID of `parts`. Each part is preceded by its length, so that different parts have different ids.
pub fn derived_id(parts: &[&str]) -> String {
    let mut name = String::new();
    for part in parts {
        name.push_str(&part.len().to_string());
        name.push(':');
        name.push_str(part);
    }
    Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string()
}
