//! EarlierNetworks that earlier calls in the same payload added.
//!
//! Two calls can open more together than each of them alone. The records of a payload are evaluated in order. The networks
//! that successful calls add to a security group, a network ACL or a prefix list are remembered, and attached to the next call
//! for the same resource. Each payload starts without networks. Calls that remove networks are ignored.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ipnet::IpNet;

use super::permission::Permission;
use super::source::Source;
use super::{ingress, network_acl, prefix_list};
use crate::event::Event;
use crate::facts::calls::EC2;
use crate::facts::wire;
use crate::network::{Entry, Family, MIN_WIDE_ADDRESSES, Opening, Traffic, min_world_addresses, public_addresses};

/// Maximum number of networks per resource. The largest are kept. It is EC2's maximum for the rules of a security group and
/// for the entries of a prefix list.
const MAX_NETWORKS: usize = 1000;

/// Maximum number of resources per payload.
const MAX_RESOURCES: usize = 4096;

/// Maximum number of networks that are compared again per payload. Beyond it, a call that may complete an opening is too
/// complex to decide.
const MAX_COMPARED: usize = 250_000;

/// The networks that earlier calls added, by resource. Each payload has its own.
#[derive(Debug, Default)]
pub struct Earlier {
    resources: HashMap<ResourceKey, Arc<EarlierNetworks>>,
    compared: usize,
}

/// Account, Region, and the id or name of the resource.
type ResourceKey = (String, String, String);

/// The networks that earlier calls added to one resource.
#[derive(Debug, Clone, Default)]
pub(super) struct EarlierNetworks {
    /// Sorted by size, the smallest first, because these are dropped first.
    networks: BTreeMap<(u128, IpNet, Permission), AddedBy>,
    /// The sums of the public IPv4 and IPv6 addresses of the networks. Overlaps are counted several times.
    public: [u128; 2],
    /// The opening when it was last computed.
    opening: Option<Arc<Opening>>,
    /// Whether networks were added since then.
    is_changed: bool,
    /// Whether too many networks would have to be compared.
    pub(super) is_too_complex: bool,
}

/// The record and the security group rule that added a network.
#[derive(Debug, Clone)]
struct AddedBy {
    event_id: Arc<str>,
    rule_id: Option<String>,
}

/// A network that an earlier call added.
pub(super) struct EarlierNetwork<'n> {
    pub(super) network: IpNet,
    pub(super) permission: &'n Permission,
    pub(super) event_id: &'n str,
    pub(super) rule_id: Option<&'n str>,
}

impl Earlier {
    /// Whether a call can add networks.
    pub fn counts(source: &str, name: &str) -> bool {
        source == EC2
            && matches!(
                name,
                "AuthorizeSecurityGroupIngress"
                    | "CreateNetworkAclEntry"
                    | "ReplaceNetworkAclEntry"
                    | "CreateManagedPrefixList"
                    | "ModifyManagedPrefixList"
            )
    }

    /// Attaches the networks that earlier calls added to the same resource to `event`, if they could increase its opening.
    pub fn recall(&mut self, event: &mut Event<'_>) {
        let is_relevant = |source, name| Self::counts(source, name) || name == ingress::MODIFY;
        if self.resources.is_empty() || !call(event).is_some_and(|(source, name)| is_relevant(source, name)) {
            return;
        }
        let Some(networks) = key(event).and_then(|key| self.resources.get_mut(&key)) else { return };
        let own = EarlierNetworks::of(event);
        if !networks.may_open_more_with(&own) {
            return;
        }
        self.compared = self.compared.saturating_add(networks.networks.len());
        if self.compared > MAX_COMPARED {
            return event.attach(Arc::new(EarlierNetworks { is_too_complex: true, ..EarlierNetworks::default() }));
        }
        Arc::make_mut(networks).compute();
        if networks.may_open_more_with(&own) {
            event.attach(Arc::<EarlierNetworks>::clone(networks));
        }
    }

    /// Remembers the networks that `event` adds, for later calls.
    pub fn note(&mut self, event: &Event<'_>) {
        if event.error_code().is_some() || !call(event).is_some_and(|(source, name)| Self::counts(source, name)) {
            return;
        }
        let Some(key) = key(event) else { return };
        let own = EarlierNetworks::of(event);
        if own.networks.is_empty() || (self.resources.len() >= MAX_RESOURCES && !self.resources.contains_key(&key)) {
            return;
        }
        let networks = Arc::make_mut(self.resources.entry(key).or_default());
        own.networks.into_iter().for_each(|(network, added_by)| networks.insert(network, added_by));
    }
}

fn call<'e>(event: &'e Event<'_>) -> Option<(&'e str, &'e str)> {
    event.source().zip(event.name())
}

