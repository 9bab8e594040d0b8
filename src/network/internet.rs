//! Counts the public internet addresses in a network.
//!
//! IPv4: all addresses except multicast, reserved space, and networks that IANA's special-purpose registry lists as not
//! globally reachable. IPv6: the blocks of `2000::/3` that IANA has allocated, except special-purpose networks. No other
//! address is the source of a packet from the internet.

use std::net::Ipv4Addr;
use std::sync::LazyLock;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::ip::Family;
use super::opening::{MIN_WORLD_PERCENT, percent_of};

const fn v4(a: u8, b: u8, c: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, 0), length)
}

const fn v6(a: u16, b: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(std::net::Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), length)
}

/// IPv4 networks that are not part of the public internet.
///
/// Source: IANA IPv4 Special-Purpose Address Registry (as of 2024-12) and, for multicast, IANA IPv4 Address PublicRanges Registry.
const SPECIAL_V4: [Ipv4Net; 14] = [
    // "This network" (RFC 791): the source only of a host that has no address yet.
    v4(0, 0, 0, 8),
    // Private use (RFC 1918).
    v4(10, 0, 0, 8),
    // Shared address space (RFC 6598).
    v4(100, 64, 0, 10),
    // Loopback (RFC 1122).
    v4(127, 0, 0, 8),
    // Link-local (RFC 3927).
    v4(169, 254, 0, 16),
    // Private use (RFC 1918).
    v4(172, 16, 0, 12),
    // IETF protocol assignments (RFC 6890).
    v4(192, 0, 0, 24),
    // Documentation (RFC 5737).
    v4(192, 0, 2, 24),
    // Deprecated relay anycast of 6to4 (RFC 7526).
    v4(192, 88, 99, 24),
    // Private use (RFC 1918).
    v4(192, 168, 0, 16),
    // Benchmarking (RFC 2544).
    v4(198, 18, 0, 15),
    // Documentation (RFC 5737).
    v4(198, 51, 100, 24),
    v4(203, 0, 113, 24),
    // Multicast (RFC 5771) and reserved (RFC 1112).
    v4(224, 0, 0, 3),
];

/// IPv6 networks that IANA has allocated.
///
/// Source: IANA IPv6 Global Unicast Address Assignments, as of 2019-11-06, and 2410::/12, which APNIC received in 2024.
const ALLOCATED_V6: [Ipv6Net; 35] = [
    v6(0x2001, 0x0200, 23),
    v6(0x2001, 0x0400, 23),
    v6(0x2001, 0x0600, 23),
    v6(0x2001, 0x0800, 22),
    v6(0x2001, 0x0c00, 23),
    v6(0x2001, 0x0e00, 23),
    v6(0x2001, 0x1200, 23),
    v6(0x2001, 0x1400, 22),
    v6(0x2001, 0x1800, 23),
    v6(0x2001, 0x1a00, 23),
    v6(0x2001, 0x1c00, 22),
    v6(0x2001, 0x2000, 19),
    v6(0x2001, 0x4000, 23),
    v6(0x2001, 0x4200, 23),
    v6(0x2001, 0x4400, 23),
    v6(0x2001, 0x4600, 23),
    v6(0x2001, 0x4800, 23),
    v6(0x2001, 0x4a00, 23),
    v6(0x2001, 0x4c00, 23),
    v6(0x2001, 0x5000, 20),
    v6(0x2001, 0x8000, 19),
    v6(0x2001, 0xa000, 20),
    v6(0x2001, 0xb000, 20),
    // 6to4 (RFC 3056).
    v6(0x2002, 0, 16),
    v6(0x2003, 0, 18),
    v6(0x2400, 0, 12),
    v6(0x2410, 0, 12),
    v6(0x2600, 0, 12),
    v6(0x2610, 0, 23),
    v6(0x2620, 0, 23),
    v6(0x2630, 0, 12),
    v6(0x2800, 0, 12),
    v6(0x2a00, 0, 12),
    v6(0x2a10, 0, 12),
    v6(0x2c00, 0, 12),
];

/// IPv6 networks within [`ALLOCATED_V6`] that are not part of the public internet.
///
/// Source: IANA IPv6 Special-Purpose Address Registry (as of 2024-12). The registry's other networks, such as `2001::/23` and
/// `3fff::/20`, are not within [`ALLOCATED_V6`].
const SPECIAL_V6: [Ipv6Net; 1] = [
    // Documentation (RFC 3849).
    v6(0x2001, 0x0db8, 32),
];

/// The public addresses of one IP version, as sorted ranges.
#[derive(Debug)]
struct PublicRanges {
    ranges: Vec<Range>,
    total: u128,
}

#[derive(Debug)]
struct Range {
    first: u128,
    last: u128,
    /// Number of addresses in all ranges before this one.
    before: u128,
}

