//! The terms from which a pattern may be made.

use std::collections::{BTreeMap, BTreeSet};

use super::call::NeedlessCall;
use super::glob::Glob;
use super::index::Index;
use super::need::Need;
use super::term::{Term, cost_of_condition, cost_of_expression, cost_of_service};

/// Minimum number of characters of a part of a name. Shorter parts are in too many names.
const MIN_PART: usize = 3;

/// Maximum number of characters of a part of a name. Longer parts are in hardly fewer names.
const MAX_PART: usize = 12;

/// A term that lets through what some rule needs.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) of: Of,
    /// `eventName`; `None` for any.
    pub(super) name: Option<Glob>,
    /// The characters that it takes in the pattern, without the services that it shares.
    pub(super) cost: usize,
    /// The needs it covers wholly, by their place, in order.
    pub(super) covers: Vec<usize>,
    /// The known calls that pass and that nobody needs, by their place, in order.
    pub(super) passes: Vec<usize>,
    /// What these cost together.
    pub(super) burden: u32,
}

/// The services of a term.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Of {
    /// Those that the names of calls share.
    Shared,
    /// This one alone.
    One(Glob),
    /// Whatever service.
    Whatever,
}

/// What is to be covered, and what had better not pass.
#[derive(Debug)]
pub(super) struct Field<'f> {
    pub(super) needs: &'f [&'f Need],
    /// The known calls that nobody needs.
    pub(super) needless: &'f [NeedlessCall],
    /// The services of the needs, in order, as the names of calls share them.
    pub(super) shared: Vec<Glob>,
    /// The same, each for a condition of its own.
    services: Vec<Glob>,
}

impl<'f> Field<'f> {
    pub(super) fn new(needs: &'f [&'f Need], needless: &'f [NeedlessCall]) -> Self {
        let services: BTreeSet<Glob> = needs.iter().filter_map(|need| service_of(&need.source)).collect();
        let services: Vec<Glob> = services.into_iter().collect();
        let loose = |service: &Glob| Glob::infix(&service.parts().concat());
        let is_alone = services.len() == 1;
        let shared = if is_alone { services.clone() } else { services.iter().map(loose).collect() };
        Self { needs, needless, shared, services }
    }

    /// Every term that is worth considering, but none that `avoid` may meet.
    pub(super) fn candidates(&self, avoid: &[Term]) -> Vec<Candidate> {
        let calls = Index::of(self.needless.iter().enumerate().map(|(number, call)| (call.call, number)));
        let needs =
            Index::of(self.needs.iter().enumerate().filter_map(|(number, need)| Some((need.name.name()?, number))));
        let wide: Vec<usize> = places(self.needs, |need| need.name.name().is_none());
        let covers = |name: &Glob| {
            let is_covered = |need: &&usize| self.needs.get(**need).is_some_and(|need| name.includes(&need.name));
            let mut covers = needs.matching(name);
            covers.extend(wide.iter().filter(is_covered));
            covers.sort_unstable();
            covers
        };
        let mut best = Best::default();
        let mut offer = |of: &Of, cost, name: Option<Glob>, (covers, passes): (Vec<usize>, Vec<usize>)| {
            let burden = passes.iter().filter_map(|call| self.needless.get(*call)).map(NeedlessCall::burden).sum();
            best.offer(Candidate { of: of.clone(), name, cost, covers, passes, burden });
        };
        let part = self.part(&self.shared);
        let avoided = self.avoided(&Of::Shared, avoid);
        let of_service = self.needs.iter().filter(|need| !need.source.is_any());
        for part_of_name in of_service.flat_map(|need| parts_of(&need.name)).collect::<BTreeSet<&str>>() {
            let name = Glob::infix(part_of_name);
            if !avoided.may_meet(&name) {
                let passing = part.of(&covers(&name), &calls.matching(&name));
                offer(&Of::Shared, cost_of_expression(&name), Some(name), passing);
            }
        }
        let avoided = self.avoided(&Of::Whatever, avoid);
        let of_whatever = self.needs.iter().filter(|need| need.source.is_any());
        for name in of_whatever.flat_map(|need| beginnings_of(&need.name)).collect::<BTreeSet<Glob>>() {
            if !avoided.may_meet(&name) {
                let passing = (covers(&name), calls.matching(&name));
                offer(&Of::Whatever, cost_of_condition(&name), Some(name), passing);
            }
        }
        for service in &self.services {
            let of = Of::One(service.clone());
            let part = self.part(std::slice::from_ref(service));
            let needs_all = |need: &usize| self.needs.get(*need).is_some_and(|need| need.name.is_any());
            // What a service has that is not known cannot be weighed: who needs all of it gets all of it, and nobody else.
            let is_weighed = !part.calls.is_empty() || part.needs.iter().any(needs_all);
            if is_weighed && self.avoided(&of, avoid).names.is_empty() {
                offer(&of, cost_of_service(service), None, (part.needs, part.calls));
            }
        }
        best.candidates()
    }

    /// The candidate as a term.
    pub(super) fn term(&self, candidate: &Candidate) -> Term {
        Term { sources: self.sources(&candidate.of), name: candidate.name.clone() }
    }

    fn sources(&self, of: &Of) -> Vec<Glob> {
        match of {
            Of::Shared => self.shared.clone(),
            Of::One(service) => vec![service.clone()],
            Of::Whatever => Vec::new(),
        }
    }

    /// What names of calls to these services have to avoid.
    fn avoided<'a>(&self, of: &Of, avoid: &'a [Term]) -> Avoided<'a> {
        let any = Term { sources: self.sources(of), name: None };
        Avoided { names: avoid.iter().filter(|term| term.may_meet(&any)).map(|term| term.name.as_ref()).collect() }
    }

    /// What is of these services.
    fn part(&self, sources: &[Glob]) -> Part {
        Part {
            needs: places(self.needs, |need| sources.iter().any(|one| one.includes(&need.source))),
            calls: places(self.needless, |call| sources.iter().any(|one| one.matches(call.service))),
        }
    }
}

