//! Why rules cannot be used.

use std::fmt;

use crate::text::visible;

/// One reason why one file or rule cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFault {
    /// The file, as named on the command line or, for built-in rules, in the repository.
    pub file: String,
    /// The rule, when the fault is not the whole file's.
    pub rule: Option<String>,
    /// What is wrong and what to do.
    pub reason: String,
}

impl RuleFault {
    pub(super) fn new(file: &str, rule: Option<&str>, reason: String) -> Self {
        // Parsers draw pictures over several lines; a fault is one line.
        let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
        Self { file: file.to_owned(), rule: rule.map(str::to_owned), reason }
    }
}

impl fmt::Display for RuleFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", visible(&self.file))?;
        if let Some(rule) = &self.rule {
            write!(formatter, "rule `{}`: ", visible(rule))?;
        }
        formatter.write_str(&visible(&self.reason))
    }
}

/// All faults of a rule set. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct RuleFaults(pub Vec<RuleFault>);

impl fmt::Display for RuleFaults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, fault) in self.0.iter().enumerate() {
            if place > 0 {
                formatter.write_str("\n")?;
            }
            fault.fmt(formatter)?;
        }
        Ok(())
    }
}
