//! A finding: who did what, where, why it is wrong and how to undo it. Owned, so that it outlives the record.

mod action;
mod live;
pub mod ocsf;
mod trace;
mod wording;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

pub use action::RequestedAction;
pub use live::{Live, Outcome, Path};
pub use trace::Trace;

/// Namespace of the ids Trailwarden derives: an arbitrary UUID, fixed for ever, because every id depends on it.
const NAMESPACE: Uuid = Uuid::from_u128(0x8d5b_6f0e_2f1c_5b64_9a57_1c0e_7d3f_42a9);

/// How bad a finding is. The numbers are OCSF's `severity_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// No action needed.
    Informational = 1,
    /// Somebody should look at it some day.
    Low = 2,
    /// Somebody should look at it soon.
    Medium = 3,
    /// Action is needed.
    High = 4,
    /// Action is needed now.
    Critical = 5,
}

impl Severity {
    /// OCSF's `severity_id`.
    pub fn id(self) -> u8 {
        self as u8
    }

    /// One step less, and never less than the least.
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

/// What the evaluation says of the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Status {
    /// The resource breaks the rule.
    #[default]
    NonCompliant,
    /// The record cannot decide it.
    Warning,
}

impl Status {
    /// OCSF's `compliance.status_code`, and the word in messages.
    pub fn code(self) -> &'static str {
        match self {
            Self::NonCompliant => "NON_COMPLIANT",
            Self::Warning => "WARNING",
        }
    }
}

/// A check of live state that settles what a record alone cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confirm {
    /// Whether packets from the internet arrive: address, route, gateway, security group and network ACL.
    Reachability,
    /// Whether the role's trust policy still lets in whom the record says.
    Trust,
}

/// The rule a finding comes from, as far as readers of findings care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleInfo {
    /// The slug people see and exempt by, such as `sg-ingress-world`.
    pub name: String,
    /// The pack it belongs to, when it has one.
    pub pack: Option<String>,
    /// The rule's UUID, when it has one.
    pub id: Option<String>,
    /// One line on what it finds.
    pub title: String,
    /// The reasoning behind it.
    pub description: Option<String>,
    /// How bad its findings are.
    pub severity: Severity,
    /// The check of live state that would settle its findings.
    pub confirm: Option<Confirm>,
    /// Where to read on.
    pub references: Vec<String>,
    /// Sigma tags, such as `attack.t1190`.
    pub tags: Vec<String>,
    /// The controls of compliance frameworks it stands for.
    pub controls: Vec<Control>,
}

/// One control of one framework.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Such as `CIS AWS Foundations Benchmark 5.0.0`.
    pub framework: String,
    /// Such as `5.3`.
    pub control: String,
}

/// Who called.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Actor {
    /// The short name people know them by.
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
    /// Whether the session was opened with MFA.
    pub mfa: Option<bool>,
    /// The service that called on their behalf.
    pub invoked_by: Option<String>,
}

/// What was called and from where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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

/// The CloudTrail record behind a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// `eventID`, or an id derived from the record when it has none.
    pub event_id: String,
    /// `eventTime`.
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

/// What the finding is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Id within its account and region, such as `sg-0abc` or a role's name.
    pub id: String,
    /// CloudFormation type, such as `AWS::EC2::SecurityGroup`.
    pub kind: String,
    /// ARN, when it can be told.
    pub arn: Option<String>,
}

/// One clause of the rule that held.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Field of the record or fact.
    pub field: String,
    /// Its value; long strings are shortened.
    pub value: Value,
    /// The clause in words, safe to show.
    pub text: String,
}

/// The exemption that covers a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// Its name.
    pub exemption: String,
    /// Who answers for it.
    pub owner: String,
    /// Why the finding is acceptable.
    pub reason: String,
    /// Where that was decided.
    pub ticket: Option<String>,
    /// The last day, in UTC, on which it counts; `None` for as long as it is configured.
    pub expires: Option<String>,
    /// The names of others that cover it too.
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

/// A finding.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The rule.
    pub rule: Arc<RuleInfo>,
    /// Whether the resource breaks it, or may.
    pub status: Status,
    /// One sentence, safe to show.
    pub message: String,
    /// How to undo it, safe to show and to paste.
    pub remediation: String,
    /// The action that undoes it, if there is one.
    pub action: Option<RequestedAction>,
    /// Who.
    pub actor: Actor,
    /// What.
    pub call: Call,
    /// Where and when.
    pub origin: Origin,
    /// What it is about; the first is the one the problem's id is made of.
    pub resources: Vec<Resource>,
    /// Why.
    pub evidence: Vec<Evidence>,
    /// Why, in full, when that was asked for.
    pub trace: Option<Trace>,
    /// What live state says of it, where that was asked.
    pub live: Option<Live>,
    /// The exemption that covers it.
    pub suppression: Option<Suppression>,
    /// What else is to be said, a sentence each, safe to show.
    pub notes: Vec<String>,
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

    /// How bad it is: what the rule says, and one step less where live state says that the way in is not open.
    pub fn severity(&self) -> Severity {
        match &self.live {
            Some(live) if live.outcome.lowers() => self.rule.severity.lower(),
            _ => self.rule.severity,
        }
    }

    /// The word for what becomes of it: that of its status, or `SUPPRESSED`.
    pub fn status_word(&self) -> &'static str {
        if self.suppression.is_some() { "SUPPRESSED" } else { self.status.code() }
    }

    /// The sentence of the finding, and what else is to be said.
    pub fn full_message(&self) -> String {
        let parts = std::iter::once(&self.message).chain(&self.notes);
        parts.map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// The resource the problem is about.
    pub fn primary_resource(&self) -> Option<&Resource> {
        self.resources.first()
    }
}

/// A version 5 UUID over `parts`, which cannot run into each other because each is preceded by its length.
pub fn derived_id(parts: &[&str]) -> String {
    let mut name = String::new();
    for part in parts {
        name.push_str(&part.len().to_string());
        name.push(':');
        name.push_str(part);
    }
    Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string()
}
