//! What a call lets into a security group.

use std::borrow::Cow;

use super::permission::Permission;
use super::source::{MAX_ARGUMENTS, Opened, Source, Sources, Unreadable, members_doc, together_doc};
use crate::event::{Event, Value};
use crate::facts::{Calls, Fact, Origin, Parameters, calls, object, texts, wire};

/// The call that changes rules of either direction.
pub(super) const MODIFY: &str = "ModifySecurityGroupRules";

/// The ingress a call adds to a security group.
pub(in crate::facts) const INGRESS: Fact = Fact {
    name: "exposure.ingress",
    calls: Calls::These(&[(calls::EC2, "AuthorizeSecurityGroupIngress"), (calls::EC2, "ModifySecurityGroupRules")]),
    doc: concat!(
        "What AuthorizeSecurityGroupIngress or ModifySecurityGroupRules lets into a security group from networks. ",
        members_doc!(),
        together_doc!(),
        " Networks that earlier calls of the same delivery or file added to the group count too, if this call opens more \
         with them. `direction` is unknown for ModifySecurityGroupRules, whose record does not tell ingress from egress, else \
         ingress. `group` names the group and `rules` the rules, as arguments of `aws ec2 \
         revoke-security-group-ingress`.",
    ),
    origin: Origin::Derived(ingress),
};

/// What the call opens: where live state tells what the group lets in now, together with all of that.
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

/// Whether it is known that the call is about ingress: ModifySecurityGroupRules takes either, and only live state tells.
fn is_ingress(event: &Event<'_>) -> bool {
    let changed = wire::request(event).map(|request| request.list("securityGroupRule")).unwrap_or_default();
    let told = |change: &Parameters<'_>| described(event, change.text_of("securityGroupRuleId").as_deref()).is_some();
    event.name() != Some(MODIFY) || is_told(event) || (!changed.is_empty() && changed.iter().all(told))
}

/// The rule of this id, by live state.
fn described<'e>(event: &'e Event<'_>, id: Option<&str>) -> Option<Parameters<'e>> {
    let rules = wire::live(event)?.list("securityGroupRules");
    rules.into_iter().find(|rule| rule.text_of("securityGroupRuleId").as_deref() == id)
}

/// Whether live state tells all that the group lets in, for want of what the record says.
fn is_told(event: &Event<'_>) -> bool {
    wire::live(event).is_some_and(|live| live.get("securityGroupRulesOf").is_some())
}

/// What security groups let in by live state: members `securityGroupRules` and `prefixLists`.
pub(in crate::facts) fn described_ingress<'e>(live: &Parameters<'e>) -> Sources<'e> {
    let mut sources = Sources::default();
    created(live, "securityGroupRules", Some(live), &mut sources);
    sources
}

/// Whom the call lets in: what was asked for, and what was created.
pub(super) fn sources<'e>(event: &'e Event<'_>) -> Sources<'e> {
    let live = wire::live(event);
    if let Some(live) = live.as_ref().filter(|_| is_told(event)) {
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
            // What was created tells more than what was asked for, where that is masked.
            sources.unreadable = Unreadable::default();
        }
        created(&response, "securityGroupRuleSet", live.as_ref(), &mut sources);
    }
    sources
}

/// Whether the response lists the rules that were created, all of them, or live state those that there are.
pub(super) fn is_in_response(event: &Event<'_>) -> bool {
    let lists = |response: Parameters<'_>| response.get("securityGroupRuleSet").is_some();
    is_told(event) || (!event.lacks_response() && wire::response(event).is_some_and(lists))
}

/// Whether the request names anybody at all: EC2 takes none that does not.
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

/// A list under `ipPermissions`, and the flat form with everything at the top.
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

/// The new form of each rule that is changed, but for those that live state tells to be egress.
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
            one_rule(&rule, change.text_of("securityGroupRuleId"), live, sources);
        }
    }
}

fn created<'e>(place: &Parameters<'e>, list: &str, live: Option<&Parameters<'e>>, sources: &mut Sources<'e>) {
    for rule in place.list(list) {
        if rule.flag_of("isEgress") != Some(true) {
            one_rule(&rule, rule.text_of("securityGroupRuleId"), live, sources);
        }
    }
}

fn one_rule<'e>(
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

fn permission(place: &Parameters<'_>) -> Option<Permission> {
    Permission::of(place.get("ipProtocol").as_ref(), Some(place), ["fromPort", "toPort"])
}

/// The group, as arguments of the command line.
fn group<'e>(event: &'e Event<'_>) -> Vec<Cow<'e, str>> {
    let request = wire::request(event);
    let asked = |key| request.as_ref().and_then(|request| request.text_of(key));
    let created = || {
        let rules = wire::response(event)?.list("securityGroupRuleSet");
        rules.first()?.text_of("groupId")
    };
    match (asked("groupId").or_else(created), asked("groupName")) {
        (Some(id), _) => vec!["--group-id".into(), id],
        (None, Some(name)) => vec!["--group-name".into(), name],
        (None, None) => Vec::new(),
    }
}

/// The offending rules, as arguments of the command line: by id when every one is known, else by what they say.
fn rules<'e>(opened: &Opened<'e>) -> Vec<Cow<'e, str>> {
    let offending: Vec<&Source<'e>> = opened.offending().take(MAX_ARGUMENTS).collect();
    let ids: Option<Vec<Cow<'e, str>>> = offending.iter().map(|source| source.rule_id.clone()).collect();
    match ids {
        Some(ids) if ids.is_empty() => Vec::new(),
        Some(ids) => [vec!["--security-group-rule-ids".into()], ids].concat(),
        None => {
            // All networks of a prefix list are one permission.
            let mut said: Vec<Cow<'e, str>> = vec!["--ip-permissions".into()];
            for permission in offending.iter().map(|source| Cow::Owned(shorthand(source))) {
                if !said.contains(&permission) {
                    said.push(permission);
                }
            }
            said
        }
    }
}

/// One permission in the command line's shorthand syntax.
fn shorthand(source: &Source<'_>) -> String {
    let (network, permission) = (source.network, source.permission.shorthand());
    if let Some(id) = &source.prefix_list {
        return format!("{permission},PrefixListIds=[{{PrefixListId={id}}}]");
    }
    match network.addr().is_ipv4() {
        true => format!("{permission},IpRanges=[{{CidrIp={network}}}]"),
        false => format!("{permission},Ipv6Ranges=[{{CidrIpv6={network}}}]"),
    }
}
