//! From the parser's syntax tree to what can be evaluated.

use std::collections::{HashMap, HashSet};

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ipnet::IpNet;
use regex::{Regex, RegexBuilder};
use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, Detections, FieldSpec, Modifier, Quantifier, SigmaString, SigmaValue,
};

use super::item::{self, Comparison, Item, Networks, Test, TimePart, ValueTest, Values};
use super::text::{Anchor, Pattern, written};
use super::value::{Number, Path};
use super::{Array, Condition, Matcher, Parts, Selection, Tree};
use crate::rules::sigma::selector;

/// Sizes of compiled regular expressions, in bytes, and the work for one byte of text with one of at most that size. An
/// expression that backtracks in other engines takes time proportional to its size here. Beyond the last, a rule cannot be
/// used.
const REGEX_SIZES: [(usize, u64); 6] =
    [(4 << 10, 4), (16 << 10, 16), (64 << 10, 64), (256 << 10, 256), (1 << 20, 1024), (4 << 20, 4096)];

/// Minimum number of texts that are looked up by their hash, and of substrings that one automaton searches for. Fewer are
/// compared one by one.
const MIN_MERGED: usize = 5;

/// Why a part of a rule cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rules) struct CompileError {
    /// The field, as it is written before its modifiers; empty for keywords and conditions.
    pub(in crate::rules) field: String,
    /// The value, if it is the value that cannot be used.
    pub(in crate::rules) value: Option<String>,
    /// What is wrong.
    pub(in crate::rules) text: String,
}

impl Matcher {
    /// Compiles the detections of a rule.
    ///
    /// # Errors
    /// Every value, combination of modifiers and name in a condition that cannot be used.
    pub(in crate::rules) fn new(detections: &Detections) -> Result<Self, Vec<CompileError>> {
        let mut errors = Vec::new();
        let selections = selections(&detections.named, true, &mut errors);
        let mut condition = |condition| self::condition(condition, &selections, &mut errors);
        let conditions: Vec<Condition> = detections.conditions.iter().filter_map(&mut condition).collect();
        let conditions = Parts::new(conditions, |condition| condition.cost(&selections));
        if errors.is_empty() { Ok(Self { conditions, selections }) } else { Err(errors) }
    }

    /// Compiles one detection of a rule, as a rule whose condition it is.
    ///
    /// # Errors
    /// As [`Matcher::new`].
    pub(in crate::rules) fn of_detection(name: &str, detections: &Detections) -> Result<Self, Vec<CompileError>> {
        let mut alone = Detections {
            named: HashMap::new(),
            conditions: vec![ConditionExpr::Identifier(name.to_owned())],
            condition_strings: Vec::new(),
            timeframe: None,
        };
        alone.named.extend(detections.named.get_key_value(name).map(|(name, one)| (name.clone(), one.clone())));
        Self::new(&alone)
    }
}

fn selections(named: &HashMap<String, Detection>, of_record: bool, errors: &mut Vec<CompileError>) -> Vec<Selection> {
    let compiled = selector::by_name(named).into_iter().filter_map(|(name, detection)| {
        let tree = tree(detection, of_record, errors)?;
        Some(Selection { name: name.as_str().into(), tree })
    });
    compiled.collect()
}

/// `of_record`: the fields are those of the record, not of an element of an array.
fn tree(detection: &Detection, of_record: bool, errors: &mut Vec<CompileError>) -> Option<Tree> {
    let (parts, is_all): (Vec<Option<Tree>>, bool) = match detection {
        Detection::AllOf(items) => {
            let item = |item: &DetectionItem| {
                let is_keyword = of_record && item.field.name.is_none();
                self::item(item, is_keyword, errors).map(Tree::Item)
            };
            (items.iter().map(item).collect(), true)
        }
        Detection::And(parts) => (parts.iter().map(|part| tree(part, of_record, errors)).collect(), true),
        Detection::AnyOf(parts) => (parts.iter().map(|part| tree(part, of_record, errors)).collect(), false),
        Detection::Keywords(values) => {
            let field = FieldSpec::new(None, Vec::new());
            return item(&DetectionItem { field, values: values.clone() }, true, errors).map(Tree::Item);
        }
        Detection::ArrayMatch { field, quantifier, body } => {
            let (field, body) = (Path::new(field), Box::new(tree(body, false, errors)?));
            return Some(Tree::Array(Array { field, quantifier: *quantifier, body }));
        }
        Detection::Conditional { named, condition } => {
            let selections = selections(named, of_record, errors);
            let condition = self::condition(condition, &selections, errors)?;
            return Some(Tree::Conditional { selections, condition });
        }
    };
    if parts.is_empty() {
        errors.push(CompileError { field: String::new(), value: None, text: "a detection is empty".to_owned() });
    }
    let parts: Vec<Tree> = parts.into_iter().collect::<Option<_>>()?;
    let parts = Parts::new(parts, Tree::cost);
    Some(if is_all { Tree::All(parts) } else { Tree::Any(parts) })
}

