//! What a record needs to say somewhere for a rule to match, read off its detection.
//!
//! Whatever cannot be read off is not needed: too little may be asked of a record, never too much. What is left can be
//! searched for in the text of a record before it is parsed.

use rsigma_parser::{
    ArrayQuantifier, ConditionExpr, Detection, DetectionItem, Detections, Modifier, Quantifier, SigmaValue, StringPart,
};

use super::selector::selected;
use crate::event::path;
use crate::facts;

/// More alternatives than this are not searched for.
const MOST: usize = 64;

/// Shorter texts are in every record.
const LEAST_LENGTH: usize = 4;

/// What each record that a rule matches has: at least one of each of these lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs(pub Vec<Vec<Need>>);

/// A text in a part of a record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// Where it is.
    pub part: Part,
    /// The text: in lower case, of ASCII alone, and without what JSON escapes or what stands between values.
    pub text: String,
}

/// A part of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Who called, from where and with what: the values of `userIdentity`, `sourceIPAddress` and `userAgent`.
    Caller,
    /// All that CloudTrail writes after these: every field that it does not write before them or between them.
    AfterCaller,
    /// All of it.
    Whole,
}

impl Part {
    /// The part that a field of a rule is in.
    fn of(field: &str) -> Self {
        /// What CloudTrail writes first; other records may have more of them, further behind and in another case.
        const FIRST: [&str; 8] = [
            "eventVersion",
            "userIdentity",
            "eventTime",
            "eventSource",
            "eventName",
            "awsRegion",
            "sourceIPAddress",
            "userAgent",
        ];
        let (first, _) = path::split(field);
        match field {
            "sourceIPAddress" | "userAgent" => Self::Caller,
            field if field.starts_with("userIdentity.") => Self::Caller,
            _ if FIRST.iter().any(|one| one.eq_ignore_ascii_case(&first.key)) => Self::Whole,
            _ => Self::AfterCaller,
        }
    }
}

impl Needs {
    /// What a rule with this detection needs.
    pub(super) fn of(detections: &Detections) -> Self {
        let conditions = detections.conditions.iter();
        Self::any(conditions.map(|condition| Self::of_condition(condition, detections)))
    }

    fn nothing() -> Self {
        Self::default()
    }

    fn all(parts: impl Iterator<Item = Self>) -> Self {
        let mut all: Vec<Vec<Need>> = Vec::new();
        for texts in parts.flat_map(|part| part.0) {
            if !all.contains(&texts) {
                all.push(texts);
            }
        }
        Self(all)
    }

    /// One of the texts of each part, by what each part asks for most narrowly.
    fn any(parts: impl Iterator<Item = Self>) -> Self {
        let mut alternatives: Vec<Need> = Vec::new();
        for part in parts {
            let narrowest = part.0.into_iter().min_by_key(Vec::len);
            let Some(texts) = narrowest else { return Self::nothing() };
            alternatives.extend(texts);
        }
        Self::one_of(alternatives)
    }

    fn one_of(mut texts: Vec<Need>) -> Self {
        texts.sort_unstable();
        // A text that begins with another is there only where that one is.
        texts.dedup_by(|text, shorter| text.part == shorter.part && text.text.starts_with(&shorter.text));
        if texts.is_empty() || texts.len() > MOST { Self::nothing() } else { Self(vec![texts]) }
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
            Detection::ArrayMatch { field, quantifier: ArrayQuantifier::Any, body, .. } => {
                // Fields of the body are those of a member, whatever they are called.
                let part = Part::of(field);
                let needs = Self::of_detection(body).0.into_iter();
                Self(needs.map(|texts| texts.into_iter().map(|need| Need { part, ..need }).collect()).collect())
            }
            Detection::Keywords(values) => Self::of_values(values, false, Part::Whole),
            Detection::ArrayMatch { .. } | Detection::Conditional { .. } => Self::nothing(),
        }
    }

    fn of_item(item: &DetectionItem) -> Self {
        const PLAIN: [Modifier; 5] =
            [Modifier::Contains, Modifier::StartsWith, Modifier::EndsWith, Modifier::All, Modifier::Cased];
        let is_plain = item.field.modifiers.iter().all(|modifier| PLAIN.contains(modifier));
        match &item.field.name {
            _ if !is_plain => Self::nothing(),
            Some(name) if facts::quotes(name) => Self::of_quoted(&item.values, item.field.has_modifier(Modifier::All)),
            Some(name) if !is_of_record(name) => match item.values.contains(&SigmaValue::Null) {
                true => Self::nothing(),
                false => Self::of_fact(name),
            },
            // Which call it is has been looked at before.
            Some(name) if ["eventSource", "eventName"].contains(&name.as_str()) => Self::nothing(),
            name => {
                let part = name.as_deref().map_or(Part::Whole, Part::of);
                Self::of_values(&item.values, item.field.has_modifier(Modifier::All), part)
            }
        }
    }

    /// For a fact to have a value.
    fn of_fact(path: &str) -> Self {
        let need = |member: &str| Need { part: Part::of(member), text: member.to_ascii_lowercase() };
        Self(facts::member_behind(path).map(|member| vec![need(member)]).into_iter().collect())
    }

    fn of_values(values: &[SigmaValue], all: bool, part: Part) -> Self {
        Self::of_texts(values.iter().map(longest), all, part)
    }

    /// For a fact whose texts end as a text in the record's parameters does.
    fn of_quoted(values: &[SigmaValue], all: bool) -> Self {
        Self::of_texts(values.iter().map(last), all, Part::AfterCaller)
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

    fn of_texts(texts: impl Iterator<Item = Option<String>>, all: bool, part: Part) -> Self {
        let needs = texts.map(|text| Self(text.map(|text| vec![Need { part, text }]).into_iter().collect()));
        if all { Self::all(needs) } else { Self::any(needs) }
    }
}

/// Whether a field is one of the record, and not derived from it.
fn is_of_record(field: &str) -> bool {
    !facts::is_fact_namespace(field)
}

/// The longest text within a value that the text of a record has as it is.
fn longest(value: &SigmaValue) -> Option<String> {
    let runs = plain(value)?.into_iter().flat_map(|text| text.split(|one: char| !is_verbatim(one)));
    // A colon at an end may stand between a key and its value, where white space is.
    let runs = runs.map(|run| run.trim_matches([':', ' ']));
    let longest = runs.filter(|run| run.len() >= LEAST_LENGTH && says_something(run)).max_by_key(|run| run.len());
    longest.map(str::to_ascii_lowercase)
}

/// The last name within a value that consists of names with colons and slashes between them.
fn last(value: &SigmaValue) -> Option<String> {
    let mut runs = plain(value)?.into_iter().flat_map(|text| text.split(|one: char| one == ':' || !is_verbatim(one)));
    let last = runs.rfind(|run| !run.trim().is_empty())?;
    (last.len() >= LEAST_LENGTH && says_something(last)).then(|| last.to_ascii_lowercase())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_looked_for_where_its_name_in_any_case_may_stand() {
        for (field, part) in [
            ("userAgent", Part::Caller),
            ("userIdentity.arn", Part::Caller),
            ("useragent", Part::Whole),
            ("USERIDENTITY.arn", Part::Whole),
            ("eventname", Part::Whole),
            ("awsRegion[0]", Part::Whole),
            ("eventNames", Part::AfterCaller),
            ("requestParameters.eventName", Part::AfterCaller),
            ("errorCode", Part::AfterCaller),
        ] {
            assert_eq!(Part::of(field), part, "{field}");
        }
    }
}
