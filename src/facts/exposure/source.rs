//! EarlierNetworks that a call allows, their paths in the record, and their combined opening.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

use ipnet::IpNet;

use super::earlier::EarlierNetworks;
use super::permission::Permission;
use crate::event::{Event, Value};
use crate::facts::{Parameters, object, texts};
use crate::network::{Entry, Family, Opening, Reach, Space, Traffic, TrafficKind, parse_network, services_in};

/// A network and the traffic that it may send.
#[derive(Debug)]
pub(in crate::facts) struct Source<'e> {
    pub(in crate::facts) network: IpNet,
    pub(super) permission: Permission,
    /// The network as written.
    written: Cow<'e, str>,
    /// The path in the record. `None` if an earlier call added the network.
    field: Option<String>,
    /// `securityGroupRuleId`, if any.
    pub(super) rule_id: Option<Cow<'e, str>>,
    /// The prefix list that contains the network, if any.
    pub(super) prefix_list: Option<Cow<'e, str>>,
}

/// The networks that a call allows.
#[derive(Debug, Default)]
pub(in crate::facts) struct Sources<'e> {
    sources: Vec<Source<'e>>,
    /// Index in `sources` by network and permission.
    indices: BTreeMap<(IpNet, Permission), usize>,
    /// Ids of prefix lists whose entries are unknown.
    pub(super) prefix_lists: Vec<Cow<'e, str>>,
    /// The ids in `prefix_lists`, for detection of repeats.
    unresolved_lists: HashSet<Cow<'e, str>>,
    /// Number of references to prefix lists in the record.
    list_references: usize,
    /// Paths of values that are not a valid network, port or protocol.
    pub(super) unreadable: Unreadable,
    /// Whether there are too many networks or prefix lists to compare, alone or together with earlier calls.
    pub(super) is_too_complex: bool,
    earlier: Option<(&'e EarlierNetworks, &'e str)>,
}

/// Maximum number of networks, and of references to prefix lists, that are compared for one record. A security group has at
/// most 1,000 rules for IPv4 and 1,000 for IPv6, and a prefix list at most 1,000 entries (Amazon VPC quotas).
const MAX_NETWORKS: usize = 2500;

/// Maximum number of unreadable values whose path is stored. A path can be almost as long as the record.
const MAX_UNREADABLE: usize = 20;

/// Paths of values that cannot be read: the first ones, and the number of the others.
#[derive(Debug, Default)]
pub(super) struct Unreadable {
    pub(super) paths: Vec<String>,
    more: usize,
}

impl Unreadable {
    pub(super) fn add(&mut self, value: &Parameters<'_>) {
        if self.paths.len() < MAX_UNREADABLE {
            self.paths.push(value.path());
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
    /// Includes the networks that earlier records in the payload added to the same resource.
    pub(super) fn with_earlier(mut self, event: &'e Event<'_>) -> Self {
        if let Some(networks) = EarlierNetworks::attached(event) {
            self.is_too_complex |= networks.is_too_complex;
            self.earlier = Some((networks, event.id().unwrap_or_default()));
        }
        self
    }

    /// The networks that could be read.
    pub(super) fn into_sources(self) -> Vec<Source<'e>> {
        self.sources
    }

    /// Adds the network in the member `key` of `parent`, if there is one.
    pub(super) fn add(
        &mut self,
        parent: &Parameters<'e>,
        key: &str,
        permission: Option<Permission>,
        rule_id: Option<Cow<'e, str>>,
    ) {
        if self.sources.len() >= MAX_NETWORKS {
            self.is_too_complex |= parent.has(key);
            return;
        }
        let Some(value) = parent.get(key) else { return };
        let written = value.text().unwrap_or_default();
        match (parse_network(&written), permission) {
            (Some(network), Some(permission)) => {
                let field = Some(value.path());
                self.insert(Source { network, permission, written, field, rule_id, prefix_list: None });
            }
            _ => self.unreadable.add(&value),
        }
    }

    fn insert(&mut self, source: Source<'e>) {
        let next = self.sources.len();
        let index = *self.indices.entry((source.network, source.permission.clone())).or_insert(next);
        // The response repeats the networks of the request, with the ids of the rules.
        match self.sources.get_mut(index) {
            Some(existing) => existing.rule_id = existing.rule_id.take().or(source.rule_id),
            None => self.sources.push(source),
        }
    }

    /// Adds the prefix list in the member `key` of `parent`, if there is one: its networks if live state contains them, or
    /// else its id.
    pub(super) fn add_prefix_list(
        &mut self,
        parent: &Parameters<'e>,
        key: &str,
        permission: Option<&Permission>,
        live: Option<&Parameters<'e>>,
    ) {
        let Some(value) = parent.get(key) else { return };
        let Some(id) = value.text() else { return };
        self.list_references += 1;
        if self.list_references > MAX_NETWORKS {
            self.is_too_complex = true;
            return;
        }
        let lists = live.map(|live| live.list("prefixLists")).unwrap_or_default();
        let described = lists.iter().find(|list| list.text_of("prefixListId").is_some_and(|other| other == id));
        if let (Some(list), Some(permission)) = (described, permission) {
            for cidr in list.list("cidrs").iter().filter_map(Parameters::text) {
                if self.sources.len() >= MAX_NETWORKS {
                    self.is_too_complex = true;
                    return;
                }
                if let Some(network) = parse_network(&cidr) {
                    let written = Cow::Owned(format!("{cidr} of {id}"));
                    let (permission, field) = (permission.clone(), Some(value.path()));
                    let prefix_list = Some(id.clone());
                    self.insert(Source { network, permission, written, field, rule_id: None, prefix_list });
                }
            }
        } else if self.unresolved_lists.insert(id.clone()) {
            self.prefix_lists.push(id);
        }
    }

    /// The combined opening. Returns `None` if there are no networks.
    pub(in crate::facts) fn opening(self) -> Option<Opened<'e>> {
        (!self.sources.is_empty()).then(|| self.opened())
    }

