//! What each fact is called, and the calls it exists for.
//!
//! A file of its own that needs no other: the build script reads it too, to tell which calls each built-in rule watches.

/// The name of a fact and its calls.
#[derive(Debug, Clone, Copy)]
pub struct Scope {
    /// The path rules use, such as `exposure.ingress`.
    pub name: &'static str,
    /// The calls it exists for.
    pub calls: Calls,
}

/// The calls a fact exists for.
#[derive(Debug, Clone, Copy)]
pub enum Calls {
    /// These pairs of `eventSource` and `eventName`.
    These(&'static [(&'static str, &'static str)]),
    /// Every call of these values of `eventSource`.
    AllOf(&'static [&'static str]),
    /// Every call.
    All,
}

/// `eventSource` of EC2 and VPC.
pub(super) const EC2: &str = "ec2.amazonaws.com";
/// `eventSource` of load balancers, of both generations.
pub(super) const ELB: &str = "elasticloadbalancing.amazonaws.com";
/// `eventSource` of AWS Resource Access Manager.
pub(super) const RAM: &str = "ram.amazonaws.com";
/// `eventSource` of IAM.
pub(super) const IAM: &str = "iam.amazonaws.com";

/// The facts, in the order of `FACTS`, so that both have the same place for each.
pub const SCOPES: &[&Scope] = &[
    &OPERATION,
    &TARGET,
    &INGRESS,
    &LISTENER,
    &LOAD_BALANCER,
    &NETWORK_ACL,
    &PEERING,
    &PREFIX_LIST,
    &PUBLIC_ADDRESS,
    &ROUTE,
    &UNDECIDED,
    &VERIFIED_ACCESS,
    &LIVE_INGRESS,
    &LIVE_ROLE,
    &LIVE_ROUTE,
    &LIVE_UNANSWERED,
    &SHARING,
    &TRUST_POLICY,
    &EC2_REQUEST,
    &EC2_RESPONSE,
    &EC2_RESOURCES,
];

pub(super) const OPERATION: Scope = Scope { name: "call.operation", calls: Calls::All };
pub(super) const TARGET: Scope = Scope {
    name: "call.target",
    calls: Calls::AllOf(&[
        "cloudtrail.amazonaws.com",
        "logs.amazonaws.com",
        "lambda.amazonaws.com",
        "sns.amazonaws.com",
        "kms.amazonaws.com",
        "s3.amazonaws.com",
        "events.amazonaws.com",
        IAM,
    ]),
};
pub(super) const INGRESS: Scope = Scope {
    name: "exposure.ingress",
    calls: Calls::These(&[(EC2, "AuthorizeSecurityGroupIngress"), (EC2, "ModifySecurityGroupRules")]),
};
pub(super) const LISTENER: Scope = Scope {
    name: "exposure.listener",
    calls: Calls::These(&[
        (ELB, "CreateListener"),
        (ELB, "ModifyListener"),
        (ELB, "CreateLoadBalancerListeners"),
        (ELB, "CreateLoadBalancer"),
    ]),
};
pub(super) const LOAD_BALANCER: Scope =
    Scope { name: "exposure.load_balancer", calls: Calls::These(&[(ELB, "CreateLoadBalancer")]) };
pub(super) const NETWORK_ACL: Scope = Scope {
    name: "exposure.network_acl",
    calls: Calls::These(&[(EC2, "CreateNetworkAclEntry"), (EC2, "ReplaceNetworkAclEntry")]),
};
pub(super) const PEERING: Scope = Scope {
    name: "exposure.peering",
    calls: Calls::These(&[(EC2, "CreateVpcPeeringConnection"), (EC2, "AcceptVpcPeeringConnection")]),
};
pub(super) const PREFIX_LIST: Scope = Scope {
    name: "exposure.prefix_list",
    calls: Calls::These(&[(EC2, "CreateManagedPrefixList"), (EC2, "ModifyManagedPrefixList")]),
};
pub(super) const PUBLIC_ADDRESS: Scope = Scope {
    name: "exposure.public_address",
    calls: Calls::These(&[
        (EC2, "RunInstances"),
        (EC2, "ModifyNetworkInterfaceAttribute"),
        (EC2, "RequestSpotInstances"),
        (EC2, "RequestSpotFleet"),
        (EC2, "CreateLaunchTemplate"),
        (EC2, "CreateLaunchTemplateVersion"),
    ]),
};
pub(super) const ROUTE: Scope =
    Scope { name: "exposure.route", calls: Calls::These(&[(EC2, "CreateRoute"), (EC2, "ReplaceRoute")]) };
