//! The Lambda function that acts: it undoes what findings report, within the limits of a policy file.
//!
//! Its payloads are batches of the queue behind the findings topic, the steps of the state machine for approvals, and answers
//! of people, which arrive at the URL of the function. A message that is to be handled again is reported to the queue. An
//! invocation by the state machine fails with the error type `RetryLater` if the same step may succeed later, and with
//! `RequestRefused` if it cannot.

// The futures of the engine contain those of every client.
#![recursion_limit = "256"]

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use aws_lambda_events::event::sqs::SqsBatchResponse;
use jiff::Timestamp;
use lambda_runtime::{Context, Diagnostic, LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use trailwarden::app::log;
use trailwarden::app::remediator::{self, AwsEngine};
use trailwarden::aws::lambda_config;
use trailwarden::pipeline;
use trailwarden::remediation::approval::{AnswerError, SignedAnswer};
use trailwarden::remediation::aws::approvals::DeliveryError;
use trailwarden::remediation::engine::{Answer, Disposition, RequestError, Retry};
use trailwarden::remediation::message::{batch, response};
use trailwarden::remediation::metrics::Counts;
use trailwarden::text::visible;

/// Minimum time for handling a message. A message for which less is left stays in the queue.
const MIN_TIME: Duration = Duration::from_secs(15);

/// Maximum length of an answer in bytes.
const MAX_ANSWER: usize = 4096;

/// Why an invocation fails. The error types are a contract: the state machine and alarms filter by them.
#[derive(Debug, thiserror::Error)]
enum InvocationError {
    #[error("{0}")]
    Later(String),
    #[error("{0}")]
    Refused(String),
    #[error(
        "the payload is neither a batch of the queue nor a step of an approval nor a request to the function's URL"
    )]
    Payload,
}

impl From<InvocationError> for Diagnostic {
    fn from(error: InvocationError) -> Self {
        let error_type = match error {
            InvocationError::Later(_) => "RetryLater",
            InvocationError::Refused(_) => "RequestRefused",
            InvocationError::Payload => "PayloadRejected",
        };
        Self { error_type: error_type.to_owned(), error_message: error.to_string() }
    }
}

impl From<RequestError> for InvocationError {
    fn from(error: RequestError) -> Self {
        let text = visible(&error.to_string()).into_owned();
        match error {
            RequestError::Later(_) => Self::Later(text),
            RequestError::Unknown(_) | RequestError::No(_) => Self::Refused(text),
        }
    }
}

/// A step of the state machine.
#[derive(Deserialize)]
struct ApprovalPayload {
    approval: ApprovalStep,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum ApprovalStep {
    /// Tell people, and keep the token.
    Ask { id: String, token: String },
    /// Somebody answered.
    Answered { id: String },
    /// Nobody answered.
    Timeout { id: String },
}

/// A request to the URL of the function, as far as it is used.
/// <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html>
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UrlRequest {
    request_context: RequestContext,
    #[serde(default)]
    body: String,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
struct RequestContext {
    http: Http,
    #[serde(default)]
    authorizer: Authorizer,
}

#[derive(Deserialize)]
struct Http {
    method: String,
}

#[derive(Deserialize, Default)]
struct Authorizer {
    #[serde(default)]
    iam: Option<Iam>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Iam {
    user_arn: String,
}

/// The body of an answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerBody {
    id: String,
    code: String,
    answer: YesOrNo,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum YesOrNo {
    Yes,
    No,
}

/// The response of an invocation.
#[derive(Serialize)]
#[serde(untagged)]
enum Response {
    Batch(SqsBatchResponse),
    Json(Value),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let (configuration, level, errors) = remediator::read(|name| std::env::var(name).ok(), Timestamp::now());
    log::write_json_lines("remediator", level.into());
    pipeline::hide_panic_messages();
    if !errors.is_empty() {
        for error in errors {
            tracing::error!(fault = %visible(&error), "cannot start");
        }
        return ExitCode::FAILURE;
    }
    for warning in &configuration.warnings {
        tracing::warn!(fault = %visible(warning), "the policy");
    }
    let engine = configuration.engine(&lambda_config());
    let topic = configuration.findings_topic.as_str();
    let handler = service_fn(|event: LambdaEvent<Box<RawValue>>| handle(&engine, topic, event));
    match lambda_runtime::run(handler).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = %visible(&error.to_string()), "the Runtime API failed");
            ExitCode::FAILURE
        }
    }
}

