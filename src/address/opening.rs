//! What a list of entries, each a network and the traffic it may send, opens to how much of the internet.
//!
//! The entries of one IP version form a binary tree of prefixes. What is open to a whole prefix is what is written for
//! it, together with what is open to both of its halves: so `0.0.0.0/1` and `128.0.0.0/1` are the world, for just the
//! ports they share. Space that is not of the internet (private, multicast, …) counts as open to everything, because who
//! lets in all the rest lets in the world.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::network::{Family, GLOBAL_UNICAST_V6, SPACES_V4, Space};
use super::traffic::Traffic;

/// An IPv4 prefix of public space of this length or shorter is *wide*: a /8 is 16 million addresses.
pub const WIDE_V4: u8 = 8;
/// The same for IPv6: registries hand out /12s to whole continents, and providers get /20 to /32.
pub const WIDE_V6: u8 = 16;

/// How much of the internet is let in, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Nobody on the internet.
    Private,
    /// Some public networks, none of them wide.
    Public,
    /// A public prefix at least as short as [`WIDE_V4`] or [`WIDE_V6`].
    Wide,
    /// All of IPv4, or all of IPv6's global unicast space `2000::/3`.
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
}

/// One network and what it may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// From where, host bits masked.
    pub network: IpNet,
    /// What.
    pub traffic: Traffic,
}

/// What a list of entries opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The widest reach there is.
    pub reach: Reach,
    /// What is open to the whole world, over either IP version.
    pub world: Traffic,
    /// What is open to a wide prefix, and not to the world.
    pub wide: Traffic,
    /// The IP versions over which something is open to the world or a wide prefix.
    pub families: Vec<Family>,
    /// For each entry, the widest opening it takes part in, unless a larger network says as much already; or else only
    /// what it says itself. Parallel to the entries.
    pub part_in: Vec<Reach>,
}

impl Opening {
    /// What `entries` open together.
    pub fn of(entries: &[Entry]) -> Self {
        let mut part_in: Vec<Reach> = entries.iter().map(|entry| narrow_reach(&entry.network)).collect();
        let (mut world, mut wide) = (Traffic::default(), Traffic::default());
        let mut families = Vec::new();
        let everything = Traffic::all();
        let elsewhere = SPACES_V4.map(|(network, space)| (IpNet::V4(network), space));
        for family in [Family::V4, Family::V6] {
            let places = entries.iter().enumerate();
            let mut leaves: Vec<Leaf<'_>> =
                places.filter_map(|(place, entry)| family.leaf(Some(place), &entry.network, &entry.traffic)).collect();
            if leaves.is_empty() {
                continue;
            }
            leaves.extend(elsewhere.iter().filter_map(|(network, _)| family.leaf(None, network, &everything)));
            leaves.sort_by_key(|leaf| (leaf.prefix.bits, leaf.prefix.length));
            let tree = Node::grow(family, family.root(), &leaves);
            world |= &tree.open;
            let mut of_family = Traffic::default();
            tree.collect_wide(&mut of_family);
            if !tree.open.is_nothing() || !of_family.is_nothing() {
                families.push(family);
            }
            wide |= &of_family;
            tree.mark(&tree.open, &Traffic::default(), &Traffic::default(), &mut part_in);
        }
        let wide = wide.without(&world);
        let reach = match () {
            () if !world.is_nothing() => Reach::World,
            () if !wide.is_nothing() => Reach::Wide,
            () => part_in.iter().copied().max().unwrap_or(Reach::Private),
        };
        Self { reach, world, wide, families, part_in }
    }
}

fn narrow_reach(network: &IpNet) -> Reach {
    if Space::of(network) == Space::Public { Reach::Public } else { Reach::Private }
}

/// A prefix: its first bit is the highest; IPv4 fills the upper 32.
#[derive(Debug, Clone, Copy)]
struct Prefix {
    bits: u128,
    length: u8,
}

/// An entry as the tree sees it.
#[derive(Debug, Clone, Copy)]
struct Leaf<'n> {
    prefix: Prefix,
    /// Its place among the entries; `None` for space that is not of the internet.
    place: Option<usize>,
    traffic: &'n Traffic,
}

impl Prefix {
    /// The bit by which the second half differs, and the `leaves`, sorted and below the prefix, of either half.
    fn halves<'l, 'n>(self, leaves: &'l [Leaf<'n>]) -> (u128, &'l [Leaf<'n>], &'l [Leaf<'n>]) {
        let next = 1_u128.checked_shl(127_u32.saturating_sub(self.length.into())).unwrap_or_default();
        let (left, right) = leaves.split_at(leaves.partition_point(|leaf| leaf.prefix.bits & next == 0));
        (next, left, right)
    }
}

