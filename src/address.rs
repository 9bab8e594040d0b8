//! IP networks as AWS reads them, and how much of the internet a set of them covers.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Global unicast IPv6 (RFC 4291): whoever admits `2000::/3` admits every routable IPv6 address.
const GLOBAL_UNICAST_V6: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// How much of the internet a set of networks lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// All of IPv4, or all of IPv6's global unicast space.
    World,
    /// Anything less.
    Limited,
}

impl Reach {
    /// The word rules compare with.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::World => "world",
            Self::Limited => "limited",
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Reads a CIDR block the way EC2 does: host bits are masked off (`198.51.100.7/0` is everything), IPv6 may be written
/// long, and a bare address is a network of one. `None` when it is neither.
pub fn parse_network(text: &str) -> Option<IpNet> {
    let text = text.trim();
    match text.parse::<IpNet>() {
        Ok(network) => Some(network.trunc()),
        Err(_) => text.parse::<IpAddr>().ok().map(IpNet::from),
    }
}

/// How far the union of `networks` reaches. Halves that add up to everything count as everything.
pub fn reach<'n>(networks: impl IntoIterator<Item = &'n IpNet>) -> Reach {
    let (mut v4, mut v6) = (Vec::<Ipv4Net>::new(), Vec::<Ipv6Net>::new());
    for network in networks {
        match network {
            IpNet::V4(network) => v4.push(*network),
            IpNet::V6(network) => v6.push(*network),
        }
    }
    let all_v4 = Ipv4Net::aggregate(&v4).iter().any(|network| network.prefix_len() == 0);
    let all_v6 = Ipv6Net::aggregate(&v6).iter().any(|network| network.contains(&GLOBAL_UNICAST_V6));
    if all_v4 || all_v6 { Reach::World } else { Reach::Limited }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reach_of(networks: &[&str]) -> Reach {
        let networks: Vec<IpNet> = networks.iter().map(|text| parse_network(text).unwrap()).collect();
        reach(&networks)
    }

    #[test]
    fn every_spelling_of_everything_is_the_world() {
        for networks in [
            &["0.0.0.0/0"][..],
            &["208.236.235.254/0"],
            &["::/0"],
            &["0:0:0:0:0:0:0:0/0"],
            &["2000::/3"],
            &["::/1"],
            &["0.0.0.0/1", "128.0.0.0/1"],
            &["192.0.0.0/2", "0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2"],
            &["2000::/4", "3000::/4"],
            &["10.0.0.0/8", "0.0.0.0/0"],
        ] {
            assert_eq!(reach_of(networks), Reach::World, "{networks:?}");
        }
    }

    #[test]
    fn less_than_everything_is_limited() {
        for networks in [
            &["0.0.0.0/24"][..],
            &["0.0.0.0/1"],
            &["128.0.0.0/1", "0.0.0.0/2"],
            &["10.0.0.0/8"],
            &["8000::/1"],
            &["2000::/4"],
            &["198.51.100.7"],
            &[],
        ] {
            assert_eq!(reach_of(networks), Reach::Limited, "{networks:?}");
        }
    }

    #[test]
    fn what_is_no_network_is_none() {
        for text in ["", "0.0.0.0/33", "sg-0abc", "0.0.0.0/0 or so", "1.2.3/0", "::/129"] {
            assert_eq!(parse_network(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn host_bits_never_change_the_network(address: u32, length in 0u8..=32) {
            let written = Ipv4Net::new(address.into(), length).unwrap();
            prop_assert_eq!(parse_network(&written.to_string()), Some(IpNet::V4(written.trunc())));
        }

        #[test]
        fn splitting_networks_does_not_change_their_reach(address: u128, length in 0u8..=16, deeper in 0u8..=4) {
            let whole = Ipv6Net::new(address.into(), length).unwrap().trunc();
            let parts: Vec<IpNet> = whole.subnets(length + deeper).unwrap().map(IpNet::V6).collect();
            prop_assert_eq!(reach(&parts), reach(&[IpNet::V6(whole)]));
        }
    }
}
