//! Collects the items of a payload.

use std::cell::Cell;
use std::rc::Rc;
use std::vec;

use super::awslogs::LogEvents;
use super::config::{ItemText, OversizedItem};
use super::log_streams::LogStreams;
use super::object::{ObjectName, Reference};
use super::raw::Raw;
use super::trigger::{self, Trigger};
use super::{Content, Item, Members, Place, Source, document};

/// Maximum number of envelopes around one another.
const MAX_DEPTH: usize = 8;

/// Part of a payload.
pub(super) enum Part {
    Item(Item),
    /// The log events of a batch, which are read one at a time.
    LogEvents(LogEvents),
}

/// Reads the JSON of a payload.
pub(super) type Read = fn(&str, &mut Items);

/// A payload within an input, which has not been read.
#[derive(Debug)]
pub struct Nested {
    raw: Raw,
    read: Read,
    depth: usize,
    outer: Option<u64>,
    log_streams: LogStreams,
}

impl Nested {
    /// Its text.
    pub fn raw(&self) -> &Raw {
        &self.raw
    }

    pub(super) fn new(raw: Raw, read: Read, depth: usize, log_streams: LogStreams) -> Self {
        Self { raw, read, depth, outer: None, log_streams }
    }

    /// Reads it.
    pub(super) fn items(self, place: Place) -> vec::IntoIter<Part> {
        let Self { depth, outer, log_streams, .. } = self;
        let mut items = Items { place, depth, outer, log_streams, ..Items::new("") };
        (self.read)(&self.raw.json(), &mut items);
        items.take()
    }
}

/// The items of a payload, and the position that has been reached in it.
pub(super) struct Items {
    pub(super) place: Place,
    parts: Vec<Part>,
    /// Number of items so far, shared with the reader of a document: it can read lines without items again.
    pub(super) count: Rc<Cell<u64>>,
    /// Number of envelopes around the position.
    depth: usize,
    /// The position of the record around it, such as a log event.
    outer: Option<u64>,
    /// The log streams whose events are evaluated.
    pub(super) log_streams: LogStreams,
    /// Records of Lambda triggers in the current list, which are rejected together at its end.
    triggers: Vec<(Trigger, u64)>,
}

impl Items {
    /// The items of the object `reference`, which is named at `place`.
    pub(super) fn of_object(place: Place, reference: Reference) -> Self {
        let place = Place { object: Some(reference.name().to_string().into()), ..place };
        Self { place, depth: reference.depth, log_streams: reference.log_streams, ..Self::new("") }
    }

    /// The items of an input called `name`.
    pub(super) fn new(name: &str) -> Self {
        let place = Place { source: name.into(), ..Place::default() };
        Self {
            place,
            parts: Vec::new(),
            count: Rc::default(),
            depth: 0,
            outer: None,
            log_streams: LogStreams::ALL,
            triggers: Vec::new(),
        }
    }

    /// Takes the items so far.
    pub(super) fn take(&mut self) -> vec::IntoIter<Part> {
        std::mem::take(&mut self.parts).into_iter()
    }

    /// Whether there are items to take.
    pub(super) fn has_some(&self) -> bool {
        !self.parts.is_empty()
    }

    fn push(&mut self, content: Content) {
        self.count.set(self.count.get() + 1);
        self.parts.push(Part::Item(Item { place: self.place.clone(), content }));
    }

    pub(super) fn record(&mut self, text: &str) {
        self.push(Content::Record(Raw::plain(text.to_owned())));
    }

    /// Adds JSON that `read` reads when it is opened.
    pub(super) fn nested(&mut self, text: &str, read: Read) {
        self.push_nested(Raw::plain(text.to_owned()), read);
    }

    /// The same for a JSON string that contains JSON.
    pub(super) fn escaped(&mut self, literal: &str, read: Read) {
        self.push_nested(Raw::escaped(literal.to_owned().into()), read);
    }

    fn push_nested(&mut self, raw: Raw, read: Read) {
        let nested = Nested { outer: self.outer, ..Nested::new(raw, read, self.depth, self.log_streams.clone()) };
        self.push(Content::Nested(nested));
    }

    /// Adds the log events of a batch.
    pub(super) fn log_events(&mut self, read: impl FnOnce(Place, usize, LogStreams) -> LogEvents) {
        self.count.set(self.count.get() + 1);
        self.parts.push(Part::LogEvents(read(self.place.clone(), self.depth, self.log_streams.clone())));
    }

