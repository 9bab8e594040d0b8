use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn tcp(from: u16, to: u16) -> Traffic {
    Traffic::of(Protocol::TCP, from, to)
}

fn entry(network: &str, traffic: Traffic) -> Entry {
    Entry { network: parse_network(network).unwrap(), traffic }
}

/// The opening of `networks` together on one port.
fn opened(networks: &[&str]) -> Opening {
    Opening::of(&networks.iter().map(|network| entry(network, tcp(22, 22))).collect::<Vec<_>>())
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
        &["0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/3"],
        &["1.0.0.0/8", "2.0.0.0/7", "4.0.0.0/6", "8.0.0.0/5", "16.0.0.0/4", "32.0.0.0/3", "64.0.0.0/2", "128.0.0.0/1"],
        &[
            "0.0.0.0/1",
            "128.0.0.0/2",
            "192.0.0.0/9",
            "192.192.0.0/10",
            "193.0.0.0/8",
            "194.0.0.0/7",
            "196.0.0.0/6",
            "200.0.0.0/5",
            "208.0.0.0/4",
        ],
        &["2000::/4"],
        &["2400::/11", "2600::/10", "2800::/12", "2a00::/11", "2c00::/12"],
    ] {
        let opening = opened(networks);
        assert_eq!(opening.reach, Reach::World, "{networks:?}");
        assert_eq!((opening.world, opening.wide), (tcp(22, 22), Traffic::default()), "{networks:?}");
        assert!(opening.percent >= 90, "{networks:?}");
    }
}

/// The first `count` public networks among every second network of this prefix length.
fn every_second(length: u8, count: usize) -> Vec<String> {
    let networks = Ipv4Net::default().subnets(length).unwrap().step_by(2).map(IpNet::V4);
    let public = networks.filter(|network| Space::of(network) == Space::Public);
    public.take(count).map(|network| network.to_string()).collect()
}

#[test]
fn scattered_networks_add_up() {
    let reach = |networks: Vec<String>| opened(&networks.iter().map(String::as_str).collect::<Vec<_>>()).reach;
    assert_eq!(reach(every_second(9, 2)), Reach::Public);
    assert_eq!(reach(every_second(9, 3)), Reach::Wide);
    assert_eq!(reach(every_second(9, 221)), Reach::Wide);
    assert_eq!(reach(every_second(12, 16)), Reach::Public);
    assert_eq!(reach(every_second(12, 24)), Reach::Wide);
    assert_eq!(reach((0..60).map(|one| format!("26{one:02x}::/17")).collect()), Reach::Wide);
    // All of 52.0.0.0/8 but its first address.
    let second_half =
        |length: u8| Ipv4Net::new([52, 0, 0, 0].into(), length - 1).unwrap().subnets(length).unwrap().nth(1).unwrap();
    let without_one_address: Vec<String> = (9..=32).map(|length| second_half(length).to_string()).collect();
    assert_eq!(reach(without_one_address), Reach::Wide);
}

