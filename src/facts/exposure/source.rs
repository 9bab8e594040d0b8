//! Networks that a call lets in, where they stand in the record, and what they open together.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ipnet::IpNet;

use super::permission::Permission;
use crate::address::{Entry, Kind, Opening, Reach, Space, parse_network, services_in};
use crate::event::Value;
use crate::facts::{Parameters, object, texts};

/// One network and what it may send.
#[derive(Debug)]
pub(super) struct Source<'e> {
    pub(super) network: IpNet,
    pub(super) permission: Permission,
    /// The network as written.
    written: Cow<'e, str>,
    /// Where it stands in the record.
    field: String,
    /// `securityGroupRuleId`, where there is one.
    pub(super) rule_id: Option<Cow<'e, str>>,
}

/// What a call says of whom it lets in.
#[derive(Debug, Default)]
pub(super) struct Sources<'e> {
    known: Vec<Source<'e>>,
    /// Place in `known` of each network with its permission.
    places: BTreeMap<(IpNet, Permission), usize>,
    /// Ids of prefix lists: what is in them does not stand in the record.
    pub(super) prefix_lists: Vec<Cow<'e, str>>,
    /// Where something stands that is no network, port or protocol.
    pub(super) unreadable: Vec<String>,
}

impl<'e> Sources<'e> {
    /// Adds the network that stands at `key` of `place`, if there is one.
    pub(super) fn add(
        &mut self,
        place: &Parameters<'e>,
        key: &str,
        permission: Option<Permission>,
        rule_id: Option<Cow<'e, str>>,
    ) {
        let Some(at) = place.get(key) else { return };
        let written = at.text().unwrap_or_default();
        let (Some(network), Some(permission)) = (parse_network(&written), permission) else {
            self.unreadable.push(at.path().to_owned());
            return;
        };
        let next = self.known.len();
        let known = *self.places.entry((network, permission.clone())).or_insert(next);
        // The response repeats what the request asked for, and adds the ids of the rules.
        match self.known.get_mut(known) {
            Some(source) => source.rule_id = source.rule_id.take().or(rule_id),
            None => {
                let field = at.path().to_owned();
                self.known.push(Source { network, permission, written, field, rule_id });
            }
        }
    }

    /// Adds the prefix list that stands at `key` of `place`, if there is one.
    pub(super) fn add_prefix_list(&mut self, place: &Parameters<'e>, key: &str) {
        if let Some(id) = place.text_of(key)
            && !self.prefix_lists.contains(&id)
        {
            self.prefix_lists.push(id);
        }
    }

    /// What the networks open together; `None` when there are none.
    pub(super) fn opening(self) -> Option<Opened<'e>> {
        if self.known.is_empty() {
            return None;
        }
        Some(Opened { opening: self.open(), sources: self.known })
    }

    /// Whether what could be read opens nothing to the world or a wide prefix that is worse than the web ports.
    pub(super) fn open_little(&self) -> bool {
        let opening = self.open();
        Kind::of(&opening.world).max(Kind::of(&opening.wide)) < Some(Kind::Other)
    }

    fn open(&self) -> Opening {
        let entry = |source: &Source<'_>| Entry { network: source.network, traffic: source.permission.traffic.clone() };
        Opening::of(&self.known.iter().map(entry).collect::<Vec<_>>())
    }
}

/// Most entries named in a command. EC2 lets no group have more rules and no list more entries than some 1,000; a made
/// up record must not make a finding too long to publish.
pub(super) const MOST_ARGUMENTS: usize = 500;

/// What a call opens.
#[derive(Debug)]
pub(super) struct Opened<'e> {
    pub(super) opening: Opening,
    sources: Vec<Source<'e>>,
}

/// What [`Opened::members`] gives, for the documentation of the facts that have it.
macro_rules! members_doc {
    () => {
        "`reach` is world (every address of IPv4 or IPv6, be it in parts), wide (a public prefix of IPv4 of /8 or \
         shorter, of IPv6 of /16 or shorter), public or private. `world` and `wide` are the worst of what is open that \
         far: all (every port), admin, database, high-risk, other, web or icmp; absent when nothing is. `services` \
         names what is reached there, such as ssh. `entries` has one member for each network: `reach` (world or wide \
         for one that takes part in such an opening), `cidr` (host bits masked), `space` (public, private, \
         shared-address, link-local, unique-local, …), `protocol`, `from_port`, `to_port` (absent for all), \
         `services`, `fields` (where in the record it stands), `rule_id` and `summary`."
    };
}
pub(super) use members_doc;

impl<'e> Opened<'e> {
    /// The sources that take part in an opening to the world or a wide prefix.
    pub(super) fn offending(&self) -> impl Iterator<Item = &Source<'e>> {
        let parts = self.sources.iter().zip(&self.opening.part_in);
        parts.filter(|(_, part)| **part >= Reach::Wide).map(|(source, _)| source)
    }

    /// The members every fact on an opening has.
    pub(super) fn members(&self) -> Vec<(&'e str, Value<'e>)> {
        let opening = &self.opening;
        let mut members = vec![("reach", Value::from(opening.reach.as_str()))];
        for (name, traffic) in [("world", &opening.world), ("wide", &opening.wide)] {
            if let Some(kind) = Kind::of(traffic) {
                members.push((name, Value::from(kind.as_str())));
            }
        }
        let mut opened = opening.world.clone();
        opened |= &opening.wide;
        members.push(("services", texts(services_in(&opened))));
        let parts = self.sources.iter().zip(&opening.part_in);
        members.push(("entries", Value::Array(parts.map(|(source, part)| source.value(*part)).collect())));
        members
    }
}

impl<'e> Source<'e> {
    fn value(&self, part: Reach) -> Value<'e> {
        let (network, traffic) = (&self.network, &self.permission.traffic);
        let mut members = vec![
            ("reach", Value::from(part.as_str())),
            ("cidr", Value::from(network.to_string())),
            ("space", Value::from(Space::of(network).as_str())),
        ];
        if let Some(protocol) = self.permission.protocol {
            members.push(("protocol", Value::from(protocol.name())));
        }
        if let Some((from, to)) = self.permission.ports() {
            members.push(("from_port", Value::from(i64::from(from))));
            members.push(("to_port", Value::from(i64::from(to))));
        }
        if let Some(id) = &self.rule_id {
            members.push(("rule_id", Value::Str(id.clone())));
        }
        members.extend([
            ("services", texts(services_in(traffic))),
            ("fields", texts([self.field.clone()])),
            ("summary", Value::from(format!("{} from {}", self.permission.words(), self.written))),
        ]);
        object(members)
    }
}
