//! The names of calls that services have, and which of them can open or blind something.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// The names in `operations.json`, which says where they come from and of when they are.
#[derive(Debug, Deserialize)]
struct Catalogue {
    source: String,
    date: String,
    /// What the service's interface has.
    operations: BTreeMap<String, Vec<String>>,
    /// What CloudTrail records beside or instead of these.
    also_logged: BTreeMap<String, Vec<String>>,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    // A test reads it, so that it cannot be empty for being wrong.
    serde_json::from_str(include_str!("operations.json")).unwrap_or_else(|_| Catalogue {
        source: String::new(),
        date: String::new(),
        operations: BTreeMap::new(),
        also_logged: BTreeMap::new(),
    })
});

/// The names of the calls of a service, by its `eventSource`; none when they are not known.
pub(super) fn names_of(source: &str) -> Vec<&'static str> {
    let catalogue: &'static Catalogue = &CATALOGUE;
    let lists = [&catalogue.operations, &catalogue.also_logged].into_iter().filter_map(|names| names.get(source));
    lists.flatten().map(String::as_str).collect()
}

/// Every call whose name is known, as `eventSource` and `eventName`, each spelt as CloudTrail writes it (but for the version
/// that AWS Lambda appends).
pub fn known_calls() -> impl Iterator<Item = (&'static str, &'static str)> {
    let catalogue: &'static Catalogue = &CATALOGUE;
    let lists = catalogue.operations.iter().chain(&catalogue.also_logged);
    lists.flat_map(|(source, names)| names.iter().map(|name| (source.as_str(), name.as_str())))
}

/// Where the names come from and of when they are.
pub fn provenance() -> String {
    format!("{}, {}", CATALOGUE.source, CATALOGUE.date)
}

/// What a call can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Danger {
    /// Open a resource or an account to others.
    Exposure,
    /// Keep CloudTrail from recording, delivering or keeping records.
    Blinding,
}

/// Calls that can do so, by `eventSource`. Gathered by reading through the names in `operations.json`.
pub(super) const DANGEROUS: &[(Danger, &str, &[&str])] = &[
    (
        Danger::Exposure,
        "ec2.amazonaws.com",
        &[
            "AcceptVpcPeeringConnection",
            "AssignIpv6Addresses",
            "AssociateAddress",
            "AssociateRouteTable",
            "AssociateSubnetCidrBlock",
            "AttachInternetGateway",
            "AuthorizeSecurityGroupEgress",
            "AuthorizeSecurityGroupIngress",
            "CreateDefaultSubnet",
            "CreateDefaultVpc",
            "CreateFleet",
            "CreateLaunchTemplate",
            "CreateLaunchTemplateVersion",
            "CreateManagedPrefixList",
            "CreateNetworkAclEntry",
            "CreateNetworkInterfacePermission",
            "CreateRoute",
            "CreateVpcBlockPublicAccessExclusion",
            "CreateVpcPeeringConnection",
            "DisableEbsEncryptionByDefault",
            "DisableImageBlockPublicAccess",
            "DisableSnapshotBlockPublicAccess",
            "EnableSnapshotBlockPublicAccess",
            "ModifyImageAttribute",
            "ModifyInstanceMetadataDefaults",
            "ModifyInstanceMetadataOptions",
            "ModifyManagedPrefixList",
            "ModifyNetworkInterfaceAttribute",
            "ModifySecurityGroupRules",
            "ModifySnapshotAttribute",
            "ModifySubnetAttribute",
            "ModifyVpcBlockPublicAccessExclusion",
            "ModifyVpcBlockPublicAccessOptions",
            "ModifyVpcEndpointServicePermissions",
            "ReplaceNetworkAclAssociation",
            "ReplaceNetworkAclEntry",
            "ReplaceRoute",
            "ReplaceRouteTableAssociation",
            "RequestSpotFleet",
            "RequestSpotInstances",
            "RestoreManagedPrefixListVersion",
            "RunInstances",
        ],
    ),
    (
        Danger::Exposure,
        "iam.amazonaws.com",
        &[
            "AddClientIDToOpenIDConnectProvider",
            "CreateOpenIDConnectProvider",
            "CreateRole",
            "CreateSAMLProvider",
            "UpdateAssumeRolePolicy",
            "UpdateOpenIDConnectProviderThumbprint",
            "UpdateSAMLProvider",
        ],
    ),
    (
        Danger::Blinding,
        "cloudtrail.amazonaws.com",
        &[
            "DeleteChannel",
            "DeleteEventDataStore",
            "DeleteResourcePolicy",
            "DeleteTrail",
            "DeregisterOrganizationDelegatedAdmin",
            "DisableFederation",
            "PutEventConfiguration",
            "PutEventSelectors",
            "PutInsightSelectors",
            "PutResourcePolicy",
            "RegisterOrganizationDelegatedAdmin",
            "StopEventDataStoreIngestion",
            "StopLogging",
            "UpdateChannel",
            "UpdateEventDataStore",
            "UpdateTrail",
        ],
    ),
    (Danger::Blinding, "ec2.amazonaws.com", &["DeleteFlowLogs"]),
    (
        Danger::Blinding,
        "iam.amazonaws.com",
        &[
            "AttachRolePolicy",
            "DeleteRole",
            "DeleteRolePermissionsBoundary",
            "DeleteRolePolicy",
            "DetachRolePolicy",
            "PutRolePermissionsBoundary",
            "PutRolePolicy",
            "UpdateAssumeRolePolicy",
        ],
    ),
    (
        Danger::Blinding,
        "logs.amazonaws.com",
        &[
            "AssociateKmsKey",
            "DeleteAccountPolicy",
            "DeleteDestination",
            "DeleteLogGroup",
            "DeleteLogStream",
            "DeleteResourcePolicy",
            "DeleteRetentionPolicy",
            "DeleteSubscriptionFilter",
            "DisassociateKmsKey",
            "PutAccountPolicy",
            "PutDataProtectionPolicy",
            "PutDestinationPolicy",
            "PutLogGroupDeletionProtection",
            "PutResourcePolicy",
            "PutRetentionPolicy",
            "PutSubscriptionFilter",
            "PutTransformer",
        ],
    ),
];
