//! The names of the API calls of services, and their classes.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// The content of `operations.json`: names, their source and its date.
#[derive(Debug, Deserialize)]
struct Catalogue {
    source: String,
    date: String,
    /// The operations in the service's API.
    operations: BTreeMap<String, Vec<String>>,
    /// Other names that CloudTrail logs for the service.
    also_logged: BTreeMap<String, Vec<String>>,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    // A test parses the file, so this default is never used.
    serde_json::from_str(include_str!("operations.json")).unwrap_or_else(|_| Catalogue {
        source: String::new(),
        date: String::new(),
        operations: BTreeMap::new(),
        also_logged: BTreeMap::new(),
    })
});

/// Returns the names of the calls of a service, given its `eventSource`. Empty if they are not known.
pub(in crate::rules) fn names_of(source: &str) -> Vec<&'static str> {
    let catalogue: &'static Catalogue = &CATALOGUE;
    let lists = [&catalogue.operations, &catalogue.also_logged].into_iter().filter_map(|names| names.get(source));
    lists.flatten().map(String::as_str).collect()
}

/// Returns every known call as `eventSource` and `eventName`, spelled as in CloudTrail but without the version that AWS
/// Lambda appends.
pub fn known_calls() -> impl Iterator<Item = (&'static str, &'static str)> {
    let catalogue: &'static Catalogue = &CATALOGUE;
    let lists = catalogue.operations.iter().chain(&catalogue.also_logged);
    lists.flat_map(|(source, names)| names.iter().map(|name| (source.as_str(), name.as_str())))
}

/// Returns the source and date of the names.
pub fn provenance() -> String {
    format!("{}, {}", CATALOGUE.source, CATALOGUE.date)
}

/// The effect of a call on security.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OperationClass {
    /// Makes resources reachable, or reachable from more sources.
    Reachability,
    /// Lets other principals act in the account.
    Access,
    /// Shares data or control with other principals.
    Control,
    /// Connects to other networks.
    Networks,
    /// Gives access to an instance.
    Instance,
    /// Weakens a protection.
    Protection,
    /// Stops calls or traffic from being recorded, delivered or retained.
    Recording,
    /// None of these.
    Harmless,
}

impl OperationClass {
    /// The classes of sensitive calls, in the order in which they are listed.
    pub const SENSITIVE: [Self; 7] = [
        Self::Reachability,
        Self::Access,
        Self::Control,
        Self::Networks,
        Self::Instance,
        Self::Protection,
        Self::Recording,
    ];

    /// Returns a heading for calls of this class.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Reachability => "Make resources reachable",
            Self::Access => "Let other principals act in the account",
            Self::Control => "Share data or control with other principals",
            Self::Networks => "Connect to other networks",
            Self::Instance => "Give access to an instance",
            Self::Protection => "Weaken a protection",
            Self::Recording => "Stop recording",
            Self::Harmless => "Harmless",
        }
    }

    /// Returns the coarse class.
    pub(in crate::rules) fn coarse(self) -> CoarseClass {
        if self == Self::Recording { CoarseClass::Blinding } else { CoarseClass::Exposure }
    }
}

/// A coarse class of sensitive calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CoarseClass {
    /// Opens a resource or an account to others.
    Exposure,
    /// Stops calls or traffic from being recorded, delivered or retained.
    Blinding,
}

/// A call with its class.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// `eventSource`.
    pub service: &'static str,
    /// `eventName`.
    pub call: &'static str,
    /// The class of the call.
    pub class: OperationClass,
    /// The reason for the class.
    pub reason: &'static str,
}

/// The content of `operation_classes.json`: the class of each EC2 operation that is not a Describe, Get, List or Search,
/// and of the sensitive operations of other services.
#[derive(Debug, Default, Deserialize)]
struct Classes {
    services: BTreeMap<String, Vec<ClassGroup>>,
}

#[derive(Debug, Deserialize)]
struct ClassGroup {
    class: OperationClass,
    reason: String,
    calls: Vec<String>,
}

static CLASSES: LazyLock<Classes> = LazyLock::new(|| {
    // A test parses the file, so this default is never used.
    serde_json::from_str(include_str!("operation_classes.json")).unwrap_or_default()
});

/// Returns every call that has a class, by service.
pub fn operations() -> impl Iterator<Item = Operation> {
    let classes: &'static Classes = &CLASSES;
    classes.services.iter().flat_map(|(service, groups)| {
        groups.iter().flat_map(move |ClassGroup { class, reason, calls }| {
            calls.iter().map(move |call| Operation { service, call, class: *class, reason })
        })
    })
}
