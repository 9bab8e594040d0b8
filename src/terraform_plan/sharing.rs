//! Images, snapshots, endpoint services and settings of an account.

use serde_json::{Value, json};

use super::UNKNOWN;
use super::change::Change;
use crate::derived_call::{DerivedCall, without_null};

/// `aws_ami_launch_permission`.
pub(super) fn image(change: &Change<'_>) -> Vec<DerivedCall> {
    let image = change.reference("image_id");
    let permission = |add: Value| {
        let request = json!({"imageId": image, "launchPermission": {"add": {"items": [add]}}});
        vec![DerivedCall::ec2("ModifyImageAttribute", request)]
    };
    match (change.is_new(), change.text("group"), change.text("account_id")) {
        (true, Some(group), _) if !group.is_empty() => permission(json!({"group": group})),
        (true, _, Some(account)) if !account.is_empty() => permission(json!({"userId": account})),
        _ => Vec::new(),
    }
}

/// `aws_snapshot_create_volume_permission`.
pub(super) fn snapshot(change: &Change<'_>) -> Vec<DerivedCall> {
    if !change.is_new() {
        return Vec::new();
    }
    let add = json!({"items": [{"userId": change.text("account_id")}]});
    let request = json!({"snapshotId": change.reference("snapshot_id"), "createVolumePermission": {"add": add}});
    vec![DerivedCall::ec2("ModifySnapshotAttribute", request)]
}

/// The planned value of a setting that changes. A setting that is deleted goes back to its default, `off`.
fn setting<'c>(change: &'c Change<'_>, name: &str, off: &'c str) -> Option<&'c str> {
    if change.is_deleted() {
        return (change.now(name).and_then(Value::as_str) != Some(off)).then_some(off);
    }
    change.text(name).filter(|_| change.changes(name))
}

/// `aws_ebs_snapshot_block_public_access`.
pub(super) fn snapshot_block(change: &Change<'_>) -> Vec<DerivedCall> {
    match setting(change, "state", "unblocked") {
        Some("unblocked") => {
            vec![DerivedCall::ec2(
                "DisableSnapshotBlockPublicAccess",
                json!({"DisableSnapshotBlockPublicAccessRequest": ""}),
            )]
        }
        Some(state) => vec![DerivedCall::ec2(
            "EnableSnapshotBlockPublicAccess",
            json!({"EnableSnapshotBlockPublicAccessRequest": {"State": state}}),
        )],
        None => Vec::new(),
    }
}

/// `aws_ec2_image_block_public_access`.
pub(super) fn image_block(change: &Change<'_>) -> Vec<DerivedCall> {
    match setting(change, "state", "unblocked") {
        Some("unblocked") => {
            vec![DerivedCall::ec2("DisableImageBlockPublicAccess", json!({"DisableImageBlockPublicAccessRequest": ""}))]
        }
        _ => Vec::new(),
    }
}

/// `aws_vpc_block_public_access_options`.
pub(super) fn vpc_block(change: &Change<'_>) -> Vec<DerivedCall> {
    let Some(mode) = setting(change, "internet_gateway_block_mode", "off") else { return Vec::new() };
    let request = json!({"InternetGatewayBlockMode": mode});
    vec![DerivedCall::ec2(
        "ModifyVpcBlockPublicAccessOptions",
        json!({"ModifyVpcBlockPublicAccessOptionsRequest": request}),
    )]
}

/// `aws_vpc_block_public_access_exclusion`.
pub(super) fn vpc_block_exclusion(change: &Change<'_>) -> Vec<DerivedCall> {
    if !change.is_new() {
        return Vec::new();
    }
    let request = without_null(json!({
        "VpcId": change.reference("vpc_id"),
        "SubnetId": change.reference("subnet_id"),
        "InternetGatewayExclusionMode": change.text("internet_gateway_exclusion_mode"),
    }));
    vec![DerivedCall::ec2(
        "CreateVpcBlockPublicAccessExclusion",
        json!({"CreateVpcBlockPublicAccessExclusionRequest": request}),
    )]
}

/// Endpoint services and those that may connect to them.
pub(super) fn endpoint_service(change: &Change<'_>) -> Vec<DerivedCall> {
    let is_principal = change.kind == "aws_vpc_endpoint_service_allowed_principal";
    let service = if is_principal { change.reference("vpc_endpoint_service_id") } else { Some(change.id()) };
    let mut added: Vec<Value> = change.added("allowed_principals");
    if is_principal && change.is_new() {
        added.extend(change.get("principal_arn").cloned());
    }
    let mut calls = Vec::new();
    if !added.is_empty() {
        let principals: Vec<Value> =
            added.iter().enumerate().map(|(place, arn)| json!({"content": arn, "tag": place + 1})).collect();
        let request = json!({"ServiceId": service, "AddAllowedPrincipals": principals});
        calls.push(DerivedCall::ec2(
            "ModifyVpcEndpointServicePermissions",
            json!({"ModifyVpcEndpointServicePermissionsRequest": request}),
        ));
    }
    if change.changes("acceptance_required") && change.get("acceptance_required") == Some(&Value::Bool(false)) {
        let request = json!({"ServiceId": service, "AcceptanceRequired": false});
        calls.push(DerivedCall::ec2(
            "ModifyVpcEndpointServiceConfiguration",
            json!({"ModifyVpcEndpointServiceConfigurationRequest": request}),
        ));
    }
    calls
}

/// `aws_ebs_encryption_by_default`.
pub(super) fn ebs_encryption(change: &Change<'_>) -> Vec<DerivedCall> {
    let turns_off = if change.is_deleted() {
        change.now("enabled") == Some(&Value::Bool(true))
    } else {
        change.changes("enabled") && change.get("enabled") == Some(&Value::Bool(false))
    };
    let call =
        || DerivedCall::ec2("DisableEbsEncryptionByDefault", json!({"DisableEbsEncryptionByDefaultRequest": ""}));
    turns_off.then(call).into_iter().collect()
}

/// `aws_ec2_serial_console_access`.
pub(super) fn serial_console(change: &Change<'_>) -> Vec<DerivedCall> {
    // Without the attribute, the resource allows access.
    let allows = change.get("enabled").is_none_or(|enabled| *enabled == Value::Bool(true) || *enabled == UNKNOWN);
    let is_new = change.is_new() || change.now("enabled") == Some(&Value::Bool(false));
    let call = || DerivedCall::ec2("EnableSerialConsoleAccess", json!({"EnableSerialConsoleAccessRequest": ""}));
    (!change.is_deleted() && allows && is_new).then(call).into_iter().collect()
}

/// `aws_ec2_transit_gateway`.
pub(super) fn transit_gateway(change: &Change<'_>) -> Vec<DerivedCall> {
    let name = "auto_accept_shared_attachments";
    if !change.changes(name) || change.text(name) != Some("enable") {
        return Vec::new();
    }
    let request = json!({"TransitGatewayId": change.id(), "Options": {"AutoAcceptSharedAttachments": "enable"}});
    vec![DerivedCall::ec2("ModifyTransitGateway", json!({"ModifyTransitGatewayRequest": request}))]
}
