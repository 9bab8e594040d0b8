//! One replay: payload after payload, and what became of each.

use std::fmt::Display;
use std::io::{self, BufWriter};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::json;
use tokio::runtime::Handle;
use trailwarden::objects::Objects;
use trailwarden::pipeline::{Evaluated, Evaluator, Input, Tally};
use trailwarden::queue::{HIDDEN_MINUTES, Message, Queue};
use trailwarden::sinks::console::{self, Console};
use trailwarden::sinks::{Sinks, Terms};
use trailwarden::text::visible;

use super::tell;
use crate::output::ended;

/// How long live state may take of a payload. Messages are received ten at a time, so it takes at most ten of the
/// [`HIDDEN_MINUTES`] after which others would see them.
const MAX_LIVE_STATE: Duration = Duration::from_secs(60);

/// Maximum time for the objects that a payload names, within the same [`HIDDEN_MINUTES`].
const MAX_OBJECTS: Duration = Duration::from_secs(60);

/// How long publishing may take of a payload, within the same [`HIDDEN_MINUTES`].
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(60);

/// Where findings go.
pub(super) enum Target {
    /// To the configured destinations. Then payloads are deleted from the queue.
    Published(Sinks),
    /// To standard output alone.
    Printed(Sinks, Arc<Console>),
}

impl Target {
    pub(super) fn printed(format: console::Format) -> Self {
        let console = Arc::new(Console::new(format, Box::new(BufWriter::new(anstream::stdout()))));
        Self::Printed(Sinks::new(vec![Box::new(Arc::clone(&console))]), console)
    }
}

/// How many payloads came to what.
#[derive(Default)]
struct Counts {
    deleted: usize,
    published: usize,
    printed: usize,
    kept: usize,
    failed: usize,
}

impl Counts {
    fn all(&self) -> usize {
        self.deleted + self.published + self.printed + self.kept + self.failed
    }

    /// `3 payloads: 2 published and deleted, 1 kept`
    fn sentence(&self) -> String {
        let Self { deleted, published, printed, kept, failed } = *self;
        let counted = [
            (deleted, "published and deleted"),
            (published, "published"),
            (printed, "printed"),
            (kept, "kept"),
            (failed, "failed"),
        ];
        let all = self.all();
        let parts = counted.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
        let parts = parts.collect::<Vec<_>>().join(", ");
        let colon = if parts.is_empty() { "" } else { ": " };
        format!("{all} payload{}{colon}{parts}", if all == 1 { "" } else { "s" })
    }
}

pub(super) struct Run {
    evaluator: Evaluator,
    objects: Objects,
    /// Makes the requests for objects, on another thread.
    requests: Handle,
    target: Target,
    tally: Tally,
    counts: Counts,
    /// Whether something beside the payloads went wrong.
    problem: bool,
    /// Why standard output can no longer be written to.
    closed: Option<io::Error>,
}

impl Run {
    pub(super) fn new(evaluator: Evaluator, objects: Objects, requests: Handle, target: Target) -> Self {
        let (tally, counts) = (Tally::default(), Counts::default());
        Self { evaluator, objects, requests, target, tally, counts, problem: false, closed: None }
    }

    /// Says what went wrong beside the payloads. `what` is safe to show.
    pub(super) fn problem(&mut self, what: impl Display) {
        self.problem = true;
        tell(format_args!("error: {what}"));
    }

    /// Does a file.
    pub(super) async fn file(&mut self, name: &str, input: Input<'_>) {
        if self.closed.is_some() {
            return;
        }
        let faults = self.payload(name, input).await;
        match &self.target {
            _ if !faults.is_empty() => {
                self.counts.failed += 1;
                tell(format_args!("failed: {}: {}", visible(name), faults.join("; ")));
            }
            Target::Published(_) => self.counts.published += 1,
            Target::Printed(..) => self.counts.printed += 1,
        }
    }

