//! Public logs and rules, which are not part of the repository: `TRAILWARDEN_PUBLIC_DATA` names their directory.

use std::fs;

use trailwarden::finding::Finding;
use trailwarden::rules::RuleSet;

use crate::support::{Yield, public_data, stream, stream_by_all_rules};

fn real() -> Vec<Finding> {
    real_by(stream)
}

fn real_by(run: fn(&[u8]) -> Yield) -> Vec<Finding> {
    let directory = public_data("cloudtrail");
    let mut paths: Vec<_> =
        fs::read_dir(directory.join("invictus-ir")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.extend([directory.join("stratus-red-team.jsonl"), directory.join("traildiscover.jsonl")]);
    paths.sort();
    let mut findings = Vec::new();
    let mut received = 0;
    for path in paths {
        let result = run(&fs::read(&path).unwrap());
        assert_eq!(result.reasons(), Vec::<String>::new(), "{}", path.display());
        received += result.tally.received;
        findings.extend(result.findings);
    }
    assert_eq!(received, 3_520);
    findings
}

#[test]
#[ignore = "needs public data"]
fn every_real_record_is_read_and_what_is_wrong_is_found() {
    let findings = real();
    let (blocked, others): (Vec<&Finding>, Vec<&Finding>) =
        findings.iter().partition(|finding| finding.rule.name == "blocked-action");
    assert_eq!(blocked.len(), 88);
    let mut told: Vec<String> =
        others.iter().map(|finding| format!("{}: {}", finding.rule.name, finding.message)).collect();
    told.sort_unstable();
    insta::assert_snapshot!(told.join("\n"), @"
    detection-disabled-flow-logs: bert-jan deleted the VPC flow logs fl-064ed3a785e4a37ef.
    detection-disabled-flow-logs: christophe deleted the VPC flow logs fl-0e17aa62a21d4bbfe.
    igw-attached: bert-jan attached the internet gateway igw-0085514f9c3e68f60 to the VPC vpc-04ae35a334cd7ef4f.
    igw-attached: bert-jan attached the internet gateway igw-02a84e4222d62e16b to the VPC vpc-06fe1a64761a0f720.
    igw-attached: bert-jan attached the internet gateway igw-040b2274c4a167722 to the VPC vpc-0fa94f40db415f317.
    igw-attached: bert-jan attached the internet gateway igw-0cb4064bb338cd209 to the VPC vpc-098ff30ff74b36f73.
    imdsv1-allowed-started: bert-jan started i-05c30218156bcc246 so that requests for metadata and credentials are answered without a token (IMDSv1).
    imdsv1-allowed-started: bert-jan started i-0dbc91f429e48eeed so that requests for metadata and credentials are answered without a token (IMDSv1).
    log-group-deleted: bert-jan called DeleteLogGroup on /stratus-red-team/vpc-flow-logs.
    route-to-igw: bert-jan routed 0.0.0.0/0 of route table rtb-01a1e48796093c514 to the internet gateway igw-0085514f9c3e68f60.
    route-to-igw: bert-jan routed 0.0.0.0/0 of route table rtb-06711e8f3a624506d to the internet gateway igw-040b2274c4a167722.
    route-to-igw: bert-jan routed 0.0.0.0/0 of route table rtb-08cbc80e25a39c743 to the internet gateway igw-0cb4064bb338cd209.
    route-to-igw: bert-jan routed 0.0.0.0/0 of route table rtb-0c7c2f4aff3677054 to the internet gateway igw-02a84e4222d62e16b.
    sg-ingress-world-admin: bert-jan opened security group sg-04cfb7a4712d75b00 to the whole internet: tcp port 22 (ssh) from 0.0.0.0/0.
    sg-ingress-world-admin: christophe opened security group sg-003dc7f1f1c686164 to the whole internet: tcp port 22 (ssh) from 208.236.235.254/0.
    sg-ingress-world-web: bert-jan opened security group sg-04cfb7a4712d75b00 to the whole internet: tcp port 443 (https) from 0.0.0.0/0.
    trail-changed: bert-jan called CreateTrail on stratus-red-team-ctes-trail-qyxyekjbtk.
    trail-changed: bert-jan called CreateTrail on stratus-red-team-ctlr-trail-zqfsvooxqj.
    trail-changed: bert-jan called PutEventSelectors on stratus-red-team-ctes-trail-qyxyekjbtk.
    trail-changed: bert-jan called StartLogging on stratus-red-team-ctes-trail-qyxyekjbtk.
    trail-changed: bert-jan called StartLogging on stratus-red-team-ctlr-trail-zqfsvooxqj.
    trail-selectors-weakened: bert-jan changed what the trail stratus-red-team-ctes-trail-qyxyekjbtk records: none of its event selectors takes in all management events.
    trail-selectors-weakened: christophe changed what the trail stratus-red-team-ctes-trail-khlvciwdor records: none of its event selectors takes in all management events.
    trail-stopped: bert-jan stopped the trail stratus-red-team-ctes-trail-qyxyekjbtk with DeleteTrail: it records nothing any more.
    trail-stopped: bert-jan stopped the trail stratus-red-team-ctlr-trail-zqfsvooxqj with DeleteTrail: it records nothing any more.
    trail-stopped: christophe stopped the trail stratus-red-team-cloudtraild-trail-kvrwohmiai with DeleteTrail: it records nothing any more.
    trail-stopped: christophe stopped the trail stratus-red-team-ct-stop-trail-buykxbqejv with StopLogging: it records nothing any more.
    ");
}

#[test]
#[ignore = "needs public data"]
fn no_real_role_is_open_to_strangers_and_those_open_to_other_accounts_are_known() {
    let findings = real_by(stream_by_all_rules);
    let about_trust = findings.iter().filter(|one| one.rule.name.starts_with("role-trust-"));
    let about_trust = about_trust.filter(|one| one.rule.name != "role-trust-service");
    let mut told: Vec<String> = about_trust.map(|one| format!("{}: {}", one.rule.name, one.message)).collect();
    told.sort_unstable();
    insta::assert_snapshot!(told.join("\n"), @"
    role-trust-external: bert-jan let others assume the role stratus-red-team-backdoor-r-role: statement 2 lets in principals of account 193672423079.
    role-trust-external: christophe let others assume the role stratus-red-team-backdoor-r-role: statement 2 lets in principals of account 193672423079.
    role-trust-external: christophe let others assume the role stratus-red-team-malicious-iam-role: statement 1 lets in principals of account 193672423079.
    ");
}

#[test]
#[ignore = "needs public data"]
fn calls_that_failed_or_revoked_are_silent() {
    for finding in real() {
        assert!(!finding.call.operation.starts_with("Revoke"), "{}", finding.message);
    }
}

#[test]
#[ignore = "needs public data"]
fn public_sigma_rules_load_but_for_the_one_with_a_placeholder() {
    let faults = RuleSet::load(&[public_data("sigma")]).unwrap_err();
    let told: Vec<String> = faults.0.iter().map(ToString::to_string).collect();
    assert!(told.iter().all(|one| one.contains("susp_locations") && one.contains("placeholder")), "{told:#?}");
}
