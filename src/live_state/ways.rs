//! The ways from the internet to a number of interfaces, and what they come to together.

use std::collections::{BTreeMap, BTreeSet};

use super::describe::NetworkInterface;
use super::judge::Judged;
use super::knowledge::{Gap, Inquiry};
use super::question::Topic;
use super::reachability::{Survey, Through, Way, public_addresses};
use crate::finding::{Outcome, Path};

/// What became of the ways to a number of interfaces.
#[derive(Default)]
pub(super) struct Ways {
    open: Vec<Path>,
    blocked: Vec<String>,
    missing: Vec<String>,
    private: Vec<String>,
}

impl Ways {
    /// The ways to all of `interfaces`. One way that is open tells, whatever is not known of the others.
    pub(super) fn to<'i>(
        inquiry: &Inquiry<'_>,
        interfaces: impl IntoIterator<Item = &'i NetworkInterface>,
        through: Through<'_>,
    ) -> Result<Self, Gap> {
        let survey = Survey::new(inquiry, through);
        let mut ways = Self::default();
        let mut gaps: Vec<Gap> = Vec::new();
        let mut forwarded: BTreeSet<&str> = BTreeSet::new();
        for interface in interfaces {
            let way = survey.way_to(interface);
            if matches!(way, Ok(Way::Private(_))) && through.group.is_some() {
                forwarded.insert(&interface.vpc_id);
            }
            match way {
                Ok(Way::Open(path)) => ways.open.push(path),
                Ok(Way::Blocked(what)) => ways.blocked.push(what),
                Ok(Way::Missing(what)) => ways.missing.push(what),
                Ok(Way::Private(what)) => ways.private.push(what),
                Err(gap) => gaps.push(gap),
            }
        }
        let forwarded: Vec<_> = forwarded.into_iter().map(|vpc| forwarder(inquiry, vpc)).collect();
        for gap in forwarded {
            match gap {
                Ok(Some(forwarder)) => gaps.push(Gap::Unknown(format!(
                    "{forwarder} is on the internet, and hands connections on to its targets, which need no public address"
                ))),
                Ok(None) => {}
                Err(gap) => gaps.push(gap),
            }
        }
        if gaps.contains(&Gap::Open) {
            return Err(Gap::Open);
        }
        match gaps.into_iter().next() {
            Some(gap) if ways.open.is_empty() => Err(gap),
            _ => Ok(ways),
        }
    }

    pub(super) fn judged(self, none: &str) -> Judged {
        let Self { open, blocked, missing, private } = self;
        if let Some(first) = open.first() {
            let target = first.instance.as_ref().unwrap_or(&first.interface);
            let more = match open.len() - 1 {
                0 => String::new(),
                1 => ", and 1 more network interface".to_owned(),
                more => format!(", and {more} more network interfaces"),
            };
            let reason =
                format!("the internet reaches {target} at {} on {}{more}", first.address, first.traffic.join(", "));
            return (Outcome::Confirmed, reason, open);
        }
        if !blocked.is_empty() {
            return (Outcome::Mitigated, counted(&blocked), Vec::new());
        }
        let reason = match (missing.as_slice(), private.as_slice()) {
            ([], []) => none.to_owned(),
            ([], [only]) => only.clone(),
            ([], private) => format!("none of its {} network interfaces has a public address", private.len()),
            (missing, _) => counted(missing),
        };
        (Outcome::Latent, reason, Vec::new())
    }
}

/// A network interface of the VPC that hands connections from the internet on with the address of their caller, so that
/// the groups of its targets have to be open: a network load balancer, or an accelerator.
fn forwarder(inquiry: &Inquiry<'_>, vpc: &str) -> Result<Option<String>, Gap> {
    const KINDS: [&str; 3] = ["network_load_balancer", "gateway_load_balancer", "global_accelerator_managed"];
    let found = inquiry.interfaces(Topic::InterfacesOfVpc, vpc)?;
    let forwards = |one: &&NetworkInterface| {
        KINDS.contains(&one.interface_type.as_str())
            && !one.deny_all_igw_traffic
            && (one.interface_type == "global_accelerator_managed" || !public_addresses(one).is_empty())
    };
    let name = |one: &NetworkInterface| match one.description.as_str() {
        "" => one.network_interface_id.clone(),
        description => format!("{} ({description})", one.network_interface_id),
    };
    Ok(found.iter().find(forwards).map(name))
}

/// Reasons, the most frequent first, three at most.
fn counted(reasons: &[String]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    reasons.iter().for_each(|reason| *counts.entry(reason).or_default() += 1);
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let shown: Vec<&str> = counts.iter().take(3).map(|(reason, _)| *reason).collect();
    let more = counts.len().saturating_sub(shown.len());
    if more == 0 { shown.join("; ") } else { format!("{}; and {more} more", shown.join("; ")) }
}
