//! Protocols and ports, as one set.

use std::ops::{BitAnd, BitOr, BitOrAssign, RangeInclusive};

use range_set_blaze::RangeSetBlaze;

/// An IP protocol by its IANA number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Protocol(u8);

/// Names that EC2 takes or prints, and their IANA numbers.
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

    /// Reads a name or number; `None` when there is no such protocol.
    pub fn parse(text: &str) -> Option<Self> {
        let named = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, number)| *number);
        named.or_else(|| text.parse().ok()).map(Self)
    }

    /// Whether it has ports as EC2 sees it. The two numbers of ICMP are a type and a code.
    pub fn has_ports(self) -> bool {
        matches!(self, Self::TCP | Self::UDP)
    }

    /// Whether it has types and codes.
    pub fn is_icmp(self) -> bool {
        matches!(self, Self::ICMP | Self::ICMPV6)
    }

    /// The IANA number.
    pub fn number(self) -> u8 {
        self.0
    }

    /// The name in lower case, or `protocol` and the number.
    pub fn name(self) -> String {
        let known = NAMES.iter().find(|(_, number)| *number == self.0);
        known.map_or_else(|| format!("protocol {}", self.0), |(name, _)| (*name).to_owned())
    }

    /// The part of the set of the ports `from` to `to`, where it has ports.
    fn range(self, from: u16, to: u16) -> RangeInclusive<u32> {
        let first = *self.block().start();
        match self.has_ports() {
            true => first + u32::from(from.min(to))..=first + u32::from(from.max(to)),
            false => self.block(),
        }
    }

    /// Its part of the set: 65,536 values. Of ICMP they are the type times 256 plus the code; of other protocols without
    /// ports always all of them.
    fn block(self) -> RangeInclusive<u32> {
        let first = u32::from(self.0) << 16;
        first..=first + u32::from(u16::MAX)
    }
}

/// A set of protocols and ports, or types and codes of ICMP. A value is the protocol's number times 65,536 plus the port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Traffic(RangeSetBlaze<u32>);

/// The ranges of a set of protocols and ports, in order, in which parts are found without a look at all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pieces(Vec<(u32, u32)>);

impl Pieces {
    /// The pieces that share something with the range from `first` to `last`.
    fn around(&self, first: u32, last: u32) -> &[(u32, u32)] {
        let begin = self.0.partition_point(|(_, end)| *end < first);
        let end = self.0.partition_point(|(start, _)| *start <= last);
        self.0.get(begin..end).unwrap_or_default()
    }

    /// Whether it shares anything with `traffic`.
    pub fn meets(&self, traffic: &Traffic) -> bool {
        traffic.ranges().any(|range| !self.around(*range.start(), *range.end()).is_empty())
    }

    /// What it shares with `traffic`, in order.
    pub(super) fn shared_with(&self, traffic: &Traffic) -> Self {
        let clipped = |range: RangeInclusive<u32>| {
            let (first, last) = range.into_inner();
            self.around(first, last).iter().map(move |(start, end)| (*start.max(&first), *end.min(&last)))
        };
        Self(traffic.ranges().flat_map(clipped).collect())
    }

    /// What of it is not in `other`.
    pub(super) fn without(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        for (first, last) in &self.0 {
            let mut next = *first;
            for (start, end) in other.around(*first, *last) {
                if *start > next {
                    left.push((next, start - 1));
                }
                next = end.saturating_add(1);
            }
            if next <= *last {
                left.push((next, *last));
            }
        }
        Self(left)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }
}

impl FromIterator<RangeInclusive<u32>> for Traffic {
    fn from_iter<R: IntoIterator<Item = RangeInclusive<u32>>>(ranges: R) -> Self {
        Self(RangeSetBlaze::from_iter(ranges))
    }
}

