//! How much of the internet a list of entries, each a network and the traffic it may send, lets in together.
//!
//! Decided for each port by the share of the public address space that is let in, of IPv4 or of IPv6, however it is cut
//! into networks: see [`Reach`] for the thresholds. The ports are swept in order; the networks form a forest by
//! containment, in which the open addresses are summed up. So the work grows with the number of entries, their depth and
//! the logarithm of their number, and not with the square of anything.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use ipnet::IpNet;

use super::internet::{all_public_addresses, bounds, min_world_addresses, public_addresses};
use super::ip::Family;
use super::traffic::{Pieces, Traffic};

/// An opening reaches the *world* if it lets in at least this share of the public addresses, in percent: all, or all but
/// so little that it makes no difference.
pub const MIN_WORLD_PERCENT: u128 = 90;

/// An opening is *wide* if it lets in at least this share of the public addresses, in tenths of a percent, wherever they
/// are. 0.5 % of IPv4 is 18 million addresses, somewhat more than a /8.
pub const MIN_WIDE_PER_MILLE: u128 = 5;

/// An opening is *wide* also if it lets in at least this share, in percent, of the public addresses of one block of
/// [`BLOCK_V4`] or [`BLOCK_V6`].
pub const MIN_BLOCK_PERCENT: u128 = 90;

/// The length of a block of IPv4: a /8 has 16 million addresses.
pub const BLOCK_V4: u8 = 8;

/// The length of a block of IPv6: a sixteenth of what IANA allocates to the registry of a continent.
pub const BLOCK_V6: u8 = 16;

/// Fewer public addresses of IPv4 and of IPv6 than these are never wide: a block counts if at least half of it is public.
pub const MIN_WIDE_ADDRESSES: [u128; 2] = [min_wide(1 << (32 - BLOCK_V4)), min_wide(1 << (128 - BLOCK_V6))];

const fn min_wide(block: u128) -> u128 {
    percent_of(block / 2, MIN_BLOCK_PERCENT)
}

/// Most steps that are taken to find out which entries a larger one makes redundant. Beyond it, all count as taking part.
const MAX_STEPS: usize = 200_000;

/// How much of the internet is let in, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// No public address.
    Private,
    /// Some public addresses, but not many.
    Public,
    /// At least [`MIN_WIDE_PER_MILLE`] of the public addresses of IPv4 or IPv6, or nearly all of one /8 of IPv4 or /16 of
    /// IPv6.
    Wide,
    /// At least [`MIN_WORLD_PERCENT`] of the public addresses of IPv4 or IPv6.
    World,
}

impl Reach {
    /// The word rules compare with.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Public => "public",
            Self::Wide => "wide",
            Self::World => "world",
        }
    }

    /// The reach of these networks together.
    pub fn of(networks: impl IntoIterator<Item = IpNet>) -> Self {
        let entry = |network| Entry { network, traffic: Traffic::all() };
        Opening::of(&networks.into_iter().map(entry).collect::<Vec<_>>()).reach
    }
}

/// One network and what it may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// From where, host bits masked.
    pub network: IpNet,
    /// What.
    pub traffic: Traffic,
}

/// The result of a list of entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The widest reach there is.
    pub reach: Reach,
    /// The traffic that the whole world may send, over either IP version.
    pub world: Traffic,
    /// The traffic that a large part of the world may send, and not all of it.
    pub wide: Traffic,
    /// The largest share of the public addresses of one IP version to which the same port is open, in whole percent,
    /// rounded down.
    pub percent: u8,
    /// The IP versions over which something is open to the world or a large part of it.
    pub families: Vec<Family>,
    /// For each entry, the widest opening it takes part in. Not taking part are entries that a larger one makes redundant,
    /// and the smallest ones as long as all of them together are not wide; their reach is their own. Parallel to the
    /// entries.
    pub part_in: Vec<Reach>,
}

