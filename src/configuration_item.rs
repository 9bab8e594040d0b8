//! Configuration items of AWS Config as the CloudTrail records of the calls that would lead to their state.
//!
//! In: a configuration item, as notifications, Config rules, snapshots, history files and `GetResourceConfigHistory` write
//! it. Out: a record for each call that would lead to the state, so that the rules for calls evaluate states, and the
//! compliance of the resource for AWS Config. Nobody made these calls: a finding says that AWS Config recorded the state and
//! that it does not record who caused it.

mod compute;
mod iam;
mod load_balancer;
mod network;
mod ports;
mod value;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::derived_call::{DerivedCall, RecordContext};
use crate::event::{LIVE_STATE, timestamp};
use crate::finding::{Actor, CALL_FIELDS, Call, Finding, LogSource, RuleInfo, Status, derived_id};
use crate::text::{shortened, visible};
use value::{member, scalar};

/// The actor of a finding about a configuration item.
const UNKNOWN_CALLER: &str = "an unknown caller";

/// The packs of rules that judge a state. The other packs, such as `blocked-actions` and `tamper`, are about callers,
/// and a configuration item has none.
pub const STATE_PACKS: &[&str] = &["exposure", "trust"];

/// Maximum characters of an annotation that AWS Config accepts.
const MAX_ANNOTATION: usize = 256;

/// Maximum length of the id of a CloudTrail event in bytes. They are UUIDs.
const MAX_EVENT_ID: usize = 64;

/// Maximum number of calls that lead to a state. AWS allows 1,000 routes in a route table, and fewer of everything else.
const MAX_CALLS: usize = 2000;

/// Maximum number of related CloudTrail events in a finding.
const MAX_RELATED_EVENTS: usize = 10;

/// Statuses of a resource that is deleted or no longer recorded.
const GONE: [&str; 3] = ["ResourceDeleted", "ResourceDeletedNotRecorded", "ResourceNotRecorded"];

/// Those of a resource that no longer exists.
const DELETED: [&str; 2] = ["ResourceDeleted", "ResourceDeletedNotRecorded"];

/// The calls that lead to the state of an item.
type Calls = fn(&ConfigurationItem) -> Vec<DerivedCall>;

/// The mapped resource types, and the calls that lead to the state of a resource.
const RESOURCES: &[(&str, Calls)] = &[
    ("AWS::AutoScaling::LaunchConfiguration", compute::launch_configuration),
    ("AWS::EC2::EgressOnlyInternetGateway", no_calls),
    ("AWS::EC2::EIP", network::address),
    ("AWS::EC2::Instance", compute::instance),
    ("AWS::EC2::InternetGateway", network::internet_gateway),
    ("AWS::EC2::LaunchTemplate", compute::launch_template),
    ("AWS::EC2::NatGateway", no_calls),
    ("AWS::EC2::NetworkAcl", network::network_acl),
    ("AWS::EC2::NetworkInterface", network::network_interface),
    ("AWS::EC2::PrefixList", network::prefix_list),
    ("AWS::EC2::RouteTable", network::route_table),
    ("AWS::EC2::SecurityGroup", network::security_group),
    ("AWS::EC2::Subnet", network::subnet),
    ("AWS::EC2::VPC", network::vpc),
    ("AWS::EC2::VPCEndpoint", no_calls),
    ("AWS::EC2::VPCEndpointService", network::endpoint_service),
    ("AWS::EC2::VPCPeeringConnection", network::peering),
    ("AWS::EC2::VPNGateway", no_calls),
    ("AWS::ElasticLoadBalancing::LoadBalancer", load_balancer::classic),
    ("AWS::ElasticLoadBalancingV2::Listener", load_balancer::listener),
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", load_balancer::load_balancer),
    ("AWS::IAM::Role", iam::role),
];

