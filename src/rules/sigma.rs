//! The Sigma evaluator.
//!
//! In: the syntax tree of `rsigma-parser`, and a record with its facts. Out: whether the rule matches, and on request a
//! [`RuleTrace`] of every part of its condition as the author wrote it. A single walk over the compiled tree produces both,
//! so the explanation always agrees with the result.
//!
//! It follows the Sigma specification 2.1. Where the specification is silent or does not suit records, it does this:
//! * A null counts as missing. CloudTrail writes null for absent fields.
//! * A path that crosses arrays selects the values in all their elements.
//! * An object is compared as compact JSON whose strings are not escaped.
//! * `?` and `*` match any character, including a line break. Case is ignored as `char::to_lowercase` defines it.
//! * A quoted number equals a JSON number of the same value. An unquoted number also equals a string that contains that
//!   number.
//! * `true` also equals the strings `yes` and `1`, `false` the strings `no` and `0`.
//! * Under `|neq`, a missing field differs from every value.
//! * `|fieldref` compares lists as a whole.
//! * A keyword matches a substring of any string, number or boolean of the record, at any depth.

mod budget;
pub(super) mod call_pattern;
mod compile;
mod item;
mod pattern;
pub(super) mod placeholder;
pub(super) mod required_literals;
pub(super) mod selector;
pub(super) mod subject;
pub(super) mod success;
mod trace;
mod value;

use rsigma_parser::ArrayQuantifier;

pub(super) use budget::Budget;
pub(super) use compile::CompileError;
pub(super) use item::CompiledItem;
pub(super) use trace::{NodeKind, RuleTrace, TraceNode};
pub(super) use value::FieldValues;

use crate::event::Value;
use subject::Subject;
use trace::{NoTrace, Observer};
use value::{FieldPath, Scope};

/// A compiled rule.
#[derive(Debug)]
pub(super) struct Matcher {
    /// The rule matches if any of these conditions holds.
    conditions: Operands<CompiledCondition>,
    /// The detections, in the order of their names.
    selections: Vec<NamedDetection>,
}

/// A named detection.
#[derive(Debug)]
pub(super) struct NamedDetection {
    pub(super) name: Box<str>,
    tree: CompiledDetection,
}

/// A condition over named detections, which it refers to by their indices.
#[derive(Debug)]
enum CompiledCondition {
    Selection(usize),
    All(Operands<Self>),
    Any(Operands<Self>),
    Not(Box<Self>),
    /// At least `required` of these named detections hold.
    Count {
        required: usize,
        indices: Vec<usize>,
    },
}

/// A detection.
#[derive(Debug)]
enum CompiledDetection {
    All(Operands<Self>),
    Any(Operands<Self>),
    Item(CompiledItem),
    Array(ArrayTest),
    Conditional { selections: Vec<NamedDetection>, condition: CompiledCondition },
}

/// A test of the elements of an array.
#[derive(Debug)]
pub(super) struct ArrayTest {
    field: FieldPath,
    quantifier: ArrayQuantifier,
    body: Box<CompiledDetection>,
}

impl ArrayTest {
    /// The path of the array.
    pub(super) fn field(&self) -> &str {
        &self.field.text
    }

    /// `any`, `all`, `all_or_empty` or `none`.
    pub(super) fn quantifier(&self) -> ArrayQuantifier {
        self.quantifier
    }

    fn holds_for_empty(&self) -> bool {
        matches!(self.quantifier, ArrayQuantifier::None | ArrayQuantifier::AllOrEmpty)
    }
}

/// The result of evaluating a rule on a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MatchResult {
    /// The rule matches.
    Match,
    /// The rule does not match.
    NoMatch,
    /// The record cannot be evaluated within the work budget.
    TooComplex,
}

impl Matcher {
    /// Evaluates the rule.
    pub(super) fn evaluate(&self, subject: &Subject<'_>) -> MatchResult {
        let matched = self.walk(subject, &mut NoTrace);
        match (subject.budget.is_exceeded(), matched) {
            (true, _) => MatchResult::TooComplex,
            (false, true) => MatchResult::Match,
            (false, false) => MatchResult::NoMatch,
        }
    }

