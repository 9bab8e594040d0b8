//! Calls that may have opened something, where the record does not tell.

use super::source::Sources;
use super::{EC2, ELB, INGRESS, LOAD_BALANCER, PEERING, ingress, network_acl, prefix_list, route};
use crate::event::{Event, Value};
use crate::facts::{Calls, Fact, Origin, object, texts};

/// What the record leaves open.
pub(in crate::facts) const UNDECIDED: Fact = Fact {
    name: "exposure.undecided",
    doc: "Why the record of a call that could open something does not decide whether it did. `reason` is parameters \
          (CloudTrail left them out, as it does above 100 KB), unreadable (they are no networks, ports or protocols) or \
          prefix-list (what is let in or routed is the content of a prefix list); `summary` says so in words, `fields` \
          and `prefix_lists` name what is meant, and `decided_by` is the command that tells, as arguments of `aws`. \
          Absent when the rest of the record opens something to the world or a wide prefix anyway.",
    calls: Calls::These(&CALLS),
    origin: Origin::Derived(undecided),
};

/// The calls that cannot be judged without their parameters, and the command that shows what came of them.
const DECIDED_BY: [(&str, &str, &[&str]); 22] = [
    (EC2, "AuthorizeSecurityGroupIngress", &["ec2", "describe-security-group-rules"]),
    (EC2, "ModifySecurityGroupRules", &["ec2", "describe-security-group-rules"]),
    (EC2, "CreateRoute", &["ec2", "describe-route-tables"]),
    (EC2, "ReplaceRoute", &["ec2", "describe-route-tables"]),
    (EC2, "CreateNetworkAclEntry", &["ec2", "describe-network-acls"]),
    (EC2, "ReplaceNetworkAclEntry", &["ec2", "describe-network-acls"]),
    (EC2, "ModifySubnetAttribute", &["ec2", "describe-subnets"]),
    (EC2, "RunInstances", &["ec2", "describe-instances"]),
    (EC2, "RequestSpotInstances", &["ec2", "describe-spot-instance-requests"]),
    (EC2, "RequestSpotFleet", &["ec2", "describe-spot-fleet-requests"]),
    (EC2, "CreateLaunchTemplate", &["ec2", "describe-launch-template-versions", "--versions", "$Latest"]),
    (EC2, "CreateLaunchTemplateVersion", &["ec2", "describe-launch-template-versions", "--versions", "$Latest"]),
    (EC2, "ModifySnapshotAttribute", &["ec2", "describe-snapshots", "--restorable-by-user-ids", "all"]),
    (EC2, "ModifyImageAttribute", &["ec2", "describe-images", "--owners", "self", "--executable-users", "all"]),
    (EC2, "ModifyVpcEndpointServicePermissions", &["ec2", "describe-vpc-endpoint-service-permissions"]),
    (EC2, "CreateVpcPeeringConnection", &["ec2", "describe-vpc-peering-connections"]),
    (EC2, "AcceptVpcPeeringConnection", &["ec2", "describe-vpc-peering-connections"]),
    (EC2, "ModifyInstanceMetadataOptions", &["ec2", "describe-instances"]),
    (EC2, "ModifyInstanceMetadataDefaults", &["ec2", "get-instance-metadata-defaults"]),
    (EC2, "CreateManagedPrefixList", &["ec2", "describe-managed-prefix-lists"]),
    (EC2, "ModifyManagedPrefixList", &["ec2", "describe-managed-prefix-lists"]),
    (ELB, "CreateLoadBalancer", &["elbv2", "describe-load-balancers"]),
];

#[expect(clippy::indexing_slicing, reason = "evaluated when this is compiled")]
const CALLS: [(&str, &str); DECIDED_BY.len()] = {
    let mut calls = [("", ""); DECIDED_BY.len()];
    let mut place = 0;
    while place < calls.len() {
        calls[place] = (DECIDED_BY[place].0, DECIDED_BY[place].1);
        place += 1;
    }
    calls
};

fn undecided<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    let (_, _, command) = DECIDED_BY.iter().find(|(_, name, _)| event.name() == Some(name))?;
    let member = |reason, summary: String, command: Vec<&'e str>| {
        vec![("reason", Value::from(reason)), ("summary", Value::from(summary)), ("decided_by", texts(command))]
    };
    let sources = sources(event).unwrap_or_default();
    if !sources.open_nothing() {
        return None;
    }
    if event.lacks_request() && !response_tells(event) {
        let summary = "CloudTrail left the parameters out, as it does above 100 KB";
        return Some(object(member("parameters", summary.to_owned(), command.to_vec())));
    }
    if !sources.unreadable.is_empty() {
        let summary = format!("what stands in {} cannot be read", sources.unreadable.join(", "));
        let mut members = member("unreadable", summary, command.to_vec());
        members.push(("fields", texts(sources.unreadable)));
        return Some(object(members));
    }
    if sources.prefix_lists.is_empty() {
        return None;
    }
    let summary = format!("what is in the prefix list {} does not stand there", sources.prefix_lists.join(", "));
    let mut members = member("prefix-list", summary, vec!["ec2", "get-managed-prefix-list-entries"]);
    members.push(("prefix_lists", texts(sources.prefix_lists)));
    Some(object(members))
}

/// Whether the response alone decides.
fn response_tells(event: &Event<'_>) -> bool {
    ingress::is_in_response(event) || [INGRESS, LOAD_BALANCER, PEERING].iter().any(|fact| fact.of(event).is_some())
}

/// The networks of the calls that name some.
fn sources<'e>(event: &'e Event<'_>) -> Option<Sources<'e>> {
    match event.name()? {
        "AuthorizeSecurityGroupIngress" | "ModifySecurityGroupRules" => Some(ingress::sources(event)),
        "CreateRoute" | "ReplaceRoute" => Some(route::sources(event)),
        "CreateNetworkAclEntry" | "ReplaceNetworkAclEntry" => Some(network_acl::sources(event)),
        "CreateManagedPrefixList" | "ModifyManagedPrefixList" => Some(prefix_list::sources(event)),
        _ => None,
    }
}
