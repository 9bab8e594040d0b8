//! The state of a resource before a call, from the history that AWS Config records.

use serde_json::{Map, Value, json};

use super::ec2::text;
use super::{ApiCall, Target};

/// The call that reads the last state of a resource that AWS Config recorded before the time in the argument `changed_at`.
pub(super) fn read(target: &Target, resource_type: &str, id: &str) -> ApiCall {
    let parameters = json!({
        "resourceType": resource_type,
        "resourceId": id,
        "laterTime": target.text("changed_at"),
        "chronologicalOrder": "Reverse",
        "limit": 1,
    });
    target.call("config", "GetResourceConfigHistory", parameters)
}

/// The configuration in the response to that call.
pub(super) fn configuration(response: Option<&Value>) -> Option<Value> {
    let item = response?.pointer("/configurationItems/0")?;
    serde_json::from_str(text(item, "configuration")).ok().filter(Value::is_object)
}

/// A value of AWS Config with the names of the API, which begin with an upper-case letter. Members that are null are left out.
pub(super) fn api_names(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let named = members.iter().filter(|(_, member)| !member.is_null());
            named.map(|(name, member)| (upper_first(name), api_names(member))).collect::<Map<_, _>>().into()
        }
        Value::Array(elements) => elements.iter().map(api_names).collect(),
        scalar => scalar.clone(),
    }
}

fn upper_first(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(characters).collect()
}
