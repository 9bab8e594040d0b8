//! One way to read the two ways in which EC2 writes parameters into CloudTrail.
//!
//! Older operations are written in lowerCamelCase, with lists as `{"items": […]}`. Newer ones are wrapped in
//! `<Operation>Request` or `<Operation>Response` and keep the names of the query protocol: PascalCase, a list is its one
//! element or an array of them, each with a `tag`, and an element that is a scalar is `{"content": …, "tag": 1}`. Both
//! write `{}` or `""` where there is nothing. Names are compared without regard to case, because records from public
//! collections re-spell them.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use super::calls::LIVE_STATE;
use crate::event::{Event, Value, path, scalar_text};

/// A place in the parameters of a call.
#[derive(Debug, Clone)]
pub struct Parameters<'e> {
    value: &'e Value<'e>,
    at: Rc<Place<'e>>,
}

/// Where something stands in the record. It is written out for what is told alone, and most is not.
#[derive(Debug)]
enum Place<'e> {
    /// One of the record's own members.
    Top(&'static str),
    /// A member of what stands there.
    Member(Rc<Self>, &'e str),
    /// An element of it.
    Element(Rc<Self>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Top(name) => formatter.write_str(name),
            Self::Member(within, name) => write!(formatter, "{within}.{name}"),
            Self::Element(within, index) => write!(formatter, "{within}[{index}]"),
        }
    }
}

/// The request's parameters, unwrapped. There may be none in them.
pub(super) fn request<'e>(event: &'e Event<'_>) -> Option<Parameters<'e>> {
    Some(unwrapped(event.request()?, "requestParameters", [event.name().unwrap_or_default(), "Request"]))
}

/// The response's elements, unwrapped.
pub(super) fn response<'e>(event: &'e Event<'_>) -> Option<Parameters<'e>> {
    Some(unwrapped(event.response()?, "responseElements", [event.name().unwrap_or_default(), "Response"]))
}

/// What live state adds to the record.
pub(super) fn live<'e>(event: &'e Event<'_>) -> Option<Parameters<'e>> {
    let value = event.top(LIVE_STATE).filter(|value| value.is_object())?;
    Some(Parameters { value, at: Rc::new(Place::Top(LIVE_STATE)) })
}

/// The parameters without their wrapper. `wrapper` are the two parts of its name, which the names of some operations
/// shorten: `DelTGwVpcAttachReq`.
fn unwrapped<'e>(value: &'e Value<'e>, base: &'static str, wrapper: [&str; 2]) -> Parameters<'e> {
    let outer = Parameters { value, at: Rc::new(Place::Top(base)) };
    let [operation, kind] = wrapper;
    let parts = |name: &'e str| name.len().checked_sub(kind.len()).and_then(|at| name.split_at_checked(at));
    let is_exact = |name| parts(name) == Some((operation, kind));
    let is_alike = |name| {
        parts(name)
            .is_some_and(|(first, last)| first.eq_ignore_ascii_case(operation) && last.eq_ignore_ascii_case(kind))
    };
    let found = value.as_object().and_then(|members| {
        let exact = members.iter().find(|(name, _)| is_exact(name));
        let alike = || members.iter().find(|(name, _)| is_alike(name));
        let alone = || members.iter().next().filter(|(name, inner)| members.len() == 1 && is_shortened(name, inner));
        exact.or_else(alike).or_else(alone)
    });
    match found {
        Some((name, inner)) => outer.member(name, inner),
        None => outer,
    }
}

/// Whether the only member of parameters wraps them under a shortened name.
fn is_shortened(name: &str, inner: &Value<'_>) -> bool {
    const ENDINGS: [&str; 6] = ["Request", "Req", "Rqst", "Response", "Resp", "Rsp"];
    inner.is_object()
        && name.starts_with(|first: char| first.is_ascii_uppercase())
        && ENDINGS.iter().any(|ending| name.ends_with(ending))
}

impl<'e> Parameters<'e> {
    /// Where it stands in the record: `requestParameters.ipPermissions.items[0]`.
    pub(super) fn path(&self) -> String {
        self.at.to_string()
    }

    fn member(&self, name: &'e str, value: &'e Value<'e>) -> Self {
        Self { value, at: Rc::new(Place::Member(Rc::clone(&self.at), name)) }
    }

