//! Deletes an exclusion from VPC block public access that a call created.

use serde_json::{Map, Value, json};

use super::ec2::{act, list, only, response, single, tag_specifications, text};
use super::{Action, Argument, ArgumentKind, ArgumentSource, IamStatement, NextStep, Reversibility, Tags, Target};

/// The row.
pub(super) const ACTION: Action = Action {
    name: "delete-block-public-access-exclusion",
    summary: "Deletes the exclusion from VPC block public access that the call created.",
    precondition: "The exclusion exists and is complete.",
    rules: &["block-public-access-weakened-exclusion"],
    reversibility: Reversibility::WithLoss("The exclusion gets a new id."),
    approval: None,
    restores_own: false,
    tags: Tags::Ec2("exclusion_id"),
    arguments: &[
        Argument { name: "exclusion_id", kind: ArgumentKind::Id("vpcbpa-exclude-") },
        Argument { name: "resource_id", kind: ArgumentKind::IdOf(&["vpc-", "subnet-"]) },
    ],
    requested,
    next_read: |target, responses| {
        single(responses, || target.ec2("DescribeVpcBlockPublicAccessExclusions", json!({})))
    },
    state: |target, responses| exclusion(target, responses).map(content).unwrap_or_default(),
    expected: |target| {
        let resource = target.text("resource_id");
        let kind = if resource.starts_with("subnet-") { "subnet" } else { "vpc" };
        let place = target.place();
        let arn = format!("arn:{}:ec2:{}:{}:{kind}/{resource}", place.partition, place.region, place.account);
        let exclusion =
            json!({"ExclusionId": target.text("exclusion_id"), "ResourceArn": arn, "State": "create-complete"});
        vec![json!({"VpcBlockPublicAccessExclusions": [exclusion]})]
    },
    decide,
    permissions: &[IamStatement {
        actions: &[
            "ec2:DescribeVpcBlockPublicAccessExclusions",
            "ec2:DeleteVpcBlockPublicAccessExclusion",
            "ec2:DescribeTags",
        ],
        resources: &["*"],
        conditions: &[],
    }],
};

fn requested(source: &ArgumentSource<'_>) -> Option<Map<String, Value>> {
    if !source.is("CreateVpcBlockPublicAccessExclusion") {
        return None;
    }
    let resource = source.text("ec2.request.vpcId").or_else(|| source.text("ec2.request.subnetId"))?;
    let mut arguments = source.all(&[("exclusion_id", "ec2.response.vpcBlockPublicAccessExclusion.exclusionId")])?;
    arguments.insert("resource_id".to_owned(), resource.into());
    Some(arguments)
}

/// The exclusion of the resource; EC2 allows one.
fn exclusion<'v>(target: &Target, responses: &'v [Value]) -> Option<&'v Value> {
    let mut exclusions = list(response(responses), "VpcBlockPublicAccessExclusions").iter();
    exclusions.find(|one| !text(one, "State").starts_with("delete-") && resource(one) == target.text("resource_id"))
}

/// The id of the VPC or subnet of an exclusion.
fn resource(exclusion: &Value) -> &str {
    text(exclusion, "ResourceArn").rsplit('/').next().unwrap_or_default()
}

fn content(exclusion: &Value) -> Value {
    Value::Object(only(exclusion, &["ResourceArn", "InternetGatewayExclusionMode", "Tags"]))
}

fn decide(target: &Target, responses: &[Value]) -> NextStep {
    let id = target.text("exclusion_id");
    let resource = target.text("resource_id");
    let Some(exclusion) = exclusion(target, responses) else {
        return NextStep::NothingToDo(format!("{id} no longer exists."));
    };
    if text(exclusion, "ExclusionId") != id {
        return NextStep::Differs(format!("{resource} has another exclusion than {id}."));
    }
    let parameter = if resource.starts_with("subnet-") { "SubnetId" } else { "VpcId" };
    let mut create = only(exclusion, &["InternetGatewayExclusionMode"]);
    create.insert(parameter.to_owned(), resource.into());
    if let Some(tags) = tag_specifications("vpc-block-public-access-exclusion", list(exclusion, "Tags")) {
        create.insert("TagSpecifications".to_owned(), tags);
    }
    act(
        target.ec2("DeleteVpcBlockPublicAccessExclusion", json!({"ExclusionId": id})),
        target.ec2("CreateVpcBlockPublicAccessExclusion", Value::Object(create)),
    )
}
