//! Patterns over strings: literals, prefixes, suffixes, substrings and wildcards.
//!
//! A comparison takes time linear in the length of the string times the length of the longest segment between wildcards. It
//! does not backtrack across `*`.

use std::borrow::Cow;

use rsigma_parser::{SigmaString, SpecialChar, StringPart};

/// The position of a pattern in a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    /// The pattern is the whole string.
    Whole,
    /// The string contains the pattern.
    Anywhere,
    /// The string starts with the pattern.
    Start,
    /// The string ends with the pattern.
    End,
}

/// A pattern. Unless it is case-sensitive, its literals are [folded](fold), and it is compared with folded strings.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Pattern {
    /// Equals the string.
    Exact(Box<str>),
    /// Starts the string.
    Prefix(Box<str>),
    /// Ends the string.
    Suffix(Box<str>),
    /// Occurs in the string.
    Substring(Box<str>),
    /// Matches any string of at least this many characters.
    AtLeast(usize),
    /// Segments with wildcards between them.
    Glob(Glob),
}

/// Segments with any text between them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Glob {
    /// The segment at the start. Empty before a leading `*`.
    first: Segment,
    /// Segments that follow one another at any distance.
    middle: Vec<Segment>,
    /// The segment at the end. `None` if the pattern has no `*` and consists of `first` alone.
    last: Option<Segment>,
}

/// Consecutive characters without `*`.
#[derive(Debug, Clone, PartialEq)]
struct Segment(Vec<PatternChar>);

/// A character of a pattern.
#[derive(Debug, Clone, Copy, PartialEq)]
enum PatternChar {
    /// Exactly this character.
    Literal(char),
    /// `?`: any character.
    Any,
    /// A hyphen under `|windash`: a hyphen, a slash or any dash.
    Dash,
}

/// Returns a Sigma string as plain text, for modifiers without wildcards.
pub(in crate::rules) fn plain_text(text: &SigmaString) -> String {
    text.as_plain().unwrap_or_else(|| text.original.clone())
}

/// Folds case, character by character. Both lower-case sigmas become the same letter.
pub(super) fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        let has_upper_case = text.bytes().any(|byte| byte.is_ascii_uppercase());
        return if has_upper_case { Cow::Owned(text.to_ascii_lowercase()) } else { Cow::Borrowed(text) };
    }
    let lower = text.chars().flat_map(char::to_lowercase);
    Cow::Owned(lower.map(|character| if character == 'ς' { 'σ' } else { character }).collect())
}

impl Pattern {
    /// Compiles a Sigma string. With `windash`, a hyphen in it matches any dash.
    pub(super) fn new(parts: &[StringPart], anchor: Anchor, cased: bool, windash: bool) -> Self {
        let mut segments = vec![Vec::new()];
        if matches!(anchor, Anchor::Anywhere | Anchor::End) {
            segments.push(Vec::new());
        }
        for part in parts {
            match part {
                StringPart::Special(SpecialChar::WildcardMulti) => segments.push(Vec::new()),
                StringPart::Special(SpecialChar::WildcardSingle) => push(&mut segments, PatternChar::Any),
                StringPart::Plain(text) => {
                    let text = if cased { Cow::Borrowed(text.as_str()) } else { fold(text) };
                    for character in text.chars() {
                        push(
                            &mut segments,
                            if windash && character == '-' {
                                PatternChar::Dash
                            } else {
                                PatternChar::Literal(character)
                            },
                        );
                    }
                }
            }
        }
        if matches!(anchor, Anchor::Anywhere | Anchor::Start) {
            segments.push(Vec::new());
        }
        Self::from_segments(segments)
    }

    /// Compiles a string without wildcards.
    pub(super) fn plain(text: &str, anchor: Anchor, cased: bool) -> Self {
        Self::new(&[StringPart::Plain(text.to_owned())], anchor, cased, false)
    }

