//! Makes a snapshot or image private that a call shared with every account.

use serde_json::{Map, Value, json};

use super::ec2::{act, list, response, single, text};
use super::{Action, ApiCall, Argument, ArgumentKind, IamStatement, NextStep, Reversibility, Tags, Target};

/// The row for snapshots.
pub(super) const SNAPSHOT: Action = Action {
    name: "unshare-snapshot",
    summary: "Takes the group `all` from the snapshot's permissions, so that it is no longer public.",
    precondition: "The snapshot is shared with the group `all`.",
    rules: &["snapshot-public"],
    tags: Tags::Ec2("snapshot_id"),
    arguments: &[Argument { name: "snapshot_id", kind: ArgumentKind::Id("snap-") }],
    requested: |source| source.all(&[("snapshot_id", "ec2.request.snapshotId")]),
    next_read: |target, responses| single(responses, || SNAPSHOTS.describe(target)),
    state: |_, responses| SNAPSHOTS.state(responses),
    expected: |_| SNAPSHOTS.expected(),
    decide: |target, responses| SNAPSHOTS.decide(target, responses),
    permissions: &[
        IamStatement {
            actions: &["ec2:DescribeSnapshotAttribute", "ec2:DescribeTags"],
            resources: &["*"],
            conditions: &[],
        },
        // The role cannot publish a snapshot.
        IamStatement {
            actions: &["ec2:ModifySnapshotAttribute"],
            resources: &["arn:{partition}:ec2:{region}::snapshot/*"],
            conditions: &[("StringEquals", "ec2:Remove/group", "all"), ("Null", "ec2:Add/group", "true")],
        },
    ],
    ..IMAGE
};

/// The row for images.
pub(super) const IMAGE: Action = Action {
    name: "unshare-image",
    summary: "Takes the group `all` from the image's launch permissions, so that it is no longer public.",
    precondition: "The image is shared with the group `all`.",
    rules: &["image-public"],
    reversibility: Reversibility::Exact,
    approval: None,
    restores_own: false,
    tags: Tags::Ec2("image_id"),
    arguments: &[Argument { name: "image_id", kind: ArgumentKind::Id("ami-") }],
    requested: |source| source.all(&[("image_id", "ec2.request.imageId")]),
    next_read: |target, responses| single(responses, || IMAGES.describe(target)),
    state: |_, responses| IMAGES.state(responses),
    expected: |_| IMAGES.expected(),
    decide: |target, responses| IMAGES.decide(target, responses),
    permissions: &[
        IamStatement {
            actions: &["ec2:DescribeImageAttribute", "ec2:DescribeTags"],
            resources: &["*"],
            conditions: &[],
        },
        IamStatement {
            actions: &["ec2:ModifyImageAttribute"],
            resources: &["arn:{partition}:ec2:{region}::image/*"],
            conditions: &[],
        },
    ],
};

/// The names that differ between the two.
struct Shared {
    argument: &'static str,
    id: &'static str,
    describe: &'static str,
    modify: &'static str,
    attribute: &'static str,
    parameter: &'static str,
    permissions: &'static str,
}

const SNAPSHOTS: Shared = Shared {
    argument: "snapshot_id",
    id: "SnapshotId",
    describe: "DescribeSnapshotAttribute",
    modify: "ModifySnapshotAttribute",
    attribute: "createVolumePermission",
    parameter: "CreateVolumePermission",
    permissions: "CreateVolumePermissions",
};

const IMAGES: Shared = Shared {
    argument: "image_id",
    id: "ImageId",
    describe: "DescribeImageAttribute",
    modify: "ModifyImageAttribute",
    attribute: "launchPermission",
    parameter: "LaunchPermission",
    permissions: "LaunchPermissions",
};

impl Shared {
    fn describe(&self, target: &Target) -> ApiCall {
        target.ec2(self.describe, json!({self.id: target.text(self.argument), "Attribute": self.attribute}))
    }

    /// Whether everybody may use it; null if it does not exist.
    fn state(&self, responses: &[Value]) -> Value {
        let response = response(responses);
        if response.is_null() {
            return Value::Null;
        }
        list(response, self.permissions).iter().any(|permission| text(permission, "Group") == "all").into()
    }

    fn expected(&self) -> Vec<Value> {
        vec![json!({self.permissions: [{"Group": "all"}]})]
    }

    fn decide(&self, target: &Target, responses: &[Value]) -> NextStep {
        let id = target.text(self.argument);
        match self.state(responses) {
            Value::Bool(true) => act(self.change(target, "Remove"), self.change(target, "Add")),
            Value::Bool(false) => NextStep::NothingToDo(format!("{id} is not public.")),
            _ => NextStep::NothingToDo(format!("{id} does not exist.")),
        }
    }

    fn change(&self, target: &Target, change: &str) -> ApiCall {
        let change = Map::from_iter([(change.to_owned(), json!([{"Group": "all"}]))]);
        target.ec2(self.modify, json!({self.id: target.text(self.argument), self.parameter: change}))
    }
}
