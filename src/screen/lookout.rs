//! Looks for the texts that rules need, in the text of a record.

use std::collections::BTreeSet;
use std::slice;

use memchr::memmem::Finder;

use super::callers::{Callers, Wanted};
use super::few::Few;
use super::lower_case::write_in_lower_case;
use super::search::{Search, Verdict};
use crate::rules::{Need, Needs, Part};
use crate::skim::{Pieces, Sketch};

/// What some rules need.
#[derive(Debug)]
pub(super) struct Lookout {
    /// What is looked for in the values of the caller. It comes first, because it is known for most records.
    of_caller: Wanted,
    beside: Beside,
    /// The places of the rules that may match though the caller has nothing that is looked for.
    free: Vec<usize>,
    rules: Vec<Wants>,
    /// The texts of which none of the rules matches without one, in whatever part; `None` when there is a rule that needs
    /// nothing, so that looking would not help.
    in_any_part: Option<Search>,
}

/// What looking takes, and what it has found out; the same for the calls of one screen.
#[derive(Default)]
pub(super) struct Scratch {
    /// The text of a record, or of a part of it, in lower case.
    lower_case: Vec<u8>,
    callers: Callers,
    /// The places of rules.
    places: Vec<usize>,
}

/// What a rule needs: each a list of texts of which one is there.
#[derive(Debug)]
struct Wants {
    /// Of the rule.
    place: usize,
    lists: Vec<Vec<Text>>,
    /// Whether the rule may match though the caller has nothing that is looked for.
    is_free: bool,
}

#[derive(Debug)]
struct Text {
    part: Part,
    finder: Finder<'static>,
    /// Its number when it is looked for in the values of the caller.
    number: Option<u32>,
}

/// The texts of which none of the rules matches without one that may match though the caller has nothing that is looked for.
#[derive(Debug)]
enum Beside {
    /// There are no such rules.
    Nothing,
    /// What is looked for after the caller, or in all of the rest of the record.
    Few {
        texts: Few,
        is_after: bool,
    },
    Many {
        texts: Search,
        is_after: bool,
    },
}

/// What the values of the caller say of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It does not match.
    Fails,
    /// It depends on the rest of the record, whatever the caller has.
    Open,
    /// It depends on the rest of the record, after some of what it needs has been found.
    Half,
    /// It may match.
    Holds,
}

impl Lookout {
    /// For the rules in these places. `None` when looking tells nothing, or there are too many texts to be searched for.
    pub(super) fn for_any_of<'n>(
        needs: impl Iterator<Item = (usize, &'n Needs)>,
        scratch: &mut Scratch,
    ) -> Option<Self> {
        let placed: Vec<(usize, &Needs)> = needs.collect();
        let needs = || placed.iter().map(|(_, needs)| *needs);
        let helps = needs().all(|needs| !needs.0.is_empty());
        if !helps && needs().all(is_free) {
            return None;
        }
        let in_any_part = match helps {
            true => Some(Search::of(&narrowest(needs()).map(|need| need.text.as_str()).collect())?),
            false => None,
        };
        let free = || needs().filter(|needs| helps && is_free(needs));
        let texts = || narrowest(free()).filter(|need| need.part != Part::Caller);
        let beside = Beside::of(&texts().map(|need| need.text.as_str()).collect(), || {
            texts().all(|need| need.part == Part::AfterCaller)
        })?;
        let all = needs().flat_map(|needs| &needs.0).flatten();
        let of_caller = all.filter(|need| need.part != Part::AfterCaller).map(|need| need.text.as_str());
        let of_caller = scratch.callers.want(&of_caller.collect())?;
        let text = |need: &Need| Text {
            part: need.part,
            finder: Finder::new(&need.text).into_owned(),
            number: scratch.callers.number(&need.text).filter(|_| need.part != Part::AfterCaller),
        };
        let texts = |texts: &Vec<Need>| texts.iter().map(text).collect();
        let wants = |(place, needs): &(usize, &Needs)| Wants {
            place: *place,
            lists: needs.0.iter().map(texts).collect(),
            is_free: is_free(needs),
        };
        let rules: Vec<Wants> = placed.iter().map(wants).collect();
        let free = rules.iter().filter(|rule| rule.is_free).map(|rule| rule.place).collect();
        Some(Self { of_caller, beside, free, rules, in_any_part })
    }

    /// Whether looking helps: each rule needs something.
    pub(super) fn helps(&self) -> bool {
        self.in_any_part.is_some()
    }

    /// Whether some rule has all that it needs.
    pub(super) fn sees(&self, sketch: &Sketch<'_>, scratch: &mut Scratch) -> bool {
        // A character may be written as `\u….`, and one beyond ASCII may match a letter in lower case.
        if sketch.has_unicode_escapes {
            return true;
        }
        let Some(in_any_part) = &self.in_any_part else { return true };
        match sketch.parts.and_then(|parts| parts.pieces()) {
            Some(pieces) => self.sees_in(&pieces, sketch.text, scratch),
            None => match in_any_part.is_in(&[sketch.text], &mut scratch.lower_case) {
                Verdict::Lacks => false,
                Verdict::Unclear => true,
                Verdict::Has => self.sees_all(|_| true, sketch.text, &mut scratch.lower_case),
            },
        }
    }

