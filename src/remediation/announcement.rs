//! Messages to people about an action.

use super::record::{ActionRecord, ActionStatus};
use crate::text::{MAX_IN_SENTENCE, visible, visible_at_most};

/// The occasion of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// The calls that Trailwarden would make.
    Plan,
    /// A request for approval.
    ApprovalRequest,
    /// The calls were made.
    Done,
    /// Nothing had to be done.
    NothingToDo,
    /// Trailwarden does not act.
    Refused,
    /// Trailwarden could not act.
    Failed,
    /// An action was undone.
    Undone,
}

impl Occasion {
    /// The word at the start of subjects.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "PLAN",
            Self::ApprovalRequest => "APPROVAL NEEDED",
            Self::Done => "DONE",
            Self::NothingToDo => "NOTHING TO DO",
            Self::Refused => "NOT DONE",
            Self::Failed => "FAILED",
            Self::Undone => "UNDONE",
        }
    }
}

/// A message for people. Its texts are safe to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// The occasion.
    pub word: Occasion,
    /// The action's id.
    pub id: String,
    /// The finding's id, which joins all messages about one problem.
    pub finding_uid: String,
    /// One line.
    pub subject: String,
    /// The text, several lines.
    pub body: String,
}

/// Maximum length of a subject, in characters.
const MAX_SUBJECT: usize = 100;

impl Announcement {
    /// The message about a record; `None` while there is nothing to tell. A request for approval is [`Self::request`].
    pub fn of(record: &ActionRecord) -> Option<Self> {
        let (word, next) = match record.status {
            ActionStatus::Planned => {
                (Occasion::Plan, "Run the calls yourself, or set the mode `approve` or `auto` for the rule.")
            }
            ActionStatus::Done => (Occasion::Done, ""),
            ActionStatus::NothingToDo => (Occasion::NothingToDo, ""),
            ActionStatus::Refused => (Occasion::Refused, "Look at the finding and decide yourself."),
            ActionStatus::Failed => (Occasion::Failed, "Look at the resource now: the finding is still open."),
            ActionStatus::Undone => (Occasion::Undone, "The finding is open again."),
            ActionStatus::AwaitingApproval | ActionStatus::Started | ActionStatus::Undoing => return None,
        };
        Some(Self::new(record, word, &[next]))
    }

    /// The request for approval of a record, with the code that an answer must contain.
    pub fn request(record: &ActionRecord, code: &str) -> Self {
        let id = &record.id;
        let next = [
            "To approve, with the URL of the remediator in TRAILWARDEN_REMEDIATOR_URL:",
            &format!("  trailwarden actions approve {id} --code {code}"),
            "To refuse:",
            &format!("  trailwarden actions deny {id} --code {code}"),
            "The code can be used once. No answer means no.",
        ];
        Self::new(record, Occasion::ApprovalRequest, &next)
    }

    fn new(record: &ActionRecord, word: Occasion, next: &[&str]) -> Self {
        let shown = |text: &str| visible_at_most(text, MAX_IN_SENTENCE).into_owned();
        let subject = format!("[{}] {} on {}", word.as_str(), record.action, record.resource);
        let mut lines = vec![
            format!("{}: {}", word.as_str(), record.detail),
            String::new(),
            format!("Action    {} ({})", record.action, record.id),
            format!("Finding   {} ({})", record.rule, record.finding_uid),
            format!("Resource  {}", shown(&record.resource)),
            format!("Account   {}, {}", record.account, record.region),
            format!("Caller    {}", shown(&record.caller)),
        ];
        if let Some(person) = &record.person {
            lines.push(format!("By        {}", shown(person)));
        }
        if word == Occasion::ApprovalRequest {
            lines.push(format!("Until     {}", record.until));
        }
        let commands = |title: &str, calls: &[crate::actions::ApiCall], lines: &mut Vec<String>| {
            if !calls.is_empty() {
                lines.push(String::new());
                lines.push(title.to_owned());
                lines.extend(calls.iter().map(|call| format!("  {}", call.command())));
            }
        };
        match word {
            Occasion::Plan | Occasion::ApprovalRequest => {
                commands("Calls:", &record.calls, &mut lines);
                commands("To undo them:", &record.inverse, &mut lines);
            }
            Occasion::Done => {
                commands("Calls that were made:", &record.calls, &mut lines);
                if record.inverse.is_empty() {
                    lines.extend([String::new(), "The action has no inverse.".to_owned()]);
                } else {
                    commands("To undo it:", &record.inverse, &mut lines);
                }
            }
            Occasion::Failed | Occasion::Refused => {
                commands("Calls that were not completed:", &record.calls, &mut lines)
            }
            Occasion::NothingToDo | Occasion::Undone => {}
        }
        if next.iter().any(|line| !line.is_empty()) {
            lines.push(String::new());
            lines.extend(next.iter().map(|line| (*line).to_owned()));
        }
        let lines: Vec<String> = lines.iter().map(|line| visible(line).into_owned()).collect();
        Self {
            word,
            id: record.id.clone(),
            finding_uid: visible(&record.finding_uid).into_owned(),
            subject: visible_at_most(&subject, MAX_SUBJECT).into_owned(),
            body: format!("{}\n", lines.join("\n")),
        }
    }
}
