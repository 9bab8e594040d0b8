//! Networks that a call lets in, where they stand in the record, and what they open together.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

use ipnet::IpNet;

use super::earlier::Networks;
use super::permission::Permission;
use crate::event::{Event, Value};
use crate::facts::{Parameters, object, texts};
use crate::network::{Entry, Family, Opening, Reach, Space, Traffic, TrafficKind, parse_network, services_in};

/// One network and what it may send.
#[derive(Debug)]
pub(in crate::facts) struct Source<'e> {
    pub(in crate::facts) network: IpNet,
    pub(super) permission: Permission,
    /// The network as written.
    written: Cow<'e, str>,
    /// Its place in the record; `None` if an earlier one let it in.
    field: Option<String>,
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
    /// Ids of prefix lists whose entries the record does not contain.
    pub(super) prefix_lists: Vec<Cow<'e, str>>,
    /// The same ids, to find repeats.
    unresolved_lists: HashSet<Cow<'e, str>>,
    /// How many references to prefix lists the record contains.
    list_references: usize,
    /// Paths of values that are no network, port or protocol.
    pub(super) unreadable: Unreadable,
    /// Whether there are more networks or prefix lists than are compared, in the record or together with earlier ones.
    pub(super) is_too_complex: bool,
    earlier: Option<(&'e Networks, &'e str)>,
}

/// Maximum number of networks of one record that are compared, and of references to prefix lists. A security group has at most 1,000 rules for IPv4 and 1,000
/// for IPv6, and a prefix list at most 1,000 entries (Amazon VPC quotas).
const MAX_NETWORKS: usize = 2500;

/// Maximum number of unreadable values whose path is kept. One path can be almost as long as the record.
const MAX_UNREADABLE: usize = 20;

/// Paths of values that cannot be read: the first of them, and how many more there are.
#[derive(Debug, Default)]
pub(super) struct Unreadable {
    pub(super) paths: Vec<String>,
    more: usize,
}

impl Unreadable {
    pub(super) fn add(&mut self, place: &Parameters<'_>) {
        if self.paths.len() < MAX_UNREADABLE {
            self.paths.push(place.path());
        } else {
            self.more += 1;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.paths.join(", "))?;
        if self.more > 0 { write!(formatter, " and {} more places", self.more) } else { Ok(()) }
    }
}

impl<'e> Sources<'e> {
    /// Adds the networks that earlier records of the payload added to the same resource.
    pub(super) fn with_earlier(mut self, event: &'e Event<'_>) -> Self {
        if let Some(networks) = Networks::attached(event) {
            self.is_too_complex |= networks.is_too_complex;
            self.earlier = Some((networks, event.id().unwrap_or_default()));
        }
        self
    }