    /// Whether the caller may rule some of the rules out.
    pub(super) fn asks_for_caller(&self) -> bool {
        !self.of_caller.is_empty()
    }

    /// The places of the rules that may match by what the values of the caller say; `None` when these say nothing.
    pub(super) fn remaining<'l>(&'l self, sketch: &Sketch<'_>, scratch: &'l mut Scratch) -> Option<&'l [usize]> {
        let Scratch { lower_case, callers, places } = scratch;
        let pieces = sketch.parts.filter(|_| !sketch.has_unicode_escapes)?.pieces()?;
        let found = callers.find(&self.of_caller, &pieces, lower_case)?;
        if found.is_empty() {
            return Some(&self.free);
        }
        let remaining = self.rules.iter().filter(|rule| rule.standing(found) != Standing::Fails);
        places.clear();
        places.extend(remaining.map(|rule| rule.place));
        Some(places)
    }

    fn sees_in(&self, pieces: &Pieces<'_>, text: &str, scratch: &mut Scratch) -> bool {
        let Scratch { lower_case, callers, .. } = scratch;
        let Some(found) = callers.find(&self.of_caller, pieces, lower_case) else { return true };
        if !found.is_empty() {
            let mut depends = false;
            for rule in &self.rules {
                match rule.standing(found) {
                    Standing::Holds => return true,
                    Standing::Half => depends = true,
                    // Of these, what is looked for beside the caller tells enough.
                    Standing::Open | Standing::Fails => {}
                }
            }
            if depends {
                return self.sees_all(|rule| rule.standing(found) != Standing::Fails, text, lower_case);
            }
        }
        match self.beside.is_in(&pieces.rest, lower_case) {
            Verdict::Lacks => false,
            Verdict::Unclear => true,
            Verdict::Has => self.sees_all(|rule| rule.is_free, text, lower_case),
        }
    }

    /// Whether one of these rules has all that it needs, in whatever part.
    fn sees_all(&self, which: impl Fn(&Wants) -> bool, text: &str, lower_case: &mut Vec<u8>) -> bool {
        if !write_in_lower_case(&[text], lower_case) {
            return true;
        }
        let is_there = |text: &Text| text.finder.find(lower_case).is_some();
        let mut rules = self.rules.iter().filter(|rule| which(rule));
        rules.any(|rule| rule.lists.iter().all(|texts| texts.iter().any(is_there)))
    }
}

impl Beside {
    /// `None` when there are too many texts.
    fn of(texts: &BTreeSet<&str>, is_after: impl Fn() -> bool) -> Option<Self> {
        if texts.is_empty() {
            return Some(Self::Nothing);
        }
        Some(match Few::of(texts) {
            Some(texts) => Self::Few { texts, is_after: is_after() },
            None => Self::Many { texts: Search::of(texts)?, is_after: is_after() },
        })
    }

    /// Whether one of the texts is in the pieces beside the caller, the last of which comes after it. `lower_case` may be
    /// written over.
    fn is_in(&self, rest: &[&str; 3], lower_case: &mut Vec<u8>) -> Verdict {
        let [.., after] = rest;
        let pieces = |is_after: bool| if is_after { slice::from_ref(after) } else { rest };
        match self {
            Self::Nothing => Verdict::Lacks,
            Self::Few { texts, is_after } => {
                let verdicts = pieces(*is_after).iter().map(|text| texts.is_in(text));
                verdicts.into_iter().find(|verdict| *verdict != Verdict::Lacks).unwrap_or(Verdict::Lacks)
            }
            Self::Many { texts, is_after } => texts.is_in(pieces(*is_after), lower_case),
        }
    }
}

impl Wants {
    /// By the numbers of the texts that are in the values of the caller.
    fn standing(&self, found: &[u32]) -> Standing {
        let (mut has_some, mut has_all) = (false, true);
        for texts in &self.lists {
            if texts.iter().any(|text| text.number.is_some_and(|number| found.contains(&number))) {
                has_some = true;
            } else if texts.iter().all(|text| text.part == Part::Caller) {
                return Standing::Fails;
            } else {
                has_all = false;
            }
        }
        match (has_all, has_some) {
            (true, _) => Standing::Holds,
            (false, true) => Standing::Half,
            (false, false) => Standing::Open,
        }
    }
}

/// Whether a rule may match though the caller has none of the texts.
fn is_free(needs: &Needs) -> bool {
    !needs.0.iter().any(|texts| texts.iter().all(|need| need.part == Part::Caller))
}

