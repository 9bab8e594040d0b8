//! What the differential test of the screen and the fuzz target share: payloads and files made from choices, sets of rules,
//! and the comparison of the two ways of evaluating them.
//!
//! In: bytes, each a choice. Out: what both ways must agree about, and in what they do not. The same bytes give the same.

pub(crate) mod batch;
pub(crate) mod compare;
pub(crate) mod dice;
pub(crate) mod file;
pub(crate) mod node;
pub(crate) mod record;
pub(crate) mod rules;
pub(crate) mod words;

use dice::Dice;
use record::Corpus;

/// An input of either way.
#[derive(Debug, Clone)]
pub(crate) enum Given {
    /// A payload in memory, as the Lambda function receives it.
    Payload(String),
    /// The bytes of a file.
    File(Vec<u8>),
}

/// The input that the choices make of the records that there are.
pub(crate) fn given(dice: &mut Dice<'_>, corpus: &Corpus) -> Given {
    let count = 1 + dice.below(6);
    match dice.below(8) {
        0..=5 => Given::Payload(batch::payload(dice, corpus, count)),
        _ => Given::File(file::bytes(dice, corpus, count)),
    }
}
