//! Credentials for accounts, and names of accounts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::timeout::TimeoutConfig;
use aws_config::{Region, SdkConfig};
use aws_sdk_ec2::config::{Credentials, SharedCredentialsProvider};

use crate::live_state::query::AccountRegion;
use crate::live_state::response::Unavailable;
use crate::live_state::session::{Deadline, PolicyDocuments, Session, unavailable};

/// Time before its expiry at which a session is renewed. Sessions last an hour, the maximum for role chaining.
const RENEW_BEFORE: Duration = Duration::from_mins(5);
/// Maximum time to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Maximum time of one attempt of a call. A page of a thousand entries takes a second or two.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for which the name of an account is cached.
const NAME_LIFETIME: Duration = Duration::from_hours(1);
/// Time for which an error about a name is cached.
const UNAVAILABLE_NAME_LIFETIME: Duration = Duration::from_mins(5);

/// The role that is assumed in other accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRole {
    /// The name with its path, the same in all accounts.
    pub name: String,
    /// The `sts:ExternalId` that its trust policy requires.
    pub external_id: Option<String>,
    /// The session name, which CloudTrail records.
    pub session_name: String,
}

/// Clients for one account and Region.
#[derive(Debug, Clone)]
struct Clients {
    ec2: aws_sdk_ec2::Client,
    iam: aws_sdk_iam::Client,
    until: Option<SystemTime>,
}

/// Credentials and clients of all accounts.
#[derive(Debug)]
pub(super) struct Accounts {
    config: SdkConfig,
    member: Option<MemberRole>,
    own: Mutex<Option<CallerIdentity>>,
    sessions: Mutex<HashMap<String, Credentials>>,
    clients: Mutex<HashMap<AccountRegion, Clients>>,
    names: Mutex<HashMap<String, AccountName>>,
}

/// The identity of the credentials.
#[derive(Debug, Clone)]
pub(super) struct CallerIdentity {
    pub(super) account: String,
    /// `aws`, `aws-cn`, `aws-us-gov`, … A role of another partition cannot be assumed.
    partition: String,
}

/// The cached name of an account.
#[derive(Debug, Clone)]
struct AccountName {
    name: Result<Option<String>, Unavailable>,
    until: SystemTime,
}

impl Accounts {
    /// Sets timeouts that `config` leaves open. Retries are as in `config`, by default three attempts with exponential backoff.
    pub(super) fn new(config: &SdkConfig, member: Option<MemberRole>) -> Self {
        let defaults =
            TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_attempt_timeout(ATTEMPT_TIMEOUT);
        let configured = config.timeout_config().map(TimeoutConfig::to_builder).unwrap_or_default();
        let config = config.to_builder().timeout_config(configured.take_unset_from(defaults).build()).build();
        Self {
            config,
            member,
            own: Mutex::default(),
            sessions: Mutex::default(),
            clients: Mutex::default(),
            names: Mutex::default(),
        }
    }

    /// Sets the Region if the configuration has none.
    pub(super) fn or_region(&mut self, region: &str) {
        if self.config.region().is_none() {
            self.config = self.config.to_builder().region(Region::new(region.to_owned())).build();
        }
    }

    /// The Region of the configuration.
    pub(super) fn region(&self) -> Option<&str> {
        self.config.region().map(AsRef::as_ref)
    }

    /// The identity of the credentials.
    pub(super) async fn own(&self, deadline: Deadline) -> Result<CallerIdentity, Unavailable> {
        const ACTION: &str = "sts:GetCallerIdentity";
        if let Some(own) = locked(&self.own).clone() {
            return Ok(own);
        }
        let sts = aws_sdk_sts::Client::new(&self.config);
        let call = async { sts.get_caller_identity().send().await.map_err(|error| unavailable(ACTION, &error)) };
        let identity = deadline.before(ACTION, call).await?;
        let partition = identity.arn.as_deref().and_then(partition).map(str::to_owned);
        let own = identity.account.zip(partition).map(|(account, partition)| CallerIdentity { account, partition });
        let own = own.ok_or_else(|| Unavailable(format!("{ACTION}: no account and ARN in the response")))?;
        *locked(&self.own) = Some(own.clone());
        Ok(own)
    }

