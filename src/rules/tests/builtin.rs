//! The built-in rules, which are parsed when they are needed.

use std::collections::BTreeSet;
use std::fs;

use proptest::prelude::*;
use rsigma_parser::parse_sigma_yaml;
use walkdir::WalkDir;

use super::*;
use crate::app::{Configuration, ConfigurationFile};
use crate::rules::load::attributes::Attributes;
use crate::rules::load::header::Header;
use crate::rules::sigma::placeholder;

/// The built-in files, parsed and compiled when they are loaded, like a user's.
fn eager_files() -> Vec<RuleFile> {
    files::builtin().into_iter().map(|file| RuleFile { header: None, ..file }).collect()
}

/// Returns the file and text of every fixture.
pub(super) fn records() -> Vec<(String, String)> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/rules");
    let files = WalkDir::new(fixtures).min_depth(2).sort_by_file_name().into_iter().map(Result::unwrap);
    let mut records = Vec::new();
    for path in files.map(walkdir::DirEntry::into_path).filter(|path| path.is_file()) {
        let text = fs::read_to_string(&path).unwrap();
        let is_lines = path.extension().is_some_and(|extension| extension == "jsonl");
        let texts = if is_lines { text.lines().map(str::to_owned).collect() } else { vec![text] };
        records.extend(texts.into_iter().map(|text| (path.display().to_string(), text)));
    }
    records
}

#[test]
fn the_text_of_each_built_in_rule_is_its_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let built_in = files::builtin();
    for file in &built_in {
        assert_eq!(file.text, fs::read_to_string(root.join(file.name.as_ref())).unwrap(), "{}", file.name);
    }
    assert_eq!(built_in.len(), files::in_directory(&root.join("rules"), &mut Vec::new()).len());
}

#[test]
fn headers_agree_with_the_parser() {
    let mut taken = BTreeSet::new();
    for file in files::builtin() {
        let header = file.header.as_ref().unwrap_or_else(|| panic!("{} has no header", file.name));
        assert_eq!(file.documents().len(), 1, "{}", file.name);
        let collection = parse_sigma_yaml(&file.text).unwrap();
        let others = collection.errors.len() + collection.correlations.len() + collection.filters.len();
        assert_eq!((collection.rules.len(), others), (1, 0), "{}", file.name);
        let sigma = &collection.rules[0];
        let mut reasons = Vec::new();
        let attributes = Attributes::parse(sigma, "", &mut reasons);
        assert_eq!(reasons, [], "{}", file.name);
        assert_eq!(Some(header.name), sigma.name.as_deref(), "{}", file.name);
        assert_eq!(header.id, sigma.id.as_deref(), "{}", file.name);
        assert_eq!(header.enabled, attributes.enabled, "{}", file.name);
        assert_eq!(header.placeholders, placeholder::names(sigma), "{}", file.name);
        for key in [Some(header.name), header.id].into_iter().flatten() {
            assert!(taken.insert(key.to_ascii_lowercase()), "{key} of {} is taken", file.name);
        }
    }
}

#[test]
fn a_text_that_is_not_one_named_rule_has_no_header() {
    let text = "title: t\nname: n\nlogsource: {product: aws}\ndetection:\n  s: {eventName: A}\n  condition: s\n";
    assert!(Header::parse(text).is_some());
    for other in ["---", "action: global", "name: two words", "detection: {}", "name:"] {
        let key = other.split(':').next().unwrap();
        let lines = text.lines().filter(|line| !line.starts_with(key) || key == "---");
        let text: String = lines.chain([other]).map(|line| format!("{line}\n")).collect();
        assert!(Header::parse(text.leak()).is_none(), "{other}");
    }
}

/// Every fixture is evaluated with both, so that the variants of each rule are compiled too.
#[test]
fn lazily_compiled_rules_have_the_same_findings() {
    let configuration = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/rules/trailwarden.yml");
    let mut hit = BTreeSet::new();
    for file in [ConfigurationFile::default(), ConfigurationFile::read(&configuration).unwrap()] {
        let enabled = RuleSet::load(&[]).unwrap().infos().map(|rule| rule.name.clone()).collect();
        let options = Options { enabled, explain: true, ..Configuration::of_file(file).rule_options() };
        let lazy = RuleSet::load_with(&options).unwrap();
        let eager = RuleSet::compile(&eager_files(), &options, Vec::new()).unwrap();
        for (file, text) in records() {
            let event = Event::parse(&text).unwrap();
            let found = lazy.evaluate(&event);
            assert_eq!(format!("{found:?}"), format!("{:?}", eager.evaluate(&event)), "{file}");
            hit.extend(found.into_iter().map(|finding| finding.rule.name.clone()));
        }
        for (one, other) in lazy.rules().iter().zip(eager.rules()) {
            assert_eq!(one.info(), other.info());
            assert_eq!((one.name(), one.id(), one.pack()), (other.name(), other.id(), other.pack()));
            assert_eq!((one.runs(), one.runs_by_default()), (other.runs(), other.runs_by_default()));
            assert_eq!(one.call_patterns(), other.call_patterns());
            assert_eq!(one.call_patterns_when_filled(), other.call_patterns_when_filled());
            assert_eq!(one.placeholders(), other.placeholders());
            assert_eq!((one.file(), one.text()), (other.file(), other.text()));
            assert_eq!(one.escalated_severity(), other.escalated_severity());
            assert_eq!(one.sigma(), other.sigma());
        }
        assert_eq!(lazy.rules().len(), eager.rules().len());
    }
    let all: BTreeSet<String> = RuleSet::load(&[]).unwrap().infos().map(|rule| rule.name.clone()).collect();
    assert_eq!(hit, all);
}

