//! Literals that the text of a record must contain for a rule to match, read off the rule's detection.
//!
//! The prefilter searches for them before a record is parsed. Requiring too little is allowed, requiring too much is not:
//! whatever cannot be read off is not required.

use rsigma_parser::{
    ArrayQuantifier, ConditionExpr, Detection, DetectionItem, Detections, Modifier, Quantifier, SigmaValue, StringPart,
};

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

use crate::facts;
use crate::rules::sigma::selector::selected;
use crate::rules::sigma::text::written;

/// Maximum number of alternatives that are searched for.
const MAX_ALTERNATIVES: usize = 64;

/// Minimum length of a literal: shorter ones are in every record.
const MIN_LENGTH: usize = 4;

/// Literals that are in the text of each record that a rule matches: at least one of each list. A literal is ASCII text in
/// lower case, without characters that JSON escapes or that separate values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequiredLiterals(pub Vec<Vec<String>>);

impl RequiredLiterals {
    /// The literals that a rule with these detections requires.
    pub(in crate::rules) fn of(detections: &Detections) -> Self {
        let conditions = detections.conditions.iter();
        Self::any(conditions.map(|condition| Self::of_condition(condition, detections)))
    }

    fn nothing() -> Self {
        Self::default()
    }

    fn all(parts: impl Iterator<Item = Self>) -> Self {
        let mut all: Vec<Vec<String>> = Vec::new();
        for texts in parts.flat_map(|part| part.0) {
            if !all.contains(&texts) {
                all.push(texts);
            }
        }
        Self(all)
    }

    /// What a single part requires; of several parts, one of the texts of each, by the shortest list of each.
    fn any(mut parts: impl Iterator<Item = Self>) -> Self {
        let (Some(first), second) = (parts.next(), parts.next()) else { return Self::nothing() };
        let Some(second) = second else { return first };
        let mut alternatives: Vec<String> = Vec::new();
        for part in [first, second].into_iter().chain(parts) {
            let narrowest = part.0.into_iter().min_by_key(Vec::len);
            let Some(texts) = narrowest else { return Self::nothing() };
            alternatives.extend(texts);
        }
        Self::one_of(alternatives)
    }

    fn one_of(mut texts: Vec<String>) -> Self {
        texts.sort_unstable();
        // A text that begins with another is there only where that one is.
        texts.dedup_by(|text, shorter| text.starts_with(shorter.as_str()));
        if texts.is_empty() || texts.len() > MAX_ALTERNATIVES { Self::nothing() } else { Self(vec![texts]) }
    }

    fn of_condition(condition: &ConditionExpr, detections: &Detections) -> Self {
        match condition {
            ConditionExpr::And(parts) => Self::all(parts.iter().map(|part| Self::of_condition(part, detections))),
            ConditionExpr::Or(parts) => Self::any(parts.iter().map(|part| Self::of_condition(part, detections))),
            ConditionExpr::Not(_) => Self::nothing(),
            ConditionExpr::Identifier(name) => {
                detections.named.get(name).map_or_else(Self::nothing, Self::of_detection)
            }
            ConditionExpr::Selector { quantifier, pattern } => {
                let parts = selected(pattern, detections).into_iter().map(Self::of_detection);
                match quantifier {
                    Quantifier::All => Self::all(parts),
                    Quantifier::Count(0) => Self::nothing(),
                    Quantifier::Any | Quantifier::Count(_) => Self::any(parts),
                }
            }
        }
    }

    fn of_detection(detection: &Detection) -> Self {
        match detection {
            Detection::AllOf(items) => Self::all(items.iter().map(Self::of_item)),
            Detection::And(parts) => Self::all(parts.iter().map(Self::of_detection)),
            Detection::AnyOf(parts) => Self::any(parts.iter().map(Self::of_detection)),
            Detection::ArrayMatch { field, quantifier: ArrayQuantifier::Any, body, .. } if facts::quotes(field) => {
                Self::of_quoting_body(body)
            }
            Detection::ArrayMatch { field, quantifier: ArrayQuantifier::Any, .. } if !is_of_record(field) => {
                Self::of_fact(field)
            }
            Detection::ArrayMatch { quantifier: ArrayQuantifier::Any, body, .. } => Self::of_detection(body),
            Detection::Keywords(values) => Self::of_values(values, false),
            Detection::ArrayMatch { .. } | Detection::Conditional { .. } => Self::nothing(),
        }
    }

