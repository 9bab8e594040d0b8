//! Compiles the parser's syntax tree into matchers.

use std::collections::{HashMap, HashSet};

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ipnet::IpNet;
use regex::{Regex, RegexBuilder};
use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, Detections, FieldSpec, Modifier, Quantifier, SigmaString, SigmaValue,
};

use super::item::{self, Comparison, CompiledItem, ItemTest, Networks, TimePart, ValueList, ValueTest};
use super::pattern::{Anchor, Pattern, plain_text};
use super::value::{FieldPath, Number};
use super::{ArrayTest, CompiledCondition, CompiledDetection, Matcher, NamedDetection, Operands};
use crate::rules::sigma::selector;

/// Maximum sizes of compiled regular expressions in bytes, each with the work for one byte of text. An expression that
/// backtracks in other engines takes time proportional to its size here. A larger expression is an error.
const REGEX_SIZES: [(usize, u64); 6] =
    [(4 << 10, 4), (16 << 10, 16), (64 << 10, 64), (256 << 10, 256), (1 << 20, 1024), (4 << 20, 4096)];

/// Minimum number of strings for a hash set, and of substrings for an automaton. Fewer are compared one by one.
const MIN_MERGED: usize = 5;

/// An error in a part of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rules) struct CompileError {
    /// The field without its modifiers. Empty for keywords and conditions.
    pub(in crate::rules) field: String,
    /// The value, if the error is in one.
    pub(in crate::rules) value: Option<String>,
    /// The message.
    pub(in crate::rules) text: String,
}

impl Matcher {
    /// Compiles the detections of a rule.
    ///
    /// # Errors
    /// Returns an error for each invalid value, combination of modifiers and name in a condition.
    pub(in crate::rules) fn new(detections: &Detections) -> Result<Self, Vec<CompileError>> {
        let mut errors = Vec::new();
        let selections = selections(&detections.named, true, &mut errors);
        let mut condition = |condition| self::condition(condition, &selections, &mut errors);
        let conditions: Vec<CompiledCondition> = detections.conditions.iter().filter_map(&mut condition).collect();
        let conditions = Operands::new(conditions, |condition| condition.cost(&selections));
        if errors.is_empty() { Ok(Self { conditions, selections }) } else { Err(errors) }
    }

    /// Compiles a single detection of a rule, as if it were the rule's condition.
    ///
    /// # Errors
    /// Returns the same errors as [`Matcher::new`].
    pub(in crate::rules) fn of_detection(name: &str, detections: &Detections) -> Result<Self, Vec<CompileError>> {
        let mut alone = Detections {
            named: HashMap::new(),
            conditions: vec![ConditionExpr::Identifier(name.to_owned())],
            condition_strings: Vec::new(),
            timeframe: None,
        };
        alone
            .named
            .extend(detections.named.get_key_value(name).map(|(name, detection)| (name.clone(), detection.clone())));
        Self::new(&alone)
    }
}

fn selections(
    named: &HashMap<String, Detection>,
    of_record: bool,
    errors: &mut Vec<CompileError>,
) -> Vec<NamedDetection> {
    let compiled = selector::by_name(named).into_iter().filter_map(|(name, detection)| {
        let tree = tree(detection, of_record, errors)?;
        Some(NamedDetection { name: name.as_str().into(), tree })
    });
    compiled.collect()
}

/// Compiles a detection. `of_record`: its fields belong to the record, not to an array element.
fn tree(detection: &Detection, of_record: bool, errors: &mut Vec<CompileError>) -> Option<CompiledDetection> {
    let (parts, is_all): (Vec<Option<CompiledDetection>>, bool) = match detection {
        Detection::AllOf(items) => {
            let item = |item: &DetectionItem| {
                let is_keyword = of_record && item.field.name.is_none();
                self::item(item, is_keyword, errors).map(CompiledDetection::Item)
            };
            (items.iter().map(item).collect(), true)
        }
        Detection::And(parts) => (parts.iter().map(|part| tree(part, of_record, errors)).collect(), true),
        Detection::AnyOf(parts) => (parts.iter().map(|part| tree(part, of_record, errors)).collect(), false),
        Detection::Keywords(values) => {
            let field = FieldSpec::new(None, Vec::new());
            return item(&DetectionItem { field, values: values.clone() }, true, errors).map(CompiledDetection::Item);
        }
        Detection::ArrayMatch { field, quantifier, body } => {
            let (field, body) = (FieldPath::new(field), Box::new(tree(body, false, errors)?));
            return Some(CompiledDetection::Array(ArrayTest { field, quantifier: *quantifier, body }));
        }
        Detection::Conditional { named, condition } => {
            let selections = selections(named, of_record, errors);
            let condition = self::condition(condition, &selections, errors)?;
            return Some(CompiledDetection::Conditional { selections, condition });
        }
    };
    if parts.is_empty() {
        errors.push(CompileError { field: String::new(), value: None, text: "a detection is empty".to_owned() });
    }
    let parts: Vec<CompiledDetection> = parts.into_iter().collect::<Option<_>>()?;
    let parts = Operands::new(parts, CompiledDetection::cost);
    Some(if is_all { CompiledDetection::All(parts) } else { CompiledDetection::Any(parts) })
}

