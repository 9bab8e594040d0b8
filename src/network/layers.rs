//! What passes several layers of a network one after the other, and from where.
//!
//! A layer is a list of rules for networks and traffic. The address space is divided where any rule of any layer begins
//! or ends; within a part all rules are the same for every address, and what passes is what every layer lets pass.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::ip::Family;
use super::opening::Entry;
use super::traffic::Traffic;

/// A rule of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// From where, or for what goes back: to where.
    pub network: IpNet,
    /// What it is about.
    pub traffic: Traffic,
    /// Whether it lets pass.
    pub allow: bool,
}

/// A layer that traffic from the internet passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    rules: Vec<Rule>,
    /// Whether it is about the answers: they go to ports that the other side chooses, so that a protocol passes when any
    /// port of it does.
    is_for_answers: bool,
}

impl Layer {
    /// A layer in which the first rule that covers a packet decides, and nothing passes that none covers.
    pub fn first_match(rules: Vec<Rule>) -> Self {
        Self { rules, is_for_answers: false }
    }

    /// The same for what goes back.
    pub fn for_answers(rules: Vec<Rule>) -> Self {
        Self { rules, is_for_answers: true }
    }

    /// A layer that lets pass what any entry covers.
    pub fn any_of(entries: impl IntoIterator<Item = Entry>) -> Self {
        let allowed = entries.into_iter().map(|Entry { network, traffic }| Rule { network, traffic, allow: true });
        Self::first_match(allowed.collect())
    }

    /// A layer in which the rule for the smallest network that holds an address decides, as for routes; of several for the
    /// same network the first.
    pub fn longest_prefix(mut rules: Vec<Rule>) -> Self {
        rules.sort_by_key(|rule| std::cmp::Reverse(rule.network.prefix_len()));
        Self::first_match(rules)
    }

    /// What passes for addresses that all `rules` hold.
    fn passing(&self, rules: &[&Rule]) -> Traffic {
        let (mut passing, mut open) = (Traffic::default(), Traffic::all());
        for rule in rules {
            if rule.allow {
                passing |= &(&rule.traffic & &open);
            }
            open = open.without(&rule.traffic);
        }
        if self.is_for_answers { passing.whole_protocols() } else { passing }
    }
}

/// What passes all `layers`, and from where.
pub fn passing(family: Family, layers: &[&Layer]) -> Vec<Entry> {
    let rules: Vec<Vec<&Rule>> = layers.iter().map(|layer| layer.rules.iter().collect()).collect();
    let mut entries = Vec::new();
    divide(family.all(), layers, &rules, &mut entries);
    entries
}

/// Takes `network` as one part if no rule is about less than all of it, else its two halves.
fn divide(network: IpNet, layers: &[&Layer], rules: &[Vec<&Rule>], entries: &mut Vec<Entry>) {
    let meets = |rule: &&&Rule| rule.network.contains(&network) || network.contains(&rule.network);
    let rules: Vec<Vec<&Rule>> = rules.iter().map(|rules| rules.iter().filter(meets).copied().collect()).collect();
    if rules.iter().any(Vec::is_empty) {
        return;
    }
    if rules.iter().flatten().all(|rule| rule.network.contains(&network)) {
        let mut traffic = Traffic::all();
        for (layer, rules) in layers.iter().zip(&rules) {
            traffic = &traffic & &layer.passing(rules);
        }
        if !traffic.is_nothing() {
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
