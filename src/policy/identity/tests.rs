use super::*;

const ROLE: &str = "arn:aws:iam::111122223333:role/ci-deploy";

/// The permissions that make a role with these inline policies an administrator.
fn permissions(documents: &[&str], boundary: Option<&str>) -> Vec<String> {
    permissions_of(ROLE, documents, boundary)
}

fn permissions_of(role: &str, documents: &[&str], boundary: Option<&str>) -> Vec<String> {
    let policies =
        documents.iter().map(|text| RolePolicy { name: "inline", arn: None, document: Some(text) }).collect();
    let boundary = boundary.map(|text| RolePolicy { name: "boundary", arn: None, document: Some(text) });
    let role = RolePolicies { arn: role, policies, boundary };
    role.administrator().unwrap().map(|administrator| administrator.permissions).unwrap_or_default()
}

fn is_one(document: &str) -> bool {
    !permissions(&[document], None).is_empty()
}

fn statement(effect: &str, action: &str, resource: &str, condition: &str) -> String {
    format!(r#"{{"Effect": "{effect}", "Action": {action}, "Resource": {resource}, "Condition": {condition}}}"#)
}

fn policy(statements: &[String]) -> String {
    format!(r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#, statements.join(", "))
}

fn allow(action: &str, resource: &str) -> String {
    policy(&[statement("Allow", action, resource, "{}")])
}

#[test]
fn only_administrators_are_recognized() {
    for arn in [
        "arn:aws:iam::aws:policy/AdministratorAccess",
        "arn:aws-cn:iam::aws:policy/AdministratorAccess",
        "arn:aws-us-gov:iam::aws:policy/IAMFullAccess",
    ] {
        assert!(is_administrator(arn), "{arn}");
    }
    for arn in [
        "arn:aws:iam::111122223333:policy/AdministratorAccess",
        "arn:aws:iam::aws:policy/AdministratorAccess-Amplify",
        "arn:aws:iam::aws:policy/ReadOnlyAccess",
        "AdministratorAccess",
        "",
    ] {
        assert!(!is_administrator(arn), "{arn}");
    }
    for text in [
        allow(r#""*""#, r#""*""#),
        allow(r#"["s3:*", "*"]"#, r#"["*"]"#),
        allow(r#""IAM:*""#, r#""*""#),
        allow(r#""*:*""#, r#"["arn:aws:s3:::x", "*"]"#),
        allow(r#""**""#, r#""**""#),
        allow(r#""*""#, r#""arn:aws:*""#),
        allow(r#""iam:*""#, r#""arn:aws:iam::111122223333:*""#),
        allow(r#"["iam:Put*", "iam:Get*"]"#, r#""*""#),
        allow(r#""iam:AttachRolePolicy""#, r#""arn:aws:iam::*:role/*""#),
        r#"{"Statement": [{"Effect": "Allow", "NotAction": ["aws-portal:*"], "Resource": "*"}]}"#.to_owned(),
        r#"{"Statement": [{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::x"}]}"#.to_owned(),
        r#"{"statement": {"effect": "Allow", "action": "*", "resource": "*"}}"#.to_owned(),
        "%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22%2A%22%2C%22Resource%22%3A%22%2A%22%7D%7D"
            .to_owned(),
    ] {
        assert!(is_one(&text), "{text}");
    }
    for text in [
        allow(r#""s3:*""#, r#""*""#),
        allow(r#""*""#, r#""arn:aws:s3:::x/*""#),
        allow(r#"["iam:Get*", "iam:List*", "sts:GetCallerIdentity"]"#, r#""*""#),
        allow(r#""iam:*""#, r#""arn:aws:iam::111122223333:role/app-*""#),
        allow(r#""iam:*""#, r#""arn:aws:iam::444455556666:*""#),
        allow(r#""iam:PassRole""#, r#""*""#),
        r#"{"Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}"#.to_owned(),
        r#"{"Statement": [{"Effect": "allow", "Action": "*", "Resource": "*"}]}"#.to_owned(),
        r#"{"Statement": [{"Effect": "Allow", "Action": "*"}]}"#.to_owned(),
        "not json".to_owned(),
        String::new(),
    ] {
        assert!(!is_one(&text), "{text}");
    }
}

#[test]
fn each_set_of_permissions_is_enough_and_no_part_of_it() {
    for escalation in ESCALATIONS {
        let mut needed: Vec<String> = escalation.required.iter().map(|group| format!("\"{}\"", group[0])).collect();
        needed.extend(escalation.passed_to.map(|_| "\"iam:PassRole\"".to_owned()));
        for wild in [r#""*""#, r#""arn:aws:*""#] {
            let text = allow(&format!("[{}]", needed.join(", ")), wild);
            assert!(is_one(&text), "{text}");
        }
        // In as many policies as there are permissions.
        let apart: Vec<String> = needed.iter().map(|action| allow(action, r#""*""#)).collect();
        let apart: Vec<&str> = apart.iter().map(String::as_str).collect();
        assert!(!permissions(&apart, None).is_empty(), "{apart:?}");
        assert!(!permissions_of(ROLE, &apart, Some(&allow(r#""*""#, r#""*""#))).is_empty());
        let deny = policy(&[statement("Deny", &needed[0], r#""*""#, "{}")]);
        let denied: Vec<&str> = apart.iter().copied().chain([deny.as_str()]).collect();
        assert!(!names(&denied).contains(&escalation.required[0][0].to_owned()), "{denied:?}");
        let without = allow(&format!("[\"s3:*\", {}]", needed[0]), r#""arn:aws:s3:::x""#);
        assert!(permissions_of(ROLE, &apart, Some(&without)).is_empty(), "{without}");
        for role in ["arn:aws-cn:iam::111122223333:role/x", "arn:aws-us-gov:iam::111122223333:role/x"] {
            assert!(!permissions_of(role, &apart, None).is_empty(), "{apart:?}");
        }
    }
}

/// Escalations by a single permission.
fn names(documents: &[&str]) -> Vec<String> {
    permissions(documents, None)
}

#[test]
fn the_permissions_are_named() {
    let text = allow(r#"["lambda:*", "iam:PassRole"]"#, r#""*""#);
    insta::assert_snapshot!(permissions(&[&text], None).join("; "), @"iam:PassRole with lambda:CreateFunction and lambda:InvokeFunction; lambda:UpdateFunctionCode; lambda:UpdateFunctionConfiguration");
    let text = allow(r#""iam:*""#, r#""*""#);
    insta::assert_snapshot!(permissions(&[&text], None).join("; "), @"iam:AttachRolePolicy; iam:AttachUserPolicy; iam:AttachGroupPolicy; iam:PutRolePolicy; iam:PutUserPolicy; 8 more");
    let text = allow(r#""*""#, r#""*""#);
    insta::assert_snapshot!(permissions(&[&text], None).join("; "), @"everything");
    // The permissions of an administrator of everything but IAM.
    let power = r#"{"Statement": [{"Effect": "Allow", "NotAction": ["iam:*", "organizations:*"], "Resource": "*"}]}"#;
    insta::assert_snapshot!(permissions(&[power], None).join("; "), @"sts:AssumeRole; lambda:UpdateFunctionCode; lambda:UpdateFunctionConfiguration; ec2:ModifyInstanceAttribute and ec2:StopInstances and ec2:StartInstances; ec2:CreateLaunchTemplateVersion and ec2:ModifyLaunchTemplate; 11 more");
}

#[test]
fn a_permission_for_some_resources_is_not_enough() {
    let pass = |resource: &str| {
        let passed = statement("Allow", r#""iam:PassRole""#, resource, "{}");
        policy(&[passed, statement("Allow", r#""ec2:RunInstances""#, r#""*""#, "{}")])
    };
    assert!(is_one(&pass(r#""arn:aws:iam::111122223333:role/*""#)));
    assert!(!is_one(&pass(r#""arn:aws:iam::111122223333:role/app-*""#)));
    assert!(!is_one(&pass(r#""arn:aws:iam::444455556666:role/*""#)));
    assert!(is_one(&pass(r#""arn:aws:iam::${aws:PrincipalAccount}:role/*""#)));
    assert!(!is_one(&allow(r#""lambda:UpdateFunctionCode""#, r#""arn:aws:lambda:*:*:function:app-*""#)));
    // In one region, or in one account, it is any.
    assert!(is_one(&allow(r#""lambda:UpdateFunctionCode""#, r#""arn:aws:lambda:eu-west-1:111122223333:function:*""#)));
    assert!(is_one(&allow(r#""iam:CreateAccessKey""#, r#""arn:aws:iam::111122223333:user/*""#)));
    assert!(!is_one(&allow(r#""iam:CreateAccessKey""#, r#""arn:aws:iam::*:user/${aws:username}""#)));
    assert!(!is_one(&allow(r#""sts:AssumeRole""#, r#""arn:aws:iam::*:role/deploy-*""#)));
    assert!(is_one(&allow(r#""sts:AssumeRole""#, r#""*""#)));
    // Its own is enough.
    assert!(is_one(&allow(r#""iam:PutRolePolicy""#, &format!("\"{ROLE}\""))));
    assert!(!is_one(&allow(r#""iam:UpdateAssumeRolePolicy""#, &format!("\"{ROLE}\""))));
    let own = "arn:aws:iam::111122223333:policy/app";
    let text = allow(r#""iam:CreatePolicyVersion""#, &format!("\"{own}\""));
    let held = |arn| RolePolicies {
        arn: ROLE,
        policies: vec![RolePolicy { name: "app", arn: Some(arn), document: Some(&text) }],
        boundary: None,
    };
    assert!(held(own).administrator().unwrap().is_some());
    assert!(held("arn:aws:iam::111122223333:policy/other").administrator().unwrap().is_none());
}

#[test]
fn denials_boundaries_and_conditions_count() {
    let everything = statement("Allow", r#""*""#, r#""*""#, "{}");
    let with = |more: String| policy(&[everything.clone(), more]);
    // A Deny of IAM leaves other ways, one of some names or under an unknown condition leaves all.
    let denied = with(statement("Deny", r#""iam:*""#, r#""*""#, "{}"));
    assert!(!permissions(&[&denied], None).iter().any(|permission| permission.starts_with("iam:")));
    assert!(is_one(&with(statement("Deny", r#""*""#, r#""arn:aws:iam::*:role/admin-*""#, "{}"))));
    let mfa = r#"{"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}"#;
    assert!(is_one(&with(statement("Deny", r#""*""#, r#""*""#, mfa))));
    assert!(!is_one(&with(statement("Deny", r#""*""#, r#""*""#, "{}"))));
    let others = format!(r#"{{"ArnNotLike": {{"aws:PrincipalArn": "{ROLE}"}}}}"#);
    assert!(is_one(&with(statement("Deny", r#""*""#, r#""*""#, &others))));
    let self_ = format!(r#"{{"ArnLike": {{"aws:PrincipalArn": "{ROLE}"}}}}"#);
    assert!(!is_one(&with(statement("Deny", r#""*""#, r#""*""#, &self_))));
    // A boundary removes permissions that it does not allow. An unknown boundary removes none.
    let text = policy(std::slice::from_ref(&everything));
    assert_eq!(permissions(&[&text], Some(&allow(r#"["s3:*", "ec2:Describe*"]"#, r#""*""#))), [""; 0]);
    assert_eq!(permissions(&[&text], Some(&allow(r#""lambda:Update*""#, r#""*""#))).len(), 2);
    let boundary = |arn, document| {
        let policies = vec![RolePolicy { name: "inline", arn: None, document: Some(text.as_str()) }];
        RolePolicies { arn: ROLE, policies, boundary: Some(RolePolicy { name: "b", arn: Some(arn), document }) }
    };
    assert!(boundary("arn:aws:iam::111122223333:policy/b", None).administrator().unwrap().is_some());
    assert!(boundary("arn:aws:iam::aws:policy/AdministratorAccess", None).administrator().unwrap().is_some());
    assert!(
        boundary("arn:aws:iam::111122223333:policy/b", Some(&allow(r#""s3:*""#, r#""*""#)))
            .administrator()
            .unwrap()
            .is_none()
    );
    // Conditions on keys with known values.
    let passed = |service: &str, required: &str| {
        let condition = format!(r#"{{"StringEquals": {{"iam:PassedToService": "{service}"}}}}"#);
        let passed = statement("Allow", r#""iam:PassRole""#, r#""*""#, &condition);
        policy(&[passed, statement("Allow", required, r#""*""#, "{}")])
    };
    let lambda = r#"["lambda:CreateFunction", "lambda:InvokeFunction"]"#;
    assert!(is_one(&passed("lambda.amazonaws.com", lambda)));
    assert!(!is_one(&passed("lambda.amazonaws.com", r#""ec2:RunInstances""#)));
    assert!(!is_one(&passed("monitoring.rds.amazonaws.com", lambda)));
    let attach = |condition: &str| is_one(&policy(&[statement("Allow", r#""iam:Attach*""#, r#""*""#, condition)]));
    assert!(!attach(r#"{"ArnLike": {"iam:PolicyARN": "arn:aws:iam::aws:policy/ReadOnlyAccess"}}"#));
    assert!(attach(r#"{"ArnNotEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess"}}"#));
    assert!(!attach(r#"{"StringEquals": {"iam:PermissionsBoundary": "arn:aws:iam::111122223333:policy/b"}}"#));
    assert!(!attach(r#"{"StringEquals": {"aws:ResourceTag/team": "a"}}"#));
    assert!(attach(r#"{"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}"#));
    assert!(attach(r#"{"SomethingNew": {"x": "y"}}"#));
    assert!(!attach(r#"{"Bool": {"aws:ViaAWSService": true}}"#));
}

#[test]
fn long_policies_are_assessed_in_bounded_time() {
    let arns: Vec<String> = (0..6_000).map(|number| format!("\"arn:aws:s3:::{number}\"")).collect();
    let text = allow(r#""*""#, &format!("[{}]", arns.join(", ")));
    let start = std::time::Instant::now();
    assert!(!is_one(&text));
    assert!(start.elapsed() < std::time::Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn policies_that_take_too_many_comparisons_are_too_complex() {
    // Each pattern is compared with every character of each action.
    let document = allow(&format!("[{}]", vec![r#""*~""#; 1200].join(",")), r#""*""#);
    let held = |name| RolePolicy { name, arn: None, document: Some(&document) };
    let names: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    let policies = names.iter().map(|name| held(name)).collect();
    let complex = RolePolicies { arn: ROLE, policies, boundary: None };
    assert_eq!(complex.administrator(), Err(TooComplex));
    // A policy that allows everything is found among any number of other policies.
    let everything = allow(r#""*""#, r#""*""#);
    let first = RolePolicy { name: "first", arn: None, document: Some(&everything) };
    let policies = std::iter::once(first).chain(complex.policies).collect();
    assert!(RolePolicies { arn: ROLE, policies, boundary: None }.administrator().unwrap().is_some());
}
