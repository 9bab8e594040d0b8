//! Networks that earlier calls of the same payload let in.
//!
//! Two calls can open together more than each of them alone. While the records of a payload are evaluated in order, the
//! networks that successful calls add to a security group, a network ACL or a prefix list are kept and attached to the next
//! call on the same resource. Nothing is kept between payloads. Calls that remove networks are ignored.

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

/// Most networks kept for one resource, the largest ones: EC2 lets no group have more rules and no list more entries.
const MAX_NETWORKS: usize = 1000;

/// Most resources kept for one payload.
const MAX_RESOURCES: usize = 4096;

/// Most networks that are compared again for one payload. Beyond it, a call that might complete an opening is too complex
/// to decide.
const MAX_COMPARED: usize = 250_000;

/// The networks that earlier calls added, by resource. Each payload has its own.
#[derive(Debug, Default)]
pub struct Earlier {
    resources: HashMap<Key, Arc<Networks>>,
    compared: usize,
}

/// Account, Region and the id or name of the resource.
type Key = (String, String, String);

/// The networks that earlier calls added to one resource.
#[derive(Debug, Clone, Default)]
pub(super) struct Networks {
    /// By size, the smallest first, so that these are dropped first.
    known: BTreeMap<(u128, IpNet, Permission), Origin>,
    /// Public addresses of IPv4 and of IPv6 in them, counted as often as they occur.
    public: [u128; 2],
    /// The opening when it was last computed. More may be open by now.
    opening: Option<Arc<Opening>>,
    /// Whether networks were added since.
    is_changed: bool,
    /// Whether there were too many calls to compare them.
    pub(super) is_too_complex: bool,
}

/// The record and the rule by which a network was added.
#[derive(Debug, Clone)]
struct Origin {
    event_id: Arc<str>,
    rule_id: Option<String>,
}

/// A network that an earlier call added.
pub(super) struct Known<'n> {
    pub(super) network: IpNet,
    pub(super) permission: &'n Permission,
    pub(super) event_id: &'n str,
    pub(super) rule_id: Option<&'n str>,
}

impl Earlier {
    /// Whether records of such a call count.
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

    /// Attaches the networks that earlier calls added to the same resource, if the opening could grow with them.
    pub fn recall(&mut self, event: &mut Event<'_>) {
        let is_judged = |source, name| Self::counts(source, name) || name == ingress::MODIFY;
        if self.resources.is_empty() || !call(event).is_some_and(|(source, name)| is_judged(source, name)) {
            return;
        }
        let Some(networks) = key(event).and_then(|key| self.resources.get_mut(&key)) else { return };
        let own = Networks::of(event);
        if !networks.may_open_more_with(&own) {
            return;
        }
        self.compared = self.compared.saturating_add(networks.known.len());
        if self.compared > MAX_COMPARED {
            return event.attach(Arc::new(Networks { is_too_complex: true, ..Networks::default() }));
        }
        Arc::make_mut(networks).compute();
        if networks.may_open_more_with(&own) {
            event.attach(Arc::<Networks>::clone(networks));
        }
    }

    /// Keeps the networks that `event` adds, for later calls.
    pub fn note(&mut self, event: &Event<'_>) {
        if event.error_code().is_some() || !call(event).is_some_and(|(source, name)| Self::counts(source, name)) {
            return;
        }
        let Some(key) = key(event) else { return };
        let own = Networks::of(event);
        if own.known.is_empty() || (self.resources.len() >= MAX_RESOURCES && !self.resources.contains_key(&key)) {
            return;
        }
        let networks = Arc::make_mut(self.resources.entry(key).or_default());
        own.known.into_iter().for_each(|(network, origin)| networks.insert(network, origin));
    }
}

fn call<'e>(event: &'e Event<'_>) -> Option<(&'e str, &'e str)> {
    event.source().zip(event.name())
}

/// The resource whose networks `event` changes.
fn key(event: &Event<'_>) -> Option<Key> {
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

impl Networks {
    /// The public networks that `event` itself adds.
    fn of(event: &Event<'_>) -> Self {
        let sources = match event.name() {
            Some("AuthorizeSecurityGroupIngress" | ingress::MODIFY) => ingress::sources(event),
            Some("CreateNetworkAclEntry" | "ReplaceNetworkAclEntry") => network_acl::sources(event),
            _ => prefix_list::sources(event),
        };
        let event_id: Arc<str> = event.id().unwrap_or_default().into();
        let mut networks = Self::default();
        for Source { network, permission, rule_id, .. } in sources.into_known() {
            let public = public_addresses(&network);
            if public > 0 {
                let rule_id = rule_id.map(std::borrow::Cow::into_owned);
                networks.insert((public, network, permission), Origin { event_id: Arc::clone(&event_id), rule_id });
            }
        }
        networks
    }

    /// Whether `more` could open anything together with these that these do not open.
    fn may_open_more_with(&self, more: &Self) -> bool {
        let enough = |least: [u128; 2]| {
            let sums = self.public.iter().zip(more.public).zip(least);
            sums.into_iter().any(|((known, more), least)| more > 0 && known.saturating_add(more) >= least)
        };
        if enough([Family::V4, Family::V6].map(min_world_addresses)) {
            return true;
        }
        let is_open = |traffic: &Traffic| {
            let open = self.opening.as_ref();
            open.is_some_and(|open| traffic.is_within(&open.world) || traffic.is_within(&open.wide))
        };
        enough(MIN_WIDE_ADDRESSES) && !more.known.keys().all(|(.., permission)| is_open(&permission.traffic))
    }

    /// Computes the opening, unless it is up to date.
    fn compute(&mut self) {
        if self.is_changed {
            let entries: Vec<Entry> = self.known("").map(|known| known.entry()).collect();
            self.opening = Some(Arc::new(Opening::of(&entries)));
            self.is_changed = false;
        }
    }

    /// The opening of all of them, if it is up to date.
    pub(super) fn opening(&self) -> Option<&Opening> {
        self.opening.as_deref().filter(|_| !self.is_changed)
    }

    /// The networks attached to `event`.
    pub(super) fn attached<'e>(event: &'e Event<'_>) -> Option<&'e Self> {
        event.attached()
    }

    /// The networks that records other than the one with this id added.
    pub(super) fn known(&self, except: &str) -> impl Iterator<Item = Known<'_>> {
        let is_other = move |origin: &Origin| except.is_empty() || origin.event_id.as_ref() != except;
        let known = self.known.iter().filter(move |(_, origin)| is_other(origin));
        known.map(|((_, network, permission), Origin { event_id, rule_id })| Known {
            network: *network,
            permission,
            event_id,
            rule_id: rule_id.as_deref(),
        })
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.known.len()
    }

    fn insert(&mut self, network: (u128, IpNet, Permission), origin: Origin) {
        let (public, family) = (network.0, Family::of(&network.1));
        if self.known.contains_key(&network) {
            return;
        }
        *self.public_of(family) = self.public_of(family).saturating_add(public);
        self.known.insert(network, origin);
        self.is_changed = true;
        if self.known.len() > MAX_NETWORKS
            && let Some(((public, network, _), _)) = self.known.pop_first()
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

impl Known<'_> {
    pub(super) fn entry(&self) -> Entry {
        Entry { network: self.network, traffic: self.permission.traffic.clone() }
    }
}