fn condition(condition: &ConditionExpr, selections: &[Selection], errors: &mut Vec<CompileError>) -> Option<Condition> {
    let mut all = |parts: &[ConditionExpr]| {
        let parts: Option<Vec<Condition>> =
            parts.iter().map(|part| self::condition(part, selections, errors)).collect();
        parts.map(|parts| Parts::new(parts, |part| part.cost(selections)))
    };
    Some(match condition {
        ConditionExpr::And(parts) => Condition::All(all(parts)?),
        ConditionExpr::Or(parts) => Condition::Any(all(parts)?),
        ConditionExpr::Not(part) => Condition::Not(Box::new(self::condition(part, selections, errors)?)),
        ConditionExpr::Identifier(name) => {
            let Some(place) = selections.iter().position(|selection| *selection.name == **name) else {
                // If its detection cannot be compiled, that error is reported instead.
                if errors.is_empty() {
                    let text = format!("there is no detection `{name}`");
                    errors.push(CompileError { field: String::new(), value: None, text });
                }
                return None;
            };
            Condition::Selection(place)
        }
        ConditionExpr::Selector { quantifier, pattern } => {
            let is_meant = |selection: &Selection| pattern.matches_detection_name(&selection.name);
            let places: Vec<usize> =
                selections.iter().enumerate().filter(|(_, one)| is_meant(one)).map(|(place, _)| place).collect();
            let needed = match quantifier {
                Quantifier::Any => 1,
                Quantifier::All => places.len(),
                Quantifier::Count(count) => usize::try_from(*count).unwrap_or(usize::MAX),
            };
            Condition::Count { needed, places }
        }
    })
}

/// `is_keyword`: it is searched for everywhere.
fn item(written: &DetectionItem, is_keyword: bool, errors: &mut Vec<CompileError>) -> Option<Item> {
    let field = written.field.name.clone().unwrap_or_default();
    let mut error = |value: Option<&SigmaValue>, text: String| {
        errors.push(CompileError { field: field.clone(), value: value.map(ToString::to_string), text });
    };
    let modifiers = &written.field.modifiers;
    let has = |modifier| modifiers.contains(&modifier);
    if let Some(text) = conflict(modifiers) {
        error(None, text);
        return None;
    }
    let path = written.field.name.as_deref().map(Path::new);
    let is_text = !has(Modifier::Exists) && written.values.iter().any(|value| matches!(value, SigmaValue::String(_)));
    let test = if has(Modifier::Exists) {
        let says_no = |value: &SigmaValue| match value {
            SigmaValue::Bool(flag) => !flag,
            SigmaValue::String(text) => ["false", "no"].contains(&text.original.as_str()),
            _ => false,
        };
        Test::Exists(!written.values.first().is_some_and(says_no))
    } else {
        if has(Modifier::All) && !is_keyword && written.values.len() < 2 {
            error(None, "`|all` needs more than one value".to_owned());
            return None;
        }
        let is_null = |value: &&SigmaValue| matches!(value, SigmaValue::Null) && !is_compared(modifiers);
        let nulls = written.values.iter().filter(is_null).count();
        let how = How { modifiers, is_keyword };
        let mut tests = Vec::with_capacity(written.values.len());
        for value in written.values.iter().filter(|value| !is_null(value)) {
            match how.test(value) {
                Ok(test) => tests.push(test),
                Err(text) => error(Some(value), text),
            }
        }
        if tests.len() + nulls < written.values.len() {
            return None;
        }
        let all = has(Modifier::All);
        let tests = if all { tests.into_iter().map(Part::alone).collect() } else { merged(tests) };
        let tests: Result<Vec<ValueTest>, String> = tests.into_iter().collect();
        match tests {
            Ok(tests) => Test::Values(Values { all, negated: has(Modifier::Neq), nulls, tests }),
            Err(text) => {
                error(None, text);
                return None;
            }
        }
    };
    Some(Item { path, is_keyword, test, is_text, written: written.clone() })
}