pub(super) const UNDECIDED: Scope = Scope {
    name: "exposure.undecided",
    calls: Calls::These(&[
        (EC2, "AuthorizeSecurityGroupIngress"),
        (EC2, "ModifySecurityGroupRules"),
        (EC2, "CreateRoute"),
        (EC2, "ReplaceRoute"),
        (EC2, "CreateNetworkAclEntry"),
        (EC2, "ReplaceNetworkAclEntry"),
        (EC2, "ModifySubnetAttribute"),
        (EC2, "RunInstances"),
        (EC2, "RequestSpotInstances"),
        (EC2, "RequestSpotFleet"),
        (EC2, "CreateLaunchTemplate"),
        (EC2, "CreateLaunchTemplateVersion"),
        (EC2, "ModifySnapshotAttribute"),
        (EC2, "ModifyImageAttribute"),
        (EC2, "ModifyVpcEndpointServicePermissions"),
        (EC2, "CreateVpcPeeringConnection"),
        (EC2, "AcceptVpcPeeringConnection"),
        (EC2, "ModifyInstanceMetadataOptions"),
        (EC2, "ModifyInstanceMetadataDefaults"),
        (EC2, "EnableSnapshotBlockPublicAccess"),
        (EC2, "ModifyVpcBlockPublicAccessOptions"),
        (EC2, "CreateManagedPrefixList"),
        (EC2, "ModifyManagedPrefixList"),
        (EC2, "RestoreManagedPrefixListVersion"),
        (ELB, "CreateLoadBalancer"),
    ]),
};
pub(super) const VERIFIED_ACCESS: Scope = Scope {
    name: "exposure.verified_access",
    calls: Calls::These(&[
        (EC2, "CreateVerifiedAccessGroup"),
        (EC2, "CreateVerifiedAccessEndpoint"),
        (EC2, "ModifyVerifiedAccessGroupPolicy"),
        (EC2, "ModifyVerifiedAccessEndpointPolicy"),
    ]),
};
pub(super) const LIVE_INGRESS: Scope = Scope {
    name: "live.ingress",
    calls: Calls::These(&[(EC2, "ModifyNetworkInterfaceAttribute"), (EC2, "ModifyInstanceAttribute")]),
};
pub(super) const LIVE_ROLE: Scope = Scope {
    name: "live.role",
    calls: Calls::These(&[
        (IAM, "CreateRole"),
        (IAM, "UpdateAssumeRolePolicy"),
        (IAM, "AttachRolePolicy"),
        (IAM, "PutRolePolicy"),
    ]),
};
pub(super) const LIVE_ROUTE: Scope = Scope {
    name: "live.route",
    calls: Calls::These(&[(EC2, "AssociateRouteTable"), (EC2, "ReplaceRouteTableAssociation")]),
};
pub(super) const LIVE_UNANSWERED: Scope = Scope {
    name: "live.unanswered",
    calls: Calls::These(&[
        (EC2, "RunInstances"),
        (EC2, "ModifyNetworkInterfaceAttribute"),
        (EC2, "ModifyInstanceAttribute"),
        (EC2, "AssociateRouteTable"),
        (EC2, "ReplaceRouteTableAssociation"),
        (IAM, "AttachRolePolicy"),
        (IAM, "PutRolePolicy"),
    ]),
};
pub(super) const SHARING: Scope = Scope {
    name: "sharing.external",
    calls: Calls::These(&[
        (EC2, "ModifyImageAttribute"),
        (EC2, "ModifySnapshotAttribute"),
        (EC2, "ModifyFpgaImageAttribute"),
        (EC2, "ModifyVpcEndpointServicePermissions"),
        (EC2, "CreateNetworkInterfacePermission"),
        (EC2, "EnableAddressTransfer"),
        (EC2, "ModifyEbsDefaultKmsKeyId"),
        (EC2, "CreateTransitGatewayPeeringAttachment"),
        (EC2, "AcceptTransitGatewayPeeringAttachment"),
        (EC2, "AcceptTransitGatewayVpcAttachment"),
        (EC2, "AcceptTransitGatewayClientVpnAttachment"),
        (RAM, "CreateResourceShare"),
        (RAM, "AssociateResourceShare"),
    ]),
};
pub(super) const TRUST_POLICY: Scope =
    Scope { name: "trust.policy", calls: Calls::These(&[(IAM, "CreateRole"), (IAM, "UpdateAssumeRolePolicy")]) };
pub(super) const EC2_REQUEST: Scope = Scope { name: "ec2.request", calls: Calls::AllOf(&[EC2]) };
pub(super) const EC2_RESPONSE: Scope = Scope { name: "ec2.response", calls: Calls::AllOf(&[EC2]) };
pub(super) const EC2_RESOURCES: Scope = Scope { name: "ec2.resources", calls: Calls::AllOf(&[EC2]) };

/// The record's member that has what live state says.
pub(super) const LIVE_STATE: &str = "liveState";

/// The member of a record without which what is at this path is missing: a fact, or a part of one.
pub fn member_behind(path: &str) -> Option<&'static str> {
    path.starts_with("live.").then_some(LIVE_STATE)
}

/// The place in `FACTS` and in [`SCOPES`] of the fact a path starts with, and the rest of the path:
/// `exposure.ingress[0].reach` is the third fact and `[0].reach`.
pub fn find(path: &str) -> Option<(usize, Option<&str>)> {
    // Rules ask for many fields and few facts, and the first letters tell most of them apart.
    let first = path.as_bytes().first_chunk::<2>();
    let mut alike = SCOPES.iter().enumerate().filter(|(_, fact)| fact.name.as_bytes().first_chunk() == first);
    alike.find_map(|(place, fact)| {
        let rest = path.strip_prefix(fact.name)?;
        match rest.strip_prefix('.') {
            Some(rest) => Some((place, Some(rest))),
            None if rest.is_empty() => Some((place, None)),
            None => rest.starts_with('[').then_some((place, Some(rest))),
        }
    })
}

/// Whether a path lies where facts live, so that a name there that is no fact is a mistake.
pub fn is_fact_namespace(path: &str) -> bool {
    let head = path.split_once('.').map_or(path, |(head, _)| head);
    SCOPES.iter().any(|fact| fact.name.split_once('.').is_some_and(|(namespace, _)| namespace == head))
}
