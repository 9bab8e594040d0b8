//! What every AWS client starts from, and how what AWS answers is shown.

use std::error::Error;

pub use aws_config::{Region, SdkConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use crate::text::visible_at_most;

/// Longest part of an error message, in characters, that is passed on.
const MOST_OF_AN_ERROR: usize = 300;

/// Credentials, region and endpoint as the SDK finds them: in the environment, in the profile of the user, in the
/// metadata of where it runs. All clients share the connections of its HTTP client.
pub async fn sdk_config() -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    aws_config::defaults(aws_config::BehaviorVersion::latest()).http_client(http).load().await
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
