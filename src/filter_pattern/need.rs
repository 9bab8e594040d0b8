//! What a filter pattern must let through: the calls that rules watch, as CloudTrail spells them.
//!
//! Sigma compares without regard to case, filter patterns with. CloudTrail writes each name one way, which is taken from the
//! names that are known; a name that is not known is taken as the rule writes it.

use std::collections::{BTreeMap, BTreeSet};

use super::glob::Glob;
use super::term::Term;
use crate::rules::{CallPatterns, Names, known_calls};

/// Calls that a rule watches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Need {
    pub(super) source: Glob,
    pub(super) name: Glob,
}

impl Need {
    /// Whether it is every call of every service.
    pub(super) fn is_any(&self) -> bool {
        self.source.is_any() && self.name.is_any()
    }

    /// As a term that lets it through and nothing else, though no pattern may be able to say so.
    pub(super) fn term(&self) -> Term {
        let some = |glob: &Glob| Some(glob.clone()).filter(|glob| !glob.is_any());
        Term { sources: some(&self.source).into_iter().collect(), name: some(&self.name) }
    }

    fn includes(&self, other: &Self) -> bool {
        self.source.includes(&other.source) && self.name.includes(&other.name)
    }
}

/// All that rules need.
#[derive(Debug, Default)]
pub(super) struct Needs {
    /// In order, none included in another.
    pub(super) needs: Vec<Need>,
    /// Names that are not known, by service as written, and are taken as they stand in the rule.
    pub(super) as_written: BTreeSet<(String, String)>,
}

/// The calls that are known, by service.
pub(super) type Known = BTreeMap<&'static str, Vec<&'static str>>;

pub(super) fn known() -> Known {
    let mut known = Known::new();
    for (source, name) in known_calls() {
        known.entry(source).or_default().push(name);
    }
    known
}

impl Needs {
    pub(super) fn of<'t>(call_patterns: impl IntoIterator<Item = &'t CallPatterns>, known: &Known) -> Self {
        let mut all = BTreeSet::new();
        let mut as_written = BTreeSet::new();
        for call_pattern in call_patterns.into_iter().flat_map(|call_patterns| &call_patterns.0) {
            for source in written(&call_pattern.source, Glob::of_service) {
                for name in written(&call_pattern.name, Glob::of_call) {
                    for source in spelt_sources(&source) {
                        let names = spelt_names(&source, &name, known, &mut as_written);
                        all.extend(names.into_iter().map(|name| Need { source: source.clone(), name }));
                    }
                }
            }
        }
        Self { needs: without_included(all), as_written }
    }
}

/// Two that include each other are equal, so that leaving out every included one leaves out none for good.
fn without_included(all: BTreeSet<Need>) -> Vec<Need> {
    let is_wide = |need: &&Need| need.source.name().is_none() || need.name.name().is_none();
    let wide: Vec<Need> = all.iter().filter(is_wide).cloned().collect();
    let is_included = |need: &Need| wide.iter().any(|wide| wide != need && wide.includes(need));
    all.into_iter().filter(|need| !is_included(need)).collect()
}

fn written(names: &Names, read: fn(&str) -> Glob) -> Vec<Glob> {
    match names {
        Names::Any => vec![read("*")],
        // CloudTrail leaves neither name empty.
        Names::These(names) => names.iter().filter(|name| !name.is_empty()).map(|name| read(name)).collect(),
    }
}

/// As AWS writes it, in lower case. A service that is none of AWS may be written otherwise.
fn spelt_sources(source: &Glob) -> BTreeSet<Glob> {
    let lower = source.to_string().to_ascii_lowercase();
    let also_written = Some(source.clone()).filter(|_| !lower.ends_with(".amazonaws.com"));
    [Glob::of_service(&lower)].into_iter().chain(also_written).collect()
}

fn spelt_names(
    source: &Glob,
    name: &Glob,
    known: &Known,
    as_written: &mut BTreeSet<(String, String)>,
) -> BTreeSet<Glob> {
    if name.is_any() {
        return BTreeSet::from([name.clone()]);
    }
    let services = || known.iter().filter(|(service, _)| source.matches(service));
    let spelt = |names: &Vec<&'static str>| names.iter().filter_map(|known| name.spelt_as(known)).collect::<Vec<_>>();
    let mut all: BTreeSet<Glob> = services().flat_map(|(_, names)| spelt(names)).collect();
    if name.name().is_none() {
        // A call that is not known yet may be among them too.
        all.insert(name.clone());
        return all;
    }
    let is_of_one = source.name().is_some();
    if !is_of_one || all.is_empty() {
        // Another service's name that differs only in case tells how AWS may spell it, but not that it does.
        all.extend(known.values().flat_map(spelt));
        // A service that is none of AWS is spelt by whoever made it up, and by the rule.
        let is_of_aws = source.name().is_none_or(|source| source.ends_with(".amazonaws.com"));
        if is_of_aws && (is_of_one || all.is_empty()) {
            as_written.insert((source.to_string(), name.to_string()));
        }
        all.insert(name.clone());
    }
    all
}
