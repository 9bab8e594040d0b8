//! Facts from the member `liveState`, which live state adds to a record. It has the names of EC2 and IAM responses. Without
//! live state, these facts are absent.

/// The calls that may complete an opening that existed before, together with `$other` calls.
macro_rules! completing_calls {
    ($($other:expr),* $(,)?) => {
        Calls::These(&[
            (calls::EC2, "StartInstances"),
            (calls::EC2, "AttachNetworkInterface"),
            (calls::EC2, "CreateNetworkInterface"),
            (calls::EC2, "AssignIpv6Addresses"),
            (calls::EC2, "AssociateSubnetCidrBlock"),
            (calls::ELB, "SetSecurityGroups"),
            (calls::ELB, "ApplySecurityGroupsToLoadBalancer"),
            $($other),*
        ])
    };
}

mod ingress;
mod reached;
mod role;
mod route;
mod unanswered;

pub(super) use ingress::INGRESS;
pub(super) use reached::REACHED;
pub(super) use role::ROLE;
pub(super) use route::ROUTE;
pub(super) use unanswered::UNANSWERED;
