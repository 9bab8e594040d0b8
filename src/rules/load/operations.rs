//! The names of calls that services have, and what they can do.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// The names in `operations.json`, which says where they come from and of when they are.
#[derive(Debug, Deserialize)]
struct Catalogue {
    source: String,
    date: String,
    /// What the service's interface has.
    operations: BTreeMap<String, Vec<String>>,
    /// What CloudTrail records beside or instead of these.
    also_logged: BTreeMap<String, Vec<String>>,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    // A test reads it, so that it cannot be empty for being wrong.
    serde_json::from_str(include_str!("operations.json")).unwrap_or_else(|_| Catalogue {
        source: String::new(),
        date: String::new(),
        operations: BTreeMap::new(),
        also_logged: BTreeMap::new(),
    })
});

/// The names of the calls of a service, by its `eventSource`; none when they are not known.
pub(in crate::rules) fn names_of(source: &str) -> Vec<&'static str> {
    let catalogue: &'static Catalogue = &CATALOGUE;
    let lists = [&catalogue.operations, &catalogue.also_logged].into_iter().filter_map(|names| names.get(source));
    lists.flatten().map(String::as_str).collect()
}

/// Every call whose name is known, as `eventSource` and `eventName`, each spelt as CloudTrail writes it (but for the version
/// that AWS Lambda appends).
pub fn known_calls() -> impl Iterator<Item = (&'static str, &'static str)> {
    let catalogue: &'static Catalogue = &CATALOGUE;
    let lists = catalogue.operations.iter().chain(&catalogue.also_logged);
    lists.flat_map(|(source, names)| names.iter().map(|name| (source.as_str(), name.as_str())))
}

/// Where the names come from and of when they are.
pub fn provenance() -> String {
    format!("{}, {}", CATALOGUE.source, CATALOGUE.date)
}

/// What a call can do, as far as others are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Widens what can be reached, and from where.
    Reachability,
    /// Lets others act in the account.
    Access,
    /// Hands data or control to others.
    Control,
    /// Joins other networks.
    Networks,
    /// Gives a way into an instance.
    Instance,
    /// Weakens a protection.
    Protection,
    /// Keeps calls or traffic from being recorded, delivered or kept.
    Recording,
    /// None of these.
    Harmless,
}

impl Class {
    /// Every class of sensitive calls, in the order in which they are listed.
    pub const SENSITIVE: [Self; 7] = [
        Self::Reachability,
        Self::Access,
        Self::Control,
        Self::Networks,
        Self::Instance,
        Self::Protection,
        Self::Recording,
    ];

    /// A heading for calls of this class.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Reachability => "Widen what can be reached",
            Self::Access => "Let others act in the account",
            Self::Control => "Hand data or control to others",
            Self::Networks => "Join other networks",
            Self::Instance => "Give a way into an instance",
            Self::Protection => "Weaken a protection",
            Self::Recording => "Keep something from being recorded",
            Self::Harmless => "Harmless",
        }
    }

    /// The coarser class of earlier versions.
    pub(in crate::rules) fn danger(self) -> Danger {
        if self == Self::Recording { Danger::Blinding } else { Danger::Exposure }
    }
}

/// A coarse class of sensitive calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Danger {
    /// Open a resource or an account to others.
    Exposure,
    /// Keep CloudTrail from recording, delivering or keeping records.
    Blinding,
}

/// A call with its class.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// `eventSource`.
    pub service: &'static str,
    /// `eventName`.
    pub call: &'static str,
    /// What it can do.
    pub class: Class,
    /// Why it is of this class.
    pub reason: &'static str,
}

/// The classes in `operation_classes.json`: of EC2 every operation that is not a Describe, Get, List or Search, of other
/// services the sensitive ones.
#[derive(Debug, Default, Deserialize)]
struct Classes {
    services: BTreeMap<String, Vec<Group>>,
}

#[derive(Debug, Deserialize)]
struct Group {
    class: Class,
    reason: String,
    calls: Vec<String>,
}

static CLASSES: LazyLock<Classes> = LazyLock::new(|| {
    // A test reads it, so that it cannot be empty for being wrong.
    serde_json::from_str(include_str!("operation_classes.json")).unwrap_or_default()
});

/// Every call with a class, by service.
pub fn operations() -> impl Iterator<Item = Operation> {
    let classes: &'static Classes = &CLASSES;
    classes.services.iter().flat_map(|(service, groups)| {
        groups.iter().flat_map(move |Group { class, reason, calls }| {
            calls.iter().map(move |call| Operation { service, call, class: *class, reason })
        })
    })
}
