//! Other people's Sigma rules: what Trailwarden says of them is compared with a literal reading of the specification.

mod forms;
mod opinion;
mod random;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use opinion::Rule;
use rsigma_eval::event::JsonEvent;
use rsigma_eval::{compile_rule, evaluate_rule};
use rsigma_parser::parse_sigma_yaml;
use serde_json::{Map, Value, json};
use trailwarden::event::Event;
use trailwarden::rules::{Options, RuleSet, UnusableRules};

use crate::support::{files, json_lines, public_data};

/// Generated records a rule.
const RECORDS: usize = 600;

/// The AWS rules of SigmaHQ: ours, and the second opinion on each that runs, by name.
fn both() -> (RuleSet, BTreeMap<String, Rule>) {
    let directory = public_data("sigma");
    let set = RuleSet::load_with(&Options {
        directories: vec![directory.clone()],
        unusable: UnusableRules::Skip,
        ..Options::default()
    });
    let set = set.unwrap();
    let skipped: BTreeSet<&str> = set.skipped().iter().filter_map(|fault| fault.rule.as_deref()).collect();
    let mut opinions = BTreeMap::new();
    for path in files(&directory) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if !skipped.contains(name.as_str()) {
            opinions.insert(name, Rule::parse(&fs::read_to_string(&path).unwrap()));
        }
    }
    (set, opinions)
}