/// Modifiers of which an item has one at most, apart from `|fieldref` with one of the first three.
const OPERATORS: [Modifier; 16] = [
    Modifier::Contains,
    Modifier::StartsWith,
    Modifier::EndsWith,
    Modifier::Re,
    Modifier::Cidr,
    Modifier::Exists,
    Modifier::FieldRef,
    Modifier::Gt,
    Modifier::Gte,
    Modifier::Lt,
    Modifier::Lte,
    Modifier::Minute,
    Modifier::Hour,
    Modifier::Day,
    Modifier::Week,
    Modifier::Month,
];
const ENDS: [Modifier; 3] = [Modifier::Contains, Modifier::StartsWith, Modifier::EndsWith];

fn is_operator(modifier: Modifier) -> bool {
    OPERATORS.contains(&modifier) || modifier == Modifier::Year
}

/// Whether values are compared in another way than as text, so that null among them is not a missing field.
fn is_compared(modifiers: &[Modifier]) -> bool {
    modifiers.iter().any(|modifier| is_operator(*modifier) && !ENDS.contains(modifier))
}

/// Why modifiers cannot stand together.
fn conflict(modifiers: &[Modifier]) -> Option<String> {
    let among = |kind: &[Modifier]| -> Vec<Modifier> {
        let mut found: Vec<Modifier> = modifiers.iter().copied().filter(|one| kind.contains(one)).collect();
        found.dedup();
        found
    };
    let shown = |modifiers: &[Modifier]| {
        modifiers.iter().map(|one| format!("`|{}`", item::name(*one))).collect::<Vec<_>>().join(" and ")
    };
    let mut operators: Vec<Modifier> = modifiers.iter().copied().filter(|one| is_operator(*one)).collect();
    if let Some(place) = operators.iter().position(|one| *one == Modifier::FieldRef) {
        let is_end = |one: Option<&Modifier>| one.is_some_and(|one| ENDS.contains(one));
        if place > 0 && is_end(operators.first()) {
            return Some(format!("{} has to follow `|fieldref`", shown(operators.get(..1)?)));
        }
        if operators.len() == 2 && is_end(operators.get(1)) {
            operators.pop();
        }
    }
    if operators.len() > 1 {
        return Some(format!("{} exclude each other", shown(&operators)));
    }
    let encodings = among(&[Modifier::Wide, Modifier::Utf16, Modifier::Utf16be]);
    if encodings.len() > 1 {
        return Some(format!("{} exclude each other", shown(&encodings)));
    }
    let base64 = among(&[Modifier::Base64, Modifier::Base64Offset]);
    if base64.len() > 1 {
        return Some(format!("{} exclude each other", shown(&base64)));
    }
    let changes: Vec<Modifier> = [encodings, base64, among(&[Modifier::WindAsh])].concat();
    if is_compared(modifiers) && !changes.is_empty() {
        return Some(format!("{} has no effect beside {}", shown(&changes), shown(&operators)));
    }
    let flags = among(&[Modifier::IgnoreCase, Modifier::Multiline, Modifier::DotAll]);
    if !modifiers.contains(&Modifier::Re) && !flags.is_empty() {
        return Some(format!("{} has no effect without `|re`", shown(&flags)));
    }
    None
}

/// A compiled value before values of its kind are merged.
enum Part {
    Test(ValueTest),
    Regex(Box<Regex>, u64),
    Network(IpNet),
}

impl Part {
    fn alone(self) -> Result<ValueTest, String> {
        Ok(match self {
            Self::Test(test) => test,
            Self::Regex(regex, weight) => ValueTest::Regex { regex: *regex, weight },
            Self::Network(network) => ValueTest::Networks(Networks::new(&[network])),
        })
    }
}

/// How an item compares its values.
struct How<'m> {
    modifiers: &'m [Modifier],
    is_keyword: bool,
}

