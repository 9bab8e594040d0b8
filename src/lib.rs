//! Trailwarden evaluates CloudTrail records against Sigma rules and reports what is not compliant.
//!
//! ```text
//! payload ─decode─▶ raw records ─event─▶ Event ─rules─▶ findings ─exempt─▶ findings ─confirm─▶ findings ─publish─▶ SNS | stdout
//!            │ │                          ▲   │ ask for                                  ▲
//!            │ └─screen─▶ clean           │   ▼                                          │
//!         rejected                       facts (derived on demand)                 IAM / EC2, read-only
//!         (both are counted)
//! ```
//!
//! Most records are of calls that no rule watches: [`screen`] leaves them out while they are still escaped, from what
//! [`skim`] reads of them. The findings are the same with it and without.
//!
//! One function, [`pipeline::Pipeline::run`], takes one payload through all stages; the command line `trailwarden` and
//! the Lambda function `bootstrap` are two thin ways to call it.

pub mod address;
pub mod alert;
#[cfg(any(feature = "lambda", feature = "live"))]
pub mod aws;
pub mod config;
pub mod confirm;
pub mod decode;
pub mod event;
pub mod exempt;
pub mod facts;
pub mod filter_pattern;
pub mod finding;
pub mod fixtures;
pub mod metrics;
pub mod pipeline;
pub mod policy;
pub mod publish;
#[cfg(feature = "lambda")]
pub mod queue;
pub mod rules;
pub mod screen;
pub mod skim;
pub mod text;
pub mod trust;
