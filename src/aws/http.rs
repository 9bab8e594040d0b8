//! The HTTP client of all AWS clients: requests of the SDK go in, answers come out, or why there is none.
//!
//! HTTP/1.1 by hyper, TLS by rustls with ring, and the root certificates of the system. It stands in for the SDK's own
//! client, which brings HTTP/2 without a switch: no service that is asked here needs it, and a cold start reads the whole
//! binary. Timeouts, kept connections and kinds of errors are as there, and no proxy is taken from the environment.

use std::borrow::Cow;
use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::retry::ErrorKind;
use hyper::Uri;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{CaptureConnection, HttpConnector as Tcp, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use tower_service::Service;

use crate::text::visible;

/// An HTTP client. AWS clients that are given the same one, and have the same timeouts, share connections.
///
/// The root certificates are read when the first AWS client is made. Where there are none, which is logged, only endpoints
/// without TLS can be reached.
pub fn http_client() -> SharedHttpClient {
    SharedHttpClient::new(Client::default())
}

/// For each pair of timeouts, to connect and to read, the connections that keep to them.
#[derive(Debug, Default)]
struct Client {
    https: OnceLock<HttpsConnector<Tcp>>,
    connectors: Mutex<HashMap<[Option<Duration>; 2], SharedHttpConnector>>,
}

impl Client {
    fn https(&self) -> &HttpsConnector<Tcp> {
        self.https.get_or_init(|| {
            let mut tcp = Tcp::new();
            tcp.enforce_http(false);
            tcp.set_nodelay(true);
            HttpsConnector::from((tcp, tls()))
        })
    }
}

impl HttpClient for Client {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let timeouts @ [connect, read] = [settings.connect_timeout(), settings.read_timeout()];
        let mut connectors = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        let connector = connectors.entry(timeouts).or_insert_with(|| {
            let connect = Connect { https: self.https().clone(), timeout: connect };
            // Without a timer no idle connection would be closed.
            let client = legacy::Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connect);
            SharedHttpConnector::new(Connector { client, timeout: read })
        });
        connector.clone()
    }

    /// Reads the certificates while the function starts, not while it publishes.
    fn validate_base_client_config(&self, _: &RuntimeComponentsBuilder, _: &ConfigBag) -> Result<(), BoxError> {
        self.https();
        Ok(())
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        Some(ConnectorMetadata::new("hyper", Some(Cow::Borrowed("1.x"))))
    }
}

/// TLS 1.2 and 1.3.
#[expect(clippy::expect_used, reason = "ring has cipher suites for both versions, which is all that can be missing")]
fn tls() -> ClientConfig {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (certificates, unusable) = roots.add_parsable_certificates(found.certs);
    if !found.errors.is_empty() || unusable > 0 || certificates == 0 {
        let errors = format!("{:?}", found.errors);
        tracing::warn!(certificates, unusable, errors = %visible(&errors), "the system's root certificates are not all there");
    }
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring does TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// Makes connections, TLS included, within a time.
#[derive(Debug, Clone)]
struct Connect {
    https: HttpsConnector<Tcp>,
    timeout: Option<Duration>,
}

impl Service<Uri> for Connect {
    type Response = <HttpsConnector<Tcp> as Service<Uri>>::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.https.poll_ready(context)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        Box::pin(within("connect", self.timeout, self.https.call(to)))
    }
}

/// Sends requests on the connections it keeps. The timeout is that of the answer's head.
#[derive(Debug)]
struct Connector {
    client: legacy::Client<Connect, SdkBody>,
    timeout: Option<Duration>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        let connection = capture_connection(&mut request);
        if let Some(asked) = request.extensions().get::<CaptureSmithyConnection>() {
            asked.set_connection_retriever(move || to_poison(&connection));
        }
        let answer = within("read", self.timeout, self.client.request(request));
        HttpConnectorFuture::new(async {
            let answer = answer.await.map_err(of_a_kind)?.map(SdkBody::from_body_1_x);
            HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// Lets the SDK close the connection of a request, if it has one, once an error shows that it should not be used again.
fn to_poison(connection: &CaptureConnection) -> Option<ConnectionMetadata> {
    connection.connection_metadata().as_ref()?;
    let connection = connection.clone();
    let poison = move || {
        if let Some(connection) = connection.connection_metadata().as_ref() {
            connection.poison();
        }
    };
    Some(ConnectionMetadata::builder().proxied(false).poison_fn(poison).build())
}

#[derive(Debug, thiserror::Error)]
#[error("HTTP {what} timeout occurred after {after:?}")]
struct TimedOut {
    what: &'static str,
    after: Duration,
}

async fn within<T, E: Into<BoxError>>(
    what: &'static str,
    timeout: Option<Duration>,
    future: impl Future<Output = Result<T, E>>,
) -> Result<T, BoxError> {
    let Some(after) = timeout else { return future.await.map_err(Into::into) };
    tokio::time::timeout(after, future).await.map_err(|_| TimedOut { what, after })?.map_err(Into::into)
}

/// The kinds by which the SDK decides what to try again: timeouts, what went wrong with a connection, and answers that end
/// too early.
fn of_a_kind(error: BoxError) -> ConnectorError {
    if cause::<TimedOut>(&*error).is_some() {
        return ConnectorError::timeout(error);
    }
    let is_io = cause::<io::Error>(&*error).is_some();
    if let Some(of_hyper) = cause::<hyper::Error>(&*error) {
        return match of_hyper {
            one if one.is_timeout() => ConnectorError::timeout(error),
            one if one.is_user() => ConnectorError::user(error),
            one if one.is_closed() || one.is_canceled() || is_io => ConnectorError::io(error),
            one if one.is_incomplete_message() => ConnectorError::other(error, Some(ErrorKind::TransientError)),
            _ => ConnectorError::other(error, None),
        };
    }
    if is_io || cause::<legacy::Error>(&*error).is_some_and(legacy::Error::is_connect) {
        return ConnectorError::io(error);
    }
    ConnectorError::other(error, None)
}

/// The first error of a type among an error and its causes.
fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(<dyn Error>::downcast_ref)
}
