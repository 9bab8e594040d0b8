//! The members of the facts, and the values that some of them are limited to, so that a misspelt one can be told.
//!
//! A member that the documentation of its fact names in backticks exists too, and so does a value among its words: what is
//! added to a fact need not be listed here.

use super::{FACTS, Fact, calls};
use crate::event::schema::Shape::{self, Members, OneOf, Open, Scalar};
use crate::event::schema::{Unknown, resolve};
use crate::network::SERVICES;

/// The names that `services` of an opening may have.
const SERVICE_NAMES: &[&str] = &{
    let mut names = [""; SERVICES.len()];
    let mut place = 0;
    while place < names.len() {
        #[expect(clippy::indexing_slicing, reason = "a constant that is out of bounds does not compile")]
        {
            names[place] = SERVICES[place].name;
        }
        place += 1;
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

/// A fact about an opening, with the members that only it has.
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

/// A fact about a trust policy, with the members that only it has.
macro_rules! trust {
    ($(($name:literal, $shape:expr)),*) => {
        Members(&[
            ("verdict", VERDICT),
            ("statements", STATEMENTS),
            ("accounts", Scalar),
            ("unguarded_services", Scalar),
            ("corrected", Scalar),
            $(($name, $shape),)*
        ])
    };
}

/// By the name of the fact. Facts that are not listed have any members.
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
    /// The first step of the path that is no member.
    pub fn shape_at<'p>(&self, path: &'p str) -> Result<Shape, Unknown<'p>> {
        let whole = SHAPES.iter().find(|(name, _)| *name == self.name).map_or(Open, |(_, shape)| *shape);
        let members = match whole {
            Members(members) => members,
            Open => return Ok(Open),
            scalar if path.split('.').all(|step| step.is_empty() || step.starts_with('[')) => return Ok(scalar),
            Scalar | OneOf(_) => &[],
        };
        resolve(members, path).or_else(|unknown| match self.doc.contains(&format!("`{}`", unknown.member)) {
            true => Ok(Open),
            false => Err(unknown),
        })
    }

    /// Whether the documentation of the fact has this word, be it as a value of a member.
    pub fn mentions(&self, value: &str) -> bool {
        let words = self.doc.split(|one: char| !one.is_ascii_alphanumeric() && !"-_.".contains(one));
        words.map(|word| word.trim_matches('.')).any(|word| word.eq_ignore_ascii_case(value))
    }
}

/// The fact that a path starts with, and the rest of the path.
pub fn fact_at(path: &str) -> Option<(&'static Fact, &str)> {
    let (place, rest) = calls::find(path)?;
    Some((*FACTS.get(place)?, rest.unwrap_or_default()))
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
    fn what_a_fact_does_not_have_is_told() {
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
