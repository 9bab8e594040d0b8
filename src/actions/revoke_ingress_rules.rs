//! Revokes security group rules that a call added.

use ipnet::IpNet;
use serde_json::{Map, Value, json};

use super::ec2::{list, only, response, single, tag_specifications, text};
use super::{
    Action, ApiCall, Argument, ArgumentKind, ArgumentSource, CallPlan, IamStatement, NextStep, Reversibility, Tags,
    Target,
};
use crate::network::Protocol;

/// The row.
pub(super) const ACTION: Action = Action {
    name: "revoke-ingress-rules",
    summary: "Revokes the security group rules that the call added and the finding reports, by their ids.",
    precondition: "The rules exist in that group and have the network, protocol and ports of the record.",
    rules: &[
        "sg-ingress-wide",
        "sg-ingress-wide-admin",
        "sg-ingress-wide-web",
        "sg-ingress-world",
        "sg-ingress-world-admin",
        "sg-ingress-world-all",
        "sg-ingress-world-database",
        "sg-ingress-world-high-risk",
        "sg-ingress-world-icmp",
        "sg-ingress-world-web",
    ],
    reversibility: Reversibility::WithLoss("The rules get new ids."),
    approval: None,
    restores_own: false,
    tags: Tags::Ec2("group_id"),
    arguments: &[
        Argument { name: "group_id", kind: ArgumentKind::Id("sg-") },
        Argument { name: "rules", kind: ArgumentKind::IngressRules },
    ],
    requested,
    next_read: |target, responses| single(responses, || read(target)),
    state: |target, responses| {
        let named = target.list("rules");
        let is_named = |rule: &&Value| named.iter().any(|one| is_same(one, rule));
        let mut state: Vec<Value> = described(responses).iter().filter(is_named).map(content).collect();
        state.sort_by_key(ToString::to_string);
        Value::from(state)
    },
    expected: |target| vec![rules_of(target)],
    decide,
    permissions: &[
        IamStatement {
            actions: &["ec2:DescribeSecurityGroupRules", "ec2:DescribeTags"],
            resources: &["*"],
            conditions: &[],
        },
        IamStatement {
            actions: &["ec2:RevokeSecurityGroupIngress"],
            resources: &["arn:{partition}:ec2:{region}:{account}:security-group/*"],
            conditions: &[],
        },
    ],
};

/// The call that reads the rules of the group.
pub(super) fn read(target: &Target) -> ApiCall {
    let filter = json!([{"Name": "group-id", "Values": [target.text("group_id")]}]);
    target.ec2("DescribeSecurityGroupRules", json!({"Filters": filter}))
}

/// The response to that call if the rules are as in the record.
pub(super) fn rules_of(target: &Target) -> Value {
    let rules: Vec<Value> = target
        .list("rules")
        .iter()
        .map(|rule| {
            let cidr = text(rule, "cidr");
            let name = if cidr.contains(':') { "CidrIpv6" } else { "CidrIpv4" };
            let protocol = match text(rule, "protocol") {
                "" => "-1",
                name => name.strip_prefix("protocol ").unwrap_or(name),
            };
            let port = |name: &str| rule.get(name).cloned().unwrap_or_else(|| json!(-1));
            json!({
                "SecurityGroupRuleId": text(rule, "id"),
                "GroupId": target.text("group_id"),
                "IsEgress": false,
                "IpProtocol": protocol,
                "FromPort": port("from_port"),
                "ToPort": port("to_port"),
                name: cidr,
            })
        })
        .collect();
    json!({"SecurityGroupRules": rules})
}

fn requested(source: &ArgumentSource<'_>) -> Option<Map<String, Value>> {
    if source.is("AuthorizeSecurityGroupIngress") { arguments(source) } else { None }
}

/// The group and the reported rules of a record.
pub(super) fn arguments(source: &ArgumentSource<'_>) -> Option<Map<String, Value>> {
    let group =
        source.text("ec2.response.securityGroupRuleSet.groupId").or_else(|| source.text("ec2.request.groupId"))?;
    let entries = source.matched("exposure.ingress.entries").into_iter().filter(|entry| is_of_the_call(entry));
    let rules: Option<Vec<Value>> = entries
        .map(|entry| {
            let mut rule = only(entry, &["protocol", "from_port", "to_port", "cidr"]);
            rule.insert("id".to_owned(), entry.get("rule_id")?.clone());
            Some(Value::Object(rule))
        })
        .collect();
    let members = [("group_id".to_owned(), Value::from(group)), ("rules".to_owned(), Value::from(rules?))];
    Some(Map::from_iter(members))
}

