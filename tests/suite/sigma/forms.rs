//! The hard forms of Sigma, with verdicts written by hand.

use std::fs;

use serde_json::{Value, json};
use trailwarden::event::Event;
use trailwarden::rules::{Options, RuleSet, UnusableRules};

use super::opinion::Rule;

/// The rules of a file called `form.yml`; those that ask for what is not supported are left out.
fn load(text: &str) -> RuleSet {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("form.yml"), text).unwrap();
    let directories = vec![directory.path().to_owned()];
    RuleSet::load_with(&Options { directories, unusable: UnusableRules::Skip, ..Options::default() })
        .unwrap_or_else(|faults| panic!("{text}\n{faults}"))
}

fn rule(detection: &str) -> String {
    let detection: String = detection.lines().map(|line| format!("  {line}\n")).collect();
    format!("title: A form\nlogsource: {{product: aws, service: cloudtrail}}\ndetection:\n{detection}")
}

/// A rule of one selection.
fn selection(items: &str) -> String {
    rule(&format!("s: {items}\ncondition: s"))
}

/// What a rule says of some records: of each in the first list that it matches, of each in the second that it does not.
struct Form {
    rule: String,
    hits: Vec<Value>,
    misses: Vec<Value>,
}

fn form<const H: usize, const M: usize>(rule: String, hits: [Value; H], misses: [Value; M]) -> Form {
    Form { rule, hits: hits.to_vec(), misses: misses.to_vec() }
}

/// Whether our side matches. Every record gets the members that all records have.
fn matches(set: &RuleSet, name: &str, record: &Value) -> bool {
    let text = complete(record).to_string();
    set.evaluate_rule(name, &Event::parse(&text).unwrap()).is_some()
}

fn complete(record: &Value) -> Value {
    let mut record = record.clone();
    record["eventVersion"] = "1.08".into();
    record
}

/// `both`: the second opinion has to agree.
fn check(forms: Vec<Form>, both: bool) {
    for Form { rule, hits, misses } in forms {
        let (set, opinion) = (load(&rule), Rule::parse(&rule));
        assert!(set.skipped().is_empty(), "{rule}\n{:?}", set.skipped());
        for (record, expected) in hits.iter().map(|hit| (hit, true)).chain(misses.iter().map(|miss| (miss, false))) {
            assert_eq!(matches(&set, "form", record), expected, "{record} by\n{rule}");
            if both {
                assert_eq!(opinion.matches(&complete(record)), expected, "the opinion on {record} by\n{rule}");
            }
        }
    }
}