static V4: LazyLock<PublicRanges> =
    LazyLock::new(|| PublicRanges::of(&[Ipv4Net::default().into()], SPECIAL_V4.map(IpNet::V4)));
static V6: LazyLock<PublicRanges> =
    LazyLock::new(|| PublicRanges::of(&ALLOCATED_V6.map(IpNet::V6), SPECIAL_V6.map(IpNet::V6)));

impl PublicRanges {
    /// The networks of `allocated` without the `special` networks. Both must be sorted and must not overlap.
    fn of(allocated: &[IpNet], special: impl IntoIterator<Item = IpNet> + Clone) -> Self {
        let mut space = Self { ranges: Vec::new(), total: 0 };
        for network in allocated {
            let (mut first, end) = bounds(network);
            for (hole, hole_end) in special.clone().into_iter().map(|hole| bounds(&hole)) {
                if hole_end < first || hole > end {
                    continue;
                }
                if hole > first {
                    space.push(first, hole - 1);
                }
                first = hole_end.saturating_add(1);
            }
            if first <= end {
                space.push(first, end);
            }
        }
        space
    }

    fn push(&mut self, first: u128, last: u128) {
        self.ranges.push(Range { first, last, before: self.total });
        self.total += last - first + 1;
    }

    /// The number of public addresses below `address`.
    fn below(&self, address: u128) -> u128 {
        let after = self.ranges.partition_point(|range| range.first < address);
        let last = after.checked_sub(1).and_then(|index| self.ranges.get(index));
        last.map_or(0, |range| range.before + address.min(range.last + 1) - range.first)
    }
}

/// The first and last address of a network as numbers.
pub(super) fn bounds(network: &IpNet) -> (u128, u128) {
    match network {
        IpNet::V4(network) => (u32::from(network.network()).into(), u32::from(network.broadcast()).into()),
        IpNet::V6(network) => (network.network().into(), network.broadcast().into()),
    }
}

fn space(family: Family) -> &'static PublicRanges {
    match family {
        Family::V4 => &V4,
        Family::V6 => &V6,
    }
}

/// The number of public internet addresses in `network`.
pub fn public_addresses(network: &IpNet) -> u128 {
    let (first, last) = bounds(network);
    let space = space(Family::of(network));
    // The last address of either IP version is not public, so saturation loses nothing.
    space.below(last.saturating_add(1)) - space.below(first)
}

/// The number of public internet addresses of one IP version.
pub fn all_public_addresses(family: Family) -> u128 {
    space(family).total
}

/// The minimum number of public addresses of one IP version for [`Reach::World`](super::Reach::World).
pub fn min_world_addresses(family: Family) -> u128 {
    percent_of(all_public_addresses(family), MIN_WORLD_PERCENT)
}

#[cfg(test)]
mod tests {
    use super::super::parse_network;
    use super::*;

    fn public(network: &str) -> u128 {
        public_addresses(&parse_network(network).unwrap())
    }

    #[test]
    fn special_networks_contain_no_public_address() {
        for network in SPECIAL_V4.map(IpNet::V4).into_iter().chain(SPECIAL_V6.map(IpNet::V6)) {
            assert_eq!(public_addresses(&network), 0, "{network}");
        }
        for network in ["::/8", "2001::/23", "3000::/4", "3fff::/20", "2d00::/8", "5f00::/16", "fc00::/7", "ff00::/8"] {
            assert_eq!(public(network), 0, "{network}");
        }
    }

    #[test]
    fn the_halves_of_a_network_contain_as_many_addresses_as_the_network() {
        for network in ["0.0.0.0/0", "192.0.0.0/8", "198.0.0.0/8", "100.0.0.0/8", "2000::/3", "2001::/16", "::/0"] {
            let whole = parse_network(network).unwrap();
            let halves = whole.subnets(whole.prefix_len() + 1).unwrap();
            assert_eq!(halves.map(|half| public_addresses(&half)).sum::<u128>(), public_addresses(&whole), "{network}");
        }
        assert_eq!(public("0.0.0.0/0"), all_public_addresses(Family::V4));
        assert_eq!(public("2000::/3"), all_public_addresses(Family::V6));
    }

    #[test]
    fn public_addresses_are_counted() {
        assert_eq!(public("8.0.0.0/8"), 1 << 24);
        assert_eq!(public("192.168.0.0/15"), 1 << 16);
        assert_eq!(public("2600::/16"), 1 << 112);
        assert_eq!(public("203.0.112.0/23"), 256);
        // 256 /8s less 0, 10, 127, 32 of multicast and reserved, and the smaller ones.
        let smaller = (1 << 22) + (1 << 20) + 2 * (1 << 16) + (1 << 17) + 5 * (1 << 8);
        assert_eq!(all_public_addresses(Family::V4), (221 << 24) - smaller);
    }
}
