//! The matchers of a rule: its condition, and its warning and escalation variants.
//!
//! In: a parsed rule. Out: its matchers. Those of built-in rules are compiled on first use, because compiling takes longer
//! than parsing and most rules never see one of their calls. Those of other rules are compiled at load, to report errors.

use std::sync::OnceLock;

use rsigma_parser::SigmaRule;

use crate::rules::load::attributes::Attributes;
use crate::rules::load::diagnostic::Reason;
use crate::rules::sigma::{CompileError, Matcher};

/// The matchers of a rule.
#[derive(Debug)]
pub(in crate::rules) struct RuleMatchers {
    /// The condition of the rule.
    pub(in crate::rules) condition: LazyMatcher,
    /// The warning variant.
    pub(in crate::rules) warning: Option<LazyMatcher>,
    /// The escalation variant.
    pub(in crate::rules) escalation: Option<LazyMatcher>,
    /// The variant with a lower level.
    pub(in crate::rules) reduction: Option<LazyMatcher>,
}

/// The matcher of a condition or of a single detection, compiled on first use.
#[derive(Debug, Default)]
pub(in crate::rules) struct LazyMatcher {
    /// The detection to compile; `None` for the condition.
    detection: Option<String>,
    matcher: OnceLock<Matcher>,
}

impl RuleMatchers {
    /// The matchers of the condition and of the variants in the attributes.
    pub(in crate::rules) fn new(condition: LazyMatcher, attributes: &Attributes) -> Self {
        let matcher = |when: &String| LazyMatcher { detection: Some(when.clone()), matcher: OnceLock::new() };
        Self {
            condition,
            warning: attributes.warning.as_ref().map(|variant| &variant.when).map(matcher),
            escalation: attributes.escalation.as_ref().map(|variant| &variant.when).map(matcher),
            reduction: attributes.reduction.as_ref().map(|variant| &variant.when).map(matcher),
        }
    }

    /// Compiles the matchers of the variants. Errors are added to `reasons`.
    pub(in crate::rules) fn compile_variants(&self, sigma: &SigmaRule, reasons: &mut Vec<Reason>) {
        let variants = [("undecided", &self.warning), ("raised", &self.escalation), ("lowered", &self.reduction)];
        for (attribute, matcher) in variants {
            let named = matcher.as_ref().and_then(|matcher| Some((matcher, matcher.detection.as_ref()?)));
            let Some((matcher, detection)) = named else {
                continue;
            };
            if !sigma.detection.named.contains_key(detection) {
                let text = format!("its `{attribute}.when` names `{detection}`, which is not one of its detections");
                reasons.push(Reason::error(text).at(attribute));
            } else if let Err(errors) = matcher.compile(sigma) {
                reasons.extend(errors.into_iter().map(|error| Reason::error(error.text)));
            }
        }
    }
}

impl LazyMatcher {
    /// Compiles the matcher.
    ///
    /// # Errors
    /// Returns every error in the condition or detection.
    pub(in crate::rules) fn compile(&self, sigma: &SigmaRule) -> Result<&Matcher, Vec<CompileError>> {
        let compiled = self.compiled(sigma)?;
        Ok(self.matcher.get_or_init(|| compiled))
    }

    /// Returns the matcher, compiled on first use.
    #[expect(
        clippy::expect_used,
        reason = "only built-in rules are compiled after load, and tests compile each; a rule that silently does not run \
                  would be worse than a panic"
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
