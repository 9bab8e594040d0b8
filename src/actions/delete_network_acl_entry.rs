//! Deletes an entry of a network ACL that a call created.

use ipnet::IpNet;
use serde_json::{Map, Value, json};

use super::ec2::{act, by_id, list, one, only, response, single, text};
use super::{Action, Argument, ArgumentKind, ArgumentSource, IamStatement, NextStep, Reversibility, Tags, Target};

/// The row.
pub(super) const ACTION: Action = Action {
    name: "delete-network-acl-entry",
    summary: "Deletes the ingress entry of the network ACL that the call created, by its number.",
    precondition: "The network ACL has an ingress entry with that number, network, protocol and ports.",
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
    ],
    requested,
    next_read: |target, responses| {
        single(responses, || by_id(target, "DescribeNetworkAcls", "NetworkAclIds", "network_acl_id"))
    },
    state: |target, responses| entry(target, responses).cloned().unwrap_or_default(),
    expected,
    decide,
    permissions: &[
        IamStatement { actions: &["ec2:DescribeNetworkAcls", "ec2:DescribeTags"], resources: &["*"], conditions: &[] },
        IamStatement {
            actions: &["ec2:DeleteNetworkAclEntry"],
            resources: &["arn:{partition}:ec2:{region}:{account}:network-acl/*"],
            conditions: &[],
        },
    ],
};

fn requested(source: &ArgumentSource<'_>) -> Option<Map<String, Value>> {
    if source.is("CreateNetworkAclEntry") { arguments(source) } else { None }
}

/// The entry in a record.
pub(super) fn arguments(source: &ArgumentSource<'_>) -> Option<Map<String, Value>> {
    let network = source.text("ec2.request.cidrBlock").or_else(|| source.text("ec2.request.ipv6CidrBlock"))?;
    let network: IpNet = network.parse().ok()?;
    let number = u64::try_from(source.number("ec2.request.ruleNumber")?).ok()?;
    let mut arguments = source.all(&[("network_acl_id", "ec2.request.networkAclId")])?;
    arguments.insert("rule_number".to_owned(), number.into());
    arguments.insert("cidr".to_owned(), network.trunc().to_string().into());
    arguments.insert("protocol".to_owned(), source.text("ec2.request.aclProtocol")?.into());
    let port = |end: &str| source.number(&format!("ec2.request.portRange.{end}"));
    arguments.insert("ports".to_owned(), ports(port("from"), port("to")).into());
    Some(arguments)
}

/// A range of ports as an argument.
fn ports(from: Option<i64>, to: Option<i64>) -> String {
    from.zip(to).map_or_else(|| "all".to_owned(), |(from, to)| format!("{from}-{to}"))
}

/// The response in the state that the record implies.
pub(super) fn expected(target: &Target) -> Vec<Value> {
    let cidr = target.text("cidr");
    let name = if cidr.contains(':') { "Ipv6CidrBlock" } else { "CidrBlock" };
    let mut entry = json!({
        "RuleNumber": target.number("rule_number"),
        "Egress": false,
        "Protocol": target.text("protocol"),
        "RuleAction": "allow",
        name: cidr,
    });
    let port = |port: &str| port.parse::<u16>().ok();
    let range = target.text("ports").split_once('-').and_then(|(from, to)| port(from).zip(port(to)));
    if let (Some((from, to)), Some(members)) = (range, entry.as_object_mut()) {
        members.insert("PortRange".to_owned(), json!({"From": from, "To": to}));
    }
    vec![json!({"NetworkAcls": [{"NetworkAclId": target.text("network_acl_id"), "Entries": [entry]}]})]
}

/// The ingress entry with the number.
pub(super) fn entry<'v>(target: &Target, responses: &'v [Value]) -> Option<&'v Value> {
    let acl = one(response(responses), "NetworkAcls", "NetworkAclId", target.text("network_acl_id"))?;
    list(acl, "Entries").iter().find(|entry| {
        entry.get("RuleNumber").and_then(Value::as_u64) == Some(target.number("rule_number"))
            && entry.get("Egress").and_then(Value::as_bool) == Some(false)
    })
}

fn decide(target: &Target, responses: &[Value]) -> NextStep {
    let (acl, number) = (target.text("network_acl_id"), target.number("rule_number"));
    let Some(entry) = entry(target, responses) else {
        return NextStep::NothingToDo(format!("{acl} has no ingress entry {number}."));
    };
    if !is_of_record(target, entry) {
        return NextStep::Differs(format!("The ingress entry {number} of {acl} is no longer as the call created it."));
    }
    let names =
        ["RuleNumber", "Egress", "Protocol", "RuleAction", "CidrBlock", "Ipv6CidrBlock", "IcmpTypeCode", "PortRange"];
    let mut create = only(entry, &names);
    create.insert("NetworkAclId".to_owned(), acl.into());
    let delete = json!({"NetworkAclId": acl, "RuleNumber": number, "Egress": false});
    act(target.ec2("DeleteNetworkAclEntry", delete), target.ec2("CreateNetworkAclEntry", Value::Object(create)))
}

/// Whether an entry allows the network, protocol and ports of the record.
pub(super) fn is_of_record(target: &Target, entry: &Value) -> bool {
    let network = |text: &str| text.parse::<IpNet>().ok().map(|network| network.trunc());
    let allows = ["CidrBlock", "Ipv6CidrBlock"]
        .iter()
        .any(|name| network(text(entry, name)).is_some_and(|cidr| network(target.text("cidr")) == Some(cidr)));
    let port = |end: &str| entry.pointer(&format!("/PortRange/{end}")).and_then(Value::as_i64);
    text(entry, "RuleAction") == "allow"
        && allows
        && text(entry, "Protocol") == target.text("protocol")
        && ports(port("From"), port("To")) == target.text("ports")
}
