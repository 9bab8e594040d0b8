//! The labelled details of a finding in reports.

use crate::finding::Finding;

/// Returns the label and texts of each detail that the finding has, with hidden characters escaped.
pub(super) fn details(finding: &Finding) -> Vec<(&'static str, Vec<String>)> {
    let live = finding.live_state();
    let parts = [
        ("Actor", vec![finding.who()]),
        ("Source", vec![finding.from()]),
        ("Call", vec![finding.what()]),
        ("Resource", vec![finding.place()]),
        ("Time", vec![finding.when()]),
        ("Evidence", finding.why().into_iter().map(str::to_owned).collect()),
        ("Live state", vec![live]),
        ("Paths", finding.access_paths()),
        (
            "Suppression",
            finding
                .suppression
                .iter()
                .map(|suppression| crate::text::visible(&suppression.sentence()).into_owned())
                .collect(),
        ),
        ("Remediation", vec![finding.remediation.text()]),
        ("Controls", vec![finding.rule.controls_text()]),
        ("Ids", vec![finding.ids()]),
    ];
    let parts =
        parts.into_iter().map(|(label, texts)| (label, texts.into_iter().filter(|text| !text.is_empty()).collect()));
    parts.filter(|(_, texts): &(_, Vec<String>)| !texts.is_empty()).collect()
}
