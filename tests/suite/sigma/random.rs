//! Random rules over random records: our evaluator, the literal reading of the specification and `rsigma-eval` agree.
//!
//! What is left out are the differences that `src/rules/sigma.rs` documents; `forms` has the verdicts on those.

use std::fs;

use rsigma_eval::event::JsonEvent;
use rsigma_eval::{compile_rule, evaluate_rule};
use rsigma_parser::parse_sigma_yaml;
use serde_json::{Map, Value, json};
use trailwarden::event::Event;
use trailwarden::rules::{Options, RuleSet};

use super::Random;
use super::opinion::Rule;

const RULES: usize = 300;
const RECORDS: usize = 60;

/// Fields with one text or number, so that `|fieldref` may refer to them.
const SCALARS: [&str; 2] = ["eventName", "errorCode"];
const FIELDS: [&str; 6] = ["eventName", "errorCode", "a.b", "a.c.d", "l.k", "l.n"];

fn text(random: &mut Random) -> Value {
    let texts =
        ["x", "Xy", "xyz", "aXyz", "22", "220", "é", "ÉZ", "10.0.0.1", "fd00::1", "a-b", "", "x y", "true", "x\\y"];
    (*random.of(&texts)).into()
}

fn scalar(random: &mut Random) -> Value {
    match random.below(10) {
        0 => 22.into(),
        1 => (-3).into(),
        2 => random.below(2).eq(&0).into(),
        3 => Value::Null,
        _ => text(random),
    }
}

fn wanted(random: &mut Random) -> Value {
    let patterns = ["x*", "*z", "?y*", "*Y*", "x?z", "*", "?*", r"x\*", r"x\\*", "É*", "x*y*z", "**x"];
    match random.below(3) {
        0 => (*random.of(&patterns)).into(),
        _ => scalar(random),
    }
}

/// One item: its key and what it is compared with. `strict`: only what `rsigma-eval` reads alike.
fn item(random: &mut Random, strict: bool) -> (String, Value) {
    let field = *random.of(&FIELDS);
    let several = |random: &mut Random, one: fn(&mut Random) -> Value| -> Value {
        let mut values: Vec<Value> = (0..1 + random.below(7)).map(|_| one(random)).collect();
        if strict && values.len() > 1 {
            values.retain(|value| !value.is_null());
        }
        if values.len() == 1 { values.remove(0) } else { values.into() }
    };
    let of = |choices: &[&str], random: &mut Random| Value::from(*random.of(choices));
    match random.below(12) {
        0 => (format!("{field}|contains"), several(random, text)),
        1 => (format!("{field}|startswith"), several(random, text)),
        2 => (format!("{field}|endswith|cased"), several(random, text)),
        3 => (format!("{field}|cased"), several(random, text)),
        4 => (format!("{field}|contains|all"), json!([text(random), text(random)])),
        5 => (format!("{field}|re"), of(&["^x", "y.$", "[0-9]+", "^(?i)xy", "^$"], random)),
        6 => (format!("{field}|cidr"), json!(["10.0.0.0/8", "fd00::/8", "10.0.0.0/30"])),
        7 => {
            let modifier = *random.of(&["gt", "gte", "lt", "lte"]);
            (format!("{field}|{modifier}"), json!(random.below(30)))
        }
        8 => (format!("{field}|exists"), random.below(2).eq(&0).into()),
        9 if !strict => (format!("{field}|neq"), several(random, wanted)),
        10 => {
            let modifier = *random.of(&["", "|contains", "|startswith", "|endswith"]);
            (format!("{}|fieldref{modifier}", random.of(&SCALARS)), (*random.of(&SCALARS)).into())
        }
        _ => (field.to_owned(), several(random, if strict { text } else { wanted })),
    }
}

fn map(random: &mut Random, strict: bool) -> Value {
    Value::Object((0..1 + random.below(2)).map(|_| item(random, strict)).collect())
}

