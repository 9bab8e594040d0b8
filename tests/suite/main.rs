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
#[cfg(feature = "live")]
mod aws_state;
mod cases;
mod cli;
mod config_rule;
mod configuration_items;
mod deployment_calls;
mod diagnostics;
mod documentation;
mod envelopes;
mod exemptions;
mod exposure;
mod filter_pattern;
mod fuzzed;
mod live_state;
mod many_files;
mod objects;
mod ocsf;
mod oracle;
mod prefilter;
#[cfg(feature = "remediation")]
mod problems;
mod public_data;
mod publishing;
mod remediation;
mod reports;
mod rule_commands;
mod rules;
mod sigma;
mod streams;
mod support;
mod terraform;
mod terraform_plan;
mod trigger_batches;
mod trust;
mod webhooks;
mod workload;
mod worst_input;
