//! Networks, protocols and ports as sets: which traffic is allowed in, from how much of the internet.
//!
//! [`Traffic`] is a set of protocols and ports, a network is a set of addresses, and [`Opening`] is the union of pairs of the
//! two. Openings are plain set algebra: an additional entry never closes anything, and neither the order of entries nor the
//! division of a network into smaller ones matters. A [`Layer`] filters packets by rules whose order may matter.

mod internet;
mod ip;
mod layers;
mod opening;
mod service;
mod traffic;

pub use internet::{all_public_addresses, min_world_addresses, public_addresses};
pub use ip::{Family, Space, is_global, parse_network};
pub use layers::{Layer, LayerRule, passing};
pub use opening::{
    BLOCK_V4, BLOCK_V6, Entry, MIN_BLOCK_PERCENT, MIN_WIDE_ADDRESSES, MIN_WIDE_PER_MILLE, MIN_WORLD_PERCENT, Opening,
    Reach,
};
pub use service::{SERVICES, Service, ServiceClass, TrafficKind, services_in};
pub use traffic::{Protocol, SortedRanges, Traffic};

#[cfg(test)]
mod tests;