async fn handle(
    engine: &AwsEngine,
    topic: &str,
    event: LambdaEvent<Box<RawValue>>,
) -> Result<Response, InvocationError> {
    let LambdaEvent { payload, context } = event;
    let mut counts = Counts::default();
    let result = respond(engine, topic, payload.get(), &context, &mut counts).await;
    // Nothing can be done about a closed standard output.
    let _ = writeln!(std::io::stdout(), "{}", counts.line(&context.request_id, Timestamp::now()));
    if let Err(error) = &result {
        tracing::error!(request_id = context.request_id, %error, "failed");
    }
    result
}

async fn respond(
    engine: &AwsEngine,
    topic: &str,
    payload: &str,
    context: &Context,
    counts: &mut Counts,
) -> Result<Response, InvocationError> {
    if let Ok(ApprovalPayload { approval }) = serde_json::from_str(payload) {
        return Ok(Response::Json(step(engine, approval, counts).await?));
    }
    if let Ok(request) = serde_json::from_str::<UrlRequest>(payload) {
        return Ok(Response::Json(answer(engine, request).await));
    }
    let received = batch(payload, topic).ok_or(InvocationError::Payload)?;
    let mut failed = Vec::new();
    for message in received {
        let message_id = visible(&message.id).into_owned();
        let notice = match message.notice {
            Ok(notice) => notice,
            Err(reason) => {
                // Another delivery would be refused too.
                tracing::warn!(message_id, %reason, "rejected");
                counts.reject();
                continue;
            }
        };
        let result = if time_left(context) < MIN_TIME {
            Err(Retry("the invocation has no time left".to_owned()))
        } else {
            engine.handle(&notice, Timestamp::now()).await
        };
        counts.add(&result);
        let (rule, finding_uid) = (visible(&notice.rule), visible(&notice.finding_uid));
        match result {
            Ok(disposition) => log_result(&disposition, &notice.action_id(), &rule, &finding_uid),
            Err(Retry(reason)) => {
                tracing::warn!(%rule, %finding_uid, reason = %visible(&reason), "to be delivered again");
                failed.push(message.id);
            }
        }
    }
    Ok(Response::Batch(response(failed)))
}

fn time_left(context: &Context) -> Duration {
    context.deadline().duration_since(SystemTime::now()).unwrap_or_default()
}

fn log_result(disposition: &Disposition, id: &str, rule: &str, finding_uid: &str) {
    match disposition {
        Disposition::LeftAlone(reason) => tracing::info!(rule, finding_uid, reason = %visible(reason), "left alone"),
        Disposition::Recorded(status, detail) => {
            let status = status.as_str();
            tracing::info!(action_id = %visible(id), rule, finding_uid, status, detail = %visible(detail), "recorded");
        }
    }
}

