//! Live state from AWS for whole payloads: with a cache that outlives them, and an end for each.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};

use super::{Evaluated, Input, Pipeline};
use crate::aws::SdkConfig;
use crate::confirm::aws::{AwsState, MemberRole};
use crate::confirm::cache::Cache;

/// How many names of accounts are asked for at a time.
const MOST_REQUESTS: usize = 4;

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
        let state = self.state.within(budget);
        let mut evaluated = pipeline.gather_settled(source, input, &self.cache.over(state)).await;
        if self.names {
            let unnamed = evaluated.findings.iter().filter(|finding| finding.origin.account_name.is_none());
            let accounts: BTreeSet<String> = unnamed.map(|finding| finding.origin.account.clone()).collect();
            let named = accounts.into_iter().map(|account| async move {
                // An account without a name is called by its id, whatever the reason.
                let name = state.account_name(&account).await.ok().flatten()?;
                Some((account, name))
            });
            let names: BTreeMap<String, String> =
                stream::iter(named).buffer_unordered(MOST_REQUESTS).filter_map(|named| async { named }).collect().await;
            for finding in evaluated.findings.iter_mut().filter(|finding| finding.origin.account_name.is_none()) {
                finding.origin.account_name = names.get(&finding.origin.account).cloned();
            }
        }
        evaluated
    }
}