impl How<'_> {
    fn has(&self, modifier: Modifier) -> bool {
        self.modifiers.contains(&modifier)
    }

    fn anchor(&self) -> Anchor {
        match self.modifiers.iter().find(|modifier| ENDS.contains(modifier)) {
            Some(Modifier::Contains) => Anchor::Anywhere,
            Some(Modifier::StartsWith) => Anchor::Start,
            Some(_) => Anchor::End,
            None if self.is_keyword => Anchor::Anywhere,
            None => Anchor::Whole,
        }
    }

    fn test(&self, value: &SigmaValue) -> Result<Part, String> {
        let plain = || match value {
            SigmaValue::Null => Err("it is null".to_owned()),
            SigmaValue::String(text) => Ok(written(text)),
            other => Ok(other.to_string()),
        };
        let number = || plain().and_then(|text| Number::parse(&text).ok_or_else(|| "it is not a number".to_owned()));
        let (anchor, cased) = (self.anchor(), self.has(Modifier::Cased));
        if self.has(Modifier::FieldRef) {
            if matches!(value, SigmaValue::String(text) if text.contains_wildcards()) {
                return Err("the name of a field has no wildcards".to_owned());
            }
            return Ok(Part::Test(ValueTest::Reference { path: Path::new(&plain()?), anchor, cased }));
        }
        if self.has(Modifier::Re) {
            return self.regex(&plain()?).map(|(regex, weight)| Part::Regex(Box::new(regex), weight));
        }
        if self.has(Modifier::Cidr) {
            return plain()?.parse().map(Part::Network).map_err(|error: ipnet::AddrParseError| error.to_string());
        }
        if let Some(test) = self.numeric(number) {
            return test.map(Part::Test);
        }
        let is_plain_scalar = anchor == Anchor::Whole;
        Ok(Part::Test(match value {
            SigmaValue::Bool(flag) if !self.is_keyword => ValueTest::Flag(*flag),
            SigmaValue::Integer(_) | SigmaValue::Float(_) if is_plain_scalar => {
                ValueTest::Number(Comparison::Equal, number()?)
            }
            SigmaValue::String(text) => self.text(text, anchor, cased),
            other => ValueTest::Patterns { patterns: vec![Pattern::plain(&other.to_string(), anchor, cased)], cased },
        }))
    }

    /// The test of a number or a part of a point in time, if a modifier requires one.
    fn numeric(&self, number: impl Fn() -> Result<Number, String>) -> Option<Result<ValueTest, String>> {
        let of_time = |part| Some(number().map(|number| ValueTest::Time(part, number)));
        let comparison = |how| Some(number().map(|number| ValueTest::Number(how, number)));
        self.modifiers.iter().find_map(|modifier| match modifier {
            Modifier::Gt => comparison(Comparison::Greater),
            Modifier::Gte => comparison(Comparison::GreaterOrEqual),
            Modifier::Lt => comparison(Comparison::Less),
            Modifier::Lte => comparison(Comparison::LessOrEqual),
            Modifier::Minute => of_time(TimePart::Minute),
            Modifier::Hour => of_time(TimePart::Hour),
            Modifier::Day => of_time(TimePart::Day),
            Modifier::Week => of_time(TimePart::Week),
            Modifier::Month => of_time(TimePart::Month),
            Modifier::Year => of_time(TimePart::Year),
            _ => None,
        })
    }

    /// The expression and its weight: the work for one byte of text.
    fn regex(&self, pattern: &str) -> Result<(Regex, u64), String> {
        let mut builder = RegexBuilder::new(pattern);
        builder.case_insensitive(self.has(Modifier::IgnoreCase)).multi_line(self.has(Modifier::Multiline));
        builder.dot_matches_new_line(self.has(Modifier::DotAll));
        let mut error = String::new();
        for (size, weight) in REGEX_SIZES {
            match builder.size_limit(size).build() {
                Ok(regex) => return Ok((regex, weight)),
                Err(regex::Error::CompiledTooBig(size)) => error = regex::Error::CompiledTooBig(size).to_string(),
                Err(error) => return Err(error.to_string()),
            }
        }
        Err(error)
    }

    fn text(&self, text: &SigmaString, anchor: Anchor, cased: bool) -> ValueTest {
        let of = |patterns| ValueTest::Patterns { patterns, cased };
        if self.has(Modifier::Base64) || self.has(Modifier::Base64Offset) {
            let bytes = self.encoded(&written(text));
            if self.has(Modifier::Base64) {
                return of(vec![Pattern::plain(&BASE64_STANDARD.encode(bytes), anchor, cased)]);
            }
            let parts = base64_at_offsets(&bytes);
            return of(parts.iter().map(|part| Pattern::plain(part, Anchor::Anywhere, cased)).collect());
        }
        let windash = self.has(Modifier::WindAsh);
        let pattern = Pattern::new(&text.parts, anchor, cased, windash);
        let is_number = serde_json::from_str::<serde_json::Number>(&text.original).is_ok();
        match Number::parse(&text.original).filter(|_| is_number && anchor == Anchor::Whole && !windash) {
            Some(number) => ValueTest::Quoted { pattern, cased, number },
            None => of(vec![pattern]),
        }
    }

    /// The bytes of a text in the encoding that base64 is made of.
    fn encoded(&self, text: &str) -> Vec<u8> {
        let units = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect();
        if self.has(Modifier::Wide) {
            units(u16::to_le_bytes)
        } else if self.has(Modifier::Utf16be) {
            units(u16::to_be_bytes)
        } else if self.has(Modifier::Utf16) {
            let mut bytes = vec![0xff, 0xfe];
            bytes.extend::<Vec<u8>>(units(u16::to_le_bytes));
            bytes
        } else {
            text.as_bytes().to_vec()
        }
    }
}

