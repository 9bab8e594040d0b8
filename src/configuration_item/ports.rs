//! Configuration items without what is open on allowed ports alone.

use serde_json::{Value, json};

use super::ConfigurationItem;
use super::value::{is, member, scalar, text};

/// Protocols with ports: TCP and UDP.
const WITH_PORTS: [&str; 4] = ["tcp", "udp", "6", "17"];

impl ConfigurationItem {
    /// The same without what `is_allowed` allows, which takes the first and the last port: the sources of entries of security
    /// groups, entries of network ACLs, and listeners. `None` if there is nothing of it. An entry with one port that is not
    /// allowed stays whole.
    pub fn without_ports(&self, is_allowed: &dyn Fn(u16, u16) -> bool) -> Option<Self> {
        let allows = |from: Option<u16>, to: Option<u16>| from.zip(to).is_some_and(|(from, to)| is_allowed(from, to));
        let mut item = self.clone();
        match self.resource_type.as_str() {
            "AWS::EC2::SecurityGroup" => edit_list(&mut item.configuration, "ipPermissions", |entries| {
                let is_allowed = |entry: &Value| {
                    has_ports(entry, "ipProtocol") && allows(port(entry, "fromPort"), port(entry, "toPort"))
                };
                for entry in entries.iter_mut().filter(|entry| is_allowed(entry)) {
                    // An entry without sources still is a rule of a default security group.
                    for sources in ["ipRanges", "ipv4Ranges", "ipv6Ranges", "prefixListIds"] {
                        edit_list(entry, sources, Vec::clear);
                    }
                }
            }),
            "AWS::EC2::NetworkAcl" => edit_list(&mut item.configuration, "entries", |entries| {
                entries.retain(|entry| {
                    let is_allow = text(entry, "ruleAction").is_some_and(|action| action.eq_ignore_ascii_case("allow"));
                    let range = member(entry, "portRange").filter(|_| is_allow && is(entry, "egress", false));
                    let ends = |range: &Value| allows(port(range, "from"), port(range, "to"));
                    !(has_ports(entry, "protocol") && range.is_some_and(ends))
                });
            }),
            "AWS::ElasticLoadBalancing::LoadBalancer" => {
                edit_list(&mut item.configuration, "listenerDescriptions", |descriptions| {
                    descriptions.retain(|description| {
                        let listener = member(description, "listener");
                        let port = listener.and_then(|listener| port(listener, "loadBalancerPort"));
                        !allows(port, port)
                    });
                });
            }
            "AWS::ElasticLoadBalancingV2::Listener" => {
                let port = port(&self.configuration, "port");
                if allows(port, port) {
                    item.configuration = json!({});
                }
            }
            _ => return None,
        }
        (item != *self).then_some(item)
    }
}

fn has_ports(entry: &Value, key: &str) -> bool {
    let protocol = member(entry, key).and_then(scalar);
    protocol.is_some_and(|protocol| WITH_PORTS.contains(&protocol.to_ascii_lowercase().as_str()))
}

fn port(value: &Value, key: &str) -> Option<u16> {
    scalar(member(value, key)?)?.parse().ok()
}

/// Edits the elements of the member `key`, in any case.
fn edit_list(value: &mut Value, key: &str, edit: impl Fn(&mut Vec<Value>)) {
    let members = value.as_object_mut().into_iter().flatten().filter(|(name, _)| name.eq_ignore_ascii_case(key));
    members.filter_map(|(_, list)| list.as_array_mut()).for_each(edit);
}
