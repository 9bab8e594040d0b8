//! Dotted paths into a record: `userIdentity.arn`, `ipPermissions.items[0].cidrIp`.
//!
//! An array on the way is followed into every element, as Sigma asks, unless the step names one by position (negative
//! counts from the end). `\[` and `\]` stand for brackets that belong to a key.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use super::Value;

/// One step of a path: a key, then positions in the array found there.
#[derive(Debug)]
pub struct Step<'p> {
    /// The member to enter.
    pub key: Cow<'p, str>,
    positions: Vec<i64>,
}

impl<'p> Step<'p> {
    /// The positions in the array found at the key, in turn.
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

/// The first step of a path and the rest of it, if any.
pub fn split(path: &str) -> (Step<'_>, Option<&str>) {
    let parts = memchr(b'.', path.as_bytes()).and_then(|dot| Some((path.get(..dot)?, path.get(dot + 1..)?)));
    match parts {
        Some((first, rest)) => (Step::parse(first), Some(rest)),
        None => (Step::parse(path), None),
    }
}

/// All values reached from `value`, which is what `step` named, by its positions and then by `rest`.
pub fn select<'v, 'a>(value: &'v Value<'a>, step: &Step<'_>, rest: Option<&str>) -> Vec<&'v Value<'a>> {
    let mut found = Vec::new();
    descend(value, &step.positions, rest, &mut found);
    found
}

/// All values at `path` within `value`. The path may begin with a position: `[0].cidrIp`.
pub fn select_in<'v, 'a>(value: &'v Value<'a>, path: &str) -> Vec<&'v Value<'a>> {
    let (first, rest) = split(path);
    if first.key.is_empty() {
        return select(value, &first, rest);
    }
    let mut found = Vec::new();
    descend(value, &[], Some(path), &mut found);
    found
}

/// The first value at a path of members alone, without positions, within `value`.
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

fn descend<'v, 'a>(value: &'v Value<'a>, positions: &[i64], rest: Option<&str>, found: &mut Vec<&'v Value<'a>>) {
    if let Some((position, more)) = positions.split_first() {
        if let Some(element) = value.as_array().and_then(|elements| at(elements, *position)) {
            descend(element, more, rest, found);
        }
        return;
    }
    let Some(path) = rest else {
        found.push(value);
        return;
    };
    match value {
        Value::Array(elements) => {
            for element in elements {
                descend(element, &[], rest, found);
            }
        }
        Value::Object(members) => {
            let (step, rest) = split(path);
            if let Some(member) = members.get(&step.key) {
                descend(member, &step.positions, rest, found);
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
    let mut escaped = false;
    text.bytes().position(|byte| {
        let found = byte == b'[' && !escaped;
        escaped = byte == b'\\' && !escaped;
        found
    })
}

/// `[0][-1]` as positions; `None` when it is anything else.
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
