//! What whole payloads are evaluated with: a pipeline, with live state from AWS or without. The function and `replay`
//! share it, so that both come to the same findings.

use std::time::Duration;

#[cfg(feature = "live")]
use super::aws::AwsLive;
use super::{Evaluated, Input, Pipeline};

/// A pipeline, with live state or without.
#[derive(Debug)]
pub struct Evaluator {
    pipeline: Pipeline,
    #[cfg(feature = "live")]
    live: Option<AwsLive>,
}

impl Evaluator {
    /// Evaluates what records say alone.
    pub fn new(pipeline: Pipeline) -> Self {
        Self {
            pipeline,
            #[cfg(feature = "live")]
            live: None,
        }
    }

    /// The same, settled with what `live` reads.
    #[cfg(feature = "live")]
    #[must_use]
    pub fn with_live_state(self, live: AwsLive) -> Self {
        Self { live: Some(live), ..self }
    }

    /// Its pipeline.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// Evaluates one payload, called `source`. Live state may take `budget`; what it does not answer by then is unknown.
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
}
