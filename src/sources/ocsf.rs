//! CloudTrail records that were converted to OCSF, as transformers of CloudWatch Logs and Security Lake write them (versions
//! 1.1 and 1.5): API Activity, Account Change and Authentication. They are converted back.
//!
//! After the mappings in <https://github.com/ocsf/examples/tree/main/mappings/markdown/AWS>.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::items::Items;
use super::{Members, document, table};

/// `metadata.product.name` of what was converted from CloudTrail.
const PRODUCT: &str = "CloudTrail";

/// Paths in a record, and the paths in OCSF from which they come. The first that has a value is used.
const FIELDS: &[(&str, &[&str])] = &[
    ("apiVersion", &["api.version"]),
    ("awsRegion", &["cloud.region"]),
    ("errorCode", &["api.response.error"]),
    ("errorMessage", &["api.response.message", "api.response.error_message"]),
    ("eventCategory", &["metadata.product.feature.name"]),
    ("eventID", &["metadata.uid"]),
    ("eventName", &["api.operation"]),
    ("eventSource", &["api.service.name"]),
    ("eventType", &["metadata.event_code"]),
    ("eventVersion", &["metadata.product.version"]),
    ("recipientAccountId", &["cloud.account.uid", "cloud.account_uid"]),
    ("requestID", &["api.request.uid"]),
    ("sourceIPAddress", &["src_endpoint.ip", "src_endpoint.domain", "src_endpoint.svc_name"]),
    ("userAgent", &["http_request.user_agent"]),
    ("userIdentity.accessKeyId", &["actor.user.credential_uid"]),
    ("userIdentity.accountId", &["actor.user.account.uid", "actor.user.account_uid"]),
    ("userIdentity.identityProvider", &["actor.idp.name"]),
    ("userIdentity.invokedBy", &["actor.invoked_by"]),
    ("userIdentity.sessionContext.attributes.creationDate", &["actor.session.created_time_dt"]),
    ("userIdentity.sessionContext.attributes.mfaAuthenticated", &["actor.session.is_mfa", "actor.session.mfa"]),
    ("userIdentity.sessionContext.sessionIssuer.arn", &["actor.session.issuer"]),
    ("userIdentity.type", &["actor.user.type"]),
    ("userIdentity.userName", &["actor.user.name"]),
    ("vpcEndpointId", &["src_endpoint.uid"]),
];

/// Members of a record that are objects, and the paths in OCSF from which they come, as objects or as strings of JSON.
const OBJECTS: &[(&str, &str)] =
    &[("requestParameters", "api.request.data"), ("responseElements", "api.response.data")];

/// Whether an object is a converted record.
pub(super) fn is_record(object: &Members) -> bool {
    let product = || object.object("metadata")?.object("product")?.string("name");
    object.has("class_uid") && object.has("api") && product().as_deref() == Some(PRODUCT)
}

/// Reads a converted record. If it contains the original, it is that.
pub(super) fn record(object: &Members, items: &mut Items) {
    let original = object
        .string("raw_data")
        .filter(|text| document::members(text).is_ok_and(|original| table::is_record(&original)));
    if let Some(original) = original {
        return items.record(&original);
    }
    match serde_json::from_str::<Value>(&object.to_json()) {
        Ok(event) => items.record(&converted(&event).to_string()),
        Err(error) => items.reject(document::reason(&error)),
    }
}

/// The record that an OCSF event was converted from, as far as the event tells.
fn converted(event: &Value) -> Value {
    let mut record = Map::new();
    for (path, sources) in FIELDS {
        if let Some(value) = sources.iter().find_map(|source| at(event, source)) {
            set(&mut record, path, value.clone());
        }
    }
    for (path, source) in OBJECTS {
        let object = match at(event, source) {
            Some(Value::String(text)) => serde_json::from_str(text).ok(),
            other => other.cloned(),
        };
        object.into_iter().for_each(|object| set(&mut record, path, object));
    }
    identity(event, &mut record);
    if let Some(time) = time(event) {
        set(&mut record, "eventTime", time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into());
    }
    let resources = event.get("resources").and_then(Value::as_array).into_iter().flatten().map(|resource| {
        let mut original = Map::new();
        for (path, source) in [("ARN", "uid"), ("accountId", "owner.account.uid"), ("type", "type")] {
            at(resource, source).into_iter().for_each(|value| set(&mut original, path, value.clone()));
        }
        Value::Object(original)
    });
    set(&mut record, "resources", resources.collect());
    // Members without a place in OCSF, by their paths in the record.
    for (path, value) in event.get("unmapped").and_then(Value::as_object).into_iter().flatten() {
        set(&mut record, path, value.clone());
    }
    Value::Object(record)
}

/// Sets the parts of the caller that stand in one field. Older versions have the ARN in `uuid` and the principal in `uid`.
fn identity(event: &Value, record: &mut Map<String, Value>) {
    let text = |path: &str| at(event, path).and_then(Value::as_str);
    let ids = [text("actor.user.uid"), text("actor.user.uuid"), text("actor.user.uid_alt")].into_iter().flatten();
    let (arns, others): (Vec<&str>, Vec<&str>) = ids.partition(|id| id.starts_with("arn:"));
    arns.first().into_iter().for_each(|arn| set(record, "userIdentity.arn", (*arn).into()));
    let principal = others.last().copied();
    match (text("actor.idp.uid").filter(|uid| uid.contains(":identitystore")), principal) {
        (Some(store), Some(user)) => {
            set(record, "userIdentity.onBehalfOf.identityStoreArn", store.into());
            set(record, "userIdentity.onBehalfOf.userId", user.into());
        }
        (None, Some(principal)) => set(record, "userIdentity.principalId", principal.into()),
        (_, None) => {}
    }
}

/// The time of the call: `time_dt`, or `time` in milliseconds.
fn time(event: &Value) -> Option<Timestamp> {
    let text = event.get("time_dt").and_then(Value::as_str).and_then(|text| text.parse().ok());
    text.or_else(|| Timestamp::from_millisecond(event.get("time")?.as_i64()?).ok())
}

/// The value at a dotted path, if it has content.
fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(value, |value, key| value.get(key)).filter(|value| has_content(value))
}

/// Whether a value is neither null nor empty.
fn has_content(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(elements) => !elements.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// Sets the value at a dotted path, unless there is one.
fn set(record: &mut Map<String, Value>, path: &str, value: Value) {
    if !has_content(&value) {
        return;
    }
    let (key, rest) = path.split_once('.').map_or((path, None), |(key, rest)| (key, Some(rest)));
    match rest {
        None => drop(record.entry(key).or_insert(value)),
        Some(rest) => {
            if let Value::Object(inner) = record.entry(key).or_insert_with(|| Map::new().into()) {
                set(inner, rest, value);
            }
        }
    }
}