    /// Does all messages of a queue. Those that are not done are in its hand afterwards.
    pub(super) async fn queue(&mut self, queue: &mut Queue) {
        while self.closed.is_none() {
            let messages = match queue.receive().await {
                Ok(messages) if messages.is_empty() => return,
                Ok(messages) => messages,
                Err(error) => return self.problem(format_args!("the queue cannot be read: {error}")),
            };
            for message in messages {
                self.message(&message, queue).await;
                if self.closed.is_some() {
                    return;
                }
            }
        }
    }

    async fn message(&mut self, Message { id, body }: &Message, queue: &mut Queue) {
        let name = format!("message {id}");
        // Read as one that `aws sqs receive-message` printed. A message of another kind is rejected and stays in the queue.
        let printed = json!({"Messages": [{"Body": body}]}).to_string();
        let mut faults = self.payload(&name, Input::Payload(&printed)).await;
        let publishes = matches!(self.target, Target::Published(_));
        if publishes
            && faults.is_empty()
            && let Err(error) = queue.delete(id).await
        {
            faults.push(format!("published, but it could not be deleted: {error}"));
        }
        if faults.is_empty() {
            *(if publishes { &mut self.counts.deleted } else { &mut self.counts.printed }) += 1;
        } else {
            self.counts.kept += 1;
            tell(format_args!("kept: {}: {}", visible(&name), faults.join("; ")));
        }
    }

    /// Evaluates one payload, and publishes or prints its findings. What was not done of it, safe to show.
    async fn payload(&mut self, name: &str, input: Input<'_>) -> Vec<String> {
        let fetcher = self.objects.until(Instant::now() + MAX_OBJECTS, self.requests.clone());
        let input = Input::WithObjects(Box::new(input), &fetcher);
        let Evaluated { tally, findings, rejections, .. } = self.evaluator.gather(name, input, MAX_LIVE_STATE).await;
        self.tally.add(&tally);
        for rejection in &rejections {
            tell(format_args!("rejected: {rejection}"));
        }
        let mut faults = Vec::new();
        if tally.rejected > 0 && tally.rejected == tally.received {
            faults.push("nothing of it could be evaluated".to_owned());
        } else if tally.rejected > 0 {
            faults.push(format!("{} of {} records rejected", tally.rejected, tally.received));
        }
        if !tally.balances() {
            faults.push("the counts do not balance, please report this".to_owned());
        }
        let terms = Terms { now: Timestamp::now(), deadline: Instant::now() + PUBLISH_TIMEOUT };
        match &self.target {
            Target::Published(sinks) => {
                faults.extend(sinks.deliver(findings, terms).await.1.err().map(|error| error.to_string()));
            }
            Target::Printed(sinks, console) => {
                // The error of standard output ends the run, and is reported once.
                let _ = sinks.deliver(findings, terms).await;
                self.closed = console.take_error();
            }
        }
        faults
    }

    /// Says what became of everything. `queue`: whether a queue was read; `refused`: whether a rule was.
    pub(super) fn end(mut self, queue: bool, refused: bool) -> ExitCode {
        // A reader that has seen enough, such as `head`, is no error; it gets no summary of what it did not want.
        if let Some(error) = self.closed.take() {
            return ended(Err(error), 2);
        }
        tell(self.tally);
        if self.tally.lookups_failed > 0 {
            let Tally { lookups, lookups_failed, .. } = self.tally;
            tell(format_args!(
                "live state left {lookups_failed} of {lookups} questions unanswered; the findings say why"
            ));
        }
        let counts = &self.counts;
        let more = match self.target {
            _ if queue && counts.all() == 0 && !self.problem => {
                format!("; what another replay has received is hidden for up to {HIDDEN_MINUTES} minutes")
            }
            Target::Printed(..) if queue => "; nothing was deleted from the queue".to_owned(),
            _ => String::new(),
        };
        tell(format_args!("{}{more}", counts.sentence()));
        let done = self.counts.kept + self.counts.failed == 0 && !self.problem && !refused;
        ExitCode::from(if done { 0 } else { 2 })
    }
}