#[test]
fn the_reach_of_less_than_everything() {
    for (networks, reach) in [
        (&["0.0.0.0/1"][..], Reach::Wide),
        (&["128.0.0.0/1", "0.0.0.0/2"], Reach::Wide),
        (&["8.0.0.0/8"], Reach::Wide),
        (&["8.0.0.0/9", "8.128.0.0/9"], Reach::Wide),
        (&["10.0.0.0/7"], Reach::Wide),
        (&["8.0.0.0/9", "8.128.0.0/10", "8.192.0.0/11", "8.224.0.0/12"], Reach::Wide),
        (&["8.0.0.0/9", "8.128.0.0/10", "8.192.0.0/11"], Reach::Public),
        (&["34.0.0.0/9", "52.0.0.0/9"], Reach::Public),
        (&["192.0.0.0/8"], Reach::Wide),
        (&["100.0.0.0/8"], Reach::Wide),
        (&["2600::/12"], Reach::Wide),
        (&["2600::/16"], Reach::Wide),
        (&["8.0.0.0/9"], Reach::Public),
        (&["2600::/17"], Reach::Public),
        (&["198.51.101.7"], Reach::Public),
        (&["172.0.0.0/9"], Reach::Public),
        (&["10.0.0.0/8"], Reach::Private),
        (&["100.64.0.0/10"], Reach::Private),
        (&["172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8"], Reach::Private),
        (&["224.0.0.0/4", "240.0.0.0/4"], Reach::Private),
        (&["0.0.0.0/8", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"], Reach::Private),
        (&["2001:db8::/32", "3fff::/20", "3000::/4", "2d00::/8"], Reach::Private),
        (&["fc00::/7", "fe80::/10", "ff00::/8", "8000::/1", "::1/128"], Reach::Private),
        (&[], Reach::Private),
    ] {
        assert_eq!(opened(networks).reach, reach, "{networks:?}");
    }
}

#[test]
fn networks_add_up_for_the_ports_they_share_and_no_others() {
    let opening = Opening::of(&[entry("0.0.0.0/1", tcp(20, 25)), entry("128.0.0.0/1", tcp(22, 80))]);
    assert_eq!((opening.world, opening.reach), (tcp(22, 25), Reach::World));
    assert_eq!(opening.wide.words(), ["tcp ports 20-21", "tcp ports 26-80"]);

    let apart = Opening::of(&[entry("0.0.0.0/1", tcp(22, 22)), entry("128.0.0.0/1", tcp(23, 23))]);
    assert_eq!(apart.reach, Reach::Wide);
    let all = Opening::of(&[entry("0.0.0.0/1", Traffic::all()), entry("128.0.0.0/1", tcp(22, 22))]);
    assert_eq!(all.world, tcp(22, 22));
    let families = Opening::of(&[entry("0.0.0.0/1", tcp(22, 22)), entry("::/0", tcp(443, 443))]);
    assert_eq!((families.world, families.wide), (tcp(443, 443), tcp(22, 22)));
}

#[test]
fn an_entry_contributes_only_if_the_opening_is_smaller_without_it() {
    let parts = |networks: &[&str]| opened(networks).contributions;
    assert_eq!(parts(&["0.0.0.0/0", "8.8.8.0/24", "10.0.0.0/8"]), [Reach::World, Reach::Public, Reach::Private]);
    assert_eq!(parts(&["0.0.0.0/1", "128.0.0.0/1", "10.0.0.0/8"]), [Reach::World, Reach::World, Reach::Private]);
    assert_eq!(parts(&["0.0.0.0/1", "203.0.112.0/24"]), [Reach::Wide, Reach::Public]);
    assert_eq!(parts(&["8.0.0.0/9", "8.128.0.0/9", "9.0.0.0/10"]), [Reach::Wide, Reach::Wide, Reach::Public]);
    assert_eq!(parts(&["8.0.0.0/9", "16.0.0.0/9", "32.0.0.0/9", "1.1.1.1"])[2..], [Reach::Wide, Reach::Public]);
    assert_eq!(parts(&["0.0.0.0/0", "0.0.0.0/1"]), [Reach::World, Reach::Public]);

    let wider_port = Opening::of(&[entry("0.0.0.0/0", tcp(443, 443)), entry("0.0.0.0/1", tcp(443, 8443))]);
    assert_eq!(wider_port.contributions, [Reach::World, Reach::Wide]);
}

#[test]
fn text_that_is_not_a_network_is_rejected() {
    for text in ["", "0.0.0.0/33", "sg-0abc", "0.0.0.0/0 or so", "1.2.3/0", "::/129", "***"] {
        assert_eq!(parse_network(text), None, "{text}");
    }
}

#[test]
fn every_address_space_has_a_name() {
    for (network, space) in [
        ("192.168.1.0/24", "private"),
        ("100.100.0.0/16", "shared-address"),
        ("169.254.169.254", "link-local"),
        ("fe80::1", "link-local"),
        ("127.0.0.1", "loopback"),
        ("::1", "loopback"),
        ("fd00::/8", "unique-local"),
        ("239.0.0.0/8", "unrouted"),
        ("cafe:cafe:cafe:cafe::/64", "unrouted"),
        ("192.0.0.0/8", "public"),
        ("2600:1f00::/24", "public"),
        ("::/0", "public"),
    ] {
        assert_eq!(Space::of(&parse_network(network).unwrap()).as_str(), space, "{network}");
    }
}

#[test]
fn protocols_are_parsed_by_name_and_by_number() {
    for (text, name) in
        [("tcp", "tcp"), ("UDP", "udp"), ("6", "tcp"), ("58", "icmpv6"), ("ipv6-icmp", "icmpv6"), ("89", "protocol 89")]
    {
        assert_eq!(Protocol::parse(text).map(Protocol::name).as_deref(), Some(name), "{text}");
    }
    for text in ["", "tpc", "256", "-2", "***"] {
        assert_eq!(Protocol::parse(text), None, "{text}");
    }
}

/// The high-risk ports of Security Hub's EC2.19.
const EC2_19: [u16; 25] = [
    20, 21, 22, 23, 25, 110, 135, 143, 445, 1433, 1434, 3000, 3306, 3389, 4333, 5000, 5432, 5500, 5601, 8080, 8088,
    8888, 9200, 9300, 22,
];

#[test]
fn the_kind_is_that_of_the_most_severe_port() {
    for port in EC2_19 {
        assert!(TrafficKind::of(&tcp(port, port)) >= Some(TrafficKind::HighRisk), "{port}");
    }
    for (traffic, kind) in [
        (Traffic::all(), TrafficKind::All),
        (tcp(0, 65535), TrafficKind::All),
        (tcp(1, 65535), TrafficKind::All),
        (Traffic::of(Protocol::UDP, 0, 65535), TrafficKind::All),
        (tcp(0, 65534), TrafficKind::Administration),
        (tcp(80, 443), TrafficKind::Administration),
        (tcp(3300, 3310), TrafficKind::Database),
        (tcp(8000, 8100), TrafficKind::HighRisk),
        (tcp(8443, 8443), TrafficKind::Other),
        (tcp(80, 81), TrafficKind::Other),
        (Traffic::of(Protocol::UDP, 22, 22), TrafficKind::Other),
        (Traffic::of(Protocol::UDP, 443, 443), TrafficKind::Other),
        (Traffic::of(Protocol::parse("50").unwrap(), 0, 0), TrafficKind::Other),
        (tcp(443, 443), TrafficKind::Web),
        (tcp(80, 80), TrafficKind::Web),
        (Traffic::of(Protocol::ICMP, 8, 0), TrafficKind::Icmp),
        (Traffic::of(Protocol::ICMPV6, 0, 0), TrafficKind::Icmp),
    ] {
        assert_eq!(TrafficKind::of(&traffic), Some(kind), "{traffic:?}");
    }
    assert_eq!(TrafficKind::of(&Traffic::default()), None);
}

#[test]
fn services_are_found_in_ranges() {
    assert_eq!(services_in(&tcp(20, 22)), ["ssh", "ftp"]);
    assert_eq!(services_in(&Traffic::of(Protocol::UDP, 3389, 3389)), ["rdp"]);
    assert!(services_in(&tcp(8443, 8443)).is_empty());
}

#[test]
fn traffic_is_described_in_words() {
    let mut several = tcp(22, 22);
    several |= &Traffic::of(Protocol::UDP, 1000, 2000);
    several |= &Traffic::of(Protocol::ICMP, 0, 0);
    several |= &Traffic::of(Protocol::parse("7").unwrap(), 0, 0);
    several |= &tcp(60_000, 65_535);
    let words = ["icmp", "tcp port 22", "tcp ports 60000-65535", "protocol 7", "udp ports 1000-2000"];
    assert_eq!(several.words(), words);
    assert_eq!(Traffic::all().words(), ["all traffic"]);
    assert_eq!(tcp(0, 65_535).words(), ["all tcp ports"]);
}

/// Entries among a few prefixes that contain and complete each other, on a few ports.
fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let v4 = (any::<u32>(), 0u8..=4)
        .prop_map(|(bits, length)| IpNet::V4(Ipv4Net::new(bits.into(), length).unwrap().trunc()));
    let v6 = (any::<u128>(), 0u8..=5)
        .prop_map(|(bits, length)| IpNet::V6(Ipv6Net::new(bits.into(), length).unwrap().trunc()));
    let one = (prop_oneof![v4, v6], 20u16..26, 0u16..3)
        .prop_map(|(network, from, more)| Entry { network, traffic: tcp(from, from + more) });
    vec(one, 0..24)
}

/// The reach of a few ports, counted: every /12 of IPv4 and every /5 of IPv6 is compared with every entry.
fn counted(entries: &[Entry]) -> Vec<(u16, Reach)> {
    let v4: Vec<IpNet> = Ipv4Net::default().subnets(12).unwrap().map(IpNet::V4).collect();
    let v6: Vec<IpNet> = Ipv6Net::default().subnets(5).unwrap().map(IpNet::V6).collect();
    let open_in = |parts: &[IpNet], port: u16| -> u128 {
        let lets_in = |part: &&IpNet| {
            entries.iter().any(|entry| entry.network.contains(*part) && tcp(port, port).is_within(&entry.traffic))
        };
        parts.iter().filter(lets_in).map(public_addresses).sum()
    };
    let reach = |port: u16| {
        let large = v4.chunks(16).any(|block| {
            let all: u128 = block.iter().map(public_addresses).sum();
            all >= 1 << 23 && open_in(block, port) >= all * 9 / 10
        });
        let shares = [(Family::V4, &v4), (Family::V6, &v6)]
            .map(|(family, parts)| (open_in(parts, port), all_public_addresses(family)));
        if shares.iter().any(|(open, all)| *open >= all / 100 * 90) {
            Reach::World
        } else if large || shares.iter().any(|(open, all)| *open >= all / 1000 * 5) {
            Reach::Wide
        } else {
            Reach::Private
        }
    };
    (20..24).map(|port| (port, reach(port))).collect()
}

/// Entries for networks of medium size, which are wide only together.
fn scattered() -> impl Strategy<Value = Vec<Entry>> {
    let network = (prop::sample::select(vec![8_u8, 52, 100, 172, 192, 255]), any::<u8>(), 7_u8..=12);
    let one = (network, 20_u16..24, 0_u16..3).prop_map(|((a, b, length), from, more)| Entry {
        network: IpNet::V4(Ipv4Net::new([a, b, 0, 0].into(), length).unwrap().trunc()),
        traffic: tcp(from, from + more),
    });
    vec(one, 0..40)
}

proptest! {
    #[test]
    fn host_bits_never_change_the_network(address: u32, length in 0u8..=32) {
        let written = Ipv4Net::new(address.into(), length).unwrap();
        prop_assert_eq!(parse_network(&written.to_string()), Some(IpNet::V4(written.trunc())));
    }

    #[test]
    fn the_reach_equals_that_of_counted_addresses(entries in prop_oneof![entries(), scattered()]) {
        let opening = Opening::of(&entries);
        let reach = |port| {
            if tcp(port, port).is_within(&opening.world) {
                Reach::World
            } else if tcp(port, port).is_within(&opening.wide) {
                Reach::Wide
            } else {
                Reach::Private
            }
        };
        let ports: Vec<(u16, Reach)> = (20..24).map(|port| (port, reach(port))).collect();
        prop_assert_eq!(ports, counted(&entries));
    }

    #[test]
    fn more_entries_never_close_anything(entries in entries(), more in entries()) {
        let (before, after) = (Opening::of(&entries), Opening::of(&[entries, more].concat()));
        prop_assert!(before.reach <= after.reach);
        prop_assert!(before.world.is_within(&after.world));
        prop_assert!(TrafficKind::of(&before.world) <= TrafficKind::of(&after.world));
        let mut open = after.wide.clone();
        open |= &after.world;
        prop_assert!(before.wide.is_within(&open));
    }

    #[test]
    fn the_order_of_entries_does_not_matter(entries in entries(), turn in 0usize..24) {
        let mut turned = entries.clone();
        turned.rotate_left(turn.min(entries.len()));
        let (one, other) = (Opening::of(&entries), Opening::of(&turned));
        let mut parts = other.contributions;
        parts.rotate_right(turn.min(entries.len()));
        prop_assert_eq!((one.reach, one.world, one.wide, one.contributions), (other.reach, other.world, other.wide, parts));
    }

    #[test]
    fn cutting_a_network_into_halves_changes_nothing(entries in entries(), which in 0usize..24, deeper in 1u8..4) {
        let mut cut = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let length = entry.network.prefix_len() + if index == which { deeper } else { 0 };
            let parts = entry.network.subnets(length).unwrap();
            cut.extend(parts.map(|network| Entry { network, traffic: entry.traffic.clone() }));
        }
        let (whole, cut) = (Opening::of(&entries), Opening::of(&cut));
        prop_assert_eq!((whole.reach, whole.world, whole.wide), (cut.reach, cut.world, cut.wide));
    }

    #[test]
    fn nothing_is_wide_without_the_contributing_entries(entries in scattered()) {
        let opening = Opening::of(&entries);
        let parts: Vec<&Entry> = entries.iter().zip(&opening.contributions).filter(|(_, part)| **part >= Reach::Wide).map(|(entry, _)| entry).collect();
        let redundant = |entry: &Entry| parts.iter().any(|part| part.network.contains(&entry.network));
        let rest: Vec<Entry> = entries.iter().filter(|entry| !redundant(entry)).cloned().collect();
        prop_assert!(Opening::of(&rest).reach < Reach::Wide);
        let is_open = !opening.world.is_empty() || !opening.wide.is_empty();
        prop_assert_eq!(is_open, !parts.is_empty());
    }
}