    fn of_item(item: &DetectionItem) -> Self {
        const PLAIN: [Modifier; 5] =
            [Modifier::Contains, Modifier::StartsWith, Modifier::EndsWith, Modifier::All, Modifier::Cased];
        const REGEX: [Modifier; 5] =
            [Modifier::Re, Modifier::IgnoreCase, Modifier::Multiline, Modifier::DotAll, Modifier::All];
        let has_only = |known: &[Modifier]| item.field.modifiers.iter().all(|modifier| known.contains(modifier));
        let (is_plain, all) = (has_only(&PLAIN), item.field.has_modifier(Modifier::All));
        if !is_plain && !has_only(&REGEX) {
            return Self::nothing();
        }
        match &item.field.name {
            Some(name) if facts::quotes(name) && is_plain => Self::of_quoted(&item.values, all),
            Some(name) if facts::quotes(name) => Self::nothing(),
            Some(name) if !is_of_record(name) => match item.values.contains(&SigmaValue::Null) {
                true => Self::nothing(),
                false => Self::of_fact(name),
            },
            // The call has been compared already.
            Some(name) if ["eventSource", "eventName"].contains(&name.as_str()) => Self::nothing(),
            _ if is_plain => Self::of_values(&item.values, all),
            _ => {
                let expressions = item.values.iter().map(|value| Self::of_regex(value, item));
                if all { Self::all(expressions) } else { Self::any(expressions) }
            }
        }
    }

    /// For a fact to have a value.
    fn of_fact(path: &str) -> Self {
        Self(facts::member_behind(path).map(|member| vec![member.to_ascii_lowercase()]).into_iter().collect())
    }

    fn of_values(values: &[SigmaValue], all: bool) -> Self {
        Self::of_texts(values.iter().map(longest), all)
    }

    /// For a fact whose texts end as a text in the record's parameters does.
    fn of_quoted(values: &[SigmaValue], all: bool) -> Self {
        Self::of_texts(values.iter().map(last), all)
    }

    /// For a member of such a fact.
    fn of_quoting_body(body: &Detection) -> Self {
        match body {
            Detection::AllOf(items) => Self::all(items.iter().map(|item| {
                let is_quoted = matches!(item.field.name.as_deref(), Some("as" | "id" | "arn"));
                match item.field.modifiers.as_slice() {
                    [] | [Modifier::Cased] if is_quoted => Self::of_quoted(&item.values, false),
                    _ => Self::nothing(),
                }
            })),
            Detection::And(parts) => Self::all(parts.iter().map(Self::of_quoting_body)),
            _ => Self::nothing(),
        }
    }

    /// For a regular expression. It may match anywhere in the text, so that anchors require nothing.
    fn of_regex(value: &SigmaValue, item: &DetectionItem) -> Self {
        let SigmaValue::String(text) = value else { return Self::nothing() };
        let mut parser = ParserBuilder::new();
        parser.case_insensitive(item.field.has_modifier(Modifier::IgnoreCase));
        // The other flags change what anchors and dots match, of which no literal is made.
        parser.build().parse(&written(text)).map_or_else(|_| Self::nothing(), |hir| Self::of_hir(&hir))
    }

    fn of_hir(hir: &Hir) -> Self {
        match hir.kind() {
            HirKind::Concat(parts) => {
                let (mut run, mut lists) = (String::new(), Vec::new());
                for part in parts {
                    match literal(part) {
                        Some(text) => run.push_str(&text),
                        None if matches!(part.kind(), HirKind::Look(_)) => {}
                        None => lists.extend([Self::of_run(&std::mem::take(&mut run)), Self::of_hir(part)]),
                    }
                }
                lists.push(Self::of_run(&run));
                Self::all(lists.into_iter())
            }
            HirKind::Alternation(parts) => Self::any(parts.iter().map(Self::of_hir)),
            HirKind::Repetition(repetition) if repetition.min > 0 => Self::of_hir(&repetition.sub),
            HirKind::Capture(capture) => Self::of_hir(&capture.sub),
            _ => literal(hir).map_or_else(Self::nothing, |text| Self::of_run(&text)),
        }
    }