    /// Evaluates the rule and records the result of each part. Once the budget is exceeded, no part holds.
    pub(super) fn trace<'t>(&'t self, subject: &'t Subject<'_>) -> RuleTrace<'t> {
        let mut recorder = trace::Recorder::default();
        let matched = self.walk(subject, &mut recorder);
        RuleTrace { matched, is_too_complex: subject.budget.is_exceeded(), conditions: recorder.finish() }
    }

    fn walk<'t, O: Observer<'t>>(&'t self, subject: &'t Subject<'_>, observer: &mut O) -> bool {
        subject.budget.reset();
        let mut walk = Walk { subject, observer };
        self.conditions.any::<O>(|condition| walk.condition(condition, &self.selections, Scope::Record))
    }
}

/// Operands in the order in which the author wrote them, and their indices in order of cost: top-level fields first, facts
/// last.
#[derive(Debug)]
struct Operands<T> {
    operands: Vec<T>,
    order: Vec<usize>,
}

impl<T> Operands<T> {
    fn new(operands: Vec<T>, cost: impl Fn(&T) -> Cost) -> Self {
        let mut order: Vec<usize> = (0..operands.len()).collect();
        order.sort_by_key(|index| operands.get(*index).map(&cost));
        Self { operands, order }
    }

    fn cheapest_first(&self) -> impl Iterator<Item = &T> {
        self.order.iter().filter_map(|index| self.operands.get(*index))
    }

    /// Whether all operands hold. With a recording observer, every operand is evaluated.
    fn all<'t, O: Observer<'t>>(&'t self, mut holds: impl FnMut(&'t T) -> bool) -> bool {
        if O::RECORDS {
            self.operands.iter().fold(true, |all, operand| all & holds(operand))
        } else {
            self.cheapest_first().all(holds)
        }
    }

    /// Whether any operand holds. With a recording observer, every operand is evaluated.
    fn any<'t, O: Observer<'t>>(&'t self, mut holds: impl FnMut(&'t T) -> bool) -> bool {
        if O::RECORDS {
            self.operands.iter().fold(false, |any, operand| any | holds(operand))
        } else {
            self.cheapest_first().any(holds)
        }
    }
}

/// The relative cost of evaluating a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cost {
    /// Reads a top-level field of the record.
    TopLevelField,
    /// Follows a path into the record.
    NestedField,
    /// Derives a fact, or searches the whole record.
    Fact,
}

impl CompiledCondition {
    fn cost(&self, selections: &[NamedDetection]) -> Cost {
        let cost_at = |index: &usize| selections.get(*index).map(|selection| selection.tree.cost());
        let highest = match self {
            Self::Selection(index) => cost_at(index),
            Self::All(parts) | Self::Any(parts) => parts.operands.iter().map(|part| part.cost(selections)).max(),
            Self::Not(part) => Some(part.cost(selections)),
            Self::Count { indices, .. } => indices.iter().filter_map(cost_at).max(),
        };
        highest.unwrap_or(Cost::TopLevelField)
    }
}

impl CompiledDetection {
    fn cost(&self) -> Cost {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.operands.iter().map(Self::cost).max().unwrap_or(Cost::TopLevelField)
            }
            Self::Item(item) => item.cost(),
            Self::Array(array) => array.field.cost(),
            Self::Conditional { selections, condition } => condition.cost(selections),
        }
    }
}

/// The walk over a compiled rule, for matching and for traces.
struct Walk<'w, 't, 'e, O> {
    subject: &'t Subject<'e>,
    observer: &'w mut O,
}

