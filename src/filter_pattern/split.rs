//! One pattern, or two that no record passes both of: what passes two filters is delivered twice.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::call::NeedlessCall;
use super::candidate::{Field, service_of};
use super::glob::Glob;
use super::need::Need;
use super::search::{Solution, Unsolved, solve as search};
use super::term::Term;

/// The characters that terms may take in the first pattern and, where there may be two, in the second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) first: usize,
    pub(super) second: Option<usize>,
}

/// The terms of each pattern: of two where these let less through than one, or fit when one does not.
///
/// # Errors
/// The characters of the shortest pattern found.
pub(super) fn solve(needs: &[Need], needless: &[NeedlessCall], room: Room) -> Result<Vec<Solution>, usize> {
    let all: Vec<&Need> = needs.iter().collect();
    let one = search(&Field::new(&all, needless), &[], room.first);
    let two = room.second.and_then(|second| two(&all, needless, room.first, second));
    match (one, two) {
        (Ok(one), Some(two)) if one.burden <= burden(&two, needless) => Ok(vec![one]),
        (_, Some(two)) => Ok(two),
        (Ok(one), None) => Ok(vec![one]),
        (Err(Unsolved::TooLong(shortest)), None) => Err(shortest),
        // With nothing to avoid every need can be covered.
        (Err(Unsolved::Unavoidable), None) => Err(usize::MAX),
    }
}

/// What the needless calls cost that pass any of these.
fn burden(solutions: &[Solution], needless: &[NeedlessCall]) -> u32 {
    let terms = || solutions.iter().flat_map(|solution| &solution.terms);
    let passing = needless.iter().filter(|call| terms().any(|term| term.passes(call.service, call.call)));
    passing.map(NeedlessCall::burden).sum()
}

/// The better of two splits: the service of the most needs alone, and services with half of the needs.
fn two(needs: &[&Need], needless: &[NeedlessCall], first: usize, second: usize) -> Option<Vec<Solution>> {
    let mut sizes: BTreeMap<Glob, usize> = BTreeMap::new();
    for service in needs.iter().filter_map(|need| service_of(&need.source)) {
        *sizes.entry(service).or_default() += 1;
    }
    let mut services: Vec<(Glob, usize)> = sizes.into_iter().collect();
    // The order of those of the same size stays.
    services.sort_by_key(|(_, size)| Reverse(*size));
    let largest: BTreeSet<Glob> = services.iter().take(1).map(|(service, _)| service.clone()).collect();
    let mut room = needs.len() / 2;
    let mut half = BTreeSet::new();
    for (service, size) in services {
        if let Some(left) = room.checked_sub(size) {
            room = left;
            half.insert(service);
        }
    }
    let splits = BTreeSet::from([largest, half]);
    let found = splits.iter().filter_map(|services| apart(services, needs, needless, [first, second]));
    found.min_by_key(|found| burden(found, needless))
}

/// A pattern for these services and one for all others. The terms of the first may meet no need of the second, those of the
/// second no term of the first: then no record passes both.
fn apart(
    services: &BTreeSet<Glob>,
    needs: &[&Need],
    needless: &[NeedlessCall],
    limits: [usize; 2],
) -> Option<Vec<Solution>> {
    let is_of_services = |need: &&Need| service_of(&need.source).is_some_and(|service| services.contains(&service));
    let (mut own, mut others): (Vec<&Need>, Vec<&Need>) = needs.iter().copied().partition(is_of_services);
    // What may be the same record goes together.
    while let Some(place) = own.iter().position(|own| others.iter().any(|other| own.term().may_meet(&other.term()))) {
        others.push(own.swap_remove(place));
    }
    if own.is_empty() || others.is_empty() {
        return None;
    }
    own.sort();
    others.sort();
    let avoid: Vec<Term> = others.iter().map(|need| need.term()).collect();
    let first = search(&Field::new(&own, needless), &avoid, limits[0]).ok()?;
    let second = search(&Field::new(&others, needless), &first.terms, limits[1]).ok()?;
    Some(vec![first, second])
}
