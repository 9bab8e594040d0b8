//! Live state from AWS, read-only.
//!
//! Queries that one call can resolve share it, whichever findings they come from, and all pages are read. The account of the
//! credentials is read with them, and any other account with a role that is assumed there.
//!
//! The IAM actions are in the rows of [`super::resources::RESOURCES`]. Beside them, names of accounts need
//! `organizations:DescribeAccount`, and other accounts need `sts:AssumeRole` on the role in them.

mod accounts;
mod batch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use futures_util::stream::{self, StreamExt as _};
use jiff::Timestamp;

use super::kind::ResourceKind;
use super::query::{AccountRegion, LiveState, Query, Resolved, share};
use super::response::{Response, Unavailable};
use super::session::{Deadline, PolicyDocuments, ReadSelection, Session};
use accounts::Accounts;
use batch::{Batch, batches};

pub use accounts::MemberRole;
pub use batch::is_region;

/// Maximum number of concurrent requests. EC2 allows an account about twenty reads a second, which other users of the account
/// need too.
const MAX_REQUESTS: usize = 8;

/// Live state from AWS. Build it once, because clients and sessions are cached.
#[derive(Debug)]
pub struct AwsState {
    accounts: Accounts,
}

/// Live state from AWS until a deadline. Resources that were not read by then are unavailable.
#[derive(Debug, Clone, Copy)]
pub struct Until<'a> {
    state: &'a AwsState,
    deadline: Deadline,
}

impl AwsState {
    /// Reads with the credentials, Region of STS, endpoint, HTTP client and retries of `config`. Without a member role only the
    /// account of the credentials can be read.
    pub fn new(config: &SdkConfig, member: Option<MemberRole>) -> Self {
        Self { accounts: Accounts::new(config, member) }
    }

    /// Calls STS and Organizations in this Region if the configuration has none.
    #[must_use]
    pub fn or_region(mut self, region: &str) -> Self {
        self.accounts.or_region(region);
        self
    }

    /// The state until a time.
    pub fn until(&self, end: Instant) -> Until<'_> {
        Until { state: self, deadline: Deadline(Some(end.into())) }
    }

    /// The state for a duration from now.
    pub fn within(&self, budget: Duration) -> Until<'_> {
        self.until(Instant::now() + budget)
    }

    fn without_deadline(&self) -> Until<'_> {
        Until { state: self, deadline: Deadline(None) }
    }

    /// The account of the credentials.
    ///
    /// # Errors
    /// If STS does not return it.
    pub async fn own_account(&self) -> Result<String, Unavailable> {
        Ok(self.accounts.own(Deadline(None)).await?.account)
    }

    /// The Region of the configuration.
    pub fn region(&self) -> Option<&str> {
        self.accounts.region()
    }

    /// The name of an account in Organizations. `None` if there is no such account or no organization. Names are cached for an
    /// hour, errors for five minutes.
    ///
    /// # Errors
    /// If Organizations does not return it. Only the management account and delegated administrators may call it.
    pub async fn account_name(&self, account: &str) -> Result<Option<String>, Unavailable> {
        self.without_deadline().account_name(account).await
    }

    /// All resources of a kind, for a snapshot.
    ///
    /// # Errors
    /// If AWS does not return them.
    pub async fn list(&self, scope: &AccountRegion, kind: &ResourceKind) -> Result<Response, Unavailable> {
        let session = self.session(scope).await?;
        (kind.fetch)(&session, ReadSelection::All).await
    }

    /// All resources of a kind, with one response per id. `None` for a kind that one call lists.
    ///
    /// # Errors
    /// If AWS does not return the ids.
    pub async fn list_by_id(
        &self,
        scope: &AccountRegion,
        kind: &ResourceKind,
    ) -> Option<Result<Vec<(String, Result<Response, Unavailable>)>, Unavailable>> {
        let ids = kind.ids?;
        let session = match self.session(scope).await {
            Ok(session) => session,
            Err(error) => return Some(Err(error)),
        };
        let ids = match ids(&session).await {
            Ok(ids) => ids,
            Err(error) => return Some(Err(error)),
        };
        let lists = ids.into_iter().map(|id| {
            let session = &session;
            async move {
                let list = (kind.fetch)(session, ReadSelection::Id(id.clone())).await;
                (id, list)
            }
        });
        Some(Ok(stream::iter(lists).buffered(MAX_REQUESTS).collect().await))
    }

    async fn session(&self, scope: &AccountRegion) -> Result<Session, Unavailable> {
        self.open(scope).await?;
        Ok(self.accounts.session(scope, Deadline(None), Arc::default()))
    }

    /// Checks that an account can be read.
    ///
    /// # Errors
    /// If STS does not return the account of the credentials, or denies the role in the account.
    pub async fn open(&self, scope: &AccountRegion) -> Result<(), Unavailable> {
        if !is_region(&scope.region) {
            return Err(Unavailable(format!("{} is not a region", scope.region)));
        }
        self.accounts.open(&scope.account, Deadline(None)).await
    }
}

