//! Secrets of webhooks, from AWS Systems Manager and AWS Secrets Manager.
//!
//! A secret is read when it is first needed, and again after [`KEEP`] or when a service refuses it, so that a new value takes
//! effect without a deployment.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_ssm::Client;
use aws_sdk_ssm::config::retry::RetryConfig;
use aws_sdk_ssm::config::timeout::TimeoutConfig;
use aws_sdk_ssm::error::{ProvideErrorMetadata as _, SdkError};
use tokio::time::Instant;

use crate::alert::SecretName;
use crate::aws::{SdkConfig, error_chain, service_error};

/// How long a value is used before it is read again.
const KEEP: Duration = Duration::from_mins(5);

/// The least time between two reads of a secret that a service refuses.
const MIN_AGE: Duration = Duration::from_secs(10);

/// Timeouts of requests.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);

/// A secret.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(String);

impl Secret {
    /// The value, which must not be logged.
    pub(super) fn value(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// Reads secrets and keeps them in memory.
#[derive(Debug)]
pub(super) struct Secrets {
    client: Client,
    known: Mutex<HashMap<SecretName, (Secret, Instant)>>,
}

impl Secrets {
    pub(super) fn new(config: &SdkConfig) -> Self {
        let timeouts =
            TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_attempt_timeout(ATTEMPT_TIMEOUT);
        let own = aws_sdk_ssm::config::Builder::from(config)
            .timeout_config(timeouts.build())
            .retry_config(RetryConfig::standard().with_max_attempts(2));
        Self { client: Client::from_conf(own.build()), known: Mutex::default() }
    }

    /// Returns a secret. If it cannot be read again, the known value is used on.
    ///
    /// # Errors
    /// Returns the reason if it cannot be read. Safe to show.
    pub(super) async fn get(&self, name: &SecretName) -> Result<Secret, String> {
        let known = self.known(name);
        match &known {
            Some((secret, read)) if read.elapsed() < KEEP => return Ok(secret.clone()),
            _ => {}
        }
        match (self.read(name).await, known) {
            (Ok(secret), _) => Ok(secret),
            (Err(error), Some((secret, _))) => {
                tracing::warn!(parameter = name.parameter(), %error, "a secret cannot be read again; its last value is used");
                Ok(secret)
            }
            (Err(error), None) => Err(error),
        }
    }

    /// Reads a secret that a service has refused. Returns `None` if it has not changed.
    pub(super) async fn changed(&self, name: &SecretName, refused: &Secret) -> Option<Secret> {
        match self.known(name) {
            Some((secret, _)) if secret != *refused => return Some(secret),
            Some((_, read)) if read.elapsed() < MIN_AGE => return None,
            _ => {}
        }
        self.read(name).await.ok().filter(|secret| secret != refused)
    }

    fn known(&self, name: &SecretName) -> Option<(Secret, Instant)> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    async fn read(&self, name: &SecretName) -> Result<Secret, String> {
        let parameter = name.parameter();
        let response = self.client.get_parameter().name(parameter).with_decryption(true).send().await;
        let response = response.map_err(|error| match &error {
            SdkError::ServiceError(refusal) => {
                service_error(refusal.err().code().unwrap_or("no error code"), refusal.err().message())
            }
            SdkError::TimeoutError(_) => "Systems Manager did not answer in time".to_owned(),
            SdkError::DispatchFailure(_) => format!("Systems Manager could not be reached: {}", error_chain(&error)),
            other => error_chain(other),
        });
        let value = response?.parameter.and_then(|parameter| parameter.value).unwrap_or_default();
        let value = value.trim();
        if value.is_empty() {
            return Err("it has no value".to_owned());
        }
        let secret = Secret(value.to_owned());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(name.clone(), (secret.clone(), Instant::now()));
        Ok(secret)
    }
}
