//! Computes the traffic that passes several network layers in a row, and its sources.
//!
//! A layer is a list of rules for networks and traffic. The address space is divided wherever a rule of any layer begins or
//! ends. Within one part, the same rules apply to every address, and the traffic that passes is the traffic that every layer
//! allows.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::ip::Family;
use super::opening::Entry;
use super::traffic::Traffic;

/// A rule of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerRule {
    /// The source of inbound traffic, or the destination of return traffic.
    pub network: IpNet,
    /// The traffic that the rule matches.
    pub traffic: Traffic,
    /// Whether the rule allows the traffic.
    pub allow: bool,
}

/// A layer that filters traffic from the internet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    rules: Vec<LayerRule>,
    /// Whether the layer filters return traffic. The client chooses the ports of return traffic, so a protocol passes if any
    /// port of it passes.
    is_for_return_traffic: bool,
}

impl Layer {
    /// A layer in which the first rule that matches a packet decides. A packet that no rule matches is denied.
    pub fn first_match(rules: Vec<LayerRule>) -> Self {
        Self { rules, is_for_return_traffic: false }
    }

    /// A [`Layer::first_match`] for return traffic.
    pub fn for_return_traffic(rules: Vec<LayerRule>) -> Self {
        Self { rules, is_for_return_traffic: true }
    }

    /// A layer that allows the traffic of every entry and denies all other traffic.
    pub fn any_of(entries: impl IntoIterator<Item = Entry>) -> Self {
        let rules = entries.into_iter().map(|Entry { network, traffic }| LayerRule { network, traffic, allow: true });
        Self::first_match(rules.collect())
    }

    /// A layer in which the rule with the longest prefix that contains the address decides, as for routes. Of rules for the
    /// same network, the first decides.
    pub fn longest_prefix(mut rules: Vec<LayerRule>) -> Self {
        rules.sort_by_key(|rule| std::cmp::Reverse(rule.network.prefix_len()));
        Self::first_match(rules)
    }

    /// The traffic that passes for addresses that are in the networks of all `rules`.
    fn passing(&self, rules: &[&LayerRule]) -> Traffic {
        let (mut passing, mut unmatched) = (Traffic::default(), Traffic::all());
        for rule in rules {
            if rule.allow {
                passing |= &(&rule.traffic & &unmatched);
            }
            unmatched = unmatched.without(&rule.traffic);
        }
        if self.is_for_return_traffic { passing.whole_protocols() } else { passing }
    }
}

/// The networks and traffic that pass all `layers`.
pub fn passing(family: Family, layers: &[&Layer]) -> Vec<Entry> {
    let rules: Vec<Vec<&LayerRule>> = layers.iter().map(|layer| layer.rules.iter().collect()).collect();
    let mut entries = Vec::new();
    divide(family.all(), layers, &rules, &mut entries);
    entries
}

/// Adds the passing traffic of `network`. Divides it into halves until every rule matches all of a part or none of it.
fn divide(network: IpNet, layers: &[&Layer], rules: &[Vec<&LayerRule>], entries: &mut Vec<Entry>) {
    let overlaps = |rule: &&&LayerRule| rule.network.contains(&network) || network.contains(&rule.network);
    let rules: Vec<Vec<&LayerRule>> =
        rules.iter().map(|rules| rules.iter().filter(overlaps).copied().collect()).collect();
    if rules.iter().any(Vec::is_empty) {
        return;
    }
    if rules.iter().flatten().all(|rule| rule.network.contains(&network)) {
        let mut traffic = Traffic::all();
        for (layer, rules) in layers.iter().zip(&rules) {
            traffic = &traffic & &layer.passing(rules);
        }
        if !traffic.is_empty() {
            entries.push(Entry { network, traffic });
        }
        return;
    }
    for half in halves(network) {
        divide(half, layers, &rules, entries);
    }
}

fn halves(network: IpNet) -> Vec<IpNet> {
    let length = network.prefix_len() + 1;
    match network {
        IpNet::V4(network) => network.subnets(length).into_iter().flatten().map(Ipv4Net::into).collect(),
        IpNet::V6(network) => network.subnets(length).into_iter().flatten().map(Ipv6Net::into).collect(),
    }
}
