//! The built-in rules, which are parsed when they are needed.

use std::collections::BTreeSet;
use std::fs;

use proptest::prelude::*;
use rsigma_parser::parse_sigma_yaml;
use walkdir::WalkDir;

use super::super::attributes::Attributes;
use super::super::header::Header;
use super::*;
use crate::app::{Configuration, ConfigurationFile};

/// The built-in files as if they were a user's: parsed and compiled when they are loaded.
fn unparsed() -> Vec<RuleFile> {
    files::builtin().into_iter().map(|file| RuleFile { header: None, ..file }).collect()
}

/// `(file, text)` of every record that a rule must hit or miss.
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
    assert_eq!(built_in.len(), files::below(&root.join("rules"), &mut Vec::new()).len());
}

#[test]
fn a_header_is_what_the_parser_makes_of_the_file() {
    let mut taken = BTreeSet::new();
    for file in files::builtin() {
        let header = file.header.as_ref().unwrap_or_else(|| panic!("{} has no header", file.name));
        assert_eq!(file.documents().len(), 1, "{}", file.name);
        let collection = parse_sigma_yaml(&file.text).unwrap();
        let others = collection.errors.len() + collection.correlations.len() + collection.filters.len();
        assert_eq!((collection.rules.len(), others), (1, 0), "{}", file.name);
        let sigma = &collection.rules[0];
        let mut reasons = Vec::new();
        let attributes = Attributes::of(sigma, "", &mut reasons);
        assert_eq!(reasons, [], "{}", file.name);
        assert_eq!(Some(header.name), sigma.name.as_deref(), "{}", file.name);
        assert_eq!(header.id, sigma.id.as_deref(), "{}", file.name);
        assert_eq!(header.enabled, attributes.enabled, "{}", file.name);
        assert_eq!(header.placeholders, placeholder::names(sigma), "{}", file.name);
        for known_as in [Some(header.name), header.id].into_iter().flatten() {
            assert!(taken.insert(known_as.to_ascii_lowercase()), "{known_as} of {} is taken", file.name);
        }
    }
}

#[test]
fn a_text_that_is_not_one_named_rule_has_no_header() {
    let text = "title: t\nname: n\nlogsource: {product: aws}\ndetection:\n  s: {eventName: A}\n  condition: s\n";
    assert!(Header::read(text).is_some());
    for other in ["---", "action: global", "name: two words", "detection: {}", "name:"] {
        let key = other.split(':').next().unwrap();
        let lines = text.lines().filter(|line| !line.starts_with(key) || key == "---");
        let text: String = lines.chain([other]).map(|line| format!("{line}\n")).collect();
        assert!(Header::read(text.leak()).is_none(), "{other}");
    }
}

/// Each fixture is evaluated by both, so that the cases of each rule are compiled too.
#[test]
fn a_rule_that_is_compiled_when_needed_finds_what_one_compiled_at_once_does() {
    let configuration = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/rules/trailwarden.yml");
    let mut hit = BTreeSet::new();
    for file in [ConfigurationFile::default(), ConfigurationFile::read(&configuration).unwrap()] {
        let enabled = RuleSet::load(&[]).unwrap().infos().map(|rule| rule.name.clone()).collect();
        let options = Options { enabled, explain: true, ..Configuration::of_file(file).rule_options() };
        let later = RuleSet::load_with(&options).unwrap();
        let at_once = RuleSet::compile(&unparsed(), &options, Vec::new()).unwrap();
        for (file, text) in records() {
            let event = Event::parse(&text).unwrap();
            let found = later.evaluate(&event);
            assert_eq!(format!("{found:?}"), format!("{:?}", at_once.evaluate(&event)), "{file}");
            hit.extend(found.into_iter().map(|finding| finding.rule.name.clone()));
        }
        for (one, other) in later.rules().iter().zip(at_once.rules()) {
            assert_eq!(one.info(), other.info());
            assert_eq!((one.name(), one.id(), one.pack()), (other.name(), other.id(), other.pack()));
            assert_eq!((one.runs(), one.runs_by_default()), (other.runs(), other.runs_by_default()));
            assert_eq!(one.triggers(), other.triggers());
            assert_eq!(one.triggers_when_filled(), other.triggers_when_filled());
            assert_eq!(one.placeholders(), other.placeholders());
            assert_eq!((one.file(), one.text()), (other.file(), other.text()));
            assert_eq!(one.raised_severity(), other.raised_severity());
            assert_eq!(one.sigma(), other.sigma());
        }
        assert_eq!(later.rules().len(), at_once.rules().len());
    }
    let all: BTreeSet<String> = RuleSet::load(&[]).unwrap().infos().map(|rule| rule.name.clone()).collect();
    assert_eq!(hit, all);
}

/// Before any rule is parsed, so that it is the headers that tell.
#[test]
fn a_header_names_every_call_that_the_rule_watches() {
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
        let later = RuleSet::load_with(&options).unwrap();
        let at_once = RuleSet::compile(&unparsed(), &options, Vec::new()).unwrap();
        for (source, name) in calls_of(&at_once) {
            for name in [name.clone(), name.to_ascii_uppercase(), format!("{name}20150331"), format!("{name}s")] {
                let names = |set: &RuleSet| -> Vec<String> {
                    set.watching(&source, &name).map(|rule| rule.name().to_owned()).collect()
                };
                assert_eq!(names(&later), names(&at_once), "{text}: {source} {name}");
            }
        }
        for (one, other) in later.rules().iter().zip(at_once.rules()) {
            assert_eq!((one.name(), one.id(), one.pack()), (other.name(), other.id(), other.pack()));
            assert_eq!((one.runs(), one.runs_by_default()), (other.runs(), other.runs_by_default()), "{}", one.name());
            assert_eq!(one.placeholders(), other.placeholders());
            assert_eq!(one.triggers(), other.triggers(), "{text}");
            assert_eq!(one.triggers_when_filled(), other.triggers_when_filled());
            assert_eq!((one.info(), one.raised_severity()), (other.info(), other.raised_severity()), "{text}");
        }
    }
}

/// Every source and name that a rule could match, with wildcards taken as they stand.
fn calls_of(set: &RuleSet) -> BTreeSet<(String, String)> {
    let names = |names: &Names| match names {
        Names::Any => vec!["any".to_owned()],
        Names::These(names) => names.clone(),
    };
    let triggers = set.rules().iter().flat_map(|rule| &rule.triggers_when_filled().0);
    let calls = triggers.flat_map(|trigger| {
        let sources = names(&trigger.source).into_iter();
        sources.flat_map(|source| names(&trigger.name).into_iter().map(move |name| (source.clone(), name)))
    });
    calls.collect()
}

#[test]
fn a_name_or_id_of_a_built_in_rule_is_taken() {
    let set = RuleSet::load(&[]).unwrap();
    let rule = &set.rules()[7];
    for head in [format!("name: {}", rule.name()), format!("name: mine\nid: {}", rule.id().unwrap())] {
        let told = faults(&rule_with(&head, SELECTION));
        assert!(told.contains("is taken by a rule in rules/"), "{told}");
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
