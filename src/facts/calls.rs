//! The calls for which facts exist, and look-up of facts by path.

use super::FACTS;
use crate::event::{Event, LIVE_STATE};

/// The calls for which a fact exists.
#[derive(Debug, Clone, Copy)]
pub enum Calls {
    /// These pairs of `eventSource` and `eventName`.
    These(&'static [(&'static str, &'static str)]),
    /// Every call with one of these values of `eventSource`.
    AllOf(&'static [&'static str]),
    /// Every call.
    All,
}

impl Calls {
    /// Whether `event` is one of these calls.
    pub fn admit(&self, event: &Event<'_>) -> bool {
        match self {
            Self::These(pairs) => {
                event.source().zip(event.name()).is_some_and(|(source, name)| pairs.contains(&(source, name)))
            }
            Self::AllOf(sources) => event.source().is_some_and(|source| sources.contains(&source)),
            Self::All => true,
        }
    }
}

/// `eventSource` of CloudTrail.
pub(super) const CLOUDTRAIL: &str = "cloudtrail.amazonaws.com";
/// `eventSource` of EC2 and VPC.
pub(super) const EC2: &str = "ec2.amazonaws.com";
/// `eventSource` of load balancers of both generations.
pub(super) const ELB: &str = "elasticloadbalancing.amazonaws.com";
/// `eventSource` of AWS Resource Access Manager.
pub(super) const RAM: &str = "ram.amazonaws.com";
/// `eventSource` of IAM.
pub(super) const IAM: &str = "iam.amazonaws.com";

/// The member of a record without which a fact, or a part of one, is absent.
pub fn member_behind(path: &str) -> Option<&'static str> {
    path.starts_with("live.").then_some(LIVE_STATE)
}

/// Whether the strings of a fact are endings of strings in the record's parameters, so that a record that does not contain an
/// ending cannot have this value.
pub fn quotes(path: &str) -> bool {
    matches!(path, "call.target.names" | "call.target.as" | "call.named")
}

/// The index in [`FACTS`] of the fact with which a path begins, and the rest of the path. For `exposure.ingress[0].reach`, the
/// rest is `[0].reach`.
pub fn find(path: &str) -> Option<(usize, Option<&str>)> {
    // Most paths are not facts, and their first two bytes differ from those of all facts.
    let first = path.as_bytes().first_chunk::<2>();
    let mut candidates = FACTS.iter().enumerate().filter(|(_, fact)| fact.name.as_bytes().first_chunk() == first);
    candidates.find_map(|(index, fact)| {
        let rest = path.strip_prefix(fact.name)?;
        match rest.strip_prefix('.') {
            Some(rest) => Some((index, Some(rest))),
            None if rest.is_empty() => Some((index, None)),
            None => rest.starts_with('[').then_some((index, Some(rest))),
        }
    })
}

/// Whether a path is in a namespace of facts, so that an unknown name there is an error.
pub fn is_fact_namespace(path: &str) -> bool {
    let head = path.split_once('.').map_or(path, |(head, _)| head);
    FACTS.iter().any(|fact| fact.name.split_once('.').is_some_and(|(namespace, _)| namespace == head))
}
