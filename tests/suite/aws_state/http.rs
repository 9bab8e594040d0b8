//! The HTTP client of the AWS clients: which connections it uses, and what becomes of a request that is not answered.

use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::{TimeoutConfig, TimeoutConfigBuilder};
use aws_sdk_sts::Client;
use aws_sdk_sts::error::{ConnectorError, SdkError};
use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityError;

use super::stub::{Reply, Stub, query_error};
use super::{config, identity, run};

/// For what never answers.
const SOON: Duration = Duration::from_millis(50);

/// A stub that is told the number of each request, from 0.
fn numbered(answer: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Stub {
    let number = AtomicUsize::new(0);
    Stub::new(move |_| answer(number.fetch_add(1, Ordering::SeqCst)))
}

/// A request by a client of its own.
async fn ask(config: &SdkConfig) -> Result<(), SdkError<GetCallerIdentityError>> {
    Client::new(config).get_caller_identity().send().await.map(|_| ())
}

/// What the HTTP client says to a request that is tried once, with its causes.
fn failure(config: &SdkConfig, url: &str, timeouts: TimeoutConfigBuilder) -> (ConnectorError, String) {
    let config = config.to_builder().endpoint_url(url).timeout_config(timeouts.build());
    let error = run(ask(&config.retry_config(RetryConfig::disabled()).build())).unwrap_err();
    let said = trailwarden::aws::error_chain(&error);
    match error.into_source() {
        Ok(source) => (*source.downcast().unwrap(), said),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn clients_share_a_connection_and_keep_it() {
    let stub = numbered(|_| identity("aws"));
    run(async {
        let config = config(&stub).await;
        for _ in 0..3 {
            ask(&config).await.unwrap();
        }
    });
    assert_eq!((stub.calls().len(), stub.connections()), (3, 1));
}

#[test]
fn requests_at_the_same_time_do_not_wait_for_each_other() {
    // Each is answered when both have come.
    let both = std::sync::Barrier::new(2);
    let stub = numbered(move |_| {
        both.wait();
        identity("aws")
    });
    run(async {
        let config = config(&stub).await;
        let (one, other) = tokio::join!(ask(&config), ask(&config));
        one.and(other).unwrap();
    });
    assert_eq!((stub.calls().len(), stub.connections()), (2, 2));
}

#[test]
fn a_kept_connection_that_was_closed_is_replaced() {
    // While Lambda freezes a function, the other side closes what it kept.
    let Reply::Now(status, body) = identity("aws") else { panic!() };
    let stub = numbered(move |_| Reply::Last(status, body.clone()));
    run(async {
        let config = config(&stub).await;
        ask(&config).await.unwrap();
        ask(&config).await.unwrap();
    });
    assert_eq!((stub.calls().len(), stub.connections()), (2, 2));
}

#[test]
fn a_request_whose_connection_is_closed_is_tried_again() {
    let stub = numbered(|number| if number < 2 { Reply::Close } else { identity("aws") });
    run(async { ask(&config(&stub).await).await.unwrap() });
    assert_eq!((stub.calls().len(), stub.connections()), (3, 3));
}

#[test]
fn a_connection_on_which_the_service_failed_is_not_used_again() {
    let stub = numbered(|number| if number == 0 { query_error(500, "InternalFailure", "no") } else { identity("aws") });
    run(async { ask(&config(&stub).await).await.unwrap() });
    assert_eq!((stub.calls().len(), stub.connections()), (2, 2));
}

#[test]
fn who_does_not_answer_in_time_has_timed_out() {
    let stub = numbered(|_| Reply::Never);
    let config = run(config(&stub));
    let (error, said) = failure(&config, &stub.url, TimeoutConfig::builder().read_timeout(SOON));
    assert!(error.is_timeout(), "{said}");
    assert!(said.contains("HTTP read timeout occurred after 50ms"), "{said}");
}

#[test]
fn who_does_not_take_up_tls_in_time_has_timed_out() {
    // Connections are made, and nobody reads what is sent on them.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let config = run(config(&numbered(|_| Reply::Never)));
    let (error, said) = failure(&config, &url, TimeoutConfig::builder().connect_timeout(SOON));
    assert!(error.is_timeout(), "{said}");
    assert!(said.contains("HTTP connect timeout occurred after 50ms"), "{said}");
}

#[test]
fn a_connection_that_is_refused_or_is_no_tls_is_an_io_error() {
    let stub = numbered(|_| Reply::Close);
    let config = run(config(&stub));
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (url, why) in [(format!("http://{nobody}"), "refused"), (stub.url.replace("http:", "https:"), "")] {
        let (error, said) = failure(&config, &url, TimeoutConfig::builder());
        assert!(error.is_io() && said.contains(why), "{said}");
    }
}

#[test]
fn an_answer_that_is_no_http_is_not_asked_for_again() {
    let stub = numbered(|_| Reply::Now(1_000, String::new()));
    let error = run(async { ask(&config(&stub).await).await.unwrap_err() });
    let said = trailwarden::aws::error_chain(&error);
    assert!(said.contains("invalid HTTP"), "{said}");
    assert_eq!(stub.calls().len(), 1);
}