/// The rules of which an item of this type shows every violation, so that an item without their finding shows that the problem
/// is over. A rule is not here if an item shows only some violations: of another resource, of the permissions of an endpoint
/// service, or of another version of a launch template.
const DECIDED_RULES: &[(&str, &[&str])] = &[
    (
        "AWS::EC2::Instance",
        &["imdsv1-allowed-started", "instance-public-ip", "instance-public-ip-ipv6", "source-dest-check-off"],
    ),
    ("AWS::EC2::InternetGateway", &["igw-attached"]),
    (
        "AWS::EC2::NetworkAcl",
        &[
            "nacl-ingress-wide",
            "nacl-ingress-wide-web",
            "nacl-ingress-world",
            "nacl-ingress-world-admin",
            "nacl-ingress-world-web",
        ],
    ),
    ("AWS::EC2::NetworkInterface", &["instance-public-ip-interface"]),
    ("AWS::EC2::PrefixList", &["prefix-list-wide", "prefix-list-world"]),
    ("AWS::EC2::RouteTable", &["route-to-carrier-gateway", "route-to-igw"]),
    (
        "AWS::EC2::SecurityGroup",
        &[
            "default-security-group",
            "sg-ingress-wide",
            "sg-ingress-wide-admin",
            "sg-ingress-wide-web",
            "sg-ingress-world",
            "sg-ingress-world-admin",
            "sg-ingress-world-all",
            "sg-ingress-world-database",
            "sg-ingress-world-high-risk",
            "sg-ingress-world-icmp",
            "sg-ingress-world-web",
        ],
    ),
    ("AWS::EC2::Subnet", &["subnet-auto-public-ip", "subnet-auto-public-ip-ipv6"]),
    ("AWS::EC2::VPC", &["default-vpc-created"]),
    ("AWS::EC2::VPCEndpointService", &["endpoint-service-auto-accept"]),
    ("AWS::EC2::VPCPeeringConnection", &["vpc-peering-external"]),
    (
        "AWS::ElasticLoadBalancing::LoadBalancer",
        &["elb-internet-facing", "elb-listener-admin", "elb-listener-database"],
    ),
    ("AWS::ElasticLoadBalancingV2::Listener", &["elb-listener-admin", "elb-listener-database"]),
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", &["elb-internet-facing"]),
    ("AWS::IAM::Role", &["role-trust-external", "role-trust-public", "role-trust-weak"]),
];

/// A resource in no state of which traffic from the internet or another account is let in.
fn no_calls(_: &ConfigurationItem) -> Vec<DerivedCall> {
    Vec::new()
}

/// The resource types that are evaluated.
pub fn mapped_types() -> impl Iterator<Item = &'static str> {
    RESOURCES.iter().map(|(resource_type, _)| *resource_type)
}

/// Whether a rule judges the state to which a call leads, and not the call.
pub fn judges_state(rule: &RuleInfo) -> bool {
    rule.pack.as_deref().is_some_and(|pack| STATE_PACKS.contains(&pack))
}

/// The state of a resource, as AWS Config recorded it.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigurationItem {
    /// The account id, if it is known.
    pub account: Option<String>,
    /// The Region in which CloudTrail records calls about the resource. AWS Config calls that of IAM `global`.
    pub region: Option<String>,
    /// CloudFormation type, such as `AWS::EC2::SecurityGroup`.
    pub resource_type: String,
    /// The id: `sg-…`, an ARN, or the unique id of a role.
    pub resource_id: String,
    /// The name, if the resource has one.
    pub resource_name: Option<String>,
    /// ARN, if AWS Config knows it.
    pub arn: Option<String>,
    /// When AWS Config recorded the state.
    pub capture_time: Timestamp,
    /// `configurationItemStatus`, such as `OK` and `ResourceDeleted`.
    pub status: String,
    /// The id of the state, which increases with time.
    pub state_id: Option<String>,
    /// Tags by key.
    pub tags: Map<String, Value>,
    /// Ids of CloudTrail events that led to the state. AWS Config has not filled them for years.
    pub related_events: Vec<String>,
    /// The state, nearly as the service describes it.
    pub configuration: Value,
    /// What further calls of the service describe.
    pub supplementary_configuration: Value,
    /// Whether the resource is outside the scope of the Config rule that was invoked.
    pub left_scope: bool,
    /// Its JSON, as received.
    pub text: Arc<str>,
}

/// Why a JSON object cannot be evaluated as a configuration item.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ItemError {
    /// It is not JSON, for this reason.
    #[error("the configuration item of AWS Config is not JSON: {0}")]
    NotJson(String),
    /// This member is missing or has another type.
    #[error("the configuration item of AWS Config has no {0}")]
    Missing(&'static str),
    /// A mapped resource that exists has no `configuration`.
    #[error(
        "the configuration item of {0} has no `configuration`; get it with `aws configservice get-resource-config-history`"
    )]
    NoConfiguration(String),
    /// It has more routes, entries or attachments than AWS allows.
    #[error("the configuration item of {0} has more parts than AWS allows for a resource")]
    TooManyCalls(String),
}

