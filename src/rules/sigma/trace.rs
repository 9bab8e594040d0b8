//! How each part of a rule evaluates, in terms of the rule as its author wrote it.

use super::value::Found;
use super::{Array, Item};
use crate::event::Value;

/// Maximum number of elements of an array that are recorded.
const MAX_ELEMENTS: usize = 32;

/// How a rule evaluates.
#[derive(Debug)]
pub(in crate::rules) struct Trace<'t> {
    /// Whether it matches.
    pub(in crate::rules) matched: bool,
    /// Its conditions, of which one suffices.
    pub(in crate::rules) conditions: Vec<Node<'t>>,
}

/// How a part of a rule evaluates.
#[derive(Debug)]
pub(in crate::rules) struct Node<'t> {
    /// The part.
    pub(in crate::rules) what: What<'t>,
    /// Whether it holds.
    pub(in crate::rules) matched: bool,
    /// Its parts.
    pub(in crate::rules) parts: Vec<Self>,
}

/// A part of a rule.
#[derive(Debug)]
pub(in crate::rules) enum What<'t> {
    /// All of its parts have to hold.
    All,
    /// One of its parts has to hold.
    Any,
    /// Its part must not hold.
    Not,
    /// At least `needed` of its parts have to hold, and `held` do.
    Count { needed: usize, held: usize, of: usize },
    /// A named detection.
    Selection(&'t str),
    /// A field compared with values, and what the field contains.
    Item { item: &'t Item, found: Found<'t> },
    /// An array of `of` elements of which `held` fit. Its parts are some of them.
    Array { array: &'t Array, held: usize, of: usize, is_missing: bool },
    /// An element of an array.
    Element { array: &'t Array, index: usize, value: &'t Value<'t> },
}

/// Watches a rule being evaluated.
pub(super) trait Observer<'t> {
    /// Whether parts are recorded, so that those are evaluated too that no longer decide.
    const RECORDS: bool;

    /// A part begins. Parts of it come before it ends.
    fn begin(&mut self);

    /// The part that began last ends.
    fn end(&mut self, matched: bool, what: impl FnOnce() -> What<'t>);
}

/// Watches nothing.
pub(super) struct Quiet;

impl<'t> Observer<'t> for Quiet {
    const RECORDS: bool = false;

    #[inline]
    fn begin(&mut self) {}

    #[inline]
    fn end(&mut self, _matched: bool, _what: impl FnOnce() -> What<'t>) {}
}

/// Records every part.
#[derive(Debug, Default)]
pub(super) struct Recorder<'t> {
    done: Vec<Node<'t>>,
    /// How many nodes were done when each of the parts that have not ended began.
    begun: Vec<usize>,
}

impl<'t> Recorder<'t> {
    /// The outermost parts.
    pub(super) fn finish(self) -> Vec<Node<'t>> {
        self.done
    }
}

impl<'t> Observer<'t> for Recorder<'t> {
    const RECORDS: bool = true;

    fn begin(&mut self) {
        self.begun.push(self.done.len());
    }

    fn end(&mut self, matched: bool, what: impl FnOnce() -> What<'t>) {
        let begun = self.begun.pop().unwrap_or_default();
        let parts = self.done.split_off(begun.min(self.done.len()));
        self.done.push(Node { what: what(), matched, parts });
    }
}

/// The places of the elements that are recorded, in order: first those with the verdict that decides.
pub(super) fn recorded(verdicts: &[bool], decisive: bool) -> Vec<usize> {
    let places =
        |wanted: bool| verdicts.iter().enumerate().filter(move |(_, one)| **one == wanted).map(|(place, _)| place);
    let mut recorded: Vec<usize> = places(decisive).chain(places(!decisive)).take(MAX_ELEMENTS).collect();
    recorded.sort_unstable();
    recorded
}
