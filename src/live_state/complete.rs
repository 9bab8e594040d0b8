//! Completes records whose calls only the state of the account can judge.
//!
//! What is learned is added to the record as its member `liveState`, where facts find it; so the same rules judge what a
//! record says and what live state adds to it.

use serde_json::{Map, Value, json};

use super::completion::{COMPLETING, Target};
use super::describe::{NetworkAclEntry, NetworkInterface, SecurityGroupRule};
use super::judge::leads_to_the_internet;
use super::knowledge::{Gap, Inquiry, Knowledge};
use super::question::{Place, Topic};
use super::reachability::public_addresses;
use crate::access::Verdict;
use crate::event::{Event, scalar_text};
use crate::facts::{self, Undecided};
use crate::network::{Family, Reach};

/// Whether live state can say something about the call of `event` that the record leaves open.
pub fn asks(event: &Event<'_>) -> bool {
    let nothing = Knowledge::default();
    complete(event, &Inquiry::new(&nothing, Place::of(event))) == Err(Gap::Open)
}

/// Calls that live state decides where the record does not, by `eventSource`; beside those of [`COMPLETING`].
const DECIDED: [(&str, &[&str]); 2] = [
    (
        "ec2.amazonaws.com",
        &[
            "AuthorizeSecurityGroupIngress",
            "ModifySecurityGroupRules",
            "CreateNetworkAclEntry",
            "ReplaceNetworkAclEntry",
            "ModifyManagedPrefixList",
            "CreateRoute",
            "ReplaceRoute",
            "RunInstances",
            "ModifyNetworkInterfaceAttribute",
            "ModifyInstanceAttribute",
            "AssociateRouteTable",
            "ReplaceRouteTableAssociation",
        ],
    ),
    ("iam.amazonaws.com", &["CreateRole", "UpdateAssumeRolePolicy", "AttachRolePolicy", "PutRolePolicy"]),
];

/// Whether [`asks`] may say yes for a record of such a call.
pub fn may_ask(source: &str, name: &str) -> bool {
    DECIDED.iter().chain(&COMPLETING).any(|(known, names)| *known == source && names.contains(&name))
}

