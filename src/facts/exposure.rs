//! Facts about resources that a call opens to the internet.

mod earlier;
mod ingress;
mod listener;
mod load_balancer;
mod network_acl;
mod peering;
mod permission;
mod prefix_list;
mod public_address;
mod route;
mod source;
mod undecided;

pub use earlier::Earlier;
pub(super) use ingress::{INGRESS, described_ingress};
pub(super) use listener::LISTENER;
pub(super) use load_balancer::LOAD_BALANCER;
pub(super) use network_acl::NETWORK_ACL;
pub(super) use peering::PEERING;
pub(super) use prefix_list::PREFIX_LIST;
pub(super) use public_address::{PUBLIC_ADDRESS, asks_for_ipv4};
pub(super) use route::{ROUTE, described_routes};
pub(super) use source::members_doc;
pub(super) use undecided::UNDECIDED;
pub use undecided::Undecided;

use crate::event::Event;
use crate::network::{Opening, Reach};

/// The opening of a call that changes a security group or network ACL. Returns `None` for other calls, or if the call opens
/// nothing.
pub(super) fn opening(event: &Event<'_>) -> Option<Opening> {
    let opened = match event.name()? {
        "AuthorizeSecurityGroupIngress" | "ModifySecurityGroupRules" => ingress::opened(event),
        "CreateNetworkAclEntry" | "ReplaceNetworkAclEntry" => network_acl::opened(event),
        _ => None,
    };
    opened.map(|opened| opened.opening)
}

/// Maximum prefix length of an IPv4 network that may contribute to an opening by several calls. Security groups and prefix
/// lists have at most 1,000 entries, and 1,000 smaller networks are not wide.
const MAX_CONTRIBUTING_LENGTH_V4: u8 = 20;
/// Maximum prefix length of an IPv6 network that may contribute to an opening by several calls.
const MAX_CONTRIBUTING_LENGTH_V6: u8 = 32;

/// Whether a call adds a network to a security group, network ACL or prefix list that may contribute to a larger opening
/// together with networks that other calls add.
pub(super) fn opens_in_part(event: &Event<'_>) -> bool {
    let sources = match event.name() {
        Some("AuthorizeSecurityGroupIngress" | "ModifySecurityGroupRules") => ingress::sources(event),
        Some("CreateNetworkAclEntry" | "ReplaceNetworkAclEntry") => network_acl::sources(event),
        Some("ModifyManagedPrefixList") => prefix_list::sources(event),
        _ => return false,
    };
    sources.opening().is_some_and(|opened| {
        opened.contributions().any(|(source, contribution)| {
            let is_ipv4 = source.network.addr().is_ipv4();
            let max_length = if is_ipv4 { MAX_CONTRIBUTING_LENGTH_V4 } else { MAX_CONTRIBUTING_LENGTH_V6 };
            (Reach::Public..Reach::World).contains(&contribution) && source.network.prefix_len() <= max_length
        })
    })
}