    /// The member `key`, unless it is empty.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        let (name, value) = member(self.value, key)?;
        let found = self.member(name, value);
        (!found.is_empty()).then_some(found)
    }

    /// The first of `keys` that is there: some members have another name in each style.
    pub(super) fn first_of(&self, keys: &[&str]) -> Option<Self> {
        keys.iter().find_map(|key| self.get(key))
    }

    /// The elements of the list `key`, in either style; none when it is missing or empty.
    pub(super) fn list(&self, key: &str) -> Vec<Self> {
        self.get(key).map(|list| list.elements()).unwrap_or_default()
    }

    /// The elements, when this is a list; else this alone.
    fn elements(&self) -> Vec<Self> {
        if let Some((name, items)) = member(self.value, "items").or_else(|| member(self.value, "item")) {
            return self.member(name, items).elements();
        }
        match self.value {
            Value::Array(elements) => {
                let of_element =
                    |(index, value)| Self { value, at: Rc::new(Place::Element(Rc::clone(&self.at), index)) };
                elements.iter().enumerate().map(of_element).filter(|element| !element.is_empty()).collect()
            }
            _ if self.is_empty() => Vec::new(),
            _ => vec![self.clone()],
        }
    }

    /// A scalar as text, also one that stands under `content`.
    pub(super) fn text(&self) -> Option<Cow<'e, str>> {
        scalar_text(self.content()).filter(|text| !text.is_empty())
    }

    /// The text of the member `key`.
    pub(super) fn text_of(&self, key: &str) -> Option<Cow<'e, str>> {
        self.get(key)?.text()
    }

    /// A whole number, also one that is written as text.
    pub(super) fn number(&self) -> Option<i64> {
        self.text()?.trim().parse().ok()
    }

    /// The member `key` as a whole number.
    pub(super) fn number_of(&self, key: &str) -> Option<i64> {
        self.get(key)?.number()
    }

    /// The member `key` as a flag, also when it is written as text or stands under `value`.
    pub(super) fn flag_of(&self, key: &str) -> Option<bool> {
        let found = self.get(key)?;
        let text = found.text().or_else(|| found.text_of("value"))?;
        match text.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// Every place at or below this one that has a member called one of `keys`.
    pub(super) fn holders_of(&self, keys: &[&str]) -> Vec<Self> {
        let mut holders = Vec::new();
        self.hold(keys, &mut holders);
        holders
    }

    fn hold(&self, keys: &[&str], holders: &mut Vec<Self>) {
        if keys.iter().any(|key| self.has(key)) {
            holders.push(self.clone());
        }
        match self.value {
            Value::Array(_) => self.elements().iter().for_each(|element| element.hold(keys, holders)),
            Value::Object(members) => {
                // Most members are scalars, and hold nothing.
                for (name, value) in members.iter().filter(|(_, value)| value.is_array() || value.is_object()) {
                    self.member(name, value).hold(keys, holders);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Str(_) => {}
        }
    }

    /// Whether [`Parameters::get`] finds it.
    pub(super) fn has(&self, key: &str) -> bool {
        member(self.value, key).is_some_and(|(_, value)| !is_empty(value))
    }

    /// Visits each scalar, as or below a member called one of `keys`, that a pipeline has masked: nothing but asterisks, two
    /// or more.
    pub(super) fn masked(&self, keys: &[&str], visit: &mut dyn FnMut(&Self)) {
        if has_mask(self.value) {
            self.walk(&mut |place| {
                if is_mask(place.value) && keys.iter().any(|key| key.eq_ignore_ascii_case(place.name())) {
                    visit(place);
                }
            });
        }
    }

    /// The name it stands under, apart from lists and wrappings.
    fn name(&self) -> &'e str {
        const WRAPPINGS: [&str; 4] = ["items", "item", "content", "value"];
        let mut at = &self.at;
        loop {
            match at.as_ref() {
                Place::Top(name) => return name,
                Place::Member(within, name) if WRAPPINGS.iter().any(|wrap| wrap.eq_ignore_ascii_case(name)) => {
                    at = within;
                }
                Place::Member(_, name) => return name,
                Place::Element(within, _) => at = within,
            }
        }
    }

    fn walk(&self, visit: &mut dyn FnMut(&Self)) {
        visit(self);
        match self.value {
            Value::Array(_) => self.elements().iter().for_each(|element| element.walk(visit)),
            Value::Object(members) => {
                for (name, value) in members.iter() {
                    self.member(name, value).walk(visit);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Str(_) => {}
        }
    }

    /// The values at a dotted path, as rules write it: through lists and wrappings as if they were not there.
    pub fn select(&self, path: &str) -> Vec<&'e Value<'e>> {
        let mut places = self.elements();
        let mut rest = Some(path);
        while let Some(path) = rest {
            let (step, more) = path::split(path);
            let found = places.iter().flat_map(|place| place.list(&step.key));
            places = found.collect();
            for position in step.positions() {
                places = path::at(&places, *position).cloned().into_iter().collect();
            }
            rest = more;
        }
        places.iter().map(Self::content).collect()
    }

    /// The value, or what stands under `content`.
    pub(super) fn content(&self) -> &'e Value<'e> {
        match member(self.value, "content") {
            Some((_, content)) if scalar_text(content).is_some() => content,
            _ => self.value,
        }
    }

    fn is_empty(&self) -> bool {
        is_empty(self.value)
    }
}

/// Whether a value is masked.
fn is_mask(value: &Value<'_>) -> bool {
    value.as_str().is_some_and(|text| text.len() > 1 && text.bytes().all(|byte| byte == b'*'))
}

/// Whether anything is masked in it.
fn has_mask(value: &Value<'_>) -> bool {
    match value {
        Value::Array(elements) => elements.iter().any(has_mask),
        Value::Object(members) => members.values().any(has_mask),
        scalar => is_mask(scalar),
    }
}

/// Whether there is nothing in a value, in either style.
fn is_empty(value: &Value<'_>) -> bool {
    match value {
        Value::Null => true,
        Value::Str(text) => text.is_empty() || text == "null",
        Value::Array(elements) => elements.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The member `key` of an object, with its name as written: exactly, else without regard to case.
fn member<'e>(value: &'e Value<'e>, key: &str) -> Option<(&'e str, &'e Value<'e>)> {
    let members = value.as_object()?;
    let exact = members.iter().find(|(name, _)| *name == key);
    exact.or_else(|| members.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)))
}
