//! Terraform plans as the CloudTrail records of the calls that applying them makes.
//!
//! In: the output of `terraform show -json PLAN`. Out: a record for each call that a mapped resource change makes, so that
//! the rules for calls evaluate plans. A value that is known only after the plan is applied is masked in the record, which
//! rules report as a warning. The id of a resource that does not exist yet is a *stand-in* with the form of such ids. In the
//! findings it is replaced by the address of the resource.

mod change;
mod compute;
mod iam;
mod network;
mod sharing;
mod trail;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::derived_call::{DerivedCall, RecordContext};
use crate::finding::{Finding, Remediation, Status, derived_id};
use crate::text::visible;
use change::{Change, Configuration};

/// A value that is known only after the plan is applied, as pipelines mask values that they hide.
const UNKNOWN: &str = "**";

/// The calls that a change of a resource makes.
type Calls = fn(&Change<'_>) -> Vec<DerivedCall>;

/// The mapped resource types, and the calls that creating, updating or deleting them makes.
const RESOURCES: &[(&[&str], Calls)] = &[
    (&["aws_security_group", "aws_default_security_group"], network::security_group),
    (&["aws_security_group_rule"], network::security_group_rule),
    (&["aws_vpc_security_group_ingress_rule"], network::ingress_rule),
    (&["aws_route"], network::route),
    (&["aws_route_table", "aws_default_route_table"], network::route_table),
    (&["aws_route_table_association"], network::route_table_association),
    (&["aws_internet_gateway", "aws_internet_gateway_attachment"], network::internet_gateway),
    (&["aws_subnet", "aws_default_subnet"], network::subnet),
    (&["aws_eip", "aws_eip_association"], network::address),
    (&["aws_network_acl", "aws_default_network_acl"], network::network_acl),
    (&["aws_network_acl_rule"], network::network_acl_rule),
    (&["aws_ec2_managed_prefix_list", "aws_ec2_managed_prefix_list_entry"], network::prefix_list),
    (&["aws_vpc_peering_connection"], network::peering),
    (&["aws_instance"], compute::instance),
    (&["aws_launch_template"], compute::launch_template),
    (&["aws_launch_configuration"], compute::launch_configuration),
    (&["aws_ec2_instance_metadata_defaults"], compute::metadata_defaults),
    (&["aws_lb", "aws_alb", "aws_elb"], compute::load_balancer),
    (&["aws_lb_listener", "aws_alb_listener"], compute::listener),
    (&["aws_ami_launch_permission"], sharing::image),
    (&["aws_snapshot_create_volume_permission"], sharing::snapshot),
    (&["aws_ebs_snapshot_block_public_access"], sharing::snapshot_block),
    (&["aws_ec2_image_block_public_access"], sharing::image_block),
    (&["aws_vpc_block_public_access_options"], sharing::vpc_block),
    (&["aws_vpc_block_public_access_exclusion"], sharing::vpc_block_exclusion),
    (&["aws_vpc_endpoint_service", "aws_vpc_endpoint_service_allowed_principal"], sharing::endpoint_service),
    (&["aws_ebs_encryption_by_default"], sharing::ebs_encryption),
    (&["aws_ec2_serial_console_access"], sharing::serial_console),
    (&["aws_ec2_transit_gateway"], sharing::transit_gateway),
    (&["aws_iam_role"], iam::role),
    (&["aws_iam_openid_connect_provider", "aws_iam_saml_provider"], iam::identity_provider),
    (&["aws_cloudtrail"], trail::trail),
    (&["aws_flow_log"], trail::flow_log),
    (&["aws_guardduty_detector"], trail::detector),
    (&["aws_config_configuration_recorder", "aws_config_configuration_recorder_status"], trail::recorder),
];

/// The resource types whose changes are evaluated.
pub fn mapped_types() -> impl Iterator<Item = &'static str> {
    RESOURCES.iter().flat_map(|(types, _)| types.iter().copied())
}

/// The account and Region of a plan that does not contain them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanContext {
    /// The account id.
    pub account: Option<String>,
    /// The Region.
    pub region: Option<String>,
}

/// Why a file is not evaluated as a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// It is the file that `terraform plan -out` writes.
    #[error("this is a binary plan; convert it with `terraform show -json PLAN > plan.json`")]
    Binary,
    /// It is not JSON, for this reason.
    #[error("it is not JSON ({0}); write it with `terraform show -json PLAN > plan.json`")]
    NotJson(String),
    /// It is JSON and no plan.
    #[error(
        "it is not a Terraform plan: it has no `resource_changes`; write it with `terraform show -json PLAN > plan.json`"
    )]
    NotAPlan,
    /// A resource change has no address, type or actions.
    #[error("entry {0} of `resource_changes` has no address, type or actions")]
    Malformed(usize),
}

