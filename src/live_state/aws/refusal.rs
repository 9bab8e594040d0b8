//! Why AWS did not answer, in words.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use aws_sdk_ec2::config::http::HttpResponse;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use tokio::time::Instant;

use crate::live_state::question::Unanswered;
use crate::text::shortened;

/// Longest part of AWS's message, in characters, that is kept: some of them carry kilobytes of encoded detail.
const MOST_OF_A_MESSAGE: usize = 160;

/// The moment after which nothing is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline(pub(super) Option<Instant>);

/// How long what was answered in time may still be thought about.
const GRACE: Duration = Duration::from_secs(2);

impl Deadline {
    /// Whether there is no time left even for thinking.
    pub(super) fn is_long_over(self) -> bool {
        self.0.is_some_and(|end| Instant::now() > end + GRACE)
    }

    /// The value of a call, unless time is over before. `action` is what IAM calls it, such as `ec2:DescribeVpcs`.
    pub(super) async fn before<T>(
        self,
        action: &str,
        call: impl Future<Output = Result<T, Unanswered>>,
    ) -> Result<T, Unanswered> {
        let Some(end) = self.0 else { return call.await };
        // A call that would be given up is not begun: it would only use up what is allowed.
        if Instant::now() + Duration::from_millis(1) >= end {
            return Err(Unanswered::for_want_of_time(action));
        }
        tokio::time::timeout_at(end, call).await.unwrap_or_else(|_| Err(Unanswered::for_want_of_time(action)))
    }
}

/// A refused call: the action as a policy names it, AWS's code, and the beginning and end of its message.
pub(super) fn refused<E>(action: &str, error: &SdkError<E, HttpResponse>) -> Unanswered
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let said = match error {
        SdkError::ServiceError(refusal) => {
            let code = refusal
                .err()
                .code()
                .map_or_else(|| format!("HTTP status {}", refusal.raw().status().as_u16()), str::to_owned);
            match refusal.err().message() {
                Some(message) => format!("{code}: {}", shortened(message, MOST_OF_A_MESSAGE)),
                None => code,
            }
        }
        SdkError::TimeoutError(_) => "no answer in time".to_owned(),
        SdkError::ResponseError(answer) => {
            format!("HTTP status {} with an answer that is not understood", answer.raw().status().as_u16())
        }
        other => shortened(&causes(other), MOST_OF_A_MESSAGE).into_owned(),
    };
    Unanswered(format!("{action}: {said}"))
}

/// An error with what caused it.
fn causes(error: &dyn Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        said = format!("{said}: {error}");
        cause = error.source();
    }
    said
}
