//! The parts of a finding as text for people, safe to show on a terminal.

use std::borrow::Cow;

use jiff::Timestamp;

use super::{CALL_FIELDS, Control, Finding, LogSource, RuleInfo, UNNAMED};
use crate::text::{MAX_IN_SENTENCE, visible, visible_at_most};

/// Maximum characters of a user agent.
const MAX_USER_AGENT: usize = 60;

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
        let address = self.call.source_address.as_deref().map(|text| visible_at_most(text, MAX_IN_SENTENCE));
        let agent = self.call.user_agent.as_deref().map(|text| {
            let text = visible_at_most(text, MAX_USER_AGENT);
            format!("\"{}\"", text.replace('"', "'")).into()
        });
        address.into_iter().chain(agent).collect::<Vec<Cow<'_, str>>>().join(" with ")
    }

    /// `CreateRole of iam.amazonaws.com`, or that it is a state.
    pub fn what(&self) -> String {
        if self.origin.log == LogSource::Config {
            return "a state that AWS Config recorded".to_owned();
        }
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

    /// The clauses that matched, each once, without those that only repeat the call.
    pub fn why(&self) -> Vec<&str> {
        let says_more = |field: &str| !CALL_FIELDS.contains(&field);
        let mut clauses: Vec<&str> = Vec::new();
        for clause in self.evidence.iter().filter(|one| says_more(&one.field)) {
            if !clauses.contains(&clause.text.as_str()) {
                clauses.push(&clause.text);
            }
        }
        if clauses.is_empty() {
            // The rule is about the call itself. The first sentence of its description gives the reason.
            let description = self.rule.description.as_deref().unwrap_or_default();
            let sentence = description.split_inclusive(". ").next().unwrap_or_default().trim_end_matches([' ', '.']);
            clauses.extend((!sentence.is_empty()).then_some(sentence));
        }
        clauses
    }

    /// Whether the record does not name the resource, so that the call is shown in its place.
    pub fn names_no_resource(&self) -> bool {
        self.primary_resource().is_none_or(|resource| resource.kind == UNNAMED)
    }

    /// `event 5a92c9b9-…, problem cef0722c-…`
    pub fn ids(&self) -> String {
        visible(&format!("event {}, problem {}", self.origin.event_id, self.uid())).into_owned()
    }
}

impl RuleInfo {
    /// The controls that the resource breaks, each framework named once.
    pub fn broken_controls(&self) -> String {
        controls_text(self.controls.iter().filter(|control| !control.related))
    }

    /// The controls that demand such monitoring, each framework named once.
    pub fn related_controls(&self) -> String {
        controls_text(self.controls.iter().filter(|control| control.related))
    }

    /// All controls, the related ones behind the others.
    pub fn controls_text(&self) -> String {
        let related = self.related_controls();
        let related = if related.is_empty() { related } else { format!("related: {related}") };
        let texts = [self.broken_controls(), related].into_iter().filter(|text| !text.is_empty());
        texts.collect::<Vec<_>>().join("; ")
    }
}

fn controls_text<'c>(controls: impl Iterator<Item = &'c Control>) -> String {
    let mut frameworks: Vec<(&str, Vec<&str>)> = Vec::new();
    for control in controls {
        match frameworks.iter_mut().find(|(name, _)| *name == control.framework) {
            Some((_, controls)) => controls.push(&control.control),
            None => frameworks.push((&control.framework, vec![&control.control])),
        }
    }
    let texts = frameworks.into_iter().map(|(name, controls)| format!("{name} {}", controls.join(", ")));
    visible(&texts.collect::<Vec<_>>().join("; ")).into_owned()
}

/// A time without its fraction of a second, which jiff would write.
fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
