//! The calls that facts exist for, and how paths name facts.

use super::FACTS;
use crate::event::Event;

/// The calls a fact exists for.
#[derive(Debug, Clone, Copy)]
pub enum Calls {
    /// These pairs of `eventSource` and `eventName`.
    These(&'static [(&'static str, &'static str)]),
    /// Every call of these values of `eventSource`.
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
/// `eventSource` of load balancers, of both generations.
pub(super) const ELB: &str = "elasticloadbalancing.amazonaws.com";
/// `eventSource` of AWS Resource Access Manager.
pub(super) const RAM: &str = "ram.amazonaws.com";
/// `eventSource` of IAM.
pub(super) const IAM: &str = "iam.amazonaws.com";

/// The record's member that has what live state says.
pub(super) const LIVE_STATE: &str = "liveState";

/// The member of a record without which what is at this path is missing: a fact, or a part of one.
pub fn member_behind(path: &str) -> Option<&'static str> {
    path.starts_with("live.").then_some(LIVE_STATE)
}

/// Whether the texts of a fact end as texts of the record's parameters do, so that a record without that text cannot have
/// the fact's value.
pub fn quotes(path: &str) -> bool {
    matches!(path, "call.target.names" | "call.target.as" | "call.named")
}

/// The place in [`FACTS`] of the fact a path starts with, and the rest of the path:
/// `exposure.ingress[0].reach` is the third fact and `[0].reach`.
pub fn find(path: &str) -> Option<(usize, Option<&str>)> {
    // Rules ask for many fields and few facts, and the first letters tell most of them apart.
    let first = path.as_bytes().first_chunk::<2>();
    let mut alike = FACTS.iter().enumerate().filter(|(_, fact)| fact.name.as_bytes().first_chunk() == first);
    alike.find_map(|(place, fact)| {
        let rest = path.strip_prefix(fact.name)?;
        match rest.strip_prefix('.') {
            Some(rest) => Some((place, Some(rest))),
            None if rest.is_empty() => Some((place, None)),
            None => rest.starts_with('[').then_some((place, Some(rest))),
        }
    })
}

/// Whether a path lies where facts live, so that a name there that is no fact is a mistake.
pub fn is_fact_namespace(path: &str) -> bool {
    let head = path.split_once('.').map_or(path, |(head, _)| head);
    FACTS.iter().any(|fact| fact.name.split_once('.').is_some_and(|(namespace, _)| namespace == head))
}