/// Every record of the public logs.
pub(crate) fn real_records() -> Vec<Value> {
    let directory = public_data("cloudtrail");
    let mut records = Vec::new();
    for path in files(&directory.join("invictus-ir")) {
        let mut text = String::new();
        MultiGzDecoder::new(fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
        let mut document: Value = serde_json::from_str(&text).unwrap();
        records.append(document["Records"].as_array_mut().unwrap());
    }
    for name in ["stratus-red-team.jsonl", "traildiscover.jsonl"] {
        records.extend(json_lines(&directory.join(name)));
    }
    records
}

/// Whether the rule matches, as both say. `event` and `record` are the same.
fn verdict(set: &RuleSet, name: &str, opinion: &Rule, event: &Event<'_>, record: &Value) -> bool {
    let ours = set.evaluate_rule(name, event).is_some();
    assert_eq!(ours, opinion.matches(record), "{name}: ours is the left one, of {record}");
    ours
}

#[test]
#[ignore = "needs public data"]
fn all_public_rules_run_except_one_with_placeholders() {
    let (set, opinions) = both();
    let ran: Vec<&String> =
        opinions.keys().filter(|name| set.rules().iter().any(|rule| rule.info().name == **name)).collect();
    assert_eq!((ran.len(), opinions.len()), (57, 57));
    let mut reported: Vec<String> = set
        .skipped()
        .iter()
        .map(|fault| format!("{}: {}", fault.rule.as_deref().unwrap_or_default(), fault.reason))
        .collect();
    reported.sort_unstable();
    insta::assert_snapshot!(reported.join("\n"), @"
    aws_cloudtrail_console_login_success_from_susp_locations: `src_country|expand` has the placeholder `%Legitimate_Countries%`, which has no values; list them under `placeholders:` in the configuration file
    aws_cloudtrail_console_login_success_from_susp_locations: `src_ip|expand` has the placeholder `%Legitimate_IP_Ranges%`, which has no values; list them under `placeholders:` in the configuration file
    ");
}

#[test]
#[ignore = "needs public data"]
fn a_literal_reading_agrees_on_every_real_record() {
    let ((set, opinions), records) = (both(), real_records());
    assert_eq!(records.len(), 3_520);
    let mut hits: BTreeMap<&str, usize> = BTreeMap::new();
    for record in &records {
        let text = record.to_string();
        let event = Event::parse(&text).unwrap();
        for (name, opinion) in &opinions {
            if verdict(&set, name, opinion, &event, record) {
                *hits.entry(name).or_default() += 1;
            }
        }
    }
    let reported: Vec<String> = hits.iter().map(|(name, hits)| format!("{name}: {hits}")).collect();
    insta::assert_snapshot!(reported.join("\n"), @"
    aws_cloudtrail_bucket_deleted: 5
    aws_cloudtrail_console_login_success_without_mfa: 2
    aws_cloudtrail_disable_logging: 8
    aws_cloudtrail_new_acl_entries: 1
    aws_cloudtrail_new_route_added: 7
    aws_cloudtrail_security_group_change_ingress_egress: 9
    aws_cloudtrail_security_group_change_rds: 2
    aws_cloudtrail_ssm_malicious_usage: 3
    aws_cloudtrail_vpc_flow_logs_deleted: 2
    aws_config_disable_recording: 2
    aws_delete_identity: 1
    aws_efs_fileshare_modified_or_deleted: 1
    aws_efs_fileshare_mount_modified_or_deleted: 1
    aws_enum_buckets: 4
    aws_guardduty_disruption: 1
    aws_iam_backdoor_users_keys: 5
    aws_lambda_function_url: 1
    aws_new_lambda_layer_attached: 1
    aws_passed_role_to_glue_development_endpoint: 2
    aws_rds_change_master_password: 1
    aws_rds_dbcluster_actions: 1
    aws_snapshot_backup_exfiltration: 5
    aws_sts_assumerole_misuse: 221
    aws_sts_getsessiontoken_misuse: 1
    aws_susp_saml_activity: 1
    aws_update_login_profile: 2
    ");
}

/// `rsigma-eval` does not compare objects, and a wildcard of it does not match a line break; no record differs by that.
#[test]
#[ignore = "needs public data"]
fn another_evaluator_agrees_on_every_real_record() {
    let ((set, opinions), records) = (both(), real_records());
    let compiled: Vec<_> = files(&public_data("sigma"))
        .into_iter()
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap()))
        .filter(|(name, _)| opinions.contains_key(name))
        .map(|(name, text)| (name, compile_rule(&parse_sigma_yaml(&text).unwrap().rules[0]).unwrap()))
        .collect();
    assert_eq!(compiled.len(), 57);
    let mut differences = BTreeSet::new();
    for record in &records {
        let text = record.to_string();
        let event = Event::parse(&text).unwrap();
        for (name, theirs) in &compiled {
            let ours = set.evaluate_rule(name, &event).is_some();
            if ours != evaluate_rule(theirs, &JsonEvent::borrow(record)).is_some() {
                differences.insert(format!("{name}: ours {ours} on {}", record["eventName"]));
            }
        }
    }
    insta::assert_snapshot!(differences.into_iter().collect::<Vec<_>>().join("\n"), @"");
}

#[test]
#[ignore = "needs public data"]
fn a_literal_reading_agrees_on_records_generated_from_rules() {
    let (set, opinions) = both();
    let mut random = Random(0x5eed);
    for (name, opinion) in &opinions {
        let wanted = wanted(opinion);
        let mut hits = 0;
        for _ in 0..RECORDS {
            let record = record(&wanted, &mut random);
            let text = record.to_string();
            hits += usize::from(verdict(&set, name, opinion, &Event::parse(&text).unwrap(), &record));
        }
        assert!(hits > 9 && hits < RECORDS - 9, "{name} was hit by {hits} of {RECORDS}");
    }
}

/// What a rule asks of one field.
#[derive(Debug)]
struct Wanted {
    field: String,
    modifiers: Vec<String>,
    values: Vec<Value>,
    /// Whether that is under a filter, so that what fits does not match.
    excludes: bool,
}

fn wanted(rule: &Rule) -> BTreeMap<String, Vec<Wanted>> {
    let mut all: BTreeMap<String, Vec<Wanted>> = BTreeMap::new();
    for (name, body) in &rule.detections {
        let maps = body.as_array().map_or(std::slice::from_ref(body), Vec::as_slice);
        for (key, value) in maps.iter().flat_map(|map| map.as_object().unwrap()) {
            let mut parts = key.split('|').map(str::to_owned);
            let field = parts.next().unwrap();
            let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
            let one = Wanted {
                field: field.clone(),
                modifiers: parts.collect(),
                values,
                excludes: name.starts_with("filter"),
            };
            all.entry(field).or_default().push(one);
        }
    }
    all
}

/// A fixed sequence of numbers that looks random (xorshift).
pub(crate) struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

/// A record of the fields the rule names, each with a value it asks for or something near it.
fn record(wanted: &BTreeMap<String, Vec<Wanted>>, random: &mut Random) -> Value {
    let mut record = json!({"eventVersion": "1.08"});
    let passes_filters = random.below(2) == 0;
    for items in wanted.values() {
        let one = random.of(items);
        if passes_filters && one.excludes {
            continue;
        }
        let fieldref = one.modifiers.iter().any(|modifier| modifier == "fieldref");
        let good = fitting(one, random);
        let value = match random.below(10) {
            0..6 => Some(good.clone()),
            6 => None,
            // Arrays and objects that refer to each other are an exception, see `forms`.
            _ if fieldref => Some(near_scalar(&good, random)),
            _ => Some(near(&good, random)),
        };
        if fieldref && random.below(3) > 0 {
            let other = if random.below(2) == 0 { good } else { near_scalar(&good, random) };
            put(&mut record, one.values[0].as_str().unwrap(), other);
        }
        if let Some(value) = value {
            put(&mut record, &one.field, value);
        }
    }
    for (_, member) in record.as_object_mut().unwrap() {
        if member.is_object() && random.below(6) == 0 {
            *member = json!([{"other": 1}, member.take(), null]);
        }
    }
    record
}

/// A value that the rule asks for.
fn fitting(wanted: &Wanted, random: &mut Random) -> Value {
    const FILLINGS: [&str; 4] = ["", "x", "a \"b\"", "one\ntwo"];
    let has = |modifier: &str| wanted.modifiers.iter().any(|one| one == modifier);
    let filling = |random: &mut Random| FILLINGS[random.below(FILLINGS.len())];
    let filled = |value: &Value, random: &mut Random| {
        let text = value.as_str().unwrap().replace(".+", "aws").replace('*', filling(random));
        let before = if has("contains") || has("endswith") { filling(random) } else { "" };
        let after = if has("contains") || has("startswith") { filling(random) } else { "" };
        format!("{before}{text}{after}")
    };
    let value = random.of(&wanted.values).clone();
    if value.is_null() || has("fieldref") {
        return if value.is_null() { value } else { "eve".into() };
    }
    if has("all") {
        return wanted.values.iter().map(|value| filled(value, random)).collect::<String>().into();
    }
    filled(&value, random).into()
}

/// A scalar that is nearly the value.
fn near_scalar(value: &Value, random: &mut Random) -> Value {
    let text = value.as_str().unwrap_or("Success");
    match random.below(8) {
        0 => text.to_uppercase().into(),
        1 => text.to_lowercase().into(),
        2 => format!("{text}x").into(),
        3 => format!("x{text}").into(),
        4 => "".into(),
        5 => Value::Null,
        6 => 7.into(),
        _ => text.parse::<bool>().unwrap_or_default().into(),
    }
}

/// The value, something that is nearly it, or either within a list or an object.
fn near(value: &Value, random: &mut Random) -> Value {
    let other = near_scalar(value, random);
    match random.below(8) {
        0 => json!([value, other]),
        1 => json!([other, [value]]),
        2 => json!([other]),
        3 => json!([]),
        4 => json!({}),
        5 => json!({"inner": value, "b": [other, {"c": 1}, null]}),
        6 => json!([{"inner": {"deeper": value}}, other]),
        _ => other,
    }
}

fn put(record: &mut Value, path: &str, value: Value) {
    let mut place = record;
    for key in path.split('.') {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        place = place.as_object_mut().unwrap().entry(key).or_insert(Value::Null);
    }
    *place = value;
}
