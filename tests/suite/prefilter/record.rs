//! Records, and what may be different about them.

use std::fs;
use std::path::Path;

use walkdir::WalkDir;

use super::dice::Dice;
use super::node::{Members, Node, Style};
use super::words::{BROKEN, KEYS, NAMES, SOURCES, TEXTS, TIMES, VALUES};

/// Records to begin with, in the order in which their members are written.
#[derive(Debug)]
pub(crate) struct Corpus(Vec<Members>);

impl Corpus {
    /// Of those of `texts` that are objects.
    pub(crate) fn new<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Self {
        let records = texts.into_iter().filter_map(|text| match Node::parse(text.as_ref())? {
            Node::Object(members) => Some(members),
            _ => None,
        });
        Self(records.collect())
    }
}

/// The members that a sketch has, in the order in which CloudTrail writes them.
const TRIPLE: [&str; 3] = ["eventTime", "eventSource", "eventName"];

/// The text of a message: most are records.
pub(crate) fn message(dice: &mut Dice<'_>, corpus: &Corpus) -> String {
    let mut members = dice.one_of(&corpus.0).clone();
    for _ in 0..dice.below(5) {
        mutate(dice, corpus, &mut members);
    }
    let style = Style::any(dice);
    let text = Node::Object(members).written(style, dice);
    if !dice.one_in(12) {
        return text;
    }
    match dice.below(10) {
        0 => format!("{}{text}{}", dice.pick(&["\n", " ", "\t", "\r\n"]), dice.pick(&["", " ", "\n"])),
        1 => format!("\u{feff}{text}"),
        2 => format!("\u{a0}{text}"),
        3 => format!("{text}{}", dice.pick(&["x", "}", ",", "{}", "\u{0}", " 1"])),
        4 => cut(dice, &text),
        5 => format!("[{text}]"),
        6 => Node::text(&text).written(Style::COMPACT, dice),
        7 => dice.pick(TEXTS).to_owned(),
        8 => "START RequestId: 0a1b Version: $LATEST".to_owned(),
        _ => edited(dice, text),
    }
}

fn cut(dice: &mut Dice<'_>, text: &str) -> String {
    let most = dice.below(text.len() + 1);
    text.char_indices().take_while(|(place, _)| *place < most).map(|(_, one)| one).collect()
}

/// With some characters taken out or put in.
fn edited(dice: &mut Dice<'_>, text: String) -> String {
    let mut all: Vec<char> = text.chars().collect();
    for _ in 0..=dice.below(3) {
        let place = dice.below(all.len().max(1));
        let one = dice.pick(&['"', '\\', '{', '}', ',', ':', '[', ']', ' ', 'u', '\n', 'e', '0']);
        match dice.below(3) {
            0 if place < all.len() => drop(all.remove(place)),
            1 if place < all.len() => all[place] = one,
            _ => all.insert(place.min(all.len()), one),
        }
    }
    all.into_iter().collect()
}

/// A value for the member `key`.
fn value(dice: &mut Dice<'_>, key: &str) -> Node {
    match dice.below(24) {
        0..=13 => match key {
            "eventName" => Node::text(dice.pick(NAMES)),
            "eventSource" => Node::text(dice.pick(SOURCES)),
            "eventTime" | "@timestamp" => Node::text(dice.pick(TIMES)),
            _ => Node::text(dice.pick(TEXTS)),
        },
        14..=17 => Node::text(dice.pick(TEXTS)),
        18..=21 => Node::raw(dice.pick(VALUES)),
        22 => deep(dice),
        _ if dice.one_in(2) => Node::raw(dice.pick(BROKEN)),
        _ => Node::text(&"long ".repeat(1 + dice.below(400))),
    }
}

/// About as deep as the parser reads.
fn deep(dice: &mut Dice<'_>) -> Node {
    let levels = dice.pick(&[5, 50, 58, 59, 60, 61, 62, 120, 125, 126, 127, 128, 129, 200]);
    match dice.below(3) {
        0 => Node::Raw(format!("{}{}", "[".repeat(levels), "]".repeat(levels))),
        1 => Node::Raw(format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels))),
        _ => Node::Raw(format!("{}{}", "[{\"a\":".repeat(levels / 2) + "{}", "}]".repeat(levels / 2))),
    }
}

/// A key as somebody else may write it.
fn other_case(dice: &mut Dice<'_>, key: &str) -> String {
    match dice.below(5) {
        0 => key.to_ascii_lowercase(),
        1 => key.to_ascii_uppercase(),
        2 => key.replace('e', "E"),
        // No letter of ASCII but in lower case.
        3 => key.replace('k', "\u{212a}").replace('s', "\u{17f}"),
        _ => format!("{key} "),
    }
}

/// An object somewhere in the record, or the record itself.
fn somewhere<'m>(dice: &mut Dice<'_>, members: &'m mut Members) -> &'m mut Members {
    let inner: Vec<usize> =
        members.iter().enumerate().filter(|(_, (_, node))| has_object(node)).map(|(place, _)| place).collect();
    if inner.is_empty() || dice.one_in(4) {
        return members;
    }
    let place = dice.pick(&inner);
    // Which of its objects does not matter much: the first.
    match first_object(&mut members[place].1) {
        Some(inner) => somewhere(dice, inner),
        None => panic!("it has one"),
    }
}