fn selection(random: &mut Random, strict: bool) -> Value {
    match random.below(6) {
        0 => json!([map(random, strict), map(random, strict)]),
        1 => json!(["xy", "éz"]),
        2 if strict => {
            let quantifier = *random.of(&["any", "all", "none", "all_or_empty"]);
            json!({format!("l[{quantifier}]"): {"k": text(random), "n|exists": random.below(2) == 0}})
        }
        3 if strict => json!({"t[any]": text(random), "t[none]|contains": text(random)}),
        4 if strict => json!({"l[any]": {"c": {"k": text(random)}, "d": {"n|gt": 5}, "condition": "c and not d"}}),
        _ => map(random, strict),
    }
}

fn rule(name: &str, random: &mut Random, strict: bool) -> Value {
    let conditions =
        ["s_1", "s_1 and s_2", "s_1 or s_2", "s_1 and not f", "1 of s_*", "all of s_*", "not (s_1 or f)", "1 of them"];
    let mut rule = json!({"title": name, "name": name, "logsource": {"product": "aws", "service": "cloudtrail"},
        "detection": {"s_1": selection(random, strict), "s_2": selection(random, strict), "f": selection(random, strict),
                      "condition": random.of(&conditions)}});
    if strict {
        rule["sigma-version"] = 3.into();
    }
    rule
}

fn record(random: &mut Random, strict: bool) -> Value {
    let any = |random: &mut Random| match random.below(8) {
        0 => json!([scalar(random), scalar(random)]),
        1 => json!([]),
        2 if !strict => json!({"inner": scalar(random)}),
        3 if !strict => json!([{"inner": scalar(random)}, [text(random)]]),
        _ => scalar(random),
    };
    let mut record = Map::new();
    record.insert("eventVersion".into(), "1.08".into());
    for field in SCALARS {
        if random.below(4) > 0 {
            record.insert(field.into(), text(random));
        }
    }
    let (b, d) = (any(random), any(random));
    record.insert(
        "a".into(),
        if random.below(5) == 0 { json!([{"b": b}, {"c": {"d": d}}]) } else { json!({"b": b, "c": {"d": d}}) },
    );
    let elements: Vec<Value> =
        (0..random.below(4)).map(|_| json!({"k": scalar(random), "n": scalar(random)})).collect();
    record.insert("l".into(), elements.into());
    record.insert("t".into(), json!([text(random), text(random)]));
    record.into()
}

/// Our verdicts on random records by random rules, each compared with that of another evaluator.
fn compare(strict: bool, other: impl Fn(&str) -> Box<dyn Fn(&Value) -> bool>) {
    let mut random = Random(0x00c0_ffee);
    let directory = tempfile::tempdir().unwrap();
    let rules: Vec<String> =
        (0..RULES).map(|number| rule(&format!("r{number}"), &mut random, strict).to_string()).collect();
    for (number, text) in rules.iter().enumerate() {
        fs::write(directory.path().join(format!("r{number}.yml")), text).unwrap();
    }
    let set = RuleSet::load_with(&Options { directories: vec![directory.path().to_owned()], ..Options::default() });
    let set = set.unwrap_or_else(|faults| panic!("{faults}"));
    let records: Vec<(String, Value)> =
        (0..RECORDS).map(|_| record(&mut random, strict)).map(|record| (record.to_string(), record)).collect();
    let events: Vec<Event<'_>> = records.iter().map(|(text, _)| Event::parse(text).unwrap()).collect();
    let mut hits = 0;
    for (number, text) in rules.iter().enumerate() {
        let other = other(text);
        for (event, (_, record)) in events.iter().zip(&records) {
            let ours = set.evaluate_rule(&format!("r{number}"), event).is_some();
            assert_eq!(ours, other(record), "ours is the left one, of {record} by {text}");
            hits += usize::from(ours);
        }
    }
    let all = RULES * RECORDS;
    assert!(hits > all / 10 && hits < all - all / 10, "{hits} of {all}");
}

#[test]
fn a_literal_reading_agrees_on_random_rules() {
    compare(false, |text| {
        let rule = Rule::parse(text);
        Box::new(move |record| rule.matches(record))
    });
}

#[test]
fn another_evaluator_agrees_on_random_rules() {
    compare(true, |text| {
        let compiled = compile_rule(&parse_sigma_yaml(text).unwrap().rules[0]).unwrap();
        Box::new(move |record| evaluate_rule(&compiled, &JsonEvent::borrow(record)).is_some())
    });
}
