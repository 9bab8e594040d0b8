//! Ingress that a call adds to a security group.

use std::borrow::Cow;

use super::permission::Permission;
use super::source::{MAX_ARGUMENTS, Opened, Source, Sources, Unreadable, members_doc, together_doc};
use crate::event::{Event, Value};
use crate::facts::{Calls, Derivation, Fact, Parameters, calls, object, texts, wire};

/// The call that changes rules of either direction.
pub(super) const MODIFY: &str = "ModifySecurityGroupRules";

/// The ingress a call adds to a security group.
pub(in crate::facts) const INGRESS: Fact = Fact {
    name: "exposure.ingress",
    calls: Calls::These(&[(calls::EC2, "AuthorizeSecurityGroupIngress"), (calls::EC2, "ModifySecurityGroupRules")]),
    doc: concat!(
        "Ingress from networks that AuthorizeSecurityGroupIngress or ModifySecurityGroupRules adds to a security group. ",
        members_doc!(),
        together_doc!(),
        " Networks that earlier calls in the same delivery or file added to the group count too, if this call opens more \
         together with them. `direction` is unknown for ModifySecurityGroupRules, because its record does not distinguish \
         ingress from egress, else ingress. `group` is the group and `rules` are the rules, as arguments of `aws ec2 \
         revoke-security-group-ingress`.",
    ),
    derivation: Derivation::FromRecord(ingress),
};

/// The opening of the call, with live state together with all current rules of the group.
pub(super) fn opened<'e>(event: &'e Event<'_>) -> Option<Opened<'e>> {
    let mut now = Sources::default();
    if let Some(live) = wire::live(event) {
        created(&live, "groupRules", Some(&live), &mut now);
    }
    sources(event).with_earlier(event).together(now)
}

fn ingress<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    let opened = opened(event)?;
    let mut members = opened.members();
    members.push(("direction", Value::from(if is_ingress(event) { "ingress" } else { "unknown" })));
    members.push(("group", texts(group(event))));
    members.push(("rules", texts(rules(&opened))));
    Some(object(members))
}

/// Whether the call is known to change ingress. ModifySecurityGroupRules changes either direction, and only live state
/// contains it.
fn is_ingress(event: &Event<'_>) -> bool {
    let changes = wire::request(event).map(|request| request.list("securityGroupRule")).unwrap_or_default();
    let is_known =
        |change: &Parameters<'_>| described(event, change.text_of("securityGroupRuleId").as_deref()).is_some();
    event.name() != Some(MODIFY)
        || is_replaced_by_live_state(event)
        || (!changes.is_empty() && changes.iter().all(is_known))
}

/// The rule with this id in live state.
fn described<'e>(event: &'e Event<'_>, id: Option<&str>) -> Option<Parameters<'e>> {
    let rules = wire::live(event)?.list("securityGroupRules");
    rules.into_iter().find(|rule| rule.text_of("securityGroupRuleId").as_deref() == id)
}

/// Whether live state contains all rules of the group, because the record does not contain the rules of the call.
fn is_replaced_by_live_state(event: &Event<'_>) -> bool {
    wire::live(event).is_some_and(|live| live.get("securityGroupRulesOf").is_some())
}

/// The ingress of security groups in live state: members `securityGroupRules` and `prefixLists`.
pub(in crate::facts) fn described_ingress<'e>(live: &Parameters<'e>) -> Sources<'e> {
    let mut sources = Sources::default();
    created(live, "securityGroupRules", Some(live), &mut sources);
    sources
}

/// The networks that the call allows, from the request and the response.
pub(super) fn sources<'e>(event: &'e Event<'_>) -> Sources<'e> {
    let live = wire::live(event);
    if let Some(live) = live.as_ref().filter(|_| is_replaced_by_live_state(event)) {
        return described_ingress(live);
    }
    let mut sources = Sources::default();
    if let Some(request) = wire::request(event) {
        match event.name() {
            Some(MODIFY) => modified(event, &request, live.as_ref(), &mut sources),
            _ => authorized(&request, live.as_ref(), &mut sources),
        }
    }
    if let Some(response) = wire::response(event) {
        if is_in_response(event) {
            // The response contains the rules even if the request is masked.
            sources.unreadable = Unreadable::default();
        }
        created(&response, "securityGroupRuleSet", live.as_ref(), &mut sources);
    }
    sources
}

/// Whether the response lists all created rules, or live state all current rules.
pub(super) fn is_in_response(event: &Event<'_>) -> bool {
    let lists = |response: Parameters<'_>| response.get("securityGroupRuleSet").is_some();
    is_replaced_by_live_state(event) || (!event.lacks_response() && wire::response(event).is_some_and(lists))
}