/// Takes a step of an approval.
async fn step(engine: &AwsEngine, step: ApprovalStep, counts: &mut Counts) -> Result<Value, InvocationError> {
    let now = Timestamp::now();
    let (id, result) = match step {
        ApprovalStep::Ask { id, token } => {
            engine.ask(&id, &token, now).await?;
            tracing::info!(action_id = %visible(&id), "asked for approval");
            return Ok(json!({"status": "asked"}));
        }
        ApprovalStep::Answered { id } => (id.clone(), engine.act_on_answer(&id, now).await),
        ApprovalStep::Timeout { id } => (id.clone(), engine.expire(&id, now).await),
    };
    let result = match result {
        Ok(disposition) => Ok(disposition),
        Err(RequestError::Later(retry)) => Err(retry),
        // The step was taken before, or another one was faster.
        Err(error @ (RequestError::Unknown(_) | RequestError::No(_))) => {
            let reason = visible(&error.to_string()).into_owned();
            tracing::warn!(action_id = %visible(&id), reason, "the step changes nothing");
            return Ok(json!({"status": "unchanged", "detail": reason}));
        }
    };
    counts.add(&result);
    match result {
        Ok(disposition) => {
            log_result(&disposition, &id, "", "");
            let (Disposition::LeftAlone(detail) | Disposition::Recorded(_, detail)) = &disposition;
            let status = match &disposition {
                Disposition::Recorded(status, _) => status.as_str(),
                Disposition::LeftAlone(_) => "left-alone",
            };
            Ok(json!({"status": status, "detail": visible(detail)}))
        }
        Err(Retry(reason)) => Err(InvocationError::Later(visible(&reason).into_owned())),
    }
}

/// Responds to a request to the URL of the function.
async fn answer(engine: &AwsEngine, request: UrlRequest) -> Value {
    let (status, message) = match accept(engine, request).await {
        Ok(()) => (200, "The answer is recorded. The alerts topic receives what comes of it.".to_owned()),
        Err((status, reason)) => (status, reason),
    };
    tracing::info!(status, message = %visible(&message), "answered a request");
    json!({
        "statusCode": status,
        "headers": {"Content-Type": "application/json"},
        "body": json!({"message": visible(&message)}).to_string(),
    })
}

async fn accept(engine: &AwsEngine, request: UrlRequest) -> Result<(), (u16, String)> {
    let UrlRequest { request_context: RequestContext { http, authorizer }, body, is_base64_encoded } = request;
    let refuse = |status: u16, reason: &str| (status, reason.to_owned());
    // Lambda writes the ARN only if the URL requires IAM authentication.
    let person = authorizer.iam.map(|iam| iam.user_arn).filter(|arn| arn.starts_with("arn:"));
    let person = person.ok_or_else(|| refuse(403, "the request is not signed by an IAM identity"))?;
    if http.method != "POST" {
        return Err(refuse(405, "send the answer with POST"));
    }
    let body = if is_base64_encoded {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.decode(body).unwrap_or_default()
    } else {
        body.into_bytes()
    };
    let parsed = if body.len() > MAX_ANSWER { None } else { serde_json::from_slice::<AnswerBody>(&body).ok() };
    let AnswerBody { id, code, answer } =
        parsed.ok_or_else(|| refuse(400, r#"send {"id": …, "code": …, "answer": "yes" or "no"}"#))?;
    let given = SignedAnswer { id, code, answer: Answer { person, is_yes: answer == YesOrNo::Yes } };
    let failed = |error: AnswerError| {
        let status = match error {
            AnswerError::Unknown => 404,
            AnswerError::WrongCode | AnswerError::Caller => 403,
            AnswerError::Expired(_) => 410,
            AnswerError::Answered(..) => 409,
            AnswerError::Later(_) => 503,
        };
        (status, error.to_string())
    };
    let token = engine.take_answer(&given, Timestamp::now()).await.map_err(failed)?;
    let Some(state_machine) = &engine.approvals else {
        return Err(refuse(503, "no state machine for approvals is configured"));
    };
    match state_machine.go_on(&token).await {
        Ok(()) => {}
        Err(error @ DeliveryError::Ended) => return Err((410, error.to_string())),
        Err(DeliveryError::Later(reason)) => {
            tracing::error!(action_id = %visible(&given.id), reason = %visible(&reason), "the answer was not delivered");
            return Err(refuse(503, "the answer is recorded and not yet delivered; send it again"));
        }
    }
    engine.confirm_delivery(&given.id).await.map_err(|retry| failed(retry.into()))
}