/// Whether `leaves`, sorted and within the prefix, fill it.
fn is_filled(prefix: Prefix, leaves: &[Leaf<'_>]) -> bool {
    if leaves.is_empty() || leaves.iter().any(|leaf| leaf.prefix.length <= prefix.length) {
        return !leaves.is_empty();
    }
    let (next, left, right) = prefix.halves(leaves);
    let half = |bits| Prefix { bits, length: prefix.length + 1 };
    is_filled(half(prefix.bits), left) && is_filled(half(prefix.bits | next), right)
}

impl Family {
    fn root(self) -> Prefix {
        match self {
            Self::V4 => Prefix { bits: 0, length: 0 },
            Self::V6 => {
                Prefix { bits: u128::from(GLOBAL_UNICAST_V6.network()), length: GLOBAL_UNICAST_V6.prefix_len() }
            }
        }
    }

    fn wide_length(self) -> u8 {
        match self {
            Self::V4 => WIDE_V4,
            Self::V6 => WIDE_V6,
        }
    }

    /// The entry, if it is of this family and in or around its root. One around the root counts as the root.
    fn leaf<'n>(self, place: Option<usize>, network: &IpNet, traffic: &'n Traffic) -> Option<Leaf<'n>> {
        let prefix = match (self, *network) {
            (Self::V4, IpNet::V4(network)) => {
                Prefix { bits: u128::from(u32::from(network.network())) << 96, length: network.prefix_len() }
            }
            (Self::V6, IpNet::V6(network)) if network.contains(&GLOBAL_UNICAST_V6) => self.root(),
            (Self::V6, IpNet::V6(network)) if GLOBAL_UNICAST_V6.contains(&network) => {
                Prefix { bits: u128::from(network.network()), length: network.prefix_len() }
            }
            _ => return None,
        };
        Some(Leaf { prefix, place, traffic })
    }

    /// Whether a whole prefix is wide: short enough, and not private space.
    fn is_wide(self, prefix: Prefix) -> bool {
        let address = match self {
            Self::V4 => Ipv4Addr::from_bits(u32::try_from(prefix.bits >> 96).unwrap_or_default()).into(),
            Self::V6 => IpAddr::from(Ipv6Addr::from_bits(prefix.bits)),
        };
        let network = IpNet::new(address, prefix.length);
        prefix.length <= self.wide_length() && network.is_ok_and(|network| Space::of(&network) == Space::Public)
    }
}

/// A prefix with what is below it.
#[derive(Debug)]
struct Node<'n> {
    /// Whether something is open to all of a wide prefix.
    is_wide: bool,
    /// Entries for exactly this prefix.
    here: Vec<Leaf<'n>>,
    /// What they say, together.
    own: Traffic,
    /// What is open to all of the prefix.
    open: Traffic,
    halves: Option<Box<[Self; 2]>>,
}

impl<'n> Node<'n> {
    /// The tree over `leaves`, which are sorted and all within the prefix. No deeper than an address has bits; below
    /// the wide prefixes it ends where only one half holds anything, because nothing whole can be open there.
    fn grow(family: Family, prefix: Prefix, leaves: &[Leaf<'n>]) -> Self {
        if leaves.iter().all(|leaf| leaf.place.is_none()) {
            // Nobody's entry is in it, so that nothing in it is to be told.
            let open = if is_filled(prefix, leaves) { Traffic::all() } else { Traffic::default() };
            return Self { is_wide: false, here: Vec::new(), own: Traffic::default(), open, halves: None };
        }
        let (here, below): (Vec<Leaf<'n>>, Vec<Leaf<'n>>) =
            leaves.iter().partition(|leaf| leaf.prefix.length <= prefix.length);
        let mut own = Traffic::default();
        here.iter().for_each(|leaf| own |= leaf.traffic);
        let (next, left, right) = prefix.halves(&below);
        let both = !left.is_empty() && !right.is_empty();
        let halves = (both || (prefix.length < family.wide_length() && !below.is_empty())).then(|| {
            let half =
                |bits, leaves: &[Leaf<'n>]| Self::grow(family, Prefix { bits, length: prefix.length + 1 }, leaves);
            Box::new([half(prefix.bits, left), half(prefix.bits | next, right)])
        });
        let mut open = own.clone();
        if let Some([left, right]) = halves.as_deref() {
            open |= &(&left.open & &right.open);
        }
        let is_wide = !open.is_nothing() && family.is_wide(prefix);
        Self { is_wide, here, own, open, halves }
    }

    fn collect_wide(&self, wide: &mut Traffic) {
        if self.is_wide {
            *wide |= &self.open;
        }
        self.halves.iter().flat_map(|halves| halves.iter()).for_each(|half| half.collect_wide(wide));
    }

    /// Marks the entries that take part in what is open to the world (`world`) and to wide prefixes around them
    /// (`wide`), unless a prefix around theirs says as much already (`covered`).
    fn mark(&self, world: &Traffic, wide: &Traffic, covered: &Traffic, part_in: &mut [Reach]) {
        let mut wide = wide.clone();
        if self.is_wide {
            wide |= &self.open;
        }
        for leaf in &self.here {
            let adds_to = |opened: &Traffic| !(leaf.traffic & opened).is_within(covered);
            let part = match () {
                () if adds_to(world) => Reach::World,
                () if adds_to(&wide) => Reach::Wide,
                () => continue,
            };
            if let Some(known) = leaf.place.and_then(|place| part_in.get_mut(place)) {
                *known = part;
            }
        }
        if let Some(halves) = self.halves.as_deref() {
            let mut covered = covered.clone();
            covered |= &self.own;
            halves.iter().for_each(|half| half.mark(world, &wide, &covered, part_in));
        }
    }
}