/// Names of calls that no other may meet; `None` is any name.
struct Avoided<'a> {
    names: Vec<Option<&'a Glob>>,
}

impl Avoided<'_> {
    fn may_meet(&self, name: &Glob) -> bool {
        self.names.iter().any(|avoided| avoided.is_none_or(|avoided| avoided.may_meet(name)))
    }
}

fn places<T>(list: &[T], is_meant: impl Fn(&T) -> bool) -> Vec<usize> {
    list.iter().enumerate().filter(|(_, one)| is_meant(one)).map(|(place, _)| place).collect()
}

/// Needs, and calls that nobody needs, by their places, in order.
struct Part {
    needs: Vec<usize>,
    calls: Vec<usize>,
}

impl Part {
    /// What of these is in it.
    fn of(&self, needs: &[usize], calls: &[usize]) -> (Vec<usize>, Vec<usize>) {
        let within = |places: &[usize], all: &[usize]| {
            places.iter().copied().filter(|place| all.binary_search(place).is_ok()).collect()
        };
        (within(needs, &self.needs), within(calls, &self.calls))
    }
}

/// The service, as short as it can be written without meeting another: `ec2.*`. `None` for whatever service.
pub(super) fn service_of(source: &Glob) -> Option<Glob> {
    if let Some(name) = source.name() {
        return Some(
            name.split_once('.').map_or_else(|| source.clone(), |(host, _)| Glob::prefix(&format!("{host}."))),
        );
    }
    if source.is_plain() {
        return Some(source.clone()).filter(|source| !source.is_any());
    }
    plain_around(source).into_iter().next()
}

/// The plain globs that keep one part of a glob that is not.
fn plain_around(glob: &Glob) -> Vec<Glob> {
    let (Some((head, rest)), false) = (glob.parts().split_first(), glob.is_plain()) else { return Vec::new() };
    let Some((tail, middle)) = rest.split_last() else { return Vec::new() };
    let ends = [Glob::prefix(head), Glob::suffix(tail)];
    let all = ends.into_iter().chain(middle.iter().map(|part| Glob::infix(part)));
    all.filter(|glob| !glob.is_any()).collect()
}

/// Parts of the literal parts of `need`.
fn parts_of(need: &Glob) -> impl Iterator<Item = &str> {
    let literal = need.parts().iter().map(String::as_str).filter(|part| !part.is_empty());
    literal.flat_map(|part| {
        let rests = (0..part.len()).filter_map(|start| part.get(start..));
        let parts = rests.flat_map(|rest| {
            let ends = MIN_PART..=rest.len().min(MAX_PART);
            ends.filter_map(|end| rest.get(..end))
        });
        // The whole, also where it is shorter or longer than what is looked at otherwise.
        parts.chain([part])
    })
}

/// The name itself, and what begins with some of its words. Where any service may be meant the known calls are but a sample:
/// parts of words that meet few of them may meet many others.
fn beginnings_of(need: &Glob) -> Vec<Glob> {
    let mut names = plain_around(need);
    if need.is_plain() {
        names.push(need.clone());
    }
    if let Some(head) = need.parts().first() {
        let starts = head.char_indices().skip(1).filter(|(_, one)| one.is_ascii_uppercase());
        names.extend(starts.filter_map(|(at, _)| head.get(..at)).map(Glob::prefix));
    }
    names
}

/// Candidates without those that another beats: one for the same needs that is no longer and costs no more.
#[derive(Default)]
struct Best(BTreeMap<(Of, Vec<usize>), Vec<Candidate>>);

impl Best {
    fn offer(&mut self, candidate: Candidate) {
        if candidate.covers.is_empty() {
            return;
        }
        let rivals = self.0.entry((candidate.of.clone(), candidate.covers.clone())).or_default();
        let beats = |one: &Candidate, other: &Candidate| one.cost <= other.cost && one.burden <= other.burden;
        if rivals.iter().any(|rival| beats(rival, &candidate)) {
            return;
        }
        rivals.retain(|rival| !beats(&candidate, rival));
        rivals.push(candidate);
    }

    fn candidates(self) -> Vec<Candidate> {
        self.0.into_values().flatten().collect()
    }
}
