//! What every AWS client starts from, and how what AWS answers is shown.

mod http;

use std::env;
use std::error::Error;

use aws_config::BehaviorVersion;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
pub use aws_config::{Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

pub use self::http::http_client;
use crate::text::{visible, visible_at_most};

/// Longest part of an error message, in characters, that is passed on.
const MOST_OF_AN_ERROR: usize = 300;

/// Credentials, region and endpoint as the SDK finds them: in the environment, in the profile of the user, in the
/// metadata of where it runs. All clients share the connections of its HTTP client.
pub async fn sdk_config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest()).http_client(http_client()).load().await
}

/// The same from the environment alone, where Lambda puts all of it: the keys of the role, the region,
/// `AWS_ENDPOINT_URL` with or without a service's name, `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT`. No
/// other variable of the SDK counts (retries are its default), and no file: to look for what is not there costs a start its
/// time and the binary more than a megabyte.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
pub fn lambda_config() -> SdkConfig {
    let credentials = SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new());
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(credentials)
        .http_client(http_client())
        .service_config(Environment);
    config.set_region(variable("AWS_REGION").map(Region::new));
    config.set_use_fips(flag("AWS_USE_FIPS_ENDPOINT"));
    config.set_use_dual_stack(flag("AWS_USE_DUALSTACK_ENDPOINT"));
    config.build()
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn flag(name: &str) -> Option<bool> {
    let value = variable(name)?;
    let flag = value.to_ascii_lowercase().parse().ok();
    if flag.is_none() {
        tracing::warn!(name, value = %visible(&value), "is neither true nor false, and counts for nothing");
    }
    flag
}

/// What the environment says to one service, or else to all.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>
#[derive(Debug)]
struct Environment;

impl LoadServiceConfig for Environment {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_ascii_uppercase().replace(' ', "_");
        variable(&format!("{}_{service}", key.env())).or_else(|| variable(key.env()))
    }
}

/// What AWS said, safe to show: the code and message of an error, if it has a code.
pub fn said(code: &str, message: Option<&str>) -> String {
    visible_at_most(&format!("{code}: {}", message.unwrap_or("no message")), MOST_OF_AN_ERROR).into_owned()
}

/// Why there was no answer, safe to show: the error with all its causes, of which the last tells most.
pub fn unanswered(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source()).map(ToString::to_string);
    visible_at_most(&causes.collect::<Vec<_>>().join(": "), MOST_OF_AN_ERROR).into_owned()
}
