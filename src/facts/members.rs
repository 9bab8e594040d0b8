//! The schema of the facts, by which misspelt members and values in rules are detected.
//!
//! A member also exists if the documentation of its fact contains it in backticks, and a value if the documentation contains
//! it as a word. So a new fact need not be listed here.

use super::{FACTS, Fact, calls};
use crate::event::schema::Shape::{self, Members, OneOf, Open, Scalar};
use crate::event::schema::{UnknownMember, resolve};
use crate::network::SERVICES;

/// The names that `services` of an opening may have.
const SERVICE_NAMES: &[&str] = &{
    let mut names = [""; SERVICES.len()];
    let mut index = 0;
    while index < names.len() {
        #[expect(clippy::indexing_slicing, reason = "a constant that is out of bounds does not compile")]
        {
            names[index] = SERVICES[index].name;
        }
        index += 1;
    }
    names
};
const REACH: Shape = OneOf(&["world", "wide", "public", "private"]);
const KIND: Shape = OneOf(&["all", "admin", "database", "high-risk", "other", "web", "icmp"]);
const VERDICT: Shape = OneOf(&["public", "weak", "undecidable", "external", "constrained", "scoped"]);
const ENTRIES: Shape = Members(&[
    ("reach", REACH),
    ("cidr", Scalar),
    ("space", OneOf(&["public", "private", "shared-address", "link-local", "loopback", "unique-local", "unrouted"])),
    ("protocol", Scalar),
    ("from_port", Scalar),
    ("to_port", Scalar),
    ("services", OneOf(SERVICE_NAMES)),
    ("fields", Scalar),
    ("rule_id", Scalar),
    ("summary", Scalar),
]);
const STATEMENTS: Shape = Members(&[
    ("verdict", VERDICT),
    ("statement", Scalar),
    ("sid", Scalar),
    ("summary", Scalar),
    ("witness", Scalar),
    ("fix", Scalar),
]);

/// The schema of a fact about an opening, with additional members.
macro_rules! opening {
    ($(($name:literal, $shape:expr)),*) => {
        Members(&[
            ("reach", REACH),
            ("world", KIND),
            ("wide", KIND),
            ("services", OneOf(SERVICE_NAMES)),
            ("entries", ENTRIES),
            $(($name, $shape),)*
        ])
    };
}

/// The schema of a fact about a trust policy, with additional members.
macro_rules! trust {
    ($(($name:literal, $shape:expr)),*) => {
        Members(&[
            ("verdict", VERDICT),
            ("statements", STATEMENTS),
            ("accounts", Scalar),
            ("unguarded_services", Scalar),
            $(($name, $shape),)*
        ])
    };
}

/// Schemas by the name of the fact. A fact that is not listed may have any members.
const SHAPES: &[(&str, Shape)] = &[
    ("call.operation", Scalar),
    (
        "call.target",
        Members(&[
            (
                "kind",
                OneOf(&[
                    "trail",
                    "event-data-store",
                    "channel",
                    "log-group",
                    "destination",
                    "function",
                    "topic",
                    "key",
                    "bucket",
                    "event-rule",
                    "role",
                ]),
            ),
            ("names", Scalar),
        ]),
    ),
    ("exposure.ingress", opening!(("direction", OneOf(&["ingress", "unknown"])), ("group", Scalar), ("rules", Scalar))),
    (
        "exposure.load_balancer",
        Members(&[
            ("scheme", OneOf(&["internet-facing", "internal"])),
            ("stated", OneOf(&["true", "false"])),
            ("generation", OneOf(&["classic", "v2"])),
            ("classic_name", Scalar),
            ("arn", Scalar),
            ("undo", Scalar),
        ]),
    ),
    ("exposure.network_acl", opening!(("return_traffic", OneOf(&["true", "false"])))),
    (
        "exposure.peering",
        Members(&[("peer_account", Scalar), ("external", OneOf(&["true", "false"])), ("connection", Scalar)]),
    ),
    ("exposure.prefix_list", opening!(("undo", Scalar))),
    (
        "exposure.public_address",
        Members(&[
            ("addresses", Members(&[("family", OneOf(&["ipv4", "ipv6"])), ("fields", Scalar), ("summary", Scalar)])),
            ("interfaces", Scalar),
            ("undo", Scalar),
        ]),
    ),
    (
        "exposure.route",
        Members(&[
            ("reach", REACH),
            ("destination", Scalar),
            ("gateway", Scalar),
            ("route_table", Scalar),
            ("undo", Scalar),
        ]),
    ),
    (
        "exposure.undecided",
        Members(&[
            ("reason", OneOf(&["parameters", "unreadable", "complex", "prefix-list"])),
            ("summary", Scalar),
            ("fields", Scalar),
            ("prefix_lists", Scalar),
            ("decided_by", Scalar),
        ]),
    ),
    ("live.ingress", opening!(("groups", Scalar))),
    ("live.role", trust!(("administrator", Scalar), ("unread", Scalar))),
    ("live.route", Members(&[("reach", REACH), ("destinations", Scalar), ("gateways", Scalar)])),
    ("live.unanswered", Scalar),
    ("trust.policy", trust!()),
    ("ec2.resources", Members(&[("id", Scalar), ("type", Scalar), ("arn", Scalar)])),
];

