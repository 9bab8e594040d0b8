//! Patterns with `*` and `?`.

/// A pattern. The values of variables in it are literal text.
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
    /// A pattern in which `*` and `?` are wildcards.
    pub fn glob(text: &str) -> Self {
        let mut pattern = Self::default();
        pattern.push_glob(text);
        pattern
    }

    /// A pattern without wildcards.
    pub fn literal(text: &str) -> Self {
        Self(text.chars().map(Token::Char).collect())
    }

    pub(super) fn push_glob(&mut self, text: &str) {
        self.0.extend(text.chars().map(|character| match character {
            '*' => Token::Any,
            '?' => Token::One,
            literal => Token::Char(literal),
        }));
    }

    pub(super) fn push_literal(&mut self, text: &str) {
        self.0.extend(text.chars().map(Token::Char));
    }

    /// Splits the pattern at colons into at most `max` parts. The last part contains the remaining colons.
    pub(super) fn split_at_colons(&self, max: usize) -> Vec<Self> {
        self.0.splitn(max, |token| *token == Token::Char(':')).map(|part| Self(part.to_vec())).collect()
    }

    /// Whether the pattern ends with `*`.
    pub(super) fn is_open_ended(&self) -> bool {
        self.0.last() == Some(&Token::Any)
    }

    /// Whether the pattern matches all of `text`. Takes time in proportion to the product of both lengths at worst.
    pub fn matches(&self, text: &str) -> bool {
        let mut unlimited = u64::MAX;
        self.matches_within(&text.chars().collect::<Vec<_>>(), &mut unlimited).unwrap_or(false)
    }

    /// [`Pattern::matches`], which subtracts each comparison of a character from `budget`. Returns `None` if it is spent.
    pub(super) fn matches_within(&self, text: &[char], budget: &mut u64) -> Option<bool> {
        let (mut token, mut position) = (0, 0);
        // The last `*` and the end of the text that it matches.
        let mut star: Option<(usize, usize)> = None;
        loop {
            *budget = budget.checked_sub(1)?;
            match (self.0.get(token), text.get(position)) {
                (Some(Token::Any), _) => {
                    star = Some((token, position));
                    token += 1;
                }
                (Some(Token::One), Some(_)) => (token, position) = (token + 1, position + 1),
                (Some(Token::Char(expected)), Some(actual)) if expected == actual => {
                    (token, position) = (token + 1, position + 1);
                }
                (None, None) => return Some(true),
                _ => match star {
                    Some((star_token, end)) if end < text.len() => {
                        star = Some((star_token, end + 1));
                        (token, position) = (star_token + 1, end + 1);
                    }
                    _ => return Some(false),
                },
            }
        }
    }
}