    /// Adds an object that the input names. Only the envelope of a delivery may name one: whoever can write a log event or an
    /// object must not choose what else is fetched.
    pub(super) fn object(&mut self, name: ObjectName) {
        if self.outer.is_some() || self.place.object.is_some() {
            return self.reject(format!(
                "names the S3 object {name}; an object that a record or an object names is not fetched"
            ));
        }
        if name.is_without_records() {
            return self.control();
        }
        let reference = Reference::new(name, self.depth, self.log_streams.clone());
        self.push(Content::Object(reference));
    }

    /// Adds a configuration item of AWS Config. `left_scope`: whether it is outside the scope of the Config rule.
    pub(super) fn configuration_item(&mut self, text: &str, left_scope: bool) {
        self.push(Content::ConfigurationItem(ItemText { json: text.to_owned(), left_scope }));
    }

    /// Adds a configuration item that must be fetched. As with objects, only the envelope of a delivery may name one.
    pub(super) fn oversized_item(&mut self, item: OversizedItem) {
        if self.outer.is_some() || self.place.object.is_some() {
            return self.reject(item.not_fetched());
        }
        let reference = item.object.clone().map(|name| Reference::new(name, self.depth, self.log_streams.clone()));
        self.push(Content::OversizedItem(Box::new((item, reference))));
    }

    pub(super) fn control(&mut self) {
        self.push(Content::Control);
    }

    pub(super) fn reject(&mut self, reason: impl Into<String>) {
        self.push(Content::Rejected(reason.into()));
    }

    /// Adds an element of `Records`: a record of CloudTrail or of a Lambda trigger.
    pub(super) fn element_of_records(&mut self, text: &str) {
        let Some(trigger) = trigger::of_record(text) else { return self.record(text) };
        if Source::of(text).is_some_and(Source::is_read) {
            return self.message_of_trigger(text);
        }
        match self.triggers.iter_mut().find(|(known, _)| known.is_like(&trigger)) {
            Some((_, count)) => *count += 1,
            None => self.triggers.push((trigger, 1)),
        }
    }

    /// Adds a message of a Lambda trigger. It is read like a payload of its own, so that rejections of its whole content have
    /// no record in their place. A trigger event in a record, such as a log event, remains a part of the record.
    fn message_of_trigger(&mut self, text: &str) {
        if self.outer.is_some() {
            return self.nested(text, document::value);
        }
        let (record, message) = (self.place.record.take(), self.place.message);
        // The outermost message is the one that can be retried.
        self.place.message = message.or(record);
        self.nested(text, document::value);
        (self.place.record, self.place.message) = (record, message);
    }

    /// Reads each element of the list `key` as a message of a Lambda trigger.
    pub(super) fn messages(&mut self, object: &Members, key: &str, read: impl Fn(&Members, &mut Self)) {
        let outermost = self.place.message;
        for (message, position) in object.list(key).unwrap_or_default().into_iter().zip(1..) {
            // As in `message_of_trigger`.
            self.place.message = outermost.or(if self.outer.is_none() { Some(position) } else { None });
            match document::members(message.get()) {
                Ok(message) => read(&message, self),
                Err(reason) => self.reject(reason),
            }
        }
        self.place.message = outermost;
    }

    /// Rejects the records of triggers in a list that has ended: each kind once, and as a whole, so that the delivery fails.
    pub(super) fn end_of_records(&mut self) {
        self.place.record = None;
        for (trigger, count) in std::mem::take(&mut self.triggers) {
            self.reject(trigger.reason(count));
        }
        self.place.record = self.outer;
    }

    /// Reads the content of an envelope.
    pub(super) fn inside(&mut self, read: impl FnOnce(&mut Self)) {
        if self.depth >= MAX_DEPTH {
            return self.reject(format!("more than {MAX_DEPTH} envelopes around one another"));
        }
        self.depth += 1;
        let outer = std::mem::replace(&mut self.outer, self.place.record);
        read(self);
        self.place.record = std::mem::replace(&mut self.outer, outer);
        self.depth -= 1;
    }

    /// Reads a string that contains JSON.
    pub(super) fn text(&mut self, text: &str) {
        let text = text.trim();
        if text.starts_with(['{', '[']) {
            self.inside(|items| document::read(text, items));
        } else {
            self.reject("a string that contains no JSON object");
        }
    }
}
