//! What a call opens to the network.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::{Calls, Fact, object};
use crate::address::{self, Reach};
use crate::event::{Event, Value, scalar_text};

/// The ingress a call adds to a security group.
pub(super) const INGRESS: Fact = Fact {
    name: "exposure.ingress",
    doc: "What AuthorizeSecurityGroupIngress opens: a list with one member for each protocol, port range and IP \
          version, with `reach` (world: everything is let in; limited: less; unknown: the record does not say what \
          was opened), `protocol` (tcp, udp, icmp, all or a \
          number), `from_port` and `to_port` (numbers; absent when all ports are open), `ports` (in words), `cidrs` \
          (the networks, host bits masked), `fields` (where in the record they stand), `rule_ids` (their \
          `securityGroupRuleId`s, where the response has them) and `summary` (in words). Networks that are each the \
          whole internet stand in a member of their own, apart from narrower ones.",
    calls: Calls::These(&[("ec2.amazonaws.com", "AuthorizeSecurityGroupIngress")]),
    derive: ingress,
};

/// Where the response lists the rules it created.
const RULE_SET: &str = "securityGroupRuleSet";

/// One CIDR source of one permission, where it stands.
struct Source<'e> {
    permission: Permission,
    network: IpNet,
    field: String,
    written: &'e str,
    rule_id: Option<&'e str>,
}

/// What is opened, apart from to whom.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Permission {
    protocol: String,
    ports: Option<(i64, i64)>,
    v6: bool,
}

fn ingress<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    let mut sources = Vec::new();
    if let Some(request) = event.request() {
        requested(request, &mut sources);
    }
    if let Some(response) = event.response() {
        granted(response, &mut sources);
    }
    let mut permissions: BTreeMap<(Permission, bool), Vec<Source<'e>>> = BTreeMap::new();
    for source in sources {
        let narrower = address::reach([&source.network]) != Reach::World;
        let same = permissions.entry((source.permission.clone(), narrower)).or_default();
        // The response repeats what the request asked for, and adds the ids of the rules.
        match same.iter_mut().find(|known| known.network == source.network) {
            Some(known) => known.rule_id = known.rule_id.or(source.rule_id),
            None => same.push(source),
        }
    }
    if permissions.is_empty() {
        return if is_told(event) { None } else { Some(unknown()) };
    }
    let members = permissions.into_iter().map(|((permission, _), sources)| member(permission, sources));
    Some(Value::Array(members.collect()))
}

/// Whether the record says what was opened, be it nothing to the network.
fn is_told(event: &Event<'_>) -> bool {
    event.request().is_some() || event.response().is_some_and(|response| member_of(response, RULE_SET).is_some())
}

fn unknown<'e>() -> Value<'e> {
    let summary = "the record does not say what was opened; CloudTrail omits parameters over 100 KB";
    Value::Array(vec![object(vec![("reach", Value::from("unknown")), ("summary", Value::from(summary))])])
}

/// The request: a list under `ipPermissions.items`, and the flat form with everything at the top.
fn requested<'e>(request: &'e Value<'_>, sources: &mut Vec<Source<'e>>) {
    let base = "requestParameters";
    add(request, base, &["cidrIp", "cidrIpv6"], sources);
    for (permission, at) in items(request, base, "ipPermissions") {
        for (range, at) in items(permission, &at, "ipRanges") {
            add_source(permission, range, &at, "cidrIp", sources);
        }
        for (range, at) in items(permission, &at, "ipv6Ranges") {
            add_source(permission, range, &at, "cidrIpv6", sources);
        }
    }
}

/// The response: the rules as EC2 created them.
fn granted<'e>(response: &'e Value<'_>, sources: &mut Vec<Source<'e>>) {
    for (rule, at) in items(response, "responseElements", RULE_SET) {
        let egress = member_of(rule, "isEgress").and_then(scalar_text);
        if egress.as_deref() != Some("true") {
            add(rule, &at, &["cidrIpv4", "cidrIpv6"], sources);
        }
    }
}

fn add<'e>(holder: &'e Value<'_>, at: &str, keys: &[&str], sources: &mut Vec<Source<'e>>) {
    for key in keys {
        add_source(holder, holder, at, key, sources);
    }
}