/// What base64 makes of bytes wherever among others they are: the characters that depend on them alone, and on the last of
/// them, for each of the three offsets.
fn base64_at_offsets(bytes: &[u8]) -> Vec<String> {
    let mut parts = Vec::new();
    for offset in 0..3_usize {
        let mut padded = vec![0; offset];
        padded.extend_from_slice(bytes);
        let encoded = BASE64_STANDARD.encode(padded);
        let part = encoded.trim_end_matches('=').get((offset * 4).div_ceil(3)..).unwrap_or_default();
        if !part.is_empty() {
            parts.push(part.to_owned());
        }
    }
    parts
}

/// The tests of values of which one suffices, with those of a kind in one.
fn merged(parts: Vec<Part>) -> Vec<Result<ValueTest, String>> {
    let (mut tests, mut regexes, mut networks) = (Vec::new(), Vec::new(), Vec::new());
    let (mut patterns, mut is_cased) = (Vec::new(), false);
    for part in parts {
        match part {
            Part::Regex(regex, weight) => regexes.push((*regex, weight)),
            Part::Network(network) => networks.push(network),
            // All values of an item are cased or none is.
            Part::Test(ValueTest::Patterns { patterns: some, cased }) => {
                patterns.extend(some);
                is_cased = cased;
            }
            Part::Test(test) => tests.push(Ok(test)),
        }
    }
    if !networks.is_empty() {
        tests.push(Ok(ValueTest::Networks(Networks::new(&networks))));
    }
    tests.extend(of_patterns(patterns, is_cased));
    // One by one: a set of regular expressions cannot use what each of them searches for first.
    tests.extend(regexes.into_iter().map(|(regex, weight)| Ok(ValueTest::Regex { regex, weight })));
    tests
}

/// Patterns of which one suffices: many texts as a set, many substrings as an automaton.
fn of_patterns(patterns: Vec<Pattern>, cased: bool) -> Vec<Result<ValueTest, String>> {
    let count = |is_it: fn(&Pattern) -> bool| patterns.iter().filter(|pattern| is_it(pattern)).count();
    let merges_exact = count(|pattern| matches!(pattern, Pattern::Exact(_))) >= MIN_MERGED;
    let merges_parts = count(|pattern| matches!(pattern, Pattern::Part(_))) >= MIN_MERGED;
    let (mut texts, mut parts, mut rest) = (HashSet::new(), Vec::new(), Vec::new());
    for pattern in patterns {
        match pattern {
            Pattern::Exact(text) if merges_exact => {
                texts.insert(text);
            }
            Pattern::Part(text) if merges_parts => parts.push(text),
            other => rest.push(other),
        }
    }
    let mut tests = Vec::new();
    if !texts.is_empty() {
        tests.push(Ok(ValueTest::Texts { texts, cased }));
    }
    if !rest.is_empty() {
        tests.push(Ok(ValueTest::Patterns { patterns: rest, cased }));
    }
    if !parts.is_empty() {
        let automaton = AhoCorasick::new(parts.iter().map(|text| text.as_bytes()));
        tests.push(automaton.map(|parts| ValueTest::Parts { parts, cased }).map_err(|error| error.to_string()));
    }
    tests
}
