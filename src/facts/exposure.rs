//! What a call opens to the internet.

mod ingress;
mod load_balancer;
mod network_acl;
mod peering;
mod permission;
mod prefix_list;
mod public_address;
mod route;
mod source;
mod undecided;

pub(super) use ingress::{INGRESS, described_ingress, opens_in_part};
pub(super) use load_balancer::LOAD_BALANCER;
pub(super) use network_acl::NETWORK_ACL;
pub(super) use peering::PEERING;
pub(super) use prefix_list::PREFIX_LIST;
pub(super) use public_address::{PUBLIC_ADDRESS, asks_for_ipv4};
pub(super) use route::{ROUTE, described_routes};
pub(super) use source::members_doc;
pub(super) use undecided::UNDECIDED;
pub use undecided::Undecided;

use crate::address::Opening;
use crate::event::Event;

/// What a call opens in a security group or network ACL; `None` when it opens nothing, or is another call.
pub(super) fn opening(event: &Event<'_>) -> Option<Opening> {
    let opened = match event.name()? {
        "AuthorizeSecurityGroupIngress" | "ModifySecurityGroupRules" => ingress::opened(event),
        "CreateNetworkAclEntry" | "ReplaceNetworkAclEntry" => network_acl::sources(event).opening(),
        _ => None,
    };
    opened.map(|opened| opened.opening)
}
