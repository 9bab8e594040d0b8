//! The state of accounts from AWS itself, read-only: the only user of the clients of EC2, IAM, Organizations and STS.
//!
//! Questions that one call can answer share it, whichever findings they come from, and all pages are followed. The own
//! account is read with the own credentials, any other with a role that is assumed there.
//!
//! | for | IAM actions |
//! |---|---|
//! | networks | `ec2:Describe…` of NetworkInterfaces, SecurityGroupRules, SecurityGroups, RouteTables, InternetGateways, NetworkAcls, Vpcs, Subnets, Instances, VpcBlockPublicAccessOptions and VpcBlockPublicAccessExclusions; `ec2:GetManagedPrefixListEntries` |
//! | roles | `iam:GetRole`, `iam:ListAttachedRolePolicies`, `iam:ListRolePolicies`, `iam:GetRolePolicy`, `iam:GetPolicy`, `iam:GetPolicyVersion` |
//! | names of accounts | `organizations:DescribeAccount` |
//! | other accounts | `sts:AssumeRole` on the role in them, which needs the rows above |
//! | snapshots | `ec2:DescribeManagedPrefixLists`, `iam:GetAccountAuthorizationDetails` |

mod accounts;
mod batch;
mod ec2;
mod iam;
mod refusal;
mod resource;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use futures_util::stream::{self, StreamExt as _};
use jiff::Timestamp;

use super::listing::{Listing, shares};
use super::question::{Answer, Answered, LiveState, Place, Question, Topic, Unanswered};
use super::snapshot::AuthorizationDetails;
use accounts::Accounts;
use batch::{Batch, Request, batches};
use iam::{PolicyTexts, Roles};
use refusal::Deadline;

pub use accounts::MemberRole;
pub use batch::is_region;

/// How many requests are under way at a time. EC2 lets an account read some twenty times a second, and its owner has
/// other use for that.
const MOST_REQUESTS: usize = 8;

/// The state of accounts, from AWS. Clients and sessions are kept, so it should be built once.
#[derive(Debug)]
pub struct AwsState {
    accounts: Accounts,
}

/// The state of accounts from AWS, asked until a moment; after it the rest is unanswered.
#[derive(Debug, Clone, Copy)]
pub struct Until<'a> {
    state: &'a AwsState,
    deadline: Deadline,
}

impl AwsState {
    /// Reads with what `config` says: credentials, region of STS, endpoint, HTTP client and retries (three attempts with
    /// exponential backoff, unless it says otherwise). Without a role only the own account can be read.
    pub fn new(config: &SdkConfig, member: Option<MemberRole>) -> Self {
        Self { accounts: Accounts::new(config, member) }
    }

    /// Asks STS and Organizations in this region, where the configuration names none.
    #[must_use]
    pub fn or_region(mut self, region: &str) -> Self {
        self.accounts.or_region(region);
        self
    }

    /// The same with an end: what is not answered by then is left.
    pub fn until(&self, end: Instant) -> Until<'_> {
        Until { state: self, deadline: Deadline(Some(end.into())) }
    }

    /// The same with an end so far from now.
    pub fn within(&self, budget: Duration) -> Until<'_> {
        self.until(Instant::now() + budget)
    }

    fn without_end(&self) -> Until<'_> {
        Until { state: self, deadline: Deadline(None) }
    }

    /// The account that the credentials are of.
    ///
    /// # Errors
    /// When STS does not say.
    pub async fn own_account(&self) -> Result<String, Unanswered> {
        Ok(self.accounts.own(Deadline(None)).await?.account)
    }

    /// The region of the configuration.
    pub fn region(&self) -> Option<&str> {
        self.accounts.region()
    }

    /// What Organizations calls an account; nothing when it knows none of that id, or there is no organisation. Names are
    /// remembered for an hour, refusals for five minutes.
    ///
    /// # Errors
    /// When Organizations does not say. It answers the management account and delegated administrators alone.
    pub async fn account_name(&self, account: &str) -> Result<Option<String>, Unanswered> {
        self.without_end().account_name(account).await
    }

    /// A whole list of a region.
    ///
    /// # Errors
    /// When AWS refuses; and for what is read one by one.
    pub async fn list(&self, place: &Place, listing: Listing) -> Result<Answer, Unanswered> {
        self.open(place).await?;
        ec2::list(&self.accounts.clients(place).ec2, listing, None).await
    }

    /// The prefix lists of a region by their ids, each with what is in it.
    ///
    /// # Errors
    /// When AWS refuses.
    pub async fn prefix_lists(&self, place: &Place) -> Result<Vec<(String, Result<Answer, Unanswered>)>, Unanswered> {
        self.open(place).await?;
        let client = self.accounts.clients(place).ec2;
        let lists = ec2::prefix_lists(&client).await?.into_iter().map(|id| {
            let client = &client;
            async move {
                let entries = ec2::prefix_list(client, &id).await;
                (id, entries)
            }
        });
        Ok(stream::iter(lists).buffered(MOST_REQUESTS).collect().await)
    }

    /// The roles of an account with all their policies.
    ///
    /// # Errors
    /// When AWS refuses.
    pub async fn authorization_details(&self, place: &Place) -> Result<AuthorizationDetails, Unanswered> {
        self.open(place).await?;
        iam::authorization_details(&self.accounts.clients(place).iam).await
    }

    /// Sees to it that an account can be read at all.
    ///
    /// # Errors
    /// When STS does not say whose credentials these are, or refuses the role in the account.
    pub async fn open(&self, place: &Place) -> Result<(), Unanswered> {
        if !is_region(&place.region) {
            return Err(Unanswered(format!("{} is not a region", place.region)));
        }
        self.accounts.open(&place.account, Deadline(None)).await
    }
}