/// Whether the request names any source. EC2 rejects requests without one.
pub(super) fn is_in_request(event: &Event<'_>) -> bool {
    const SOURCES: [&str; 7] = [
        "ipPermissions",
        "cidrIp",
        "cidrIpv6",
        "sourceSecurityGroupName",
        "sourceSecurityGroupOwnerId",
        "sourceSecurityGroupId",
        "securityGroupRule",
    ];
    !event.lacks_request() && wire::request(event).is_some_and(|request| request.first_of(&SOURCES).is_some())
}

/// Adds the sources of AuthorizeSecurityGroupIngress: a list `ipPermissions`, or one permission at the top level.
fn authorized<'e>(request: &Parameters<'e>, live: Option<&Parameters<'e>>, sources: &mut Sources<'e>) {
    for key in ["cidrIp", "cidrIpv6"] {
        sources.add(request, key, permission(request), None);
    }
    for group in request.list("ipPermissions") {
        for range in group.list("ipRanges") {
            sources.add(&range, "cidrIp", permission(&group), None);
        }
        for range in group.list("ipv6Ranges") {
            sources.add(&range, "cidrIpv6", permission(&group), None);
        }
        for list in group.list("prefixListIds") {
            sources.add_prefix_list(&list, "prefixListId", permission(&group).as_ref(), live);
        }
    }
}

/// Adds the new sources of each changed rule, except rules that are egress in live state.
fn modified<'e>(
    event: &'e Event<'_>,
    request: &Parameters<'e>,
    live: Option<&Parameters<'e>>,
    sources: &mut Sources<'e>,
) {
    for change in request.list("securityGroupRule") {
        let described = described(event, change.text_of("securityGroupRuleId").as_deref());
        if described.is_some_and(|rule| rule.flag_of("isEgress") == Some(true)) {
            continue;
        }
        for rule in change.list("securityGroupRule") {
            add_rule(&rule, change.text_of("securityGroupRuleId"), live, sources);
        }
    }
}

/// Adds the sources of a list of rules, except egress.
fn created<'e>(parent: &Parameters<'e>, list: &str, live: Option<&Parameters<'e>>, sources: &mut Sources<'e>) {
    for rule in parent.list(list) {
        if rule.flag_of("isEgress") != Some(true) {
            add_rule(&rule, rule.text_of("securityGroupRuleId"), live, sources);
        }
    }
}

fn add_rule<'e>(
    rule: &Parameters<'e>,
    id: Option<Cow<'e, str>>,
    live: Option<&Parameters<'e>>,
    sources: &mut Sources<'e>,
) {
    for key in ["cidrIpv4", "cidrIpv6"] {
        sources.add(rule, key, permission(rule), id.clone());
    }
    sources.add_prefix_list(rule, "prefixListId", permission(rule).as_ref(), live);
}

fn permission(rule: &Parameters<'_>) -> Option<Permission> {
    Permission::of(rule.get("ipProtocol").as_ref(), Some(rule), ["fromPort", "toPort"])
}

/// The group, as arguments of the AWS CLI.
fn group<'e>(event: &'e Event<'_>) -> Vec<Cow<'e, str>> {
    let request = wire::request(event);
    let requested = |key| request.as_ref().and_then(|request| request.text_of(key));
    let created = || {
        let rules = wire::response(event)?.list("securityGroupRuleSet");
        rules.first()?.text_of("groupId")
    };
    match (requested("groupId").or_else(created), requested("groupName")) {
        (Some(id), _) => vec!["--group-id".into(), id],
        (None, Some(name)) => vec!["--group-name".into(), name],
        (None, None) => Vec::new(),
    }
}

/// The offending rules, as arguments of the AWS CLI: by id if all ids are known, else by permission.
fn rules<'e>(opened: &Opened<'e>) -> Vec<Cow<'e, str>> {
    let offending: Vec<&Source<'e>> = opened.offending().take(MAX_ARGUMENTS).collect();
    let ids: Option<Vec<Cow<'e, str>>> = offending.iter().map(|source| source.rule_id.clone()).collect();
    match ids {
        Some(ids) if ids.is_empty() => Vec::new(),
        Some(ids) => [vec!["--security-group-rule-ids".into()], ids].concat(),
        None => {
            let mut arguments: Vec<Cow<'e, str>> = vec!["--ip-permissions".into()];
            for permission in offending.iter().map(|source| Cow::Owned(shorthand(source))) {
                // All networks of a prefix list are one permission.
                if !arguments.contains(&permission) {
                    arguments.push(permission);
                }
            }
            arguments
        }
    }
}

/// One permission in the shorthand syntax of the AWS CLI.
fn shorthand(source: &Source<'_>) -> String {
    let (network, permission) = (source.network, source.permission.shorthand());
    if let Some(id) = &source.prefix_list {
        return format!("{permission},PrefixListIds=[{{PrefixListId={id}}}]");
    }
    if network.addr().is_ipv4() {
        format!("{permission},IpRanges=[{{CidrIp={network}}}]")
    } else {
        format!("{permission},Ipv6Ranges=[{{CidrIpv6={network}}}]")
    }
}
