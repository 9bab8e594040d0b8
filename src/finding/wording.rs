//! The parts of a finding as text for people, safe to show on a terminal.

use std::borrow::Cow;

use jiff::Timestamp;

use super::{Finding, RuleInfo};
use crate::text::{MOST_IN_A_SENTENCE, visible, visible_at_most};

/// Maximum characters of a user agent.
const MAX_USER_AGENT: usize = 100;

impl Finding {
    /// `NetOps/dana (arn:aws:sts::111122223333:assumed-role/NetOps/dana)`
    pub fn who(&self) -> String {
        let actor = &self.actor;
        let also_known_as = actor.arn.as_ref().or(actor.kind.as_ref()).filter(|text| **text != actor.name);
        visible(&match also_known_as {
            Some(text) => format!("{} ({text})", actor.name),
            None => actor.name.clone(),
        })
        .into_owned()
    }

    /// `198.51.100.23 with "aws-cli/2.24.0"`. The user agent is quoted, because its sender chooses it freely.
    pub fn from(&self) -> String {
        let address = self.call.source_address.as_deref().map(|text| visible_at_most(text, MOST_IN_A_SENTENCE));
        let agent = self.call.user_agent.as_deref().map(|text| {
            let text = visible_at_most(text, MAX_USER_AGENT);
            format!("\"{}\"", text.replace('"', "'")).into()
        });
        address.into_iter().chain(agent).collect::<Vec<Cow<'_, str>>>().join(" with ")
    }

    /// `CreateRole of iam.amazonaws.com`
    pub fn what(&self) -> String {
        visible(&format!("{} of {}", self.call.operation, self.call.service)).into_owned()
    }

    /// `AWS::IAM::Role ci-deploy, account 111122223333, us-east-1`
    pub fn place(&self) -> String {
        let resources: Vec<String> = self.resources.iter().map(|one| format!("{} {}", one.kind, one.id)).collect();
        let region = &self.origin.region;
        visible(&format!("{}, account {}, {region}", resources.join(", "), self.account())).into_owned()
    }

    /// `production (111122223333)`, or the id alone when the name is not known.
    pub fn account(&self) -> String {
        let id = &self.origin.account;
        visible(&self.origin.account_name.as_ref().map_or_else(|| id.clone(), |name| format!("{name} ({id})")))
            .into_owned()
    }

    /// The result of live state as a sentence with its time. Empty if live state was not used.
    pub fn live_state(&self) -> String {
        self.live.as_ref().map_or_else(String::new, |live| match live.checked_at {
            Some(at) => format!("{} Checked at {}.", live.summary, whole_second(at)),
            None => live.summary.clone(),
        })
    }

    /// The paths from the internet that live state found, each as one line.
    pub fn access_paths(&self) -> Vec<String> {
        self.live.iter().flat_map(|live| &live.paths).map(ToString::to_string).collect()
    }

    /// `2026-03-04T10:00:22Z`
    pub fn when(&self) -> String {
        visible(self.origin.time_text.as_deref().unwrap_or("unknown")).into_owned()
    }

    /// The clauses that matched, without those that only repeat the call.
    pub fn why(&self) -> Vec<&str> {
        let says_more = |field: &str| !matches!(field, "eventSource" | "eventName");
        let clauses = self.evidence.iter().filter(|one| says_more(&one.field));
        let mut clauses: Vec<&str> = clauses.map(|one| one.text.as_str()).collect();
        if clauses.is_empty() {
            clauses = self.evidence.iter().map(|one| one.text.as_str()).collect();
        }
        clauses
    }

    /// `event 5a92c9b9-…, problem cef0722c-…`
    pub fn ids(&self) -> String {
        visible(&format!("event {}, problem {}", self.origin.event_id, self.uid())).into_owned()
    }
}

impl RuleInfo {
    /// The controls, each framework named once.
    pub fn controls_text(&self) -> String {
        let mut frameworks: Vec<(&str, Vec<&str>)> = Vec::new();
        for control in &self.controls {
            match frameworks.iter_mut().find(|(name, _)| *name == control.framework) {
                Some((_, controls)) => controls.push(&control.control),
                None => frameworks.push((&control.framework, vec![&control.control])),
            }
        }
        let texts = frameworks.into_iter().map(|(name, controls)| format!("{name} {}", controls.join(", ")));
        visible(&texts.collect::<Vec<_>>().join("; ")).into_owned()
    }
}

/// A time without its fraction of a second, which jiff would write.
fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