/// Compares the rule sets before any rule is parsed, so that the headers are used.
#[test]
fn headers_name_every_call_that_the_rule_can_match() {
    for text in [
        "",
        "packs: {tamper: false, blocked-actions-extended: true}\nrules: {trail-stopped: {enabled: true}}",
        "rules: {role-trust-public: {level: low}, sg-ingress-world: {enabled: false}, role-trust-external: {level: high}}",
        "placeholders: {own_roles: [], own_topics: [alerts], own_keys: [a, b]}",
        "placeholders: {own_trails: [t], own_log_groups: [g], own_buckets: [b], watched_buckets: ['payroll-*']}",
        "live-state: {exempt-vpc-tags: [INTERNAL]}",
    ] {
        let settings = ConfigurationFile::parse("trailwarden.yml", text.to_owned()).unwrap().rules;
        let options = Options { settings, ..Options::default() };
        let lazy = RuleSet::load_with(&options).unwrap();
        let eager = RuleSet::compile(&eager_files(), &options, Vec::new()).unwrap();
        for (source, name) in calls_of(&eager) {
            for name in [name.clone(), name.to_ascii_uppercase(), format!("{name}20150331"), format!("{name}s")] {
                let names = |set: &RuleSet| -> Vec<String> {
                    set.rules_for_call(&source, &name).map(|rule| rule.name().to_owned()).collect()
                };
                assert_eq!(names(&lazy), names(&eager), "{text}: {source} {name}");
            }
        }
        for (one, other) in lazy.rules().iter().zip(eager.rules()) {
            assert_eq!((one.name(), one.id(), one.pack()), (other.name(), other.id(), other.pack()));
            assert_eq!((one.runs(), one.runs_by_default()), (other.runs(), other.runs_by_default()), "{}", one.name());
            assert_eq!(one.placeholders(), other.placeholders());
            assert_eq!(one.call_patterns(), other.call_patterns(), "{text}");
            assert_eq!(one.call_patterns_when_filled(), other.call_patterns_when_filled());
            assert_eq!((one.info(), one.escalated_severity()), (other.info(), other.escalated_severity()), "{text}");
        }
    }
}

/// Returns every source and name in call patterns, with wildcards unchanged.
fn calls_of(set: &RuleSet) -> BTreeSet<(String, String)> {
    let names = |names: &Names| match names {
        Names::Any => vec!["any".to_owned()],
        Names::These(names) => names.clone(),
    };
    let call_patterns = set.rules().iter().flat_map(|rule| &rule.call_patterns_when_filled().0);
    let calls = call_patterns.flat_map(|call_pattern| {
        let sources = names(&call_pattern.source).into_iter();
        sources.flat_map(|source| names(&call_pattern.name).into_iter().map(move |name| (source.clone(), name)))
    });
    calls.collect()
}

#[test]
fn a_name_or_id_of_a_built_in_rule_is_taken() {
    let set = RuleSet::load(&[]).unwrap();
    let rule = &set.rules()[7];
    for head in [format!("name: {}", rule.name()), format!("name: mine\nid: {}", rule.id().unwrap())] {
        let reported = diagnostics(&rule_with(&head, SELECTION));
        assert!(reported.contains("is taken by a rule in rules/"), "{reported}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// The built-in rules are compiled only when needed, and must not fail then.
    #[test]
    fn built_in_rules_can_be_compiled_with_any_value(
        values in prop::collection::vec("[ -~]{0,12}", 1..4),
        long in prop::sample::select(vec!["(", "\u{212a}", "[", "é", "%own_roles%"]),
    ) {
        let long = long.repeat(2048 / long.len());
        let values: Vec<String> = values.into_iter().chain([long]).collect();
        let placeholders: HashMap<&str, &Vec<String>> = PLACEHOLDERS.iter().map(|(name, _)| (*name, &values)).collect();
        let text = serde_json::json!({"placeholders": placeholders}).to_string();
        let settings = ConfigurationFile::parse("trailwarden.yml", text).unwrap().rules;
        let set = RuleSet::load_with(&Options { settings, ..Options::default() }).unwrap();
        let event = Event::parse(r#"{"eventName":"A"}"#).unwrap();
        for rule in set.rules().iter().filter(|rule| !rule.placeholders().is_empty()) {
            prop_assert!(set.explain(&rule.info().name, &event).is_some());
        }
    }
}
