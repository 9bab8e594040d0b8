//! Calls to the AWS APIs of one account and Region, with a deadline.

use std::collections::HashMap;
use std::error::Error;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_ec2::config::http::HttpResponse;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::types::Filter;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::response::{Response, Unavailable};
use crate::aws::error_chain;
use crate::text::shortened;

/// Maximum length in characters of an AWS error message. Some messages contain kilobytes of encoded detail.
const MAX_MESSAGE_CHARS: usize = 160;

/// Maximum number of entries on a page of most Describe calls.
pub(super) const PAGE: i32 = 1_000;
/// Maximum number of entries on a page of DescribeRouteTables and of the calls about prefix lists.
pub(super) const SMALL_PAGE: i32 = 100;

/// The result of reading resources.
pub(super) type Fetched<'a> = BoxFuture<'a, Result<Response, Unavailable>>;
/// The result of listing ids.
pub(super) type ListedIds<'a> = BoxFuture<'a, Result<Vec<String>, Unavailable>>;
/// Policy documents by account and ARN, so that a policy of several roles is read once.
pub(super) type PolicyDocuments = Mutex<HashMap<(String, String), String>>;

/// The resources to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ReadSelection {
    /// All resources of a Region, or of an account for IAM.
    All,
    /// The resources that a filter selects: its name and values.
    Filter(&'static str, Vec<String>),
    /// The resource with this id.
    Id(String),
}

impl ReadSelection {
    /// The selection as filters of a Describe call.
    pub(super) fn filters(self) -> Option<Vec<Filter>> {
        let Self::Filter(name, values) = self else { return None };
        Some(vec![Filter::builder().name(name).set_values(Some(values)).build()])
    }
}

/// Clients for one account and Region.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) ec2: aws_sdk_ec2::Client,
    pub(super) iam: aws_sdk_iam::Client,
    pub(super) account: String,
    pub(super) deadline: Deadline,
    pub(super) policies: Arc<PolicyDocuments>,
}

/// Lists the resources `$resource` that an EC2 Describe call returns, on all pages.
macro_rules! describe {
    ($session:ident, $selection:ident, $call:ident, $page:expr, $resource:ty) => {
        Box::pin(async move {
            let action = <$resource as Resource>::KIND.action();
            let pages = $session.ec2.$call().set_filters($selection.filters()).max_results($page).into_paginator();
            let entries = async { pages.items().send().collect::<Result<Vec<_>, _>>().await };
            let entries = $session.call(action, entries).await?;
            Ok(Response::new::<$resource>(entries.into_iter().map(Into::into).collect()))
        })
    };
}
pub(super) use describe;

impl Session {
    /// The value of an SDK call, unless the deadline passes first. `action` is the name in IAM, such as `ec2:DescribeVpcs`.
    pub(super) async fn call<T, E>(
        &self,
        action: &str,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, Unavailable>
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        self.deadline.before(action, async { call.await.map_err(|error| unavailable(action, &error)) }).await
    }
}

/// The time at which reading ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline(pub(super) Option<Instant>);

/// Time after the deadline during which responses that arrived in time may be evaluated.
const GRACE: Duration = Duration::from_secs(2);

impl Deadline {
    /// Whether the time for evaluation is over too.
    pub(super) fn is_long_over(self) -> bool {
        self.0.is_some_and(|end| Instant::now() > end + GRACE)
    }

    /// The value of a call, unless the deadline passes first. `action` is the name in IAM, such as `ec2:DescribeVpcs`.
    pub(super) async fn before<T>(
        self,
        action: &str,
        call: impl Future<Output = Result<T, Unavailable>>,
    ) -> Result<T, Unavailable> {
        let Some(end) = self.0 else { return call.await };
        // A call that would be cancelled at once only counts against the account's request rate.
        if Instant::now() + Duration::from_millis(1) >= end {
            return Err(Unavailable::past_deadline(action));
        }
        tokio::time::timeout_at(end, call).await.unwrap_or_else(|_| Err(Unavailable::past_deadline(action)))
    }
}

/// The error of a call: the action as IAM names it, AWS's error code, and the beginning and end of its message.
pub(super) fn unavailable<E>(action: &str, error: &SdkError<E, HttpResponse>) -> Unavailable
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let reason = match error {
        SdkError::ServiceError(response) => {
            let code = response
                .err()
                .code()
                .map_or_else(|| format!("HTTP status {}", response.raw().status().as_u16()), str::to_owned);
            match response.err().message() {
                Some(message) => format!("{code}: {}", shortened(message, MAX_MESSAGE_CHARS)),
                None => code,
            }
        }
        SdkError::TimeoutError(_) => "no response in time".to_owned(),
        SdkError::ResponseError(response) => {
            format!("HTTP status {} with an invalid response", response.raw().status().as_u16())
        }
        other => shortened(&error_chain(other), MAX_MESSAGE_CHARS).into_owned(),
    };
    Unavailable(format!("{action}: {reason}"))
}
