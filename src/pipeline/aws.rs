//! Live state from AWS for whole payloads: with a cache that outlives them, and an end for each.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{Evaluated, Input, Pipeline};
use crate::aws::SdkConfig;
use crate::confirm::aws::{AwsState, MemberRole};
use crate::confirm::cache::Cache;

/// What reads live state from AWS. Clients, sessions and answers are kept, so it should be built once.
#[derive(Debug)]
pub struct AwsLive {
    state: AwsState,
    cache: Cache,
    /// Whether Organizations is asked for the names of accounts.
    names: bool,
}

impl AwsLive {
    /// Reads what `config` can reach, other accounts with the role `member`; with `names`, Organizations is asked for
    /// those of accounts that the configuration does not name.
    pub fn new(config: &SdkConfig, member: Option<MemberRole>, names: bool) -> Self {
        Self { state: AwsState::new(config, member), cache: Cache::default(), names }
    }

    /// Evaluates one payload and settles it with live state. What is not answered within `budget` is unknown.
    pub async fn gather(&self, pipeline: &Pipeline, source: &str, input: Input<'_>, budget: Duration) -> Evaluated {
        let end = Instant::now() + budget;
        let state = self.state.until(end);
        let mut evaluated = pipeline.gather_settled(source, input, &self.cache.over(state)).await;
        if self.names {
            let mut names: BTreeMap<String, Option<String>> = BTreeMap::new();
            for finding in evaluated.findings.iter_mut().filter(|finding| finding.origin.account_name.is_none()) {
                let account = &finding.origin.account;
                if !names.contains_key(account) {
                    // An account without a name is called by its id, whatever the reason.
                    let name = state.account_name(account).await.ok().flatten();
                    names.insert(account.clone(), name);
                }
                finding.origin.account_name = names.get(account).cloned().flatten();
            }
        }
        evaluated
    }
}
