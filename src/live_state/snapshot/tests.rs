use std::fs;
use std::path::Path;

use super::*;
use crate::live_state::kind::Resource;
use crate::live_state::query::{AnyQueryKind, QueryKind};
use crate::live_state::resources::block_public_access::BlockPublicAccess;
use crate::live_state::resources::instance::Instance;
use crate::live_state::resources::network_interface::{Association, NetworkInterface};
use crate::live_state::resources::prefix_list::PrefixListEntry;
use crate::live_state::resources::role::Role;
use crate::live_state::resources::route_table::RouteTable;
use crate::live_state::resources::vpc::Vpc;
use pollster::block_on;

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-west-1";

fn scope() -> AccountRegion {
    AccountRegion { account: ACCOUNT.to_owned(), region: REGION.to_owned() }
}

fn query(kind: impl Into<AnyQueryKind>, id: &str) -> Query {
    Query { scope: scope(), kind: kind.into(), id: id.to_owned() }
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

fn read<T: Resource>(snapshot: &Snapshot, kind: &'static QueryKind<T>, id: &str) -> Result<Vec<T>, String> {
    let [resolved] = block_on(snapshot.resolve(vec![query(kind, id)])).try_into().unwrap();
    assert_eq!(resolved.query, query(kind, id));
    let response = resolved.response.map_err(|Unavailable(reason)| reason)?;
    Ok(response.resources().unwrap().to_vec())
}

fn errors(path: &str, text: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &[(path, text)]);
    let errors = Snapshot::open(directory.path()).unwrap_err().to_string();
    errors.replace(&directory.path().display().to_string(), "DIR")
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
    for (kind, id, expected) in [
        (NetworkInterface::BY_ID, "eni-2", &["eni-2"][..]),
        (NetworkInterface::BY_INSTANCE, "i-1", &["eni-1"]),
        (NetworkInterface::BY_GROUP, "sg-2", &["eni-1", "eni-2"]),
        (NetworkInterface::BY_SUBNET, "subnet-2", &["eni-2"]),
        (NetworkInterface::BY_VPC, "vpc-1", &["eni-1", "eni-2"]),
        (NetworkInterface::BY_ADDRESS, "198.51.100.7", &["eni-1"]),
        (NetworkInterface::BY_ADDRESS, "198.51.100.8", &["eni-1"]),
        (NetworkInterface::BY_ADDRESS, "eipalloc-1", &["eni-1"]),
        (NetworkInterface::BY_LOAD_BALANCER, &format!("{load_balancer}/app/front/50dc6c495c0c9188"), &["eni-2"]),
        (NetworkInterface::BY_LOAD_BALANCER, "old", &["eni-3"]),
        (NetworkInterface::BY_LOAD_BALANCER, &format!("{load_balancer}/old"), &["eni-3"]),
        (NetworkInterface::BY_GROUP, "sg-3", &[]),
    ] {
        let found = read(&snapshot, kind, id).unwrap();
        let found: Vec<&str> = found.iter().map(|one| one.network_interface_id.as_str()).collect();
        assert_eq!(found, expected, "{kind:?} {id}");
    }
    let found = read(&snapshot, NetworkInterface::BY_ID, "eni-1").unwrap();
    let NetworkInterface { association, ipv6_addresses, attachment, .. } = &found[0];
    let address = Association { public_ip: "198.51.100.7".into(), allocation_id: Some("eipalloc-1".into()) };
    assert_eq!(association.as_ref(), Some(&address));
    assert_eq!(ipv6_addresses[0].ipv6_address, "2001:db8::1");
    assert_eq!(attachment.as_ref().unwrap().instance_id.as_deref(), Some("i-1"));
}

/// The number of resources, of instances those that run, and of prefix list entries those of the whole internet.
fn count(response: &Response) -> usize {
    let vpcs = response.resources::<Vpc>().map(<[_]>::len);
    let instances = response.resources::<Instance>();
    let running = instances.map(|all| all.iter().filter(|one| one.state.name == "running").count());
    let entries = response.resources::<PrefixListEntry>();
    let world = entries.map(|all| all.iter().filter(|one| one.cidr == "0.0.0.0/0").count());
    let interfaces = response.resources::<NetworkInterface>().map(<[_]>::len);
    vpcs.or(running).or(world).or(interfaces).unwrap()
}

