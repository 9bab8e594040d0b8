//! The arguments of actions, and the form that each must have.
//!
//! Arguments arrive in messages and hold text that callers chose. Each is checked here before it is put into a call.

use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;
use serde_json::{Map, Value};

/// Maximum length of the text of a policy, in bytes, with white space.
const MAX_POLICY: usize = 20_000;

/// Maximum number of elements of a list.
const MAX_ELEMENTS: usize = 20;

/// One argument.
#[derive(Debug)]
pub struct Argument {
    /// Its name.
    pub name: &'static str,
    /// The form of its value.
    pub kind: ArgumentKind,
}

/// The form of an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgumentKind {
    /// An id with this prefix, such as `sg-`.
    Id(&'static str),
    /// An id with one of these prefixes.
    IdOf(&'static [&'static str]),
    /// A network in CIDR notation.
    Network,
    /// A network, or the id of a prefix list.
    Destination,
    /// A whole number, zero or more.
    Number,
    /// The number of an IP protocol, or `-1` for all.
    Protocol,
    /// A range of ports such as `22-22`, or `all`.
    Ports,
    /// Name or ARN of a trail.
    Trail,
    /// A name or id of letters, digits and `-_.`.
    Name,
    /// Name of a role.
    RoleName,
    /// The text of an IAM policy.
    PolicyDocument,
    /// A list of whole numbers.
    Numbers,
    /// A time in RFC 3339.
    Time,
    /// A list of security group rules: `id`, `protocol`, `from_port`, `to_port` and `cidr`.
    IngressRules,
}

impl ArgumentKind {
    /// The form in words.
    pub fn words(self) -> String {
        match self {
            Self::Id(prefix) => format!("an id that begins with `{prefix}`"),
            Self::IdOf(prefixes) => format!("an id that begins with `{}`", prefixes.join("` or `")),
            Self::Network => "a network in CIDR notation".to_owned(),
            Self::Destination => "a network in CIDR notation or the id of a prefix list".to_owned(),
            Self::Number => "a whole number".to_owned(),
            Self::Protocol => "the number of an IP protocol".to_owned(),
            Self::Ports => "a range of ports".to_owned(),
            Self::Trail => "the name or ARN of a trail".to_owned(),
            Self::Name => "a name".to_owned(),
            Self::RoleName => "the name of a role".to_owned(),
            Self::PolicyDocument => "the text of an IAM policy".to_owned(),
            Self::Numbers => "a list of whole numbers".to_owned(),
            Self::Time => "a time".to_owned(),
            Self::IngressRules => "a list of security group rules".to_owned(),
        }
    }

    fn admits(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Id(prefix), Value::String(text)) => is_id(prefix, text),
            (Self::IdOf(prefixes), Value::String(text)) => prefixes.iter().any(|prefix| is_id(prefix, text)),
            (Self::Network, Value::String(text)) => text.parse::<IpNet>().is_ok(),
            (Self::Destination, Value::String(text)) => text.parse::<IpNet>().is_ok() || is_id("pl-", text),
            (Self::Number, Value::Number(number)) => number.as_u64().is_some(),
            (Self::Protocol, Value::String(text)) => {
                text.parse::<i16>().is_ok_and(|number| (-1..=255).contains(&number))
            }
            (Self::Ports, Value::String(text)) => {
                let port = |text: &str| text.parse::<u16>().is_ok();
                text == "all" || text.split_once('-').is_some_and(|(from, to)| port(from) && port(to))
            }
            (Self::Trail, Value::String(text)) => is_trail(text),
            (Self::Name, Value::String(text)) => {
                (1..=128).contains(&text.len())
                    && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
            }
            (Self::RoleName, Value::String(text)) => {
                (1..=64).contains(&text.len())
                    && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
            }
            (Self::PolicyDocument, Value::String(text)) => {
                text.len() <= MAX_POLICY && serde_json::from_str::<Map<String, Value>>(text).is_ok()
            }
            (Self::Numbers, Value::Array(numbers)) => {
                (1..=MAX_ELEMENTS).contains(&numbers.len()) && numbers.iter().all(Value::is_u64)
            }
            (Self::Time, Value::String(text)) => text.parse::<Timestamp>().is_ok(),
            (Self::IngressRules, Value::Array(rules)) => {
                (1..=MAX_ELEMENTS).contains(&rules.len()) && rules.iter().all(is_ingress_rule)
            }
            _ => false,
        }
    }
}

