//! Behaviour through the public surface: the library, the command line and the files people edit.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may stop at the first surprise, in its helper functions too"
)]

mod alerts;
mod architecture;
mod cli;
mod envelopes;
mod exemptions;
mod exposure;
#[cfg(feature = "live")]
mod live;
mod ocsf;
mod oracle;
mod public_data;
mod publishing;
mod rule_commands;
mod rules;
mod sigma;
mod support;
mod trust;