fn has_object(node: &Node) -> bool {
    match node {
        Node::Object(_) => true,
        Node::List(elements) => elements.iter().any(has_object),
        Node::Raw(_) | Node::Text(_) => false,
    }
}

fn first_object(node: &mut Node) -> Option<&mut Members> {
    match node {
        Node::Object(members) => Some(members),
        Node::List(elements) => elements.iter_mut().find_map(first_object),
        Node::Raw(_) | Node::Text(_) => None,
    }
}

/// The three members that CloudTrail writes together, after something that is an object.
fn triple(dice: &mut Dice<'_>) -> Members {
    let mut members = vec![("x".to_owned(), Node::Object(Vec::new()))];
    members.extend(TRIPLE.iter().map(|key| ((*key).to_owned(), value(dice, key))));
    members
}

fn insert(dice: &mut Dice<'_>, members: &mut Members, key: String, node: Node) {
    let place = match dice.below(3) {
        0 => members.len(),
        1 => 0,
        _ => dice.below(members.len() + 1),
    };
    members.insert(place, (key, node));
}

/// Makes one thing different.
fn mutate(dice: &mut Dice<'_>, corpus: &Corpus, members: &mut Members) {
    let key = if dice.one_in(2) { dice.pick(&TRIPLE) } else { dice.pick(KEYS) };
    match dice.below(22) {
        // Another value.
        0..=3 => {
            let new = value(dice, key);
            match members.iter_mut().find(|(name, _)| name == key) {
                Some((_, old)) => *old = new,
                None => members.push((key.to_owned(), new)),
            }
        }
        4 => members.retain(|(name, _)| name != key),
        5 => members.iter_mut().filter(|(name, _)| name == key).for_each(|(name, _)| *name = other_case(dice, key)),
        // Twice, perhaps in another case.
        6 | 7 => {
            let name = if dice.one_in(3) { other_case(dice, key) } else { key.to_owned() };
            let new = value(dice, key);
            insert(dice, members, name, new);
        }
        8 => dice.shuffle(members),
        9 => {
            if !members.is_empty() {
                let (one, other) = (dice.below(members.len()), dice.below(members.len()));
                members.swap(one, other);
            }
        }
        // What stands outermost, further inside.
        10 | 11 => {
            let new = value(dice, key);
            let inner = somewhere(dice, members);
            insert(dice, inner, key.to_owned(), new);
        }
        12 | 13 => {
            let nested = triple(dice);
            let place = somewhere(dice, members);
            match dice.below(3) {
                0 => place.extend(nested),
                1 => place.insert(0, ("nested".to_owned(), Node::Object(nested))),
                _ => drop(place.splice(0..0, nested)),
            }
        }
        // The identity, which CloudTrail writes before the call, with braces in strings.
        14 | 15 => {
            if let Some((_, Node::Object(identity))) = members.iter_mut().find(|(name, _)| name == "userIdentity") {
                let name = dice.pick(TEXTS).to_owned();
                let new = value(dice, "");
                let inner = somewhere(dice, identity);
                let name = if dice.one_in(2) { name } else { "userName".to_owned() };
                insert(dice, inner, name, new);
            }
        }
        // A record in a string.
        16 => {
            let inner = Node::Object(dice.one_of(&corpus.0).clone()).written(Style::any(dice), dice);
            let place = somewhere(dice, members);
            insert(dice, place, "document".to_owned(), Node::Text(inner));
        }
        17 => {
            let other = dice.one_of(&corpus.0).clone();
            let place = somewhere(dice, members);
            place.extend(other);
        }
        // Why the call failed, where CloudTrail writes it.
        18 | 19 => {
            let new = if dice.one_in(3) {
                value(dice, "errorCode")
            } else {
                Node::text(dice.pick(&["AccessDenied", "", "A\nb"]))
            };
            if let Some(agent) = members.iter().position(|(name, _)| name == "userAgent") {
                members.insert(agent + 1, ("errorCode".to_owned(), new));
            }
        }
        // Some text of another.
        20 => {
            let new = value(dice, "");
            let place = somewhere(dice, members);
            if !place.is_empty() {
                let which = dice.below(place.len());
                place[which].1 = new;
            }
        }
        _ => {
            let place = somewhere(dice, members);
            let name = dice.pick(TEXTS).to_owned();
            let new = value(dice, "");
            insert(dice, place, name, new);
        }
    }
}

/// The records of the fixtures of rules.
pub(crate) fn fixtures(root: &Path) -> Vec<String> {
    let files = WalkDir::new(root.join("fixtures/rules")).sort_by_file_name().into_iter().map(Result::unwrap);
    let texts = files.filter(|entry| entry.file_type().is_file()).map(|entry| {
        let text = fs::read_to_string(entry.path()).unwrap();
        match entry.path().extension().is_some_and(|extension| extension == "jsonl") {
            true => text.lines().map(str::to_owned).collect(),
            false => vec![text],
        }
    });
    texts.flatten().collect()
}
