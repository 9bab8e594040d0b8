//! Reads both styles in which EC2 writes parameters into CloudTrail records.
//!
//! Older operations use lowerCamelCase and lists of the form `{"items": […]}`. Newer operations have a wrapper named
//! `<Operation>Request` or `<Operation>Response` and use the names of the query protocol: PascalCase, a list is its only
//! element or an array of elements with a `tag` each, and a scalar element is `{"content": …, "tag": 1}`. Both styles write
//! `{}` or `""` for an empty value. Names are case-insensitive, because records of public collections change their case.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use crate::event::{Event, LIVE_STATE, Value, path, scalar_text};

/// A value in the parameters of a call, with its path in the record.
#[derive(Debug, Clone)]
pub struct Parameters<'e> {
    value: &'e Value<'e>,
    path: Rc<RecordPath<'e>>,
}

/// The path of a value in the record. It is formatted only on demand, because few paths are shown.
#[derive(Debug)]
enum RecordPath<'e> {
    /// A top-level member of the record.
    Top(&'static str),
    /// A member of the value at a path.
    Member(Rc<Self>, &'e str),
    /// An element of the value at a path.
    Element(Rc<Self>, usize),
}

impl fmt::Display for RecordPath<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Top(name) => formatter.write_str(name),
            Self::Member(parent, name) => write!(formatter, "{parent}.{name}"),
            Self::Element(parent, index) => write!(formatter, "{parent}[{index}]"),
        }
    }
}

/// The parameters of the request without their wrapper. They may be empty.
pub(super) fn request<'e>(event: &'e Event<'_>) -> Option<Parameters<'e>> {
    Some(unwrapped(event.request()?, "requestParameters", [event.name().unwrap_or_default(), "Request"]))
}

/// The elements of the response without their wrapper.
pub(super) fn response<'e>(event: &'e Event<'_>) -> Option<Parameters<'e>> {
    Some(unwrapped(event.response()?, "responseElements", [event.name().unwrap_or_default(), "Response"]))
}

/// The live state in the record.
pub(super) fn live<'e>(event: &'e Event<'_>) -> Option<Parameters<'e>> {
    let value = event.top(LIVE_STATE).filter(|value| value.is_object())?;
    Some(Parameters { value, path: Rc::new(RecordPath::Top(LIVE_STATE)) })
}

/// The parameters without their wrapper. `wrapper` contains the two parts of its name. Some operations abbreviate it:
/// `DelTGwVpcAttachReq`.
fn unwrapped<'e>(value: &'e Value<'e>, base: &'static str, wrapper: [&str; 2]) -> Parameters<'e> {
    let outer = Parameters { value, path: Rc::new(RecordPath::Top(base)) };
    let [operation, kind] = wrapper;
    let parts = |name: &'e str| name.len().checked_sub(kind.len()).and_then(|at| name.split_at_checked(at));
    let is_exact = |name| parts(name) == Some((operation, kind));
    let matches_in_any_case = |name| {
        parts(name)
            .is_some_and(|(first, last)| first.eq_ignore_ascii_case(operation) && last.eq_ignore_ascii_case(kind))
    };
    let wrapped = value.as_object().and_then(|members| {
        let exact = members.iter().find(|(name, _)| is_exact(name));
        let in_any_case = || members.iter().find(|(name, _)| matches_in_any_case(name));
        let abbreviated =
            || members.iter().next().filter(|(name, inner)| members.len() == 1 && is_abbreviated(name, inner));
        exact.or_else(in_any_case).or_else(abbreviated)
    });
    match wrapped {
        Some((name, inner)) => outer.member(name, inner),
        None => outer,
    }
}

/// Whether the only member of parameters is a wrapper with an abbreviated name.
fn is_abbreviated(name: &str, inner: &Value<'_>) -> bool {
    const ENDINGS: [&str; 6] = ["Request", "Req", "Rqst", "Response", "Resp", "Rsp"];
    inner.is_object()
        && name.starts_with(|first: char| first.is_ascii_uppercase())
        && ENDINGS.iter().any(|ending| name.ends_with(ending))
}

impl<'e> Parameters<'e> {
    /// The path in the record, such as `requestParameters.ipPermissions.items[0]`.
    pub(super) fn path(&self) -> String {
        self.path.to_string()
    }

    fn member(&self, name: &'e str, value: &'e Value<'e>) -> Self {
        Self { value, path: Rc::new(RecordPath::Member(Rc::clone(&self.path), name)) }
    }

