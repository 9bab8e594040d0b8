//! Sets of protocols and ports.

use std::ops::{BitAnd, BitOr, BitOrAssign, RangeInclusive};

use range_set_blaze::RangeSetBlaze;

/// An IP protocol by its IANA number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Protocol(u8);

/// Protocol names that EC2 accepts or returns, and their IANA numbers.
const NAMES: [(&str, u8); 9] = [
    ("icmp", 1),
    ("tcp", 6),
    ("udp", 17),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("icmpv6", 58),
    ("ipv6-icmp", 58),
    ("sctp", 132),
];

impl Protocol {
    /// ICMP for IPv4.
    pub const ICMP: Self = Self(1);
    /// TCP.
    pub const TCP: Self = Self(6);
    /// UDP.
    pub const UDP: Self = Self(17);
    /// ICMP for IPv6.
    pub const ICMPV6: Self = Self(58);

    /// Parses a name or number. Returns `None` if there is no such protocol.
    pub fn parse(text: &str) -> Option<Self> {
        let by_name = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, number)| *number);
        by_name.or_else(|| text.parse().ok()).map(Self)
    }

    /// Whether EC2 rules for the protocol have ports.
    pub fn has_ports(self) -> bool {
        matches!(self, Self::TCP | Self::UDP)
    }

    /// Whether EC2 rules for the protocol have ICMP types and codes.
    pub fn is_icmp(self) -> bool {
        matches!(self, Self::ICMP | Self::ICMPV6)
    }

    /// The IANA number.
    pub fn number(self) -> u8 {
        self.0
    }

    /// The name in lower case, or `protocol` and the number.
    pub fn name(self) -> String {
        let name = NAMES.iter().find(|(_, number)| *number == self.0);
        name.map_or_else(|| format!("protocol {}", self.0), |(name, _)| (*name).to_owned())
    }

    /// The values of the ports `from` to `to`, or of the whole protocol if it has no ports.
    fn range(self, from: u16, to: u16) -> RangeInclusive<u32> {
        let block = self.block();
        if self.has_ports() {
            block.start() + u32::from(from.min(to))..=block.start() + u32::from(from.max(to))
        } else {
            block
        }
    }

    /// The 65,536 values of the protocol. The offset of ICMP is the type times 256 plus the code. A set contains all values or
    /// none of any other protocol without ports.
    fn block(self) -> RangeInclusive<u32> {
        let first = u32::from(self.0) << 16;
        first..=first + u32::from(u16::MAX)
    }
}

/// A set of protocols and ports, or ICMP types and codes. A value is the protocol number times 65,536 plus the port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Traffic(RangeSetBlaze<u32>);

/// A [`Traffic`] set as sorted ranges, for binary search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortedRanges(Vec<(u32, u32)>);

impl SortedRanges {
    /// The ranges that overlap with the range from `first` to `last`.
    fn overlapping(&self, first: u32, last: u32) -> &[(u32, u32)] {
        let begin = self.0.partition_point(|(_, end)| *end < first);
        let end = self.0.partition_point(|(start, _)| *start <= last);
        self.0.get(begin..end).unwrap_or_default()
    }

    /// Whether it overlaps with `traffic`.
    pub fn overlaps(&self, traffic: &Traffic) -> bool {
        traffic.ranges().any(|range| !self.overlapping(*range.start(), *range.end()).is_empty())
    }

    /// The intersection with `traffic`.
    pub(super) fn intersection(&self, traffic: &Traffic) -> Self {
        let clipped = |range: RangeInclusive<u32>| {
            let (first, last) = range.into_inner();
            self.overlapping(first, last).iter().map(move |(start, end)| (*start.max(&first), *end.min(&last)))
        };
        Self(traffic.ranges().flat_map(clipped).collect())
    }

    /// The difference: the values that are not in `other`.
    pub(super) fn without(&self, other: &Self) -> Self {
        let mut difference = Vec::new();
        for (first, last) in &self.0 {
            let mut next = *first;
            for (start, end) in other.overlapping(*first, *last) {
                if *start > next {
                    difference.push((next, start - 1));
                }
                next = end.saturating_add(1);
            }
            if next <= *last {
                difference.push((next, *last));
            }
        }
        Self(difference)
    }

