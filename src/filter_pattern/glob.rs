//! Names with wildcards, as both rules and filter patterns write them.

use std::fmt;

/// The names that begin with the first part, end with the last and have the others between them, in this order. A single
/// part is one name. Case matters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Glob {
    parts: Vec<String>,
}

impl Glob {
    /// The name of a service as a rule writes it, `*` and `?` being wildcards. What is in no such name counts as a wildcard
    /// too: that admits more, not less.
    pub(super) fn of_service(text: &str) -> Self {
        Self::written(text, |one| one.is_ascii_alphanumeric() || "._-".contains(one))
    }

    /// The name of a call likewise. What is special in a regular expression is in no such name.
    pub(super) fn of_call(text: &str) -> Self {
        Self::written(text, |one| one.is_ascii_alphanumeric() || one == '_')
    }

    fn written(text: &str, is_literal: impl Fn(char) -> bool) -> Self {
        let mut parts: Vec<String> = text.split(|one: char| !is_literal(one)).map(str::to_owned).collect();
        // Empty parts between two wildcards say nothing.
        if let Some(last) = parts.pop() {
            let first = (!parts.is_empty()).then(|| parts.remove(0));
            parts.retain(|part| !part.is_empty());
            parts.splice(0..0, first);
            parts.push(last);
        }
        Self { parts }
    }

    pub(super) fn exact(name: &str) -> Self {
        Self { parts: vec![name.to_owned()] }
    }

    /// `head*`
    pub(super) fn prefix(head: &str) -> Self {
        Self { parts: vec![head.to_owned(), String::new()] }
    }

    /// `*tail`
    pub(super) fn suffix(tail: &str) -> Self {
        Self { parts: vec![String::new(), tail.to_owned()] }
    }

    /// `*middle*`
    pub(super) fn infix(middle: &str) -> Self {
        Self { parts: vec![String::new(), middle.to_owned(), String::new()] }
    }

    /// The literal parts, in their order.
    pub(super) fn parts(&self) -> &[String] {
        &self.parts
    }

    /// The name, when it is one alone.
    pub(super) fn name(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [name] => Some(name),
            _ => None,
        }
    }

    /// Whether it is the names that contain one part.
    pub(super) fn is_infix(&self) -> bool {
        matches!(self.parts.as_slice(), [head, _, tail] if head.is_empty() && tail.is_empty())
    }

    /// Whether it is any name.
    pub(super) fn is_any(&self) -> bool {
        self.parts.len() > 1 && self.parts.iter().all(String::is_empty)
    }

    /// Whether CloudWatch Logs understands it: `*` is a wildcard at the beginning and at the end alone, `Ev*ent` is the name
    /// Ev*ent (Amazon CloudWatch Logs user guide, filter and pattern syntax).
    pub(super) fn is_plain(&self) -> bool {
        match self.parts.as_slice() {
            [_] => true,
            [head, tail] => head.is_empty() || tail.is_empty(),
            _ => self.is_infix(),
        }
    }

    fn head(&self) -> &str {
        self.parts.first().map_or("", String::as_str)
    }

    fn tail(&self) -> &str {
        self.parts.last().map_or("", String::as_str)
    }

    fn middle(&self) -> &[String] {
        self.parts.get(1..self.parts.len().saturating_sub(1)).unwrap_or_default()
    }

    /// Whether it is a name of these.
    pub(super) fn matches(&self, name: &str) -> bool {
        if let Some(one) = self.name() {
            return one == name;
        }
        let Some(rest) = name.strip_prefix(self.head()).and_then(|rest| rest.strip_suffix(self.tail())) else {
            return false;
        };
        let mut rest = Some(rest);
        for part in self.middle() {
            rest = rest.and_then(|rest| rest.split_once(part.as_str())).map(|(_, after)| after);
        }
        rest.is_some()
    }

    /// Whether every name of `other` is one of these, when these are plain. Never yes when it is not so.
    pub(super) fn includes(&self, other: &Self) -> bool {
        match other.name() {
            Some(name) => self.matches(name),
            None if self.name().is_some() => false,
            None => {
                let is_within = |part: &String| other.parts.iter().any(|other| other.contains(part.as_str()));
                self.is_plain()
                    && other.head().starts_with(self.head())
                    && other.tail().ends_with(self.tail())
                    && self.middle().iter().all(is_within)
            }
        }
    }

    /// Whether some name may be one of both. Never no when one is.
    pub(super) fn may_meet(&self, other: &Self) -> bool {
        match (self.name(), other.name()) {
            (Some(name), _) => other.matches(name),
            (_, Some(name)) => self.matches(name),
            (None, None) => {
                let (ours, theirs) = (self.head(), other.head());
                let heads = ours.starts_with(theirs) || theirs.starts_with(ours);
                let (ours, theirs) = (self.tail(), other.tail());
                heads && (ours.ends_with(theirs) || theirs.ends_with(ours))
            }
        }
    }

    /// Whether some service may be one of both. The name of a service is a label of a host name, and where both globs end a
    /// label, they meet in a host of which one label ends with both: no host of AWS has two labels that are names of services.
    pub(super) fn may_meet_as_service(&self, other: &Self) -> bool {
        match (self.label(), other.label()) {
            (Some((ours, open)), Some((theirs, other_open))) => {
                ours == theirs || (open && theirs.ends_with(ours)) || (other_open && ours.ends_with(theirs))
            }
            _ => self.may_meet(other),
        }
    }

    /// `ec2.` of `ec2.*` and `*ec2.*`, and whether something may be in front of it.
    fn label(&self) -> Option<(&str, bool)> {
        let (label, open) = match self.parts.as_slice() {
            [head, tail] if tail.is_empty() => (head, false),
            [head, middle, tail] if head.is_empty() && tail.is_empty() => (middle, true),
            _ => return None,
        };
        label.ends_with('.').then_some((label, open))
    }

    /// The same as CloudTrail spells it in `name`, which it matches but for case; `None` when it does not.
    pub(super) fn spelt_as(&self, name: &str) -> Option<Self> {
        let lower = name.to_ascii_lowercase();
        let low = |text: &str| text.to_ascii_lowercase();
        if self.parts.len() == 1 {
            return (low(self.head()) == lower).then(|| Self::exact(name));
        }
        let end = name.len().checked_sub(self.tail().len())?;
        let mut at = self.head().len();
        if at > end || !lower.starts_with(&low(self.head())) || !lower.ends_with(&low(self.tail())) {
            return None;
        }
        let mut parts = vec![name.get(..at)?.to_owned()];
        for part in self.middle() {
            let from = at + lower.get(at..end)?.find(&low(part))?;
            at = from + part.len();
            parts.push(name.get(from..at)?.to_owned());
        }
        parts.push(name.get(end..)?.to_owned());
        Some(Self { parts })
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.parts.join("*"))
    }
}
