//! One JSON value: an envelope, a record, or an array of these.

use std::fmt;
use std::io::Read;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{ENVELOPES, Form, Members, Output};
use crate::event::json_fault;

/// Reads the one value that `text` is.
pub(super) fn read(text: &str, output: &mut Output<'_>) {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = Document { output, text: Some(text) }.deserialize(&mut deserializer);
    if let Err(error) = read.and_then(|()| deserializer.end()) {
        output.place.record = None;
        output.reject(reason(&error));
    }
}

/// Reads `text`, an element of a list.
pub(super) fn element(text: &str, output: &mut Output<'_>) {
    if text.starts_with('{') {
        read(text, output);
    } else {
        output.reject("an element of the list is not a JSON object");
    }
}

/// Reads one value from `reader`, and no byte beyond it. Elements of its arrays are put out as they are read.
pub(super) fn read_from(reader: impl Read, output: &mut Output<'_>) -> Result<(), serde_json::Error> {
    Document { output, text: None }.deserialize(&mut serde_json::Deserializer::from_reader(reader))
}

/// The members of the one object that `text` is.
pub(super) fn members(text: &str) -> Result<Members, String> {
    serde_json::from_str(text).map_err(|error| reason(&error))
}

/// What a JSON error means for the user.
pub(super) fn reason(error: &serde_json::Error) -> String {
    if error.is_data() {
        // Raised by the visitors below. What was found instead is part of the payload, and is left out.
        let said = error.to_string();
        let expected = said.rsplit_once(", expected ").map_or("another form", |(_, expected)| expected);
        format!("expected {}", expected.split(" at line ").next().unwrap_or_default())
    } else {
        json_fault(error)
    }
}

struct Document<'o, 's> {
    output: &'o mut Output<'s>,
    /// The text of the value, when it is at hand: a bare record is passed on as it is.
    text: Option<&'o str>,
}

impl<'de> DeserializeSeed<'de> for Document<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object or a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let mut position = 0;
        while let Some(element) = elements.next_element::<Box<RawValue>>()? {
            position += 1;
            self.output.place.record = Some(position);
            self::element(element.get(), self.output);
        }
        self.output.place.record = None;
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut members = Members::default();
        let mut streamed = false;
        while let Some(key) = map.next_key::<String>()? {
            if ENVELOPES.iter().any(|envelope| envelope.key == key && matches!(envelope.form, Form::Records)) {
                map.next_value_seed(Records { output: self.output, key: &key })?;
                streamed = true;
            } else {
                members.members.push((key, map.next_value()?));
            }
        }
        if streamed {
            return Ok(());
        }
        let whole = ENVELOPES.iter().find_map(|envelope| match envelope.form {
            Form::Whole(decode) => members.get(envelope.key).map(|_| decode),
            Form::Records => None,
        });
        match (whole, self.text) {
            (Some(decode), _) => decode(&members, self.output),
            (None, Some(text)) => self.output.record(text),
            (None, None) => self.output.record(&members.to_json()),
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AllMembers)
    }
}

struct AllMembers;

impl<'de> Visitor<'de> for AllMembers {
    type Value = Members;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Members::default();
        while let Some(member) = map.next_entry()? {
            members.members.push(member);
        }
        Ok(members)
    }
}

/// The array of records of an envelope.
struct Records<'o, 's, 'k> {
    output: &'o mut Output<'s>,
    key: &'k str,
}

impl<'de> DeserializeSeed<'de> for Records<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Records<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` to be a list", self.key)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let mut position = 0;
        while let Some(element) = elements.next_element::<Box<RawValue>>()? {
            position += 1;
            self.output.place.record = Some(position);
            self.output.record(element.get());
        }
        self.output.place.record = None;
        Ok(())
    }
}
