//! Calls whose record does not decide whether they opened something.

use std::borrow::Cow;

use super::source::Sources;
use super::{LOAD_BALANCER, PEERING, ingress, network_acl, prefix_list, route};
use crate::event::{Event, Value};
use crate::facts::calls::{EC2, ELB};
use crate::facts::{Calls, Derivation, Fact, calls, object, texts, wire};

/// The reason why the record does not decide whether the call opened something.
pub(in crate::facts) const UNDECIDED: Fact = Fact {
    name: "exposure.undecided",
    calls: Calls::These(&[
        (calls::EC2, "AuthorizeSecurityGroupIngress"),
        (calls::EC2, "ModifySecurityGroupRules"),
        (calls::EC2, "CreateRoute"),
        (calls::EC2, "ReplaceRoute"),
        (calls::EC2, "CreateNetworkAclEntry"),
        (calls::EC2, "ReplaceNetworkAclEntry"),
        (calls::EC2, "ModifySubnetAttribute"),
        (calls::EC2, "RunInstances"),
        (calls::EC2, "RequestSpotInstances"),
        (calls::EC2, "RequestSpotFleet"),
        (calls::EC2, "CreateLaunchTemplate"),
        (calls::EC2, "CreateLaunchTemplateVersion"),
        (calls::EC2, "ModifySnapshotAttribute"),
        (calls::EC2, "ModifyImageAttribute"),
        (calls::EC2, "ModifyVpcEndpointServicePermissions"),
        (calls::EC2, "CreateVpcPeeringConnection"),
        (calls::EC2, "AcceptVpcPeeringConnection"),
        (calls::EC2, "ModifyInstanceMetadataOptions"),
        (calls::EC2, "ModifyInstanceMetadataDefaults"),
        (calls::EC2, "EnableSnapshotBlockPublicAccess"),
        (calls::EC2, "ModifyVpcBlockPublicAccessOptions"),
        (calls::EC2, "CreateManagedPrefixList"),
        (calls::EC2, "ModifyManagedPrefixList"),
        (calls::EC2, "RestoreManagedPrefixListVersion"),
        (calls::ELB, "CreateLoadBalancer"),
    ]),
    doc: "The reason why the record of a call does not decide whether the call opened something. `reason` is parameters \
          (CloudTrail omitted them because they are over 100 KB), unreadable (they are masked, or are not valid networks, \
          ports or protocols), complex (too many networks to compare) or prefix-list (the networks are the entries of a \
          prefix list). `summary` describes it, `fields` and `prefix_lists` are the values or lists in question, and \
          `decided_by` is the command that shows the result, as arguments of `aws`. Absent if the rest of the record opens \
          more than the web ports to the world or a large part of it anyway.",
    derivation: Derivation::FromRecord(undecided),
};

/// A call that cannot be evaluated without its parameters.
struct ParameterizedCall {
    call: (&'static str, &'static str),
    /// The command that shows the result of the call.
    command: &'static [&'static str],
    /// The arguments of the command that select the resource, and the request parameter that contains its id. The id is
    /// appended to the last argument.
    id: Option<(&'static [&'static str], &'static str)>,
}

const fn with_id(
    name: &'static str,
    command: &'static [&'static str],
    id: &'static [&'static str],
    parameter: &'static str,
) -> ParameterizedCall {
    ParameterizedCall { call: (EC2, name), command, id: Some((id, parameter)) }
}

const RULES: &[&str] = &["ec2", "describe-security-group-rules"];
const ROUTES: &[&str] = &["ec2", "describe-route-tables"];
const ACLS: &[&str] = &["ec2", "describe-network-acls"];
const TEMPLATES: &[&str] = &["ec2", "describe-launch-template-versions"];
const PEERINGS: &[&str] = &["ec2", "describe-vpc-peering-connections"];
const LISTS: &[&str] = &["ec2", "get-managed-prefix-list-entries"];
const SNAPSHOTS: &[&str] = &["ec2", "describe-snapshots", "--owner-ids", "self", "--restorable-by-user-ids", "all"];
const IMAGES: &[&str] = &["ec2", "describe-images", "--owners", "self", "--executable-users", "all"];

