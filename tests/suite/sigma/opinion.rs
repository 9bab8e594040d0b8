//! A second opinion on Sigma rules: the specification (version 2.1), read literally and slowly, without the engine.
//!
//! Where the specification is silent, and where the engine is known to differ, a comment says what is taken here.

use regex::RegexBuilder;
use serde_json::{Map, Value};

/// One rule.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Its detections by name.
    pub(crate) detections: Map<String, Value>,
    conditions: Vec<String>,
}

impl Rule {
    /// The rule in a YAML document.
    pub(crate) fn parse(yaml: &str) -> Self {
        let mut document: Value = yaml_serde::from_str(yaml).unwrap();
        let Value::Object(mut detections) = document["detection"].take() else { panic!("no detection in {yaml}") };
        let condition = detections.remove("condition").unwrap();
        let conditions = list(&condition).iter().map(|one| one.as_str().unwrap().to_owned()).collect();
        Self { detections, conditions }
    }

    /// Whether `event` matches; of several conditions one is enough.
    pub(crate) fn matches(&self, event: &Value) -> bool {
        self.conditions.iter().any(|condition| {
            let spaced = condition.replace('(', " ( ").replace(')', " ) ");
            let tokens: Vec<&str> = spaced.split_whitespace().collect();
            let mut reader = Reader { rule: self, event, tokens: &tokens };
            let holds = reader.or();
            assert!(reader.tokens.is_empty(), "{condition}");
            holds
        })
    }
}

/// Reads a condition from left to right: `or` binds least, then `and`, then `not`.
struct Reader<'r> {
    rule: &'r Rule,
    event: &'r Value,
    tokens: &'r [&'r str],
}

impl Reader<'_> {
    fn take(&mut self, word: &str) -> bool {
        let is_it = self.tokens.first().is_some_and(|token| token.eq_ignore_ascii_case(word));
        if is_it {
            self.tokens = &self.tokens[1..];
        }
        is_it
    }

    fn next(&mut self) -> String {
        let word = self.tokens[0].to_owned();
        self.tokens = &self.tokens[1..];
        word
    }

    fn or(&mut self) -> bool {
        let mut holds = self.and();
        while self.take("or") {
            // The right side has to be read also when the left decides.
            holds |= self.and();
        }
        holds
    }

    fn and(&mut self) -> bool {
        let mut holds = self.not();
        while self.take("and") {
            holds &= self.not();
        }
        holds
    }

    fn not(&mut self) -> bool {
        if self.take("not") {
            return !self.not();
        }
        if self.take("(") {
            let holds = self.or();
            assert!(self.take(")"));
            return holds;
        }
        let word = self.next();
        if !self.take("of") {
            return detection(&self.rule.detections[&word], self.event);
        }
        let pattern = self.next();
        let is_meant = |name: &str| match pattern.as_str() {
            "them" => !name.starts_with('_'),
            pattern => wildcard(&tokens(pattern), name, true),
        };
        let mut meant = self.rule.detections.iter().filter(|(name, _)| is_meant(name));
        match word.as_str() {
            "all" => meant.all(|(_, body)| detection(body, self.event)),
            "1" | "any" => meant.any(|(_, body)| detection(body, self.event)),
            number => panic!("`{number} of` is not in the specification"),
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}

/// A map: all of its items. A list: one of its maps, or one of its keywords.
fn detection(body: &Value, event: &Value) -> bool {
    match body {
        Value::Object(items) => items.iter().all(|(key, wanted)| item(key, list(wanted), event)),
        Value::Array(parts) => parts.iter().any(|part| detection(part, event)),
        word => keyword(word, event),
    }
}

/// A keyword stands somewhere in the record. Names of fields are not searched, as the engine does not.
fn keyword(word: &Value, inside: &Value) -> bool {
    match inside {
        Value::Array(elements) => elements.iter().any(|element| keyword(word, element)),
        Value::Object(members) => members.values().any(|member| keyword(word, member)),
        scalar => text(scalar).is_some_and(|text| holds_text(&["contains"], word, &text)),
    }
}

fn item(key: &str, wanted: &[Value], event: &Value) -> bool {
    let mut parts = key.split('|');
    let field = parts.next().unwrap();
    let modifiers: Vec<&str> = parts.collect();
    let mut one_holds = |one: &Value| match field {
        "" => keyword(one, event),
        field => value(&modifiers, one, field, event),
    };
    let holds =
        if modifiers.contains(&"all") { wanted.iter().all(&mut one_holds) } else { wanted.iter().any(one_holds) };
    // A missing field is different from any value, as pySigma has it, which makes `not` of this modifier.
    holds != modifiers.contains(&"neq")
}

/// Whether one of the values at `field` is what is wanted.
fn value(modifiers: &[&str], wanted: &Value, field: &str, event: &Value) -> bool {
    let found: Vec<&Value> = at(field, event).into_iter().filter(|value| !value.is_null()).collect();
    if modifiers.contains(&"exists") {
        // The specification counts a null as present. The engine does not, and CloudTrail writes null for absent.
        return found.is_empty() != wanted.as_bool().unwrap();
    }
    if modifiers.contains(&"fieldref") {
        let other = at(wanted.as_str().unwrap(), event);
        let texts = |values: &[&Value]| values.iter().filter_map(|value| text(value)).collect::<Vec<_>>();
        let (ours, theirs) = (texts(&found), texts(&other));
        let plain: Vec<Vec<Token>> = theirs.iter().map(|text| text.chars().map(Token::Is).collect()).collect();
        return ours.iter().any(|ours| plain.iter().any(|plain| compare(modifiers, plain, ours)));
    }
    if wanted.is_null() {
        return found.is_empty();
    }
    found.into_iter().flat_map(flat).any(|value| text(value).is_some_and(|text| holds_text(modifiers, wanted, &text)))
}

/// The members of an array, also of an array in it.
fn flat(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(elements) => elements.iter().flat_map(flat).collect(),
        other => vec![other],
    }
}

