//! Services by their ports, and how bad it is to open them.

use super::traffic::{Protocol, Traffic};

/// What a service is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Gives its user the machine.
    Administration,
    /// Holds data.
    Database,
    /// Neither of the two above, and just as dangerous: on the list of Security Hub's EC2.19 or of Prowler's checks, or a
    /// service that gives away secrets or files to whoever asks.
    HighRisk,
    /// The ports that Security Hub's EC2.18 lets be open: TCP 80 and 443.
    Web,
}

/// A service on its well-known ports.
#[derive(Debug)]
pub struct Service {
    /// Such as `ssh`.
    pub name: &'static str,
    /// What it is for.
    pub class: Class,
    protocol: Protocol,
    ports: (u16, u16),
}

const fn tcp(name: &'static str, class: Class, from: u16, to: u16) -> Service {
    Service { name, class, protocol: Protocol::TCP, ports: (from, to) }
}

const fn udp(name: &'static str, class: Class, port: u16) -> Service {
    Service { name, class, protocol: Protocol::UDP, ports: (port, port) }
}

const fn udp_range(name: &'static str, class: Class, from: u16, to: u16) -> Service {
    Service { name, class, protocol: Protocol::UDP, ports: (from, to) }
}

/// The services that are told apart: the 23 ports of Security Hub's EC2.19, the two of EC2.18, those of Prowler's checks of
/// security groups, and beyond them what administers machines, holds data or gives away secrets just as much.
pub const SERVICES: &[Service] = &[
    tcp("ssh", Class::Administration, 22, 22),
    tcp("telnet", Class::Administration, 23, 23),
    tcp("msrpc", Class::Administration, 135, 135),
    tcp("smb", Class::Administration, 445, 445),
    tcp("rlogin", Class::Administration, 512, 514),
    tcp("rdp", Class::Administration, 3389, 3389),
    udp("rdp", Class::Administration, 3389),
    tcp("docker", Class::Administration, 2375, 2376),
    tcp("vnc", Class::Administration, 5900, 5900),
    tcp("winrm", Class::Administration, 5985, 5986),
    tcp("kubelet", Class::Administration, 10250, 10250),
    tcp("mssql", Class::Database, 1433, 1434),
    udp("mssql", Class::Database, 1434),
    tcp("oracle", Class::Database, 1521, 1521),
    tcp("oracle", Class::Database, 2483, 2484),
    tcp("mysql", Class::Database, 3306, 3306),
    tcp("postgresql", Class::Database, 5432, 5432),
    tcp("redshift", Class::Database, 5439, 5439),
    tcp("couchdb", Class::Database, 5984, 5984),
    tcp("redis", Class::Database, 6379, 6379),
    tcp("cassandra", Class::Database, 9042, 9042),
    tcp("cassandra", Class::Database, 9160, 9160),
    tcp("opensearch", Class::Database, 9200, 9200),
    tcp("opensearch", Class::Database, 9300, 9300),
    tcp("memcached", Class::Database, 11211, 11211),
    udp("memcached", Class::Database, 11211),
    tcp("mongodb", Class::Database, 27017, 27019),
    tcp("ftp", Class::HighRisk, 20, 21),
    tcp("smtp", Class::HighRisk, 25, 25),
    udp("tftp", Class::HighRisk, 69),
    tcp("kerberos", Class::HighRisk, 88, 88),
    udp("kerberos", Class::HighRisk, 88),
    tcp("pop3", Class::HighRisk, 110, 110),
    tcp("rpcbind", Class::HighRisk, 111, 111),
    udp("rpcbind", Class::HighRisk, 111),
    udp_range("netbios", Class::HighRisk, 137, 138),
    tcp("netbios", Class::HighRisk, 139, 139),
    tcp("imap", Class::HighRisk, 143, 143),
    udp_range("snmp", Class::HighRisk, 161, 162),
    tcp("snmp", Class::HighRisk, 161, 162),
    tcp("ldap", Class::HighRisk, 389, 389),
    udp("ldap", Class::HighRisk, 389),
    tcp("kerberos", Class::HighRisk, 464, 464),
    udp("kerberos", Class::HighRisk, 464),
    tcp("ldaps", Class::HighRisk, 636, 636),
    tcp("kerberos", Class::HighRisk, 749, 750),
    tcp("rsync", Class::HighRisk, 873, 873),
    tcp("nfs", Class::HighRisk, 2049, 2049),
    udp("nfs", Class::HighRisk, 2049),
    tcp("zookeeper", Class::HighRisk, 2181, 2181),
    tcp("etcd", Class::HighRisk, 2379, 2380),
    tcp("web-development", Class::HighRisk, 3000, 3000),
    tcp("ldap", Class::HighRisk, 3268, 3269),
    tcp("ahsp", Class::HighRisk, 4333, 4333),
    tcp("web-development", Class::HighRisk, 5000, 5000),
    tcp("fcp-addr-srvr1", Class::HighRisk, 5500, 5500),
    tcp("opensearch-dashboards", Class::HighRisk, 5601, 5601),
    tcp("kubernetes", Class::HighRisk, 6443, 6443),
    tcp("cassandra-internode", Class::HighRisk, 7000, 7001),
    tcp("cassandra-jmx", Class::HighRisk, 7199, 7199),
    tcp("http-proxy", Class::HighRisk, 8080, 8080),
    tcp("http-legacy", Class::HighRisk, 8088, 8088),
    tcp("vault", Class::HighRisk, 8200, 8200),
    tcp("consul", Class::HighRisk, 8500, 8501),
    tcp("http-alternative", Class::HighRisk, 8888, 8888),
    tcp("kafka", Class::HighRisk, 9092, 9092),
    tcp("kubelet-read-only", Class::HighRisk, 10255, 10255),
    tcp("http", Class::Web, 80, 80),
    tcp("https", Class::Web, 443, 443),
];

