//! The workload of the benchmarks, made from a seed: CloudTrail records as they come in a busy account, the payloads that
//! CloudWatch Logs makes of them, and sets of Sigma rules. The same seed gives the same bytes.
//!
//! Input: a seed and a size. Output: payloads as the Lambda function receives them, and their known properties.

pub(crate) mod batch;
mod caller;
mod interesting;
mod noise;
pub(crate) mod record;
pub(crate) mod rules;
mod template;

/// The seed of all published figures.
pub(crate) const SEED: u64 = 0x7261_696c;