#[test]
fn queries_of_many_kinds_are_resolved_at_once_and_each_once() {
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
    let queries = vec![
        query(Vpc::BY_ID, "vpc-1"),
        query(Vpc::BY_ID, "vpc-2"),
        query(Instance::BY_ID, "i-1"),
        query(PrefixListEntry::BY_LIST, "pl-1"),
        query(PrefixListEntry::BY_LIST, "pl-2"),
        query(NetworkInterface::BY_GROUP, "sg-1"),
    ];
    let resolved = block_on(snapshot.resolve(queries.clone()));
    assert_eq!(resolved.len(), queries.len());
    for query in &queries {
        let one = resolved.iter().find(|one| one.query == *query).unwrap();
        let found = match &one.response {
            Ok(response) => count(response),
            Err(Unavailable(reason)) => {
                assert!(reason.contains("get-managed-prefix-list-entries/pl-2.json"), "{reason}");
                assert!(reason.contains("--prefix-list-id pl-2"), "{reason}");
                99
            }
        };
        assert_eq!(
            found,
            if query.id == "vpc-2" {
                0
            } else if query.id == "pl-2" {
                99
            } else {
                1
            }
        );
        assert_eq!(one.checked_at, Some("2026-03-04T10:00:00Z".parse().unwrap()));
    }
}

#[test]
fn a_missing_file_is_unavailable_and_says_how_to_make_it() {
    let snapshot = opened(&[INTERFACES]);
    assert_eq!(
        read(&snapshot, RouteTable::BY_ID, "rtb-1").unwrap_err(),
        "the snapshot has no file 111122223333/eu-west-1/describe-route-tables.json; in that account, \
         `aws ec2 describe-route-tables --region eu-west-1` prints it"
    );
    assert_eq!(
        read(&snapshot, Role::BY_NAME, "admin").unwrap_err(),
        "the snapshot has no file 111122223333/get-account-authorization-details.json; in that account, \
         `aws iam get-account-authorization-details` prints it"
    );
    let elsewhere = AccountRegion { account: "444455556666".to_owned(), region: "eu west;1".to_owned() };
    let query = Query { scope: elsewhere, kind: Vpc::BY_ID.into(), id: "vpc-1".to_owned() };
    let [resolved] = block_on(snapshot.resolve(vec![query])).try_into().unwrap();
    let Unavailable(reason) = resolved.response.unwrap_err();
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
    let found = read(&snapshot, BlockPublicAccess::OF_REGION, "").unwrap();
    assert_eq!(found[0].internet_gateway_block_mode, "off");
    let reason = read(&opened(&[(options, &blocking)]), BlockPublicAccess::OF_REGION, "").unwrap_err();
    assert!(reason.contains("describe-vpc-block-public-access-exclusions.json"), "{reason}");
    let reason = read(&opened(&[INTERFACES]), BlockPublicAccess::OF_REGION, "").unwrap_err();
    assert!(reason.contains("describe-vpc-block-public-access-options.json"), "{reason}");
    let excluded = r#"{"VpcBlockPublicAccessExclusions": [{"ExclusionId": "vpcbpa-exclude-1", "State": "delete-complete",
        "ResourceArn": "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-1", "InternetGatewayExclusionMode": "allow-egress"}]}"#;
    let snapshot = opened(&[(options, &blocking), (exclusions, excluded)]);
    let found = read(&snapshot, BlockPublicAccess::OF_REGION, "").unwrap();
    assert_eq!(found[0].exclusions[0].state, "delete-complete");
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
    let found = read(&snapshot, Role::BY_NAME, "deploy").unwrap();
    insta::assert_debug_snapshot!(found);
    let found = read(&snapshot, Role::BY_NAME, "other").unwrap();
    assert_eq!(found[0].assume_role_policy_document, r#"{"Statement":[]}"#);
    assert!(found[0].policies_unanswered.as_ref().unwrap().contains("arn:aws:iam::111122223333:policy/lost"));
    assert_eq!(read(&snapshot, Role::BY_NAME, "nobody"), Ok(Vec::new()));
}

#[test]
fn a_file_that_is_not_what_the_aws_cli_prints_is_refused_by_name() {
    let vpcs = "111122223333/eu-west-1/describe-vpcs.json";
    insta::assert_snapshot!(
        [
            errors(vpcs, "[]"),
            errors(vpcs, "{"),
            errors(vpcs, r#"{"Subnets": []}"#),
            errors(vpcs, r#"{"Vpcs": {}}"#),
            errors(vpcs, r#"{"Vpcs": [{"VpcId": "vpc-1"}, {"VpcId": 2}]}"#),
            errors(vpcs, r#"{"Vpcs": [{"vpcId": "vpc-1"}]}"#),
            errors(vpcs, r#"{"Vpcs": [], "NextToken": "eyJ2IjoiMiJ9"}"#),
            errors(
                "111122223333/get-account-authorization-details.json",
                r#"{"RoleDetailList": [], "IsTruncated": true}"#
            ),
            errors("111122223333/eu-west-1/snapshot.json", r#"{"CheckedAt": "yesterday"}"#),
            errors(
                "111122223333/eu-west-1/describe-vpc-block-public-access-options.json",
                r#"{"VpcBlockPublicAccessOptions": {}}"#
            ),
            errors("eu-west-1/describe-vpcs.json", r#"{"Vpcs": []}"#),
        ]
        .join("\n")
    );
}