impl ConfigurationItem {
    /// Reads a configuration item. `configuration` may be a string that contains JSON, as in responses of
    /// `GetResourceConfigHistory`. `left_scope`: whether the resource is outside the scope of the Config rule.
    ///
    /// # Errors
    /// [`ItemError`], if a member is missing without which it cannot be evaluated.
    pub fn parse(text: &str, left_scope: bool) -> Result<Self, ItemError> {
        let item: Value = serde_json::from_str(text).map_err(|error| {
            ItemError::NotJson(format!("{error}").split(" at line ").next().unwrap_or_default().to_owned())
        })?;
        let get = |keys: &[&str]| keys.iter().find_map(|key| scalar(item.get(key)?));
        let needed = |name: &'static str, found: Option<String>| {
            found.filter(|text| !text.is_empty()).ok_or(ItemError::Missing(name))
        };
        let resource_type = needed("resourceType", get(&["resourceType"]))?;
        let resource_id = needed("resourceId", get(&["resourceId", "resourceName"]))?;
        let time = needed("configurationItemCaptureTime", get(&["configurationItemCaptureTime"]))?;
        let capture_time = parsed_time(&time).ok_or(ItemError::Missing("valid configurationItemCaptureTime"))?;
        let arn = get(&["ARN", "arn"]).filter(|arn| arn.starts_with("arn:"));
        let in_arn = |place: usize| arn.as_deref().and_then(|arn| arn.split(':').nth(place)).unwrap_or_default();
        let account = get(&["awsAccountId", "accountId"]).unwrap_or_else(|| in_arn(4).to_owned());
        let region = get(&["awsRegion"]).unwrap_or_else(|| in_arn(3).to_owned());
        let region = match (region.as_str(), in_arn(1)) {
            ("global", "aws-cn") => "cn-north-1".to_owned(),
            ("global", "aws-us-gov") => "us-gov-west-1".to_owned(),
            ("global", _) => "us-east-1".to_owned(),
            _ => region,
        };
        let related = item.get("relatedEvents").and_then(Value::as_array).into_iter().flatten();
        let item_of = |key: &str| embedded(item.get(key).cloned().unwrap_or_default());
        let read = Self {
            account: Some(account).filter(|account| !account.is_empty()),
            region: Some(region).filter(|region| !region.is_empty()),
            resource_name: get(&["resourceName"]),
            status: get(&["configurationItemStatus"]).unwrap_or_default(),
            state_id: get(&["configurationStateId"]),
            tags: tags(item.get("tags")),
            related_events: related
                .filter_map(scalar)
                .filter(|id| id.len() <= MAX_EVENT_ID)
                .take(MAX_RELATED_EVENTS)
                .collect(),
            configuration: item_of("configuration"),
            supplementary_configuration: item_of("supplementaryConfiguration"),
            resource_type,
            resource_id,
            arn,
            capture_time,
            left_scope,
            text: text.into(),
        };
        if read.is_applicable() && !read.configuration.is_object() {
            return Err(ItemError::NoConfiguration(format!("{} {}", read.resource_type, read.resource_id)));
        }
        Ok(read)
    }

    /// Whether the resource exists, is in scope and of a mapped type.
    pub fn is_applicable(&self) -> bool {
        !self.left_scope && !GONE.contains(&self.status.as_str()) && self.calls().is_some()
    }

    fn calls(&self) -> Option<Calls> {
        let row = RESOURCES.iter().find(|(resource_type, _)| *resource_type == self.resource_type)?;
        Some(row.1)
    }

    /// The CloudTrail records of the calls that lead to the state, in order. They have a member `configurationItem` of their
    /// own, so that exemptions can match the tags of the resource. None, if the item is not applicable. `with_state`: whether
    /// they contain what rules otherwise take from live state, as far as the item shows it.
    ///
    /// # Errors
    /// [`ItemError::TooManyCalls`], if the item cannot come from AWS Config.
    pub fn records(&self, with_state: bool) -> Result<Vec<Value>, ItemError> {
        let Some(calls) = self.calls().filter(|_| self.is_applicable()) else { return Ok(Vec::new()) };
        let calls = calls(self);
        if calls.len() > MAX_CALLS {
            return Err(ItemError::TooManyCalls(format!("{} {}", self.resource_type, self.resource_id)));
        }
        let item = json!({
            "resourceType": self.resource_type,
            "resourceId": self.resource_id,
            "resourceName": self.resource_name,
            "tags": self.tags,
        });
        let is_role = self.resource_type == "AWS::IAM::Role";
        let state = if with_state && is_role { iam::state(self) } else { None };
        let records = calls.into_iter().enumerate().map(|(number, call)| {
            let event_id = self.event_id(number);
            let mut record = call.record(RecordContext {
                caller: UNKNOWN_CALLER,
                time: self.capture_time,
                account: self.account.as_deref(),
                region: self.region.as_deref(),
                event_id: &event_id,
            });
            if let Some(members) = record.as_object_mut() {
                members.insert("configurationItem".to_owned(), item.clone());
                if let Some(state) = &state {
                    members.insert(LIVE_STATE.to_owned(), state.clone());
                }
            }
            record
        });
        Ok(records.collect())
    }

    /// The id of the call with this number: the same on every delivery of the state, in each form.
    fn event_id(&self, number: usize) -> String {
        derived_id(&[
            "configuration-item",
            self.account.as_deref().unwrap_or_default(),
            self.region.as_deref().unwrap_or_default(),
            &self.resource_type,
            &self.resource_id,
            &self.state_id.clone().unwrap_or_else(|| self.capture_time.to_string()),
            &number.to_string(),
        ])
    }

    /// Makes a finding about a derived call a finding about this state.
    pub fn describe(&self, finding: &mut Finding) {
        finding.actor = Actor { name: UNKNOWN_CALLER.to_owned(), ..Actor::default() };
        let operation = std::mem::take(&mut finding.call.operation);
        finding.call = Call {
            service: "config.amazonaws.com".to_owned(),
            operation: "ConfigurationItem".to_owned(),
            ..Call::default()
        };
        // No action: the remediator undoes calls, and this one is derived.
        finding.action = None;
        finding.origin.log = LogSource::Config;
        finding.origin.related_events.clone_from(&self.related_events);
        if !operation.is_empty() {
            finding.message = finding.message.replace(&operation, &format!("an operation such as {operation}"));
        }
        finding.evidence.retain(|clause| !CALL_FIELDS.contains(&clause.field.as_str()));
        if let Some(rest) = finding.message.strip_prefix(UNKNOWN_CALLER) {
            finding.message = format!("An unknown caller{rest}");
        }
        let time = finding.when();
        finding.notes.push(format!("AWS Config recorded this state at {time}. It does not record who caused it."));
        if !self.related_events.is_empty() {
            let events = format!("Related CloudTrail events: {}.", self.related_events.join(", "));
            finding.notes.push(visible(&events).into_owned());
        }
        if let Some(resource) = finding.resources.first_mut().filter(|resource| resource.kind == self.resource_type) {
            resource.arn = resource.arn.take().or_else(|| self.arn.clone());
        }
    }

    /// The result for AWS Config, by the findings about the item.
    pub fn evaluation(&self, findings: &[Finding]) -> ItemEvaluation {
        let of_status = |status: Status| {
            let mut found: Vec<&Finding> =
                findings.iter().filter(|finding| finding.suppression.is_none() && finding.status == status).collect();
            found.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
            found
        };
        let (violations, warnings) = (of_status(Status::NonCompliant), of_status(Status::Warning));
        let compliance = match violations.first() {
            Some(_) => Compliance::NonCompliant,
            None if self.is_applicable() => Compliance::Compliant,
            None => Compliance::NotApplicable,
        };
        let annotation = match (violations.as_slice(), warnings.as_slice()) {
            ([worst, more @ ..], _) => Some(annotated(&first_sentence(&worst.message), more.len())),
            ([], [worst, more @ ..]) => {
                Some(annotated(&format!("Undecided: {}", first_sentence(&worst.message)), more.len()))
            }
            ([], []) => findings
                .iter()
                .find_map(|finding| finding.suppression.as_ref())
                .map(|suppression| annotated(&visible(&suppression.sentence()), findings.len() - 1)),
        };
        ItemEvaluation {
            resource_type: self.resource_type.clone(),
            resource_id: self.resource_id.clone(),
            account: self.account.clone(),
            capture_time: self.capture_time,
            compliance,
            annotation,
        }
    }

    /// The same with what the item shows of the problems of the resource.
    pub fn evaluated(&self, findings: &[Finding]) -> EvaluatedItem {
        let is_deleted = !self.left_scope && DELETED.contains(&self.status.as_str());
        let is_undecided = || findings.iter().any(|finding| finding.status == Status::Warning);
        let absence = match self.is_applicable() {
            _ if is_deleted => Absence::Deleted,
            true if !is_undecided() => Absence::Decided,
            _ => Absence::Unknown,
        };
        let mut ids = vec![self.resource_id.clone()];
        for id in self.resource_name.iter().chain(&self.arn) {
            if !ids.contains(id) {
                ids.push(id.clone());
            }
        }
        EvaluatedItem {
            evaluation: self.evaluation(findings),
            region: self.region.clone(),
            ids,
            found: findings.iter().map(Finding::uid).collect(),
            absence,
        }
    }

    /// The text of a member of the configuration.
    fn text(&self, key: &str) -> Option<&str> {
        value::text(&self.configuration, key)
    }

    /// A member of the configuration that is not null.
    fn get(&self, key: &str) -> Option<&Value> {
        member(&self.configuration, key)
    }

    /// The elements of a list in the configuration.
    fn list(&self, key: &str) -> &[Value] {
        value::list(&self.configuration, key)
    }
}