impl Service {
    /// The traffic it takes.
    pub fn traffic(&self) -> Traffic {
        Traffic::of(self.protocol, self.ports.0, self.ports.1)
    }

    /// Whether some of `traffic` reaches it.
    fn is_reached_by(&self, traffic: &Traffic) -> bool {
        traffic.reaches(self.protocol, self.ports.0, self.ports.1)
    }
}

/// The names of the services that `traffic` reaches, each once, in the table's order.
pub fn services_in(traffic: &Traffic) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    for service in SERVICES.iter().filter(|service| service.is_reached_by(traffic)) {
        if !names.contains(&service.name) {
            names.push(service.name);
        }
    }
    names
}

/// What opened traffic amounts to: the worst of what is in it, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// ICMP alone.
    Icmp,
    /// The web ports, perhaps with ICMP.
    Web,
    /// Ports that are none of the others.
    Other,
    /// A service of [`Class::HighRisk`].
    HighRisk,
    /// A service of [`Class::Database`].
    Database,
    /// A service of [`Class::Administration`].
    Administration,
    /// Every port of TCP or UDP, or all traffic.
    All,
}

impl Kind {
    /// The kind of `traffic`; `None` when nothing is in it.
    pub fn of(traffic: &Traffic) -> Option<Self> {
        if traffic.is_nothing() {
            return None;
        }
        if traffic.has_all_ports(Protocol::TCP) || traffic.has_all_ports(Protocol::UDP) {
            return Some(Self::All);
        }
        let reaches = |class| SERVICES.iter().any(|one| one.class == class && one.is_reached_by(traffic));
        let classes = [
            (Class::Administration, Self::Administration),
            (Class::Database, Self::Database),
            (Class::HighRisk, Self::HighRisk),
        ];
        if let Some((_, kind)) = classes.into_iter().find(|(class, _)| reaches(*class)) {
            return Some(kind);
        }
        let mut harmless = Traffic::of(Protocol::ICMP, 0, 0);
        harmless |= &Traffic::of(Protocol::ICMPV6, 0, 0);
        if traffic.is_within(&harmless) {
            return Some(Self::Icmp);
        }
        SERVICES.iter().filter(|one| one.class == Class::Web).for_each(|one| harmless |= &one.traffic());
        Some(if traffic.is_within(&harmless) { Self::Web } else { Self::Other })
    }

    /// The word rules compare with.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Icmp => "icmp",
            Self::Web => "web",
            Self::Other => "other",
            Self::HighRisk => "high-risk",
            Self::Database => "database",
            Self::Administration => "admin",
            Self::All => "all",
        }
    }
}