fn holds_text(modifiers: &[&str], wanted: &Value, text: &str) -> bool {
    let wanted = &self::text(wanted).unwrap();
    let number = |than: fn(&f64, &f64) -> bool| {
        let (one, other) = (text.parse::<f64>(), wanted.parse::<f64>());
        one.is_ok_and(|one| than(&one, &other.unwrap()))
    };
    let has = |modifier: &str| modifiers.contains(&modifier);
    if has("re") {
        let (i, m, s) = (has("i"), has("m"), has("s"));
        let regex = RegexBuilder::new(wanted).case_insensitive(i).multi_line(m).dot_matches_new_line(s).build();
        return regex.unwrap().is_match(text);
    }
    if has("cidr") {
        let net: ipnet::IpNet = wanted.parse().unwrap();
        return text.parse::<std::net::IpAddr>().is_ok_and(|address| net.contains(&address));
    }
    match modifiers.iter().find(|modifier| ["gt", "gte", "lt", "lte"].contains(modifier)) {
        Some(&"gt") => number(f64::gt),
        Some(&"gte") => number(f64::ge),
        Some(&"lt") => number(f64::lt),
        Some(_) => number(f64::le),
        None => compare(modifiers, &tokens(wanted), text),
    }
}

fn compare(modifiers: &[&str], wanted: &[Token], text: &str) -> bool {
    let has = |modifier: &str| modifiers.contains(&modifier);
    let mut wanted = wanted.to_vec();
    if has("contains") || has("endswith") {
        wanted.insert(0, Token::Many);
    }
    if has("contains") || has("startswith") {
        wanted.push(Token::Many);
    }
    wildcard(&wanted, text, has("cased"))
}

/// A part of a value: `*`, `?` or a character.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    Many,
    One,
    Is(char),
}

/// A backslash takes the meaning from `*`, `?` and itself; before anything else it is one.
fn tokens(value: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = value.chars().peekable();
    while let Some(one) = rest.next() {
        tokens.push(match one {
            '*' => Token::Many,
            '?' => Token::One,
            '\\' => Token::Is(rest.next_if(|next| ['*', '?', '\\'].contains(next)).unwrap_or('\\')),
            other => Token::Is(other),
        });
    }
    tokens
}

fn wildcard(wanted: &[Token], text: &str, cased: bool) -> bool {
    let text: Vec<char> = text.chars().collect();
    // How far into the text the parts read so far may reach.
    let mut reach = vec![false; text.len() + 1];
    reach[0] = true;
    for token in wanted {
        let before = reach.clone();
        for place in 0..=text.len() {
            let is_here = |one: &char| cased && text[place - 1] == *one || !cased && same(text[place - 1], *one);
            reach[place] = match token {
                Token::Many => before[place] || place > 0 && reach[place - 1],
                Token::One => place > 0 && before[place - 1],
                Token::Is(one) => place > 0 && before[place - 1] && is_here(one),
            };
        }
    }
    reach[text.len()]
}

fn same(one: char, other: char) -> bool {
    one.to_lowercase().eq(other.to_lowercase())
}

/// All values at a dotted path, through every array on the way.
fn at<'v>(path: &str, value: &'v Value) -> Vec<&'v Value> {
    let (key, rest) = path.split_once('.').map_or((path, None), |(key, rest)| (key, Some(rest)));
    match value {
        Value::Array(elements) => elements.iter().flat_map(|element| at(path, element)).collect(),
        Value::Object(members) => match (members.get(key), rest) {
            (Some(member), Some(rest)) => at(rest, member),
            (member, _) => member.into_iter().collect(),
        },
        _ => Vec::new(),
    }
}

/// A value as text; `None` for null and arrays.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Array(_) => None,
        Value::String(text) => Some(text.clone()),
        Value::Object(_) => Some(written(value)),
        scalar => Some(scalar.to_string()),
    }
}

/// Compact JSON in which strings stand as they are. The specification is silent on objects.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) => format!("\"{text}\""),
        Value::Array(elements) => format!("[{}]", elements.iter().map(written).collect::<Vec<_>>().join(",")),
        Value::Object(members) => {
            let members = members.iter().map(|(key, value)| format!("\"{key}\":{}", written(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        scalar => scalar.to_string(),
    }
}