    /// The networks that could be read.
    pub(super) fn into_known(self) -> Vec<Source<'e>> {
        self.known
    }

    /// Adds the network that stands at `key` of `place`, if there is one.
    pub(super) fn add(
        &mut self,
        place: &Parameters<'e>,
        key: &str,
        permission: Option<Permission>,
        rule_id: Option<Cow<'e, str>>,
    ) {
        if self.known.len() >= MAX_NETWORKS {
            self.is_too_complex |= place.has(key);
            return;
        }
        let Some(at) = place.get(key) else { return };
        let written = at.text().unwrap_or_default();
        match (parse_network(&written), permission) {
            (Some(network), Some(permission)) => {
                let field = Some(at.path());
                self.insert(Source { network, permission, written, field, rule_id, prefix_list: None });
            }
            _ => self.unreadable.add(&at),
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
        self.list_references += 1;
        if self.list_references > MAX_NETWORKS {
            self.is_too_complex = true;
            return;
        }
        let lists = live.map(|live| live.list("prefixLists")).unwrap_or_default();
        let told = lists.iter().find(|list| list.text_of("prefixListId").is_some_and(|told| told == id));
        if let (Some(list), Some(permission)) = (told, permission) {
            for cidr in list.list("cidrs").iter().filter_map(Parameters::text) {
                if self.known.len() >= MAX_NETWORKS {
                    self.is_too_complex = true;
                    return;
                }
                if let Some(network) = parse_network(&cidr) {
                    let written = Cow::Owned(format!("{cidr} of {id}"));
                    let (permission, field) = (permission.clone(), Some(at.path()));
                    let prefix_list = Some(id.clone());
                    self.insert(Source { network, permission, written, field, rule_id: None, prefix_list });
                }
            }
        } else if self.unresolved_lists.insert(id.clone()) {
            self.prefix_lists.push(id);
        }
    }

    /// What the networks open together; `None` when there are none.
    pub(in crate::facts) fn opening(self) -> Option<Opened<'e>> {
        (!self.known.is_empty()).then(|| self.opened())
    }

    /// The same, judged together with everything that is there `now`, where live state tells it.
    pub(super) fn together(self, now: Self) -> Option<Opened<'e>> {
        let opened = self.opening()?;
        Some(match now.opening() {
            Some(now) => opened.within(now),
            None => opened,
        })
    }

    /// Whether what could be read opens nothing to the world or a large part of it that is worse than the web ports.
    pub(super) fn open_little(self) -> bool {
        let opening = self.opened().opening;
        TrafficKind::of(&opening.world).max(TrafficKind::of(&opening.wide)) < Some(TrafficKind::Other)
    }

    fn opened(self) -> Opened<'e> {
        let entry = |source: &Source<'_>| Entry { network: source.network, traffic: source.permission.traffic.clone() };
        let entries: Vec<Entry> = self.known.iter().map(entry).collect();
        let own = Opened { opening: Opening::of(&entries), sources: self.known };
        match self.earlier {
            Some((networks, event_id)) => own.completing(entries, networks, event_id),
            None => own,
        }
    }
}

/// Most entries named in a command. EC2 lets no group have more rules and no list more entries than some 1,000; a made
/// up record must not make a finding too long to publish.
pub(super) const MAX_ARGUMENTS: usize = 500;

/// What a call opens.
#[derive(Debug)]
pub(in crate::facts) struct Opened<'e> {
    pub(in crate::facts) opening: Opening,
    sources: Vec<Source<'e>>,
}

