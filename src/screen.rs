//! Whether a record could match any rule, decided before it is unescaped and parsed.
//!
//! In: the sketch of a record. Out: whether to look at it. What decides are the calls that rules can match and, where some
//! rules watch the call, the texts without which none of them matches. The answer may be yes for nothing, never no for
//! something.

mod index;
mod lookout;

use std::collections::HashMap;

use crate::rules::RuleSet;
use crate::skim::Sketch;
use index::Index;
use lookout::Lookout;

/// Most calls that are remembered. Names come from records, so that there might be any number.
const MOST_CALLS: usize = 4096;

/// What the rules of a set watch.
#[derive(Debug)]
pub struct Screen {
    index: Index,
}

/// What has been found out about calls; kept between payloads.
#[derive(Debug, Default)]
pub struct Memory {
    calls: HashMap<String, Watched>,
    /// The call that is asked about, and the text of its record in lower case.
    call: String,
    lower_case: String,
}

/// What is to be done with the records of a call.
#[derive(Debug)]
enum Watched {
    /// No rule matches any of them.
    Never,
    /// Some rule might match each of them.
    Always,
    /// Some rule might match those with certain texts.
    With(Lookout),
}

impl Screen {
    /// For the rules that run.
    pub fn new(rules: &RuleSet) -> Self {
        Self { index: Index::new(rules) }
    }

    /// Whether some of `rules`, for which the screen was made, could match the record; or it `is_asked_about` for another
    /// reason, by its source and name.
    pub fn admits(
        &self,
        rules: &RuleSet,
        sketch: &Sketch<'_>,
        memory: &mut Memory,
        is_asked_about: impl Fn(&str, &str) -> bool,
    ) -> bool {
        let Memory { calls, call, lower_case } = memory;
        call.clear();
        // No name has a line break: it would be escaped.
        call.extend([sketch.source, "\n", sketch.name]);
        if !calls.contains_key(call.as_str()) {
            if calls.len() >= MOST_CALLS {
                calls.clear();
            }
            let watched = match is_asked_about(sketch.source, sketch.name) {
                true => Watched::Always,
                false => self.index.watched(rules, sketch.source, sketch.name),
            };
            calls.insert(call.clone(), watched);
        }
        match calls.get(call.as_str()) {
            Some(Watched::Never) => false,
            Some(Watched::Always) | None => true,
            Some(Watched::With(lookout)) => lookout.sees(sketch, lower_case),
        }
    }
}
