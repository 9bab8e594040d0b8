//! Files of records, in the layouts that are read.

use super::batch::{compressed, delivered, flip, usual};
use super::dice::Dice;
use super::node::{Node, Style};
use super::record::{self, Corpus};

/// The bytes of a file of `count` records.
pub(crate) fn bytes(dice: &mut Dice<'_>, corpus: &Corpus, count: usize) -> Vec<u8> {
    let messages: Vec<String> = (0..count).map(|_| record::message(dice, corpus)).collect();
    let mut bytes = text(dice, &messages).into_bytes();
    if dice.one_in(10) {
        flip(dice, &mut bytes);
    }
    if dice.one_in(12) {
        bytes.truncate(dice.below(bytes.len()));
    }
    if dice.one_in(4) { compressed(dice, &bytes) } else { bytes }
}

fn text(dice: &mut Dice<'_>, messages: &[String]) -> String {
    let end = dice.pick(&["\n", "\r\n", "\n\n", "\n \n", "\nnot a record\n"]);
    let records = || messages.iter().map(|message| Node::raw(message)).collect::<Vec<_>>();
    let file = |more: bool| {
        let mut members = vec![("Records".to_owned(), Node::List(records()))];
        if more {
            members.insert(0, ("eventVersion".to_owned(), Node::raw("1")));
        }
        Node::Object(members)
    };
    match dice.below(10) {
        0 => messages.join(end),
        1 => format!("{}{end}", messages.join(end)),
        2 => file(false).written(Style::COMPACT, dice),
        3 => {
            let (more, style) = (dice.one_in(4), Style::any(dice));
            file(more).written(style, dice)
        }
        4 => messages.concat(),
        5 => {
            let style = Style::any(dice);
            Node::List(records()).written(style, dice)
        }
        6 => usual(messages),
        7 => messages.iter().map(|one| delivered(&usual(std::slice::from_ref(one))) + end).collect(),
        8 => messages.iter().map(|one| format!("{{\"detail-type\":\"x\",\"detail\":{one}}}{end}")).collect(),
        _ => format!("\u{feff}{}", messages.join(end)),
    }
}
