//! Services by port, and the severity of opening them.

use super::traffic::{Protocol, Traffic};

/// The purpose of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceClass {
    /// Remote administration of a machine.
    Administration,
    /// Data stores.
    Database,
    /// Other services that are as dangerous: listed by Security Hub EC2.19 or by Prowler, or serving secrets or files without
    /// authentication.
    HighRisk,
    /// The ports that Security Hub EC2.18 allows: TCP 80 and 443.
    Web,
}

/// A service on its well-known ports.
#[derive(Debug)]
pub struct Service {
    /// Such as `ssh`.
    pub name: &'static str,
    /// The purpose.
    pub class: ServiceClass,
    protocol: Protocol,
    ports: (u16, u16),
}

const fn tcp(name: &'static str, class: ServiceClass, from: u16, to: u16) -> Service {
    Service { name, class, protocol: Protocol::TCP, ports: (from, to) }
}

const fn udp(name: &'static str, class: ServiceClass, port: u16) -> Service {
    Service { name, class, protocol: Protocol::UDP, ports: (port, port) }
}

const fn udp_range(name: &'static str, class: ServiceClass, from: u16, to: u16) -> Service {
    Service { name, class, protocol: Protocol::UDP, ports: (from, to) }
}

/// The known services: the 23 ports of Security Hub EC2.19, the two of EC2.18, the ports of Prowler's checks of security
/// groups, and other services that administer machines, store data or serve secrets.
pub const SERVICES: &[Service] = &[
    tcp("ssh", ServiceClass::Administration, 22, 22),
    tcp("telnet", ServiceClass::Administration, 23, 23),
    tcp("msrpc", ServiceClass::Administration, 135, 135),
    tcp("smb", ServiceClass::Administration, 445, 445),
    tcp("rlogin", ServiceClass::Administration, 512, 514),
    tcp("rdp", ServiceClass::Administration, 3389, 3389),
    udp("rdp", ServiceClass::Administration, 3389),
    tcp("docker", ServiceClass::Administration, 2375, 2376),
    tcp("vnc", ServiceClass::Administration, 5900, 5900),
    tcp("winrm", ServiceClass::Administration, 5985, 5986),
    tcp("kubelet", ServiceClass::Administration, 10250, 10250),
    tcp("mssql", ServiceClass::Database, 1433, 1434),
    udp("mssql", ServiceClass::Database, 1434),
    tcp("oracle", ServiceClass::Database, 1521, 1521),
    tcp("oracle", ServiceClass::Database, 2483, 2484),
    tcp("mysql", ServiceClass::Database, 3306, 3306),
    tcp("postgresql", ServiceClass::Database, 5432, 5432),
    tcp("redshift", ServiceClass::Database, 5439, 5439),
    tcp("couchdb", ServiceClass::Database, 5984, 5984),
    tcp("redis", ServiceClass::Database, 6379, 6379),
    tcp("cassandra", ServiceClass::Database, 9042, 9042),
    tcp("cassandra", ServiceClass::Database, 9160, 9160),
    tcp("opensearch", ServiceClass::Database, 9200, 9200),
    tcp("opensearch", ServiceClass::Database, 9300, 9300),
    tcp("memcached", ServiceClass::Database, 11211, 11211),
    udp("memcached", ServiceClass::Database, 11211),
    tcp("mongodb", ServiceClass::Database, 27017, 27019),
    tcp("ftp", ServiceClass::HighRisk, 20, 21),
    tcp("smtp", ServiceClass::HighRisk, 25, 25),
    udp("tftp", ServiceClass::HighRisk, 69),
    tcp("kerberos", ServiceClass::HighRisk, 88, 88),
    udp("kerberos", ServiceClass::HighRisk, 88),
    tcp("pop3", ServiceClass::HighRisk, 110, 110),
    tcp("rpcbind", ServiceClass::HighRisk, 111, 111),
    udp("rpcbind", ServiceClass::HighRisk, 111),
    udp_range("netbios", ServiceClass::HighRisk, 137, 138),
    tcp("netbios", ServiceClass::HighRisk, 139, 139),
    tcp("imap", ServiceClass::HighRisk, 143, 143),
    udp_range("snmp", ServiceClass::HighRisk, 161, 162),
    tcp("snmp", ServiceClass::HighRisk, 161, 162),
    tcp("ldap", ServiceClass::HighRisk, 389, 389),
    udp("ldap", ServiceClass::HighRisk, 389),
    tcp("kerberos", ServiceClass::HighRisk, 464, 464),
    udp("kerberos", ServiceClass::HighRisk, 464),
    tcp("ldaps", ServiceClass::HighRisk, 636, 636),
    tcp("kerberos", ServiceClass::HighRisk, 749, 750),
    tcp("rsync", ServiceClass::HighRisk, 873, 873),
    tcp("nfs", ServiceClass::HighRisk, 2049, 2049),
    udp("nfs", ServiceClass::HighRisk, 2049),
    tcp("zookeeper", ServiceClass::HighRisk, 2181, 2181),
    tcp("etcd", ServiceClass::HighRisk, 2379, 2380),
    tcp("web-development", ServiceClass::HighRisk, 3000, 3000),
    tcp("ldap", ServiceClass::HighRisk, 3268, 3269),
    tcp("ahsp", ServiceClass::HighRisk, 4333, 4333),
    tcp("web-development", ServiceClass::HighRisk, 5000, 5000),
    tcp("fcp-addr-srvr1", ServiceClass::HighRisk, 5500, 5500),
    tcp("opensearch-dashboards", ServiceClass::HighRisk, 5601, 5601),
    tcp("kubernetes", ServiceClass::HighRisk, 6443, 6443),
    tcp("cassandra-internode", ServiceClass::HighRisk, 7000, 7001),
    tcp("cassandra-jmx", ServiceClass::HighRisk, 7199, 7199),
    tcp("http-proxy", ServiceClass::HighRisk, 8080, 8080),
    tcp("http-legacy", ServiceClass::HighRisk, 8088, 8088),
    tcp("vault", ServiceClass::HighRisk, 8200, 8200),
    tcp("consul", ServiceClass::HighRisk, 8500, 8501),
    tcp("http-alternative", ServiceClass::HighRisk, 8888, 8888),
    tcp("kafka", ServiceClass::HighRisk, 9092, 9092),
    tcp("kubelet-read-only", ServiceClass::HighRisk, 10255, 10255),
    tcp("http", ServiceClass::Web, 80, 80),
    tcp("https", ServiceClass::Web, 443, 443),
];