/// The resource whose networks `event` changes.
fn key(event: &Event<'_>) -> Option<ResourceKey> {
    let (request, response) = (wire::request(event), wire::response(event));
    let requested = |name: &str| request.as_ref().and_then(|request| request.text_of(name));
    let id = match event.name()? {
        "AuthorizeSecurityGroupIngress" | ingress::MODIFY => {
            let rules = || response.as_ref()?.list("securityGroupRuleSet").first()?.text_of("groupId");
            requested("groupId").or_else(rules).or_else(|| requested("groupName"))
        }
        "CreateNetworkAclEntry" | "ReplaceNetworkAclEntry" => requested("networkAclId"),
        _ => {
            let created = || response.as_ref()?.get("prefixList")?.text_of("prefixListId");
            requested("prefixListId").or_else(created)
        }
    }?;
    Some((
        event.account().unwrap_or_default().to_owned(),
        event.region().unwrap_or_default().to_owned(),
        id.into_owned(),
    ))
}

impl EarlierNetworks {
    /// The public networks that `event` adds.
    fn of(event: &Event<'_>) -> Self {
        let sources = match event.name() {
            Some("AuthorizeSecurityGroupIngress" | ingress::MODIFY) => ingress::sources(event),
            Some("CreateNetworkAclEntry" | "ReplaceNetworkAclEntry") => network_acl::sources(event),
            _ => prefix_list::sources(event),
        };
        let event_id: Arc<str> = event.id().unwrap_or_default().into();
        let mut networks = Self::default();
        for Source { network, permission, rule_id, .. } in sources.into_sources() {
            let public = public_addresses(&network);
            if public > 0 {
                let rule_id = rule_id.map(std::borrow::Cow::into_owned);
                networks.insert((public, network, permission), AddedBy { event_id: Arc::clone(&event_id), rule_id });
            }
        }
        networks
    }

    /// Whether the networks could open more together with `added` than without.
    fn may_open_more_with(&self, added: &Self) -> bool {
        let reaches = |minimum: [u128; 2]| {
            let families = self.public.iter().zip(added.public).zip(minimum);
            families.into_iter().any(|((own, added), minimum)| added > 0 && own.saturating_add(added) >= minimum)
        };
        if reaches([Family::V4, Family::V6].map(min_world_addresses)) {
            return true;
        }
        let is_open = |traffic: &Traffic| {
            let open = self.opening.as_ref();
            open.is_some_and(|open| traffic.is_within(&open.world) || traffic.is_within(&open.wide))
        };
        reaches(MIN_WIDE_ADDRESSES) && !added.networks.keys().all(|(.., permission)| is_open(&permission.traffic))
    }

    /// Computes the opening, unless it is up to date.
    fn compute(&mut self) {
        if self.is_changed {
            let entries: Vec<Entry> = self.except("").map(|network| network.entry()).collect();
            self.opening = Some(Arc::new(Opening::of(&entries)));
            self.is_changed = false;
        }
    }

    /// The opening of all networks, if it is up to date.
    pub(super) fn opening(&self) -> Option<&Opening> {
        self.opening.as_deref().filter(|_| !self.is_changed)
    }

    /// The networks attached to `event`.
    pub(super) fn attached<'e>(event: &'e Event<'_>) -> Option<&'e Self> {
        event.attached()
    }

    /// The networks that records other than the record `event_id` added.
    pub(super) fn except(&self, event_id: &str) -> impl Iterator<Item = EarlierNetwork<'_>> {
        let is_other = move |added_by: &AddedBy| event_id.is_empty() || added_by.event_id.as_ref() != event_id;
        let others = self.networks.iter().filter(move |(_, added_by)| is_other(added_by));
        others.map(|((_, network, permission), AddedBy { event_id, rule_id })| EarlierNetwork {
            network: *network,
            permission,
            event_id,
            rule_id: rule_id.as_deref(),
        })
    }

    /// The number of networks.
    pub(super) fn count(&self) -> usize {
        self.networks.len()
    }

    fn insert(&mut self, network: (u128, IpNet, Permission), added_by: AddedBy) {
        let (public, family) = (network.0, Family::of(&network.1));
        if self.networks.contains_key(&network) {
            return;
        }
        *self.public_of(family) = self.public_of(family).saturating_add(public);
        self.networks.insert(network, added_by);
        self.is_changed = true;
        if self.networks.len() > MAX_NETWORKS
            && let Some(((public, network, _), _)) = self.networks.pop_first()
        {
            let count = self.public_of(Family::of(&network));
            *count = count.saturating_sub(public);
        }
    }

    fn public_of(&mut self, family: Family) -> &mut u128 {
        let [v4, v6] = &mut self.public;
        match family {
            Family::V4 => v4,
            Family::V6 => v6,
        }
    }
}

impl EarlierNetwork<'_> {
    pub(super) fn entry(&self) -> Entry {
        Entry { network: self.network, traffic: self.permission.traffic.clone() }
    }
}