const CALLS: [ParameterizedCall; 25] = [
    with_id("AuthorizeSecurityGroupIngress", RULES, &["--filters", "Name=group-id,Values="], "groupId"),
    with_id("ModifySecurityGroupRules", RULES, &["--filters", "Name=group-id,Values="], "groupId"),
    with_id("CreateRoute", ROUTES, &["--route-table-ids", ""], "routeTableId"),
    with_id("ReplaceRoute", ROUTES, &["--route-table-ids", ""], "routeTableId"),
    with_id("CreateNetworkAclEntry", ACLS, &["--network-acl-ids", ""], "networkAclId"),
    with_id("ReplaceNetworkAclEntry", ACLS, &["--network-acl-ids", ""], "networkAclId"),
    with_id("ModifySubnetAttribute", &["ec2", "describe-subnets"], &["--subnet-ids", ""], "subnetId"),
    ParameterizedCall { call: (EC2, "RunInstances"), command: &["ec2", "describe-instances"], id: None },
    ParameterizedCall {
        call: (EC2, "RequestSpotInstances"),
        command: &["ec2", "describe-spot-instance-requests"],
        id: None,
    },
    ParameterizedCall { call: (EC2, "RequestSpotFleet"), command: &["ec2", "describe-spot-fleet-requests"], id: None },
    with_id("CreateLaunchTemplate", TEMPLATES, &["--launch-template-name", ""], "launchTemplateName"),
    with_id("CreateLaunchTemplateVersion", TEMPLATES, &["--launch-template-id", ""], "launchTemplateId"),
    with_id("ModifySnapshotAttribute", SNAPSHOTS, &["--snapshot-ids", ""], "snapshotId"),
    with_id("ModifyImageAttribute", IMAGES, &["--image-ids", ""], "imageId"),
    with_id(
        "ModifyVpcEndpointServicePermissions",
        &["ec2", "describe-vpc-endpoint-service-permissions"],
        &["--service-id", ""],
        "serviceId",
    ),
    ParameterizedCall { call: (EC2, "CreateVpcPeeringConnection"), command: PEERINGS, id: None },
    with_id("AcceptVpcPeeringConnection", PEERINGS, &["--vpc-peering-connection-ids", ""], "vpcPeeringConnectionId"),
    with_id("ModifyInstanceMetadataOptions", &["ec2", "describe-instances"], &["--instance-ids", ""], "instanceId"),
    ParameterizedCall {
        call: (EC2, "ModifyInstanceMetadataDefaults"),
        command: &["ec2", "get-instance-metadata-defaults"],
        id: None,
    },
    ParameterizedCall {
        call: (EC2, "EnableSnapshotBlockPublicAccess"),
        command: &["ec2", "get-snapshot-block-public-access-state"],
        id: None,
    },
    ParameterizedCall {
        call: (EC2, "ModifyVpcBlockPublicAccessOptions"),
        command: &["ec2", "describe-vpc-block-public-access-options"],
        id: None,
    },
    with_id("CreateManagedPrefixList", LISTS, &["--prefix-list-id", ""], "prefixListId"),
    with_id("ModifyManagedPrefixList", LISTS, &["--prefix-list-id", ""], "prefixListId"),
    with_id("RestoreManagedPrefixListVersion", LISTS, &["--prefix-list-id", ""], "prefixListId"),
    ParameterizedCall { call: (ELB, "CreateLoadBalancer"), command: &["elbv2", "describe-load-balancers"], id: None },
];

/// The parameters that decide whether a call opens something. If they are masked, the call is undecided.
const DECISIVE: &[&str] = &[
    "ipPermissions",
    "ipRanges",
    "ipv6Ranges",
    "prefixListIds",
    "securityGroupRule",
    "gatewayId",
    "carrierGatewayId",
    "destinationCidrBlock",
    "destinationIpv6CidrBlock",
    "cidrBlock",
    "ipv6CidrBlock",
    "egress",
    "ruleAction",
    "addEntry",
    "entry",
    "mapPublicIpOnLaunch",
    "assignIpv6AddressOnCreation",
    "networkInterfaceSet",
    "networkInterface",
    "associatePublicIpAddress",
    "associateCarrierIpAddress",
    "launchTemplateData",
    "launchSpecification",
    "createVolumePermission",
    "launchPermission",
    "add",
    "group",
    "addAllowedPrincipals",
    "peerOwnerId",
    "metadataOptions",
    "httpTokens",
    "httpTokensEnforced",
    "state",
    "internetGatewayBlockMode",
    "scheme",
];