impl Opening {
    /// The opening of `entries` together.
    pub fn of(entries: &[Entry]) -> Self {
        let mut part_in: Vec<Reach> = entries.iter().map(|entry| narrow_reach(&entry.network)).collect();
        let (mut world, mut wide) = (Traffic::default(), Traffic::default());
        let (mut families, mut percent) = (Vec::new(), 0);
        for family in [Family::V4, Family::V6] {
            let Some(mut forest) = Forest::of(family, entries) else { continue };
            let open = forest.sweep();
            percent = percent.max(open.percent);
            if open.wide.is_nothing() {
                continue;
            }
            families.push(family);
            forest.mark(entries, &open, &mut part_in);
            world |= &open.world;
            wide |= &open.wide;
        }
        let wide = wide.without(&world);
        let reach = match () {
            () if !world.is_nothing() => Reach::World,
            () if !wide.is_nothing() => Reach::Wide,
            () => part_in.iter().copied().max().unwrap_or(Reach::Private),
        };
        Self { reach, world, wide, percent, families, part_in }
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

    /// How many addresses a block has.
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

/// The traffic that is open over one IP version.
struct Open {
    world: Traffic,
    /// To the world or a large part of it.
    wide: Traffic,
    percent: u8,
}

/// The networks of one IP version, each below the smallest other one that holds it.
struct Forest {
    family: Family,
    /// In the order of their first addresses, the larger ones first.
    nodes: Vec<Node>,
    /// Where ports begin or end to be open: the place of the first or of the one after the last, and that of the node.
    edges: Vec<(u32, usize, bool)>,
    /// Public addresses that are open.
    open: u128,
    /// Nodes that are large enough and open.
    open_blocks: usize,
}

struct Node {
    last: u128,
    length: u8,
    parent: Option<usize>,
    /// Entries for exactly this network, by their place.
    entries: Vec<usize>,
    /// Its public addresses.
    public: u128,
    /// How many of these have to be open for it to count as an open block.
    min_open: Option<u128>,
    /// How many of its entries let in the port that is looked at.
    covers: usize,
    /// Public addresses that are open in the nodes below.
    below: u128,
}

impl Node {
    fn open(&self) -> u128 {
        if self.covers > 0 { self.public } else { self.below }
    }

    fn is_open_block(&self) -> bool {
        self.min_open.is_some_and(|needed| self.open() >= needed)
    }
}

impl Forest {
    /// The forest of the entries with public addresses; `None` if there are none.
    fn of(family: Family, entries: &[Entry]) -> Option<Self> {
        let mut networks: BTreeMap<(u128, u8), (IpNet, Vec<usize>)> = BTreeMap::new();
        let block_length = family.block_length();
        for (place, entry) in entries.iter().enumerate() {
            let network = entry.network;
            if Family::of(&network) != family || entry.traffic.is_nothing() || public_addresses(&network) == 0 {
                continue;
            }
            // Blocks are summed up like networks.
            let block = IpNet::new(network.addr(), block_length.min(network.prefix_len())).map(|block| block.trunc());
            for (network, place) in [(network, Some(place))].into_iter().chain(block.ok().map(|block| (block, None))) {
                let key = (bounds(&network).0, network.prefix_len());
                networks.entry(key).or_insert_with(|| (network, Vec::new())).1.extend(place);
            }
        }
        if networks.is_empty() {
            return None;
        }
        let mut forest = Self { family, nodes: Vec::new(), edges: Vec::new(), open: 0, open_blocks: 0 };
        // Those that hold the network that is looked at, the largest first.
        let mut around: Vec<usize> = Vec::new();
        for ((first, length), (network, places)) in networks {
            let holds = |place: &usize| forest.nodes.get(*place).is_some_and(|node| node.last >= first);
            while around.last().is_some_and(|place| !holds(place)) {
                around.pop();
            }
            let public = public_addresses(&network);
            let size = family.block_size();
            let min_open = match length.cmp(&block_length) {
                std::cmp::Ordering::Equal => (public >= size / 2).then(|| percent_of(public, MIN_BLOCK_PERCENT)),
                std::cmp::Ordering::Less => (public >= percent_of(size, MIN_BLOCK_PERCENT)).then_some(public),
                std::cmp::Ordering::Greater => None,
            };
            let node = forest.nodes.len();
            let ranges = places.iter().filter_map(|place| entries.get(*place)).flat_map(|entry| entry.traffic.ranges());
            for range in ranges {
                forest.edges.extend([(*range.start(), node, true), (range.end() + 1, node, false)]);
            }
            let (_, last) = bounds(&network);
            let parent = around.last().copied();
            forest.nodes.push(Node { last, length, parent, entries: places, public, min_open, covers: 0, below: 0 });
            around.push(node);
        }
        forest.edges.sort_unstable();
        Some(forest)
    }

    /// Computes the open traffic, port by port.
    fn sweep(&mut self) -> Open {
        let all = all_public_addresses(self.family);
        let min_world = min_world_addresses(self.family);
        let min_wide = all / 1000 * MIN_WIDE_PER_MILLE;
        let (mut world, mut wide): (Vec<RangeInclusive<u32>>, Vec<RangeInclusive<u32>>) = Default::default();
        let mut most = 0;
        let edges = std::mem::take(&mut self.edges);
        for (place, (at, node, begins)) in edges.iter().enumerate() {
            self.cover(*node, *begins);
            // All edges of one port make one change.
            let Some((next, ..)) = edges.get(place + 1).filter(|(next, ..)| next != at) else { continue };
            let ports = *at..=next - 1;
            most = most.max(self.open);
            if self.open >= min_world {
                world.push(ports.clone());
            }
            if self.open >= min_wide || self.open_blocks > 0 {
                wide.push(ports);
            }
        }
        let percent = u8::try_from(most / (all / 100).max(1)).unwrap_or(100).min(100);
        Open { world: world.into_iter().collect(), wide: wide.into_iter().collect(), percent }
    }

    /// Has a node be let in by one entry more or less, and sums up what is open.
    fn cover(&mut self, node: usize, begins: bool) {
        let Some(changed) = self.nodes.get_mut(node) else { return };
        let (mut before, was_block) = (changed.open(), changed.is_open_block());
        changed.covers = if begins { changed.covers + 1 } else { changed.covers.saturating_sub(1) };
        let (mut after, is_block) = (changed.open(), changed.is_open_block());
        let mut above = changed.parent;
        self.count_block(was_block, is_block);
        while before != after {
            let Some(parent) = above.and_then(|place| self.nodes.get_mut(place)) else {
                self.open = self.open + after - before;
                return;
            };
            let (open, was_block) = (parent.open(), parent.is_open_block());
            parent.below = parent.below + after - before;
            (before, after) = (open, parent.open());
            above = parent.parent;
            let is_block = parent.is_open_block();
            self.count_block(was_block, is_block);
        }
    }

    fn count_block(&mut self, was: bool, is: bool) {
        self.open_blocks = (self.open_blocks + usize::from(is)).saturating_sub(usize::from(was));
    }

    /// Marks the entries that take part in the opening.
    fn mark(&self, entries: &[Entry], open: &Open, part_in: &mut [Reach]) {
        let own: Vec<Pieces> = self
            .nodes
            .iter()
            .map(|node| {
                let entries = node.entries.iter().filter_map(|place| entries.get(*place));
                entries.flat_map(|entry| entry.traffic.ranges()).collect::<Traffic>().pieces()
            })
            .collect();
        let (world, wide) = (open.world.pieces(), open.wide.pieces());
        let mut steps = 0;
        let mut adds_to = |node: &Node, entry: &Entry, opened: &Pieces| {
            if steps > MAX_STEPS {
                return opened.meets(&entry.traffic);
            }
            let mut added = opened.shared_with(&entry.traffic);
            let mut above = node.parent;
            while let Some((parent, larger)) = above.and_then(|place| self.nodes.get(place).zip(own.get(place))) {
                steps += 1 + added.count();
                if added.count() == 0 || steps > MAX_STEPS {
                    break;
                }
                added = added.without(larger);
                above = parent.parent;
            }
            added.count() > 0
        };
        // By the length of the networks, the smallest last.
        let mut parts: BTreeMap<u8, Vec<(usize, Reach, u128)>> = BTreeMap::new();
        for node in &self.nodes {
            for place in &node.entries {
                let Some(entry) = entries.get(*place) else { continue };
                let part = match () {
                    () if adds_to(node, entry, &world) => Reach::World,
                    () if adds_to(node, entry, &wide) => Reach::Wide,
                    () => continue,
                };
                parts.entry(node.length).or_default().push((*place, part, node.public));
            }
        }
        let mut smallest = 0_u128;
        for (_, parts) in parts.into_iter().rev() {
            let public = parts.iter().map(|(_, _, public)| *public);
            smallest = public.fold(smallest, u128::saturating_add);
            if smallest < self.family.min_wide() {
                continue;
            }
            for (place, part, _) in parts {
                if let Some(known) = part_in.get_mut(place) {
                    *known = part;
                }
            }
        }
    }
}
