//! HTTPS requests to services outside AWS, by the HTTP client of the SDK.
//!
//! URLs may be secret, and so may responses: neither is part of an error. Redirects are not followed.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

use crate::alert::check_url;
use crate::text::visible_at_most;

/// Maximum bytes of a response that are read.
const MAX_RESPONSE: usize = 64 * 1024;

/// Maximum characters of the cause of an error.
const MAX_CAUSE: usize = 200;

/// An HTTP client, which keeps its connections. Proxies come from `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`.
#[derive(Debug)]
pub struct HttpClient(Connector);

/// A response.
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
    /// The beginning of the body.
    pub body: Vec<u8>,
}

impl fmt::Debug for Response {
    /// Leaves out the body, which may contain secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Why there is no response. Safe to show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The URL or a header is not valid.
    #[error("{0}")]
    Invalid(&'static str),
    /// The time was over.
    #[error("it did not answer in time")]
    Timeout,
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Connection(String),
}

impl Default for HttpClient {
    fn default() -> Self {
        let connector = Connector::builder().proxy_config(ProxyConfig::from_env());
        Self(connector.tls_provider(Provider::Rustls(CryptoMode::Ring)).build())
    }
}

impl HttpClient {
    /// Posts JSON to `url`, and returns the response of any status.
    ///
    /// # Errors
    /// Returns an error if there is no response within `timeout`, or if [`check_url`] refuses the URL.
    pub async fn post_json(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        body: String,
        timeout: Duration,
    ) -> Result<Response, RequestError> {
        check_url(url).map_err(RequestError::Invalid)?;
        let length = body.len();
        let mut request = HttpRequest::new(SdkBody::from(body));
        let invalid = |_| RequestError::Invalid("a header contains characters that are not allowed");
        request.set_method("POST").map_err(|_| RequestError::Invalid("the method is not valid"))?;
        request.set_uri(url).map_err(|_| RequestError::Invalid("the URL is not valid"))?;
        let own = [
            ("content-type", "application/json; charset=utf-8".to_owned()),
            ("content-length", length.to_string()),
            ("user-agent", concat!("trailwarden/", env!("CARGO_PKG_VERSION")).to_owned()),
        ];
        for (name, value) in own.iter().chain(headers) {
            request.headers_mut().try_insert(*name, value.clone()).map_err(invalid)?;
        }
        let call = async {
            let response = self.0.call(request).await.map_err(|error| connection_error(&error))?;
            read(response).await
        };
        tokio::time::timeout(timeout, call).await.unwrap_or(Err(RequestError::Timeout))
    }
}

async fn read(response: HttpResponse) -> Result<Response, RequestError> {
    let status = response.status().as_u16();
    let retry_after = response.headers().get("retry-after").map(str::to_owned);
    let (mut stream, mut body) = (ByteStream::new(response.into_body()), Vec::new());
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| connection_error(&error))?;
        body.extend_from_slice(&chunk);
        if body.len() >= MAX_RESPONSE {
            body.truncate(MAX_RESPONSE);
            break;
        }
    }
    Ok(Response { status, retry_after, body })
}

/// The innermost cause, which names no path.
fn connection_error(error: &(dyn Error + 'static)) -> RequestError {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    let cause = causes.last().map(ToString::to_string).unwrap_or_default();
    RequestError::Connection(visible_at_most(&cause, MAX_CAUSE).into_owned())
}
