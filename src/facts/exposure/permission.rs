//! The protocol and ports of a permission of a security group or network ACL.

use crate::facts::Parameters;
use crate::network::{Protocol, Traffic, services_in};

/// Protocol and ports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Permission {
    pub(super) traffic: Traffic,
    /// The protocol. `None` for all protocols.
    pub(super) protocol: Option<Protocol>,
    /// The ICMP type and code, which are in the fields for ports. -1 is all.
    icmp: Option<(i64, i64)>,
}

/// Maximum number of services that are named beside a range of ports. For more services, the range is clearer.
const MAX_SERVICES: usize = 3;

impl Permission {
    /// All traffic.
    pub(super) fn all() -> Self {
        Self { traffic: Traffic::all(), protocol: None, icmp: None }
    }

    /// The permission with a protocol, and with the ports in the members `from` and `to` of `ports`. Returns `None` if one of
    /// them is invalid. Without a protocol, and for `-1` and `all`, it is all traffic. Without a port, and for a negative
    /// port, it is all ports.
    pub(super) fn of(
        protocol: Option<&Parameters<'_>>,
        ports: Option<&Parameters<'_>>,
        [from, to]: [&str; 2],
    ) -> Option<Self> {
        let number = |key| match ports.and_then(|ports| ports.get(key)) {
            Some(port) => port.number(),
            None => Some(-1),
        };
        let (from, to) = (number(from)?, number(to)?);
        let protocol = match protocol {
            Some(protocol) => protocol.text()?,
            None => return Some(Self::all()),
        };
        let traffic = Traffic::permitted(&protocol, from, to)?;
        let Some(protocol) = Protocol::parse(protocol.trim()) else { return Some(Self::all()) };
        let icmp = protocol.is_icmp().then_some((from, to));
        Some(Self { traffic, protocol: Some(protocol), icmp })
    }

    /// The ports, if the permission is limited to some.
    pub(super) fn ports(&self) -> Option<(u16, u16)> {
        self.traffic.ports_of(self.protocol?)
    }

    /// The shorthand syntax of the AWS CLI: `IpProtocol=tcp,FromPort=22,ToPort=22`.
    pub(super) fn shorthand(&self) -> String {
        let Some(protocol) = self.protocol else { return "IpProtocol=-1".to_owned() };
        let name = match protocol {
            Protocol::TCP | Protocol::UDP | Protocol::ICMP | Protocol::ICMPV6 => protocol.name(),
            other => other.number().to_string(),
        };
        let ports = self.ports().map(|(from, to)| (i64::from(from), i64::from(to)));
        let all_ports = protocol.has_ports().then_some((0, i64::from(u16::MAX)));
        match ports.or(self.icmp).or(all_ports) {
            Some((from, to)) => format!("IpProtocol={name},FromPort={from},ToPort={to}"),
            None => format!("IpProtocol={name}"),
        }
    }

    /// A description: `tcp port 22 (ssh)`, `all udp ports`, `icmp type 8`, `all traffic`.
    pub(super) fn words(&self) -> String {
        let mut words = self.traffic.words().join(", ");
        let services = services_in(&self.traffic);
        if (1..=MAX_SERVICES).contains(&services.len()) {
            words.push_str(&format!(" ({})", services.join(", ")));
        }
        words
    }
}
