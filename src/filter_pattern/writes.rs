//! Patterns that also let through every record of a call that changes something.
//!
//! Rules that match whatever call names a resource of the deployment need these records. If all such rules match management
//! events only, data events such as `PutObject` do not pass by this condition. CloudTrail writes `readOnly` and
//! `managementEvent` as booleans. Records that lack one of them, or have another value there, pass by the calls they name.

use serde_json::{Value, json};

/// The records that pass because they change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writes {
    /// All with `readOnly: false`.
    All,
    /// Those of them with `managementEvent: true`.
    Management,
}

impl Writes {
    /// The condition for such a record.
    const fn condition(self) -> &'static str {
        match self {
            Self::All => "$.readOnly IS FALSE",
            Self::Management => "($.readOnly IS FALSE&&$.managementEvent IS TRUE)",
        }
    }

    /// The condition for every other record.
    const fn complement(self) -> &'static str {
        match self {
            Self::All => "($.readOnly IS TRUE||$.readOnly NOT EXISTS||$.readOnly IS NULL||$.readOnly=\"*\")",
            Self::Management => {
                "($.readOnly IS TRUE||$.readOnly NOT EXISTS||$.readOnly IS NULL||$.readOnly=\"*\"\
                 ||$.managementEvent IS FALSE||$.managementEvent NOT EXISTS||$.managementEvent IS NULL\
                 ||$.managementEvent=\"*\")"
            }
        }
    }

    /// The condition for such a record in an event pattern.
    pub(super) fn event_condition(self) -> Value {
        match self {
            Self::All => json!({"readOnly": [false]}),
            Self::Management => json!({"readOnly": [false], "managementEvent": [true]}),
        }
    }

    /// The alternatives for every other record in an event pattern.
    pub(super) fn event_complement(self) -> Value {
        let mut alternatives = vec![json!({"readOnly": [true, null]}), json!({"readOnly": [{"exists": false}]})];
        if self == Self::Management {
            alternatives.push(json!({"managementEvent": [false, null]}));
            alternatives.push(json!({"managementEvent": [{"exists": false}]}));
        }
        alternatives.into()
    }

    /// The maximum number of characters that the condition adds to the first pattern.
    pub(super) const fn added_to_first(self) -> usize {
        self.condition().len() + "||()".len()
    }

    /// The number of characters that the complement adds to every other pattern.
    pub(super) const fn added_to_others(self) -> usize {
        self.complement().len() + "()&&".len()
    }

    /// The patterns, of which the first lets through all these records, and the others none of them: no record passes two.
    pub(super) fn let_through(self, patterns: Vec<(String, usize)>) -> Vec<(String, usize)> {
        let (writes, rest) = (self.condition(), self.complement());
        let mut patterns = patterns.into_iter();
        let Some((first, terms)) = patterns.next() else { return vec![(format!("{{{writes}}}"), 1)] };
        let others = patterns.map(|(pattern, terms)| (format!("{{({})&&{rest}}}", inner(&pattern)), terms));
        // `&&` binds more tightly than `||`.
        let first = format!("{{{writes}||{}}}", in_parentheses(inner(&first)));
        std::iter::once((first, terms + 1)).chain(others).collect()
    }
}

/// A pattern without its braces.
fn inner(pattern: &str) -> &str {
    pattern.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(pattern)
}

/// A single conjunction in parentheses, as in the other alternatives of a pattern.
fn in_parentheses(condition: &str) -> String {
    let is_conjunction = condition.contains("&&") && !condition.contains("||");
    if is_conjunction { format!("({condition})") } else { condition.to_owned() }
}