    /// The member `key`, unless it is empty.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        let (name, value) = member(self.value, key)?;
        (!is_empty(value)).then(|| self.member(name, value))
    }

    /// The first of the members `keys` that is not empty. Some members have a different name in each style.
    pub(super) fn first_of(&self, keys: &[&str]) -> Option<Self> {
        keys.iter().find_map(|key| self.get(key))
    }

    /// The elements of the list `key` in either style. Empty if the list is missing.
    pub(super) fn list(&self, key: &str) -> Vec<Self> {
        self.get(key).map(|list| list.elements()).unwrap_or_default()
    }

    /// The elements of a list, or the value itself if it is not a list.
    fn elements(&self) -> Vec<Self> {
        if let Some((name, items)) = member(self.value, "items").or_else(|| member(self.value, "item")) {
            return self.member(name, items).elements();
        }
        match self.value {
            Value::Array(elements) => {
                let element =
                    |(index, value)| Self { value, path: Rc::new(RecordPath::Element(Rc::clone(&self.path), index)) };
                elements.iter().enumerate().map(element).filter(|element| !element.is_empty()).collect()
            }
            _ if self.is_empty() => Vec::new(),
            _ => vec![self.clone()],
        }
    }

    /// The scalar, or the scalar in `content`, as text.
    pub(super) fn text(&self) -> Option<Cow<'e, str>> {
        scalar_text(self.content()).filter(|text| !text.is_empty())
    }

    /// The text of the member `key`.
    pub(super) fn text_of(&self, key: &str) -> Option<Cow<'e, str>> {
        self.get(key)?.text()
    }

    /// The integer, which may be written as a string.
    pub(super) fn number(&self) -> Option<i64> {
        self.text()?.trim().parse().ok()
    }

    /// The member `key` as an integer.
    pub(super) fn number_of(&self, key: &str) -> Option<i64> {
        self.get(key)?.number()
    }

    /// The member `key` as a boolean, which may be written as a string or be in `value`.
    pub(super) fn flag_of(&self, key: &str) -> Option<bool> {
        let flag = self.get(key)?;
        let text = flag.text().or_else(|| flag.text_of("value"))?;
        match text.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// Every object in this value, including itself, that has a member called one of `keys`.
    pub(super) fn objects_with(&self, keys: &[&str]) -> Vec<Self> {
        let mut objects = Vec::new();
        self.collect_objects_with(keys, &mut objects);
        objects
    }

    fn collect_objects_with(&self, keys: &[&str], objects: &mut Vec<Self>) {
        if keys.iter().any(|key| self.has(key)) {
            objects.push(self.clone());
        }
        match self.value {
            Value::Array(_) => {
                self.elements().iter().for_each(|element| element.collect_objects_with(keys, objects));
            }
            Value::Object(members) => {
                // Most members are scalars, which contain no objects.
                for (name, value) in members.iter().filter(|(_, value)| value.is_array() || value.is_object()) {
                    self.member(name, value).collect_objects_with(keys, objects);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Str(_) => {}
        }
    }

    /// Whether [`Parameters::get`] returns a value for `key`.
    pub(super) fn has(&self, key: &str) -> bool {
        member(self.value, key).is_some_and(|(_, value)| !is_empty(value))
    }

    /// Visits each scalar of a member called one of `keys` that a pipeline has masked by two or more asterisks.
    pub(super) fn masked(&self, keys: &[&str], visit: &mut dyn FnMut(&Self)) {
        if has_mask(self.value) {
            self.walk(&mut |parameters| {
                if is_mask(parameters.value) && keys.iter().any(|key| key.eq_ignore_ascii_case(parameters.name())) {
                    visit(parameters);
                }
            });
        }
    }

    /// The name of the member that contains the value, without lists and wrappers.
    fn name(&self) -> &'e str {
        const WRAPPERS: [&str; 4] = ["items", "item", "content", "value"];
        let mut path = &self.path;
        loop {
            match path.as_ref() {
                RecordPath::Top(name) => return name,
                RecordPath::Member(parent, name)
                    if WRAPPERS.iter().any(|wrapper| wrapper.eq_ignore_ascii_case(name)) =>
                {
                    path = parent;
                }
                RecordPath::Member(_, name) => return name,
                RecordPath::Element(parent, _) => path = parent,
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

    /// The values at a dotted path in a rule. The path does not contain lists and wrappers.
    pub fn select(&self, path: &str) -> Vec<&'e Value<'e>> {
        let mut selected = self.elements();
        let mut rest = Some(path);
        while let Some(path) = rest {
            let (step, more) = path::split(path);
            selected = selected.iter().flat_map(|parameters| parameters.list(&step.key)).collect();
            for position in step.positions() {
                selected = path::at(&selected, *position).cloned().into_iter().collect();
            }
            rest = more;
        }
        selected.iter().map(Self::content).collect()
    }

    /// The value, or the scalar in `content`.
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

/// Whether a value contains a masked value.
fn has_mask(value: &Value<'_>) -> bool {
    match value {
        Value::Array(elements) => elements.iter().any(has_mask),
        Value::Object(members) => members.values().any(has_mask),
        scalar => is_mask(scalar),
    }
}

/// Whether a value is empty in either style.
fn is_empty(value: &Value<'_>) -> bool {
    match value {
        Value::Null => true,
        Value::Str(text) => text.is_empty() || text == "null",
        Value::Array(elements) => elements.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The member `key` of an object and its name as written. An exact match takes precedence over a match in another case.
fn member<'e>(value: &'e Value<'e>, key: &str) -> Option<(&'e str, &'e Value<'e>)> {
    let members = value.as_object()?;
    let exact = members.iter().find(|(name, _)| *name == key);
    exact.or_else(|| members.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)))
}
