//! Findings to an SNS topic: one message each, the OCSF document as the body, attributes for filter policies.

use aws_sdk_sns::Client;
use aws_sdk_sns::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_sns::operation::publish::PublishError as Refusal;
use aws_sdk_sns::types::MessageAttributeValue;
use jiff::Timestamp;

use crate::finding::{Finding, ocsf};
use crate::text::visible_at_most;

/// Longest part of an error message, in characters, that is passed on.
const MOST_OF_AN_ERROR: usize = 300;

/// Error codes of SNS after which the same request may succeed.
/// <https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html> and the errors of Publish.
const TRANSIENT: [&str; 9] = [
    "InternalError",
    "InternalFailure",
    "KMSThrottling",
    "RequestExpired",
    "RequestThrottled",
    "ServiceUnavailable",
    "Throttled",
    "Throttling",
    "ThrottlingException",
];

/// Some findings could not be published; all others were.
#[derive(Debug, thiserror::Error)]
#[error("{failed} of {of} findings could not be published; the first: {first}")]
pub struct PublishError {
    /// How many could not be published.
    pub failed: usize,
    /// How many there were.
    pub of: usize,
    /// Why the first failed.
    pub first: String,
    /// Whether a retry may publish at least one of them.
    pub retryable: bool,
}

/// A topic to publish to.
#[derive(Debug, Clone)]
pub struct SnsTopic {
    client: Client,
    arn: String,
}

impl SnsTopic {
    /// The topic `arn`, reached through `client`.
    pub fn new(client: Client, arn: String) -> Self {
        Self { client, arn }
    }

    /// Publishes every finding; one that fails does not keep the others back.
    ///
    /// # Errors
    /// [`PublishError`], when SNS did not accept all of them.
    pub async fn publish(&self, findings: &[Finding], now: Timestamp) -> Result<(), PublishError> {
        let mut error: Option<PublishError> = None;
        for finding in findings {
            let Err(failure) = self.publish_one(finding, now).await else {
                continue;
            };
            let retryable = is_transient(&failure);
            let error = error.get_or_insert_with(|| PublishError {
                failed: 0,
                of: findings.len(),
                first: describe(&failure),
                retryable: false,
            });
            error.failed += 1;
            error.retryable |= retryable;
        }
        error.map_or(Ok(()), Err)
    }

    async fn publish_one(&self, finding: &Finding, now: Timestamp) -> Result<(), SdkError<Refusal>> {
        let mut request = self.client.publish().topic_arn(&self.arn).message(ocsf::line(finding, now));
        for (name, kind, value) in attributes(finding) {
            let value = MessageAttributeValue::builder().data_type(kind).string_value(value).build();
            if let Ok(value) = value {
                request = request.message_attributes(name, value);
            }
        }
        let published = request.send().await?;
        tracing::info!(
            rule = %finding.rule.name,
            finding_uid = %finding.uid(),
            message_uid = %finding.message_uid(),
            sns_message_id = published.message_id().unwrap_or_default(),
            "published"
        );
        Ok(())
    }
}

/// Ten attributes: SQS discards raw deliveries that have more.
fn attributes(finding: &Finding) -> [(&'static str, &'static str, String); 10] {
    let (rule, origin) = (&finding.rule, &finding.origin);
    let resource_type = finding.primary_resource().map_or("unknown", |resource| resource.kind.as_str());
    [
        ("schema", "String", format!("ocsf-2003-{}", ocsf::OCSF_VERSION)),
        ("rule", "String", rule.name.clone()),
        ("severity", "String", rule.severity.caption().to_owned()),
        ("severity_id", "Number", rule.severity.id().to_string()),
        ("status", "String", finding.status_word().to_owned()),
        ("account", "String", attribute(&origin.account)),
        ("region", "String", attribute(&origin.region)),
        ("event_name", "String", attribute(&finding.call.operation)),
        ("resource_type", "String", attribute(resource_type)),
        ("finding_uid", "String", finding.uid()),
    ]
}

/// Text from the record as an attribute: not empty, which SNS refuses, and without characters that are no XML.
fn attribute(text: &str) -> String {
    let shown = visible_at_most(text, MOST_OF_AN_ERROR);
    if shown.is_empty() { "unknown".to_owned() } else { shown.into_owned() }
}

fn is_transient(error: &SdkError<Refusal>) -> bool {
    match error {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => true,
        SdkError::ServiceError(refusal) => {
            refusal.raw().status().is_server_error()
                || refusal.err().code().is_some_and(|code| TRANSIENT.contains(&code))
        }
        _ => false,
    }
}

fn describe(error: &SdkError<Refusal>) -> String {
    let said = match error {
        SdkError::ServiceError(refusal) => {
            let (code, message) = (refusal.err().code(), refusal.err().message());
            format!("{}: {}", code.unwrap_or("no error code"), message.unwrap_or("no message"))
        }
        SdkError::TimeoutError(_) => "SNS did not answer in time".to_owned(),
        SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
            Some(error) => format!("SNS could not be reached: {error}"),
            None => "SNS could not be reached".to_owned(),
        },
        other => other.to_string(),
    };
    visible_at_most(&said, MOST_OF_AN_ERROR).into_owned()
}