    /// The combined opening with the networks that live state lists `now`.
    pub(super) fn together(self, now: Self) -> Option<Opened<'e>> {
        let opened = self.opening()?;
        Some(match now.opening() {
            Some(now) => opened.within(now),
            None => opened,
        })
    }

    /// Whether the readable networks open nothing more severe than the web ports to the world or a large part of it.
    pub(super) fn open_little(self) -> bool {
        let opening = self.opened().opening;
        TrafficKind::of(&opening.world).max(TrafficKind::of(&opening.wide)) < Some(TrafficKind::Other)
    }

    fn opened(self) -> Opened<'e> {
        let entry = |source: &Source<'_>| Entry { network: source.network, traffic: source.permission.traffic.clone() };
        let entries: Vec<Entry> = self.sources.iter().map(entry).collect();
        let own = Opened { opening: Opening::of(&entries), sources: self.sources };
        match self.earlier {
            Some((networks, event_id)) => own.completing(entries, networks, event_id),
            None => own,
        }
    }
}

/// Maximum number of entries in a command. A forged record must not make a finding too long to publish.
pub(super) const MAX_ARGUMENTS: usize = 500;

/// The opening of a call.
#[derive(Debug)]
pub(in crate::facts) struct Opened<'e> {
    pub(in crate::facts) opening: Opening,
    sources: Vec<Source<'e>>,
}

/// Documents the members in [`Opened::members`].
macro_rules! members_doc {
    () => {
        "`reach` is world (at least 90 % of the public IPv4 or IPv6 addresses, for the same port), wide (at least 0.5 % of \
         them, or 90 % of those of one IPv4 /8 or IPv6 /16), public or private. Addresses that are not sources on the \
         internet according to IANA's registries do not count. `percent` is the largest such share, rounded down. `world` \
         and `wide` are the most severe kind of traffic that is open that far: all (every port), admin, database, \
         high-risk, other, web or icmp; absent if there is none. `services` are the services that are open that far, such \
         as ssh. `entries` has one element for each network: `reach` (world or wide for a network that contributes to such \
         an opening), `cidr` (host bits masked), `space` (public, private, shared-address, link-local, unique-local, …), \
         `protocol`, `from_port`, `to_port` (absent for all), `services`, `fields` (its path in the record, absent if an \
         earlier call added it), `rule_id` and `summary`."
    };
}
pub(in crate::facts) use members_doc;

/// Documents the effect of live state on these members.
macro_rules! together_doc {
    () => {
        " With live state, an entry has the reach of the opening to which it contributes together with all networks that are \
         allowed now. These networks are in `entries` too, with `fields` below `liveState`."
    };
}
pub(super) use together_doc;

impl<'e> Opened<'e> {
    /// Each source with the widest opening to which it contributes.
    pub(super) fn contributions(&self) -> impl Iterator<Item = (&Source<'e>, Reach)> {
        self.sources.iter().zip(self.opening.contributions.iter().copied())
    }

