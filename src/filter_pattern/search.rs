//! The search for the terms that cover all needs in few characters and let little else through.
//!
//! It starts with the terms that let the least through, then replaces several by one as long as the pattern is too long:
//! each time those where the fewest needless calls pass for each character saved. Then it takes out each term in turn and
//! covers anew what that leaves, for as long as this lets less through. The same input gives the same result.

use std::cmp::Reverse;

use super::call::NeedlessCall;
use super::candidate::{Candidate, Field, Of};
use super::term::{Term, cost_of_sources};
use super::tighten::tighten;

/// Rounds of improvement, each of which takes out every term once. More were never of use.
const MAX_ROUNDS: usize = 12;

/// Terms that cover all needs.
#[derive(Debug, Clone)]
pub(super) struct Solution {
    pub(super) terms: Vec<Term>,
    /// What the needless calls that pass cost.
    pub(super) burden: u32,
}

/// Why there are no such terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unsolved {
    /// The shortest pattern found has so many characters.
    TooLong(usize),
    /// Some need cannot be covered by terms that avoid what they have to.
    Unavoidable,
}

/// The best terms found, in no more characters than `limit`, none of which `avoid` may meet.
pub(super) fn solve(field: &Field<'_>, avoid: &[Term], limit: usize) -> Result<Solution, Unsolved> {
    let candidates = field.candidates(avoid);
    let burdens = field.needless.iter().map(NeedlessCall::burden).collect();
    let search = Search { field, candidates: &candidates, by_need: by_need(field, &candidates), burdens, limit };
    let mut state = State {
        chosen: Vec::new(),
        covered: vec![0; field.needs.len()],
        passed: vec![0; field.needless.len()],
        sharing: 0,
        // The braces around all.
        length: 2,
        burden: 0,
    };
    if !search.cover(&mut state) {
        return Err(Unsolved::Unavoidable);
    }
    search.shorten(&mut state);
    if state.length > limit {
        return Err(Unsolved::TooLong(state.length));
    }
    search.improve(&mut state);
    let chosen = state.chosen.iter().filter_map(|place| candidates.get(*place));
    let mut terms: Vec<Term> = chosen.map(|one| field.term(one)).collect();
    terms.sort();
    Ok(Solution { terms: tighten(terms, field.needs, limit), burden: state.burden })
}

/// The candidates that cover each need.
fn by_need(field: &Field<'_>, candidates: &[Candidate]) -> Vec<Vec<usize>> {
    let mut by_need = vec![Vec::new(); field.needs.len()];
    for (place, candidate) in candidates.iter().enumerate() {
        for need in &candidate.covers {
            if let Some(list) = by_need.get_mut(*need) {
                list.push(place);
            }
        }
    }
    by_need
}

struct Search<'s> {
    field: &'s Field<'s>,
    candidates: &'s [Candidate],
    by_need: Vec<Vec<usize>>,
    /// Of each needless call.
    burdens: Vec<u32>,
    limit: usize,
}

/// Chosen candidates, with what follows from them.
#[derive(Debug, Clone)]
struct State {
    /// In the order in which they were chosen.
    chosen: Vec<usize>,
    /// How many of them cover each need.
    covered: Vec<u32>,
    /// How many of them let each needless call through.
    passed: Vec<u32>,
    /// How many of them share their services.
    sharing: u32,
    /// An upper bound of the characters of the pattern.
    length: usize,
    burden: u32,
}

impl State {
    fn is_needed(&self, candidate: &Candidate) -> bool {
        candidate.covers.iter().any(|need| at(&self.covered, *need) <= 1)
    }
}

fn at<T: Copy + Default>(list: &[T], place: usize) -> T {
    list.get(place).copied().unwrap_or_default()
}

fn count(list: &mut [u32], place: usize, change: i32) {
    if let Some(number) = list.get_mut(place) {
        *number = number.saturating_add_signed(change);
    }
}