    /// The number of ranges.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }
}

impl FromIterator<RangeInclusive<u32>> for Traffic {
    fn from_iter<R: IntoIterator<Item = RangeInclusive<u32>>>(ranges: R) -> Self {
        Self(RangeSetBlaze::from_iter(ranges))
    }
}

/// Whether a protocol in an EC2 call means all protocols: `all` in any case, or -1 in any notation.
fn is_all(protocol: &str) -> bool {
    protocol.eq_ignore_ascii_case("all") || protocol.parse::<f64>().is_ok_and(|number| number == -1.0)
}

/// Every protocol and port.
const EVERYTHING: RangeInclusive<u32> = 0..=0x00ff_ffff;

impl Traffic {
    /// All traffic.
    pub fn all() -> Self {
        Self(RangeSetBlaze::from_iter([EVERYTHING]))
    }

    /// One protocol, limited to the ports `from` to `to` if it has ports.
    pub fn of(protocol: Protocol, from: u16, to: u16) -> Self {
        Self(RangeSetBlaze::from_iter([protocol.range(from, to)]))
    }

    /// ICMP or ICMPv6 with a type and code. A number outside 0 to 255, such as -1 in EC2, means all types or codes.
    pub fn icmp(protocol: Protocol, kind: i64, code: i64) -> Self {
        let first = *protocol.block().start();
        Self(RangeSetBlaze::from_iter([match (u8::try_from(kind), u8::try_from(code)) {
            (Err(_), _) => protocol.block(),
            (Ok(kind), Ok(code)) => {
                let value = first + u32::from(u16::from_be_bytes([kind, code]));
                value..=value
            }
            (Ok(kind), Err(_)) => {
                let value = |code| first + u32::from(u16::from_be_bytes([kind, code]));
                value(u8::MIN)..=value(u8::MAX)
            }
        }]))
    }

    /// The traffic that an EC2 permission with this protocol and these ports allows. Protocol `-1` or `all` is all traffic,
    /// and a negative port is all ports. For ICMP, the two numbers are a type and a code. Returns `None` if there is no such
    /// protocol.
    pub fn permitted(protocol: &str, from: i64, to: i64) -> Option<Self> {
        let protocol = protocol.trim();
        if is_all(protocol) {
            return Some(Self::all());
        }
        let protocol = Protocol::parse(protocol)?;
        if protocol.is_icmp() {
            return Some(Self::icmp(protocol, from, to));
        }
        let port = |number: i64| u16::try_from(number).unwrap_or(u16::MAX);
        let has_limits = from >= 0 && to >= 0;
        Some(if has_limits { Self::of(protocol, port(from), port(to)) } else { Self::of(protocol, 0, u16::MAX) })
    }

    /// The values as sorted ranges.
    pub(super) fn ranges(&self) -> impl Iterator<Item = RangeInclusive<u32>> {
        self.0.ranges()
    }

