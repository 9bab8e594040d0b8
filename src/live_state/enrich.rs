//! Enriches records of calls that only the state of the account can decide.
//!
//! The state is added to the record as `liveState`, where facts read it. So the same rules evaluate the record and the state.

use serde_json::{Map, Value, json};

use super::path::public_addresses;
use super::query::AccountRegion;
use super::resources::network_acl::{NetworkAcl, NetworkAclEntry};
use super::resources::network_interface::NetworkInterface;
use super::resources::prefix_list::PrefixListEntry;
use super::resources::role::Role;
use super::resources::route_table::RouteTable;
use super::resources::security_group_rule::SecurityGroupRule;
use super::store::{Lookup, Missing, StateStore};
use super::target::{COMPLETING, ExposedInterfaces};
use super::verify::leads_to_the_internet;
use crate::access::Verdict;
use crate::event::{Event, scalar_text};
use crate::facts::{self, Undecided};
use crate::network::{Family, Reach};

/// Whether live state can provide fields that the record of `event` omits.
pub fn needs_state(event: &Event<'_>) -> bool {
    let nothing = StateStore::default();
    enrich(event, &Lookup::new(&nothing, AccountRegion::of(event))) == Err(Missing::Pending)
}

/// Calls whose records may omit fields, by `eventSource`, in addition to those of [`COMPLETING`].
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

/// Whether [`needs_state`] may be true for a call.
pub fn may_need_state(source: &str, name: &str) -> bool {
    DECIDED.iter().chain(&COMPLETING).any(|(known, names)| *known == source && names.contains(&name))
}

