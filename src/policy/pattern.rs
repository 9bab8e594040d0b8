//! Patterns with `*` and `?`.

/// A pattern, after variables have been filled in: what came from a variable is plain text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pattern(Vec<Token>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Char(char),
    /// `?`
    One,
    /// `*`
    Any,
}

impl Pattern {
    /// A text in which `*` and `?` are wildcards.
    pub fn glob(text: &str) -> Self {
        let mut pattern = Self::default();
        pattern.push_glob(text);
        pattern
    }

    /// A text in which they are not.
    pub fn literal(text: &str) -> Self {
        Self(text.chars().map(Token::Char).collect())
    }

    pub(super) fn push_glob(&mut self, text: &str) {
        self.0.extend(text.chars().map(|one| match one {
            '*' => Token::Any,
            '?' => Token::One,
            one => Token::Char(one),
        }));
    }

    pub(super) fn push_literal(&mut self, text: &str) {
        self.0.extend(text.chars().map(Token::Char));
    }

    /// Its parts between colons, no more than `most`; the last keeps its colons.
    pub(super) fn split_at_colons(&self, most: usize) -> Vec<Self> {
        self.0.splitn(most, |token| *token == Token::Char(':')).map(|part| Self(part.to_vec())).collect()
    }

    /// Whether it ends with `*`.
    pub(super) fn is_open_ended(&self) -> bool {
        self.0.last() == Some(&Token::Any)
    }

    /// Whether all of `text` matches. Linear in the product of both lengths at worst.
    pub fn matches(&self, text: &str) -> bool {
        let mut unlimited = u64::MAX;
        self.matches_within(&text.chars().collect::<Vec<_>>(), &mut unlimited).unwrap_or(false)
    }

    /// The same, taking each comparison of a character from `budget`; `None` when it is spent.
    pub(super) fn matches_within(&self, text: &[char], budget: &mut u64) -> Option<bool> {
        let (mut at, mut place) = (0, 0);
        // Where the last `*` was, and how far the text it has taken reaches.
        let mut star: Option<(usize, usize)> = None;
        loop {
            *budget = budget.checked_sub(1)?;
            match (self.0.get(at), text.get(place)) {
                (Some(Token::Any), _) => {
                    star = Some((at, place));
                    at += 1;
                }
                (Some(Token::One), Some(_)) => (at, place) = (at + 1, place + 1),
                (Some(Token::Char(wanted)), Some(found)) if wanted == found => (at, place) = (at + 1, place + 1),
                (None, None) => return Some(true),
                _ => match star {
                    Some((token, taken)) if taken < text.len() => {
                        star = Some((token, taken + 1));
                        (at, place) = (token + 1, taken + 1);
                    }
                    _ => return Some(false),
                },
            }
        }
    }
}
