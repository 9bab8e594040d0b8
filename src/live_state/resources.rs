//! The kinds of resources that live state reads: one file and one row each.
//!
//! The file of a kind contains the fields that are used, under the names in AWS CLI output, the queries that select resources,
//! the call that lists them, the file in a snapshot, the lifetime of a response, and the IAM actions. The Terraform module
//! `live-state-policy` and `trailwarden snapshot --help` are generated from the rows.

pub mod block_public_access;
pub mod instance;
pub mod internet_gateway;
pub mod network_acl;
pub mod network_interface;
pub mod prefix_list;
pub mod role;
pub mod route_table;
pub mod security_group;
pub mod security_group_rule;
pub mod subnet;
pub mod vpc;

use std::collections::{BTreeMap, BTreeSet};

use super::kind::{PolicyResource, Resource, ResourceKind};

/// Every kind, in the order in which a snapshot is written.
pub static RESOURCES: &[&ResourceKind] = &[
    role::Role::KIND,
    network_interface::NetworkInterface::KIND,
    security_group_rule::SecurityGroupRule::KIND,
    security_group::SecurityGroup::KIND,
    route_table::RouteTable::KIND,
    internet_gateway::InternetGateway::KIND,
    network_acl::NetworkAcl::KIND,
    vpc::Vpc::KIND,
    subnet::Subnet::KIND,
    instance::Instance::KIND,
    block_public_access::BlockPublicAccess::KIND,
    prefix_list::PrefixListEntry::KIND,
];

/// The IAM actions that reading live state needs, by the `Resource` of the policy statement.
pub fn actions() -> BTreeMap<PolicyResource, BTreeSet<&'static str>> {
    let mut actions: BTreeMap<PolicyResource, BTreeSet<&'static str>> = BTreeMap::new();
    for permission in RESOURCES.iter().flat_map(|kind| kind.permissions) {
        actions.entry(permission.on).or_default().extend(permission.actions);
    }
    actions
}

/// The IAM actions that writing a snapshot needs.
pub fn snapshot_actions() -> BTreeSet<&'static str> {
    RESOURCES.iter().flat_map(|kind| kind.snapshot_actions).copied().collect()
}

/// Declares a resource or a part of one. Fields that AWS adds are ignored, and missing fields are empty.
///
/// `from TYPE` converts the SDK's type, whose fields have the same names.
macro_rules! resource {
    ($(#[$about:meta])* $name:ident from $sdk:ident { $($(#[$of_field:meta])* $field:ident: $type:ty,)* }) => {
        resource! { $(#[$about])* $name { $($(#[$of_field])* $field: $type,)* } }

        #[cfg(feature = "live")]
        impl From<aws_sdk_ec2::types::$sdk> for $name {
            fn from(sdk: aws_sdk_ec2::types::$sdk) -> Self {
                use crate::live_state::resources::OrEmpty as _;
                Self { $($field: sdk.$field.or_empty(),)* }
            }
        }
    };
    ($(#[$about:meta])* $name:ident { $($(#[$of_field:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
        #[serde(default, rename_all = "PascalCase")]
        pub struct $name {
            $($(#[$of_field])* pub $field: $type,)*
        }
    };
}
use resource;

/// Converts an optional field of the SDK to a field that is empty if AWS does not return it.
#[cfg(feature = "live")]
trait OrEmpty<T> {
    fn or_empty(self) -> T;
}

#[cfg(feature = "live")]
impl OrEmpty<bool> for Option<bool> {
    fn or_empty(self) -> bool {
        self.unwrap_or_default()
    }
}

#[cfg(feature = "live")]
impl OrEmpty<i32> for Option<i32> {
    fn or_empty(self) -> i32 {
        self.unwrap_or_default()
    }
}

/// Strings and enumerations.
#[cfg(feature = "live")]
impl<T: AsRef<str>> OrEmpty<String> for Option<T> {
    fn or_empty(self) -> String {
        self.map(|value| value.as_ref().to_owned()).unwrap_or_default()
    }
}

#[cfg(feature = "live")]
impl<T, U: From<T>> OrEmpty<Option<U>> for Option<T> {
    fn or_empty(self) -> Option<U> {
        self.map(U::from)
    }
}

#[cfg(feature = "live")]
impl<T, U: From<T>> OrEmpty<Vec<U>> for Option<Vec<T>> {
    fn or_empty(self) -> Vec<U> {
        self.unwrap_or_default().into_iter().map(U::from).collect()
    }
}
