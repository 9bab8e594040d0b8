//! Patterns over text: literals, prefixes, suffixes, substrings and wildcards.
//!
//! Every comparison takes time linear in the text times the length of one wildcard-free run of the pattern: there is no
//! backtracking across `*`.

use std::borrow::Cow;

use rsigma_parser::{SigmaString, SpecialChar, StringPart};

/// Where a pattern has to be in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    /// The pattern is the whole text.
    Whole,
    /// The text contains it.
    Anywhere,
    /// The text starts with it.
    Start,
    /// The text ends with it.
    End,
}

/// One pattern. Unless it is cased, its literals are [folded](fold) and it is compared with folded text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Pattern {
    /// The whole text.
    Exact(Box<str>),
    /// The beginning of the text.
    Prefix(Box<str>),
    /// The end of the text.
    Suffix(Box<str>),
    /// A part of the text.
    Part(Box<str>),
    /// Any text of at least this many characters.
    AtLeast(usize),
    /// Wildcards between runs.
    Glob(Glob),
}

/// Runs with any text between them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Glob {
    /// The run at the very start; empty after a leading `*`.
    first: Run,
    /// Runs that follow one another at any distance.
    middle: Vec<Run>,
    /// The run at the very end; `None` if the pattern has no `*` and is `first` alone.
    last: Option<Run>,
}

/// Consecutive characters without `*`.
#[derive(Debug, Clone, PartialEq)]
struct Run(Vec<Token>);

/// One character of a pattern.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Token {
    /// This character.
    Is(char),
    /// `?`: any character.
    Any,
    /// A hyphen under `|windash`: a hyphen, a slash, or a dash of another length.
    Dash,
}

/// The text of a Sigma string, for modifiers that know no wildcards.
pub(in crate::rules) fn written(text: &SigmaString) -> String {
    text.as_plain().unwrap_or_else(|| text.original.clone())
}

/// The text without differences of case, character by character. Both small sigmas are one letter.
pub(super) fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return match text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => Cow::Owned(text.to_ascii_lowercase()),
            false => Cow::Borrowed(text),
        };
    }
    let lower = text.chars().flat_map(char::to_lowercase);
    Cow::Owned(lower.map(|one| if one == 'ς' { 'σ' } else { one }).collect())
}

impl Pattern {
    /// The pattern of a Sigma string. `windash`: its hyphens stand for any dash.
    pub(super) fn new(parts: &[StringPart], anchor: Anchor, cased: bool, windash: bool) -> Self {
        let mut runs = vec![Vec::new()];
        if matches!(anchor, Anchor::Anywhere | Anchor::End) {
            runs.push(Vec::new());
        }
        for part in parts {
            match part {
                StringPart::Special(SpecialChar::WildcardMulti) => runs.push(Vec::new()),
                StringPart::Special(SpecialChar::WildcardSingle) => push(&mut runs, Token::Any),
                StringPart::Plain(text) => {
                    let text = if cased { Cow::Borrowed(text.as_str()) } else { fold(text) };
                    for one in text.chars() {
                        push(&mut runs, if windash && one == '-' { Token::Dash } else { Token::Is(one) });
                    }
                }
            }
        }
        if matches!(anchor, Anchor::Anywhere | Anchor::Start) {
            runs.push(Vec::new());
        }
        Self::of_runs(runs)
    }

    /// The pattern of a text without wildcards.
    pub(super) fn plain(text: &str, anchor: Anchor, cased: bool) -> Self {
        Self::new(&[StringPart::Plain(text.to_owned())], anchor, cased, false)
    }