/// Checks arguments.
///
/// # Errors
/// A sentence about the first that is missing, unknown or malformed. It quotes no value.
pub(crate) fn check(expected: &[Argument], arguments: &Map<String, Value>) -> Result<(), String> {
    for argument in expected {
        match arguments.get(argument.name) {
            None => return Err(format!("the argument `{}` is missing", argument.name)),
            Some(value) if !argument.kind.admits(value) => {
                return Err(format!("the argument `{}` is not {}", argument.name, argument.kind.words()));
            }
            Some(_) => {}
        }
    }
    if arguments.len() == expected.len() { Ok(()) } else { Err("there are unknown arguments".to_owned()) }
}

/// Whether a text is an id of AWS with this prefix. Ids are 8 or 17 hexadecimal digits; those of services that write other
/// letters are allowed too.
fn is_id(prefix: &str, text: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| {
        (1..=64).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })
}

/// Whether a text is the name of a trail, or an ARN of one.
fn is_trail(text: &str) -> bool {
    let is_name = |name: &str| {
        (3..=128).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    match text.strip_prefix("arn:") {
        None => is_name(text),
        Some(rest) => {
            let parts: Vec<&str> = rest.split(':').collect();
            matches!(parts.as_slice(), [_, "cloudtrail", region, account, trail]
                if is_region(region) && is_account(account) && trail.strip_prefix("trail/").is_some_and(is_name))
        }
    }
}

/// Whether a text is an account id.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text has the form of a Region's name.
pub(crate) fn is_region(text: &str) -> bool {
    (6..=32).contains(&text.len())
        && text.contains('-')
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn is_ingress_rule(rule: &Value) -> bool {
    let Some(members) = rule.as_object() else { return false };
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let is_port = |name: &str| {
        members.get(name).is_none_or(|port| port.as_i64().is_some_and(|port| (-1..=65_535).contains(&port)))
    };
    let is_network = |text: &str| text.parse::<IpNet>().is_ok() || text.parse::<IpAddr>().is_ok();
    text("id").is_some_and(|id| is_id("sgr-", id))
        && text("cidr").is_some_and(is_network)
        && text("protocol").is_none_or(|protocol| protocol.len() <= 16 && protocol.is_ascii())
        && is_port("from_port")
        && is_port("to_port")
        && members.keys().all(|name| ["id", "protocol", "from_port", "to_port", "cidr"].contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(kind: ArgumentKind, value: &Value) -> bool {
        let arguments = json!({"it": value});
        check(&[Argument { name: "it", kind }], arguments.as_object().unwrap()).is_ok()
    }

    #[test]
    fn only_well_formed_values_pass() {
        assert!(checked(ArgumentKind::Id("sg-"), &json!("sg-0123456789abcdef0")));
        for wrong in [json!("sg-"), json!("vpc-0123"), json!("sg-01*"), json!("sg-01 --x"), json!(7), json!(["sg-1"])] {
            assert!(!checked(ArgumentKind::Id("sg-"), &wrong), "{wrong}");
        }
        assert!(
            checked(ArgumentKind::Destination, &json!("pl-0123")) && checked(ArgumentKind::Destination, &json!("::/0"))
        );
        assert!(
            !checked(ArgumentKind::Network, &json!("pl-0123")) && !checked(ArgumentKind::Network, &json!("0.0.0.0/33"))
        );
        assert!(checked(ArgumentKind::Trail, &json!("arn:aws:cloudtrail:eu-west-1:111122223333:trail/a-trail")));
        for wrong in ["arn:aws:cloudtrail:eu-west-1:111122223333:trail/../x", "a b", "x", "arn:aws:s3:::trail/abc"] {
            assert!(!checked(ArgumentKind::Trail, &json!(wrong)), "{wrong}");
        }
        let rule = json!({"id": "sgr-1", "cidr": "0.0.0.0/0", "protocol": "tcp", "from_port": 22, "to_port": 22});
        assert!(checked(ArgumentKind::IngressRules, &json!([rule])));
        for wrong in [json!([]), json!([{"id": "sgr-1"}]), json!([{"id": "sg-1", "cidr": "0.0.0.0/0"}])] {
            assert!(!checked(ArgumentKind::IngressRules, &wrong), "{wrong}");
        }
    }

    #[test]
    fn missing_and_unknown_arguments_are_named() {
        let expected = [Argument { name: "it", kind: ArgumentKind::Number }];
        assert_eq!(check(&expected, &Map::new()), Err("the argument `it` is missing".to_owned()));
        let more = json!({"it": 1, "other": 2});
        assert_eq!(check(&expected, more.as_object().unwrap()), Err("there are unknown arguments".to_owned()));
    }
}
