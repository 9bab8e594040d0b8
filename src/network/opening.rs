//! Computes how much of the internet a list of entries allows in. An entry is a network and the traffic it may send.
//!
//! The reach of each port is the share of the public IPv4 or IPv6 addresses that may send to it, however they are divided into
//! networks. See [`Reach`] for the thresholds. A sweep visits the ports in ascending order. The networks form a forest by
//! containment, in which the open addresses are summed up. The work is proportional to the number of entries times their
//! depth in the forest, plus the sorting.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use ipnet::IpNet;

use super::internet::{all_public_addresses, bounds, min_world_addresses, public_addresses};
use super::ip::Family;
use super::traffic::{SortedRanges, Traffic};

/// Minimum share of the public addresses, in percent, for an opening to the *world*. Less than 100, because leaving out a
/// small part of the internet does not help.
pub const MIN_WORLD_PERCENT: u128 = 90;

/// Minimum share of the public addresses, in tenths of a percent, for a *wide* opening. 0.5 % of IPv4 is 18 million addresses,
/// slightly more than a /8.
pub const MIN_WIDE_PER_MILLE: u128 = 5;

/// An opening is also *wide* if it allows in at least this share, in percent, of the public addresses of one block of length
/// [`BLOCK_V4`] or [`BLOCK_V6`].
pub const MIN_BLOCK_PERCENT: u128 = 90;

/// Prefix length of an IPv4 block: a /8 has 16 million addresses.
pub const BLOCK_V4: u8 = 8;

/// Prefix length of an IPv6 block: a sixteenth of the addresses that IANA allocates to a regional registry.
pub const BLOCK_V6: u8 = 16;

/// Minimum number of public IPv4 and IPv6 addresses of a wide opening. A block counts if at least half of it is public.
pub const MIN_WIDE_ADDRESSES: [u128; 2] = [min_wide(1 << (32 - BLOCK_V4)), min_wide(1 << (128 - BLOCK_V6))];

const fn min_wide(block: u128) -> u128 {
    percent_of(block / 2, MIN_BLOCK_PERCENT)
}

/// Maximum number of steps to find entries that a larger entry makes redundant. Beyond it, all entries contribute.
const MAX_STEPS: usize = 200_000;

/// How much of the internet is allowed in, in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// No public address.
    Private,
    /// Public addresses, but fewer than for [`Reach::Wide`].
    Public,
    /// At least [`MIN_WIDE_PER_MILLE`] of the public addresses of IPv4 or IPv6, or nearly all of one /8 of IPv4 or /16 of
    /// IPv6.
    Wide,
    /// At least [`MIN_WORLD_PERCENT`] of the public addresses of IPv4 or IPv6.
    World,
}

impl Reach {
    /// The value in facts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Public => "public",
            Self::Wide => "wide",
            Self::World => "world",
        }
    }

    /// The reach of all these networks together.
    pub fn of(networks: impl IntoIterator<Item = IpNet>) -> Self {
        let entry = |network| Entry { network, traffic: Traffic::all() };
        Opening::of(&networks.into_iter().map(entry).collect::<Vec<_>>()).reach
    }
}

/// A network and the traffic that it may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The source network, host bits masked.
    pub network: IpNet,
    /// The allowed traffic.
    pub traffic: Traffic,
}

/// The combined effect of a list of entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The widest reach of any port.
    pub reach: Reach,
    /// Traffic that is open to the world, over either IP version.
    pub world: Traffic,
    /// Traffic with a wide opening that is not open to the world.
    pub wide: Traffic,
    /// The largest share of the public addresses of one IP version to which a port is open, in percent, rounded down.
    pub percent: u8,
    /// The IP versions with a wide opening or an opening to the world.
    pub families: Vec<Family>,
    /// For each entry, the widest opening that it contributes to. An entry does not contribute if a larger one makes it
    /// redundant, or if it is one of the smallest and these together are not wide. It then has its own reach. Parallel to the
    /// entries.
    pub contributions: Vec<Reach>,
}

impl Opening {
    /// Computes the opening of `entries`.
    pub fn of(entries: &[Entry]) -> Self {
        let mut contributions: Vec<Reach> = entries.iter().map(|entry| narrow_reach(&entry.network)).collect();
        let (mut world, mut wide) = (Traffic::default(), Traffic::default());
        let (mut families, mut percent) = (Vec::new(), 0);
        for family in [Family::V4, Family::V6] {
            let Some(mut forest) = Forest::of(family, entries) else { continue };
            let open = forest.sweep();
            percent = percent.max(open.percent);
            if open.wide.is_empty() {
                continue;
            }
            families.push(family);
            forest.mark_contributions(entries, &open, &mut contributions);
            world |= &open.world;
            wide |= &open.wide;
        }
        let wide = wide.without(&world);
        let reach = if !world.is_empty() {
            Reach::World
        } else if !wide.is_empty() {
            Reach::Wide
        } else {
            contributions.iter().copied().max().unwrap_or(Reach::Private)
        };
        Self { reach, world, wide, percent, families, contributions }
    }
}

