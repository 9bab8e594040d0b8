//! The reference of all rules and facts, as Markdown.

use std::fmt::Write as _;

use crate::facts::{Calls, FACTS, Fact};
use crate::rules::sigma::placeholder::PLACEHOLDERS;
use crate::rules::{Rule, RuleSet};

impl RuleSet {
    /// The reference: every rule by pack, every fact, every placeholder.
    pub fn reference(&self) -> String {
        let mut text = String::from(
            "# Rules and facts\n\nWritten by `trailwarden rules reference`; a test fails when it is not up to date. Levels, \
             and what runs, are as they are without a configuration file.\n",
        );
        let mut packs: Vec<Option<&str>> = self.rules().iter().map(|rule| rule.pack()).collect();
        packs.dedup();
        for pack in packs {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n## Pack `{}`\n", pack.unwrap_or("without a name"));
            for rule in self.rules().iter().filter(|rule| rule.pack() == pack) {
                let _ = write!(text, "\n{}", rule.reference());
            }
        }
        text.push_str("\n## Facts\n\nA rule names facts as it names fields of the record.\n\n| fact | calls | meaning |\n|---|---|---|\n");
        for fact in FACTS {
            let doc = fact.doc.replace('|', "\\|");
            let _ = writeln!(text, "| `{}` | {} | {doc} |", fact.name, calls(fact));
        }
        text.push_str(
            "\n## Placeholders\n\nValues of the `%placeholders%` of the built-in rules, under `placeholders:` in the \
             configuration file.\n\n| placeholder | values |\n|---|---|\n",
        );
        for (name, doc) in PLACEHOLDERS {
            let _ = writeln!(text, "| `{name}` | {doc} |");
        }
        text
    }
}

impl Rule {
    /// The rule's section of the reference.
    pub fn reference(&self) -> String {
        let info = self.info();
        let mut text = format!("### `{}`\n\n{}.\n", info.name, info.title);
        let mut paragraph = |words: &str| {
            let _ = write!(text, "\n{words}\n");
        };
        if let Some(description) = &info.description {
            paragraph(description);
        }
        let mut rows = vec![format!("* **Severity:** {}", severity(self))];
        if !self.runs_by_default() {
            rows.push("* **Off** unless enabled.".to_owned());
        }
        rows.push(format!("* **Calls:** {}", self.call_patterns_when_filled()));
        let facts = self.facts();
        if !facts.is_empty() {
            rows.push(format!("* **Facts:** {}", list(facts.iter().map(|fact| format!("`{fact}`")))));
        }
        if !self.placeholders().is_empty() {
            rows.push(format!(
                "* **Placeholders:** {}",
                list(self.placeholders().iter().map(|name| format!("`{name}`")))
            ));
        }
        if let Some(fix) = self.remediation() {
            rows.push(format!("* **Fix:** {}", fix.split_whitespace().collect::<Vec<_>>().join(" ")));
        }
        if !self.false_positives().is_empty() {
            rows.push(format!("* **Can be right:** {}", self.false_positives().join(" ")));
        }
        rows.push(format!("* **Exempt:** a filter with `rules: [{}]` in the file of exemptions.", info.name));
        let mut mappings: Vec<String> =
            info.controls.iter().map(|control| format!("{} {}", control.framework, control.control)).collect();
        let techniques = info.tags.iter().filter_map(|tag| tag.strip_prefix("attack.t"));
        mappings.extend(techniques.map(|technique| format!("ATT&CK T{technique}")));
        if !mappings.is_empty() {
            rows.push(format!("* **Stands for:** {}", mappings.join("; ")));
        }
        paragraph(&rows.join("\n"));
        text
    }
}

fn severity(rule: &Rule) -> String {
    let own = rule.info().severity.caption().to_lowercase();
    match (rule.raised_severity(), rule.lowered_severity()) {
        (Some(raised), _) => format!("{own}, in the worse case {}", raised.caption().to_lowercase()),
        (None, Some(lowered)) => format!("{own}, in the milder case {}", lowered.caption().to_lowercase()),
        (None, None) => own,
    }
}

fn calls(fact: &Fact) -> String {
    match fact.calls {
        Calls::All => "all".to_owned(),
        Calls::AllOf(sources) => list(sources.iter().map(|source| format!("all of {source}"))),
        Calls::These(pairs) => list(pairs.iter().map(|(_, name)| (*name).to_owned())),
    }
}

fn list(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(", ")
}