impl Service {
    /// The traffic on the service's ports.
    pub fn traffic(&self) -> Traffic {
        Traffic::of(self.protocol, self.ports.0, self.ports.1)
    }

    /// Whether any of `traffic` reaches the service.
    fn is_reached_by(&self, traffic: &Traffic) -> bool {
        traffic.reaches(self.protocol, self.ports.0, self.ports.1)
    }
}

/// The names of the services that `traffic` reaches, in the order of [`SERVICES`] and without repeats.
pub fn services_in(traffic: &Traffic) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    for service in SERVICES.iter().filter(|service| service.is_reached_by(traffic)) {
        if !names.contains(&service.name) {
            names.push(service.name);
        }
    }
    names
}

/// The most severe kind of service in a set of traffic, in ascending order of severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrafficKind {
    /// Only ICMP.
    Icmp,
    /// Web ports, with or without ICMP.
    Web,
    /// Ports of no other kind.
    Other,
    /// A service of class [`ServiceClass::HighRisk`].
    HighRisk,
    /// A service of class [`ServiceClass::Database`].
    Database,
    /// A service of class [`ServiceClass::Administration`].
    Administration,
    /// Every port of TCP or UDP, or all traffic.
    All,
}

impl TrafficKind {
    /// The kind of `traffic`. Returns `None` if it is empty.
    pub fn of(traffic: &Traffic) -> Option<Self> {
        if traffic.is_empty() {
            return None;
        }
        if traffic.has_all_ports(Protocol::TCP) || traffic.has_all_ports(Protocol::UDP) {
            return Some(Self::All);
        }
        let reaches = |class| SERVICES.iter().any(|service| service.class == class && service.is_reached_by(traffic));
        let classes = [
            (ServiceClass::Administration, Self::Administration),
            (ServiceClass::Database, Self::Database),
            (ServiceClass::HighRisk, Self::HighRisk),
        ];
        if let Some((_, kind)) = classes.into_iter().find(|(class, _)| reaches(*class)) {
            return Some(kind);
        }
        let mut harmless = Traffic::of(Protocol::ICMP, 0, 0);
        harmless |= &Traffic::of(Protocol::ICMPV6, 0, 0);
        if traffic.is_within(&harmless) {
            return Some(Self::Icmp);
        }
        for service in SERVICES.iter().filter(|service| service.class == ServiceClass::Web) {
            harmless |= &service.traffic();
        }
        Some(if traffic.is_within(&harmless) { Self::Web } else { Self::Other })
    }

    /// The value in facts.
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
