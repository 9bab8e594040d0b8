//! Batches of CloudWatch Logs, as AWS writes them and otherwise, in what a Lambda function receives.

use std::io::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};

use super::dice::Dice;
use super::node::{Members, Node, Style};
use super::record::{self, Corpus};
use super::words::{BROKEN, TEXTS, VALUES};

fn member(key: &str, node: Node) -> (String, Node) {
    (key.to_owned(), node)
}

/// A payload with `count` log events.
pub(crate) fn payload(dice: &mut Dice<'_>, corpus: &Corpus, count: usize) -> String {
    let messages: Vec<String> = (0..count).map(|_| record::message(dice, corpus)).collect();
    let mut batch = match dice.below(3) {
        0 | 1 => usual(&messages),
        _ => other(dice, &messages),
    }
    .into_bytes();
    if dice.one_in(12) {
        flip(dice, &mut batch);
    }
    if dice.one_in(24)
        && let Ok(text) = String::from_utf8(batch.clone())
    {
        return text;
    }
    envelope(dice, &batch)
}

/// A batch in the layout of AWS.
pub(crate) fn usual(messages: &[String]) -> String {
    let dice = &mut Dice::new(&[]);
    let events = messages.iter().enumerate().map(|(place, message)| event(place, message));
    let events = Node::List(events.map(Node::Object).collect());
    Node::Object(outermost(events)).written(Style::COMPACT, dice)
}

/// What the Lambda function receives of it.
pub(crate) fn delivered(batch: &str) -> String {
    envelope(&mut Dice::new(&[]), batch.as_bytes())
}

fn outermost(events: Node) -> Members {
    vec![
        member("messageType", Node::text("DATA_MESSAGE")),
        member("owner", Node::text("111122223333")),
        member("logGroup", Node::text("org-trail-logs")),
        member("logStream", Node::text("111122223333_CloudTrail_eu-west-1_3")),
        member("subscriptionFilters", Node::List(vec![Node::text("trailwarden")])),
        member("logEvents", events),
    ]
}

fn event(place: usize, message: &str) -> Members {
    vec![
        member("id", Node::Text(format!("391772618400000871209341287{place:029}"))),
        member("timestamp", Node::raw("1772618400000")),
        member("message", Node::text(message)),
    ]
}

/// A batch that differs from that in something.
fn other(dice: &mut Dice<'_>, messages: &[String]) -> String {
    let mut events = Vec::new();
    for (place, message) in messages.iter().enumerate() {
        let mut members = event(place, message);
        if dice.one_in(3) {
            change_event(dice, &mut members);
        }
        events.push(if dice.one_in(40) { Node::raw(dice.pick(VALUES)) } else { Node::Object(members) });
    }
    if dice.one_in(20) {
        events.clear();
    }
    let mut members = outermost(Node::List(events));
    for _ in 0..dice.below(3) {
        change_batch(dice, &mut members);
    }
    let style = Style::any(dice);
    let text = Node::Object(members).written(style, dice);
    match dice.below(16) {
        0 => format!("{text}{}", dice.pick(&["\n", " ", "x", "}", "{}", "\u{0}"])),
        1 => format!("{}{text}", dice.pick(&["\n", " ", "\u{feff}", "x"])),
        2 => text.chars().take(dice.below(text.len())).collect(),
        _ => text,
    }
}

fn change_event(dice: &mut Dice<'_>, members: &mut Members) {
    let ids = ["1", "", "391772618400000871209341287", "é", "a\"b", "\u{1b}[31m"];
    match dice.below(14) {
        0 => members[0].1 = Node::raw(dice.pick(VALUES)),
        1 => members[0].1 = Node::text(dice.pick(&ids)),
        2 => drop(members.remove(0)),
        3 => dice.shuffle(members),
        4 => members.push(member("extractedFields", Node::raw("{\"eventName\":\"RunInstances\",\"n\":\"1e5\"}"))),
        5 => members.insert(2, member("ingestionTime", Node::raw("1772618400001"))),
        6 => members[1].1 = Node::raw(dice.pick(VALUES)),
        7 => members[2].1 = Node::raw(dice.pick(VALUES)),
        8 => drop(members.remove(2)),
        9 => members.push(member("id", Node::text(dice.pick(&ids)))),
        10 => members.push(member("message", Node::text("{\"eventName\":\"DeleteTrail\"}"))),
        11 => members.insert(0, member("Message", Node::text(dice.pick(TEXTS)))),
        12 => members[1].1 = Node::raw(dice.pick(BROKEN)),
        _ => members.push(member(dice.pick(TEXTS), Node::raw(dice.pick(VALUES)))),
    }
}