/// Whether the record itself contains the entry. Others come from earlier calls or from live state.
fn is_of_the_call(entry: &Value) -> bool {
    let is_of_record = |field: &Value| {
        field
            .as_str()
            .is_some_and(|field| field.starts_with("requestParameters") || field.starts_with("responseElements"))
    };
    list(entry, "fields").iter().any(is_of_record)
}

pub(super) fn described(responses: &[Value]) -> &[Value] {
    list(response(responses), "SecurityGroupRules")
}

/// Whether a described rule has the network, protocol and ports of a rule of the record.
pub(super) fn is_same(rule: &Value, described: &Value) -> bool {
    let network = |text: &str| text.parse::<IpNet>().ok().map(|network| network.trunc());
    let cidr = [text(described, "CidrIpv4"), text(described, "CidrIpv6")].into_iter().find(|text| !text.is_empty());
    let protocol = Protocol::parse(text(described, "IpProtocol"));
    let has_ports = protocol.is_some_and(Protocol::has_ports);
    let port = |name: &str| described.get(name).and_then(Value::as_i64);
    let ports = match (port("FromPort"), port("ToPort")) {
        (Some(from), Some(to)) if has_ports && (from, to) != (0, 65_535) && from >= 0 => Some((from, to)),
        _ => None,
    };
    let named = |name: &str| rule.get(name).and_then(Value::as_i64);
    described.get("IsEgress").and_then(Value::as_bool) == Some(false)
        && cidr.and_then(network).is_some_and(|cidr| network(text(rule, "cidr")) == Some(cidr))
        && protocol.map(Protocol::name).as_deref() == rule.get("protocol").and_then(Value::as_str)
        && ports == named("from_port").zip(named("to_port"))
}

/// What the inverse restores of a rule.
fn content(rule: &Value) -> Value {
    let names = ["IpProtocol", "FromPort", "ToPort", "CidrIpv4", "CidrIpv6", "Description", "Tags"];
    Value::Object(only(rule, &names))
}

fn decide(target: &Target, responses: &[Value]) -> NextStep {
    let group = target.text("group_id");
    let mut present = Vec::new();
    for named in target.list("rules") {
        let Some(rule) =
            described(responses).iter().find(|rule| text(rule, "SecurityGroupRuleId") == text(named, "id"))
        else {
            continue;
        };
        if text(rule, "GroupId") != group || !is_same(named, rule) {
            let id = text(named, "id");
            return NextStep::Differs(format!("The rule {id} is no longer as the call created it."));
        }
        present.push(rule);
    }
    if present.is_empty() {
        return NextStep::NothingToDo(format!("The rules no longer exist in {group}."));
    }
    let ids: Vec<&str> = present.iter().map(|rule| text(rule, "SecurityGroupRuleId")).collect();
    let revoke = json!({"GroupId": group, "SecurityGroupRuleIds": ids});
    NextStep::Act(CallPlan {
        calls: vec![target.ec2("RevokeSecurityGroupIngress", revoke)],
        inverse: present.into_iter().map(|rule| authorize(target, rule)).collect(),
        approval: None,
    })
}

/// The call that adds a rule again, with its description and tags.
fn authorize(target: &Target, rule: &Value) -> ApiCall {
    let mut range = only(rule, &["Description"]);
    let list = match text(rule, "CidrIpv6") {
        "" => {
            range.insert("CidrIp".to_owned(), text(rule, "CidrIpv4").into());
            "IpRanges"
        }
        cidr => {
            range.insert("CidrIpv6".to_owned(), cidr.into());
            "Ipv6Ranges"
        }
    };
    let mut permission = only(rule, &["IpProtocol", "FromPort", "ToPort"]);
    permission.insert(list.to_owned(), json!([range]));
    let mut parameters = Map::new();
    parameters.insert("GroupId".to_owned(), target.text("group_id").into());
    parameters.insert("IpPermissions".to_owned(), json!([permission]));
    if let Some(tags) = tag_specifications("security-group-rule", super::ec2::list(rule, "Tags")) {
        parameters.insert("TagSpecifications".to_owned(), tags);
    }
    target.ec2("AuthorizeSecurityGroupIngress", Value::Object(parameters))
}
