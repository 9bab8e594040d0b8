//! What CloudWatch Logs makes of a JSON filter pattern, read off its documentation: as much of it as patterns of ours may use.
//!
//! Anything else is a panic, never a match. Sources: Amazon CloudWatch Logs user guide, "Using filter patterns to match terms
//! in JSON log events" and "Supported regular expressions (regex) syntax".

use regex::Regex;
use serde_json::Value;

/// A pattern that can be asked.
#[derive(Debug)]
pub(crate) struct Matcher(Node);

#[derive(Debug)]
enum Node {
    Any(Vec<Node>),
    All(Vec<Node>),
    Is(Vec<String>, Wanted),
}

#[derive(Debug)]
enum Wanted {
    Text {
        open_start: bool,
        text: String,
        open_end: bool,
    },
    Expression(Regex),
    /// `IS TRUE`, `IS FALSE` and `IS NULL`.
    Value(Value),
    /// `NOT EXISTS`.
    Missing,
}

impl Matcher {
    /// Reads `{ … }`.
    pub(crate) fn parse(pattern: &str) -> Self {
        assert!(pattern.len() <= 1024, "a pattern has at most 1024 characters");
        assert!(pattern.is_ascii() && !pattern.contains(char::is_control), "{pattern:?}");
        let inner = pattern.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap();
        let mut rest = inner.trim();
        let node = any(&mut rest);
        assert_eq!(rest, "", "left over");
        assert!(expressions(&node) <= 2, "a pattern has at most two regular expressions");
        Self(node)
    }

    /// Whether a log event passes.
    pub(crate) fn passes(&self, message: &str) -> bool {
        serde_json::from_str::<Value>(message).is_ok_and(|event| holds(&self.0, &event))
    }

    /// The regular expressions in it.
    pub(crate) fn expressions(&self) -> Vec<String> {
        let mut found = Vec::new();
        collect(&self.0, &mut found);
        found
    }
}

fn collect(node: &Node, found: &mut Vec<String>) {
    match node {
        Node::Any(parts) | Node::All(parts) => parts.iter().for_each(|part| collect(part, found)),
        Node::Is(_, Wanted::Expression(expression)) => found.push(expression.as_str().to_owned()),
        Node::Is(..) => {}
    }
}

fn expressions(node: &Node) -> usize {
    let mut found = Vec::new();
    collect(node, &mut found);
    found.len()
}

fn take(rest: &mut &str, token: &str) -> bool {
    let Some(after) = rest.trim_start().strip_prefix(token) else { return false };
    *rest = after.trim_start();
    true
}

fn until(rest: &mut &str, end: char) -> String {
    let (taken, after) = rest.split_once(end).unwrap_or_else(|| panic!("no {end} in {rest}"));
    *rest = after.trim_start();
    taken.to_owned()
}

/// `&&` binds closer than `||`.
fn any(rest: &mut &str) -> Node {
    let mut parts = vec![all(rest)];
    while take(rest, "||") {
        parts.push(all(rest));
    }
    Node::Any(parts)
}

fn all(rest: &mut &str) -> Node {
    let mut parts = vec![one(rest)];
    while take(rest, "&&") {
        parts.push(one(rest));
    }
    Node::All(parts)
}

fn one(rest: &mut &str) -> Node {
    if take(rest, "(") {
        let inner = any(rest);
        assert!(take(rest, ")"), "no ) before {rest}");
        return inner;
    }
    assert!(take(rest, "$."), "no selector at {rest}");
    const WORDS: [(&str, Option<Value>); 4] = [
        ("IS TRUE", Some(Value::Bool(true))),
        ("IS FALSE", Some(Value::Bool(false))),
        ("IS NULL", Some(Value::Null)),
        ("NOT EXISTS", None),
    ];
    let end = rest.find([' ', '=']).unwrap();
    let path = rest[..end].to_owned();
    *rest = rest[end..].trim_start();
    let word = WORDS.into_iter().find(|(word, _)| take(rest, word)).map(|(_, value)| value);
    let is_compared = word.is_some() || take(rest, "=");
    assert!(is_compared, "no operator at {rest}");
    let path: Vec<String> = path.trim_end().split('.').map(str::to_owned).collect();
    let is_name =
        |key: &String| !key.is_empty() && key.chars().all(|one| one.is_ascii_alphanumeric() || "-_".contains(one));
    assert!(path.iter().all(is_name), "{path:?}");
    let wanted = if let Some(word) = word {
        word.map_or(Wanted::Missing, Wanted::Value)
    } else if take(rest, "\"") {
        text(&until(rest, '"'))
    } else if take(rest, "%") {
        expression(&until(rest, '%'))
    } else {
        panic!("neither a string nor a regular expression at {rest}");
    };
    Node::Is(path, wanted)
}

