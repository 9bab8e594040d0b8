//! JSON values: an envelope, a record, or an array of these.

use std::fmt;
use std::io::Read;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::awslogs;
use super::items::Items;
use super::members::{Members, string};
use super::table::{self, Form, RECORDS};
use super::values::Values;
use crate::event::{CUT_OFF, json_error};

/// Reads the values of `text`.
pub(super) fn read(text: &str, items: &mut Items) {
    if awslogs::delivery(text, items) {
        return;
    }
    let mut values = Values::new(text, 0);
    let mut is_empty = true;
    loop {
        match values.next() {
            Ok(Some(text)) => value(text, items),
            Ok(None) if is_empty => return items.reject(CUT_OFF),
            Ok(None) => return,
            Err(error) => {
                broken(values.rest(), values.at(), &error, items);
                if !values.skip_broken() && !values.skip_line() {
                    return;
                }
            }
        }
        is_empty = false;
    }
}

/// Reads the one value that `text` is.
pub(super) fn value(text: &str, items: &mut Items) {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    if let Err(error) = (Document { items, text: Some(text) }).deserialize(&mut deserializer) {
        items.end_of_records();
        items.reject(reason(&error));
    }
}

/// Reads the whole elements of a broken value, which begins after `before` bytes.
fn broken(text: &str, before: usize, error: &serde_json::Error, items: &mut Items) {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = Document { items, text: None }.deserialize(&mut deserializer);
    let error = read.as_ref().err().unwrap_or(error);
    items.end_of_records();
    items.reject(match error.line() {
        1 => reason_at(error, 1, error.column() + before, Some(1)),
        line => reason_at(error, line, error.column(), Some(1)),
    });
}

/// Reads `text`, an element of a list: an object, or a string that contains one.
pub(super) fn element(text: &str, items: &mut Items) {
    if text.starts_with('{') {
        return value(text, items);
    }
    // A list of lists is the output of `aws … --query 'Events[].[CloudTrailEvent]'`.
    let inside = text.strip_prefix('[').map(str::trim_start);
    if inside.is_some_and(|inside| inside.starts_with(['{', '"'])) {
        return items.inside(|items| value(text, items));
    }
    match contained(text) {
        Some(inside) => items.text(&inside),
        None => items.reject("an element of the list is not a JSON object"),
    }
}

/// The content of a string that looks like a JSON object or array.
pub(super) fn contained(text: &str) -> Option<String> {
    let value: &RawValue = serde_json::from_str(text).ok()?;
    let text = string(value)?;
    let ends = (text.trim().chars().next()?, text.trim().chars().next_back()?);
    matches!(ends, ('{', '}') | ('[', ']')).then_some(text)
}

/// Reads one value from `reader`, and no byte beyond it. Elements of its arrays are added as they are read.
pub(super) fn read_from(reader: impl Read, items: &mut Items) -> Result<(), serde_json::Error> {
    let read = Document { items, text: None }.deserialize(&mut serde_json::Deserializer::from_reader(reader));
    items.end_of_records();
    read
}

/// The members of the one object that `text` is.
pub(super) fn members(text: &str) -> Result<Members, String> {
    serde_json::from_str(text).map_err(|error| reason(&error))
}

/// Describes a JSON error for the user, with its position in the text.
pub(super) fn reason(error: &serde_json::Error) -> String {
    reason_at(error, error.line(), error.column(), Some(1))
}

/// Describes a JSON error at this line, which is named unless it is `known`, and column.
pub(super) fn reason_at(error: &serde_json::Error, line: usize, column: usize, known: Option<usize>) -> String {
    if error.is_data() {
        // The visitors below return it. The value that it quotes is part of the payload and is omitted.
        let message = error.to_string();
        let expected = message.rsplit_once(", expected ").map_or("another form", |(_, expected)| expected);
        return format!("expected {}", expected.split(" at line ").next().unwrap_or_default());
    }
    match json_error(error) {
        _ if error.is_eof() => CUT_OFF.to_owned(),
        what if line == 0 => what,
        what => syntax_error_at(&what, line, column, known),
    }
}

/// Describes a syntax error at this line, which is named unless it is `known`, and column.
pub(super) fn syntax_error_at(what: &str, line: usize, column: usize, known: Option<usize>) -> String {
    match known {
        Some(known) if known == line => format!("not JSON: {what} at column {column}"),
        _ => format!("not JSON: {what} at line {line}, column {column}"),
    }
}

struct Document<'o> {
    items: &'o mut Items,
    /// The text of the value, if it is in memory. A bare record is passed on unchanged.
    text: Option<&'o str>,
}

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object or a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let outer = self.items.place.record;
        let mut position = 0;
        while let Some(element) = elements.next_element::<Box<RawValue>>()? {
            position += 1;
            self.items.place.record = outer.or(Some(position));
            self::element(element.get(), self.items);
        }
        self.items.place.record = outer;
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut members = Members::default();
        let mut streamed = false;
        while let Some(key) = map.next_key::<String>()? {
            if key == RECORDS {
                map.next_value_seed(Records { items: self.items })?;
                streamed = true;
            } else {
                members.members.push((key, map.next_value()?));
            }
        }
        if streamed {
            return Ok(());
        }
        match table::of(&members).map(|envelope| envelope.form) {
            Some(Form::Read(read)) => self.items.inside(|items| read(&members, items)),
            Some(Form::Refused(reason)) => self.items.reject(reason(&members)),
            Some(Form::Record) | None => match self.text {
                Some(text) => self.items.record(text),
                None => self.items.record(&members.to_json()),
            },
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
struct Records<'o> {
    items: &'o mut Items,
}

impl<'de> DeserializeSeed<'de> for Records<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Records<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{RECORDS}` to be a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let mut position = 0;
        while let Some(element) = elements.next_element::<Box<RawValue>>()? {
            position += 1;
            self.items.place.record = Some(position);
            self.items.element_of_records(element.get());
        }
        self.items.end_of_records();
        Ok(())
    }
}