fn rule(network: &str, traffic: Traffic, allow: bool) -> LayerRule {
    LayerRule { network: parse_network(network).unwrap(), traffic, allow }
}

/// The passing traffic as `network: traffic`.
fn passes(family: Family, layers: &[&Layer]) -> Vec<String> {
    let entries = passing(family, layers);
    entries.iter().map(|entry| format!("{}: {}", entry.network, entry.traffic.words().join(", "))).collect()
}

#[test]
fn in_an_ordered_layer_the_first_matching_rule_decides() {
    let layer = Layer::first_match(vec![
        rule("0.0.0.0/0", tcp(22, 22), false),
        rule("128.0.0.0/1", tcp(1, 1023), true),
        rule("0.0.0.0/0", tcp(80, 80), true),
    ]);
    assert_eq!(
        passes(Family::V4, &[&layer]),
        ["0.0.0.0/1: tcp port 80", "128.0.0.0/1: tcp ports 1-21, tcp ports 23-1023"]
    );
    assert!(passes(Family::V6, &[&layer]).is_empty());
}

#[test]
fn in_a_route_table_the_longest_prefix_decides() {
    let all = Traffic::all;
    let routes =
        vec![rule("0.0.0.0/0", all(), true), rule("128.0.0.0/1", all(), false), rule("192.0.0.0/2", all(), true)];
    assert_eq!(
        passes(Family::V4, &[&Layer::longest_prefix(routes)]),
        ["0.0.0.0/1: all traffic", "192.0.0.0/2: all traffic"]
    );
}

