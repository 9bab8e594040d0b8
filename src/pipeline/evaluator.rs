//! Evaluates whole payloads by a pipeline, with or without live state from AWS. The function and `replay` share it, so that both
//! have the same findings.

use std::sync::Arc;
use std::time::Duration;
#[cfg(feature = "lambda")]
use std::time::Instant;

#[cfg(feature = "lambda")]
use tokio::runtime::Handle;
#[cfg(feature = "lambda")]
use tokio::sync::mpsc::unbounded_channel;

#[cfg(feature = "live")]
use super::aws::AwsLive;
use super::{Evaluated, Input, Pipeline};
#[cfg(feature = "lambda")]
use super::{Outcome, Tally};
#[cfg(feature = "lambda")]
use crate::objects::Objects;
#[cfg(feature = "lambda")]
use crate::sources::FetchItem;

/// A pipeline, with live state or without.
#[derive(Debug)]
pub struct Evaluator {
    pipeline: Arc<Pipeline>,
    #[cfg(feature = "live")]
    live: Option<Arc<AwsLive>>,
    #[cfg(feature = "lambda")]
    objects: Option<Objects>,
}

/// The time for an evaluation.
#[cfg(feature = "lambda")]
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Maximum time for live state.
    pub live_state: Duration,
    /// When the objects that a payload names must have been read.
    pub objects: Instant,
}

/// Progress of an evaluation.
#[cfg(feature = "lambda")]
#[derive(Debug)]
pub enum Progress {
    /// A finding or a rejection.
    Outcome(Outcome),
    /// All findings that do not need live state have been passed on.
    Settling,
}

/// Maximum number of outcomes that are passed on together. Names of accounts are looked up for all of them at once.
#[cfg(feature = "lambda")]
const MAX_AT_ONCE: usize = 100;

impl Evaluator {
    /// Evaluates records without live state.
    pub fn new(pipeline: Pipeline) -> Self {
        Self {
            pipeline: Arc::new(pipeline),
            #[cfg(feature = "live")]
            live: None,
            #[cfg(feature = "lambda")]
            objects: None,
        }
    }

    /// The same, fetching the objects that payloads name.
    #[cfg(feature = "lambda")]
    #[must_use]
    pub fn with_objects(self, objects: Objects) -> Self {
        Self { objects: Some(objects), ..self }
    }

    /// The same with live state.
    #[cfg(feature = "live")]
    #[must_use]
    pub fn with_live_state(self, live: AwsLive) -> Self {
        Self { live: Some(Arc::new(live)), ..self }
    }

    /// Evaluates records by another pipeline, with the same objects and live state.
    #[cfg(feature = "lambda")]
    #[must_use]
    pub fn beside(&self, pipeline: Pipeline) -> Self {
        Self {
            pipeline: Arc::new(pipeline),
            #[cfg(feature = "live")]
            live: self.live.clone(),
            objects: self.objects.clone(),
        }
    }

    /// Its pipeline.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// Evaluates one payload, called `source`. Live state may take `budget`. Queries without a response by then are unknown.
    #[cfg_attr(not(feature = "live"), expect(unused_variables, reason = "nothing is waited for without live state"))]
    pub async fn gather(&self, source: &str, input: Input<'_>, budget: Duration) -> Evaluated {
        #[cfg(feature = "live")]
        if let Some(live) = &self.live {
            // Boxed, because the compiler gives up on the type of all that is inside.
            let gathered: std::pin::Pin<Box<dyn Future<Output = Evaluated>>> =
                Box::pin(live.gather(&self.pipeline, source, input, budget));
            return gathered.await;
        }
        self.pipeline.gather(source, input)
    }

    /// The same on a thread of its own. Passes on findings and rejections as they arise, so that they can be published
    /// meanwhile. `items` fetches configuration items that are too large for the payload.
    ///
    /// # Errors
    /// When the evaluation panics outside a record, or no thread can be had.
    #[cfg(feature = "lambda")]
    pub async fn run(
        &self,
        source: &'static str,
        payload: String,
        limits: Limits,
        items: Option<Box<dyn FetchItem + Send>>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Tally, tokio::task::JoinError> {
        #[cfg(feature = "live")]
        let session = self.live.as_ref().map(|live| live.session(limits.live_state));
        #[cfg(feature = "live")]
        let settles = session.is_some();
        #[cfg(not(feature = "live"))]
        let settles = false;

        let (sender, mut arriving) = unbounded_channel();
        let pipeline = Arc::clone(&self.pipeline);
        let fetcher = self.objects.as_ref().map(|objects| objects.until(limits.objects, Handle::current()));
        let evaluation = tokio::task::spawn_blocking(move || {
            let payload = Input::Payload(&payload);
            let input = match &fetcher {
                Some(fetcher) => Input::WithObjects(Box::new(payload), fetcher),
                None => payload,
            };
            let input = match items.as_deref() {
                Some(items) => Input::WithItems(Box::new(input), items),
                None => input,
            };
            // The receiver is there until this thread has ended.
            let mut outcomes = |outcome| drop(sender.send(outcome));
            if settles {
                pipeline.run_ahead_of_live_state(source, input, &mut outcomes)
            } else {
                (pipeline.run(source, input, &mut outcomes), Vec::new())
            }
        });
        let mut outcomes = Vec::new();
        while arriving.recv_many(&mut outcomes, MAX_AT_ONCE).await > 0 {
            #[cfg(feature = "live")]
            if let Some(session) = &session {
                session.name_accounts(outcomes.iter_mut().filter_map(Outcome::finding_mut)).await;
            }
            outcomes.drain(..).for_each(|outcome| progress(Progress::Outcome(outcome)));
        }
        #[cfg_attr(
            not(feature = "live"),
            expect(unused_mut, unused_variables, reason = "only live state has cases and adds to the counts")
        )]
        let (mut tally, cases) = evaluation.await?;
        progress(Progress::Settling);
        #[cfg(feature = "live")]
        if let Some(session) = &session {
            // Boxed, because the compiler gives up on the type of all that is inside.
            let mut collect = |outcome| outcomes.push(outcome);
            let settled: std::pin::Pin<Box<dyn Future<Output = ()>>> =
                Box::pin(session.settle(&self.pipeline, cases, &mut tally, &mut collect));
            settled.await;
            session.name_accounts(outcomes.iter_mut().filter_map(Outcome::finding_mut)).await;
            outcomes.drain(..).for_each(|outcome| progress(Progress::Outcome(outcome)));
        }
        Ok(tally)
    }
}