/// Of what a rule needs, one list is enough to tell that it does not match: the shortest.
fn narrowest<'n>(needs: impl Iterator<Item = &'n Needs>) -> impl Iterator<Item = &'n Need> {
    needs.filter_map(|needs| needs.0.iter().min_by_key(|texts| texts.len())).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skim::glance;

    const CALLER: Part = Part::Caller;
    const AFTER: Part = Part::AfterCaller;

    fn needs(lists: &[&[(Part, &str)]]) -> Needs {
        let need = |(part, text): &(Part, &str)| Need { part: *part, text: (*text).to_owned() };
        Needs(lists.iter().map(|texts| texts.iter().map(need).collect()).collect())
    }

    /// The record of a caller with these parameters, as it stands in a batch.
    fn record([identity, address, agent]: [&str; 3], parameters: &str) -> String {
        let record = format!(
            r#"{{"eventVersion":"1.11","userIdentity":{{"arn":"{identity}"}},"eventTime":"2026-03-04T10:00:00Z","eventSource":"ec2.amazonaws.com","eventName":"DescribeTags","awsRegion":"eu-west-1","sourceIPAddress":"{address}","userAgent":"{agent}","requestParameters":{{"name":"{parameters}"}}}}"#
        );
        record.replace('"', "\\\"")
    }

    /// Whether a rule that needs one text of each list may match the record of this caller with these parameters.
    fn sees(lists: &[&[(Part, &str)]], caller: [&str; 3], parameters: &str) -> bool {
        let escaped = record(caller, parameters);
        let mut scratch = Scratch::default();
        let sketch = glance(&escaped, true).unwrap();
        assert!(sketch.parts.unwrap().pieces().is_some());
        let lookout = Lookout::for_any_of([(0, &needs(lists))].into_iter(), &mut scratch).unwrap();
        let sees = lookout.sees(&sketch, &mut scratch);
        assert_eq!(lookout.sees(&sketch, &mut scratch), sees, "what is remembered");
        let remains = !lookout.remaining(&sketch, &mut scratch).unwrap().is_empty();
        assert!(remains || !sees, "what is seen is looked at");
        sees
    }

    #[test]
    fn rules_about_another_caller_do_not_remain() {
        let all = [
            needs(&[&[(CALLER, "text")]]),
            needs(&[&[(CALLER, "other")]]),
            needs(&[&[(CALLER, "other"), (AFTER, "more")]]),
            needs(&[]),
        ];
        let mut scratch = Scratch::default();
        let lookout = Lookout::for_any_of((5..).zip(&all), &mut scratch).unwrap();
        assert!(!lookout.helps());
        let mut remaining = |caller: &str| {
            let escaped = record([caller, "", ""], "more");
            let sketch = glance(&escaped, true).unwrap();
            assert!(lookout.sees(&sketch, &mut scratch));
            lookout.remaining(&sketch, &mut scratch).map(<[usize]>::to_vec)
        };
        assert_eq!(remaining("nobody"), Some(vec![7, 8]));
        assert_eq!(remaining("text"), Some(vec![5, 7, 8]));
        assert_eq!(remaining("another"), Some(vec![6, 7, 8]));
        assert_eq!(remaining("é"), None);
    }

    #[test]
    fn texts_of_the_caller_are_found_in_each_of_its_values_alone() {
        for caller in [["text", "", ""], ["", "TEXT", ""], ["", "", "a text"]] {
            assert!(sees(&[&[(CALLER, "text")]], caller, ""), "{caller:?}");
            assert!(sees(&[&[(CALLER, "text")], &[(AFTER, "more")]], caller, "some more"), "{caller:?}");
            assert!(!sees(&[&[(CALLER, "text")], &[(AFTER, "more")]], caller, ""), "{caller:?}");
            assert!(!sees(&[&[(AFTER, "text")]], caller, ""), "{caller:?}");
            assert!(sees(&[&[(Part::Whole, "text")]], caller, ""), "{caller:?}");
        }
        assert!(!sees(&[&[(CALLER, "text")]], ["te", "xt", "useragent"], "text"));
        assert!(!sees(&[&[(CALLER, "useragent")]], ["", "", ""], ""));
    }

    #[test]
    fn a_list_that_the_caller_answers_leaves_the_others_to_the_rest() {
        let needs: &[&[(Part, &str)]] =
            &[&[(CALLER, "text"), (AFTER, "other")], &[(AFTER, "one"), (AFTER, "two"), (AFTER, "three")]];
        assert!(sees(needs, ["text", "", ""], "three"));
        assert!(sees(needs, ["", "", ""], "three other"));
        assert!(!sees(needs, ["text", "", ""], "other"));
        assert!(!sees(needs, ["", "", ""], "three"));
    }

    #[test]
    fn texts_that_begin_with_others_are_found_each() {
        for text in ["text", "textual", "extu"] {
            let needs: &[&[(Part, &str)]] = &[&[(CALLER, text)], &[(CALLER, "text")]];
            assert!(sees(needs, ["a textual", "", ""], ""), "{text}");
        }
        assert!(!sees(&[&[(CALLER, "text")], &[(CALLER, "textual")]], ["text", "", ""], ""));
    }
}