fn condition(
    condition: &ConditionExpr,
    selections: &[NamedDetection],
    errors: &mut Vec<CompileError>,
) -> Option<CompiledCondition> {
    let mut all = |parts: &[ConditionExpr]| {
        let parts: Option<Vec<CompiledCondition>> =
            parts.iter().map(|part| self::condition(part, selections, errors)).collect();
        parts.map(|parts| Operands::new(parts, |part| part.cost(selections)))
    };
    Some(match condition {
        ConditionExpr::And(parts) => CompiledCondition::All(all(parts)?),
        ConditionExpr::Or(parts) => CompiledCondition::Any(all(parts)?),
        ConditionExpr::Not(part) => CompiledCondition::Not(Box::new(self::condition(part, selections, errors)?)),
        ConditionExpr::Identifier(name) => {
            let Some(index) = selections.iter().position(|selection| *selection.name == **name) else {
                // A detection that cannot be compiled has reported its own error.
                if errors.is_empty() {
                    let text = format!("there is no detection `{name}`");
                    errors.push(CompileError { field: String::new(), value: None, text });
                }
                return None;
            };
            CompiledCondition::Selection(index)
        }
        ConditionExpr::Selector { quantifier, pattern } => {
            let is_selected = |selection: &NamedDetection| pattern.matches_detection_name(&selection.name);
            let selected = selections.iter().enumerate().filter(|(_, selection)| is_selected(selection));
            let indices: Vec<usize> = selected.map(|(index, _)| index).collect();
            let required = match quantifier {
                Quantifier::Any => 1,
                Quantifier::All => indices.len(),
                Quantifier::Count(count) => usize::try_from(*count).unwrap_or(usize::MAX),
            };
            CompiledCondition::Count { required, indices }
        }
    })
}

/// Compiles an item. `is_keyword`: it is searched for in all values.
fn item(source: &DetectionItem, is_keyword: bool, errors: &mut Vec<CompileError>) -> Option<CompiledItem> {
    let field = source.field.name.clone().unwrap_or_default();
    let mut error = |value: Option<&SigmaValue>, text: String| {
        errors.push(CompileError { field: field.clone(), value: value.map(ToString::to_string), text });
    };
    let modifiers = &source.field.modifiers;
    let has = |modifier| modifiers.contains(&modifier);
    if let Some(text) = conflict(modifiers) {
        error(None, text);
        return None;
    }
    let path = source.field.name.as_deref().map(FieldPath::new);
    let compares_strings =
        !has(Modifier::Exists) && source.values.iter().any(|value| matches!(value, SigmaValue::String(_)));
    let test = if has(Modifier::Exists) {
        let is_negative = |value: &SigmaValue| match value {
            SigmaValue::Bool(flag) => !flag,
            SigmaValue::String(text) => ["false", "no"].contains(&text.original.as_str()),
            _ => false,
        };
        ItemTest::Exists(!source.values.first().is_some_and(is_negative))
    } else {
        if has(Modifier::All) && !is_keyword && source.values.len() < 2 {
            error(None, "`|all` needs more than one value".to_owned());
            return None;
        }
        let is_null = |value: &&SigmaValue| matches!(value, SigmaValue::Null) && !has_other_operator(modifiers);
        let nulls = source.values.iter().filter(is_null).count();
        let compiler = ValueCompiler { modifiers, is_keyword };
        let mut tests = Vec::with_capacity(source.values.len());
        for value in source.values.iter().filter(|value| !is_null(value)) {
            match compiler.compile(value) {
                Ok(test) => tests.push(test),
                Err(text) => error(Some(value), text),
            }
        }
        if tests.len() + nulls < source.values.len() {
            return None;
        }
        let all = has(Modifier::All);
        let tests = if all { tests.into_iter().map(CompiledValue::into_test).collect() } else { merged(tests) };
        let tests: Result<Vec<ValueTest>, String> = tests.into_iter().collect();
        match tests {
            Ok(tests) => ItemTest::Values(ValueList { all, negated: has(Modifier::Neq), nulls, tests }),
            Err(text) => {
                error(None, text);
                return None;
            }
        }
    };
    Some(CompiledItem { path, is_keyword, test, compares_strings, source: source.clone() })
}