    /// The values as sorted ranges, for many look-ups.
    pub fn sorted_ranges(&self) -> SortedRanges {
        SortedRanges(self.0.ranges().map(RangeInclusive::into_inner).collect())
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is all traffic.
    pub fn is_all(&self) -> bool {
        self.0.ranges_len() == 1
            && self.0.first() == Some(*EVERYTHING.start())
            && self.0.last() == Some(*EVERYTHING.end())
    }

    /// Whether it is a subset of `other`.
    pub fn is_within(&self, other: &Self) -> bool {
        self.is_empty() || other.is_all() || self.0.is_subset(&other.0)
    }

    /// Whether it contains any of the ports `from` to `to` of a protocol.
    pub fn reaches(&self, protocol: Protocol, from: u16, to: u16) -> bool {
        let ports = protocol.range(from, to);
        self.0.ranges().any(|range| range.start() <= ports.end() && ports.start() <= range.end())
    }

    /// Whether it contains every port of `protocol` except port 0, to which nobody can connect.
    pub fn has_all_ports(&self, protocol: Protocol) -> bool {
        Self::of(protocol, 1, u16::MAX).is_within(self)
    }

    /// The ranges of each protocol as `(protocol, first port, last port)`, sorted.
    fn port_ranges(&self) -> Vec<(Protocol, u16, u16)> {
        let mut port_ranges = Vec::new();
        for range in self.0.ranges() {
            let (mut start, end) = (*range.start(), *range.end());
            while start <= end {
                let last = end.min(start | u32::from(u16::MAX));
                let [_, protocol, ..] = start.to_be_bytes();
                let port = |value: u32| u16::try_from(value & u32::from(u16::MAX)).unwrap_or(u16::MAX);
                port_ranges.push((Protocol(protocol), port(start), port(last)));
                start = last + 1;
            }
        }
        port_ranges
    }

    /// The first and last port of `protocol`. Returns `None` if the protocol has no ports, or if the set contains none or all
    /// of them.
    pub fn ports_of(&self, protocol: Protocol) -> Option<(u16, u16)> {
        let ranges = self.port_ranges().into_iter().filter(|(other, ..)| *other == protocol && protocol.has_ports());
        let (from, to) = ranges.map(|(_, from, to)| (from, to)).reduce(|(first, _), (_, last)| (first, last))?;
        ((from, to) != (0, u16::MAX)).then_some((from, to))
    }

    /// Describes the traffic: `all traffic`, `tcp port 22`, `udp ports 1000-2000`, `all tcp ports`, `icmp`.
    pub fn words(&self) -> Vec<String> {
        if self.is_all() {
            return vec!["all traffic".to_owned()];
        }
        let words = |(protocol, from, to): (Protocol, u16, u16)| {
            let name = protocol.name();
            match (protocol.has_ports(), from, to) {
                (false, ..) if protocol.is_icmp() => icmp_words(&name, from, to),
                (false, ..) => name,
                (true, 0 | 1, u16::MAX) => format!("all {name} ports"),
                (true, from, to) if from == to => format!("{name} port {from}"),
                (true, from, to) => format!("{name} ports {from}-{to}"),
            }
        };
        self.port_ranges().into_iter().map(words).collect()
    }

    /// Every port of each protocol in the set.
    pub fn whole_protocols(&self) -> Self {
        if self.is_all() {
            return Self::all();
        }
        Self(self.port_ranges().into_iter().map(|(protocol, ..)| protocol.block()).collect())
    }

    /// The difference: the traffic that is not in `other`.
    pub fn without(&self, other: &Self) -> Self {
        Self(&self.0 - &other.0)
    }
}

/// Describes a range of ICMP types and codes: `icmp`, `icmp type 8`, `icmp types 1-12`, `icmp type 3 code 4`.
fn icmp_words(name: &str, from: u16, to: u16) -> String {
    let ([first, first_code], [last, last_code]) = (from.to_be_bytes(), to.to_be_bytes());
    match (first == last, first_code == u8::MIN && last_code == u8::MAX) {
        (false, true) if (first, last) == (u8::MIN, u8::MAX) => name.to_owned(),
        (false, true) => format!("{name} types {first}-{last}"),
        (true, true) => format!("{name} type {first}"),
        (true, false) if first_code == last_code => format!("{name} type {first} code {first_code}"),
        (true, false) => format!("{name} type {first} codes {first_code}-{last_code}"),
        (false, false) => format!("{name} types {first}-{last} in part"),
    }
}

// Most sets are empty or all traffic. The shortcuts avoid allocations for them.

impl BitOrAssign<&Self> for Traffic {
    fn bitor_assign(&mut self, other: &Self) {
        match (self.is_empty(), other.is_empty() || self.is_all()) {
            (_, true) => {}
            (true, false) => *self = other.clone(),
            (false, false) => self.0 |= &other.0,
        }
    }
}

impl BitOr<&Self> for Traffic {
    type Output = Self;

    fn bitor(mut self, other: &Self) -> Self {
        self |= other;
        self
    }
}

impl BitAnd for &Traffic {
    type Output = Traffic;

    fn bitand(self, other: Self) -> Traffic {
        match (self.is_all(), other.is_all()) {
            (true, _) => other.clone(),
            (_, true) => self.clone(),
            _ if self.is_empty() || other.is_empty() => Traffic::default(),
            _ => Traffic(&self.0 & &other.0),
        }
    }
}