fn narrow_reach(network: &IpNet) -> Reach {
    if public_addresses(network) > 0 { Reach::Public } else { Reach::Private }
}

impl Family {
    fn block_length(self) -> u8 {
        match self {
            Self::V4 => BLOCK_V4,
            Self::V6 => BLOCK_V6,
        }
    }

    /// The number of addresses of a block.
    fn block_size(self) -> u128 {
        match self {
            Self::V4 => 1 << (32 - BLOCK_V4),
            Self::V6 => 1 << (128 - BLOCK_V6),
        }
    }

    fn min_wide(self) -> u128 {
        let [v4, v6] = MIN_WIDE_ADDRESSES;
        match self {
            Self::V4 => v4,
            Self::V6 => v6,
        }
    }
}

pub(super) const fn percent_of(count: u128, percent: u128) -> u128 {
    count / 100 * percent + count % 100 * percent / 100
}

/// The open traffic over one IP version.
struct OpenTraffic {
    world: Traffic,
    /// Open to the world or wide.
    wide: Traffic,
    percent: u8,
}

/// The networks of one IP version. The parent of a network is the smallest other network that contains it.
struct Forest {
    family: Family,
    /// Sorted by first address, then by prefix length.
    nodes: Vec<Node>,
    /// The events of the sweep, sorted: a port value, the index of a node, and whether an entry of the node begins to allow
    /// the port (true) or ends (false).
    edges: Vec<(u32, usize, bool)>,
    /// Number of public addresses that are open at the current port.
    open: u128,
    /// Number of blocks that are open at the current port.
    open_blocks: usize,
}

struct Node {
    last: u128,
    length: u8,
    parent: Option<usize>,
    /// Indices of the entries for exactly this network.
    entries: Vec<usize>,
    /// Number of public addresses.
    public: u128,
    /// Number of open addresses from which it counts as an open block. `None` if it is not a block.
    min_open: Option<u128>,
    /// Number of its entries that allow the current port.
    allowing: usize,
    /// Number of public addresses that are open in its child nodes.
    open_below: u128,
}

impl Node {
    fn open(&self) -> u128 {
        if self.allowing > 0 { self.public } else { self.open_below }
    }

    fn is_open_block(&self) -> bool {
        self.min_open.is_some_and(|min_open| self.open() >= min_open)
    }
}

impl Forest {
    /// The forest of the entries with public addresses. Returns `None` if there are none.
    fn of(family: Family, entries: &[Entry]) -> Option<Self> {
        let mut networks: BTreeMap<(u128, u8), (IpNet, Vec<usize>)> = BTreeMap::new();
        let block_length = family.block_length();
        for (index, entry) in entries.iter().enumerate() {
            let network = entry.network;
            if Family::of(&network) != family || entry.traffic.is_empty() || public_addresses(&network) == 0 {
                continue;
            }
            // Blocks are summed up like networks.
            let block = IpNet::new(network.addr(), block_length.min(network.prefix_len())).map(|block| block.trunc());
            for (network, index) in [(network, Some(index))].into_iter().chain(block.ok().map(|block| (block, None))) {
                let key = (bounds(&network).0, network.prefix_len());
                networks.entry(key).or_insert_with(|| (network, Vec::new())).1.extend(index);
            }
        }
        if networks.is_empty() {
            return None;
        }
        let mut forest = Self { family, nodes: Vec::new(), edges: Vec::new(), open: 0, open_blocks: 0 };
        // The nodes that contain the current network, the largest first.
        let mut ancestors: Vec<usize> = Vec::new();
        for ((first, length), (network, own_entries)) in networks {
            let contains_network = |index: &usize| forest.nodes.get(*index).is_some_and(|node| node.last >= first);
            while ancestors.last().is_some_and(|index| !contains_network(index)) {
                ancestors.pop();
            }
            let public = public_addresses(&network);
            let size = family.block_size();
            let min_open = match length.cmp(&block_length) {
                std::cmp::Ordering::Equal => (public >= size / 2).then(|| percent_of(public, MIN_BLOCK_PERCENT)),
                std::cmp::Ordering::Less => (public >= percent_of(size, MIN_BLOCK_PERCENT)).then_some(public),
                std::cmp::Ordering::Greater => None,
            };
            let node = forest.nodes.len();
            let traffic = own_entries.iter().filter_map(|index| entries.get(*index)).map(|entry| &entry.traffic);
            for range in traffic.flat_map(Traffic::ranges) {
                forest.edges.extend([(*range.start(), node, true), (range.end() + 1, node, false)]);
            }
            let (_, last) = bounds(&network);
            let parent = ancestors.last().copied();
            let entries = own_entries;
            forest.nodes.push(Node { last, length, parent, entries, public, min_open, allowing: 0, open_below: 0 });
            ancestors.push(node);
        }
        forest.edges.sort_unstable();
        Some(forest)
    }