/// The result of the rules for one configuration item, with which a Config rule can answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemEvaluation {
    /// CloudFormation type, such as `AWS::EC2::SecurityGroup`.
    pub resource_type: String,
    /// The id that AWS Config uses.
    pub resource_id: String,
    /// The account id, if it is known.
    pub account: Option<String>,
    /// `configurationItemCaptureTime`, by which AWS Config orders evaluations.
    pub capture_time: Timestamp,
    /// The compliance of the resource.
    pub compliance: Compliance,
    /// One sentence of at most 256 characters, safe to show.
    pub annotation: Option<String>,
}

/// A configuration item that was evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluatedItem {
    /// Its result for AWS Config.
    pub evaluation: ItemEvaluation,
    /// The Region of its findings, if it is known.
    pub region: Option<String>,
    /// The ids by which findings may call the resource: id, name and ARN.
    pub ids: Vec<String>,
    /// The problems that the resource has, also those that are exempt: `finding_info.uid`.
    pub found: Vec<String>,
    /// What the item shows of problems that are not found.
    pub absence: Absence,
}

/// What a configuration item shows of problems that are not found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// The resource does not have those that its type decides.
    Decided,
    /// The resource is deleted, and has none.
    Deleted,
    /// Nothing: the item was not evaluated, or a finding is undecided.
    Unknown,
}