/// What [`Opened::members`] gives, for the documentation of the facts that have it.
macro_rules! members_doc {
    () => {
        "`reach` is world (at least 90 % of the public addresses of IPv4 or of IPv6, for the same port), wide (at least \
         0.5 % of them, or 90 % of those of one IPv4 /8 or IPv6 /16), public or private; addresses that are never a source \
         on the internet, by IANA's registries, do not count. `percent` is the largest such share, rounded down. `world` and \
         `wide` are the worst of what is open that far: all (every port), admin, database, high-risk, other, web or icmp; \
         absent when nothing is. `services` names what is reached there, such as ssh. `entries` has one member for each network: `reach` (world \
         or wide for one that takes part in such an opening), `cidr` (host bits masked), `space` (public, private, \
         shared-address, link-local, unique-local, …), `protocol`, `from_port`, `to_port` (absent for all), \
         `services`, `fields` (its place in the record, absent if an earlier call added it), `rule_id` and `summary`."
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
        self.sources.iter().zip(self.opening.contributions.iter().copied())
    }

    /// The same, judged together with everything that is let in `now`: an entry that is still there counts for the
    /// opening it takes part in with the others, and they are sources too.
    fn within(mut self, now: Self) -> Self {
        let (mut world, mut wide) = (Traffic::default(), Traffic::default());
        let mut alike: BTreeMap<IpNet, Vec<(&Source<'_>, Reach)>> = BTreeMap::new();
        now.parts().for_each(|(source, part)| alike.entry(source.network).or_default().push((source, part)));
        for (source, part) in self.sources.iter().zip(&mut self.opening.contributions) {
            let others = alike.get(&source.network).into_iter().flatten();
            let together = others.filter(|(other, _)| source.is_in(other)).map(|(_, part)| *part).max();
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
        let raised = world.clone() | &wide;
        if raised.is_empty() {
            return self;
        }
        let known: BTreeSet<IpNet> = self.sources.iter().map(|source| source.network).collect();
        for (other, part) in now.sources.into_iter().zip(now.opening.contributions) {
            let adds = part >= Reach::Wide && !(&other.permission.traffic & &raised).is_empty();
            if adds && !known.contains(&other.network) {
                self.sources.push(other);
                self.opening.contributions.push(part);
            }
        }
        let opening = &mut self.opening;
        opening.world |= &world;
        opening.wide |= &wide;
        opening.wide = opening.wide.without(&opening.world);
        opening.percent = opening.percent.max(now.opening.percent);
        opening.reach = match () {
            () if !opening.world.is_empty() => Reach::World,
            () if !opening.wide.is_empty() => Reach::Wide,
            () => opening.reach,
        };
        self
    }

    /// Adds the traffic that is open only by the call together with earlier ones. Traffic that the earlier ones opened
    /// without it is not counted.
    fn completing(mut self, mut entries: Vec<Entry>, networks: &'e Networks, event_id: &str) -> Self {
        let changed = |id: &str| self.sources.iter().any(|source| source.rule_id.as_deref() == Some(id));
        let known: Vec<_> = networks.known(event_id).filter(|known| !known.rule_id.is_some_and(changed)).collect();
        let own = entries.len();
        entries.extend(known.iter().map(|known| known.entry()));
        let both = Opening::of(&entries);
        let open = |opening: &Opening| opening.world.clone() | &opening.wide;
        let mine = &self.opening;
        if both.world.is_within(&mine.world) && open(&both).is_within(&open(mine)) {
            return self;
        }
        let before = match networks.opening().filter(|_| known.len() == networks.count()) {
            Some(opening) => Cow::Borrowed(opening),
            None => Cow::Owned(Opening::of(entries.get(own..).unwrap_or_default())),
        };
        let completed = [both.world.without(&before.world), open(&both).without(&open(&before))];
        let [world, wide] = completed;
        let added = (world.without(&mine.world)) | &wide.without(&open(mine));
        if added.is_empty() {
            return self;
        }
        let (world, wide) = (mine.world.clone() | &world, open(mine) | &wide);
        self.opening.wide = wide.without(&world);
        self.opening.reach = if world.is_empty() { Reach::Wide } else { Reach::World };
        self.opening.world = world;
        self.opening.percent = both.percent;
        self.opening.families = both.families;
        let added = added.sorted_ranges();
        let takes_part = |traffic: &Traffic| added.overlaps(traffic);
        let parts = both.contributions.split_at_checked(own).unwrap_or_default();
        for ((part, together), source) in self.opening.contributions.iter_mut().zip(parts.0).zip(&self.sources) {
            if takes_part(&source.permission.traffic) {
                *part = (*part).max(*together);
            }
        }
        for (known, part) in known.into_iter().zip(parts.1) {
            if *part < Reach::Wide || !takes_part(&known.permission.traffic) {
                continue;
            }
            self.opening.contributions.push(*part);
            self.sources.push(Source {
                network: known.network,
                permission: known.permission.clone(),
                written: format!("{} (by the earlier call {})", known.network, known.event_id).into(),
                field: None,
                rule_id: known.rule_id.map(Cow::Borrowed),
                prefix_list: None,
            });
        }
        self
    }

    /// The sources that take part in an opening to the world or a large part of it.
    pub(in crate::facts) fn offending(&self) -> impl Iterator<Item = &Source<'e>> {
        let parts = self.sources.iter().zip(&self.opening.contributions);
        parts.filter(|(_, part)| **part >= Reach::Wide).map(|(source, _)| source)
    }

    /// The members every fact on an opening has.
    pub(in crate::facts) fn members(&self) -> Vec<(&'e str, Value<'e>)> {
        let opening = &self.opening;
        let mut members =
            vec![("reach", Value::from(opening.reach.as_str())), ("percent", Value::from(i64::from(opening.percent)))];
        for (name, traffic) in [("world", &opening.world), ("wide", &opening.wide)] {
            if let Some(kind) = TrafficKind::of(traffic) {
                members.push((name, Value::from(kind.as_str())));
            }
        }
        let opened = opening.world.clone() | &opening.wide;
        members.push(("services", texts(services_in(&opened))));
        let parts = self.sources.iter().zip(&opening.contributions);
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
        if let Some(field) = &self.field {
            members.push(("fields", texts([field.clone()])));
        }
        members.extend([
            ("services", texts(services_in(traffic))),
            ("summary", Value::from(format!("{} from {}", self.permission.words(), self.written))),
        ]);
        object(members)
    }
}
