use std::fs;
use std::path::Path;

use super::*;
use crate::live_state::describe::{Association, NetworkInterface};
use pollster::block_on;

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-west-1";

fn place() -> Place {
    Place { account: ACCOUNT.to_owned(), region: REGION.to_owned() }
}

fn question(topic: Topic, id: &str) -> Question {
    Question { place: place(), topic, id: id.to_owned() }
}

fn write(directory: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn opened(files: &[(&str, &str)]) -> Snapshot {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), files);
    Snapshot::open(directory.path()).unwrap()
}

fn ask(snapshot: &Snapshot, topic: Topic, id: &str) -> Result<Answer, String> {
    let [answered] = block_on(snapshot.answer(vec![question(topic, id)])).try_into().unwrap();
    assert_eq!(answered.question, question(topic, id));
    answered.answer.map_err(|Unanswered(reason)| reason)
}

fn faults(path: &str, text: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &[(path, text)]);
    let faults = Snapshot::open(directory.path()).unwrap_err().to_string();
    faults.replace(&directory.path().display().to_string(), "DIR")
}

const INTERFACES: (&str, &str) = (
    "111122223333/eu-west-1/describe-network-interfaces.json",
    r#"{"NetworkInterfaces": [
      {"NetworkInterfaceId": "eni-1", "VpcId": "vpc-1", "SubnetId": "subnet-1", "Status": "in-use", "Description": "",
       "InterfaceType": "interface", "Groups": [{"GroupName": "web", "GroupId": "sg-1"}, {"GroupId": "sg-2"}],
       "Association": {"PublicIp": "198.51.100.7", "AllocationId": "eipalloc-1", "IpOwnerId": "111122223333"},
       "PrivateIpAddresses": [{"Primary": true, "Association": {"PublicIp": "198.51.100.7", "AllocationId": "eipalloc-1"}},
                              {"Primary": false, "Association": {"PublicIp": "198.51.100.8"}}],
       "Ipv6Addresses": [{"Ipv6Address": "2001:db8::1"}],
       "Attachment": {"InstanceId": "i-1", "DeviceIndex": 0}},
      {"NetworkInterfaceId": "eni-2", "VpcId": "vpc-1", "SubnetId": "subnet-2", "Status": "in-use",
       "Description": "ELB app/front/50dc6c495c0c9188", "Groups": [{"GroupId": "sg-2"}]},
      {"NetworkInterfaceId": "eni-3", "VpcId": "vpc-2", "Description": "ELB old", "Groups": []}
    ]}"#,
);

#[test]
fn interfaces_are_found_by_all_that_leads_to_them() {
    let snapshot = opened(&[INTERFACES]);
    let load_balancer = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer";
    for (topic, id, expected) in [
        (Topic::Interface, "eni-2", &["eni-2"][..]),
        (Topic::InterfacesOfInstance, "i-1", &["eni-1"]),
        (Topic::InterfacesOfGroup, "sg-2", &["eni-1", "eni-2"]),
        (Topic::InterfacesOfSubnet, "subnet-2", &["eni-2"]),
        (Topic::InterfacesOfVpc, "vpc-1", &["eni-1", "eni-2"]),
        (Topic::InterfacesOfAddress, "198.51.100.7", &["eni-1"]),
        (Topic::InterfacesOfAddress, "198.51.100.8", &["eni-1"]),
        (Topic::InterfacesOfAddress, "eipalloc-1", &["eni-1"]),
        (Topic::InterfacesOfLoadBalancer, &format!("{load_balancer}/app/front/50dc6c495c0c9188"), &["eni-2"]),
        (Topic::InterfacesOfLoadBalancer, "old", &["eni-3"]),
        (Topic::InterfacesOfLoadBalancer, &format!("{load_balancer}/old"), &["eni-3"]),
        (Topic::InterfacesOfGroup, "sg-3", &[]),
    ] {
        let Ok(Answer::Interfaces(found)) = ask(&snapshot, topic, id) else { panic!("{topic:?}") };
        let found: Vec<&str> = found.iter().map(|one| one.network_interface_id.as_str()).collect();
        assert_eq!(found, expected, "{topic:?} {id}");
    }
    let Ok(Answer::Interfaces(found)) = ask(&snapshot, Topic::Interface, "eni-1") else { panic!() };
    let NetworkInterface { association, ipv6_addresses, attachment, .. } = &found[0];
    let address = Association { public_ip: "198.51.100.7".into(), allocation_id: Some("eipalloc-1".into()) };
    assert_eq!(association.as_ref(), Some(&address));
    assert_eq!(ipv6_addresses[0].ipv6_address, "2001:db8::1");
    assert_eq!(attachment.as_ref().unwrap().instance_id.as_deref(), Some("i-1"));
}

