//! Path analysis for several interfaces, and the combined outcome.

use std::collections::{BTreeMap, BTreeSet};

use super::path::{Constraint, PathAnalysis, PathStatus, public_addresses};
use super::resources::network_interface::NetworkInterface;
use super::store::{Lookup, Missing};
use crate::finding::{Outcome, Path};

/// The outcome, the reason as the rest of a sentence, and the paths.
pub(super) type Verification = (Outcome, String, Vec<Path>);

/// The paths to several interfaces.
#[derive(Default)]
pub(super) struct Paths {
    open: Vec<Path>,
    blocked: Vec<String>,
    missing: Vec<String>,
    private: Vec<String>,
}

impl Paths {
    /// The paths to all of `interfaces`. An open path decides, even if state of the others is missing.
    pub(super) fn to<'i>(
        lookup: &Lookup<'_>,
        interfaces: impl IntoIterator<Item = &'i NetworkInterface>,
        constraint: Constraint<'_>,
    ) -> Result<Self, Missing> {
        let analysis = PathAnalysis::new(lookup, constraint);
        let mut paths = Self::default();
        let mut state_missing: Vec<Missing> = Vec::new();
        let mut private_vpcs: BTreeSet<&str> = BTreeSet::new();
        for interface in interfaces {
            let path = analysis.path_to(interface);
            if matches!(path, Ok(PathStatus::Private(_))) && constraint.group.is_some() {
                private_vpcs.insert(&interface.vpc_id);
            }
            match path {
                Ok(PathStatus::Open(path)) => paths.open.push(path),
                Ok(PathStatus::Blocked(reason)) => paths.blocked.push(reason),
                Ok(PathStatus::Incomplete(reason)) => paths.missing.push(reason),
                Ok(PathStatus::Private(reason)) => paths.private.push(reason),
                Err(missing) => state_missing.push(missing),
            }
        }
        let forwarders: Vec<_> = private_vpcs.into_iter().map(|vpc| forwarder(lookup, vpc)).collect();
        for forwarder in forwarders {
            match forwarder {
                Ok(Some(forwarder)) => state_missing.push(Missing::Unavailable(format!(
                    "{forwarder} is reachable from the internet and forwards connections to targets without a public address"
                ))),
                Ok(None) => {}
                Err(missing) => state_missing.push(missing),
            }
        }
        if state_missing.contains(&Missing::Pending) {
            return Err(Missing::Pending);
        }
        match state_missing.into_iter().next() {
            Some(missing) if paths.open.is_empty() => Err(missing),
            _ => Ok(paths),
        }
    }

    /// The combined outcome. `none` is the reason if there are no interfaces.
    pub(super) fn verified(self, none: &str) -> Verification {
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

/// A network interface in the VPC that forwards connections from the internet with the client's address, so that the security
/// groups of its targets must allow the internet: a network load balancer or an accelerator.
fn forwarder(lookup: &Lookup<'_>, vpc: &str) -> Result<Option<String>, Missing> {
    const KINDS: [&str; 3] = ["network_load_balancer", "gateway_load_balancer", "global_accelerator_managed"];
    let interfaces = lookup.get(NetworkInterface::BY_VPC, vpc)?;
    let forwards = |interface: &&NetworkInterface| {
        KINDS.contains(&interface.interface_type.as_str())
            && !interface.deny_all_igw_traffic
            && (interface.interface_type == "global_accelerator_managed" || !public_addresses(interface).is_empty())
    };
    let name = |interface: &NetworkInterface| match interface.description.as_str() {
        "" => interface.network_interface_id.clone(),
        description => format!("{} ({description})", interface.network_interface_id),
    };
    Ok(interfaces.iter().find(forwards).map(name))
}

/// At most three reasons, the most frequent first.
fn counted(reasons: &[String]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    reasons.iter().for_each(|reason| *counts.entry(reason).or_default() += 1);
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let shown: Vec<&str> = counts.iter().take(3).map(|(reason, _)| *reason).collect();
    let more = counts.len().saturating_sub(shown.len());
    if more == 0 { shown.join("; ") } else { format!("{}; and {more} more", shown.join("; ")) }
}