impl Fact {
    /// The shape of the value at a path within the fact.
    ///
    /// # Errors
    /// The first step of the path that is not a member.
    pub fn shape_at<'p>(&self, path: &'p str) -> Result<Shape, UnknownMember<'p>> {
        let whole = SHAPES.iter().find(|(name, _)| *name == self.name).map_or(Open, |(_, shape)| *shape);
        let members = match whole {
            Members(members) => members,
            Open => return Ok(Open),
            scalar if path.split('.').all(|step| step.is_empty() || step.starts_with('[')) => return Ok(scalar),
            Scalar | OneOf(_) => &[],
        };
        resolve(members, path).or_else(|unknown| {
            let is_documented = self.doc.contains(&format!("`{}`", unknown.member));
            if is_documented { Ok(Open) } else { Err(unknown) }
        })
    }

    /// Whether the documentation of the fact contains a value as a word.
    pub fn mentions(&self, value: &str) -> bool {
        let is_separator = |character: char| !character.is_ascii_alphanumeric() && !"-_.".contains(character);
        let words = self.doc.split(is_separator);
        words.map(|word| word.trim_matches('.')).any(|word| word.eq_ignore_ascii_case(value))
    }
}

/// The fact with which a path begins, and the rest of the path.
pub fn fact_at(path: &str) -> Option<(&'static Fact, &str)> {
    let (index, rest) = calls::find(path)?;
    Some((*FACTS.get(index)?, rest.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_is_documented() {
        for (name, shape) in SHAPES {
            let (fact, _) = fact_at(name).unwrap();
            let Members(members) = shape else { continue };
            for (member, shape) in *members {
                assert!(
                    fact.doc.contains(&format!("`{member}`")) || fact.doc.contains("members of"),
                    "{name}.{member}"
                );
                let OneOf(values) = shape else { continue };
                for value in values.iter().filter(|value| !["true", "false"].contains(value) && *member != "services") {
                    assert!(fact.mentions(value) || fact.doc.contains("members of"), "{name}.{member}: {value}");
                }
            }
        }
    }

    #[test]
    fn unknown_members_are_rejected() {
        let at = |path: &str| {
            let (fact, rest) = fact_at(path).unwrap();
            fact.shape_at(rest).map_err(|unknown| unknown.member.to_owned())
        };
        assert_eq!(at("exposure.ingress.world"), Ok(KIND));
        assert_eq!(at("exposure.ingress.entries[any].reach"), Ok(REACH));
        assert_eq!(at("exposure.ingress.entries[0].rech"), Err("rech".to_owned()));
        assert_eq!(at("exposure.ingress.wrld"), Err("wrld".to_owned()));
        assert_eq!(at("call.operation.name"), Err("name".to_owned()));
        assert_eq!(at("call.operation"), Ok(Scalar));
        assert_eq!(at("ec2.request.anything.at.all"), Ok(Open));
        assert_eq!(at("ec2.resources[0].kind"), Err("kind".to_owned()));
    }
}