    /// For consecutive characters of a regular expression.
    fn of_run(run: &str) -> Self {
        Self(longest_part(run.split(|one: char| !is_verbatim(one))).map(|text| vec![text]).into_iter().collect())
    }

    fn of_texts(texts: impl Iterator<Item = Option<String>>, all: bool) -> Self {
        let needs = texts.map(|text| Self(text.map(|text| vec![text]).into_iter().collect()));
        if all { Self::all(needs) } else { Self::any(needs) }
    }
}

/// Whether a field is one of the record, and not derived from it.
fn is_of_record(field: &str) -> bool {
    !facts::is_fact_namespace(field)
}

/// The longest text within a value that the text of a record has as it is.
fn longest(value: &SigmaValue) -> Option<String> {
    longest_part(plain(value)?.into_iter().flat_map(|text| text.split(|one: char| !is_verbatim(one))))
}

/// The longest of some texts that is long enough, in lower case.
fn longest_part<'t>(runs: impl Iterator<Item = &'t str>) -> Option<String> {
    // A colon at an end may stand between a key and its value, where white space is.
    let runs = runs.map(|run| run.trim_matches([':', ' ']));
    let longest = runs.filter(|run| run.len() >= MIN_LENGTH && says_something(run)).max_by_key(|run| run.len());
    longest.map(str::to_ascii_lowercase)
}

/// The text that a part of a regular expression matches. Prefiltered records are ASCII, so that a letter in both cases is
/// one literal, even if it has relatives beyond ASCII.
fn literal(hir: &Hir) -> Option<String> {
    match hir.kind() {
        HirKind::Literal(literal) => String::from_utf8(literal.0.to_vec()).ok(),
        HirKind::Class(Class::Unicode(class)) => {
            let mut ascii = class.iter().filter(|range| range.start().is_ascii());
            let upper = ascii.next().filter(|range| range.start() == range.end())?.start();
            let lower = ascii.next().filter(|range| range.start() == range.end())?.start();
            let is_letter = ascii.next().is_none() && upper.is_ascii_uppercase() && upper.to_ascii_lowercase() == lower;
            is_letter.then(|| lower.to_string())
        }
        _ => None,
    }
}

/// The last name within a value that consists of names with colons and slashes between them.
fn last(value: &SigmaValue) -> Option<String> {
    let mut runs = plain(value)?.into_iter().flat_map(|text| text.split(|one: char| one == ':' || !is_verbatim(one)));
    let last = runs.rfind(|run| !run.trim().is_empty())?;
    (last.len() >= MIN_LENGTH && says_something(last)).then(|| last.to_ascii_lowercase())
}

/// The texts between the wildcards of a value.
fn plain(value: &SigmaValue) -> Option<Vec<&str>> {
    let SigmaValue::String(text) = value else { return None };
    let plain = text.parts.iter().filter_map(|part| match part {
        StringPart::Plain(text) => Some(text.as_str()),
        StringPart::Special(_) => None,
    });
    Some(plain.collect())
}

/// Whether a character is written as it is, in a string and in a string within it, and stands in strings alone, so that a
/// text of such characters lies within one of them. White space other than blanks is escaped.
fn is_verbatim(one: char) -> bool {
    matches!(one, ' '..='~') && !['"', '\\', '/', ',', '{', '}', '[', ']', '<', '>', '&', '\'', '=', '+'].contains(&one)
}

/// Whether a text is no part of any number: numbers are compared as they are meant, not as they are written.
fn says_something(text: &str) -> bool {
    let is_of_number = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    // 192.0.2.1, 2023-07-10
    let is_number_like = text.bytes().all(is_of_number)
        && text.bytes().filter(|byte| *byte == b'.').count() < 2
        && !text.as_bytes().windows(2).any(|pair| matches!(pair, [b'0'..=b'9', b'-']));
    !is_number_like
}