/// Whether a protocol as EC2 takes it is all of them: `all` in any case, or -1 however it is written.
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

    /// One protocol, on the ports `from` to `to` where it has ports. Ports outside of 0 to 65,535 do not exist.
    pub fn of(protocol: Protocol, from: u16, to: u16) -> Self {
        Self(RangeSetBlaze::from_iter([protocol.range(from, to)]))
    }

    /// ICMP or ICMPv6 of a type and code. A number outside of 0 to 255, such as EC2's -1, is all of them.
    pub fn icmp(protocol: Protocol, kind: i64, code: i64) -> Self {
        let first = *protocol.block().start();
        Self(RangeSetBlaze::from_iter([match (u8::try_from(kind), u8::try_from(code)) {
            (Err(_), _) => protocol.block(),
            (Ok(kind), Ok(code)) => {
                let value = first + u32::from(u16::from_be_bytes([kind, code]));
                value..=value
            }
            (Ok(kind), Err(_)) => {
                let of = |code| first + u32::from(u16::from_be_bytes([kind, code]));
                of(u8::MIN)..=of(u8::MAX)
            }
        }]))
    }

    /// What a permission with this protocol and these ports admits: `-1` or `all`, in any case, is all traffic, and a
    /// negative port all ports. For ICMP the two numbers are a type and a code. `None` when there is no such protocol.
    pub fn permitted(protocol: &str, from: i64, to: i64) -> Option<Self> {
        let protocol = match protocol.trim() {
            text if is_all(text) => return Some(Self::all()),
            text => Protocol::parse(text)?,
        };
        if protocol.is_icmp() {
            return Some(Self::icmp(protocol, from, to));
        }
        let port = |number: i64| u16::try_from(number).unwrap_or(u16::MAX);
        Some(match from >= 0 && to >= 0 {
            true => Self::of(protocol, port(from), port(to)),
            false => Self::of(protocol, 0, u16::MAX),
        })
    }

    /// Its values, as ranges in order.
    pub(super) fn ranges(&self) -> impl Iterator<Item = RangeInclusive<u32>> {
        self.0.ranges()
    }

    /// The same for many look-ups.
    pub fn pieces(&self) -> Pieces {
        Pieces(self.0.ranges().map(RangeInclusive::into_inner).collect())
    }

    /// Whether there is nothing in it.
    pub fn is_nothing(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is all traffic.
    pub fn is_all(&self) -> bool {
        self.0.ranges_len() == 1
            && self.0.first() == Some(*EVERYTHING.start())
            && self.0.last() == Some(*EVERYTHING.end())
    }

    /// Whether everything in it is in `other` too.
    pub fn is_within(&self, other: &Self) -> bool {
        self.is_nothing() || other.is_all() || self.0.is_subset(&other.0)
    }

    /// Whether it shares anything with one protocol on the ports `from` to `to`.
    pub fn reaches(&self, protocol: Protocol, from: u16, to: u16) -> bool {
        let wanted = protocol.range(from, to);
        self.0.ranges().any(|range| range.start() <= wanted.end() && wanted.start() <= range.end())
    }

    /// Whether it is every port of `protocol`. Port 0 cannot be connected to and does not count.
    pub fn has_all_ports(&self, protocol: Protocol) -> bool {
        Self::of(protocol, 1, u16::MAX).is_within(self)
    }

    /// What is in it, as `(protocol, first port, last port)`, in order.
    fn parts(&self) -> Vec<(Protocol, u16, u16)> {
        let mut parts = Vec::new();
        for range in self.0.ranges() {
            let (mut at, end) = (*range.start(), *range.end());
            while at <= end {
                let last = end.min(at | u32::from(u16::MAX));
                let [_, protocol, ..] = at.to_be_bytes();
                let port = |value: u32| u16::try_from(value & u32::from(u16::MAX)).unwrap_or(u16::MAX);
                parts.push((Protocol(protocol), port(at), port(last)));
                at = last + 1;
            }
        }
        parts
    }

    /// The ports of `protocol` from the first to the last, when it has ports and not all of them are in it.
    pub fn ports_of(&self, protocol: Protocol) -> Option<(u16, u16)> {
        let parts = self.parts().into_iter().filter(|(of, ..)| *of == protocol && protocol.has_ports());
        let (from, to) = parts.map(|(_, from, to)| (from, to)).reduce(|(first, _), (_, last)| (first, last))?;
        ((from, to) != (0, u16::MAX)).then_some((from, to))
    }

    /// What is in it, in words: `all traffic`, `tcp port 22`, `udp ports 1000-2000`, `all tcp ports`, `icmp`.
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
        self.parts().into_iter().map(words).collect()
    }

    /// Every port of each protocol that is in it.
    pub fn whole_protocols(&self) -> Self {
        if self.is_all() {
            return Self::all();
        }
        Self(self.parts().into_iter().map(|(protocol, ..)| protocol.block()).collect())
    }

    /// What is in it but for `other`.
    pub fn without(&self, other: &Self) -> Self {
        Self(&self.0 - &other.0)
    }
}

/// A range of types and codes in words: `icmp`, `icmp type 8`, `icmp types 1-12`, `icmp type 3 code 4`.
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

// Most sets are empty or everything; asking first spares the general case its memory.

impl BitOrAssign<&Self> for Traffic {
    fn bitor_assign(&mut self, other: &Self) {
        match (self.is_nothing(), other.is_nothing() || self.is_all()) {
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
            _ if self.is_nothing() || other.is_nothing() => Traffic::default(),
            _ => Traffic(&self.0 & &other.0),
        }
    }
}