    /// Obtains credentials for an account.
    pub(super) async fn open(&self, account: &str, deadline: Deadline) -> Result<(), Unavailable> {
        const ACTION: &str = "sts:AssumeRole";
        let own = self.own(deadline).await?;
        if own.account == account || locked(&self.sessions).get(account).is_some_and(is_fresh) {
            return Ok(());
        }
        let Some(MemberRole { name, external_id, session_name }) = &self.member else {
            return Err(Unavailable(format!("no role to read account {account}; set MEMBER_ROLE_NAME")));
        };
        let arn = format!("arn:{}:iam::{account}:role/{name}", own.partition);
        let request = aws_sdk_sts::Client::new(&self.config)
            .assume_role()
            .role_arn(&arn)
            .role_session_name(session_name)
            .set_external_id(external_id.clone());
        let action = format!("{ACTION} on {arn}");
        let call = async { request.send().await.map_err(|error| unavailable(&action, &error)) };
        let session = deadline.before(&action, call).await?;
        let session =
            session.credentials.ok_or_else(|| Unavailable(format!("{action}: no credentials in the response")))?;
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

    /// A session in an account that is open.
    pub(super) fn session(&self, scope: &AccountRegion, deadline: Deadline, policies: Arc<PolicyDocuments>) -> Session {
        let Clients { ec2, iam, .. } = self.clients(scope);
        Session { ec2, iam, account: scope.account.clone(), deadline, policies }
    }

    fn clients(&self, scope: &AccountRegion) -> Clients {
        let is_fresh = |clients: &&Clients| clients.until.is_none_or(|until| SystemTime::now() < until);
        if let Some(clients) = locked(&self.clients).get(scope).filter(is_fresh) {
            return clients.clone();
        }
        let mut config = self.config.to_builder().region(Region::new(scope.region.clone()));
        let mut until = None;
        if let Some(session) = locked(&self.sessions).get(&scope.account) {
            until = session.expiry().map(renewal);
            config.set_credentials_provider(Some(SharedCredentialsProvider::new(session.clone())));
        }
        let config = config.build();
        let clients = Clients { ec2: aws_sdk_ec2::Client::new(&config), iam: aws_sdk_iam::Client::new(&config), until };
        locked(&self.clients).insert(scope.clone(), clients.clone());
        clients
    }

    /// The name of an account in Organizations. `None` if there is no such account or no organization.
    pub(super) async fn name(&self, account: &str, deadline: Deadline) -> Result<Option<String>, Unavailable> {
        const ACTION: &str = "organizations:DescribeAccount";
        let now = SystemTime::now();
        if let Some(cached) = locked(&self.names).get(account).filter(|name| now < name.until) {
            return cached.name.clone();
        }
        let request = aws_sdk_organizations::Client::new(&self.config).describe_account().account_id(account);
        let call = async {
            match request.send().await {
                Ok(output) => Ok(output.account.and_then(|account| account.name)),
                Err(error) => {
                    let has_no_name = error.as_service_error().is_some_and(|error| {
                        error.is_account_not_found_exception() || error.is_aws_organizations_not_in_use_exception()
                    });
                    if has_no_name { Ok(None) } else { Err(unavailable(ACTION, &error)) }
                }
            }
        };
        let name = deadline.before(ACTION, call).await;
        if name.as_ref().is_err_and(Unavailable::is_past_deadline) {
            return name;
        }
        let lifetime = if name.is_ok() { NAME_LIFETIME } else { UNAVAILABLE_NAME_LIFETIME };
        locked(&self.names).insert(account.to_owned(), AccountName { name: name.clone(), until: now + lifetime });
        name
    }
}

fn is_fresh(session: &Credentials) -> bool {
    session.expiry().is_none_or(|end| SystemTime::now() < renewal(end))
}

fn renewal(end: SystemTime) -> SystemTime {
    end.checked_sub(RENEW_BEFORE).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// The partition of an ARN.
fn partition(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split(':').next().filter(|partition| !partition.is_empty())
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