impl<'t, O: Observer<'t>> Walk<'_, 't, '_, O> {
    fn condition(
        &mut self,
        condition: &'t CompiledCondition,
        selections: &'t [NamedDetection],
        scope: Scope<'t>,
    ) -> bool {
        match condition {
            CompiledCondition::Selection(index) => {
                selections.get(*index).is_some_and(|detection| self.selection(detection, scope))
            }
            CompiledCondition::All(parts) => {
                self.observer.begin();
                let matched = parts.all::<O>(|part| self.condition(part, selections, scope));
                self.observer.end(matched, || NodeKind::All);
                matched
            }
            CompiledCondition::Any(parts) => {
                self.observer.begin();
                let matched = parts.any::<O>(|part| self.condition(part, selections, scope));
                self.observer.end(matched, || NodeKind::Any);
                matched
            }
            CompiledCondition::Not(part) => {
                self.observer.begin();
                let matched = !self.condition(part, selections, scope);
                self.observer.end(matched, || NodeKind::Not);
                matched
            }
            CompiledCondition::Count { required, indices } => {
                self.observer.begin();
                let mut count = 0;
                for selection in indices.iter().filter_map(|index| selections.get(*index)) {
                    if count >= *required && !O::RECORDS {
                        break;
                    }
                    count += usize::from(self.selection(selection, scope));
                }
                let matched = count >= *required;
                self.observer.end(matched, || NodeKind::Count {
                    required: *required,
                    matched: count,
                    total: indices.len(),
                });
                matched
            }
        }
    }

    fn selection(&mut self, selection: &'t NamedDetection, scope: Scope<'t>) -> bool {
        self.observer.begin();
        let matched = self.tree(&selection.tree, scope);
        self.observer.end(matched, || NodeKind::Selection(&selection.name));
        matched
    }

    fn tree(&mut self, tree: &'t CompiledDetection, scope: Scope<'t>) -> bool {
        match tree {
            CompiledDetection::All(parts) => {
                self.observer.begin();
                let matched = parts.all::<O>(|part| self.tree(part, scope));
                self.observer.end(matched, || NodeKind::All);
                matched
            }
            CompiledDetection::Any(parts) => {
                self.observer.begin();
                let matched = parts.any::<O>(|part| self.tree(part, scope));
                self.observer.end(matched, || NodeKind::Any);
                matched
            }
            CompiledDetection::Item(item) => {
                let found = item.find(self.subject, scope);
                let matched = item.holds(&found, self.subject, scope);
                self.observer.begin();
                self.observer.end(matched, || NodeKind::Item { item, found });
                matched
            }
            CompiledDetection::Array(array) => self.array(array, scope),
            CompiledDetection::Conditional { selections, condition } => self.condition(condition, selections, scope),
        }
    }

    fn array(&mut self, array: &'t ArrayTest, scope: Scope<'t>) -> bool {
        let found = array.field.find(self.subject, scope);
        let elements = found.elements();
        let mut holds = |element: &&'t Value<'t>| {
            let mut untraced = Walk { subject: self.subject, observer: &mut NoTrace };
            untraced.tree(&array.body, Scope::Element(element))
        };
        if !O::RECORDS {
            return match array.quantifier {
                ArrayQuantifier::Any => elements.iter().any(holds),
                ArrayQuantifier::None => !elements.iter().any(holds),
                ArrayQuantifier::All => !elements.is_empty() && elements.iter().all(holds),
                ArrayQuantifier::AllOrEmpty => elements.iter().all(holds),
            };
        }
        let results: Vec<bool> = elements.iter().map(&mut holds).collect();
        let count = results.iter().filter(|holds| **holds).count();
        let matched = match array.quantifier {
            _ if results.is_empty() => array.holds_for_empty(),
            ArrayQuantifier::Any => count > 0,
            ArrayQuantifier::None => count == 0,
            ArrayQuantifier::All | ArrayQuantifier::AllOrEmpty => count == results.len(),
        };
        self.observer.begin();
        let decisive = matches!(array.quantifier, ArrayQuantifier::Any | ArrayQuantifier::None);
        for index in trace::recorded_indices(&results, decisive) {
            let (Some(element), Some(matched)) = (elements.get(index), results.get(index)) else { continue };
            self.observer.begin();
            self.tree(&array.body, Scope::Element(element));
            self.observer.end(*matched, || NodeKind::Element { array, index, value: element });
        }
        self.observer.end(matched, || NodeKind::Array {
            array,
            matched: count,
            total: elements.len(),
            is_missing: found.values().is_empty(),
        });
        matched
    }
}