impl<'s> Search<'s> {
    fn candidate(&self, place: usize) -> Option<&'s Candidate> {
        self.candidates.get(place)
    }

    /// What it would let through, or lets through, that no other does.
    fn alone(&self, state: &State, candidate: &Candidate) -> u32 {
        let fresh = candidate.passes.iter().filter(|call| at(&state.passed, **call) == 0);
        fresh.map(|call| at(&self.burdens, *call)).sum()
    }

    /// The characters around the names, when there is none yet.
    fn cost_around(&self, state: &State, candidate: &Candidate) -> usize {
        if candidate.of == Of::Shared && state.sharing == 0 { cost_of_sources(&self.field.shared) } else { 0 }
    }

    fn add(&self, state: &mut State, place: usize) {
        let Some(candidate) = self.candidate(place) else { return };
        state.burden += self.alone(state, candidate);
        state.length += candidate.cost + self.cost_around(state, candidate);
        state.sharing += u32::from(candidate.of == Of::Shared);
        candidate.covers.iter().for_each(|need| count(&mut state.covered, *need, 1));
        candidate.passes.iter().for_each(|call| count(&mut state.passed, *call, 1));
        state.chosen.push(place);
    }

    fn remove(&self, state: &mut State, place: usize) {
        let Some(candidate) = self.candidate(place) else { return };
        state.chosen.retain(|chosen| *chosen != place);
        candidate.covers.iter().for_each(|need| count(&mut state.covered, *need, -1));
        candidate.passes.iter().for_each(|call| count(&mut state.passed, *call, -1));
        state.sharing -= u32::from(candidate.of == Of::Shared);
        state.length -= candidate.cost + self.cost_around(state, candidate);
        state.burden -= self.alone(state, candidate);
    }

    /// Covers every need that is not, each by the term that lets the least through; false when that cannot be.
    fn cover(&self, state: &mut State) -> bool {
        for need in 0..self.field.needs.len() {
            if at(&state.covered, need) > 0 {
                continue;
            }
            let able = self.by_need.get(need).into_iter().flatten();
            let able = able.filter_map(|place| Some((*place, self.candidate(*place)?)));
            let least = able.min_by_key(|(place, one)| (self.alone(state, one), one.cost, *place));
            let Some((place, _)) = least else { return false };
            self.add(state, place);
        }
        self.prune(state, None);
        true
    }

    /// Takes out every term that is not needed beside the others, those that let the most through first.
    fn prune(&self, state: &mut State, kept: Option<usize>) {
        let mut order: Vec<usize> = state.chosen.iter().copied().filter(|place| Some(*place) != kept).collect();
        let rank = |place: &usize| self.candidate(*place).map(|one| (one.burden, one.cost));
        order.sort_by_key(|place| (Reverse(rank(place)), *place));
        order.extend(kept);
        for place in order {
            if self.candidate(place).is_some_and(|one| !state.is_needed(one)) {
                self.remove(state, place);
            }
        }
    }

    /// Replaces terms by fewer until the pattern fits, or nothing makes it shorter.
    fn shorten(&self, state: &mut State) {
        while state.length > self.limit {
            let Some(place) = self.shortener(state) else { return };
            self.add(state, place);
            self.prune(state, Some(place));
        }
    }

    /// The term that saves the most characters for what it lets through.
    fn shortener(&self, state: &State) -> Option<usize> {
        let excess = state.length.saturating_sub(self.limit);
        let mut owned = Owned::of(self, state);
        let mut best: Option<(u64, u64, usize, usize)> = None;
        for (place, candidate) in self.candidates.iter().enumerate() {
            let price = candidate.cost + self.cost_around(state, candidate);
            let saved = owned.freed(candidate).saturating_sub(price);
            if saved == 0 {
                continue;
            }
            let (gain, added) = (saved.min(excess) as u64, u64::from(self.alone(state, candidate)));
            // More characters for each call, without dividing by none.
            let is_better = best.is_none_or(|(best_gain, best_added, best_saved, _)| {
                let (ours, theirs) = (gain * best_added, best_gain * added);
                ours > theirs || (ours == theirs && (added, Reverse(saved)) < (best_added, Reverse(best_saved)))
            });
            if is_better {
                best = Some((gain, added, saved, place));
            }
        }
        best.map(|(.., place)| place)
    }

    /// Lets less through where that can be, or makes the pattern shorter.
    fn improve(&self, state: &mut State) {
        for _ in 0..MAX_ROUNDS {
            let before = (state.burden, state.length);
            for place in state.chosen.clone() {
                self.retry(state, place);
            }
            if (state.burden, state.length) >= before {
                return;
            }
        }
    }

    /// Takes a term out and covers anew what that leaves; keeps the result when it is better.
    fn retry(&self, state: &mut State, place: usize) {
        if !state.chosen.contains(&place) {
            return;
        }
        let mut other = state.clone();
        self.remove(&mut other, place);
        if !self.cover(&mut other) {
            return;
        }
        self.shorten(&mut other);
        if other.length <= self.limit && (other.burden, other.length) < (state.burden, state.length) {
            *state = other;
        }
    }
}

/// Which chosen term is taken to cover which needs.
struct Owned {
    /// For each need the place of the term among the chosen.
    owners: Vec<Option<usize>>,
    /// For each chosen term how many needs it owns, how many of them were seen, and its characters.
    terms: Vec<(u32, u32, usize)>,
}

impl Owned {
    fn of(search: &Search<'_>, state: &State) -> Self {
        let mut owners = vec![None; search.field.needs.len()];
        let mut terms = Vec::new();
        for (owner, candidate) in state.chosen.iter().filter_map(|place| search.candidate(*place)).enumerate() {
            let mut owns = 0;
            for need in &candidate.covers {
                if let Some(slot @ None) = owners.get_mut(*need) {
                    *slot = Some(owner);
                    owns += 1;
                }
            }
            terms.push((owns, 0, candidate.cost));
        }
        Self { owners, terms }
    }

    /// The characters of the terms that would not be needed any more beside `candidate`.
    fn freed(&mut self, candidate: &Candidate) -> usize {
        let mut freed = 0;
        for need in &candidate.covers {
            if let Some((owns, seen, cost)) = at(&self.owners, *need).and_then(|owner| self.terms.get_mut(owner)) {
                *seen += 1;
                freed += if seen == owns { *cost } else { 0 };
            }
        }
        for need in &candidate.covers {
            if let Some((_, seen, _)) = at(&self.owners, *need).and_then(|owner| self.terms.get_mut(owner)) {
                *seen = 0;
            }
        }
        freed
    }
}