    /// Computes the open traffic port by port.
    fn sweep(&mut self) -> OpenTraffic {
        let all = all_public_addresses(self.family);
        let min_world = min_world_addresses(self.family);
        let min_wide = all / 1000 * MIN_WIDE_PER_MILLE;
        let (mut world, mut wide): (Vec<RangeInclusive<u32>>, Vec<RangeInclusive<u32>>) = Default::default();
        let mut max_open = 0;
        let edges = std::mem::take(&mut self.edges);
        for (index, (port, node, begins)) in edges.iter().enumerate() {
            self.apply_edge(*node, *begins);
            // The state is complete after the last edge of a port.
            let Some((next, ..)) = edges.get(index + 1).filter(|(next, ..)| next != port) else { continue };
            let ports = *port..=next - 1;
            max_open = max_open.max(self.open);
            if self.open >= min_world {
                world.push(ports.clone());
            }
            if self.open >= min_wide || self.open_blocks > 0 {
                wide.push(ports);
            }
        }
        let percent = u8::try_from(max_open / (all / 100).max(1)).unwrap_or(100).min(100);
        OpenTraffic { world: world.into_iter().collect(), wide: wide.into_iter().collect(), percent }
    }

    /// Updates a node when one of its entries begins or ends to allow the current port, and the sums above it.
    fn apply_edge(&mut self, node: usize, begins: bool) {
        let Some(changed) = self.nodes.get_mut(node) else { return };
        let (mut before, was_block) = (changed.open(), changed.is_open_block());
        changed.allowing = if begins { changed.allowing + 1 } else { changed.allowing.saturating_sub(1) };
        let (mut after, is_block) = (changed.open(), changed.is_open_block());
        let mut above = changed.parent;
        self.count_block(was_block, is_block);
        while before != after {
            let Some(parent) = above.and_then(|index| self.nodes.get_mut(index)) else {
                self.open = self.open + after - before;
                return;
            };
            let (open, was_block) = (parent.open(), parent.is_open_block());
            parent.open_below = parent.open_below + after - before;
            (before, after) = (open, parent.open());
            above = parent.parent;
            let is_block = parent.is_open_block();
            self.count_block(was_block, is_block);
        }
    }

    fn count_block(&mut self, was: bool, is: bool) {
        self.open_blocks = (self.open_blocks + usize::from(is)).saturating_sub(usize::from(was));
    }

    /// Records the widest opening that each entry contributes to.
    fn mark_contributions(&self, entries: &[Entry], open: &OpenTraffic, contributions: &mut [Reach]) {
        let traffic_of_nodes: Vec<SortedRanges> = self
            .nodes
            .iter()
            .map(|node| {
                let entries = node.entries.iter().filter_map(|index| entries.get(*index));
                entries.flat_map(|entry| entry.traffic.ranges()).collect::<Traffic>().sorted_ranges()
            })
            .collect();
        let (world, wide) = (open.world.sorted_ranges(), open.wide.sorted_ranges());
        let mut steps = 0;
        let mut adds_to = |node: &Node, entry: &Entry, opened: &SortedRanges| {
            if steps > MAX_STEPS {
                return opened.overlaps(&entry.traffic);
            }
            let mut added = opened.intersection(&entry.traffic);
            let mut above = node.parent;
            while let Some((parent, larger)) =
                above.and_then(|index| self.nodes.get(index).zip(traffic_of_nodes.get(index)))
            {
                steps += 1 + added.count();
                if added.count() == 0 || steps > MAX_STEPS {
                    break;
                }
                added = added.without(larger);
                above = parent.parent;
            }
            added.count() > 0
        };
        // By prefix length: entry index, reach and number of public addresses.
        let mut by_length: BTreeMap<u8, Vec<(usize, Reach, u128)>> = BTreeMap::new();
        for node in &self.nodes {
            for index in &node.entries {
                let Some(entry) = entries.get(*index) else { continue };
                let reach = if adds_to(node, entry, &world) {
                    Reach::World
                } else if adds_to(node, entry, &wide) {
                    Reach::Wide
                } else {
                    continue;
                };
                by_length.entry(node.length).or_default().push((*index, reach, node.public));
            }
        }
        // Public addresses in networks of this size or smaller.
        let mut total = 0_u128;
        for (_, candidates) in by_length.into_iter().rev() {
            let public = candidates.iter().map(|(_, _, public)| *public);
            total = public.fold(total, u128::saturating_add);
            if total < self.family.min_wide() {
                continue;
            }
            for (index, reach, _) in candidates {
                if let Some(contribution) = contributions.get_mut(index) {
                    *contribution = reach;
                }
            }
        }
    }
}
