//! Reads the JSON of a configuration. Some services write `httpTokens`, others `HttpTokens`.

use serde_json::Value;

/// The member `key`, in any case, unless it is null.
pub(super) fn member<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    let members = value.as_object()?;
    let in_any_case = || members.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value);
    members.get(key).or_else(in_any_case).filter(|value| !value.is_null())
}

/// The member `key`, if it is a string that is not empty.
pub(super) fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    member(value, key)?.as_str().filter(|text| !text.is_empty())
}

/// The elements of the member `key`; none, if it is no list.
pub(super) fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    member(value, key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Whether the member `key` is this boolean, which may be written as a string.
pub(super) fn is(value: &Value, key: &str, expected: bool) -> bool {
    match member(value, key) {
        Some(Value::Bool(flag)) => *flag == expected,
        Some(Value::String(text)) => text.eq_ignore_ascii_case(if expected { "true" } else { "false" }),
        _ => false,
    }
}

/// A string, number or boolean as text.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The strings of a list whose elements are strings, or objects with the member `key`.
pub(super) fn texts(elements: &[Value], key: &str) -> Vec<String> {
    let element = |element: &Value| element.as_str().or_else(|| text(element, key)).map(str::to_owned);
    elements.iter().filter_map(element).collect()
}
