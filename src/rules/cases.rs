//! What of a rule is matched: the whole of it, and the cases in which its findings differ.
//!
//! In: the parsed rule. Out: its matchers, each compiled when it is first needed, or all at once so that what is wrong with
//! them is told. Compiling takes longer than reading, and of most rules no call ever comes.

use std::sync::OnceLock;

use rsigma_parser::SigmaRule;

use super::attributes::Attributes;
use super::fault::Reason;
use super::sigma::{CompileError, Matcher};

/// The matchers of a rule. All take the rule that they are of.
#[derive(Debug)]
pub(super) struct Cases {
    /// The rule itself.
    pub(super) whole: Case,
    /// The case in which its findings are a warning, as a rule of its own.
    pub(super) undecided: Option<Case>,
    /// The case in which they are worse.
    pub(super) raised: Option<Case>,
}

/// One detection of a rule, or all of it.
#[derive(Debug, Default)]
pub(super) struct Case {
    /// The detection that stands for the condition.
    detection: Option<String>,
    matcher: OnceLock<Matcher>,
}

impl Cases {
    /// The cases that the attributes name.
    pub(super) fn new(whole: Case, attributes: &Attributes) -> Self {
        let case = |when: &String| Case { detection: Some(when.clone()), matcher: OnceLock::new() };
        Self {
            whole,
            undecided: attributes.undecided.as_ref().map(|case| &case.when).map(case),
            raised: attributes.raised.as_ref().map(|case| &case.when).map(case),
        }
    }

    /// Compiles the cases.
    pub(super) fn compile(&self, sigma: &SigmaRule, reasons: &mut Vec<Reason>) {
        for (attribute, case) in [("undecided", &self.undecided), ("raised", &self.raised)] {
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
    /// Everything that keeps it from being compiled.
    pub(super) fn compile(&self, sigma: &SigmaRule) -> Result<&Matcher, Vec<CompileError>> {
        let compiled = self.compiled(sigma)?;
        Ok(self.matcher.get_or_init(|| compiled))
    }

    /// The matcher, compiled by now.
    #[expect(
        clippy::expect_used,
        reason = "only built-in rules are not compiled when they are loaded, and tests compile each; one that silently \
                  does not run would be worse than none"
    )]
    pub(super) fn matcher(&self, sigma: &SigmaRule) -> &Matcher {
        self.matcher.get_or_init(|| self.compiled(sigma).expect("a built-in rule can be compiled"))
    }

    fn compiled(&self, sigma: &SigmaRule) -> Result<Matcher, Vec<CompileError>> {
        match &self.detection {
            Some(detection) => Matcher::of_detection(detection, &sigma.detection),
            None => Matcher::new(&sigma.detection),
        }
    }
}