fn change_batch(dice: &mut Dice<'_>, members: &mut Members) {
    match dice.below(13) {
        0 => dice.shuffle(members),
        1 => members.insert(0, member("policyLevel", Node::text("ACCOUNT_LEVEL_POLICY"))),
        2 => members.retain(|(key, _)| key != "messageType"),
        3 => members[0].1 = Node::text("CONTROL_MESSAGE"),
        4 => members.push(member("messageType", Node::text("CONTROL_MESSAGE"))),
        5 => members.insert(0, member("messageType", Node::raw("\"CONTROL\\u005fMESSAGE\""))),
        6 => members.push(member("logEvents", Node::raw(dice.pick(VALUES)))),
        7 => members.insert(0, member("logEvents", Node::List(Vec::new()))),
        8 => members.retain(|(key, _)| key != "logEvents"),
        9 => members.push(member("Records", Node::raw("[{\"eventName\":\"DeleteTrail\"}]"))),
        10 => members.push(member(dice.pick(TEXTS), Node::raw(dice.pick(VALUES)))),
        11 => members.push(member("awslogs", Node::raw("{\"data\":\"\"}"))),
        _ => members[1].1 = Node::raw(if dice.one_in(2) { dice.pick(BROKEN) } else { dice.pick(VALUES) }),
    }
}

/// Writes over some bytes.
pub(crate) fn flip(dice: &mut Dice<'_>, bytes: &mut Vec<u8>) {
    for _ in 0..=dice.below(4) {
        let place = dice.below(bytes.len());
        let byte = if dice.one_in(2) { dice.pick(br#""\{}[],: 0eu/"#) } else { dice.byte() };
        match dice.below(3) {
            0 if place < bytes.len() => bytes[place] = byte,
            1 if place < bytes.len() => drop(bytes.remove(place)),
            _ => bytes.insert(place, byte),
        }
    }
}

fn gzip(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// gzip, in the usual form or another.
pub(crate) fn compressed(dice: &mut Dice<'_>, bytes: &[u8]) -> Vec<u8> {
    let level = dice.pick(&[1, 0, 6]);
    let mut whole = gzip(bytes, level);
    if !dice.one_in(8) {
        return whole;
    }
    let length = whole.len();
    match dice.below(11) {
        0 | 1 => {
            let (one, other) = bytes.split_at(dice.below(bytes.len() + 1));
            [gzip(one, level), gzip(other, level)].concat()
        }
        2 => [whole, gzip(b"", 1)].concat(),
        3 => {
            let mut encoder = GzBuilder::new().filename("batch.json").write(Vec::new(), Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        4 => {
            whole.truncate(dice.below(length));
            whole
        }
        // The check sum, the size or the header.
        5 | 6 => {
            let place = if dice.one_in(2) { length - 1 - dice.below(8) } else { dice.below(10) };
            whole[place] ^= 1 << dice.below(8);
            whole
        }
        7 => [whole.as_slice(), &[0; 5][..=dice.below(5).min(4)]].concat(),
        // The size again.
        8 => [whole.as_slice(), &whole[length - 4..]].concat(),
        // The size again, as far as its bytes repeat.
        9 => [whole.as_slice(), &whole[length - 3 + dice.below(3)..]].concat(),
        _ => {
            let place = dice.below(length);
            whole[place] = dice.byte();
            whole
        }
    }
}

/// A batch as the Lambda function receives it.
fn envelope(dice: &mut Dice<'_>, batch: &[u8]) -> String {
    let mut data = BASE64_STANDARD.encode(compressed(dice, batch));
    if !dice.one_in(6) {
        return format!(r#"{{"awslogs":{{"data":"{data}"}}}}"#);
    }
    match dice.below(7) {
        0 => {
            let place = dice.below(data.len());
            data.insert_str(place, dice.pick(&["\\n", "\\r\\n", " ", "=", "\\u0041", "-"]));
        }
        1 => data = data.trim_end_matches('=').to_owned(),
        2 => data = data.replace('/', "\\/"),
        3 => data = data.replace('+', "-").replace('/', "_"),
        // Bits that say nothing, before the padding.
        4 => {
            let padding = data.len() - data.trim_end_matches('=').len();
            let kept = data.len() - padding - 1;
            if padding > 0 {
                let last = dice.pick(&["B", "h", "/", "x"]);
                data = format!("{}{last}{}", &data[..kept], "=".repeat(padding));
            }
        }
        5 => data = data.replace('=', "\\u003d"),
        _ => {}
    }
    let mut inner = vec![member("data", Node::Raw(format!("\"{data}\"")))];
    match dice.below(12) {
        0 => inner.insert(0, member("version", Node::raw("1"))),
        1 => inner.push(member("data", Node::text(""))),
        2 => inner[0].0 = "Data".to_owned(),
        3 => inner[0].1 = Node::raw(dice.pick(VALUES)),
        _ => {}
    }
    let mut outer = vec![member("awslogs", Node::Object(inner))];
    match dice.below(16) {
        0 => outer.push(member("version", Node::raw("1"))),
        1 => outer.push(member("awslogs", Node::raw("null"))),
        2 => outer = vec![member("requestPayload", Node::Object(outer))],
        3 => outer.push(member("logEvents", Node::List(Vec::new()))),
        4 => outer.insert(0, member("Records", Node::List(Vec::new()))),
        _ => {}
    }
    let style = Style::any(dice);
    let text = Node::Object(outer).written(style, dice);
    match dice.below(10) {
        0 => format!("{text}{}", dice.pick(&["\n", "x", "}", " {}"])),
        1 => format!("{}{text}", dice.pick(&["\n", "\u{feff}", "x"])),
        2 => format!("[{text}]"),
        _ => text,
    }
}
