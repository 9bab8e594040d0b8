//! With which credentials an account is read, and what it is called.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::timeout::TimeoutConfig;
use aws_config::{Region, SdkConfig};
use aws_sdk_ec2::config::{Credentials, SharedCredentialsProvider};

use super::refusal::{Deadline, refused};
use crate::live_state::question::{Place, Unanswered};

/// How long before its end a session is renewed. Sessions are of an hour, the most that one role may have of another.
const RENEWED_BEFORE: Duration = Duration::from_mins(5);
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long one attempt of a call may take; a page of a thousand entries takes a second or two.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the name of an account is remembered.
const NAMES_KEPT: Duration = Duration::from_hours(1);
/// How long it is remembered that there is no name to be had.
const REFUSED_NAMES_KEPT: Duration = Duration::from_mins(5);

/// The role that is assumed in the accounts of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRole {
    /// Its name, with its path if it has one; the same in all accounts.
    pub name: String,
    /// What its trust policy wants as `sts:ExternalId`.
    pub external_id: Option<String>,
    /// What sessions are called, as CloudTrail shows them.
    pub session_name: String,
}

/// The clients that read one account in one region.
#[derive(Debug, Clone)]
pub(super) struct Clients {
    pub(super) ec2: aws_sdk_ec2::Client,
    pub(super) iam: aws_sdk_iam::Client,
    until: Option<SystemTime>,
}

/// All accounts that can be read.
#[derive(Debug)]
pub(super) struct Accounts {
    config: SdkConfig,
    member: Option<MemberRole>,
    own: Mutex<Option<Identity>>,
    sessions: Mutex<HashMap<String, Credentials>>,
    clients: Mutex<HashMap<Place, Clients>>,
    names: Mutex<HashMap<String, Name>>,
}

/// Whose the credentials are.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) account: String,
    /// `aws`, `aws-cn`, `aws-us-gov`, …; a role of another partition cannot be assumed.
    partition: String,
}

/// What an account is called, for as long as that is remembered.
#[derive(Debug, Clone)]
struct Name {
    name: Result<Option<String>, Unanswered>,
    until: SystemTime,
}

impl Accounts {
    /// What `config` leaves open of timeouts is set here; retries are as it says, else the SDK's three attempts with
    /// exponential backoff.
    pub(super) fn new(config: &SdkConfig, member: Option<MemberRole>) -> Self {
        let ours = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_attempt_timeout(ATTEMPT_TIMEOUT);
        let theirs = config.timeout_config().map(TimeoutConfig::to_builder).unwrap_or_default();
        let config = config.to_builder().timeout_config(theirs.take_unset_from(ours).build()).build();
        Self {
            config,
            member,
            own: Mutex::default(),
            sessions: Mutex::default(),
            clients: Mutex::default(),
            names: Mutex::default(),
        }
    }

    /// Sets the region, where the configuration names none.
    pub(super) fn or_region(&mut self, region: &str) {
        if self.config.region().is_none() {
            self.config = self.config.to_builder().region(Region::new(region.to_owned())).build();
        }
    }

    /// The region that the configuration names.
    pub(super) fn region(&self) -> Option<&str> {
        self.config.region().map(AsRef::as_ref)
    }

    /// Whose the credentials are.
    pub(super) async fn own(&self, deadline: Deadline) -> Result<Identity, Unanswered> {
        const ACTION: &str = "sts:GetCallerIdentity";
        if let Some(own) = locked(&self.own).clone() {
            return Ok(own);
        }
        let sts = aws_sdk_sts::Client::new(&self.config);
        let call = async { sts.get_caller_identity().send().await.map_err(|error| refused(ACTION, &error)) };
        let identity = deadline.before(ACTION, call).await?;
        let partition = identity.arn.as_deref().and_then(partition).map(str::to_owned);
        let own = identity.account.zip(partition).map(|(account, partition)| Identity { account, partition });
        let own = own.ok_or_else(|| Unanswered(format!("{ACTION}: no account and ARN in the answer")))?;
        *locked(&self.own) = Some(own.clone());
        Ok(own)
    }

