//! AWS, the store, people and approvals by the AWS SDK.
//!
//! Each service whose API actions call has a file with a table of its operations.

pub mod answer;
pub mod approvals;
mod cloudtrail;
mod config;
mod convert;
mod ec2;
mod events;
mod failure;
mod guardduty;
mod iam;
mod kms;
mod lambda;
mod organizations;
mod ssm;
pub mod store;
pub mod topics;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::traits::{Cloud, CloudError, FailureKind};
use crate::actions::ApiCall;
use crate::aws::{AssumedRole, SdkConfig, with_region, with_role, with_timeouts};

/// Name of the sessions in other accounts that read.
const READING_SESSION: &str = "trailwarden-remediator";

/// The role in other accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemediationRole {
    /// Its name with its path, the same in all accounts.
    pub name: String,
    /// The `sts:ExternalId` that its trust policy requires.
    pub external_id: Option<String>,
    /// The partition of its ARN, such as `aws`.
    pub partition: String,
}

/// AWS by the SDK.
#[derive(Debug)]
pub struct AwsCloud {
    config: SdkConfig,
    /// The account of the credentials.
    account: String,
    role: Option<RemediationRole>,
    /// Configurations for reading other accounts, which cache credentials.
    readers: Mutex<HashMap<String, SdkConfig>>,
}

impl AwsCloud {
    /// Calls `account` with the credentials of `config`, and other accounts with a role in them.
    pub fn new(config: &SdkConfig, account: String, role: Option<RemediationRole>) -> Self {
        Self { config: with_timeouts(config), account, role, readers: Mutex::default() }
    }

    async fn reader(&self, call: &ApiCall) -> Result<SdkConfig, CloudError> {
        if call.account == self.account {
            return Ok(self.config.clone());
        }
        let readers = || self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reader) = readers().get(&call.account) {
            return Ok(reader.clone());
        }
        let reader = self.assuming(call, READING_SESSION).await?;
        readers().insert(call.account.clone(), reader.clone());
        Ok(reader)
    }

    async fn assuming(&self, call: &ApiCall, session: &str) -> Result<SdkConfig, CloudError> {
        let account = &call.account;
        let Some(RemediationRole { name, external_id, partition }) = &self.role else {
            let message = format!(
                "{}: the credentials are of account {}, and no role in account {account} is configured",
                call.iam_action(),
                self.account
            );
            return Err(CloudError { failure: FailureKind::Denied, message });
        };
        let role = AssumedRole {
            arn: format!("arn:{partition}:iam::{account}:role/{name}"),
            session_name: session.to_owned(),
            external_id: external_id.clone(),
        };
        Ok(with_role(&self.config, role).await)
    }
}

/// The account and the ARN of the credentials of a configuration.
///
/// # Errors
/// If STS does not return them.
pub async fn caller(config: &SdkConfig) -> Result<(String, String), String> {
    const ACTION: &str = "sts:GetCallerIdentity";
    let identity = aws_sdk_sts::Client::new(&with_timeouts(config)).get_caller_identity().send().await;
    let identity = identity.map_err(|error| failure::sentence(ACTION, &error))?;
    identity.account.zip(identity.arn).ok_or_else(|| format!("{ACTION}: no account and ARN in the response"))
}

impl Cloud for AwsCloud {
    async fn read(&self, call: &ApiCall) -> Result<Value, CloudError> {
        dispatch(&self.reader(call).await?, call).await
    }

    async fn act(&self, id: &str, call: &ApiCall) -> Result<Value, CloudError> {
        let config = if call.account == self.account { self.config.clone() } else { self.assuming(call, id).await? };
        dispatch(&config, call).await
    }
}

/// The services by the name that IAM gives them, each with a file of operations.
macro_rules! services {
    ($($name:literal => $module:ident),+ $(,)?) => {
        async fn dispatch(config: &SdkConfig, call: &ApiCall) -> Result<Value, CloudError> {
            let config = with_region(config, &call.region);
            match call.service.as_str() {
                $($name => $module::call(&config, call).await,)+
                _ => Err(failure::unsupported(call)),
            }
        }

        /// Whether a call of this operation can be made.
        pub fn is_supported(service: &str, operation: &str) -> bool {
            match service {
                $($name => $module::OPERATIONS.contains(&operation),)+
                _ => false,
            }
        }
    };
}

services! {
    "cloudtrail" => cloudtrail,
    "config" => config,
    "ec2" => ec2,
    "events" => events,
    "guardduty" => guardduty,
    "iam" => iam,
    "kms" => kms,
    "lambda" => lambda,
    "organizations" => organizations,
    "ssm" => ssm,
}
