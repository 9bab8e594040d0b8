//! Conditions and Deny statements.

use serde_json::{Value, json};

use super::*;

#[test]
fn conditions_on_everybody() {
    use Verdict::{Constrained, External, Public, Undecidable, Weak};
    let mut wrong = Vec::new();
    for (condition, verdict) in [
        // Who.
        (json!({"StringEquals": {"aws:PrincipalOrgID": "o-abc123def4"}}), Constrained),
        (json!({"StringEquals": {"aws:PrincipalOrgID": ["o-abc123def4", "o-def456abc1"]}}), Constrained),
        (json!({"StringLike": {"aws:PrincipalOrgID": ["o-abc123def4", "o-*"]}}), Public),
        (json!({"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-abc123def4"}}), Public),
        (json!({"StringEqualsIfExists": {"aws:PrincipalAccount": "444455556666"}}), External),
        (json!({"StringNotEquals": {"aws:PrincipalAccount": "444455556666"}}), Public),
        (json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-abc123def4/r-ab12/*"}}), Constrained),
        (json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "*/r-ab12/*"}}), Public),
        (json!({"ForAllValues:StringLike": {"aws:PrincipalOrgPaths": "o-abc123def4/*"}}), Public),
        (json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::444455556666:role/*"}}), External),
        (json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/Admin"}}), Public),
        (json!({"StringLike": {"aws:PrincipalArn": "arn:aws:iam::444455556666:*"}}), External),
        (json!({"StringLike": {"aws:PrincipalArn": "*:role/Admin"}}), Public),
        (json!({"StringLike": {"aws:PrincipalArn": "*Admin"}}), Public),
        (json!({"StringLike": {"aws:PrincipalAccount": "44445555*"}}), Public),
        (json!({"StringLike": {"aws:PrincipalAccount": "*", "sts:ExternalId": "${aws:PrincipalAccount}"}}), Public),
        (json!({"StringLike": {"aws:userid": "AROAEXAMPLEEXAMPLEXX:*"}}), Constrained),
        (json!({"StringLike": {"aws:userid": "*:session"}}), Public),
        (json!({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::my-bucket"}}), Constrained),
        (json!({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}}), Public),
        (json!({"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:444455556666:*"}}), External),
        (json!({"StringEquals": {"aws:SourceVpc": "vpc-0123456789abcdef0"}}), Constrained),
        (json!({"StringLike": {"aws:SourceVpc": "vpc-*"}}), Public),
        (json!({"StringEquals": {"aws:PrincipalOrgID": "${aws:ResourceOrgID}"}}), Constrained),
        (json!({"StringEquals": {"aws:PrincipalAccount": "${aws:ResourceAccount}"}}), Constrained),
        (json!({"StringEquals": {"aws:PrincipalAccount": "${aws:PrincipalAccount}"}}), Public),
        (json!({"Null": {"aws:PrincipalOrgID": "false"}}), Public),
        (json!({"Null": {"aws:PrincipalOrgID": "true"}}), Public),
        // Values that anybody can send, and addresses that anybody can use.
        (json!({"StringEquals": {"sts:ExternalId": "x1y2z3"}}), Weak),
        (json!({"StringLike": {"sts:ExternalId": "vendor-*"}}), Weak),
        (json!({"StringLike": {"sts:ExternalId": "?*"}}), Public),
        (json!({"StringNotEquals": {"sts:ExternalId": "x1y2z3"}}), Public),
        (json!({"StringEqualsIfExists": {"sts:ExternalId": "x1y2z3"}}), Public),
        (json!({"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}), Public),
        (json!({"StringEquals": {"sts:RoleSessionName": "deploy"}}), Weak),
        (json!({"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "198.51.100.0/24"]}}), Weak),
        (json!({"IpAddress": {"aws:SourceIp": "128.0.0.0/1"}}), Weak),
        (json!({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}), Public),
        (json!({"IpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}}), Public),
        (json!({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}), Public),
        (json!({"Bool": {"aws:MultiFactorAuthPresent": true}}), Weak),
        (json!({"BoolIfExists": {"aws:MultiFactorAuthPresent": true}}), Public),
        (json!({"Bool": {"aws:MultiFactorAuthPresent": "false"}}), Public),
        (json!({"NumericLessThan": {"aws:MultiFactorAuthAge": 300}}), Weak),
        (json!({"StringLike": {"aws:UserAgent": "*terraform*"}}), Weak),
        (json!({"StringEquals": {"aws:PrincipalTag/team": "${aws:ResourceTag/team}"}}), Weak),
        (json!({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}), Public),
        // Properties of all callers, or of no specific caller.
        (json!({"Bool": {"aws:SecureTransport": "true"}}), Public),
        (json!({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}), Public),
        (json!({"StringEquals": {"aws:PrincipalType": ["User", "AssumedRole"]}}), Public),
        (json!({"StringEquals": {"aws:ResourceAccount": OWN}}), Public),
        (json!({"NumericEquals": {"aws:PrincipalAccount": 444455556666_u64}}), External),
        (json!({"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}), Constrained),
        (json!({"StringEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}}), Constrained),
        (json!({"StringEquals": {"aws:ResourceOrgID": "o-abc123def4"}}), Public),
        (json!({"StringLike": {"aws:PrincipalOrgID": "o-${*}"}}), Constrained),
        // Values that callers choose or have restrict nobody.
        (json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::${aws:PrincipalAccount}:role/*"}}), Public),
        (json!({"StringEquals": {"aws:PrincipalOrgID": "${aws:PrincipalTag/org}"}}), Weak),
        (json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::444455556666:role/${aws:username}"}}), External),
        (json!({"StringEquals": {"aws:PrincipalAccount": "${sts:ExternalId}"}}), Weak),
        (json!({"StringEquals": {"aws:PrincipalAccount": "${aws:PrincipalAccount, '444455556666'}"}}), Public),
        (json!({"StringEquals": {"aws:VpceAccount": "${aws:PrincipalAccount}"}}), Public),
        (json!({"StringEquals": {"aws:VpceOrgID": "${aws:PrincipalOrgID}"}}), Public),
        (json!({"StringEquals": {"aws:ResourceTag/t": "${aws:PrincipalTag/t}"}}), Weak),
        (json!({"StringEquals": {"sts:ExternalId": "${aws:userid}"}}), Public),
        (json!({"StringEquals": {"sts:ExternalId": "${aws:PrincipalTag/x, 'y'}"}}), Weak),
        (json!({"StringEquals": {"aws:FederatedProvider": "cognito-identity.amazonaws.com"}}), Public),
        (json!({"StringEquals": {"aws:SourceIp": "203.0.113.5"}}), Weak),
        (json!({"StringLike": {"aws:SourceIp": "203.0.113.*"}}), Weak),
        (
            json!({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}, "NotIpAddress": {"aws:SourceIp": "203.0.113.0/25"}}),
            Weak,
        ),
        (json!({"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}), Weak),
        (json!({"StringEquals": {"sts:ExternalId": "anything"}}), Weak),
        (json!({"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}}), Public),
        (json!({"StringNotEquals": {"sts:RoleSessionName": "evil"}}), Public),
        (json!({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::999999999999:*"}}), Public),
        (json!({"ArnLike": {"aws:PrincipalArn": "*"}}), Public),
        (json!({"ArnLike": {"aws:PrincipalArn": "arn:*"}}), Public),
        (json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*"}}), Public),
        // Unknown keys and operators.
        (json!({"NullIfExists": {"aws:PrincipalOrgID": "false"}}), Undecidable),
        (json!({"StringEquals": {"aws:SomethingNew": "x"}}), Undecidable),
        (json!({"StringNotEquals": {"aws:SomethingNew": "x"}}), Public),
        (json!({"StringSoundsLike": {"aws:PrincipalOrgID": "o-abc123def4"}}), Undecidable),
        // The strongest of several counts.
        (json!({"StringEquals": {"sts:ExternalId": "x", "aws:SomethingNew": "y"}}), Undecidable),
        (json!({"StringEquals": {"aws:SourceVpce": "vpce-1", "aws:SomethingNew": "y"}}), Constrained),
        (json!({"StringLike": {"aws:PrincipalArn": "*"}, "StringNotLike": {"aws:PrincipalArn": "*:user/*"}}), Public),
    ] {
        let found = verdict_under(&condition);
        if found != verdict {
            wrong.push(format!("{condition} is {found:?}, not {verdict:?}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn denies_beside_everybody() {
    use Verdict::{Constrained, External, Public, Scoped, Undecidable, Weak};
    let mut wrong = Vec::new();
    let org = json!({"aws:PrincipalOrgID": "o-abc123def4"});
    let deny = |principal: Value, action: &str, condition: Value| json!({"Effect": "Deny", "Principal": principal, "Action": action, "Condition": condition});
    for (denies, verdict) in [
        (vec![deny(json!("*"), "sts:AssumeRole", json!({"StringNotEquals": org}))], Constrained),
        (vec![deny(json!({"AWS": "*"}), "sts:*", json!({"StringNotEqualsIfExists": org}))], Constrained),
        (vec![deny(json!("*"), "*", json!({"ForAnyValue:StringNotLike": {"aws:PrincipalOrgPaths": "o-a/*"}}))], Public),
        (vec![deny(json!("*"), "sts:TagSession", json!({"StringNotEquals": org}))], Public),
        (vec![deny(json!("*"), "sts:AssumeRole", json!({"StringEquals": org}))], Public),
        (vec![deny(json!("*"), "sts:*", json!({"StringNotEquals": {"sts:ExternalId": "x"}}))], Weak),
        (vec![deny(json!("*"), "sts:*", json!({"Bool": {"aws:SecureTransport": false}}))], Public),
        (vec![deny(json!("*"), "sts:*", json!({"StringNotEquals": {"aws:MultiFactorAuthPresent": "true"}}))], Weak),
        (vec![deny(json!("*"), "sts:*", json!({"StringLike": {"aws:PrincipalAccount": ["9*", "8*", "7*"]}}))], Public),
        // A denial needs both, so missing one of them suffices for access.
        (
            vec![deny(
                json!("*"),
                "sts:*",
                json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-a", "aws:PrincipalAccount": "444455556666"}}),
            )],
            External,
        ),
        (
            vec![deny(
                json!("*"),
                "sts:*",
                json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-a", "aws:RequestedRegion": "eu-west-1"}}),
            )],
            Public,
        ),
        (
            vec![
                deny(json!("*"), "sts:*", json!({"StringNotEquals": {"sts:ExternalId": "x"}})),
                deny(json!("*"), "sts:*", json!({"StringNotEquals": org})),
            ],
            Constrained,
        ),
        (vec![json!({"Effect": "Deny", "Principal": "*", "Action": "sts:*"})], Constrained),
        (vec![json!({"Effect": "Deny", "NotPrincipal": {"AWS": OWN}, "Action": "sts:*"})], Constrained),
        (vec![deny(json!("*"), "sts:*", json!({"StringSoundsLike": org}))], Undecidable),
        (vec![deny(json!({"AWS": "444455556666"}), "sts:*", json!({}))], Public),
        (vec![deny(json!({"AWS": "999999999999"}), "sts:*", json!({}))], Public),
        (vec![deny(json!({"AWS": "arn:aws:iam::*:root"}), "sts:*", json!({}))], Public),
        (vec![deny(json!("*"), "sts:TagSession", json!({"StringSoundsLike": org}))], Public),
        (
            vec![deny(json!("*"), "sts:*", json!({"StringNotEquals": {"aws:PrincipalOrgID": "${aws:ResourceOrgID}"}}))],
            Constrained,
        ),
        (
            vec![deny(json!("*"), "sts:*", json!({"NumericNotEquals": {"aws:PrincipalAccount": 444455556666_u64}}))],
            External,
        ),
        // A data perimeter: callers that are not services must belong to the organization.
        (
            vec![deny(
                json!("*"),
                "sts:*",
                json!({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-a"},
                       "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}),
            )],
            Constrained,
        ),
    ] {
        let statements = [vec![allow(&json!("*"), &json!({}))], denies.clone()].concat();
        let found = assessed(&policy(&statements)).verdict;
        if found != verdict {
            wrong.push(format!("{} is {found:?}, not {verdict:?}", json!(denies)));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(assessed(&policy(&[])).verdict, Scoped);
}

#[test]
fn an_account_that_a_deny_statement_names_does_not_get_in_by_a_condition() {
    let allow = json!({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole",
                       "Condition": {"StringEquals": {"aws:PrincipalAccount": ["111122223333", "444455556666"]}}});
    for (denied, verdict) in [
        ("444455556666", Verdict::Constrained),
        ("arn:aws:iam::444455556666:root", Verdict::Constrained),
        ("arn:aws:iam::444455556666:role/x", Verdict::External),
        ("777788889999", Verdict::External),
    ] {
        let deny = json!({"Effect": "Deny", "Principal": {"AWS": denied}, "Action": "sts:*"});
        assert_eq!(assessed(&policy(&[allow.clone(), deny])).verdict, verdict, "{denied}");
    }
}