impl Until<'_> {
    /// [`AwsState::account_name`].
    ///
    /// # Errors
    /// As for [`AwsState::account_name`], and if the deadline passes.
    pub async fn account_name(&self, account: &str) -> Result<Option<String>, Unavailable> {
        self.state.accounts.name(account, self.deadline).await
    }

    /// Opens the accounts of the batches. Returns the errors by account.
    async fn open(&self, batches: &[Batch]) -> BTreeMap<String, Unavailable> {
        let accounts: BTreeSet<&str> = batches.iter().map(|batch| batch.scope.account.as_str()).collect();
        if accounts.is_empty() {
            return BTreeMap::new();
        }
        // The identity is read once, before concurrent requests need it.
        if let Err(error) = self.state.accounts.own(self.deadline).await {
            return accounts.iter().map(|account| ((*account).to_owned(), error.clone())).collect();
        }
        let opened = accounts.into_iter().map(|account| async move {
            let error = self.state.accounts.open(account, self.deadline).await.err()?;
            Some((account.to_owned(), error))
        });
        stream::iter(opened).buffer_unordered(MAX_REQUESTS).filter_map(|error| async { error }).collect().await
    }

    async fn read(&self, batch: Batch, policies: Arc<PolicyDocuments>) -> Vec<Resolved> {
        let session = self.state.accounts.session(&batch.scope, self.deadline, policies);
        // The state is at least as new as this time.
        let checked_at = Timestamp::now();
        match (batch.kind.fetch)(&session, batch.selection).await {
            Ok(list) => share(batch.queries, &list, Some(checked_at)),
            Err(error) => failed(batch.queries, &error),
        }
    }
}

fn failed(queries: Vec<Query>, error: &Unavailable) -> Vec<Resolved> {
    queries.into_iter().map(|query| Resolved { query, response: Err(error.clone()), checked_at: None }).collect()
}

impl LiveState for Until<'_> {
    fn is_over(&self) -> bool {
        self.deadline.is_long_over()
    }

    async fn resolve(&self, queries: Vec<Query>) -> Vec<Resolved> {
        let (batches, invalid) = batches(queries);
        let mut resolved: Vec<Resolved> = invalid
            .into_iter()
            .map(|(query, reason)| Resolved { query, response: Err(Unavailable(reason)), checked_at: None })
            .collect();
        let errors = self.open(&batches).await;
        let policies = Arc::<PolicyDocuments>::default();
        let reads = batches.into_iter().map(|batch| {
            let (errors, policies) = (&errors, Arc::clone(&policies));
            async move {
                match errors.get(&batch.scope.account) {
                    Some(error) => failed(batch.queries, error),
                    None => self.read(batch, policies).await,
                }
            }
        });
        let all: Vec<Vec<Resolved>> = stream::iter(reads).buffer_unordered(MAX_REQUESTS).collect().await;
        resolved.extend(all.into_iter().flatten());
        resolved
    }
}

impl LiveState for AwsState {
    async fn resolve(&self, queries: Vec<Query>) -> Vec<Resolved> {
        self.without_deadline().resolve(queries).await
    }
}
