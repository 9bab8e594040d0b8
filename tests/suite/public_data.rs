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
    detection-disabled-dns-logs: christophe turned DNS query logs off: DeleteResolverQueryLogConfig of rqlc-4473f20ca554c07.
    detection-disabled-flow-logs: bert-jan deleted the VPC flow logs fl-064ed3a785e4a37ef.
    detection-disabled-flow-logs: christophe deleted the VPC flow logs fl-0e17aa62a21d4bbfe.
    identity-provider-changed: AWSReservedSSO_AdministratorAccess_6c63ce732f255555/TrailDiscover changed the identity provider arn:aws:iam::111111111111:saml-provider/AWSSSO_bafa1a00e8e55555_DO_NOT_DELETE (UpdateSAMLProvider). The owner of its new certificate or audience can assume the roles that trust it.
    igw-attached: bert-jan attached the internet gateway igw-0085514f9c3e68f60 to the VPC vpc-04ae35a334cd7ef4f.
    igw-attached: bert-jan attached the internet gateway igw-02a84e4222d62e16b to the VPC vpc-06fe1a64761a0f720.
    igw-attached: bert-jan attached the internet gateway igw-040b2274c4a167722 to the VPC vpc-0fa94f40db415f317.
    igw-attached: bert-jan attached the internet gateway igw-0cb4064bb338cd209 to the VPC vpc-098ff30ff74b36f73.
    image-shared-external: bert-jan shared the image ami-0aa1d83d0b0985c86 with 012345678901.
    image-shared-external: christophe shared the image ami-de1fbCab6ccB03e6D with 846424999548.
    imdsv1-allowed-started: bert-jan started i-05c30218156bcc246 so that requests for metadata and credentials are answered without a token (IMDSv1).
    imdsv1-allowed-started: bert-jan started i-0dbc91f429e48eeed so that requests for metadata and credentials are answered without a token (IMDSv1).
    instance-connect-key-sent: christophe sent an SSH key to the instance i-6D7Fb8F606130A33d, for the user ec2-user.
    instance-connect-key-sent: christophe sent an SSH key to the instance i-9d2abfF1798C34950, for the user ec2-user.
    instance-connect-key-sent: christophe sent an SSH key to the instance i-fDb357cB7e99ad973, for the user ec2-user.
    instance-user-data-changed: christophe changed the user data of the instance i-DDd6c7B0e18F0E35f.
    log-group-deleted: bert-jan called DeleteLogGroup on /stratus-red-team/vpc-flow-logs.
    role-trust-external: bert-jan allowed others to assume the role stratus-red-team-backdoor-r-role: statement 2 lets in principals of account 193672423079.
    role-trust-external: christophe allowed others to assume the role stratus-red-team-backdoor-r-role: statement 2 lets in principals of account 193672423079.
    role-trust-external: christophe allowed others to assume the role stratus-red-team-malicious-iam-role: statement 1 lets in principals of account 193672423079.
    roles-anywhere-anchor-created-profile: bert-jan allowed holders of certificates to assume roles through IAM Roles Anywhere (CreateProfile of arn:aws:rolesanywhere:us-east-1:123837392027:profile/ac4e09d1-a150-4924-bb76-23b00fa7c34a): arn:aws:iam::123837392027:role/stratus-red-team-trust-anchor-role.
    roles-anywhere-anchor-created-profile: christophe allowed holders of certificates to assume roles through IAM Roles Anywhere (CreateProfile of arn:aws:rolesanywhere:cn-northsouth-3r:791182566784:profile/910042eb-8463-427d-8095-6fd60ac303d9): arn:aws:iam::791182566784:role/stratus-red-team-trust-anchor-role.
    roles-anywhere-anchor-created: bert-jan made IAM Roles Anywhere trust a certificate authority (CreateTrustAnchor of arn:aws:rolesanywhere:us-east-1:123837392027:trust-anchor/49e25ec3-bdfe-4150-8683-b4ea4ee85cfd). Anyone with one of its certificates can get credentials of roles.
    roles-anywhere-anchor-created: christophe made IAM Roles Anywhere trust a certificate authority (CreateTrustAnchor of arn:aws:rolesanywhere:cn-northsouth-3r:791182566784:trust-anchor/4d07f6a0-1c50-44d3-951b-b68b783daa0a). Anyone with one of its certificates can get credentials of roles.
    route-to-igw: bert-jan routed 0.0.0.0/0 of route table rtb-01a1e48796093c514 to the internet gateway igw-0085514f9c3e68f60.
    route-to-igw: bert-jan routed 0.0.0.0/0 of route table rtb-06711e8f3a624506d to the internet gateway igw-040b2274c4a167722.
    route-to-igw: bert-jan routed 0.0.0.0/0 of route table rtb-08cbc80e25a39c743 to the internet gateway igw-0cb4064bb338cd209.
    route-to-igw: bert-jan routed 0.0.0.0/0 of route table rtb-0c7c2f4aff3677054 to the internet gateway igw-02a84e4222d62e16b.
    serial-console-enabled: AWSReservedSSOrandoml3I7nL6f7BmB@gmail.com enabled the EC2 serial console for account 844015365555 in cniso-east-3r.
    serial-console-key-sent: AWSReservedSSOrandoml3I7nL6f7BmB@gmail.com sent an SSH key to the serial console of the instance i-B2ABDCa5b78E0f1dd.
    serial-console-key-sent: AWSReservedSSOrandoml3I7nL6f7BmB@gmail.com sent an SSH key to the serial console of the instance i-D46eD8FCdefED5aAE.
    serial-console-key-sent: AWSReservedSSOrandoml3I7nL6f7BmB@gmail.com sent an SSH key to the serial console of the instance i-EFCb4e480CAbc4CF9.
    sg-ingress-world-admin: bert-jan opened security group sg-04cfb7a4712d75b00 to the whole internet: tcp port 22 (ssh) from 0.0.0.0/0.
    sg-ingress-world-admin: christophe opened security group sg-003dc7f1f1c686164 to the whole internet: tcp port 22 (ssh) from 208.236.235.254/0.
    sg-ingress-world-web: bert-jan opened security group sg-04cfb7a4712d75b00 to the whole internet: tcp port 443 (https) from 0.0.0.0/0.
    snapshot-shared-external: bert-jan shared the snapshot snap-083d3b857c13988bc with other accounts: 012345678912.
    snapshot-shared-external: christophe shared the snapshot snap-041993b54a9b3af6f with other accounts: 098797384747.
    snapshot-used-external: Another account used the shared snapshot snap-0e83092ae538da583 (SharedSnapshotVolumeCreated).
    snapshot-used-external: Another account used the shared snapshot snap-0e83092ae538da583 (SharedSnapshotVolumeCreated).
    trail-changed: bert-jan called CreateTrail on stratus-red-team-ctes-trail-qyxyekjbtk.
    trail-changed: bert-jan called CreateTrail on stratus-red-team-ctlr-trail-zqfsvooxqj.
    trail-changed: bert-jan called PutEventSelectors on stratus-red-team-ctes-trail-qyxyekjbtk.
    trail-changed: bert-jan called StartLogging on stratus-red-team-ctes-trail-qyxyekjbtk.
    trail-changed: bert-jan called StartLogging on stratus-red-team-ctlr-trail-zqfsvooxqj.
    trail-selectors-weakened: bert-jan changed the event selectors of the trail stratus-red-team-ctes-trail-qyxyekjbtk: it does not record management events, or only some of them.
    trail-selectors-weakened: christophe changed the event selectors of the trail stratus-red-team-ctes-trail-khlvciwdor: it does not record management events, or only some of them.
    trail-stopped: bert-jan stopped the trail stratus-red-team-ctes-trail-qyxyekjbtk with DeleteTrail: it no longer records anything.
    trail-stopped: bert-jan stopped the trail stratus-red-team-ctlr-trail-zqfsvooxqj with DeleteTrail: it no longer records anything.
    trail-stopped: christophe stopped the trail stratus-red-team-cloudtraild-trail-kvrwohmiai with DeleteTrail: it no longer records anything.
    trail-stopped: christophe stopped the trail stratus-red-team-ct-stop-trail-buykxbqejv with StopLogging: it no longer records anything.
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
    role-trust-external: bert-jan allowed others to assume the role stratus-red-team-backdoor-r-role: statement 2 lets in principals of account 193672423079.
    role-trust-external: christophe allowed others to assume the role stratus-red-team-backdoor-r-role: statement 2 lets in principals of account 193672423079.
    role-trust-external: christophe allowed others to assume the role stratus-red-team-malicious-iam-role: statement 1 lets in principals of account 193672423079.
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
