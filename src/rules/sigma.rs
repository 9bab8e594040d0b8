//! The Sigma evaluator.
//!
//! In: the syntax tree of `rsigma-parser`, and a record with its facts. Out: whether the rule matches, and on request a
//! [`Trace`] of every part of its condition in the words of its author. One walk over the compiled tree does both, so that
//! what is explained is what was decided.
//!
//! It follows the Sigma specification 2.1 with these choices, where the specification is silent or does not fit records:
//! * A null is missing. CloudTrail writes null for what is absent.
//! * A field on the way to which there are arrays has the values of all their elements.
//! * An object is compared by its compact JSON text, in which strings are not escaped.
//! * `?` and `*` match any character, also a line break. Case is ignored as `char::to_lowercase` has it.
//! * A quoted number is equal to a number however that is written; an unquoted one also to a text that is that number.
//! * `true` is also `yes` and `1` as text, `false` is `no` and `0`.
//! * A missing field is different from every value under `|neq`.
//! * `|fieldref` compares lists as a whole.
//! * A keyword is a part of any text, number or boolean of the record, at any depth.

mod budget;
pub(super) mod call_pattern;
mod compile;
mod item;
pub(super) mod placeholder;
pub(super) mod required_literals;
pub(super) mod selector;
pub(super) mod subject;
pub(super) mod success;
mod text;
mod trace;
mod value;

use rsigma_parser::ArrayQuantifier;

pub(super) use budget::Budget;
pub(super) use compile::CompileError;
pub(super) use item::Item;
pub(super) use trace::{Node, Trace, What};
pub(super) use value::Found;

use crate::event::Value;
use subject::Subject;
use trace::{Observer, Quiet};
use value::{Path, Scope};

/// A compiled rule.
#[derive(Debug)]
pub(super) struct Matcher {
    /// Conditions of which one suffices.
    conditions: Parts<Condition>,
    /// The detections, in the order of their names.
    selections: Vec<Selection>,
}

/// A named detection.
#[derive(Debug)]
pub(super) struct Selection {
    pub(super) name: Box<str>,
    tree: Tree,
}

/// A condition over selections, which it refers to by their places.
#[derive(Debug)]
enum Condition {
    Selection(usize),
    All(Parts<Self>),
    Any(Parts<Self>),
    Not(Box<Self>),
    /// At least `needed` of these selections hold.
    Count {
        needed: usize,
        places: Vec<usize>,
    },
}

/// A detection.
#[derive(Debug)]
enum Tree {
    All(Parts<Self>),
    Any(Parts<Self>),
    Item(Item),
    Array(Array),
    Conditional { selections: Vec<Selection>, condition: Condition },
}

/// A test of the elements of an array.
#[derive(Debug)]
pub(super) struct Array {
    field: Path,
    quantifier: ArrayQuantifier,
    body: Box<Tree>,
}

impl Array {
    /// The path of the array.
    pub(super) fn field(&self) -> &str {
        &self.field.text
    }

    /// `any`, `all`, `all_or_empty` or `none`.
    pub(super) fn quantifier(&self) -> ArrayQuantifier {
        self.quantifier
    }

    fn holds_of_none(&self) -> bool {
        matches!(self.quantifier, ArrayQuantifier::None | ArrayQuantifier::AllOrEmpty)
    }
}

/// How a rule evaluates on a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It matches.
    Match,
    /// It does not match.
    NoMatch,
    /// The record is too complex to decide within the budget of work.
    TooComplex,
}

impl Matcher {
    /// Whether the rule matches.
    pub(super) fn verdict(&self, subject: &Subject<'_>) -> Verdict {
        let matched = self.observed(subject, &mut Quiet);
        match (subject.budget.is_exceeded(), matched) {
            (true, _) => Verdict::TooComplex,
            (false, true) => Verdict::Match,
            (false, false) => Verdict::NoMatch,
        }
    }

    /// How each part of the rule evaluates. Beyond the budget, no part holds.
    pub(super) fn trace<'t>(&'t self, subject: &'t Subject<'_>) -> Trace<'t> {
        let mut recorder = trace::Recorder::default();
        let matched = self.observed(subject, &mut recorder);
        Trace { matched, is_too_complex: subject.budget.is_exceeded(), conditions: recorder.finish() }
    }

    fn observed<'t, O: Observer<'t>>(&'t self, subject: &'t Subject<'_>, observer: &mut O) -> bool {
        subject.budget.reset();
        let mut walk = Walk { subject, observer };
        self.conditions.any::<O>(|condition| walk.condition(condition, &self.selections, Scope::Record))
    }
}

/// Parts in the order of their author, and their places in the order of what they cost: members of the record first, facts
/// last.
#[derive(Debug)]
struct Parts<T> {
    parts: Vec<T>,
    order: Vec<usize>,
}

impl<T> Parts<T> {
    fn new(parts: Vec<T>, cost: impl Fn(&T) -> Cost) -> Self {
        let mut order: Vec<usize> = (0..parts.len()).collect();
        order.sort_by_key(|place| parts.get(*place).map(&cost));
        Self { parts, order }
    }

    fn cheapest_first(&self) -> impl Iterator<Item = &T> {
        self.order.iter().filter_map(|place| self.parts.get(*place))
    }

    /// Whether all parts hold. An observer that records is shown every part.
    fn all<'t, O: Observer<'t>>(&'t self, mut holds: impl FnMut(&'t T) -> bool) -> bool {
        match O::RECORDS {
            true => {
                let mut all = true;
                self.parts.iter().for_each(|part| all &= holds(part));
                all
            }
            false => self.cheapest_first().all(holds),
        }
    }

    /// Whether one part holds. An observer that records is shown every part.
    fn any<'t, O: Observer<'t>>(&'t self, mut holds: impl FnMut(&'t T) -> bool) -> bool {
        match O::RECORDS {
            true => {
                let mut any = false;
                self.parts.iter().for_each(|part| any |= holds(part));
                any
            }
            false => self.cheapest_first().any(holds),
        }
    }
}

