//! Dotted paths into a record: `userIdentity.arn`, `ipPermissions.items[0].cidrIp`.
//!
//! A path continues into every element of an array, as Sigma requires, unless the step selects an element by its position. A
//! negative position counts from the end. `\[` and `\]` are brackets that belong to a key.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use super::Value;

/// One step of a path: a key, then positions in the array at that key.
#[derive(Debug)]
pub struct Step<'p> {
    /// The member to enter.
    pub key: Cow<'p, str>,
    positions: Vec<i64>,
}

impl<'p> Step<'p> {
    /// The positions in the array at the key, and then in arrays within it.
    pub fn positions(&self) -> &[i64] {
        &self.positions
    }

    fn parse(text: &'p str) -> Self {
        if memchr2(b'[', b'\\', text.as_bytes()).is_none() {
            return Self { key: Cow::Borrowed(text), positions: Vec::new() };
        }
        if let Some(open) = first_open_bracket(text)
            && let Some((key, groups)) = text.split_at_checked(open)
            && let Some(positions) = positions(groups)
        {
            return Self { key: unescape(key), positions };
        }
        Self { key: unescape(text), positions: Vec::new() }
    }
}

/// Splits a path into its first step and the rest, if any.
pub fn split(path: &str) -> (Step<'_>, Option<&str>) {
    let parts = memchr(b'.', path.as_bytes()).and_then(|dot| Some((path.get(..dot)?, path.get(dot + 1..)?)));
    match parts {
        Some((first, rest)) => (Step::parse(first), Some(rest)),
        None => (Step::parse(path), None),
    }
}

/// All values that `rest` selects, starting from `value`, the member named by `step`, and the positions of `step` in it.
pub fn select<'v, 'a>(value: &'v Value<'a>, step: &Step<'_>, rest: Option<&str>) -> Vec<&'v Value<'a>> {
    let mut selected = Vec::new();
    descend(value, &step.positions, rest, &mut selected);
    selected
}

/// All values at `path` within `value`. The path may begin with a position: `[0].cidrIp`.
pub fn select_in<'v, 'a>(value: &'v Value<'a>, path: &str) -> Vec<&'v Value<'a>> {
    let (first, rest) = split(path);
    if first.key.is_empty() {
        return select(value, &first, rest);
    }
    let mut selected = Vec::new();
    descend(value, &[], Some(path), &mut selected);
    selected
}

/// The first value within `value` at a path that contains no positions.
pub fn first_in<'v, 'a>(value: &'v Value<'a>, path: &str) -> Option<&'v Value<'a>> {
    match value {
        Value::Array(elements) => elements.iter().find_map(|element| first_in(element, path)),
        Value::Object(members) => match path.split_once('.') {
            Some((key, rest)) => members.get(key).and_then(|member| first_in(member, rest)),
            None => members.get(path),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Str(_) => None,
    }
}

fn descend<'v, 'a>(value: &'v Value<'a>, positions: &[i64], rest: Option<&str>, selected: &mut Vec<&'v Value<'a>>) {
    if let Some((position, more)) = positions.split_first() {
        if let Some(element) = value.as_array().and_then(|elements| at(elements, *position)) {
            descend(element, more, rest, selected);
        }
        return;
    }
    let Some(path) = rest else {
        selected.push(value);
        return;
    };
    match value {
        Value::Array(elements) => {
            for element in elements {
                descend(element, &[], rest, selected);
            }
        }
        Value::Object(members) => {
            let (step, rest) = split(path);
            if let Some(member) = members.get(&step.key) {
                descend(member, &step.positions, rest, selected);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Str(_) => {}
    }
}

/// The element at `position`; a negative one counts from the end.
pub fn at<T>(elements: &[T], position: i64) -> Option<&T> {
    let index = match usize::try_from(position) {
        Ok(index) => index,
        Err(_) => elements.len().checked_sub(usize::try_from(position.unsigned_abs()).ok()?)?,
    };
    elements.get(index)
}

fn first_open_bracket(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.bytes().position(|byte| {
        let is_bracket = byte == b'[' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_bracket
    })
}

/// Parses positions such as `[0][-1]`. Returns `None` for any other text.
fn positions(groups: &str) -> Option<Vec<i64>> {
    let mut positions = Vec::new();
    let mut rest = groups;
    while !rest.is_empty() {
        let (number, after) = rest.strip_prefix('[')?.split_once(']')?;
        positions.push(number.parse().ok()?);
        rest = after;
    }
    Some(positions)
}

fn unescape(key: &str) -> Cow<'_, str> {
    if key.contains('\\') { Cow::Owned(key.replace("\\[", "[").replace("\\]", "]")) } else { Cow::Borrowed(key) }
}
