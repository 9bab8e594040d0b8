//! The result of each part of a rule, in terms of the rule as its author wrote it.

use super::value::FieldValues;
use super::{ArrayTest, CompiledItem};
use crate::event::Value;

/// Maximum number of array elements in a trace.
const MAX_ELEMENTS: usize = 32;

/// The evaluation of a rule.
#[derive(Debug)]
pub(in crate::rules) struct RuleTrace<'t> {
    /// Whether the rule matches.
    pub(in crate::rules) matched: bool,
    /// Whether the record could not be evaluated within the work budget.
    pub(in crate::rules) is_too_complex: bool,
    /// The conditions of the rule. It matches if any of them holds.
    pub(in crate::rules) conditions: Vec<TraceNode<'t>>,
}

/// The evaluation of a part of a rule.
#[derive(Debug)]
pub(in crate::rules) struct TraceNode<'t> {
    /// What the part tests.
    pub(in crate::rules) kind: NodeKind<'t>,
    /// Whether the part holds.
    pub(in crate::rules) matched: bool,
    /// The parts of the part.
    pub(in crate::rules) parts: Vec<Self>,
}

/// The kind of a part of a rule.
#[derive(Debug)]
pub(in crate::rules) enum NodeKind<'t> {
    /// Holds if all parts hold.
    All,
    /// Holds if any part holds.
    Any,
    /// Holds if its only part does not.
    Not,
    /// Holds if at least `required` of `total` parts hold; `matched` do.
    Count { required: usize, matched: usize, total: usize },
    /// A named detection.
    Selection(&'t str),
    /// A field compared with values, and the values that the field contains.
    Item { item: &'t CompiledItem, found: FieldValues<'t> },
    /// A test of an array: `matched` of `total` elements match. The parts are the recorded elements.
    Array { array: &'t ArrayTest, matched: usize, total: usize, is_missing: bool },
    /// An element of an array.
    Element { array: &'t ArrayTest, index: usize, value: &'t Value<'t> },
}

/// Observes the evaluation of a rule.
pub(super) trait Observer<'t> {
    /// Whether parts are recorded. Then even parts that cannot change the result are evaluated.
    const RECORDS: bool;

    /// Begins a part. Nested parts begin and end before it ends.
    fn begin(&mut self);

    /// Ends the part that began last.
    fn end(&mut self, matched: bool, kind: impl FnOnce() -> NodeKind<'t>);
}

/// Records nothing.
pub(super) struct NoTrace;

impl<'t> Observer<'t> for NoTrace {
    const RECORDS: bool = false;

    #[inline]
    fn begin(&mut self) {}

    #[inline]
    fn end(&mut self, _matched: bool, _kind: impl FnOnce() -> NodeKind<'t>) {}
}

/// Records every part.
#[derive(Debug, Default)]
pub(super) struct Recorder<'t> {
    finished: Vec<TraceNode<'t>>,
    /// For each part that has begun and not ended, the number of finished nodes when it began.
    starts: Vec<usize>,
}

impl<'t> Recorder<'t> {
    /// The outermost parts.
    pub(super) fn finish(self) -> Vec<TraceNode<'t>> {
        self.finished
    }
}

impl<'t> Observer<'t> for Recorder<'t> {
    const RECORDS: bool = true;

    fn begin(&mut self) {
        self.starts.push(self.finished.len());
    }

    fn end(&mut self, matched: bool, kind: impl FnOnce() -> NodeKind<'t>) {
        let start = self.starts.pop().unwrap_or_default();
        let parts = self.finished.split_off(start.min(self.finished.len()));
        self.finished.push(TraceNode { kind: kind(), matched, parts });
    }
}

/// Selects the elements to record: those with the `decisive` result first, up to the maximum. Returns their indices in
/// order.
pub(super) fn recorded_indices(results: &[bool], decisive: bool) -> Vec<usize> {
    let with_result =
        |wanted: bool| results.iter().enumerate().filter(move |(_, result)| **result == wanted).map(|(index, _)| index);
    let mut recorded: Vec<usize> = with_result(decisive).chain(with_result(!decisive)).take(MAX_ELEMENTS).collect();
    recorded.sort_unstable();
    recorded
}
