//! What a call opens to the internet.

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

/// What a call opens in a security group or network ACL; `None` when it opens nothing, or is another call.
pub(super) fn opening(event: &Event<'_>) -> Option<Opening> {
    let opened = match event.name()? {
        "AuthorizeSecurityGroupIngress" | "ModifySecurityGroupRules" => ingress::opened(event),
        "CreateNetworkAclEntry" | "ReplaceNetworkAclEntry" => network_acl::opened(event),
        _ => None,
    };
    opened.map(|opened| opened.opening)
}

/// The smallest IPv4 network that may be part of an opening by several calls. Security groups and prefix lists have at most
/// 1,000 entries, and that many smaller networks are no wide prefix.
const SMALLEST_PART_V4: u8 = 20;
/// The same for IPv6.
const SMALLEST_PART_V6: u8 = 32;

/// Whether a call lets a network into a security group, network ACL or prefix list that may be part of a larger opening
/// than the call alone.
pub(super) fn opens_in_part(event: &Event<'_>) -> bool {
    let sources = match event.name() {
        Some("AuthorizeSecurityGroupIngress" | "ModifySecurityGroupRules") => ingress::sources(event),
        Some("CreateNetworkAclEntry" | "ReplaceNetworkAclEntry") => network_acl::sources(event),
        Some("ModifyManagedPrefixList") => prefix_list::sources(event),
        _ => return false,
    };
    sources.opening().is_some_and(|opened| {
        opened.parts().any(|(source, part)| {
            let smallest = if source.network.addr().is_ipv4() { SMALLEST_PART_V4 } else { SMALLEST_PART_V6 };
            (Reach::Public..Reach::World).contains(&part) && source.network.prefix_len() <= smallest
        })
    })
}