#[test]
fn fields_and_values() {
    let at = |value: Value| json!({"a": {"b": value}});
    check(
        vec![
            // Null is null or missing, but not empty.
            form(
                selection("{a.b: null}"),
                [at(Value::Null), json!({}), json!({"a": [{"b": null}, {}, {"b": null}]})],
                [at(json!("")), at(json!([])), json!({"a": [{"b": null}, {"b": 0}]})],
            ),
            form(selection("{a.b: [null, x*]}"), [at(json!("xy")), json!({})], [at(json!("y"))]),
            form(selection("{a.b: ''}"), [at(json!(""))], [at(json!(" ")), at(Value::Null), json!({})]),
            // The text of an object, with what is quoted within a string of it.
            form(
                selection("{a|contains: Suspended}"),
                [at(json!("suspended")), at(json!({"c": [{"d": "Suspended"}]})), json!({"a": "is suspended"})],
                [at(json!("Enabled")), json!({"Suspended": 1}), json!({"a": null})],
            ),
            form(
                selection("{a|contains|all: ['\"s3:Get', '\"Allow\"']}"),
                [at(json!("{\"Action\": \"s3:GetObject\", \"Effect\": \"Allow\"}")), at(json!(["Allow", "s3:Get"]))],
                [at(json!("\"Allow\"")), at(json!("Allow s3:Get"))],
            ),
            form(selection("{a: '{\"b\":1}'}"), [at(json!(1))], [at(json!("1")), at(json!(2))]),
            // Through arrays, of objects and of values.
            form(
                selection("{a.b.c: x}"),
                [json!({"a": [{"b": {"c": "y"}}, {"b": [{"c": ["y", "X"]}]}]}), at(json!({"c": "x"}))],
                [json!({"a": [{"b": {"c": "y"}}, {"c": "x"}]}), at(json!([])), at(json!(["x"]))],
            ),
            // Text, numbers and booleans.
            form(selection("{a.b: '22'}"), [at(json!(22)), at(json!("22"))], [at(json!(220)), at(json!("x22"))]),
            form(selection("{a.b: 22}"), [at(json!(22)), at(json!("22"))], [at(json!(2)), at(json!(true))]),
            form(selection("{a.b: 'false'}"), [at(json!(false)), at(json!("False"))], [at(json!(0)), at(Value::Null)]),
            form(selection("{a.b: true}"), [at(json!(true)), at(json!("TRUE"))], [at(json!(false)), json!({})]),
            form(selection("{a.b: '18446744073709551615'}"), [at(json!(u64::MAX))], [at(json!(u64::MAX - 1))]),
            form(
                selection("{a.b|gte: 20, a.b|lt: 30}"),
                [at(json!(20)), at(json!("29.5"))],
                [at(json!(30)), at(json!("x")), json!({})],
            ),
            form(
                selection("{a.b|cidr: [10.0.0.0/8, 'fd00::/8']}"),
                [at(json!("10.1.2.3")), at(json!("fd00::1"))],
                [at(json!("11.0.0.1")), at(json!("10.0.0.0/8")), at(json!("AWS Internal"))],
            ),
            // There, with whatever value, also an empty one.
            form(
                selection("{a.b|contains: '*'}"),
                [at(json!("x")), at(json!("")), at(json!(0)), at(json!({})), at(json!(["x"])), at(json!("\n"))],
                [at(Value::Null), json!({}), at(json!([]))],
            ),
            form(selection("{a.b|exists: true}"), [at(json!("")), at(json!([])), at(json!(0))], [json!({})]),
            form(selection("{a.b|exists: false}"), [json!({}), json!({"a": 1})], [at(json!(""))]),
        ],
        true,
    );
}