/// The calls of a plan.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    calls: Vec<PlannedCall>,
    /// The number of changes of resource types that are not mapped, by type.
    pub unmapped: BTreeMap<String, usize>,
}

/// A call that applying a plan makes.
#[derive(Debug, Clone, PartialEq)]
struct PlannedCall {
    /// The address of the resource whose change makes it.
    address: String,
    /// Its CloudTrail record.
    record: Value,
    /// Stand-ins for ids in it, each with the address of the resource.
    stand_ins: Vec<(String, String)>,
}

impl Plan {
    /// Reads the JSON form of a plan.
    ///
    /// # Errors
    /// [`PlanError`], if it is none.
    pub fn read(bytes: &[u8], context: &PlanContext, now: Timestamp) -> Result<Self, PlanError> {
        // `terraform plan -out` writes a ZIP archive.
        if bytes.starts_with(b"PK\x03\x04") {
            return Err(PlanError::Binary);
        }
        let plan: Value = serde_json::from_slice(bytes).map_err(|error| PlanError::NotJson(error.to_string()))?;
        let changes = plan.get("resource_changes").and_then(Value::as_array);
        // A plan without changes has no list of them.
        let is_plan = plan.get("format_version").is_some() && plan.get("terraform_version").is_some();
        let changes = match changes {
            Some(changes) => changes.as_slice(),
            None if is_plan && plan.get("planned_values").is_some() => &[],
            None => return Err(PlanError::NotAPlan),
        };
        let configuration = Configuration::of(&plan);
        let time = plan.get("timestamp").and_then(Value::as_str).and_then(|time| time.parse().ok()).unwrap_or(now);
        let mut read = Self::default();
        for (place, value) in changes.iter().enumerate() {
            let change = Change::of(value, &configuration).ok_or(PlanError::Malformed(place + 1))?;
            if !change.is_applied() {
                continue;
            }
            let calls = RESOURCES.iter().find(|(types, _)| types.contains(&change.kind));
            let Some((_, calls)) = calls else {
                if change.kind.starts_with("aws_") {
                    *read.unmapped.entry(change.kind.to_owned()).or_default() += 1;
                }
                continue;
            };
            for (number, call) in calls(&change).into_iter().enumerate() {
                let event_id = derived_id(&["terraform", change.address, &number.to_string()]);
                let record = call.record(RecordContext {
                    caller: "terraform plan",
                    time,
                    account: change.account().or(context.account.as_deref()),
                    region: change.region().or(context.region.as_deref()),
                    event_id: &event_id,
                });
                let stand_ins = change.stand_ins();
                read.calls.push(PlannedCall { address: change.address.to_owned(), record, stand_ins });
            }
        }
        Ok(read)
    }

    /// The number of calls.
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether it makes no call that is mapped.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// A CloudTrail file with the records of the calls, in order.
    pub fn cloudtrail_file(&self) -> String {
        json!({"Records": self.calls.iter().map(|call| &call.record).collect::<Vec<_>>()}).to_string()
    }

    /// Names the Terraform resource in the finding of the call at `position`, from 1, and replaces the remediation, which
    /// is about resources that exist.
    pub fn describe(&self, position: usize, finding: &mut Finding) {
        let Some(call) = position.checked_sub(1).and_then(|place| self.calls.get(place)) else { return };
        call.name(&mut finding.message);
        for resource in &mut finding.resources {
            call.name(&mut resource.id);
            if resource.arn.as_ref().is_some_and(|arn| call.has_stand_in(arn)) {
                resource.arn = None;
            }
        }
        for evidence in &mut finding.evidence {
            call.name(&mut evidence.text);
            call.name_in(&mut evidence.value);
        }
        finding.action = None;
        let address = visible(&call.address);
        finding.remediation = Remediation::of_text(match finding.status {
            Status::NonCompliant | Status::Compliant => format!(
                "Change {address} in the Terraform configuration before the plan is applied, or exempt the finding."
            ),
            Status::Warning => {
                finding.notes.push("A value is known only after the plan is applied.".to_owned());
                format!("Check {address} after the plan is applied, or set the value in the Terraform configuration.")
            }
        });
        finding.terraform_address = Some(call.address.clone());
    }
}

impl PlannedCall {
    fn has_stand_in(&self, text: &str) -> bool {
        self.stand_ins.iter().any(|(stand_in, _)| text.contains(stand_in))
    }

    /// Replaces stand-ins by addresses.
    fn name(&self, text: &mut String) {
        for (stand_in, address) in &self.stand_ins {
            if text.contains(stand_in) {
                *text = text.replace(stand_in, &visible(address));
            }
        }
    }

    fn name_in(&self, value: &mut Value) {
        match value {
            Value::String(text) => self.name(text),
            Value::Array(elements) => elements.iter_mut().for_each(|element| self.name_in(element)),
            Value::Object(members) => members.values_mut().for_each(|member| self.name_in(member)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}