fn add_source<'e>(permission: &'e Value<'_>, range: &'e Value<'_>, at: &str, key: &str, sources: &mut Vec<Source<'e>>) {
    if let Some(written) = member_of(range, key).and_then(Value::as_str)
        && let Some(network) = address::parse_network(written)
    {
        let permission = Permission::of(permission, matches!(network, IpNet::V6(_)));
        let rule_id = member_of(range, "securityGroupRuleId").and_then(Value::as_str);
        sources.push(Source { permission, network, field: format!("{at}.{key}"), written, rule_id });
    }
}

impl Permission {
    fn of(value: &Value<'_>, v6: bool) -> Self {
        let number = |key| scalar_text(member_of(value, key)?)?.parse::<i64>().ok();
        let protocol = member_of(value, "ipProtocol").and_then(scalar_text).map(|text| text.to_ascii_lowercase());
        let protocol = match protocol.as_deref() {
            None | Some("-1" | "all") => "all",
            Some("6") => "tcp",
            Some("17") => "udp",
            Some("1") => "icmp",
            Some("58") => "icmpv6",
            Some(other) => other,
        };
        // Only TCP and UDP have ports: for ICMP the two numbers are type and code, and -1 is all of them.
        let ports = match (protocol, number("fromPort"), number("toPort")) {
            ("tcp" | "udp", Some(from), Some(to)) if from >= 0 && to >= 0 && (from, to) != (0, 65535) => {
                Some((from, to))
            }
            _ => None,
        };
        Self { protocol: protocol.to_owned(), ports, v6 }
    }

    /// `tcp port 22`, `udp ports 1000-2000`, `all tcp ports`, `icmp`, `all traffic`.
    fn in_words(&self) -> String {
        let protocol = &self.protocol;
        match (protocol.as_str(), self.ports) {
            ("all", _) => "all traffic".to_owned(),
            (_, Some((from, to))) if from == to => format!("{protocol} port {from}"),
            (_, Some((from, to))) => format!("{protocol} ports {from}-{to}"),
            ("tcp" | "udp", None) => format!("all {protocol} ports"),
            (_, None) => protocol.clone(),
        }
    }
}

fn member<'e>(permission: Permission, sources: Vec<Source<'e>>) -> Value<'e> {
    let reach = address::reach(sources.iter().map(|source| &source.network));
    let written: Vec<&str> = sources.iter().map(|source| source.written).collect();
    let ports = permission.in_words();
    let from = written.join(", ");
    let summary = match reach {
        Reach::World => format!("{ports} from the whole internet ({from})"),
        Reach::Limited => format!("{ports} from {from}"),
    };
    let mut members = vec![("reach", Value::from(reach.as_str())), ("protocol", Value::from(permission.protocol))];
    if let Some((from, to)) = permission.ports {
        members.push(("from_port", Value::from(from)));
        members.push(("to_port", Value::from(to)));
    }
    let cidrs: Vec<String> = sources.iter().map(|source| source.network.to_string()).collect();
    let rule_ids: Vec<&str> = sources.iter().filter_map(|source| source.rule_id).collect();
    if !rule_ids.is_empty() {
        members.push(("rule_ids", Value::from(rule_ids)));
    }
    let fields: Vec<String> = sources.into_iter().map(|source| source.field).collect();
    members.extend([
        ("ports", Value::from(ports)),
        ("cidrs", Value::from(cidrs)),
        ("fields", Value::from(fields)),
        ("summary", Value::from(summary)),
    ]);
    object(members)
}

fn member_of<'v, 'a>(value: &'v Value<'a>, key: &str) -> Option<&'v Value<'a>> {
    value.as_object()?.get(key)
}

/// The elements of an EC2 list, `{"items": […]}`, each with its path. An empty list is `{}`.
fn items<'v, 'a>(value: &'v Value<'a>, at: &str, key: &str) -> Vec<(&'v Value<'a>, String)> {
    let elements = member_of(value, key).and_then(|list| member_of(list, "items")).and_then(Value::as_array);
    let with_path = |(index, element)| (element, format!("{at}.{key}.items[{index}]"));
    elements.unwrap_or_default().iter().enumerate().map(with_path).collect()
}
