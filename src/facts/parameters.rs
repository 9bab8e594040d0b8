//! The parameters of EC2 calls, as rules read them.

use super::{Calls, Derivation, Fact, calls, wire};

/// The request of an EC2 call.
pub(super) const EC2_REQUEST: Fact = Fact {
    name: "ec2.request",
    calls: Calls::AllOf(&[calls::EC2]),
    doc: "The request parameters of a call of ec2.amazonaws.com, the same for both styles in which EC2 writes them: \
          without the wrapper `<Operation>Request`, with case-insensitive names, and with the elements of lists in place \
          of the lists. `ec2.request.createVolumePermission.add.group` is every group that is added.",
    derivation: Derivation::Parameters(wire::request),
};

/// The response to an EC2 call.
pub(super) const EC2_RESPONSE: Fact = Fact {
    name: "ec2.response",
    calls: Calls::AllOf(&[calls::EC2]),
    doc: "The response elements of a call of ec2.amazonaws.com, read like `ec2.request`, without the wrapper \
          `<Operation>Response`. `ec2.response.vpc.vpcId` is the id of the VPC that was created.",
    derivation: Derivation::Parameters(wire::response),
};