#[test]
fn return_traffic_passes_when_any_port_of_its_protocol_does() {
    let inbound = Layer::first_match(vec![rule("::/0", tcp(22, 22), true)]);
    let return_traffic = Layer::for_return_traffic(vec![rule("::/0", tcp(1024, 65535), true)]);
    assert_eq!(passes(Family::V6, &[&inbound, &return_traffic]), ["2000::/3: tcp port 22"]);
    let none = Layer::for_return_traffic(vec![rule("::/0", Traffic::of(Protocol::UDP, 0, 65535), true)]);
    assert!(passes(Family::V6, &[&inbound, &none]).is_empty());
}

fn any_rules() -> impl Strategy<Value = Vec<LayerRule>> {
    let network = (any::<[u8; 2]>(), 0_u8..=9);
    let one =
        (network, 0_u16..4, 0_u16..3, any::<bool>()).prop_map(|(([a, b], length), from, more, allow)| LayerRule {
            network: IpNet::V4(Ipv4Net::new([a, b, 0, 0].into(), length).unwrap().trunc()),
            traffic: tcp(from, from + more),
            allow,
        });
    vec(one, 0..7)
}

/// Whether the first rule that matches a packet allows it.
fn allows(rules: &[LayerRule], network: &IpNet, traffic: &Traffic) -> bool {
    let first = rules.iter().find(|rule| rule.network.contains(network) && traffic.is_within(&rule.traffic));
    first.is_some_and(|rule| rule.allow)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_packet_passes_exactly_when_every_layer_allows_it(
        one in any_rules(), other in any_rules(), addresses in vec(any::<[u8; 4]>(), 8), port in 0_u16..7
    ) {
        let entries = passing(Family::V4, &[&Layer::first_match(one.clone()), &Layer::first_match(other.clone())]);
        let corners = one.iter().chain(&other).map(|rule| rule.network.network());
        for address in addresses.into_iter().map(std::net::IpAddr::from).chain(corners) {
            let (network, traffic) = (IpNet::from(address), tcp(port, port));
            let passed = entries.iter().any(|it| it.network.contains(&network) && traffic.is_within(&it.traffic));
            prop_assert_eq!(passed, allows(&one, &network, &traffic) && allows(&other, &network, &traffic), "{}", network);
        }
    }

    #[test]
    fn a_layer_that_allows_all_traffic_changes_nothing(rules in any_rules()) {
        let entries: Vec<Entry> = rules.into_iter().map(|rule| Entry { network: rule.network, traffic: rule.traffic }).collect();
        let everything = Layer::first_match(vec![rule("0.0.0.0/0", Traffic::all(), true)]);
        let passed = passing(Family::V4, &[&Layer::any_of(entries.clone()), &everything]);
        let (before, after) = (Opening::of(&entries), Opening::of(&passed));
        prop_assert_eq!((before.world, before.wide, before.families), (after.world, after.wide, after.families));
    }
}
