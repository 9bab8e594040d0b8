//! Networks that a call lets in, where they stand in the record, and what they open together.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ipnet::IpNet;

use super::permission::Permission;
use crate::address::{Entry, Family, Kind, Opening, Reach, Space, Traffic, parse_network, services_in};
use crate::event::Value;
use crate::facts::{Parameters, object, texts};

/// One network and what it may send.
#[derive(Debug)]
pub(in crate::facts) struct Source<'e> {
    pub(in crate::facts) network: IpNet,
    pub(super) permission: Permission,
    /// The network as written.
    written: Cow<'e, str>,
    /// Where it stands in the record.
    field: String,
    /// `securityGroupRuleId`, where there is one.
    pub(super) rule_id: Option<Cow<'e, str>>,
    /// The prefix list that the network is an entry of, where it is one.
    pub(super) prefix_list: Option<Cow<'e, str>>,
}

/// What a call says of whom it lets in.
#[derive(Debug, Default)]
pub(in crate::facts) struct Sources<'e> {
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
        match (parse_network(&written), permission) {
            (Some(network), Some(permission)) => {
                let field = at.path();
                self.insert(Source { network, permission, written, field, rule_id, prefix_list: None });
            }
            _ => self.unreadable.push(at.path()),
        }
    }

    fn insert(&mut self, source: Source<'e>) {
        let next = self.known.len();
        let known = *self.places.entry((source.network, source.permission.clone())).or_insert(next);
        // The response repeats what the request asked for, and adds the ids of the rules.
        match self.known.get_mut(known) {
            Some(known) => known.rule_id = known.rule_id.take().or(source.rule_id),
            None => self.known.push(source),
        }
    }

    /// Adds the prefix list that stands at `key` of `place`, if there is one: the networks in it, where live state tells
    /// them.
    pub(super) fn add_prefix_list(
        &mut self,
        place: &Parameters<'e>,
        key: &str,
        permission: Option<&Permission>,
        live: Option<&Parameters<'e>>,
    ) {
        let Some(at) = place.get(key) else { return };
        let Some(id) = at.text() else { return };
        let lists = live.map(|live| live.list("prefixLists")).unwrap_or_default();
        let told = lists.iter().find(|list| list.text_of("prefixListId").is_some_and(|told| told == id));
        if let (Some(list), Some(permission)) = (told, permission) {
            for cidr in list.list("cidrs").iter().filter_map(Parameters::text) {
                if let Some(network) = parse_network(&cidr) {
                    let written = Cow::Owned(format!("{cidr} of {id}"));
                    let (permission, field) = (permission.clone(), at.path());
                    let prefix_list = Some(id.clone());
                    self.insert(Source { network, permission, written, field, rule_id: None, prefix_list });
                }
            }
        } else if !self.prefix_lists.contains(&id) {
            self.prefix_lists.push(id);
        }
    }

    /// What the networks open together; `None` when there are none.
    pub(in crate::facts) fn opening(self) -> Option<Opened<'e>> {
        if self.known.is_empty() {
            return None;
        }
        Some(Opened { opening: self.open(), sources: self.known })
    }

    /// The same, judged together with everything that is there `now`, where live state tells it.
    pub(super) fn together(self, now: Self) -> Option<Opened<'e>> {
        let opened = self.opening()?;
        Some(match now.opening() {
            Some(now) => opened.within(now),
            None => opened,
        })
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
pub(in crate::facts) struct Opened<'e> {
    pub(in crate::facts) opening: Opening,
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
pub(in crate::facts) use members_doc;

/// The same for the facts that live state adds to.
macro_rules! together_doc {
    () => {
        " With live state, an entry counts for the opening it takes part in together with everything else that is let in \
         now; what is let in beside it is in `entries` too, with `fields` below `liveState`."
    };
}
pub(super) use together_doc;

impl<'e> Opened<'e> {
    /// Each source with the widest opening it takes part in.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&Source<'e>, Reach)> {
        self.sources.iter().zip(self.opening.part_in.iter().copied())
    }

    /// The same, judged together with everything that is let in `now`: an entry that is still there counts for the
    /// opening it takes part in with the others, and they are sources too.
    fn within(mut self, now: Self) -> Self {
        let (mut world, mut wide) = (Traffic::default(), Traffic::default());
        for (source, part) in self.sources.iter().zip(&mut self.opening.part_in) {
            let together = now.parts().filter(|(other, _)| source.is_in(other)).map(|(_, part)| part).max();
            let Some(together) = together.filter(|together| *together > *part) else { continue };
            match together {
                Reach::World => world |= &(&source.permission.traffic & &now.opening.world),
                Reach::Wide => wide |= &(&source.permission.traffic & &now.opening.wide),
                Reach::Public | Reach::Private => continue,
            }
            *part = together;
            let family = Family::of(&source.network);
            if !self.opening.families.contains(&family) {
                self.opening.families.push(family);
            }
        }
        let mut raised = world.clone();
        raised |= &wide;
        for (other, part) in now.sources.into_iter().zip(now.opening.part_in) {
            let adds = part >= Reach::Wide && !(&other.permission.traffic & &raised).is_nothing();
            if adds && !self.sources.iter().any(|source| source.is_in(&other)) {
                self.sources.push(other);
                self.opening.part_in.push(part);
            }
        }
        let opening = &mut self.opening;
        opening.world |= &world;
        opening.wide |= &wide;
        opening.wide = opening.wide.without(&opening.world);
        opening.reach = match () {
            () if !opening.world.is_nothing() => Reach::World,
            () if !opening.wide.is_nothing() => Reach::Wide,
            () => opening.reach,
        };
        self
    }

    /// The sources that take part in an opening to the world or a wide prefix.
    pub(in crate::facts) fn offending(&self) -> impl Iterator<Item = &Source<'e>> {
        let parts = self.sources.iter().zip(&self.opening.part_in);
        parts.filter(|(_, part)| **part >= Reach::Wide).map(|(source, _)| source)
    }

    /// The members every fact on an opening has.
    pub(in crate::facts) fn members(&self) -> Vec<(&'e str, Value<'e>)> {
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
    /// Whether `other` lets in the same network, and all that this lets in.
    fn is_in(&self, other: &Self) -> bool {
        self.network == other.network && self.permission.traffic.is_within(&other.permission.traffic)
    }

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
