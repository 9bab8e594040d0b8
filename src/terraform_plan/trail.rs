//! Trails, flow logs, detectors and recorders.

use serde_json::{Map, Value, json};

use super::UNKNOWN;
use super::change::Change;
use crate::derived_call::DerivedCall;

/// Settings of a trail in Terraform, in CloudTrail and its default.
const SETTINGS: [(&str, &str); 6] = [
    ("is_multi_region_trail", "isMultiRegionTrail"),
    ("include_global_service_events", "includeGlobalServiceEvents"),
    ("enable_log_file_validation", "enableLogFileValidation"),
    ("is_organization_trail", "isOrganizationTrail"),
    ("s3_bucket_name", "s3BucketName"),
    ("kms_key_id", "kmsKeyId"),
];

/// `aws_cloudtrail`.
pub(super) fn trail(change: &Change<'_>) -> Vec<DerivedCall> {
    let cloudtrail = |name, request| DerivedCall::new("cloudtrail", name, request);
    let name = change.now("name").and_then(Value::as_str).filter(|_| !change.is_new());
    let name = name.map_or_else(|| change.name_or_address("name"), str::to_owned);
    if change.is_deleted() {
        return vec![cloudtrail("DeleteTrail", json!({"name": name}))];
    }
    let mut calls = Vec::new();
    let planned = |name: &&(&str, &str)| change.get(name.0).is_some_and(|value| *value != UNKNOWN);
    let member = |(setting, member): &(&str, &str)| Some(((*member).to_owned(), change.get(setting)?.clone()));
    let settings: Map<String, Value> = SETTINGS.iter().filter(planned).filter_map(member).collect();
    let mut response = settings.clone();
    response.insert("name".to_owned(), name.clone().into());
    if change.is_new() {
        let mut request = settings;
        request.insert("name".to_owned(), name.clone().into());
        calls.push(cloudtrail("CreateTrail", Value::Object(request)).with_response(Value::Object(response)));
    } else {
        let changed = SETTINGS.iter().filter(|(setting, _)| change.get(setting) != change.now(setting));
        let mut request: Map<String, Value> = changed.filter(planned).filter_map(member).collect();
        if !request.is_empty() {
            request.insert("name".to_owned(), name.clone().into());
            calls.push(cloudtrail("UpdateTrail", Value::Object(request)).with_response(Value::Object(response)));
        }
    }
    if change.changes("enable_logging") && change.get("enable_logging") == Some(&Value::Bool(false)) {
        calls.push(cloudtrail("StopLogging", json!({"name": name})));
    }
    calls.extend(selectors(change, &name).map(|request| cloudtrail("PutEventSelectors", request)));
    calls
}

/// The event selectors, if they change.
fn selectors(change: &Change<'_>, trail: &str) -> Option<Value> {
    let blocks = |name: &str| change.get(name).filter(|_| change.changes(name)).and_then(Value::as_array);
    if let Some(selectors) = blocks("advanced_event_selector").filter(|blocks| !blocks.is_empty()) {
        let selectors: Vec<Value> = selectors
            .iter()
            .map(|selector| {
                let fields = selector.get("field_selector").and_then(Value::as_array).into_iter().flatten();
                let fields: Vec<Value> = fields.map(field_selector).collect();
                json!({"name": selector.get("name"), "fieldSelectors": fields})
            })
            .collect();
        return Some(json!({"trailName": trail, "advancedEventSelectors": selectors}));
    }
    let selectors = blocks("event_selector").filter(|blocks| !blocks.is_empty())?;
    let selectors: Vec<Value> = selectors
        .iter()
        .map(|selector| {
            json!({
                "readWriteType": selector.get("read_write_type"),
                "includeManagementEvents": selector.get("include_management_events"),
                "excludeManagementEventSources": selector.get("exclude_management_event_sources"),
                "dataResources": [],
            })
        })
        .collect();
    Some(json!({"trailName": trail, "eventSelectors": selectors}))
}

fn field_selector(block: &Value) -> Value {
    let names = [
        ("equals", "equals"),
        ("not_equals", "notEquals"),
        ("starts_with", "startsWith"),
        ("not_starts_with", "notStartsWith"),
        ("ends_with", "endsWith"),
        ("not_ends_with", "notEndsWith"),
    ];
    let mut selector = Map::new();
    selector.insert("field".to_owned(), block.get("field").cloned().unwrap_or_default());
    let is_filled = |value: &&Value| value.as_array().is_some_and(|values| !values.is_empty());
    let set = names.into_iter().filter_map(|(name, member)| Some((member, block.get(name).filter(is_filled)?)));
    selector.extend(set.map(|(member, values)| (member.to_owned(), values.clone())));
    Value::Object(selector)
}

/// `aws_flow_log`.
pub(super) fn flow_log(change: &Change<'_>) -> Vec<DerivedCall> {
    let request = || json!({"FlowLogId": {"content": change.id(), "tag": 1}});
    let call = || DerivedCall::ec2("DeleteFlowLogs", json!({"DeleteFlowLogsRequest": request()}));
    change.is_deleted().then(call).into_iter().collect()
}

/// `aws_guardduty_detector`.
pub(super) fn detector(change: &Change<'_>) -> Vec<DerivedCall> {
    let id = change.now("id").and_then(Value::as_str).unwrap_or(change.address);
    if change.is_deleted() {
        return vec![DerivedCall::new("guardduty", "DeleteDetector", json!({"detectorId": id}))];
    }
    let turns_off = change.changes("enable") && change.get("enable") == Some(&Value::Bool(false));
    let call = || DerivedCall::new("guardduty", "UpdateDetector", json!({"detectorId": id, "enable": false}));
    turns_off.then(call).into_iter().collect()
}

/// The recorder of AWS Config.
pub(super) fn recorder(change: &Change<'_>) -> Vec<DerivedCall> {
    let name = change.now("name").and_then(Value::as_str).map_or_else(|| change.name_or_address("name"), str::to_owned);
    let call = |operation| vec![DerivedCall::new("config", operation, json!({"configurationRecorderName": name}))];
    let is_status = change.kind == "aws_config_configuration_recorder_status";
    if change.is_deleted() {
        return call(if is_status { "StopConfigurationRecorder" } else { "DeleteConfigurationRecorder" });
    }
    let turns_off = is_status && change.changes("is_enabled") && change.get("is_enabled") == Some(&Value::Bool(false));
    if turns_off { call("StopConfigurationRecorder") } else { Vec::new() }
}