    fn of_runs(runs: Vec<Vec<Token>>) -> Self {
        let mut runs: Vec<Run> = runs.into_iter().map(Run).collect();
        let last = if runs.len() > 1 { runs.pop() } else { None };
        let mut runs = runs.into_iter();
        let first = runs.next().unwrap_or(Run(Vec::new()));
        // `**` is `*`.
        let middle: Vec<Run> = runs.filter(|run| !run.0.is_empty()).collect();
        let texts = (first.text(), last.as_ref().map(Run::text), middle.as_slice());
        match texts {
            (Some(first), None, _) => Self::Exact(first.into()),
            (Some(first), Some(Some(last)), []) if last.is_empty() && !first.is_empty() => Self::Prefix(first.into()),
            (Some(first), Some(Some(last)), []) if first.is_empty() && !last.is_empty() => Self::Suffix(last.into()),
            (Some(first), Some(Some(last)), [run]) if first.is_empty() && last.is_empty() => match run.text() {
                Some(text) => Self::Part(text.into()),
                None => Self::Glob(Glob { first: Run(Vec::new()), middle, last: Some(Run(Vec::new())) }),
            },
            _ if last.is_some() && middle.is_empty() && first.is_any() && last.as_ref().is_some_and(Run::is_any) => {
                Self::AtLeast(first.0.len() + last.map_or(0, |last| last.0.len()))
            }
            _ => Self::Glob(Glob { first, middle, last }),
        }
    }

    /// The work for one byte of text.
    pub(super) fn weight(&self) -> u64 {
        match self {
            Self::Glob(glob) => glob.middle.iter().map(Run::weight).fold(1, u64::saturating_add),
            _ => 1,
        }
    }

    /// Whether the text, folded unless the pattern is cased, fits.
    pub(super) fn fits(&self, text: &str) -> bool {
        match self {
            Self::Exact(wanted) => text == &**wanted,
            Self::Prefix(wanted) => text.starts_with(&**wanted),
            Self::Suffix(wanted) => text.ends_with(&**wanted),
            Self::Part(wanted) => memchr::memmem::find(text.as_bytes(), wanted.as_bytes()).is_some(),
            Self::AtLeast(count) => match count {
                0 => true,
                1 => !text.is_empty(),
                count => text.chars().nth(count - 1).is_some(),
            },
            Self::Glob(glob) => glob.fits(text),
        }
    }
}

fn push(runs: &mut [Vec<Token>], token: Token) {
    if let Some(run) = runs.last_mut() {
        run.push(token);
    }
}

impl Glob {
    fn fits(&self, text: &str) -> bool {
        let Some(mut rest) = self.first.at_start(text) else { return false };
        let Some(last) = &self.last else { return rest.is_empty() };
        for run in &self.middle {
            match run.find(rest) {
                Some(after) => rest = after,
                None => return false,
            }
        }
        last.is_at_end(rest)
    }
}

impl Run {
    /// The run as text, if no token of it stands for several characters.
    fn text(&self) -> Option<String> {
        let character = |token: &Token| match token {
            Token::Is(one) => Some(*one),
            Token::Any | Token::Dash => None,
        };
        self.0.iter().map(character).collect()
    }

    /// A search tries the run at every character of the text.
    fn weight(&self) -> u64 {
        u64::try_from(self.0.len()).unwrap_or(u64::MAX)
    }

    fn is_any(&self) -> bool {
        self.0.iter().all(|token| *token == Token::Any)
    }

    /// The text after the run, if the text starts with it.
    fn at_start<'t>(&self, text: &'t str) -> Option<&'t str> {
        let mut rest = text.chars();
        self.0.iter().all(|token| rest.next().is_some_and(|one| token.admits(one))).then_some(rest.as_str())
    }

    fn is_at_end(&self, text: &str) -> bool {
        let mut rest = text.chars();
        self.0.iter().rev().all(|token| rest.next_back().is_some_and(|one| token.admits(one)))
    }

    /// The text after the first place of the run.
    fn find<'t>(&self, text: &'t str) -> Option<&'t str> {
        let mut rest = text.chars();
        loop {
            if let Some(after) = self.at_start(rest.as_str()) {
                return Some(after);
            }
            rest.next()?;
        }
    }
}

impl Token {
    fn admits(self, one: char) -> bool {
        match self {
            Self::Is(wanted) => one == wanted,
            Self::Any => true,
            Self::Dash => matches!(one, '-' | '/' | '\u{2013}' | '\u{2014}' | '\u{2015}'),
        }
    }
}
