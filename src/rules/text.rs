//! The text of findings: templates of messages and remediations, evidence, and explanations.

pub(super) mod evidence;
pub(super) mod explain;
pub(super) mod remediation;
pub(super) mod template;
mod words;
