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

use crate::address::Opening;
use crate::event::Event;

/// What a call opens in a security group or network ACL; `None` when it opens nothing, or is another call.
pub(super) fn opening(event: &Event<'_>) -> Option<Opening> {
    let sources = match event.name()? {
        "AuthorizeSecurityGroupIngress" | "ModifySecurityGroupRules" => ingress::sources(event),
        "CreateNetworkAclEntry" | "ReplaceNetworkAclEntry" => network_acl::sources(event),
        _ => return None,
    };
    sources.with_earlier(event).opening().map(|opened| opened.opening)
}
