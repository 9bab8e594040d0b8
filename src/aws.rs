//! Configuration that all AWS clients share, and AWS errors made safe to show.

use std::env;
use std::error::Error;
#[cfg(feature = "lambda")]
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
#[cfg(feature = "lambda")]
use aws_config::identity::IdentityCache;
#[cfg(feature = "lambda")]
use aws_config::sts::AssumeRoleProvider;
#[cfg(feature = "lambda")]
use aws_config::timeout::TimeoutConfig;
pub use aws_config::{Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
#[cfg(feature = "lambda")]
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
pub use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, Connector};
use aws_types::sdk_config::SharedHttpClient;
#[cfg(feature = "lambda")]
use aws_types::sdk_config::SharedTimeSource;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use crate::text::{visible, visible_at_most};

/// Maximum time to connect.
#[cfg(feature = "lambda")]
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Maximum time of one attempt of a call.
#[cfg(feature = "lambda")]
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum length of an error message in characters.
const MAX_ERROR_CHARS: usize = 300;

/// Credentials, region and endpoint from the default chain of the SDK: environment, profile, instance metadata. Proxies come
/// from `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`. All clients share one HTTP client.
pub async fn sdk_config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest()).http_client(http_client(ProxyConfig::from_env())).load().await
}

/// Configuration from the environment variables that Lambda sets: the role's keys, the region, `AWS_ENDPOINT_URL` with or
/// without a service name, `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT`. Other variables of the SDK and its files
/// are not read, because looking for them slows the start. Retries keep their defaults and no proxy is used.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
pub fn lambda_config() -> SdkConfig {
    let credentials = SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new());
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(credentials)
        .http_client(http_client(ProxyConfig::disabled()))
        .service_config(ServiceSettings);
    config.set_region(variable("AWS_REGION").map(Region::new));
    config.set_use_fips(flag("AWS_USE_FIPS_ENDPOINT"));
    config.set_use_dual_stack(flag("AWS_USE_DUALSTACK_ENDPOINT"));
    config.build()
}

/// The configuration with timeouts of one attempt where it has none. Retries are as in the configuration, by default three
/// attempts with exponential backoff.
#[cfg(feature = "lambda")]
pub fn with_timeouts(config: &SdkConfig) -> SdkConfig {
    let ours = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_attempt_timeout(ATTEMPT_TIMEOUT);
    let theirs = config.timeout_config().map(TimeoutConfig::to_builder).unwrap_or_default();
    config.to_builder().timeout_config(theirs.take_unset_from(ours).build()).build()
}

/// The configuration for another Region.
#[cfg(feature = "lambda")]
pub fn with_region(config: &SdkConfig, region: &str) -> SdkConfig {
    config.to_builder().region(Region::new(region.to_owned())).build()
}

/// A role and the name of its sessions.
#[cfg(feature = "lambda")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssumedRole {
    /// Its ARN.
    pub arn: String,
    /// The name of sessions, which CloudTrail records.
    pub session_name: String,
    /// The `sts:ExternalId` that its trust policy requires.
    pub external_id: Option<String>,
}

/// The configuration with the credentials of a role, which the credentials of `config` assume at the first call. Clients of
/// this configuration share them until shortly before they expire.
#[cfg(feature = "lambda")]
pub async fn with_role(config: &SdkConfig, role: AssumedRole) -> SdkConfig {
    let mut with_time = config.to_builder();
    with_time.set_time_source(config.time_source().or_else(|| Some(SharedTimeSource::default())));
    let config = with_time.build();
    let provider = AssumeRoleProvider::builder(role.arn).session_name(role.session_name).configure(&config);
    let provider = match role.external_id {
        Some(id) => provider.external_id(id),
        None => provider,
    };
    let credentials = SharedCredentialsProvider::new(provider.build().await);
    let cache = IdentityCache::lazy().build();
    config.to_builder().credentials_provider(credentials).identity_cache(cache).build()
}

/// The error of STS among the causes of an error, if a role could not be assumed. The credentials of [`with_role`] are obtained
/// with the first request of a client.
#[cfg(feature = "lambda")]
pub fn assume_role_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e AssumeRoleError> {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    causes.find_map(<dyn Error>::downcast_ref)
}

/// The SDK's HTTP client with TLS by ring and the system's root certificates. AWS clients with the same HTTP client and the
/// same timeouts share connections.
pub fn http_client(proxy: ProxyConfig) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, _| {
        let mut connector = Connector::builder();
        connector.set_connector_settings(settings.cloned());
        connector.proxy_config(proxy.clone()).tls_provider(Provider::Rustls(CryptoMode::Ring)).build()
    })
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn flag(name: &str) -> Option<bool> {
    let value = variable(name)?;
    let flag = value.to_ascii_lowercase().parse().ok();
    if flag.is_none() {
        tracing::warn!(name, value = %visible(&value), "ignored an environment variable that is neither true nor false");
    }
    flag
}

/// Settings of one service from the environment, or else the settings of all services.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>
#[derive(Debug)]
struct ServiceSettings;

impl LoadServiceConfig for ServiceSettings {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_ascii_uppercase().replace(' ', "_");
        variable(&format!("{}_{service}", key.env())).or_else(|| variable(key.env()))
    }
}

/// The code and message of an error response, safe to show.
pub fn service_error(code: &str, message: Option<&str>) -> String {
    visible_at_most(&format!("{code}: {}", message.unwrap_or("no message")), MAX_ERROR_CHARS).into_owned()
}

/// An error with all its causes, safe to show.
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source()).map(ToString::to_string);
    visible_at_most(&causes.collect::<Vec<_>>().join(": "), MAX_ERROR_CHARS).into_owned()
}