/// The value of `liveState` for a record. `None` if there is nothing to add.
///
/// # Errors
/// [`Missing`] if a query is pending or failed.
pub fn enrich(event: &Event<'_>, lookup: &Lookup<'_>) -> Result<Option<Value>, Missing> {
    let may_need = event.source().zip(event.name()).is_some_and(|(source, name)| may_need_state(source, name));
    if event.error_code().is_some() || !may_need {
        return Ok(None);
    }
    if let Some(exposed) = ExposedInterfaces::of(event) {
        return Ok(exposed.reached(lookup)?.map(|reached| json!({"reached": reached})));
    }
    match (event.source(), event.name()) {
        (Some("ec2.amazonaws.com"), Some(name)) => match name {
            "AuthorizeSecurityGroupIngress" => authorized_rules(event, lookup),
            "ModifySecurityGroupRules" => changed_rules(event, lookup),
            "CreateNetworkAclEntry" | "ReplaceNetworkAclEntry" => acl_now(event, lookup),
            "ModifyManagedPrefixList" => list_now(event, lookup),
            "CreateRoute" | "ReplaceRoute" => prefix_lists(&undecided_lists(event), lookup),
            "RunInstances" => launched(event, lookup),
            "ModifyNetworkInterfaceAttribute" | "ModifyInstanceAttribute" => assigned_groups(event, lookup),
            "AssociateRouteTable" | "ReplaceRouteTableAssociation" => table(event, lookup),
            _ => Ok(None),
        },
        (Some("iam.amazonaws.com"), Some(name)) => match name {
            "CreateRole" if facts::trust_verdict(event) != Verdict::Undecidable => Ok(None),
            "UpdateAssumeRolePolicy" if facts::trust_verdict(event) < Verdict::Undecidable => Ok(None),
            "CreateRole" | "UpdateAssumeRolePolicy" | "AttachRolePolicy" | "PutRolePolicy" => role(event, lookup),
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}

/// The value of `liveState` for a record whose state is unavailable.
pub fn unavailable(reason: &str) -> Value {
    json!({"unanswered": reason})
}

/// The record with a value for `liveState`.
pub fn enriched(record: &str, state: &Value) -> String {
    match record.trim_end().strip_suffix('}') {
        Some(open) => format!("{open},\"liveState\":{state}}}"),
        None => record.to_owned(),
    }
}

/// The values at `path` of an EC2 request.
fn requested(event: &Event<'_>, path: &str) -> Vec<String> {
    let values = facts::ec2_request(event).map(|request| request.select(path)).unwrap_or_default();
    values.into_iter().filter_map(scalar_text).map(|text| text.into_owned()).collect()
}

fn undecided_lists(event: &Event<'_>) -> Vec<String> {
    match facts::undecided(event) {
        Some(Undecided::PrefixLists(lists)) => lists,
        _ => Vec::new(),
    }
}

fn prefix_lists(ids: &[String], lookup: &Lookup<'_>) -> Result<Option<Value>, Missing> {
    let lists: Vec<_> = ids.iter().map(|id| (id, lookup.get(PrefixListEntry::BY_LIST, id))).collect();
    let mut values = Vec::new();
    for (id, entries) in lists {
        let networks: Vec<&str> = entries?.iter().map(|entry| entry.cidr.as_str()).collect();
        values.push(json!({"PrefixListId": id, "Cidrs": networks}));
    }
    Ok((!values.is_empty()).then(|| json!({"prefixLists": values})))
}

/// The entries of the prefix lists that a call allows, and all current rules of the group.
fn authorized_rules(event: &Event<'_>, lookup: &Lookup<'_>) -> Result<Option<Value>, Missing> {
    let undecided = facts::undecided(event);
    if undecided == Some(Undecided::Otherwise) {
        return rules_of_group(event, lookup);
    }
    let now = group_now(event, undecided.is_some(), lookup);
    let lists = match undecided {
        Some(Undecided::PrefixLists(lists)) => prefix_lists(&lists, lookup),
        _ => Ok(None),
    };
    Ok(joined([lists?, now?]))
}

/// The current rules of the group, for ingress that cannot be parsed.
fn rules_of_group(event: &Event<'_>, lookup: &Lookup<'_>) -> Result<Option<Value>, Missing> {
    let Some(group) = requested(event, "groupId").into_iter().next() else { return Ok(None) };
    let rules = lookup.get(SecurityGroupRule::BY_GROUP, &group)?;
    let rules = with_lists("securityGroupRules", rules, lookup)?;
    Ok(joined([Some(rules), Some(json!({"securityGroupRulesOf": group}))]))
}

/// All current rules of the group of a call, if the call may be one of several that open it together. If the group is
/// unavailable, the call is evaluated by itself.
fn group_now(event: &Event<'_>, is_undecided: bool, lookup: &Lookup<'_>) -> Result<Option<Value>, Missing> {
    if !is_undecided && !facts::opens_in_part(event) {
        return Ok(None);
    }
    let response = facts::ec2_response(event);
    let created = response.map(|response| response.select("securityGroupRuleSet.groupId")).unwrap_or_default();
    let created = created.into_iter().filter_map(scalar_text).map(|text| text.into_owned());
    let Some(group) = requested(event, "groupId").into_iter().chain(created).find(|id| id.starts_with("sg-")) else {
        return Ok(None);
    };
    let now = lookup.get(SecurityGroupRule::BY_GROUP, &group);
    if_available(now.and_then(|rules| with_lists("groupRules", rules, lookup).map(Some)))
}

/// All current entries of the network ACL of a call, if the entry may be one of several that open it together.
fn acl_now(event: &Event<'_>, lookup: &Lookup<'_>) -> Result<Option<Value>, Missing> {
    let Some(id) = requested(event, "networkAclId").into_iter().next().filter(|_| facts::opens_in_part(event)) else {
        return Ok(None);
    };
    let allows = |entry: &&NetworkAclEntry| !entry.egress && entry.rule_action.eq_ignore_ascii_case("allow");
    if_available(lookup.get(NetworkAcl::BY_ID, &id).map(|acls| {
        let allowed: Vec<_> = acls.iter().flat_map(|acl| &acl.entries).filter(allows).collect();
        Some(json!({"networkAclEntries": allowed}))
    }))
}

/// All current entries of the prefix list of a call, if the call may be one of several that open it together.
fn list_now(event: &Event<'_>, lookup: &Lookup<'_>) -> Result<Option<Value>, Missing> {
    let ids: Vec<String> = requested(event, "prefixListId").into_iter().take(1).collect();
    if !facts::opens_in_part(event) {
        return Ok(None);
    }
    if_available(prefix_lists(&ids, lookup))
}

/// Ignores unavailable state, so that a call is evaluated by itself.
fn if_available(now: Result<Option<Value>, Missing>) -> Result<Option<Value>, Missing> {
    match now {
        Err(Missing::Unavailable(_)) => Ok(None),
        now => now,
    }
}

/// The members of all parts in one object. Lists with the same name are concatenated. `None` if there are no parts.
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

/// The changed rules, the entries of the prefix lists they reference, and all current rules of the group.
fn changed_rules(event: &Event<'_>, lookup: &Lookup<'_>) -> Result<Option<Value>, Missing> {
    let undecided = facts::undecided(event);
    let opens = facts::opening(event).is_some_and(|opening| opening.reach >= Reach::Wide);
    if !opens && undecided.is_none() && !facts::opens_in_part(event) {
        return Ok(None);
    }
    let ids = requested(event, "securityGroupRule.securityGroupRuleId");
    if ids.is_empty() {
        return authorized_rules(event, lookup);
    }
    let rules: Vec<_> = ids.iter().map(|id| lookup.get(SecurityGroupRule::BY_ID, id)).collect();
    let now = group_now(event, undecided.is_some(), lookup);
    let lists = match undecided {
        Some(Undecided::PrefixLists(lists)) => prefix_lists(&lists, lookup),
        _ => Ok(None),
    };
    let rules = rules.into_iter().collect::<Result<Vec<_>, Missing>>()?.concat();
    Ok(joined([Some(json!({"securityGroupRules": rules})), lists?, now?]))
}

/// The public addresses of instances that were launched without requesting any. The subnet may assign them.
fn launched(event: &Event<'_>, lookup: &Lookup<'_>) -> Result<Option<Value>, Missing> {
    if facts::asks_for_ipv4(event) {
        return Ok(None);
    }
    let response = facts::ec2_response(event);
    let ids = response.map(|response| response.select("instancesSet.instanceId")).unwrap_or_default();
    let ids = ids.into_iter().filter_map(scalar_text);
    let interfaces: Vec<_> = ids.map(|id| lookup.get(NetworkInterface::BY_INSTANCE, &id)).collect();
    let interfaces = interfaces.into_iter().collect::<Result<Vec<_>, Missing>>()?;
    // The association of an Elastic IP address is recorded separately.
    let has_elastic_ip = |interface: &NetworkInterface| {
        interface.association.as_ref().is_some_and(|association| association.allocation_id.is_some())
    };
    let is_public = |interface: &&NetworkInterface| {
        !has_elastic_ip(interface) && public_addresses(interface).iter().any(|(family, _)| *family == Family::V4)
    };
    let public: Vec<&NetworkInterface> = interfaces.into_iter().flatten().filter(is_public).collect();
    Ok((!public.is_empty()).then(|| json!({"networkInterfaces": public})))
}

/// The ingress rules of the security groups that a call assigned to an interface or instance.
fn assigned_groups(event: &Event<'_>, lookup: &Lookup<'_>) -> Result<Option<Value>, Missing> {
    let groups = requested(event, "groupSet.groupId");
    let rules: Vec<_> = groups.iter().map(|id| lookup.get(SecurityGroupRule::BY_GROUP, id)).collect();
    let rules = rules.into_iter().collect::<Result<Vec<_>, Missing>>()?.concat();
    if rules.iter().all(|rule| rule.is_egress) {
        return Ok(None);
    }
    with_lists("securityGroupRules", &rules, lookup).map(Some)
}

/// The ingress rules as the member `name`, with the entries of the prefix lists that they reference.
fn with_lists(name: &str, rules: &[SecurityGroupRule], lookup: &Lookup<'_>) -> Result<Value, Missing> {
    let ingress: Vec<&SecurityGroupRule> = rules.iter().filter(|rule| !rule.is_egress).collect();
    let mut ids: Vec<String> = ingress.iter().filter_map(|rule| rule.prefix_list_id.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    let lists = prefix_lists(&ids, lookup)?;
    let rules = Map::from_iter([(name.to_owned(), json!(ingress))]);
    Ok(joined([lists, Some(Value::Object(rules))]).unwrap_or_default())
}

/// The route table that a subnet was associated with.
fn table(event: &Event<'_>, lookup: &Lookup<'_>) -> Result<Option<Value>, Missing> {
    let Some(id) = requested(event, "routeTableId").into_iter().next() else { return Ok(None) };
    let Some(table) = lookup.get(RouteTable::BY_ID, &id)?.first() else { return Ok(None) };
    if !leads_to_the_internet(lookup, table)? {
        return Ok(None);
    }
    let mut lists: Vec<String> =
        table.routes.iter().filter_map(|route| route.destination_prefix_list_id.clone()).collect();
    lists.dedup();
    let mut members = Map::from_iter([("routeTable".to_owned(), json!(table))]);
    if let Some(Value::Object(lists)) = prefix_lists(&lists, lookup)? {
        members.extend(lists);
    }
    Ok(Some(Value::Object(members)))
}

/// The role with its policies.
fn role(event: &Event<'_>, lookup: &Lookup<'_>) -> Result<Option<Value>, Missing> {
    let name = ["requestParameters.roleName", "responseElements.role.roleName"];
    let Some(name) = name.iter().find_map(|path| event.text(path)).filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    Ok(lookup.get(Role::BY_NAME, &name)?.first().map(|role| json!({"role": role})))
}