    /// Raises the opening by everything that is allowed `now`. A source that is still allowed has the reach of the opening to
    /// which it contributes together with the others. The others become sources too.
    fn within(mut self, now: Self) -> Self {
        let (mut world, mut wide) = (Traffic::default(), Traffic::default());
        let mut by_network: BTreeMap<IpNet, Vec<(&Source<'_>, Reach)>> = BTreeMap::new();
        for (source, reach) in now.contributions() {
            by_network.entry(source.network).or_default().push((source, reach));
        }
        for (source, reach) in self.sources.iter().zip(&mut self.opening.contributions) {
            let others = by_network.get(&source.network).into_iter().flatten();
            let together = others.filter(|(other, _)| source.is_in(other)).map(|(_, reach)| *reach).max();
            let Some(together) = together.filter(|together| *together > *reach) else { continue };
            match together {
                Reach::World => world |= &(&source.permission.traffic & &now.opening.world),
                Reach::Wide => wide |= &(&source.permission.traffic & &now.opening.wide),
                Reach::Public | Reach::Private => continue,
            }
            *reach = together;
            let family = Family::of(&source.network);
            if !self.opening.families.contains(&family) {
                self.opening.families.push(family);
            }
        }
        let raised = world.clone() | &wide;
        if raised.is_empty() {
            return self;
        }
        let own_networks: BTreeSet<IpNet> = self.sources.iter().map(|source| source.network).collect();
        for (other, reach) in now.sources.into_iter().zip(now.opening.contributions) {
            let contributes = reach >= Reach::Wide && !(&other.permission.traffic & &raised).is_empty();
            if contributes && !own_networks.contains(&other.network) {
                self.sources.push(other);
                self.opening.contributions.push(reach);
            }
        }
        let opening = &mut self.opening;
        opening.world |= &world;
        opening.wide |= &wide;
        opening.wide = opening.wide.without(&opening.world);
        opening.percent = opening.percent.max(now.opening.percent);
        if !opening.world.is_empty() {
            opening.reach = Reach::World;
        } else if !opening.wide.is_empty() {
            opening.reach = Reach::Wide;
        }
        self
    }

    /// Adds traffic that is open only by this call together with earlier calls. Excludes traffic that earlier calls opened
    /// without this call.
    fn completing(mut self, mut entries: Vec<Entry>, networks: &'e EarlierNetworks, event_id: &str) -> Self {
        let changed = |id: &str| self.sources.iter().any(|source| source.rule_id.as_deref() == Some(id));
        let earlier: Vec<_> =
            networks.except(event_id).filter(|network| !network.rule_id.is_some_and(changed)).collect();
        let own_count = entries.len();
        entries.extend(earlier.iter().map(|network| network.entry()));
        let both = Opening::of(&entries);
        let open = |opening: &Opening| opening.world.clone() | &opening.wide;
        let own = &self.opening;
        if both.world.is_within(&own.world) && open(&both).is_within(&open(own)) {
            return self;
        }
        let before = match networks.opening().filter(|_| earlier.len() == networks.count()) {
            Some(opening) => Cow::Borrowed(opening),
            None => Cow::Owned(Opening::of(entries.get(own_count..).unwrap_or_default())),
        };
        let completed = [both.world.without(&before.world), open(&both).without(&open(&before))];
        let [world, wide] = completed;
        let added = (world.without(&own.world)) | &wide.without(&open(own));
        if added.is_empty() {
            return self;
        }
        let (world, wide) = (own.world.clone() | &world, open(own) | &wide);
        self.opening.wide = wide.without(&world);
        self.opening.reach = if world.is_empty() { Reach::Wide } else { Reach::World };
        self.opening.world = world;
        self.opening.percent = both.percent;
        self.opening.families = both.families;
        let added = added.sorted_ranges();
        let contributes = |traffic: &Traffic| added.overlaps(traffic);
        let (of_own, of_earlier) = both.contributions.split_at_checked(own_count).unwrap_or_default();
        for ((reach, together), source) in self.opening.contributions.iter_mut().zip(of_own).zip(&self.sources) {
            if contributes(&source.permission.traffic) {
                *reach = (*reach).max(*together);
            }
        }
        for (earlier, reach) in earlier.into_iter().zip(of_earlier) {
            if *reach < Reach::Wide || !contributes(&earlier.permission.traffic) {
                continue;
            }
            self.opening.contributions.push(*reach);
            self.sources.push(Source {
                network: earlier.network,
                permission: earlier.permission.clone(),
                written: format!("{} (by the earlier call {})", earlier.network, earlier.event_id).into(),
                field: None,
                rule_id: earlier.rule_id.map(Cow::Borrowed),
                prefix_list: None,
            });
        }
        self
    }

    /// The sources that contribute to an opening to the world or a large part of it.
    pub(in crate::facts) fn offending(&self) -> impl Iterator<Item = &Source<'e>> {
        self.contributions().filter(|(_, reach)| *reach >= Reach::Wide).map(|(source, _)| source)
    }

    /// The members that all facts about an opening have.
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
        let entries = self.contributions().map(|(source, reach)| source.value(reach));
        members.push(("entries", Value::Array(entries.collect())));
        members
    }
}

impl<'e> Source<'e> {
    /// Whether `other` allows all of this traffic from the same network.
    fn is_in(&self, other: &Self) -> bool {
        self.network == other.network && self.permission.traffic.is_within(&other.permission.traffic)
    }

    fn value(&self, reach: Reach) -> Value<'e> {
        let (network, traffic) = (&self.network, &self.permission.traffic);
        let mut members = vec![
            ("reach", Value::from(reach.as_str())),
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
