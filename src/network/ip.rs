//! IP networks as EC2 parses them, and their address spaces.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::internet::public_addresses;

/// IPv6 global unicast addresses, the only ones that IANA allocates (RFC 4291; IANA IPv6 Address Space Registry).
pub(super) const GLOBAL_UNICAST_V6: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// An IP version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The IP version of `network`.
    pub fn of(network: &IpNet) -> Self {
        if network.addr().is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// The name, as it appears in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }

    /// The network that contains every allocated address.
    pub(super) fn all(self) -> IpNet {
        match self {
            Self::V4 => IpNet::V4(Ipv4Net::default()),
            Self::V6 => IpNet::V6(GLOBAL_UNICAST_V6),
        }
    }
}

/// The address space of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// Contains at least one public internet address.
    Public,
    /// RFC 1918.
    Private,
    /// Carrier-grade NAT, RFC 6598. Not routed on the internet, but a peered VPC may use it.
    SharedAddress,
    /// RFC 3927 and RFC 4291.
    LinkLocal,
    /// RFC 1122 and RFC 4291.
    Loopback,
    /// RFC 4193.
    UniqueLocal,
    /// Multicast, documentation, benchmarking, reserved or not allocated. Never the source of a packet.
    Unrouted,
}

const fn v4(a: u8, b: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, 0, 0), length)
}

const fn v6(first: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first, 0, 0, 0, 0, 0, 0, 0), length)
}

/// Special address spaces of IPv4.
const SPACES_V4: [(Ipv4Net, Space); 6] = [
    (v4(10, 0, 8), Space::Private),
    (v4(172, 16, 12), Space::Private),
    (v4(192, 168, 16), Space::Private),
    (v4(100, 64, 10), Space::SharedAddress),
    (v4(169, 254, 16), Space::LinkLocal),
    (v4(127, 0, 8), Space::Loopback),
];

/// Special address spaces of IPv6.
const SPACES_V6: [(Ipv6Net, Space); 3] = [
    (v6(0xfc00, 7), Space::UniqueLocal),
    (v6(0xfe80, 10), Space::LinkLocal),
    (Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128), Space::Loopback),
];

impl Space {
    /// The space of `network`. A network with any public address is public.
    pub fn of(network: &IpNet) -> Self {
        if public_addresses(network) > 0 {
            return Self::Public;
        }
        let named = match network {
            IpNet::V4(network) => SPACES_V4.iter().find(|(space, _)| space.contains(network)).map(|(_, space)| *space),
            IpNet::V6(network) => SPACES_V6.iter().find(|(space, _)| space.contains(network)).map(|(_, space)| *space),
        };
        named.unwrap_or(Self::Unrouted)
    }

    /// The value in facts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::SharedAddress => "shared-address",
            Self::LinkLocal => "link-local",
            Self::Loopback => "loopback",
            Self::UniqueLocal => "unique-local",
            Self::Unrouted => "unrouted",
        }
    }
}

/// Whether the internet can route to an address or prefix of a network interface: public IPv4 addresses, and IPv6 global
/// unicast addresses, the only ones that EC2 assigns.
pub fn is_global(network: &IpNet) -> bool {
    match network {
        IpNet::V4(_) => public_addresses(network) > 0,
        IpNet::V6(network) => GLOBAL_UNICAST_V6.contains(network),
    }
}

/// Parses a CIDR block as EC2 does: host bits are masked (`198.51.100.7/0` is every address), IPv6 may be written without
/// `::`, and an address alone is a network of one address. Returns `None` for other text.
pub fn parse_network(text: &str) -> Option<IpNet> {
    let text = text.trim();
    match text.parse::<IpNet>() {
        Ok(network) => Some(network.trunc()),
        Err(_) => text.parse::<IpAddr>().ok().map(IpNet::from),
    }
}