/// What live state adds to a record: the value of its `liveState`. `None` when there is nothing to add.
///
/// # Errors
/// [`Gap`], while there is something to ask, or when it could not be told.
pub fn complete(event: &Event<'_>, inquiry: &Inquiry<'_>) -> Result<Option<Value>, Gap> {
    let is_completed = event.source().zip(event.name()).is_some_and(|(source, name)| may_ask(source, name));
    if event.error_code().is_some() || !is_completed {
        return Ok(None);
    }
    if let Some(target) = Target::of(event) {
        return Ok(target.reached(inquiry)?.map(|reached| json!({"reached": reached})));
    }
    match (event.source(), event.name()) {
        (Some("ec2.amazonaws.com"), Some(name)) => match name {
            "AuthorizeSecurityGroupIngress" => authorized_rules(event, inquiry),
            "ModifySecurityGroupRules" => changed_rules(event, inquiry),
            "CreateNetworkAclEntry" | "ReplaceNetworkAclEntry" => acl_now(event, inquiry),
            "ModifyManagedPrefixList" => list_now(event, inquiry),
            "CreateRoute" | "ReplaceRoute" => prefix_lists(&undecided_lists(event), inquiry),
            "RunInstances" => launched(event, inquiry),
            "ModifyNetworkInterfaceAttribute" | "ModifyInstanceAttribute" => groups_behind(event, inquiry),
            "AssociateRouteTable" | "ReplaceRouteTableAssociation" => table(event, inquiry),
            _ => Ok(None),
        },
        (Some("iam.amazonaws.com"), Some(name)) => match name {
            "CreateRole" if facts::trust_verdict(event) != Verdict::Undecidable => Ok(None),
            "UpdateAssumeRolePolicy" if facts::trust_verdict(event) < Verdict::Undecidable => Ok(None),
            "CreateRole" | "UpdateAssumeRolePolicy" | "AttachRolePolicy" | "PutRolePolicy" => role(event, inquiry),
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}

/// What is added to a record for which live state could not be asked: why.
pub fn unanswered(why: &str) -> Value {
    json!({"unanswered": why})
}

/// The record with what live state adds.
pub fn completed(record: &str, state: &Value) -> String {
    match record.trim_end().strip_suffix('}') {
        Some(open) => format!("{open},\"liveState\":{state}}}"),
        None => record.to_owned(),
    }
}

/// What is written at `path` of the request, in the style of EC2.
fn requested(event: &Event<'_>, path: &str) -> Vec<String> {
    let found = facts::ec2_request(event).map(|request| request.select(path)).unwrap_or_default();
    found.into_iter().filter_map(scalar_text).map(|text| text.into_owned()).collect()
}

fn undecided_lists(event: &Event<'_>) -> Vec<String> {
    match facts::undecided(event) {
        Some(Undecided::PrefixLists(lists)) => lists,
        _ => Vec::new(),
    }
}

fn prefix_lists(ids: &[String], inquiry: &Inquiry<'_>) -> Result<Option<Value>, Gap> {
    let lists: Vec<_> = ids.iter().map(|id| (id, inquiry.prefix_list(Topic::PrefixList, id))).collect();
    let mut known = Vec::new();
    for (id, entries) in lists {
        let networks: Vec<&str> = entries?.iter().map(|entry| entry.cidr.as_str()).collect();
        known.push(json!({"PrefixListId": id, "Cidrs": networks}));
    }
    Ok((!known.is_empty()).then(|| json!({"prefixLists": known})))
}

/// What is in the prefix lists that a call lets in, and all that the group lets in now.
fn authorized_rules(event: &Event<'_>, inquiry: &Inquiry<'_>) -> Result<Option<Value>, Gap> {
    let undecided = facts::undecided(event);
    if undecided == Some(Undecided::Otherwise) {
        return rules_of_group(event, inquiry);
    }
    let now = group_now(event, undecided.is_some(), inquiry);
    let lists = match undecided {
        Some(Undecided::PrefixLists(lists)) => prefix_lists(&lists, inquiry),
        _ => Ok(None),
    };
    Ok(joined([lists?, now?]))
}

/// For ingress that cannot be read: what the group lets in now.
fn rules_of_group(event: &Event<'_>, inquiry: &Inquiry<'_>) -> Result<Option<Value>, Gap> {
    let Some(group) = requested(event, "groupId").into_iter().next() else { return Ok(None) };
    let rules = inquiry.group_rules(Topic::GroupRules, &group)?;
    let rules = with_lists("securityGroupRules", rules, inquiry)?;
    Ok(joined([Some(rules), Some(json!({"securityGroupRulesOf": group}))]))
}

/// Everything that the group of a call lets in now, when the call may be one of several that open it together. A group
/// that cannot be read leaves the call to be judged by itself.
fn group_now(event: &Event<'_>, is_open: bool, inquiry: &Inquiry<'_>) -> Result<Option<Value>, Gap> {
    if !is_open && !facts::opens_in_part(event) {
        return Ok(None);
    }
    let response = facts::ec2_response(event);
    let created = response.map(|response| response.select("securityGroupRuleSet.groupId")).unwrap_or_default();
    let created = created.into_iter().filter_map(scalar_text).map(|text| text.into_owned());
    let Some(group) = requested(event, "groupId").into_iter().chain(created).find(|id| id.starts_with("sg-")) else {
        return Ok(None);
    };
    let now = inquiry.group_rules(Topic::GroupRules, &group);
    known(now.and_then(|rules| with_lists("groupRules", rules, inquiry).map(Some)))
}

/// Everything that the network ACL of a call allows now, when the entry may be one of several that open it together.
fn acl_now(event: &Event<'_>, inquiry: &Inquiry<'_>) -> Result<Option<Value>, Gap> {
    let Some(id) = requested(event, "networkAclId").into_iter().next().filter(|_| facts::opens_in_part(event)) else {
        return Ok(None);
    };
    let allows = |entry: &&NetworkAclEntry| !entry.egress && entry.rule_action.eq_ignore_ascii_case("allow");
    known(inquiry.acls(Topic::Acl, &id).map(|acls| {
        let allowed: Vec<_> = acls.iter().flat_map(|acl| &acl.entries).filter(allows).collect();
        Some(json!({"networkAclEntries": allowed}))
    }))
}

/// Everything that the prefix list of a call holds now, when the call may be one of several that open it together.
fn list_now(event: &Event<'_>, inquiry: &Inquiry<'_>) -> Result<Option<Value>, Gap> {
    let ids: Vec<String> = requested(event, "prefixListId").into_iter().take(1).collect();
    if !facts::opens_in_part(event) {
        return Ok(None);
    }
    known(prefix_lists(&ids, inquiry))
}

/// What cannot be read leaves a call to be judged by itself.
fn known(now: Result<Option<Value>, Gap>) -> Result<Option<Value>, Gap> {
    match now {
        Err(Gap::Unknown(_)) => Ok(None),
        now => now,
    }
}

/// The members of all parts in one object; lists of the same name one after the other. `None` when there are no parts.
fn joined<const N: usize>(parts: [Option<Value>; N]) -> Option<Value> {
    let mut members: Map<String, Value> = Map::new();
    for (name, value) in parts.into_iter().flatten().filter_map(object).flatten() {
        match (members.get_mut(&name), value) {
            (Some(Value::Array(known)), Value::Array(more)) => known.extend(more),
            (_, value) => {
                members.insert(name, value);
            }
        }
    }
    (!members.is_empty()).then_some(Value::Object(members))
}

fn object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

/// Which of the changed rules are ingress, what is in the prefix lists they name, and all that the group lets in now.
fn changed_rules(event: &Event<'_>, inquiry: &Inquiry<'_>) -> Result<Option<Value>, Gap> {
    let undecided = facts::undecided(event);
    let opens = facts::opening(event).is_some_and(|opening| opening.reach >= Reach::Wide);
    if !opens && undecided.is_none() && !facts::opens_in_part(event) {
        return Ok(None);
    }
    let ids = requested(event, "securityGroupRule.securityGroupRuleId");
    if ids.is_empty() {
        return authorized_rules(event, inquiry);
    }
    let found: Vec<_> = ids.iter().map(|id| inquiry.group_rules(Topic::GroupRule, id)).collect();
    let now = group_now(event, undecided.is_some(), inquiry);
    let lists = match undecided {
        Some(Undecided::PrefixLists(lists)) => prefix_lists(&lists, inquiry),
        _ => Ok(None),
    };
    let rules = found.into_iter().collect::<Result<Vec<_>, Gap>>()?.concat();
    Ok(joined([Some(json!({"securityGroupRules": rules})), lists?, now?]))
}

/// The public addresses of instances that were started without asking for any: the subnet may hand them out.
fn launched(event: &Event<'_>, inquiry: &Inquiry<'_>) -> Result<Option<Value>, Gap> {
    if facts::asks_for_ipv4(event) {
        return Ok(None);
    }
    let response = facts::ec2_response(event);
    let ids = response.map(|response| response.select("instancesSet.instanceId")).unwrap_or_default();
    let ids = ids.into_iter().filter_map(scalar_text);
    let found: Vec<_> = ids.map(|id| inquiry.interfaces(Topic::InterfacesOfInstance, &id)).collect();
    let found = found.into_iter().collect::<Result<Vec<_>, Gap>>()?;
    // Who gives it an Elastic IP address is told by the record of that.
    let is_given = |one: &NetworkInterface| one.association.as_ref().is_some_and(|it| it.allocation_id.is_some());
    let is_public = |one: &&NetworkInterface| {
        !is_given(one) && public_addresses(one).iter().any(|(family, _)| *family == Family::V4)
    };
    let public: Vec<&NetworkInterface> = found.into_iter().flatten().filter(is_public).collect();
    Ok((!public.is_empty()).then(|| json!({"networkInterfaces": public})))
}

/// What the security groups let in that an interface or instance was put behind.
fn groups_behind(event: &Event<'_>, inquiry: &Inquiry<'_>) -> Result<Option<Value>, Gap> {
    let groups = requested(event, "groupSet.groupId");
    let found: Vec<_> = groups.iter().map(|id| inquiry.group_rules(Topic::GroupRules, id)).collect();
    let rules = found.into_iter().collect::<Result<Vec<_>, Gap>>()?.concat();
    if rules.iter().all(|rule| rule.is_egress) {
        return Ok(None);
    }
    with_lists("securityGroupRules", &rules, inquiry).map(Some)
}

/// The ingress rules as the member `name`, with the content of the prefix lists that they let in.
fn with_lists(name: &str, rules: &[SecurityGroupRule], inquiry: &Inquiry<'_>) -> Result<Value, Gap> {
    let ingress: Vec<&SecurityGroupRule> = rules.iter().filter(|rule| !rule.is_egress).collect();
    let mut ids: Vec<String> = ingress.iter().filter_map(|rule| rule.prefix_list_id.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    let lists = prefix_lists(&ids, inquiry)?;
    let rules = Map::from_iter([(name.to_owned(), json!(ingress))]);
    Ok(joined([lists, Some(Value::Object(rules))]).unwrap_or_default())
}

/// The route table that a subnet was put behind.
fn table(event: &Event<'_>, inquiry: &Inquiry<'_>) -> Result<Option<Value>, Gap> {
    let Some(id) = requested(event, "routeTableId").into_iter().next() else { return Ok(None) };
    let Some(table) = inquiry.route_tables(Topic::RouteTable, &id)?.first() else { return Ok(None) };
    if !leads_to_the_internet(inquiry, table)? {
        return Ok(None);
    }
    let mut lists: Vec<String> = table.routes.iter().filter_map(|one| one.destination_prefix_list_id.clone()).collect();
    lists.dedup();
    let mut members = Map::from_iter([("routeTable".to_owned(), json!(table))]);
    if let Some(Value::Object(lists)) = prefix_lists(&lists, inquiry)? {
        members.extend(lists);
    }
    Ok(Some(Value::Object(members)))
}

/// The role with its policies.
fn role(event: &Event<'_>, inquiry: &Inquiry<'_>) -> Result<Option<Value>, Gap> {
    let name = ["requestParameters.roleName", "responseElements.role.roleName"];
    let Some(name) = name.iter().find_map(|path| event.text(path)).filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    Ok(inquiry.roles(Topic::Role, &name)?.first().map(|role| json!({"role": role})))
}