    /// Sees to it that there are credentials for an account.
    pub(super) async fn open(&self, account: &str, deadline: Deadline) -> Result<(), Unanswered> {
        const ACTION: &str = "sts:AssumeRole";
        let own = self.own(deadline).await?;
        if own.account == account || locked(&self.sessions).get(account).is_some_and(is_fresh) {
            return Ok(());
        }
        let Some(MemberRole { name, external_id, session_name }) = &self.member else {
            return Err(Unanswered(format!("no role to read account {account} with; set MEMBER_ROLE_NAME")));
        };
        let arn = format!("arn:{}:iam::{account}:role/{name}", own.partition);
        let request = aws_sdk_sts::Client::new(&self.config)
            .assume_role()
            .role_arn(&arn)
            .role_session_name(session_name)
            .set_external_id(external_id.clone());
        let action = format!("{ACTION} on {arn}");
        let call = async { request.send().await.map_err(|error| refused(&action, &error)) };
        let session = deadline.before(&action, call).await?;
        let session =
            session.credentials.ok_or_else(|| Unanswered(format!("{action}: no credentials in the answer")))?;
        let end = SystemTime::try_from(session.expiration).ok();
        let credentials = Credentials::new(
            session.access_key_id,
            session.secret_access_key,
            Some(session.session_token),
            end,
            "MemberRole",
        );
        locked(&self.sessions).insert(account.to_owned(), credentials);
        Ok(())
    }

    /// The clients for a place whose account is open.
    pub(super) fn clients(&self, place: &Place) -> Clients {
        let fresh = |clients: &&Clients| clients.until.is_none_or(|until| SystemTime::now() < until);
        if let Some(clients) = locked(&self.clients).get(place).filter(fresh) {
            return clients.clone();
        }
        let mut config = self.config.to_builder().region(Region::new(place.region.clone()));
        let mut until = None;
        if let Some(session) = locked(&self.sessions).get(&place.account) {
            until = session.expiry().map(renewal);
            config.set_credentials_provider(Some(SharedCredentialsProvider::new(session.clone())));
        }
        let config = config.build();
        let clients = Clients { ec2: aws_sdk_ec2::Client::new(&config), iam: aws_sdk_iam::Client::new(&config), until };
        locked(&self.clients).insert(place.clone(), clients.clone());
        clients
    }

    /// What Organizations calls an account; nothing when it knows none of that id, or there is no organisation.
    pub(super) async fn name(&self, account: &str, deadline: Deadline) -> Result<Option<String>, Unanswered> {
        const ACTION: &str = "organizations:DescribeAccount";
        let now = SystemTime::now();
        if let Some(kept) = locked(&self.names).get(account).filter(|kept| now < kept.until) {
            return kept.name.clone();
        }
        let request = aws_sdk_organizations::Client::new(&self.config).describe_account().account_id(account);
        let call = async {
            match request.send().await {
                Ok(answer) => Ok(answer.account.and_then(|account| account.name)),
                Err(error) => {
                    let unknown = error.as_service_error().is_some_and(|error| {
                        error.is_account_not_found_exception() || error.is_aws_organizations_not_in_use_exception()
                    });
                    if unknown { Ok(None) } else { Err(refused(ACTION, &error)) }
                }
            }
        };
        let name = deadline.before(ACTION, call).await;
        if name.as_ref().is_err_and(Unanswered::is_want_of_time) {
            return name;
        }
        let kept = if name.is_ok() { NAMES_KEPT } else { REFUSED_NAMES_KEPT };
        locked(&self.names).insert(account.to_owned(), Name { name: name.clone(), until: now + kept });
        name
    }
}

fn is_fresh(session: &Credentials) -> bool {
    session.expiry().is_none_or(|end| SystemTime::now() < renewal(end))
}

fn renewal(end: SystemTime) -> SystemTime {
    end.checked_sub(RENEWED_BEFORE).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// The partition that an ARN is of.
fn partition(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split(':').next().filter(|partition| !partition.is_empty())
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
