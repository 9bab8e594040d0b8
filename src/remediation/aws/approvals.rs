//! Approvals by a state machine of Step Functions.

use aws_sdk_sfn::Client;
use jiff::Timestamp;
use serde_json::json;

use super::failure::sentence;
use crate::aws::{SdkConfig, with_timeouts};
use crate::remediation::record::ActionRecord;
use crate::remediation::traits::Approvals;

/// How long the state machine waits after the end of a request, so that the request has ended when it reports that.
const MARGIN_SECONDS: i64 = 5;

/// A state machine that asks people.
#[derive(Debug, Clone)]
pub struct StateMachine {
    client: Client,
    arn: String,
}

/// Why the state machine did not get an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// It no longer waits.
    #[error("the request for approval has ended")]
    Ended,
    /// It may get the answer later.
    #[error("{0}")]
    Later(String),
}

impl StateMachine {
    /// The state machine with this ARN, in the configuration's Region.
    pub fn new(config: &SdkConfig, arn: String) -> Self {
        Self { client: Client::new(&with_timeouts(config)), arn }
    }

    /// Lets the execution that waits with a task token go on.
    ///
    /// # Errors
    /// [`DeliveryError`], if it no longer waits, or later.
    pub async fn go_on(&self, token: &str) -> Result<(), DeliveryError> {
        match self.client.send_task_success().task_token(token).output("{}").send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(|error| {
                    error.is_task_timed_out() || error.is_task_does_not_exist() || error.is_invalid_token()
                }) =>
            {
                Err(DeliveryError::Ended)
            }
            Err(error) => Err(DeliveryError::Later(sentence("states:SendTaskSuccess", &error))),
        }
    }
}

impl Approvals for StateMachine {
    async fn request(&self, record: &ActionRecord) -> Result<(), String> {
        let left = record.until.duration_since(Timestamp::now()).as_secs().max(0);
        let input = json!({"id": record.id, "seconds": left.saturating_add(MARGIN_SECONDS)});
        let request = self.client.start_execution().state_machine_arn(&self.arn).name(&record.id);
        match request.input(input.to_string()).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_execution_already_exists()) => Ok(()),
            Err(error) => Err(sentence("states:StartExecution", &error)),
        }
    }
}