impl EvaluatedItem {
    /// Whether the resource does not have a problem of this rule, unless the problem is among those found.
    pub fn refutes(&self, rule: &RuleInfo) -> bool {
        let is_decided = || {
            let row = DECIDED_RULES.iter().find(|(resource_type, _)| *resource_type == self.evaluation.resource_type);
            row.is_some_and(|(_, rules)| rules.contains(&rule.name.as_str()))
        };
        match self.absence {
            Absence::Decided => judges_state(rule) && is_decided(),
            Absence::Deleted => judges_state(rule),
            Absence::Unknown => false,
        }
    }
}

/// The rules whose problems an item of a type can show to be over, by type.
pub fn decided_rules() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    DECIDED_RULES.iter().copied()
}

/// The compliance of a resource for AWS Config, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Compliance {
    /// The resource is deleted, out of scope, or of a type that is not evaluated.
    NotApplicable,
    /// No rule has a finding of status NON_COMPLIANT that is not exempt.
    Compliant,
    /// A rule has such a finding.
    NonCompliant,
}

impl Compliance {
    /// The `ComplianceType` of AWS Config.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compliant => "COMPLIANT",
            Self::NonCompliant => "NON_COMPLIANT",
            Self::NotApplicable => "NOT_APPLICABLE",
        }
    }
}

/// A time as text, or in seconds since 1970.
fn parsed_time(text: &str) -> Option<Timestamp> {
    timestamp(text).or_else(|| {
        let milliseconds = (text.parse::<f64>().ok()? * 1000.0).round();
        // Within the range of `Timestamp`, a conversion is exact.
        #[expect(clippy::cast_possible_truncation, reason = "`Timestamp` rejects a saturated value")]
        Timestamp::from_millisecond(milliseconds as i64).ok()
    })
}

/// The value, or the JSON in the string that it is.
fn embedded(value: Value) -> Value {
    match value {
        Value::String(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        value => value,
    }
}

/// Tags of either form: a map, or a list of objects with `key` and `value`.
fn tags(tags: Option<&Value>) -> Map<String, Value> {
    match tags {
        Some(Value::Object(tags)) => tags.clone(),
        Some(Value::Array(tags)) => tags
            .iter()
            .filter_map(|tag| Some((value::text(tag, "key")?.to_owned(), member(tag, "value").cloned()?)))
            .collect(),
        _ => Map::new(),
    }
}

/// The text up to the first period that ends a sentence.
fn first_sentence(text: &str) -> String {
    text.split_inclusive(". ").next().unwrap_or_default().trim_end().to_owned()
}

fn annotated(sentence: &str, more: usize) -> String {
    let more = if more > 0 { format!(" (+{more})") } else { String::new() };
    format!("{}{more}", shortened(sentence, MAX_ANNOTATION - more.len()))
}
