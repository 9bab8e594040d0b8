//! Networks, protocols and ports as sets: what is let in, from how much of the internet.
//!
//! [`Traffic`] is a set of protocols and ports, a network a set of addresses, and [`Opening`] the union of pairs of the
//! two. Openings are plain algebra: more entries never close anything, and neither their order nor how a network is cut
//! into parts matters. [`Layer`]s are what stands in the way of packets, where order may matter.

mod internet;
mod ip;
mod layers;
mod opening;
mod service;
mod traffic;

pub use internet::{all_public_addresses, min_world_addresses, public_addresses};
pub use ip::{Family, Space, is_global, parse_network};
pub use layers::{Layer, Rule, passing};
pub use opening::{
    BLOCK_V4, BLOCK_V6, Entry, MIN_BLOCK_PERCENT, MIN_WIDE_ADDRESSES, MIN_WIDE_PER_MILLE, MIN_WORLD_PERCENT, Opening,
    Reach,
};
pub use service::{Class, Kind, SERVICES, Service, services_in};
pub use traffic::{Pieces, Protocol, Traffic};

#[cfg(test)]
mod tests;
