//! Annotations of GitHub Actions, <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>.

use super::Entry;
use crate::finding::Severity;
use crate::text::visible;

/// A workflow command that shows the finding beside the run. Suppressed findings are notices.
pub(super) fn annotation(entry: Entry<'_>) -> String {
    let finding = entry.finding;
    let command = match finding.severity() {
        _ if finding.suppression.is_some() => "notice",
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Informational => "notice",
    };
    let place = finding.terraform_address.as_deref();
    let place = place.or_else(|| finding.primary_resource().map(|resource| resource.id.as_str())).unwrap_or_default();
    let title = format!("{} ({}): {place}", finding.rule.name, finding.severity().caption());
    let message = format!("{} {}", finding.full_message(), finding.remediation.text());
    let file = if entry.is_file { format!("file={},", property(entry.input)) } else { String::new() };
    format!("::{command} {file}title={}::{}\n", property(&title), data(&message))
}

/// The message of a command.
fn data(text: &str) -> String {
    visible(text).replace('%', "%25")
}

/// The value of a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