#[test]
fn questions_of_many_kinds_are_answered_at_once_and_each_once() {
    let snapshot = opened(&[
        INTERFACES,
        ("111122223333/eu-west-1/describe-vpcs.json", r#"{"Vpcs": [{"VpcId": "vpc-1", "IsDefault": true}]}"#),
        (
            "111122223333/eu-west-1/describe-instances.json",
            r#"{"Reservations": [{"Instances": [{"InstanceId": "i-1", "State": {"Code": 16, "Name": "running"}}]},
                                 {"Instances": []}]}"#,
        ),
        (
            "111122223333/eu-west-1/get-managed-prefix-list-entries/pl-1.json",
            r#"{"Entries": [{"Cidr": "0.0.0.0/0", "Description": "all"}]}"#,
        ),
        ("111122223333/eu-west-1/snapshot.json", r#"{"CheckedAt": "2026-03-04T10:00:00Z"}"#),
    ]);
    let questions = vec![
        question(Topic::Vpc, "vpc-1"),
        question(Topic::Vpc, "vpc-2"),
        question(Topic::Instance, "i-1"),
        question(Topic::PrefixList, "pl-1"),
        question(Topic::PrefixList, "pl-2"),
        question(Topic::InterfacesOfGroup, "sg-1"),
    ];
    let answered = block_on(snapshot.answer(questions.clone()));
    assert_eq!(answered.len(), questions.len());
    for question in &questions {
        let one = answered.iter().find(|one| one.question == *question).unwrap();
        let found = match &one.answer {
            Ok(Answer::Vpcs(found)) => found.len(),
            Ok(Answer::Instances(found)) => found.iter().filter(|one| one.state.name == "running").count(),
            Ok(Answer::PrefixList(found)) => found.iter().filter(|one| one.cidr == "0.0.0.0/0").count(),
            Ok(Answer::Interfaces(found)) => found.len(),
            Ok(other) => panic!("{other:?}"),
            Err(Unanswered(reason)) => {
                assert!(reason.contains("get-managed-prefix-list-entries/pl-2.json"), "{reason}");
                assert!(reason.contains("--prefix-list-id pl-2"), "{reason}");
                99
            }
        };
        assert_eq!(
            found,
            if question.id == "vpc-2" {
                0
            } else if question.id == "pl-2" {
                99
            } else {
                1
            }
        );
        assert_eq!(one.at, Some("2026-03-04T10:00:00Z".parse().unwrap()));
    }
}

#[test]
fn a_missing_file_is_unanswered_and_says_how_to_make_it() {
    let snapshot = opened(&[INTERFACES]);
    assert_eq!(
        ask(&snapshot, Topic::RouteTable, "rtb-1").unwrap_err(),
        "the snapshot has no file 111122223333/eu-west-1/describe-route-tables.json; in that account, \
         `aws ec2 describe-route-tables --region eu-west-1` prints it"
    );
    assert_eq!(
        ask(&snapshot, Topic::Role, "admin").unwrap_err(),
        "the snapshot has no file 111122223333/get-account-authorization-details.json; in that account, \
         `aws iam get-account-authorization-details` prints it"
    );
    let elsewhere = Place { account: "444455556666".to_owned(), region: "eu west;1".to_owned() };
    let asked = Question { place: elsewhere, topic: Topic::Vpc, id: "vpc-1".to_owned() };
    let [answered] = block_on(snapshot.answer(vec![asked])).try_into().unwrap();
    let Unanswered(reason) = answered.answer.unwrap_err();
    assert!(reason.contains("--region 'eu west;1'"), "{reason}");
}

