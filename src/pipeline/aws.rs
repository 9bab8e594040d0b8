//! Live state from AWS for whole payloads, with a shared cache and a time limit for each payload.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};

use super::{Case, Evaluated, Input, Outcome, Pipeline, Tally};
use crate::aws::SdkConfig;
use crate::finding::Finding;
use crate::live_state::aws::{AwsState, MemberRole, Until};
use crate::live_state::cache::Cache;

/// Maximum number of concurrent requests for names of accounts.
const MAX_REQUESTS: usize = 4;

/// Reads live state from AWS. It caches clients, sessions and responses, so build it once.
#[derive(Debug)]
pub struct AwsLive {
    state: AwsState,
    cache: Cache,
    /// Whether names of accounts are read from Organizations.
    names: bool,
}

impl AwsLive {
    /// Reads the account of `config`, and other accounts with the role `member`. With `names`, names of accounts that the
    /// configuration does not name are read from Organizations.
    pub fn new(config: &SdkConfig, member: Option<MemberRole>, names: bool) -> Self {
        Self { state: AwsState::new(config, member), cache: Cache::default(), names }
    }

    /// Evaluates one payload with live state. Queries without a response within `budget` are unknown.
    pub async fn gather(&self, pipeline: &Pipeline, source: &str, input: Input<'_>, budget: Duration) -> Evaluated {
        let session = self.session(budget);
        let mut evaluated = Evaluated::default();
        let (mut tally, cases) = pipeline.run_for_live_state(source, input, &mut |outcome| evaluated.take(outcome));
        session.settle(pipeline, cases, &mut tally, &mut |outcome| evaluated.take(outcome)).await;
        session.name_accounts(evaluated.findings.iter_mut()).await;
        Evaluated { tally, ..evaluated }
    }

    /// Begins the queries of one payload. Those without a response within `budget` are unknown.
    pub(super) fn session(&self, budget: Duration) -> Session<'_> {
        Session { live: self, state: self.state.within(budget) }
    }
}

/// The queries of one payload.
pub(super) struct Session<'l> {
    live: &'l AwsLive,
    state: Until<'l>,
}

impl Session<'_> {
    /// Resolves cases, see [`Pipeline::settle`].
    pub(super) async fn settle(
        &self,
        pipeline: &Pipeline,
        cases: Vec<Case>,
        tally: &mut Tally,
        outcomes: &mut dyn FnMut(Outcome),
    ) {
        pipeline.settle(cases, &self.live.cache.over(self.state), tally, outcomes).await;
    }

    /// Adds names of accounts that the configuration does not name, if they are read from Organizations.
    pub(super) async fn name_accounts<'f>(&self, findings: impl Iterator<Item = &'f mut Finding>) {
        if !self.live.names {
            return;
        }
        let unnamed: Vec<&mut Finding> = findings.filter(|finding| finding.origin.account_name.is_none()).collect();
        let accounts: BTreeSet<String> = unnamed.iter().map(|finding| finding.origin.account.clone()).collect();
        let state = self.state;
        let named = accounts.into_iter().map(|account| async move {
            // An account without a name is called by its id, whatever the reason.
            let name = state.account_name(&account).await.ok().flatten()?;
            Some((account, name))
        });
        let names: BTreeMap<String, String> =
            stream::iter(named).buffer_unordered(MAX_REQUESTS).filter_map(|named| async { named }).collect().await;
        for finding in unnamed {
            finding.origin.account_name = names.get(&finding.origin.account).cloned();
        }
    }
}