    fn from_segments(segments: Vec<Vec<PatternChar>>) -> Self {
        let mut segments: Vec<Segment> = segments.into_iter().map(Segment).collect();
        let last = if segments.len() > 1 { segments.pop() } else { None };
        let mut segments = segments.into_iter();
        let first = segments.next().unwrap_or(Segment(Vec::new()));
        // `**` means `*`.
        let middle: Vec<Segment> = segments.filter(|segment| !segment.0.is_empty()).collect();
        let texts = (first.text(), last.as_ref().map(Segment::text), middle.as_slice());
        match texts {
            (Some(first), None, _) => Self::Exact(first.into()),
            (Some(first), Some(Some(last)), []) if last.is_empty() && !first.is_empty() => Self::Prefix(first.into()),
            (Some(first), Some(Some(last)), []) if first.is_empty() && !last.is_empty() => Self::Suffix(last.into()),
            (Some(first), Some(Some(last)), [segment]) if first.is_empty() && last.is_empty() => match segment.text() {
                Some(text) => Self::Substring(text.into()),
                None => Self::Glob(Glob { first: Segment(Vec::new()), middle, last: Some(Segment(Vec::new())) }),
            },
            _ if last.is_some()
                && middle.is_empty()
                && first.is_any()
                && last.as_ref().is_some_and(Segment::is_any) =>
            {
                Self::AtLeast(first.0.len() + last.map_or(0, |last| last.0.len()))
            }
            _ => Self::Glob(Glob { first, middle, last }),
        }
    }

    /// Returns the work for one byte of text.
    pub(super) fn weight(&self) -> u64 {
        match self {
            Self::Glob(glob) => glob.middle.iter().map(Segment::weight).fold(1, u64::saturating_add),
            _ => 1,
        }
    }

    /// Whether the pattern matches a string, which must be folded unless the pattern is case-sensitive.
    pub(super) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exact(literal) => text == &**literal,
            Self::Prefix(literal) => text.starts_with(&**literal),
            Self::Suffix(literal) => text.ends_with(&**literal),
            Self::Substring(literal) => memchr::memmem::find(text.as_bytes(), literal.as_bytes()).is_some(),
            Self::AtLeast(count) => match count {
                0 => true,
                1 => !text.is_empty(),
                count => text.chars().nth(count - 1).is_some(),
            },
            Self::Glob(glob) => glob.matches(text),
        }
    }
}

fn push(segments: &mut [Vec<PatternChar>], character: PatternChar) {
    if let Some(segment) = segments.last_mut() {
        segment.push(character);
    }
}

impl Glob {
    fn matches(&self, text: &str) -> bool {
        let Some(mut rest) = self.first.strip_from(text) else { return false };
        let Some(last) = &self.last else { return rest.is_empty() };
        for segment in &self.middle {
            match segment.find(rest) {
                Some(after) => rest = after,
                None => return false,
            }
        }
        last.ends(rest)
    }
}

impl Segment {
    /// Returns the segment as a string, unless it contains `?` or a dash of any kind.
    fn text(&self) -> Option<String> {
        let literal = |character: &PatternChar| match character {
            PatternChar::Literal(character) => Some(*character),
            PatternChar::Any | PatternChar::Dash => None,
        };
        self.0.iter().map(literal).collect()
    }

    /// Returns the length. A search compares the segment at every character of the string.
    fn weight(&self) -> u64 {
        u64::try_from(self.0.len()).unwrap_or(u64::MAX)
    }

    fn is_any(&self) -> bool {
        self.0.iter().all(|character| *character == PatternChar::Any)
    }

    /// Returns the rest of a string that starts with the segment.
    fn strip_from<'t>(&self, text: &'t str) -> Option<&'t str> {
        let mut rest = text.chars();
        self.0
            .iter()
            .all(|pattern| rest.next().is_some_and(|character| pattern.matches(character)))
            .then_some(rest.as_str())
    }

    fn ends(&self, text: &str) -> bool {
        let mut rest = text.chars();
        self.0.iter().rev().all(|pattern| rest.next_back().is_some_and(|character| pattern.matches(character)))
    }

    /// Returns the rest of a string after the first occurrence of the segment.
    fn find<'t>(&self, text: &'t str) -> Option<&'t str> {
        let mut rest = text.chars();
        loop {
            if let Some(after) = self.strip_from(rest.as_str()) {
                return Some(after);
            }
            rest.next()?;
        }
    }
}

impl PatternChar {
    fn matches(self, character: char) -> bool {
        match self {
            Self::Literal(literal) => character == literal,
            Self::Any => true,
            Self::Dash => matches!(character, '-' | '/' | '\u{2013}' | '\u{2014}' | '\u{2015}'),
        }
    }
}