/// What it takes to evaluate a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cost {
    /// A look at a member of the record.
    Member,
    /// A walk through a part of the record.
    Path,
    /// A fact that may have to be derived, or all of the record.
    Fact,
}

impl Condition {
    fn cost(&self, selections: &[Selection]) -> Cost {
        let of_place = |place: &usize| selections.get(*place).map(|selection| selection.tree.cost());
        let dearest = match self {
            Self::Selection(place) => of_place(place),
            Self::All(parts) | Self::Any(parts) => parts.parts.iter().map(|part| part.cost(selections)).max(),
            Self::Not(part) => Some(part.cost(selections)),
            Self::Count { places, .. } => places.iter().filter_map(of_place).max(),
        };
        dearest.unwrap_or(Cost::Member)
    }
}

impl Tree {
    fn cost(&self) -> Cost {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.parts.iter().map(Self::cost).max().unwrap_or(Cost::Member),
            Self::Item(item) => item.cost(),
            Self::Array(array) => array.field.cost(),
            Self::Conditional { selections, condition } => condition.cost(selections),
        }
    }
}

/// The one walk over a compiled rule.
struct Walk<'w, 't, 'e, O> {
    subject: &'t Subject<'e>,
    observer: &'w mut O,
}

impl<'t, O: Observer<'t>> Walk<'_, 't, '_, O> {
    fn condition(&mut self, condition: &'t Condition, selections: &'t [Selection], scope: Scope<'t>) -> bool {
        match condition {
            Condition::Selection(place) => selections.get(*place).is_some_and(|one| self.selection(one, scope)),
            Condition::All(parts) => {
                self.observer.begin();
                let matched = parts.all::<O>(|part| self.condition(part, selections, scope));
                self.observer.end(matched, || What::All);
                matched
            }
            Condition::Any(parts) => {
                self.observer.begin();
                let matched = parts.any::<O>(|part| self.condition(part, selections, scope));
                self.observer.end(matched, || What::Any);
                matched
            }
            Condition::Not(part) => {
                self.observer.begin();
                let matched = !self.condition(part, selections, scope);
                self.observer.end(matched, || What::Not);
                matched
            }
            Condition::Count { needed, places } => {
                self.observer.begin();
                let mut held = 0;
                for selection in places.iter().filter_map(|place| selections.get(*place)) {
                    if held >= *needed && !O::RECORDS {
                        break;
                    }
                    held += usize::from(self.selection(selection, scope));
                }
                let matched = held >= *needed;
                self.observer.end(matched, || What::Count { needed: *needed, held, of: places.len() });
                matched
            }
        }
    }

    fn selection(&mut self, selection: &'t Selection, scope: Scope<'t>) -> bool {
        self.observer.begin();
        let matched = self.tree(&selection.tree, scope);
        self.observer.end(matched, || What::Selection(&selection.name));
        matched
    }

    fn tree(&mut self, tree: &'t Tree, scope: Scope<'t>) -> bool {
        match tree {
            Tree::All(parts) => {
                self.observer.begin();
                let matched = parts.all::<O>(|part| self.tree(part, scope));
                self.observer.end(matched, || What::All);
                matched
            }
            Tree::Any(parts) => {
                self.observer.begin();
                let matched = parts.any::<O>(|part| self.tree(part, scope));
                self.observer.end(matched, || What::Any);
                matched
            }
            Tree::Item(item) => {
                let found = item.find(self.subject, scope);
                let matched = item.holds(&found, self.subject, scope);
                self.observer.begin();
                self.observer.end(matched, || What::Item { item, found });
                matched
            }
            Tree::Array(array) => self.array(array, scope),
            Tree::Conditional { selections, condition } => self.condition(condition, selections, scope),
        }
    }

    fn array(&mut self, array: &'t Array, scope: Scope<'t>) -> bool {
        let found = array.field.find(self.subject, scope);
        let elements = found.elements();
        let mut holds = |element: &&'t Value<'t>| {
            let mut quiet = Walk { subject: self.subject, observer: &mut Quiet };
            quiet.tree(&array.body, Scope::Element(element))
        };
        if !O::RECORDS {
            return match array.quantifier {
                ArrayQuantifier::Any => elements.iter().any(holds),
                ArrayQuantifier::None => !elements.iter().any(holds),
                ArrayQuantifier::All => !elements.is_empty() && elements.iter().all(holds),
                ArrayQuantifier::AllOrEmpty => elements.iter().all(holds),
            };
        }
        let verdicts: Vec<bool> = elements.iter().map(&mut holds).collect();
        let held = verdicts.iter().filter(|held| **held).count();
        let matched = match array.quantifier {
            _ if verdicts.is_empty() => array.holds_of_none(),
            ArrayQuantifier::Any => held > 0,
            ArrayQuantifier::None => held == 0,
            ArrayQuantifier::All | ArrayQuantifier::AllOrEmpty => held == verdicts.len(),
        };
        self.observer.begin();
        let decisive = matches!(array.quantifier, ArrayQuantifier::Any | ArrayQuantifier::None);
        for index in trace::recorded(&verdicts, decisive) {
            let (Some(element), Some(matched)) = (elements.get(index), verdicts.get(index)) else { continue };
            self.observer.begin();
            self.tree(&array.body, Scope::Element(element));
            self.observer.end(*matched, || What::Element { array, index, value: element });
        }
        self.observer.end(matched, || What::Array {
            array,
            held,
            of: elements.len(),
            is_missing: found.values().is_empty(),
        });
        matched
    }
}