/// Modifiers that exclude one another, except that `|fieldref` can be followed by one of the first three.
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
/// Modifiers for the position of a value in a string.
const POSITIONS: [Modifier; 3] = [Modifier::Contains, Modifier::StartsWith, Modifier::EndsWith];

fn is_operator(modifier: Modifier) -> bool {
    OPERATORS.contains(&modifier) || modifier == Modifier::Year
}

/// Whether an operator compares values other than as strings. A null value is then not a missing field.
fn has_other_operator(modifiers: &[Modifier]) -> bool {
    modifiers.iter().any(|modifier| is_operator(*modifier) && !POSITIONS.contains(modifier))
}

/// Returns the reason if modifiers cannot be combined.
fn conflict(modifiers: &[Modifier]) -> Option<String> {
    let among = |kind: &[Modifier]| -> Vec<Modifier> {
        let mut found: Vec<Modifier> = modifiers.iter().copied().filter(|modifier| kind.contains(modifier)).collect();
        found.dedup();
        found
    };
    let shown = |modifiers: &[Modifier]| {
        modifiers
            .iter()
            .map(|modifier| format!("`|{}`", item::modifier_name(*modifier)))
            .collect::<Vec<_>>()
            .join(" and ")
    };
    let mut operators: Vec<Modifier> = modifiers.iter().copied().filter(|modifier| is_operator(*modifier)).collect();
    if let Some(index) = operators.iter().position(|modifier| *modifier == Modifier::FieldRef) {
        let is_position = |modifier: Option<&Modifier>| modifier.is_some_and(|modifier| POSITIONS.contains(modifier));
        if index > 0 && is_position(operators.first()) {
            return Some(format!("{} has to follow `|fieldref`", shown(operators.get(..1)?)));
        }
        if operators.len() == 2 && is_position(operators.get(1)) {
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
    if has_other_operator(modifiers) && !changes.is_empty() {
        return Some(format!("{} has no effect beside {}", shown(&changes), shown(&operators)));
    }
    let flags = among(&[Modifier::IgnoreCase, Modifier::Multiline, Modifier::DotAll]);
    if !modifiers.contains(&Modifier::Re) && !flags.is_empty() {
        return Some(format!("{} has no effect without `|re`", shown(&flags)));
    }
    None
}

/// A compiled value, before values of the same kind are merged.
enum CompiledValue {
    Test(ValueTest),
    Regex(Box<Regex>, u64),
    Network(IpNet),
}

impl CompiledValue {
    fn into_test(self) -> Result<ValueTest, String> {
        Ok(match self {
            Self::Test(test) => test,
            Self::Regex(regex, weight) => ValueTest::Regex { regex: *regex, weight },
            Self::Network(network) => ValueTest::Networks(Networks::new(&[network])),
        })
    }
}

/// Compiles the values of an item.
struct ValueCompiler<'m> {
    modifiers: &'m [Modifier],
    is_keyword: bool,
}

impl ValueCompiler<'_> {
    fn has(&self, modifier: Modifier) -> bool {
        self.modifiers.contains(&modifier)
    }

    fn anchor(&self) -> Anchor {
        match self.modifiers.iter().find(|modifier| POSITIONS.contains(modifier)) {
            Some(Modifier::Contains) => Anchor::Anywhere,
            Some(Modifier::StartsWith) => Anchor::Start,
            Some(_) => Anchor::End,
            None if self.is_keyword => Anchor::Anywhere,
            None => Anchor::Whole,
        }
    }

    fn compile(&self, value: &SigmaValue) -> Result<CompiledValue, String> {
        let plain = || match value {
            SigmaValue::Null => Err("it is null".to_owned()),
            SigmaValue::String(text) => Ok(plain_text(text)),
            other => Ok(other.to_string()),
        };
        let number = || plain().and_then(|text| Number::parse(&text).ok_or_else(|| "it is not a number".to_owned()));
        let (anchor, cased) = (self.anchor(), self.has(Modifier::Cased));
        if self.has(Modifier::FieldRef) {
            if matches!(value, SigmaValue::String(text) if text.contains_wildcards()) {
                return Err("the name of a field cannot contain wildcards".to_owned());
            }
            return Ok(CompiledValue::Test(ValueTest::Reference { path: FieldPath::new(&plain()?), anchor, cased }));
        }
        if self.has(Modifier::Re) {
            return self.regex(&plain()?).map(|(regex, weight)| CompiledValue::Regex(Box::new(regex), weight));
        }
        if self.has(Modifier::Cidr) {
            return plain()?
                .parse()
                .map(CompiledValue::Network)
                .map_err(|error: ipnet::AddrParseError| error.to_string());
        }
        if let Some(test) = self.numeric(number) {
            return test.map(CompiledValue::Test);
        }
        let is_whole = anchor == Anchor::Whole;
        Ok(CompiledValue::Test(match value {
            SigmaValue::Bool(flag) if !self.is_keyword => ValueTest::Boolean(*flag),
            SigmaValue::Integer(_) | SigmaValue::Float(_) if is_whole => {
                ValueTest::Number(Comparison::Equal, number()?)
            }
            SigmaValue::String(text) => self.text(text, anchor, cased),
            other => ValueTest::Patterns { patterns: vec![Pattern::plain(&other.to_string(), anchor, cased)], cased },
        }))
    }

    /// Returns the test of a number or a part of a time, if a modifier requires one.
    fn numeric(&self, number: impl Fn() -> Result<Number, String>) -> Option<Result<ValueTest, String>> {
        let of_time = |part| Some(number().map(|number| ValueTest::Time(part, number)));
        let comparison = |comparison| Some(number().map(|number| ValueTest::Number(comparison, number)));
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

    /// Returns the expression, and the work for one byte of text.
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
            let bytes = self.encoded(&plain_text(text));
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
            Some(number) => ValueTest::QuotedNumber { pattern, cased, number },
            None => of(vec![pattern]),
        }
    }

    /// Returns a string in the encoding that is then encoded in base64.
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

