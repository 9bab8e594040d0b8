//! Networks, protocols and ports as sets: what is let in, from how much of the internet.
//!
//! [`Traffic`] is a set of protocols and ports, a network a set of addresses, and [`Opening`] the union of pairs of the
//! two. Openings are plain algebra: more entries never close anything, and neither their order nor how a network is cut
//! into parts matters. [`Layer`]s are what stands in the way of packets, where order may matter.

mod layers;
mod network;
mod opening;
mod service;
mod traffic;

pub use layers::{Layer, Rule, is_large, passing};
pub use network::{Family, Space, parse_network};
pub use opening::{Entry, Opening, Reach, WIDE_V4, WIDE_V6};
pub use service::{Class, Kind, SERVICES, Service, services_in};
pub use traffic::{Protocol, Traffic};

#[cfg(test)]
mod tests;
