//! The matchers of a rule: its condition, and its warning and escalation variants.
//!
//! In: the parsed rule. Out: its matchers. A built-in rule compiles each when it is first needed, because compiling takes
//! longer than reading and most rules never see one of their calls. Other rules compile all of them at load, to report
//! errors.

use std::sync::OnceLock;

use rsigma_parser::SigmaRule;

use crate::rules::load::attributes::Attributes;
use crate::rules::load::diagnostic::Reason;
use crate::rules::sigma::{CompileError, Matcher};

/// The matchers of a rule.
#[derive(Debug)]
pub(in crate::rules) struct Cases {
    /// The rule itself.
    pub(in crate::rules) whole: Case,
    /// The warning variant.
    pub(in crate::rules) undecided: Option<Case>,
    /// The escalation variant.
    pub(in crate::rules) raised: Option<Case>,
    /// The variant of a lower level.
    pub(in crate::rules) lowered: Option<Case>,
}

/// One detection of a rule, or all of it.
#[derive(Debug, Default)]
pub(in crate::rules) struct Case {
    /// The detection that stands for the condition.
    detection: Option<String>,
    matcher: OnceLock<Matcher>,
}

impl Cases {
    /// The cases that the attributes name.
    pub(in crate::rules) fn new(whole: Case, attributes: &Attributes) -> Self {
        let case = |when: &String| Case { detection: Some(when.clone()), matcher: OnceLock::new() };
        Self {
            whole,
            undecided: attributes.undecided.as_ref().map(|case| &case.when).map(case),
            raised: attributes.raised.as_ref().map(|case| &case.when).map(case),
            lowered: attributes.lowered.as_ref().map(|case| &case.when).map(case),
        }
    }

    /// Compiles the cases.
    pub(in crate::rules) fn compile(&self, sigma: &SigmaRule, reasons: &mut Vec<Reason>) {
        for (attribute, case) in [("undecided", &self.undecided), ("raised", &self.raised), ("lowered", &self.lowered)]
        {
            let Some((case, detection)) = case.as_ref().and_then(|case| Some((case, case.detection.as_ref()?))) else {
                continue;
            };
            if !sigma.detection.named.contains_key(detection) {
                let text = format!("its `{attribute}.when` names `{detection}`, which is none of its detections");
                reasons.push(Reason::error(text).at(attribute));
            } else if let Err(errors) = case.compile(sigma) {
                reasons.extend(errors.into_iter().map(|error| Reason::error(error.text)));
            }
        }
    }
}

impl Case {
    /// Compiles it.
    ///
    /// # Errors
    /// Every error in it.
    pub(in crate::rules) fn compile(&self, sigma: &SigmaRule) -> Result<&Matcher, Vec<CompileError>> {
        let compiled = self.compiled(sigma)?;
        Ok(self.matcher.get_or_init(|| compiled))
    }

    /// The matcher, which is compiled on first use.
    #[expect(
        clippy::expect_used,
        reason = "only built-in rules are not compiled when they are loaded, and tests compile each; one that silently \
                  does not run would be worse than none"
    )]
    pub(in crate::rules) fn matcher(&self, sigma: &SigmaRule) -> &Matcher {
        self.matcher.get_or_init(|| self.compiled(sigma).expect("a built-in rule can be compiled"))
    }

    fn compiled(&self, sigma: &SigmaRule) -> Result<Matcher, Vec<CompileError>> {
        match &self.detection {
            Some(detection) => Matcher::of_detection(detection, &sigma.detection),
            None => Matcher::new(&sigma.detection),
        }
    }
}
