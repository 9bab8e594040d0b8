//! Clauses in words: what a fact or a field of a certain value means to people.

use serde_json::Value;

use crate::text::{MAX_IN_SENTENCE, visible_at_most};

/// Ports by the worst class of what is open.
const CLASSES: [(&str, &str); 7] = [
    ("all", "every port"),
    ("admin", "administration ports"),
    ("database", "database ports"),
    ("high-risk", "ports of services with a high risk"),
    ("other", "ports that are not for the web"),
    ("web", "web ports"),
    ("icmp", "ICMP"),
];

/// Facts with a class of ports, and the sentence before the class.
const OPENINGS: [(&str, &str); 8] = [
    ("exposure.ingress.world", "the group admits the whole internet on"),
    ("exposure.ingress.wide", "the group admits a large part of the internet on"),
    ("exposure.network_acl.world", "the network ACL admits the whole internet on"),
    ("exposure.network_acl.wide", "the network ACL admits a large part of the internet on"),
    ("live.ingress.world", "the group admits the whole internet now on"),
    ("live.ingress.wide", "the group admits a large part of the internet now on"),
    ("live.reached.world", "the whole internet now reaches it on"),
    ("live.reached.wide", "a large part of the internet now reaches it on"),
];

/// Facts and their values, in words.
const MEANINGS: [(&str, &str, &str); 29] = [
    ("exposure.ingress.reach", "world", "the networks are the whole internet"),
    ("exposure.ingress.direction", "unknown", "the record does not show whether these are ingress rules"),
    ("exposure.network_acl.return_traffic", "true", "the ports are those of return traffic"),
    ("exposure.route.reach", "world", "the route is for the whole internet"),
    ("exposure.route.reach", "wide", "the route is for a large part of the internet"),
    ("exposure.prefix_list.reach", "world", "the prefix list contains the whole internet"),
    ("exposure.prefix_list.reach", "wide", "the prefix list contains a large part of the internet"),
    ("exposure.peering.external", "true", "the other VPC belongs to another account"),
    ("exposure.load_balancer.scheme", "internet-facing", "the load balancer is internet-facing"),
    ("exposure.listener.kind", "all", "it listens on every port"),
    ("exposure.listener.kind", "admin", "it listens on an administration port"),
    ("exposure.listener.kind", "database", "it listens on a database port"),
    ("exposure.verified_access.policy", "open", "the policy permits everyone"),
    ("exposure.verified_access.policy", "off", "the policy is off"),
    ("exposure.undecided.reason", "parameters", "CloudTrail left out the parameters"),
    ("exposure.undecided.reason", "unreadable", "the parameters are masked or cannot be read"),
    ("exposure.undecided.reason", "complex", "the call names more networks than are compared"),
    ("exposure.undecided.reason", "prefix-list", "the record does not contain the networks of the prefix list"),
    ("live.route.reach", "world", "the subnet's route table now leads the whole internet to a gateway"),
    ("live.route.reach", "wide", "the subnet's route table now leads a large part of the internet to a gateway"),
    ("trust.policy.verdict", "public", "the trust policy admits anyone"),
    ("trust.policy.verdict", "weak", "the trust policy admits anyone who meets a weak condition"),
    ("trust.policy.verdict", "external", "the trust policy admits other accounts"),
    ("trust.policy.verdict", "constrained", "a condition limits whom the trust policy admits"),
    ("trust.policy.verdict", "scoped", "the trust policy names whom it admits"),
    ("trust.policy.verdict", "undecidable", "the record does not show whom the trust policy admits"),
    ("trail.selectors.level", "major", "the trail no longer records all management events"),
    ("trail.selectors.level", "minor", "the trail no longer records the events of some busy services"),
    ("trust.policy.zone", "true", "your own accounts are configured"),
];

/// Facts whose value is a text or a list, and the words before it.
const LISTS: [(&str, &str); 9] = [
    ("trail.settings.less", "the trail is set to"),
    ("sharing.external.accounts", "shared with account"),
    ("sharing.external.organizations", "shared with organization"),
    ("sharing.external.principals", "shared with"),
    ("trust.policy.unguarded_services", "no condition on the source for"),
    ("live.unanswered", "live state is not available:"),
    ("live.role.unread", "live state could not read the policies of the role:"),
    ("live.role.administrator", "administrator by the policies"),
    ("errorCode", "the call failed with"),
];

/// The parts of a record whose fields are named without their path.
const RECORD: [&str; 4] = ["requestParameters.", "responseElements.", "ec2.request.", "ec2.response."];

/// The roots of facts. A member without words of its own is named by its last part.
const FACTS: [&str; 7] = ["call.", "exposure.", "live.", "resources.", "sharing.", "trail.", "trust."];

/// The clause that `field` has `value` in words; `None` for other fields. `shown` is the value, safe to show.
pub(in crate::rules) fn clause(field: &str, value: &Value, shown: &str) -> Option<String> {
    let word = match value {
        Value::String(word) => word.to_ascii_lowercase(),
        Value::Bool(flag) => flag.to_string(),
        _ => String::new(),
    };
    if let Some((_, words)) = OPENINGS.iter().find(|(name, _)| *name == field) {
        let (_, class) = CLASSES.iter().find(|(class, _)| *class == word)?;
        return Some(format!("{words} {class}"));
    }
    if let Some((.., words)) = MEANINGS.iter().find(|(name, of, _)| *name == field && *of == word) {
        return Some((*words).to_owned());
    }
    if matches!(field, "call.target.as" | "call.named") {
        // `function:trailwarden`, and the same as an ARN.
        let member = value.get("as").and_then(|all| all.get(0)).and_then(Value::as_str);
        let member = member.map(|text| visible_at_most(text, MAX_IN_SENTENCE));
        let first = member.as_deref().unwrap_or(shown).split(", ").next().unwrap_or_default();
        return Some(format!("the call names the {}", first.replacen(':', " ", 1)));
    }
    if let Some((_, words)) = LISTS.iter().find(|(name, _)| *name == field) {
        return Some(format!("{words} {shown}"));
    }
    let of_fact = || {
        let is_fact = FACTS.iter().any(|root| field.starts_with(root));
        field.rsplit('.').next().filter(|_| is_fact)
    };
    let parameter = RECORD.iter().find_map(|prefix| field.strip_prefix(prefix)).or_else(of_fact)?;
    // A dot would look like that of a host name.
    let parameter = parameter.replace(['.', '_'], " ");
    Some(if value.is_null() { format!("the call does not set {parameter}") } else { format!("{parameter} is {shown}") })
}