#[test]
fn block_public_access_needs_its_exclusions_unless_it_is_off() {
    let options = "111122223333/eu-west-1/describe-vpc-block-public-access-options.json";
    let exclusions = "111122223333/eu-west-1/describe-vpc-block-public-access-exclusions.json";
    let mode = |mode: &str| {
        format!(
            r#"{{"VpcBlockPublicAccessOptions": {{"State": "update-complete", "InternetGatewayBlockMode": "{mode}"}}}}"#
        )
    };
    let (off, blocking) = (mode("off"), mode("block-ingress"));
    let snapshot = opened(&[(options, &off)]);
    let Ok(Answer::BlockPublicAccess(found)) = ask(&snapshot, Topic::BlockPublicAccess, "") else { panic!() };
    assert_eq!(found.internet_gateway_block_mode, "off");
    let reason = ask(&opened(&[(options, &blocking)]), Topic::BlockPublicAccess, "").unwrap_err();
    assert!(reason.contains("describe-vpc-block-public-access-exclusions.json"), "{reason}");
    let reason = ask(&opened(&[INTERFACES]), Topic::BlockPublicAccess, "").unwrap_err();
    assert!(reason.contains("describe-vpc-block-public-access-options.json"), "{reason}");
    let excluded = r#"{"VpcBlockPublicAccessExclusions": [{"ExclusionId": "vpcbpa-exclude-1", "State": "delete-complete",
        "ResourceArn": "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-1", "InternetGatewayExclusionMode": "allow-egress"}]}"#;
    let snapshot = opened(&[(options, &blocking), (exclusions, excluded)]);
    let Ok(Answer::BlockPublicAccess(found)) = ask(&snapshot, Topic::BlockPublicAccess, "") else { panic!() };
    assert_eq!(found.exclusions[0].state, "delete-complete");
}

#[test]
fn roles_have_their_documents_whichever_way_they_are_written() {
    let snapshot = opened(&[(
        "111122223333/get-account-authorization-details.json",
        r#"{"UserDetailList": [], "GroupDetailList": [],
        "RoleDetailList": [{"RoleName": "deploy", "Arn": "arn:aws:iam::111122223333:role/deploy",
          "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []},
          "RolePolicyList": [{"PolicyName": "inline", "PolicyDocument": "%7B%22Statement%22%3A%5B%5D%7D"}],
          "AttachedManagedPolicies": [
            {"PolicyName": "AdministratorAccess", "PolicyArn": "arn:aws-cn:iam::aws:policy/AdministratorAccess"},
            {"PolicyName": "own", "PolicyArn": "arn:aws:iam::111122223333:policy/own"}]},
         {"RoleName": "other", "Arn": "arn:aws:iam::111122223333:role/other",
          "AssumeRolePolicyDocument": "%7B%22Statement%22%3A%5B%5D%7D", "RolePolicyList": [],
          "AttachedManagedPolicies": [{"PolicyName": "lost", "PolicyArn": "arn:aws:iam::111122223333:policy/lost"}]}],
        "Policies": [{"PolicyName": "own", "Arn": "arn:aws:iam::111122223333:policy/own", "DefaultVersionId": "v2",
          "PolicyVersionList": [{"VersionId": "v2", "IsDefaultVersion": true, "Document": {"Statement": [{"Action": "*"}]}},
                                {"VersionId": "v1", "IsDefaultVersion": false, "Document": {}}]}]}"#,
    )]);
    let Ok(Answer::Roles(found)) = ask(&snapshot, Topic::Role, "deploy") else { panic!() };
    insta::assert_debug_snapshot!(found);
    let Ok(Answer::Roles(found)) = ask(&snapshot, Topic::Role, "other") else { panic!() };
    assert_eq!(found[0].assume_role_policy_document, r#"{"Statement":[]}"#);
    assert!(found[0].policies_unanswered.as_ref().unwrap().contains("arn:aws:iam::111122223333:policy/lost"));
    assert_eq!(ask(&snapshot, Topic::Role, "nobody"), Ok(Answer::Roles(Vec::new())));
}

#[test]
fn a_file_that_is_not_what_the_aws_cli_prints_is_refused_by_name() {
    let vpcs = "111122223333/eu-west-1/describe-vpcs.json";
    insta::assert_snapshot!(
        [
            faults(vpcs, "[]"),
            faults(vpcs, "{"),
            faults(vpcs, r#"{"Subnets": []}"#),
            faults(vpcs, r#"{"Vpcs": {}}"#),
            faults(vpcs, r#"{"Vpcs": [{"VpcId": "vpc-1"}, {"VpcId": 2}]}"#),
            faults(vpcs, r#"{"Vpcs": [{"vpcId": "vpc-1"}]}"#),
            faults(vpcs, r#"{"Vpcs": [], "NextToken": "eyJ2IjoiMiJ9"}"#),
            faults(
                "111122223333/get-account-authorization-details.json",
                r#"{"RoleDetailList": [], "IsTruncated": true}"#
            ),
            faults("111122223333/eu-west-1/snapshot.json", r#"{"CheckedAt": "yesterday"}"#),
            faults(
                "111122223333/eu-west-1/describe-vpc-block-public-access-options.json",
                r#"{"VpcBlockPublicAccessOptions": {}}"#
            ),
            faults("eu-west-1/describe-vpcs.json", r#"{"Vpcs": []}"#),
        ]
        .join("\n")
    );
}
