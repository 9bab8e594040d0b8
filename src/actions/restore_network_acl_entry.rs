//! Restores an entry of a network ACL that a call replaced.

use serde_json::{Map, Value, json};

use super::delete_network_acl_entry::{arguments, entry, is_of_record};
use super::ec2::{act, by_id, list, only};
use super::{
    Action, Argument, ArgumentKind, ArgumentSource, IamStatement, NextStep, Reversibility, Tags, Target, history,
};

/// The row.
pub(super) const ACTION: Action = Action {
    name: "restore-network-acl-entry",
    summary: "Restores the ingress entry of the network ACL that AWS Config recorded before the call.",
    precondition: "The network ACL has an ingress entry with that number, network, protocol and ports, and AWS Config \
                   recorded another before.",
    rules: &[
        "nacl-ingress-wide",
        "nacl-ingress-wide-web",
        "nacl-ingress-world",
        "nacl-ingress-world-admin",
        "nacl-ingress-world-web",
    ],
    reversibility: Reversibility::Exact,
    approval: None,
    restores_own: false,
    tags: Tags::Ec2("network_acl_id"),
    arguments: &[
        Argument { name: "network_acl_id", kind: ArgumentKind::Id("acl-") },
        Argument { name: "rule_number", kind: ArgumentKind::Number },
        Argument { name: "cidr", kind: ArgumentKind::Network },
        Argument { name: "protocol", kind: ArgumentKind::Protocol },
        Argument { name: "ports", kind: ArgumentKind::Ports },
        Argument { name: "changed_at", kind: ArgumentKind::Time },
    ],
    requested,
    next_read: |target, responses| match responses {
        [] => Some(by_id(target, "DescribeNetworkAcls", "NetworkAclIds", "network_acl_id")),
        [acls] if !acls.is_null() => Some(history::read(target, "AWS::EC2::NetworkAcl", target.text("network_acl_id"))),
        _ => None,
    },
    state: |target, responses| entry(target, responses).map(content).unwrap_or_default(),
    expected: |target| {
        let mut responses = super::delete_network_acl_entry::expected(target);
        responses.push(Value::Null);
        responses
    },
    decide,
    permissions: &[
        IamStatement {
            actions: &["ec2:DescribeNetworkAcls", "ec2:DescribeTags", "config:GetResourceConfigHistory"],
            resources: &["*"],
            conditions: &[],
        },
        IamStatement {
            actions: &["ec2:ReplaceNetworkAclEntry"],
            resources: &["arn:{partition}:ec2:{region}:{account}:network-acl/*"],
            conditions: &[],
        },
    ],
};

/// Members of an entry. AWS Config begins them with a lower-case letter.
const MEMBERS: [&str; 8] =
    ["RuleNumber", "Egress", "Protocol", "RuleAction", "CidrBlock", "Ipv6CidrBlock", "IcmpTypeCode", "PortRange"];

fn requested(source: &ArgumentSource<'_>) -> Option<Map<String, Value>> {
    if !source.is("ReplaceNetworkAclEntry") {
        return None;
    }
    let mut arguments = arguments(source)?;
    arguments.insert("changed_at".to_owned(), source.time()?.to_string().into());
    Some(arguments)
}

fn content(entry: &Value) -> Value {
    Value::Object(only(entry, &MEMBERS))
}

/// The entry that AWS Config recorded.
fn former(target: &Target, responses: &[Value]) -> Option<Value> {
    let configuration = history::configuration(responses.get(1))?;
    let mut entries = list(&configuration, "entries").iter().map(history::api_names);
    entries.find(|entry| {
        entry.get("RuleNumber").and_then(Value::as_u64) == Some(target.number("rule_number"))
            && entry.get("Egress").and_then(Value::as_bool) == Some(false)
    })
}

fn decide(target: &Target, responses: &[Value]) -> NextStep {
    let (acl, number) = (target.text("network_acl_id"), target.number("rule_number"));
    let Some(entry) = entry(target, responses) else {
        return NextStep::NothingToDo(format!("{acl} has no ingress entry {number}."));
    };
    let former = former(target, responses).as_ref().map(content);
    if !is_of_record(target, entry) {
        return match former == Some(content(entry)) {
            true => NextStep::NothingToDo(format!("The ingress entry {number} of {acl} is as before the call.")),
            false => NextStep::Differs(format!("The ingress entry {number} of {acl} is no longer as the call set it.")),
        };
    }
    let replace = |entry: &Value| {
        let mut parameters = only(entry, &MEMBERS);
        parameters.insert("NetworkAclId".to_owned(), acl.into());
        target.ec2("ReplaceNetworkAclEntry", json!(parameters))
    };
    match former.filter(|former| *former != content(entry)) {
        Some(former) => act(replace(&former), replace(entry)),
        None => NextStep::Differs(format!("AWS Config has no former entry {number} of {acl}. Set it by hand.")),
    }
}
