//! Evaluates configuration items of AWS Config: each as the records of the calls that lead to its state.

use std::io::Read;
use std::sync::Arc;

use uuid::Uuid;

use super::{Cause, EvaluatedRecord, Evaluation, FAILED_INSIDE, Pipeline, Refused, Run, guarded};
use crate::configuration_item::ConfigurationItem;
use crate::event::Event;
use crate::finding::Suppression;
use crate::live_state::resources::vpc::{Tag, Vpc};
use crate::sources::{FetchError, OversizedItem};

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