impl Until<'_> {
    /// [`AwsState::account_name`].
    ///
    /// # Errors
    /// The same, and when time is over.
    pub async fn account_name(&self, account: &str) -> Result<Option<String>, Unanswered> {
        self.state.accounts.name(account, self.deadline).await
    }

    /// Opens the accounts of the batches; those that stay shut, with the reason.
    async fn shut(&self, batches: &[Batch]) -> BTreeMap<String, Unanswered> {
        let accounts: BTreeSet<&str> = batches.iter().map(|batch| batch.place.account.as_str()).collect();
        if accounts.is_empty() {
            return BTreeMap::new();
        }
        // Who one is oneself is asked once, before anything is asked at the same time.
        if let Err(refusal) = self.state.accounts.own(self.deadline).await {
            return accounts.iter().map(|account| ((*account).to_owned(), refusal.clone())).collect();
        }
        let opened = accounts.into_iter().map(|account| async move {
            let refusal = self.state.accounts.open(account, self.deadline).await.err()?;
            Some((account.to_owned(), refusal))
        });
        stream::iter(opened).buffer_unordered(MOST_REQUESTS).filter_map(|shut| async { shut }).collect().await
    }

    async fn ask(&self, batch: Batch, texts: &PolicyTexts) -> Vec<Answered> {
        let clients = self.state.accounts.clients(&batch.place);
        // Of the state it is known that it was so no earlier than this.
        let at = Timestamp::now();
        let only = batch.questions.first().map(|question| question.id.as_str()).unwrap_or_default();
        let (listing, filter) = match batch.request {
            Request::Filtered(listing, name, values) => (listing, Some((name, values))),
            Request::Whole(listing) | Request::One(listing) => (listing, None),
        };
        let answer = match listing {
            Listing::Roles => {
                let account = &batch.place.account;
                Roles { client: &clients.iam, account, deadline: self.deadline, texts }.role(only).await
            }
            Listing::PrefixListEntries => {
                self.deadline.before(ec2::action(listing), ec2::prefix_list(&clients.ec2, only)).await
            }
            listing => self.deadline.before(ec2::action(listing), ec2::list(&clients.ec2, listing, filter)).await,
        };
        match answer {
            Ok(whole) => shared(batch.questions, &whole, at),
            Err(refusal) => refuse(batch.questions, &refusal),
        }
    }
}

/// To each question its share of a list.
fn shared(questions: Vec<Question>, whole: &Answer, at: Timestamp) -> Vec<Answered> {
    let mut by_topic: BTreeMap<Topic, Vec<Question>> = BTreeMap::new();
    for question in questions {
        by_topic.entry(question.topic).or_default().push(question);
    }
    let answered = by_topic.into_iter().flat_map(|(topic, questions)| {
        let ids: Vec<&str> = questions.iter().map(|question| question.id.as_str()).collect();
        let answers = shares(topic, &ids, whole);
        let pairs = questions.into_iter().zip(answers);
        pairs.map(|(question, answer)| Answered { question, answer: Ok(answer), at: Some(at) }).collect::<Vec<_>>()
    });
    answered.collect()
}

fn refuse(questions: Vec<Question>, refusal: &Unanswered) -> Vec<Answered> {
    let all = questions.into_iter();
    all.map(|question| Answered { question, answer: Err(refusal.clone()), at: None }).collect()
}

impl LiveState for Until<'_> {
    fn is_over(&self) -> bool {
        self.deadline.is_long_over()
    }

    async fn answer(&self, questions: Vec<Question>) -> Vec<Answered> {
        let (batches, impossible) = batches(questions);
        let mut answered: Vec<Answered> = impossible
            .into_iter()
            .map(|(question, reason)| Answered { question, answer: Err(Unanswered(reason)), at: None })
            .collect();
        let shut = self.shut(&batches).await;
        let texts = PolicyTexts::default();
        let asked = batches.into_iter().map(|batch| {
            let (shut, texts) = (&shut, &texts);
            async move {
                match shut.get(&batch.place.account) {
                    Some(refusal) => refuse(batch.questions, refusal),
                    None => self.ask(batch, texts).await,
                }
            }
        });
        let all: Vec<Vec<Answered>> = stream::iter(asked).buffer_unordered(MOST_REQUESTS).collect().await;
        answered.extend(all.into_iter().flatten());
        answered
    }
}

impl LiveState for AwsState {
    async fn answer(&self, questions: Vec<Question>) -> Vec<Answered> {
        self.without_end().answer(questions).await
    }
}
