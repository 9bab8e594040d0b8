//! Restores a security group rule that a call modified, from the history that AWS Config records.

use serde_json::{Map, Value, json};

use super::ec2::{act, list, only, text};
use super::revoke_ingress_rules::{arguments, described, is_same, read, rules_of};
use super::{
    Action, ApiCall, Argument, ArgumentKind, ArgumentSource, IamStatement, NextStep, Reversibility, Tags, Target,
    history,
};

/// The row.
pub(super) const ACTION: Action = Action {
    name: "restore-ingress-rule",
    summary: "Gives the security group rule that the call modified its former network, protocol and ports.",
    precondition: "The rule is as the call set it, and AWS Config recorded exactly one ingress rule that the group no longer has.",
    rules: super::revoke_ingress_rules::ACTION.rules,
    reversibility: Reversibility::Exact,
    approval: None,
    restores_own: false,
    tags: Tags::Ec2("group_id"),
    arguments: &[
        Argument { name: "group_id", kind: ArgumentKind::Id("sg-") },
        Argument { name: "rules", kind: ArgumentKind::IngressRules },
        Argument { name: "changed_at", kind: ArgumentKind::Time },
    ],
    requested,
    next_read: |target, responses| match responses {
        [] => Some(read(target)),
        [rules] if !rules.is_null() => Some(history::read(target, "AWS::EC2::SecurityGroup", target.text("group_id"))),
        _ => None,
    },
    state: |target, responses| present(target, responses).map(content).unwrap_or_default(),
    expected: |target| vec![rules_of(target), Value::Null],
    decide,
    permissions: &[
        IamStatement {
            actions: &["ec2:DescribeSecurityGroupRules", "ec2:DescribeTags", "config:GetResourceConfigHistory"],
            resources: &["*"],
            conditions: &[],
        },
        IamStatement {
            actions: &["ec2:ModifySecurityGroupRules"],
            resources: &[
                "arn:{partition}:ec2:{region}:{account}:security-group/*",
                "arn:{partition}:ec2:{region}:{account}:security-group-rule/*",
            ],
            conditions: &[],
        },
    ],
};

/// Members of a rule that the call sets.
const MEMBERS: [&str; 6] = ["IpProtocol", "FromPort", "ToPort", "CidrIpv4", "CidrIpv6", "Description"];

fn requested(source: &ArgumentSource<'_>) -> Option<Map<String, Value>> {
    if !source.is("ModifySecurityGroupRules") {
        return None;
    }
    let mut arguments = arguments(source)?;
    // AWS Config records no ids of rules, so that the former values of several rules cannot be told apart.
    if arguments.get("rules")?.as_array()?.len() != 1 {
        return None;
    }
    arguments.insert("changed_at".to_owned(), source.time()?.to_string().into());
    Some(arguments)
}

fn content(rule: &Value) -> Value {
    Value::Object(only(rule, &MEMBERS))
}

/// The rule of the record.
fn named(target: &Target) -> &Value {
    target.list("rules").first().unwrap_or(&Value::Null)
}

/// The rule as it is now.
fn present<'v>(target: &Target, responses: &'v [Value]) -> Option<&'v Value> {
    let id = text(named(target), "id");
    described(responses).iter().find(|rule| text(rule, "SecurityGroupRuleId") == id)
}

/// The ingress rules for networks that AWS Config recorded.
fn former(responses: &[Value]) -> Vec<Value> {
    let Some(configuration) = history::configuration(responses.get(1)) else { return Vec::new() };
    let mut rules = Vec::new();
    for permission in list(&configuration, "ipPermissions").iter().map(history::api_names) {
        for (ranges, from, to) in [("Ipv4Ranges", "CidrIp", "CidrIpv4"), ("Ipv6Ranges", "CidrIpv6", "CidrIpv6")] {
            for range in list(&permission, ranges) {
                let mut rule = only(&permission, &["IpProtocol", "FromPort", "ToPort"]);
                rule.insert(to.to_owned(), text(range, from).into());
                rule.extend(only(range, &["Description"]));
                rules.push(Value::Object(rule));
            }
        }
    }
    rules
}

/// Whether two rules let the same networks in. AWS Config leaves ports out where EC2 returns -1.
fn is_equal(one: &Value, other: &Value) -> bool {
    let port = |rule: &Value, name: &str| rule.get(name).and_then(Value::as_i64).unwrap_or(-1);
    ["IpProtocol", "CidrIpv4", "CidrIpv6"].iter().all(|name| text(one, name) == text(other, name))
        && ["FromPort", "ToPort"].iter().all(|name| port(one, name) == port(other, name))
}

fn decide(target: &Target, responses: &[Value]) -> NextStep {
    let (group, named) = (target.text("group_id"), named(target));
    let id = text(named, "id");
    let Some(rule) = present(target, responses) else {
        return NextStep::NothingToDo(format!("The rule {id} no longer exists in {group}."));
    };
    let former = former(responses);
    if text(rule, "GroupId") != group || !is_same(named, rule) {
        return if former.iter().any(|former| is_equal(former, rule)) {
            NextStep::NothingToDo(format!("The rule {id} has former values."))
        } else {
            NextStep::Differs(format!("The rule {id} is no longer as the call set it."))
        };
    }
    let is_ingress = |rule: &&Value| rule.get("IsEgress").and_then(Value::as_bool) == Some(false);
    let now: Vec<&Value> = described(responses).iter().filter(is_ingress).collect();
    let mut missing = former.iter().filter(|former| !now.iter().any(|rule| is_equal(former, rule)));
    match (missing.next(), missing.next()) {
        // A rule that was already as it is now has no other former value.
        (Some(_), None) if former.iter().any(|former| is_equal(former, rule)) => {
            NextStep::Differs(format!("AWS Config recorded the rule {id} as it is now. Set it by hand."))
        }
        (Some(former), None) => act(modify(target, id, content(former)), modify(target, id, content(rule))),
        _ => NextStep::Differs(format!("AWS Config has no former rule that can only be {id}. Set it by hand.")),
    }
}

fn modify(target: &Target, id: &str, rule: Value) -> ApiCall {
    let update = json!([{"SecurityGroupRuleId": id, "SecurityGroupRule": rule}]);
    target.ec2("ModifySecurityGroupRules", json!({"GroupId": target.text("group_id"), "SecurityGroupRules": update}))
}