#[test]
fn wildcards_and_modifiers() {
    let at = |value: &str| json!({"a": value});
    check(
        vec![
            form(selection("{a: 'x*y?'}"), [at("xyz"), at("X--Yz"), at("x\n\ny\n")], [at("xy"), at("axyz")]),
            form(selection(r"{a: 'x\*'}"), [at("x*"), at("X*")], [at("xy"), at(r"x\*")]),
            form(selection(r"{a: 'x\?\y\'}"), [at(r"x?\y\")], [at(r"xa\y\")]),
            form(selection(r"{a: 'x\\*'}"), [at(r"x\"), at(r"x\y")], [at("x*"), at("x")]),
            form(selection("{a|startswith: 'x?z'}"), [at("xyz"), at("xyz!")], [at("!xyz"), at("xz")]),
            form(selection("{a|endswith: ['x?z', q]}"), [at("xyz"), at("!xyz"), at("Q")], [at("xyz!"), at("qx")]),
            form(selection("{a|contains: 'x*z'}"), [at("-xyz-"), at("-x\nz-")], [at("zx")]),
            form(selection("{a|contains: 'x.z'}"), [at("-X.z-")], [at("xyz")]),
            form(selection("{a|cased: 'X*'}"), [at("Xy")], [at("xy")]),
            form(selection("{a|contains|cased: Xy}"), [at("-Xy-")], [at("-xy-")]),
            form(selection("{a|contains|all: [x, 'y*z']}"), [at("yz x"), at("X y-Z")], [at("x"), at("zy x")]),
            form(selection("{a|re: '^x.+y$'}"), [at("x-y")], [at("X-y"), at("x\ny"), at("ax-y")]),
            form(selection("{a|re|i|s: '^x.+y$'}"), [at("X-y"), at("x\ny")], [at("xy")]),
            form(selection("{a|re|m: '^x$'}"), [at("y\nx\nz")], [at("y x")]),
            form(selection("{a|neq: [x, 'y*']}"), [at("z"), json!({}), json!({"a": null})], [at("X"), at("yes")]),
            form(
                selection("{a|fieldref: b.c}"),
                [json!({"a": "x", "b": {"c": "X"}}), json!({"a": "1", "b": {"c": 1}})],
                [
                    json!({"a": "x", "b": {"c": "y"}}),
                    json!({"a": "b.c"}),
                    json!({"a": null, "b": {"c": null}}),
                    json!({}),
                ],
            ),
            form(
                selection("{a|fieldref|endswith: b}"),
                [json!({"a": "user/eve", "b": "eve"})],
                [json!({"a": "eve/x", "b": "eve"}), json!({"a": "*", "b": "x*"})],
            ),
        ],
        true,
    );
}

/// The second opinion does not know these.
#[test]
fn encodings_dashes_and_times() {
    let at = |value: &str| json!({"a": value});
    check(
        vec![
            form(
                selection("{a|windash|contains: ' -enc'}"),
                [at("x -enc"), at("x /ENC"), at("x \u{2014}enc")],
                [at("x +enc"), at("-enc")],
            ),
            form(selection("{a|windash: '-a*-b'}"), [at("/a--b"), at("-a-b")], [at("-a+b")]),
            form(selection("{a|base64: hello}"), [at("aGVsbG8=")], [at("hello"), at("xaGVsbG8=")]),
            form(selection("{a|wide|base64|contains: hi}"), [at("-aABpAA==-")], [at("aGk=")]),
            form(
                selection("{a|base64offset|contains: foobar}"),
                [at("Zm9vYmFy"), at("eGZvb2Jhcg=="), at("eHhmb29iYXI=")],
                [at("foobar")],
            ),
            form(
                selection("{a|hour: [3, 4]}"),
                [
                    at("2023-07-10T03:59:00Z"),
                    at("2023-07-10T06:00:00+02:00"),
                    at("2023-07-10 04:00:00"),
                    json!({"a": 10_800}),
                ],
                [at("2023-07-10T05:00:00Z"), at("3"), json!({"a": null})],
            ),
            form(selection("{a|year: 2023, a|week: 28}"), [at("2023-07-10T03:59:00Z")], [at("2023-07-17T00:00:00Z")]),
            form(
                selection("{a|cidr: [10.0.0.0/8, 10.1.0.0/16, 192.0.2.0/31, 192.0.2.4/32, '::/127']}"),
                [at("10.255.255.255"), at("192.0.2.1"), at("192.0.2.4"), at("::1")],
                [at("9.255.255.255"), at("11.0.0.0"), at("192.0.2.2"), at("192.0.2.3"), at("192.0.2.5"), at("::2")],
            ),
            form(
                selection("{a: [k1, k2, k3, k4, k5, 'k6*', 7, '8']}"),
                [at("K5"), at("k6x"), json!({"a": 7}), json!({"a": 8.0}), at("8"), json!({"a": ["z", ["K1"]]})],
                [at("k7"), json!({"a": 9}), at("k")],
            ),
            form(
                selection("{a|contains: [k1, k2, k3, k4, 'k5']}"),
                [at("xK5x"), at("k1"), json!({"a": {"b": "k3"}})],
                [at("k"), at("k 1")],
            ),
        ],
        false,
    );
}

#[test]
fn conditions() {
    let three = |condition: &str| rule(&format!("x_1: {{a: 1}}\nx_2: {{b: 1}}\ny: {{c: 1}}\ncondition: {condition}"));
    let record = |a: u8, b: u8, c: u8| json!({"a": a, "b": b, "c": c});
    check(
        vec![
            form(three("1 of x_*"), [record(1, 0, 0), record(0, 1, 0)], [record(0, 0, 1)]),
            form(three("all of x_*"), [record(1, 1, 0)], [record(1, 0, 1)]),
            form(three("1 of them"), [record(0, 0, 1)], [record(0, 0, 0)]),
            form(three("all of them"), [record(1, 1, 1)], [record(1, 1, 0)]),
            form(three("y and not 1 of x_*"), [record(0, 0, 1)], [record(1, 0, 1), record(0, 0, 0)]),
            form(three("x_1 or x_2 and y"), [record(1, 0, 0), record(0, 1, 1)], [record(0, 1, 0)]),
            form(three("(x_1 or x_2) and y"), [record(1, 0, 1)], [record(1, 0, 0)]),
            form(three("not (x_1 and (x_2 or not y))"), [record(1, 0, 1), record(0, 1, 0)], [record(1, 0, 0)]),
            form(three("[x_1, y]"), [record(1, 0, 0), record(0, 0, 1)], [record(0, 1, 0)]),
            // A list of maps, also under `not`.
            form(
                rule("s:\n  - {a: 1, b: 1}\n  - {c: [1, 2]}\ncondition: s"),
                [record(1, 1, 0), record(0, 0, 2)],
                [record(1, 0, 0)],
            ),
            form(rule("s:\n  - {a: 1}\n  - {b: 1}\ncondition: not s"), [record(0, 0, 1)], [record(0, 1, 1)]),
            // Keywords are found in any value at any depth.
            form(
                rule("s: [alpha, 'be?a*x', 42]\ncondition: s"),
                [json!({"a": [{"b": "the Alphabet"}]}), json!({"a": "a beta\n x!"}), json!({"a": {"b": 42}})],
                [json!({"a": "beta"}), json!({"alpha": 1}), json!({})],
            ),
            form(
                rule("s: {'|all': [alpha, beta]}\ncondition: s"),
                [json!({"a": "Alpha beta"}), json!({"a": "an alpha", "b": ["a beta"]})],
                [json!({"a": "alpha"})],
            ),
        ],
        true,
    );
}

/// Where the engine, and with it Trailwarden, departs from the specification or from what one may expect.
#[test]
fn known_exceptions() {
    check(
        vec![
            // The specification counts a null as present; CloudTrail writes null for what is absent.
            form(selection("{a|exists: true}"), [json!({"a": 1})], [json!({"a": null})]),
            // The specification knows `true` only; the engine takes these words for it too.
            form(selection("{a: true}"), [json!({"a": "yes"}), json!({"a": "1"})], [json!({"a": 1})]),
            // The specification is silent; the engine compares lists as a whole.
            form(
                selection("{a|fieldref: b}"),
                [json!({"a": ["x", "y"], "b": ["x", "y"]})],
                [json!({"a": ["x", "y"], "b": "x"})],
            ),
            // A number in a rule is compared as a number.
            form(selection("{a: 22}"), [json!({"a": "22.0"})], [json!({"a": "22 "})]),
        ],
        false,
    );
}

#[test]
fn several_documents_in_a_file_are_several_rules() {
    let text = format!("---\n{}---\n{}---\n", selection("{a: x}"), selection("{a: y}"));
    let set = load(&text);
    assert!(set.skipped().is_empty());
    let matched = |value: &str| ["form", "form-2"].map(|name| matches(&set, name, &json!({"a": value})));
    assert_eq!([matched("x"), matched("y"), matched("z")], [[true, false], [false, true], [false, false]]);
}

#[test]
fn unsupported_forms_have_clear_diagnostics() {
    let correlation = "title: Many\nname: many\ncorrelation:\n  type: event_count\n  rules: [form]\n  \
                       group-by: [awsRegion]\n  timespan: 5m\n  condition: {gte: 3}\n";
    let reported: Vec<String> = [
        selection("{a|expand: '%our_words%'}"),
        rule("s: {a: x}\ncondition: s | count() by b > 5"),
        rule("s: {a: x}\ntimeframe: 5m\ncondition: s"),
        correlation.to_owned(),
        rule("s: {a: x}\nt: {a: y}\ncondition: s | near t"),
    ]
    .iter()
    .map(|text| {
        let set = load(text);
        let skipped: Vec<String> = set
            .skipped()
            .iter()
            .map(|fault| format!("{}: {}", fault.rule.as_deref().unwrap_or_default(), fault.reason))
            .collect();
        skipped.join("\n")
    })
    .collect();
    insta::assert_snapshot!(reported.join("\n"), @"
    form: `a|expand` has the placeholder `%our_words%`, which has no values; list them under `placeholders:` in the configuration file
    form: `condition: s | count() by b > 5` counts over time (`| count()`, `| near`), which is not supported: each record is evaluated alone
    form: `timeframe` requires counting over time, which is not supported
    many: correlation over time is not supported: each record is evaluated alone
    form: `condition: s | near t` counts over time (`| count()`, `| near`), which is not supported: each record is evaluated alone
    ");
}
