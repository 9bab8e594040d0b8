//! The text of findings: templates of sentences and commands, evidence, and explanations.

pub(super) mod evidence;
pub(super) mod explain;
pub(super) mod remediation;
pub(super) mod template;
mod words;