/// Returns the base64 of bytes at each of the three offsets they can have in longer data: the characters that do not depend
/// on the bytes before them.
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

/// Merges tests of the same kind, of which any may match.
fn merged(parts: Vec<CompiledValue>) -> Vec<Result<ValueTest, String>> {
    let (mut tests, mut regexes, mut networks) = (Vec::new(), Vec::new(), Vec::new());
    let (mut patterns, mut is_cased) = (Vec::new(), false);
    for part in parts {
        match part {
            CompiledValue::Regex(regex, weight) => regexes.push((*regex, weight)),
            CompiledValue::Network(network) => networks.push(network),
            // The modifier `cased` applies to all values of an item.
            CompiledValue::Test(ValueTest::Patterns { patterns: more, cased }) => {
                patterns.extend(more);
                is_cased = cased;
            }
            CompiledValue::Test(test) => tests.push(Ok(test)),
        }
    }
    if !networks.is_empty() {
        tests.push(Ok(ValueTest::Networks(Networks::new(&networks))));
    }
    tests.extend(of_patterns(patterns, is_cased));
    // A set of regular expressions could not use the literal prefilters of its members.
    tests.extend(regexes.into_iter().map(|(regex, weight)| Ok(ValueTest::Regex { regex, weight })));
    tests
}

/// Merges patterns of which any may match: many strings into a set, many substrings into an automaton.
fn of_patterns(patterns: Vec<Pattern>, cased: bool) -> Vec<Result<ValueTest, String>> {
    let count = |is_kind: fn(&Pattern) -> bool| patterns.iter().filter(|pattern| is_kind(pattern)).count();
    let merges_exact = count(|pattern| matches!(pattern, Pattern::Exact(_))) >= MIN_MERGED;
    let merges_substrings = count(|pattern| matches!(pattern, Pattern::Substring(_))) >= MIN_MERGED;
    let (mut strings, mut substrings, mut rest) = (HashSet::new(), Vec::new(), Vec::new());
    for pattern in patterns {
        match pattern {
            Pattern::Exact(text) if merges_exact => {
                strings.insert(text);
            }
            Pattern::Substring(text) if merges_substrings => substrings.push(text),
            other => rest.push(other),
        }
    }
    let mut tests = Vec::new();
    if !strings.is_empty() {
        tests.push(Ok(ValueTest::Strings { strings, cased }));
    }
    if !rest.is_empty() {
        tests.push(Ok(ValueTest::Patterns { patterns: rest, cased }));
    }
    if !substrings.is_empty() {
        let automaton = AhoCorasick::new(substrings.iter().map(|text| text.as_bytes()));
        tests.push(
            automaton.map(|substrings| ValueTest::Substrings { substrings, cased }).map_err(|error| error.to_string()),
        );
    }
    tests
}
