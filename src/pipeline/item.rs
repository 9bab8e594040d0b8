//! Evaluates configuration items of AWS Config: each as the records of the calls that lead to its state.

use std::collections::HashSet;
use std::io::Read;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::{Cause, EvaluatedRecord, Evaluation, FAILED_INSIDE, Pipeline, Refused, Run, guarded};
use crate::configuration_item::ConfigurationItem;
use crate::event::Event;
use crate::finding::{Finding, Status, Suppression};
use crate::live_state::resources::vpc::{Tag, Vpc};
use crate::sources::{FetchError, OversizedItem};
use crate::text::{MAX_IN_SENTENCE, visible_at_most};

/// Where a configuration item is that was too large for its message.
pub(super) enum FetchedItem {
    /// Its JSON.
    Text(String),
    /// The object that contains the message with it.
    Object(Box<dyn Read>),
    /// It could not be fetched.
    Refused(Refused),
}

impl Run<'_, '_> {
    /// Evaluates a configuration item. Returns `None`, and counts it, if it is a duplicate.
    pub(super) fn evaluate_item(&mut self, text: &str, left_scope: bool) -> Option<Result<Evaluation, Refused>> {
        let evaluated = self.evaluated_item(text, left_scope);
        let has_result = |records: &[EvaluatedRecord]| {
            records.iter().any(|record| record.needs_state || !record.findings.is_empty())
        };
        if evaluated.as_ref().is_ok_and(|evaluated| has_result(&evaluated.records))
            && self.seen.again(Some(Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes())))
        {
            self.tally.duplicates += 1;
            return None;
        }
        self.tally.received += 1;
        Some(evaluated.map_err(|reason| (reason, Cause::Content)))
    }

    fn evaluated_item(&mut self, text: &str, left_scope: bool) -> Result<Evaluation, String> {
        // Live state reads more than an item shows.
        let with_state = self.live.is_none();
        let derived = guarded(|| {
            let item = ConfigurationItem::parse(text, left_scope).map_err(|error| error.to_string())?;
            let records = item.records(with_state).map_err(|error| error.to_string())?;
            let records: Vec<String> = records.iter().map(ToString::to_string).collect();
            Ok((item, records))
        });
        let (item, texts) = derived.unwrap_or_else(|_| Err(FAILED_INSIDE.to_owned()))?;
        // The state is complete: what other records of the payload added is in it, or no longer there.
        let others = std::mem::take(&mut self.earlier);
        let records = texts.iter().map(|text| {
            let event = Event::parse(text).map_err(|error| error.to_string())?;
            self.evaluate_event(event, text, Some(&item))
        });
        let records: Result<Vec<EvaluatedRecord>, String> = records.collect();
        self.earlier = others;
        Ok(Evaluation { records: records?, item: Some(Arc::new(item)) })
    }

    /// Fetches a configuration item that is too large for its message. `has_object`: whether the message names an object.
    pub(super) fn fetched_item(&self, item: &OversizedItem, has_object: bool) -> FetchedItem {
        let refused = |place: String, error: FetchError| {
            FetchedItem::Refused((format!("{place}: {}", error.reason), Cause::of_object(error.is_transient)))
        };
        let name = format!("the configuration item of {} {}", item.resource_type, item.resource_id);
        // The object has the notification with the item. AWS Config may not have the item in its history yet.
        if let (Some(fetch), Some(object)) = (self.fetch, item.object.as_ref().filter(|_| has_object)) {
            return match fetch.fetch(object) {
                Ok(content) => FetchedItem::Object(content),
                Err(error) => refused(format!("the object {object} with {name} cannot be read"), error),
            };
        }
        match self.fetch_item.map(|fetch| fetch.fetch_item(item)) {
            Some(Ok(text)) => FetchedItem::Text(text),
            Some(Err(error)) => refused(format!("{name} cannot be read"), error),
            None => FetchedItem::Refused((item.not_fetched(), Cause::Content)),
        }
    }
}

impl Pipeline {
    /// Suppresses findings about an item by the parameters of the Config rule.
    pub(super) fn apply_parameters(&self, item: &ConfigurationItem, findings: &mut [Finding]) {
        let Some((rule, parameters)) = self.config_rule.as_ref().filter(|_| !findings.is_empty()) else { return };
        let suppression = |parameter: &str, reason: String| Suppression {
            exemption: parameter.to_owned(),
            owner: format!("the Config rule {}", visible_at_most(rule, MAX_IN_SENTENCE)),
            reason,
            ticket: None,
            expires: None,
            also: Vec::new(),
        };
        let tags = item.tags.iter().map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()));
        if let Some(tag) = parameters.exempt_tag(tags) {
            let tag = tag.value.as_ref().map_or_else(|| tag.key.clone(), |value| format!("{}={value}", tag.key));
            let reason = format!("the resource has the tag {}", visible_at_most(&tag, MAX_IN_SENTENCE));
            for finding in findings.iter_mut() {
                finding.suppression.get_or_insert_with(|| suppression("exemptTags", reason.clone()));
            }
        }
        let allowed = |from, to| parameters.allows_ports(from, to);
        let Some(rest) = (!parameters.allowed_ports.is_empty()).then(|| item.without_ports(&allowed)).flatten() else {
            return;
        };
        // A finding is about allowed ports alone if it is gone without them.
        let (Some(all), Some(rest)) = (self.findings_of(item), self.findings_of(&rest)) else { return };
        let uids = |findings: &[Finding]| findings.iter().map(Finding::uid).collect::<HashSet<_>>();
        let (all, others) = (uids(&all), uids(&rest));
        // What is undecided may be open on another port.
        if rest.iter().any(|finding| finding.status == Status::Warning) {
            return;
        }
        for finding in findings {
            let uid = finding.uid();
            if all.contains(&uid) && !others.contains(&uid) {
                let reason = "only ports are open that the rule allows".to_owned();
                finding.suppression.get_or_insert_with(|| suppression("allowedPorts", reason));
            }
        }
    }

    /// The findings about an item without live state. `None` if it cannot be evaluated.
    fn findings_of(&self, item: &ConfigurationItem) -> Option<Vec<Finding>> {
        let evaluated = guarded(|| {
            let mut findings = Vec::new();
            for record in item.records(true).ok()? {
                let text = record.to_string();
                let event = Event::parse(&text).ok()?;
                findings.extend(self.findings(&event, None, Timestamp::now(), Some(item)));
            }
            Some(findings)
        });
        evaluated.ok().flatten()
    }

    /// The exemption of a finding about a VPC, of which the configuration item has everything that live state would read.
    pub(super) fn vpc_exemption(&self, item: &ConfigurationItem) -> Option<Suppression> {
        if self.vpc_exemptions.is_empty() || item.resource_type != "AWS::EC2::VPC" {
            return None;
        }
        let tag = |(key, value): (&String, &serde_json::Value)| Tag {
            key: key.clone(),
            value: value.as_str().unwrap_or_default().to_owned(),
        };
        let vpc = Vpc {
            vpc_id: item.resource_id.clone(),
            owner_id: item.account.clone().unwrap_or_default(),
            is_default: item.configuration.get("isDefault").and_then(serde_json::Value::as_bool) == Some(true),
            tags: item.tags.iter().map(tag).collect(),
        };
        self.vpc_exemptions.suppression(&[&vpc])
    }
}
