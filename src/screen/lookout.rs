//! Looks for the texts that rules need, in the text of a record.

use aho_corasick::AhoCorasick;
use memchr::memmem::Finder;

use crate::rules::Needs;
use crate::skim::Sketch;

/// What some rules need: each a list of texts of which one is there, for every list of one of the rules.
#[derive(Debug)]
pub(super) struct Lookout {
    /// Finds whether any text of any rule is there at all.
    any: AhoCorasick,
    rules: Vec<Vec<Vec<Finder<'static>>>>,
}

impl Lookout {
    /// `None` when there is a rule that needs nothing, so that looking would not help.
    pub(super) fn for_any_of(needs: impl Iterator<Item = Needs>) -> Option<Self> {
        let needs: Vec<Needs> = needs.collect();
        if needs.iter().any(|needs| needs.0.is_empty()) {
            return None;
        }
        let any = AhoCorasick::new(needs.iter().flat_map(|needs| needs.0.iter().flatten())).ok()?;
        let finder = |text: &String| Finder::new(text).into_owned();
        let finders = |texts: &Vec<String>| texts.iter().map(finder).collect();
        let rules = needs.iter().map(|needs| needs.0.iter().map(finders).collect()).collect();
        Some(Self { any, rules })
    }

    /// Whether some rule has all that it needs. `lower_case` is written over.
    pub(super) fn sees(&self, sketch: &Sketch<'_>, lower_case: &mut String) -> bool {
        // A character may be written as `\u….`, and one beyond ASCII may match a letter in lower case.
        if sketch.has_unicode_escapes || !sketch.text.is_ascii() {
            return true;
        }
        lower_case.clear();
        lower_case.push_str(sketch.text);
        lower_case.make_ascii_lowercase();
        let text = lower_case.as_bytes();
        let is_there = |finder: &Finder<'_>| finder.find(text).is_some();
        self.any.is_match(text) && self.rules.iter().any(|needs| needs.iter().all(|texts| texts.iter().any(is_there)))
    }
}