/// `*` is a wildcard at the ends; elsewhere it is a star.
fn text(quoted: &str) -> Wanted {
    assert!(!quoted.contains('\\') && !quoted.is_empty(), "{quoted}");
    let (open_start, text) = quoted.strip_prefix('*').map_or((false, quoted), |text| (true, text));
    let (open_end, text) = text.strip_suffix('*').map_or((false, text), |text| (true, text));
    Wanted::Text { open_start, text: text.to_owned(), open_end }
}

fn expression(written: &str) -> Wanted {
    let allowed = |one: char| one.is_ascii_alphanumeric() || ":_#=@/;,-^$?[]{}|\\*+.".contains(one);
    assert!(!written.is_empty() && written.chars().all(allowed), "{written}");
    assert!(written.split('|').all(|part| !part.is_empty()), "an empty alternative lets everything through");
    Wanted::Expression(Regex::new(written).unwrap())
}

fn holds(node: &Node, event: &Value) -> bool {
    match node {
        Node::Any(parts) => parts.iter().any(|part| holds(part, event)),
        Node::All(parts) => parts.iter().all(|part| holds(part, event)),
        Node::Is(path, wanted) => {
            let found = path.iter().try_fold(event, |value, key| value.as_object()?.get(key));
            match wanted {
                Wanted::Missing => return found.is_none(),
                Wanted::Value(wanted) => return found == Some(wanted),
                Wanted::Text { .. } | Wanted::Expression(_) => {}
            }
            // What is missing, or an array or an object, is none of anything.
            let Some(found) = found.and_then(Value::as_str) else { return false };
            match wanted {
                Wanted::Missing | Wanted::Value(_) => false,
                Wanted::Text { open_start, text, open_end } => match (open_start, open_end) {
                    (false, false) => found == text,
                    (true, false) => found.ends_with(text),
                    (false, true) => found.starts_with(text),
                    (true, true) => found.contains(text),
                },
                Wanted::Expression(expression) => expression.is_match(found),
            }
        }
    }
}

#[test]
fn it_reads_patterns_as_the_documentation_does() {
    let event = r#"{"eventType":"UpdateTrail","user":{"name":"a b"},"list":["UpdateTrail"],"number":1,"none":null,"flag":false}"#;
    for (pattern, passes) in [
        (r#"{ $.eventType = "UpdateTrail" }"#, true),
        (r#"{$.eventType="updatetrail"}"#, false),
        (r#"{$.eventType="Update"}"#, false),
        (r#"{$.eventType="Update*"}"#, true),
        (r#"{$.eventType="*Trail"}"#, true),
        (r#"{$.eventType="*date*"}"#, true),
        (r#"{$.eventType="Up*ail"}"#, false),
        (r#"{$.eventType="*"}"#, true),
        (r#"{$.user.name="a b"}"#, true),
        (r#"{$.user="*"}"#, false),
        (r#"{$.list="*"}"#, false),
        (r#"{$.none="*"}"#, false),
        (r#"{$.missing="*"}"#, false),
        ("{$.missing NOT EXISTS}", true),
        ("{$.none NOT EXISTS||$.flag NOT EXISTS}", false),
        ("{$.none IS NULL}", true),
        ("{$.flag IS FALSE}", true),
        ("{$.flag IS TRUE}", false),
        ("{$.missing IS FALSE||$.number IS TRUE}", false),
        ("{$.eventType=%gra|eT%}", true),
        ("{$.eventType=%et|x%}", false),
        (r"{$.user.name=%a\.b%}", false),
        (r#"{($.eventType="x")||($.eventType="UpdateTrail")}"#, true),
        (r#"{$.eventType="UpdateTrail"||$.eventType="x"&&$.missing="x"}"#, true),
        (r#"{($.eventType="UpdateTrail"||$.eventType="x")&&$.missing="x"}"#, false),
    ] {
        assert_eq!(Matcher::parse(pattern).passes(event), passes, "{pattern}");
    }
    assert!(!Matcher::parse(r#"{$.a="*"}"#).passes("not JSON"));
}
