//! JSON as it may be written: members in any order and more than once, values that are none, and several ways of writing.

use serde_json_borrow::Value;

use super::dice::Dice;

/// Members of an object.
pub(crate) type Members = Vec<(String, Node)>;

/// A value.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    /// Written as it is.
    Raw(String),
    Text(String),
    List(Vec<Node>),
    Object(Members),
}

/// What stands between the parts of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blanks {
    None,
    /// A blank after each colon and comma.
    Some,
    /// A line for each member.
    Lines,
    /// Any, anywhere.
    Odd,
}

/// Which characters are escaped that need not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escapes {
    None,
    Slashes,
    /// Those beyond ASCII, and what stands for something in HTML.
    NonAscii,
    /// Any, now and then.
    Odd,
}

/// How a value is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) blanks: Blanks,
    pub(crate) escapes: Escapes,
}

impl Style {
    pub(crate) const COMPACT: Self = Self { blanks: Blanks::None, escapes: Escapes::None };

    /// The usual one more often than not.
    pub(crate) fn any(dice: &mut Dice<'_>) -> Self {
        let blanks = dice.pick(&[
            Blanks::None,
            Blanks::None,
            Blanks::None,
            Blanks::None,
            Blanks::Some,
            Blanks::Lines,
            Blanks::Odd,
        ]);
        let escapes = dice.pick(&[
            Escapes::None,
            Escapes::None,
            Escapes::None,
            Escapes::None,
            Escapes::None,
            Escapes::Slashes,
            Escapes::NonAscii,
            Escapes::Odd,
        ]);
        Self { blanks, escapes }
    }
}

impl Node {
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    pub(crate) fn raw(text: &str) -> Self {
        Self::Raw(text.to_owned())
    }

    /// Reads JSON; members keep their order.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str::<Value<'_>>(text).ok().map(|value| Self::of(&value))
    }

    fn of(value: &Value<'_>) -> Self {
        match value {
            Value::Str(text) => Self::text(text),
            Value::Array(elements) => Self::List(elements.iter().map(Self::of).collect()),
            Value::Object(members) => {
                Self::Object(members.iter().map(|(key, value)| (key.to_owned(), Self::of(value))).collect())
            }
            scalar => Self::Raw(scalar.to_string()),
        }
    }

    /// The value as text.
    pub(crate) fn written(&self, style: Style, dice: &mut Dice<'_>) -> String {
        let mut text = String::new();
        self.write(style, dice, 0, &mut text);
        text
    }

    fn write(&self, style: Style, dice: &mut Dice<'_>, level: usize, text: &mut String) {
        match self {
            Self::Raw(raw) => text.push_str(raw),
            Self::Text(string) => write_string(string, style.escapes, dice, text),
            Self::List(elements) => {
                text.push('[');
                for (place, element) in elements.iter().enumerate() {
                    begin(place, style, dice, level + 1, text);
                    element.write(style, dice, level + 1, text);
                }
                end(elements.is_empty(), style, dice, level, text);
                text.push(']');
            }
            Self::Object(members) => {
                text.push('{');
                for (place, (key, member)) in members.iter().enumerate() {
                    begin(place, style, dice, level + 1, text);
                    write_string(key, style.escapes, dice, text);
                    odd(style, dice, text);
                    text.push(':');
                    match style.blanks {
                        Blanks::Some | Blanks::Lines => text.push(' '),
                        _ => odd(style, dice, text),
                    }
                    member.write(style, dice, level + 1, text);
                }
                end(members.is_empty(), style, dice, level, text);
                text.push('}');
            }
        }
    }
}

/// What stands before a member.
fn begin(place: usize, style: Style, dice: &mut Dice<'_>, level: usize, text: &mut String) {
    if place > 0 {
        odd(style, dice, text);
        text.push(',');
        if style.blanks == Blanks::Some {
            text.push(' ');
        }
    }
    lines(style, level, text);
    odd(style, dice, text);
}

/// What stands after the last member.
fn end(is_empty: bool, style: Style, dice: &mut Dice<'_>, level: usize, text: &mut String) {
    if !is_empty {
        lines(style, level, text);
    }
    odd(style, dice, text);
}

fn lines(style: Style, level: usize, text: &mut String) {
    if style.blanks == Blanks::Lines {
        text.push('\n');
        text.push_str(&"  ".repeat(level));
    }
}

fn odd(style: Style, dice: &mut Dice<'_>, text: &mut String) {
    if style.blanks == Blanks::Odd {
        text.push_str(dice.pick(&["", "", "", " ", "\n", "\t", "\r\n", "  "]));
    }
}

fn write_string(string: &str, escapes: Escapes, dice: &mut Dice<'_>, text: &mut String) {
    text.push('"');
    for one in string.chars() {
        let is_escaped = match escapes {
            Escapes::None | Escapes::Slashes => false,
            Escapes::NonAscii => !one.is_ascii() || ['<', '>', '&', '\'', '='].contains(&one),
            Escapes::Odd => dice.one_in(24),
        };
        match one {
            _ if is_escaped => {
                let is_upper = dice.one_in(2);
                for unit in one.encode_utf16(&mut [0; 2]) {
                    text.push_str(&if is_upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") });
                }
            }
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '/' if escapes == Escapes::Slashes => text.push_str("\\/"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            control if control < ' ' => text.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => text.push(other),
        }
    }
    text.push('"');
}
