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

pub(super) use ingress::INGRESS;
pub(super) use load_balancer::LOAD_BALANCER;
pub(super) use network_acl::NETWORK_ACL;
pub(super) use peering::PEERING;
pub(super) use prefix_list::PREFIX_LIST;
pub(super) use public_address::PUBLIC_ADDRESS;
pub(super) use route::ROUTE;
pub(super) use undecided::UNDECIDED;

/// `eventSource` of EC2 and VPC.
const EC2: &str = "ec2.amazonaws.com";
/// `eventSource` of load balancers, of both generations.
const ELB: &str = "elasticloadbalancing.amazonaws.com";
