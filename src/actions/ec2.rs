//! Reading responses of EC2.

use serde_json::{Map, Value, json};

use super::{ApiCall, CallPlan, NextStep, Target};

/// The elements of a list; none if it is missing.
pub(super) fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The text of a member; empty if it is missing.
pub(super) fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The element of a list in which a member has this text.
pub(super) fn one<'v>(value: &'v Value, name: &str, member: &str, is: &str) -> Option<&'v Value> {
    list(value, name).iter().find(|element| text(element, member) == is)
}

/// The first read alone: `read` when there is no response yet.
pub(super) fn single(responses: &[Value], read: impl FnOnce() -> ApiCall) -> Option<ApiCall> {
    responses.is_empty().then(read)
}

/// The response to the only read.
pub(super) fn response(responses: &[Value]) -> &Value {
    responses.first().unwrap_or(&Value::Null)
}

/// The object with only these members, of those that it has.
pub(super) fn only(value: &Value, names: &[&str]) -> Map<String, Value> {
    let members = names.iter().filter_map(|name| Some(((*name).to_owned(), value.get(*name)?.clone())));
    members.collect()
}

/// One call and its inverse.
pub(super) fn act(call: ApiCall, inverse: ApiCall) -> NextStep {
    NextStep::Act(CallPlan { calls: vec![call], inverse: vec![inverse], approval: None })
}

/// Tags as `TagSpecifications` of a call that creates a resource of this type; without those that AWS reserves.
pub(super) fn tag_specifications(resource_type: &str, tags: &[Value]) -> Option<Value> {
    let tags: Vec<&Value> = tags.iter().filter(|tag| !text(tag, "Key").starts_with("aws:")).collect();
    (!tags.is_empty()).then(|| json!([{"ResourceType": resource_type, "Tags": tags}]))
}

/// A read by the id in an argument, as `{Names: [id]}`.
pub(super) fn by_id(target: &Target, operation: &str, parameter: &str, argument: &str) -> ApiCall {
    target.ec2(operation, Value::Object(Map::from_iter([(parameter.to_owned(), json!([target.text(argument)]))])))
}