fn undecided<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    let call = CALLS.iter().find(|call| event.name() == Some(call.call.1))?;
    let mut sources = sources(event).unwrap_or_default().with_earlier(event);
    let leaves_out = leaves_out(event);
    if !ingress::is_in_response(event)
        && let Some(request) = wire::request(event)
    {
        request.masked(DECISIVE, &mut |value| sources.unreadable.add(value));
    }
    let (unreadable, prefix_lists) =
        (std::mem::take(&mut sources.unreadable), std::mem::take(&mut sources.prefix_lists));
    let is_too_complex = sources.is_too_complex;
    let is_open = leaves_out || is_too_complex || !unreadable.is_empty() || !prefix_lists.is_empty();
    if !is_open || !sources.open_little() {
        return None;
    }
    let member = |reason, summary: String, command: Vec<Cow<'e, str>>| {
        vec![("reason", Value::from(reason)), ("summary", Value::from(summary)), ("decided_by", texts(command))]
    };
    if leaves_out {
        let summary = "the parameters that decide are missing; CloudTrail omits parameters over 100 KB".to_owned();
        return Some(object(member("parameters", summary, call.decided_by(event))));
    }
    if is_too_complex {
        let summary =
            "it contains too many networks to compare, alone or together with earlier calls, and is too complex to decide"
                .to_owned();
        return Some(object(member("complex", summary, call.decided_by(event))));
    }
    if !unreadable.is_empty() {
        let summary = format!("{unreadable} cannot be read");
        let mut members = member("unreadable", summary, call.decided_by(event));
        members.push(("fields", texts(unreadable.paths)));
        return Some(object(members));
    }
    let summary = format!("the entries of the prefix list {} are not in the record", named(&prefix_lists));
    let mut members = member("prefix-list", summary, LISTS.iter().map(|word| Cow::Borrowed(*word)).collect());
    members.push(("prefix_lists", texts(prefix_lists)));
    Some(object(members))
}

/// Maximum number of prefix lists that a sentence names.
const MAX_NAMES: usize = 20;

/// The first ids, and the number of the others.
fn named(ids: &[Cow<'_, str>]) -> String {
    match ids.split_at_checked(MAX_NAMES) {
        Some((first, more)) if !more.is_empty() => format!("{} and {} more", first.join(", "), more.len()),
        _ => ids.join(", "),
    }
}

/// The missing information, for queries of live state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undecided {
    /// The entries of these prefix lists.
    PrefixLists(Vec<String>),
    /// Parameters that are missing or unreadable.
    Otherwise,
}

impl Undecided {
    /// The missing information of a call.
    pub(in crate::facts) fn of(event: &Event<'_>) -> Option<Self> {
        let value = UNDECIDED.of(event)?;
        let members = value.as_object()?;
        let lists = members.get("prefix_lists").and_then(Value::as_array).into_iter().flatten();
        let lists: Vec<String> = lists.filter_map(|list| list.as_str().map(str::to_owned)).collect();
        Some(if lists.is_empty() { Self::Otherwise } else { Self::PrefixLists(lists) })
    }
}

impl ParameterizedCall {
    fn decided_by<'e>(&self, event: &'e Event<'_>) -> Vec<Cow<'e, str>> {
        let mut words: Vec<Cow<'e, str>> = self.command.iter().map(|word| Cow::Borrowed(*word)).collect();
        if let Some((argument, parameter)) = self.id
            && let Some(id) = wire::request(event).and_then(|request| request.text_of(parameter))
            && let Some((last, before)) = argument.split_last()
        {
            words.extend(before.iter().map(|word| Cow::Borrowed(*word)));
            words.push(Cow::Owned(format!("{last}{id}")));
        }
        words
    }
}

/// Whether the record omits the parameters that decide.
fn leaves_out(event: &Event<'_>) -> bool {
    match event.name() {
        Some("AuthorizeSecurityGroupIngress" | "ModifySecurityGroupRules") => {
            !ingress::is_in_response(event) && !ingress::is_in_request(event)
        }
        Some("CreateVpcPeeringConnection" | "AcceptVpcPeeringConnection") => PEERING.of(event).is_none(),
        Some("CreateLoadBalancer") => event.lacks_request() && LOAD_BALANCER.of(event).is_none(),
        _ => event.lacks_request(),
    }
}

/// The networks of the calls that name some.
fn sources<'e>(event: &'e Event<'_>) -> Option<Sources<'e>> {
    match event.name()? {
        "AuthorizeSecurityGroupIngress" | "ModifySecurityGroupRules" => Some(ingress::sources(event)),
        "CreateRoute" | "ReplaceRoute" => Some(route::sources(event)),
        "CreateNetworkAclEntry" | "ReplaceNetworkAclEntry" => Some(network_acl::sources(event)),
        "CreateManagedPrefixList" | "ModifyManagedPrefixList" => Some(prefix_list::sources(event)),
        "RestoreManagedPrefixListVersion" => {
            let mut sources = Sources::default();
            sources.add_prefix_list(&wire::request(event)?, "prefixListId", None, None);
            Some(sources)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::facts::Calls;

    #[test]
    fn the_fact_exists_for_all_calls_in_the_table() {
        let Calls::These(calls) = UNDECIDED.calls else { panic!("it is about some calls") };
        let calls: BTreeSet<_> = calls.iter().copied().collect();
        assert_eq!(calls, CALLS.iter().map(|call| call.call).collect());
    }
}
