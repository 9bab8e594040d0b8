//! The parameters of EC2 calls, as rules read them.

use super::{Calls, Fact, Origin, calls, wire};

/// The request of an EC2 call.
pub(super) const EC2_REQUEST: Fact = Fact {
    name: "ec2.request",
    calls: Calls::AllOf(&[calls::EC2]),
    doc: "The request's parameters of a call of ec2.amazonaws.com, the same for both ways in which EC2 writes them: \
          without `<Operation>Request` around them, names compared without regard to case, and through lists as if \
          they were not there. `ec2.request.createVolumePermission.add.group` is every group that is added.",
    origin: Origin::Read(wire::request),
};

/// The response to an EC2 call.
pub(super) const EC2_RESPONSE: Fact = Fact {
    name: "ec2.response",
    calls: Calls::AllOf(&[calls::EC2]),
    doc: "The response's elements of a call of ec2.amazonaws.com, read like `ec2.request`: without \
          `<Operation>Response` around them. `ec2.response.vpc.vpcId` is the id of the VPC that was created.",
    origin: Origin::Read(wire::response),
};
