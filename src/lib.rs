//! Trailwarden evaluates CloudTrail records against Sigma rules and reports what is not compliant.
//!
//! ```text
//! payload ─sources─▶ raw records ─event─▶ Event ─rules─▶ findings ─suppress─▶ findings ─live_state─▶ findings ─sinks─▶ SNS | stdout
//!            │ │                          ▲   │ ask for                                  ▲
//!            │ └─prefilter─▶ clean        │   ▼                                          │
//!         rejected                       facts (derived on demand)                 IAM / EC2, read-only
//!         (both are counted)
//! ```
//!
//! Most records are of calls that no rule watches: [`prefilter`] skips them before they are unescaped and parsed. The
//! findings are the same with it and without.
//!
//! One function, [`pipeline::Pipeline::run`], takes one payload through all stages; the command line `trailwarden` and
//! the Lambda function `bootstrap` are two thin ways to call it.

pub mod access;
pub mod actions;
pub mod alert;
pub mod app;
pub mod arn;
#[cfg(any(feature = "lambda", feature = "live"))]
pub mod aws;
pub mod config_rule;
pub mod configuration_item;
mod derived_call;
pub mod event;
pub mod facts;
pub mod filter_pattern;
pub mod finding;
pub mod fixtures;
#[cfg(feature = "lambda")]
pub mod http;
pub mod live_state;
pub mod metrics;
pub mod network;
#[cfg(feature = "lambda")]
pub mod objects;
pub mod pipeline;
pub mod policy;
pub mod prefilter;
#[cfg(feature = "lambda")]
pub mod queue;
pub mod remediation;
pub mod report;
pub mod rules;

pub mod sinks;

pub mod sources;
pub mod suppress;
pub mod terraform_plan;
pub mod text;
