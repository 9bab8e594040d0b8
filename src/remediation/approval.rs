//! Requests for approval and their answers.
//!
//! A state machine asks: it passes a task token, and [`Engine::ask`] stores it with the hash of a one-time code and tells
//! people the code. A person answers: [`Engine::take_answer`] checks the code, stores who answered what, and returns the
//! token, with which the state machine goes on. It then has [`Engine::act_on_answer`] act on the stored answer.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use super::announcement::Announcement;
use super::engine::{Answer, Disposition, Engine, RequestError, Retry};
use super::random;
use super::record::{ActionRecord, ActionStatus};
use super::traits::{Announcer, Approvals, Cloud, Store};

/// A request for approval in the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Request {
    /// The state machine's task token.
    token: String,
    /// The hash of the code.
    code: String,
    /// Until when an answer is accepted.
    until: Timestamp,
    /// The answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<Given>,
}

/// An answer in the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Given {
    person: String,
    is_yes: bool,
    at: Timestamp,
    /// Whether the state machine has got the token back.
    #[serde(default)]
    is_delivered: bool,
}

/// An answer as a person sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedAnswer {
    /// The action's id.
    pub id: String,
    /// The code from the request.
    pub code: String,
    /// Who answers, and what.
    pub answer: Answer,
}

/// Why an answer is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// Nobody asked.
    #[error("there is no request for approval of this action")]
    Unknown,
    /// The code is another.
    #[error("the code is wrong; take it from the latest message about the action")]
    WrongCode,
    /// The time for answers is over.
    #[error("the request expired at {0}, which counts as no")]
    Expired(Timestamp),
    /// There is an answer.
    #[error("{0} answered at {1}; an answer counts once")]
    Answered(String, Timestamp),
    /// The caller of the call that would be undone cannot answer.
    #[error("the caller of the call cannot answer; ask somebody else")]
    Caller,
    /// It may be accepted later.
    #[error(transparent)]
    Later(#[from] Retry),
}

fn key(id: &str) -> String {
    format!("approval/{id}")
}

impl<C: Cloud, S: Store, T: Announcer, A: Approvals> Engine<C, S, T, A> {
    /// Stores a task token and tells people how to answer. Asking again replaces the token and the code.
    ///
    /// # Errors
    /// [`RequestError`], if the action does not wait for approval, or later.
    pub async fn ask(&self, id: &str, token: &str, now: Timestamp) -> Result<(), RequestError> {
        let record = self.waiting(id, now).await?;
        let stored = self.request(id).await?;
        let version = match stored {
            Some((_, Request { answer: Some(_), .. })) => return Ok(()),
            Some((version, _)) => version,
            None => 0,
        };
        let code = random::name().map_err(Retry)?;
        let request = Request { token: token.to_owned(), code: random::hash(&code), until: record.until, answer: None };
        self.put(id, version, &request).await?;
        self.announcer.announce(&Announcement::request(&record, &code)).await.map_err(Retry)?;
        Ok(())
    }

    /// Accepts an answer, and returns the task token of the state machine that waits for it.
    ///
    /// # Errors
    /// [`AnswerError`], if the answer does not count.
    pub async fn take_answer(&self, given: &SignedAnswer, now: Timestamp) -> Result<String, AnswerError> {
        let SignedAnswer { id, code, answer } = given;
        let (version, request) = self.request(id).await?.ok_or(AnswerError::Unknown)?;
        let hash = random::hash(code);
        // Only hashes are compared, and in constant time.
        if !bool::from(hash.as_bytes().ct_eq(request.code.as_bytes())) {
            return Err(AnswerError::WrongCode);
        }
        if let Some(Given { person, is_yes, at, is_delivered }) = &request.answer {
            // The same answer again tells the state machine, if that was interrupted.
            let is_same = *person == answer.person && *is_yes == answer.is_yes;
            return if is_same && !is_delivered {
                Ok(request.token)
            } else {
                Err(AnswerError::Answered(person.clone(), *at))
            };
        }
        if request.until <= now {
            return Err(AnswerError::Expired(request.until));
        }
        match self.waiting(id, now).await {
            Ok(record) if record.is_of_caller(&answer.person) => return Err(AnswerError::Caller),
            Ok(_) => {}
            Err(RequestError::Later(retry)) => return Err(retry.into()),
            Err(RequestError::Unknown(_) | RequestError::No(_)) => return Err(AnswerError::Unknown),
        }
        let given = Given { person: answer.person.clone(), is_yes: answer.is_yes, at: now, is_delivered: false };
        let request = Request { answer: Some(given), ..request };
        self.put(id, version, &request).await?;
        Ok(request.token)
    }

    /// Notes that the state machine has got the answer.
    ///
    /// # Errors
    /// [`Retry`], if the store fails.
    pub async fn confirm_delivery(&self, id: &str) -> Result<(), Retry> {
        let Some((version, mut request)) = self.request(id).await? else { return Ok(()) };
        if let Some(given) = &mut request.answer {
            given.is_delivered = true;
        }
        self.put(id, version, &request).await
    }

    /// Acts on the stored answer.
    ///
    /// # Errors
    /// [`RequestError`], if there is no answer, it does not count, or later.
    pub async fn act_on_answer(&self, id: &str, now: Timestamp) -> Result<Disposition, RequestError> {
        let (_, request) = self.request(id).await?.ok_or_else(|| RequestError::Unknown(id.to_owned()))?;
        let given = request.answer.ok_or_else(|| RequestError::No("nobody answered".to_owned()))?;
        self.answer(id, &Answer { person: given.person, is_yes: given.is_yes }, now).await
    }

    /// The record of an action that waits for approval.
    async fn waiting(&self, id: &str, now: Timestamp) -> Result<ActionRecord, RequestError> {
        let (_, record) = self.load(id).await?.ok_or_else(|| RequestError::Unknown(id.to_owned()))?;
        if record.status != ActionStatus::AwaitingApproval || record.until <= now {
            let state = format!("the action is {} until {}", record.status.as_str(), record.until);
            return Err(RequestError::No(state));
        }
        Ok(record)
    }

    async fn request(&self, id: &str) -> Result<Option<(u64, Request)>, Retry> {
        let Some(item) = self.store.get(&key(id)).await.map_err(Retry)? else { return Ok(None) };
        let request = serde_json::from_value(item.value);
        let request = request.map_err(|error| Retry(format!("the request for approval is malformed: {error}")))?;
        Ok(Some((item.version, request)))
    }

    async fn put(&self, id: &str, version: u64, request: &Request) -> Result<(), Retry> {
        let value = serde_json::to_value(request).map_err(|error| Retry(error.to_string()))?;
        // An interrupted delivery is completed after the end of the request.
        let expires = request.until.checked_add(KEPT).unwrap_or(request.until);
        match self.store.put(&key(id), &value, version, expires).await.map_err(Retry)? {
            true => Ok(()),
            false => Err(Retry("another instance writes the request for approval".to_owned())),
        }
    }
}

/// How long a request is kept after its end.
const KEPT: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);
