//! Properties of all policies.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::policy::{Caller, Context, Decision, Request};

/// Conditions of every class, some of which nobody or everybody meets.
fn condition() -> impl Strategy<Value = Value> {
    let operator = prop::sample::select(vec![
        "StringEquals",
        "StringNotEquals",
        "StringLike",
        "StringNotLike",
        "StringEqualsIfExists",
        "ArnLike",
        "ArnNotLike",
        "ForAllValues:StringLike",
        "ForAnyValue:StringLike",
        "ForAnyValue:StringNotEquals",
        "Null",
        "Bool",
        "IpAddress",
        "NotIpAddress",
        "NumericLessThan",
        "DateGreaterThan",
        "DateLessThanEquals",
        "StringEqualsIgnoreCase",
        "ForAllValues:StringNotLike",
    ]);
    let key = prop::sample::select(vec![
        "aws:PrincipalOrgID",
        "aws:PrincipalAccount",
        "aws:PrincipalArn",
        "aws:PrincipalOrgPaths",
        "aws:SourceVpce",
        "aws:SourceAccount",
        "sts:ExternalId",
        "aws:SourceIp",
        "aws:MultiFactorAuthPresent",
        "aws:PrincipalTag/team",
        "aws:CurrentTime",
        "aws:PrincipalType",
        "aws:SecureTransport",
        "aws:SomethingNew",
        "aws:userid",
        "aws:EpochTime",
        "aws:TokenIssueTime",
        "aws:VpceAccount",
        "aws:SourceArn",
        "aws:SourceOrgPaths",
        "aws:PrincipalServiceName",
        "aws:PrincipalIsAWSService",
        "aws:VpcSourceIp",
    ]);
    let value = prop::sample::select(vec![
        "*",
        "o-abc123def4",
        "o-*",
        "111122223333",
        "444455556666",
        "44445555*",
        "arn:aws:iam::111122223333:role/*",
        "arn:aws:iam::*:role/Admin",
        "vpce-1",
        "x",
        "true",
        "false",
        "0.0.0.0/0",
        "203.0.113.0/24",
        "10",
        "2020-01-01T00:00:00Z",
        "AssumedRole",
        "${aws:ResourceAccount}",
        "${aws:PrincipalAccount}",
        "o-abc123def4/*",
        "o-abc123def4/r-ab12/*",
        "arn:*:iam::111122223333:role/*",
        "arn:aws:iam::*111122223333:role/x",
        "arn:aws-cn:iam::444455556666:role/x",
        "arn:aws:sns:eu-west-1:444455556666:topic",
        "arn:aws:s3:::*",
        "444455556666:*",
        "10.0.0.0/8",
        "2600:1f00::/24",
        "2099-01-01",
        "1577836800",
    ]);
    (operator, key, vec(value, 1..3)).prop_map(|(operator, key, values)| json!({operator: {key: values}}))
}

fn principal() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!("*"),
        json!({"AWS": "*"}),
        json!({"AWS": ["arn:aws:iam::111122223333:root", "*"]}),
        json!({"AWS": OWN}),
        json!({"AWS": "444455556666"}),
        json!({"AWS": "arn:aws:iam::*:role/Admin"}),
        json!({"AWS": "arn:aws:iam::111122223333:role/*"}),
        json!({"Service": "ec2.amazonaws.com"}),
        json!({"Federated": "accounts.google.com"}),
        json!({"Federated": "arn:aws:iam::111122223333:saml-provider/Okta"}),
        json!({"AWS": "AIDAJQABLZS4A3QDU576Q"}),
    ])
}

/// Two conditions of the same operator become one object, as in JSON.
fn merged(conditions: &[Value]) -> Value {
    let mut merged = serde_json::Map::new();
    for (operator, keys) in conditions.iter().filter_map(Value::as_object).flatten() {
        let into = merged.entry(operator.clone()).or_insert_with(|| json!({}));
        for (key, values) in keys.as_object().into_iter().flatten() {
            into.as_object_mut().unwrap().entry(key.clone()).or_insert_with(|| values.clone());
        }
    }
    Value::Object(merged)
}

fn statement() -> impl Strategy<Value = Value> {
    let effect = prop_oneof![3 => Just("Allow"), 1 => Just("Deny")];
    let action = prop::sample::select(vec!["sts:AssumeRole", "sts:*", "STS:assume*", "sts:TagSession"]);
    (effect, principal(), action, vec(condition(), 0..3)).prop_map(|(effect, principal, action, conditions)| {
        json!({"Effect": effect, "Principal": principal, "Action": action, "Condition": merged(&conditions)})
    })
}

/// Requests of accounts that no policy here names, with and without keys that conditions require.
fn outsider_requests() -> Vec<Request> {
    let mut outsider_requests = Vec::new();
    for account in ["999999999999", "123456789012", "777777777777"] {
        for (name, org, external, ip) in [
            ("role/evil", None, None, None),
            ("role/Admin", Some("o-evilevil99"), Some("x"), Some("203.0.113.7")),
            ("user/evil", Some("o-other"), Some("444455556666"), Some("198.51.100.7")),
        ] {
            let arn = format!("arn:aws:iam::{account}:{name}");
            let mut context = Context::default();
            let mut set = |key: &str, value: Option<&str>| {
                if let Some(value) = value {
                    context.set(key, vec![value.to_owned()]);
                }
            };
            set("aws:PrincipalAccount", Some(account));
            set("aws:PrincipalArn", Some(&arn));
            set("aws:PrincipalOrgID", org);
            set("aws:PrincipalOrgPaths", org.map(|org| format!("{org}/r-1/")).as_deref());
            set("sts:ExternalId", external);
            set("aws:SourceIp", ip);
            set("aws:PrincipalTag/team", external);
            set("aws:MultiFactorAuthPresent", ip.map(|_| "true"));
            let now = jiff::Timestamp::now();
            set("aws:CurrentTime", Some(&now.to_string()));
            set("aws:EpochTime", Some(&now.as_second().to_string()));
            set("aws:PrincipalIsAWSService", Some("false"));
            set("aws:PrincipalType", Some(if name.starts_with("user") { "User" } else { "AssumedRole" }));
            set("aws:SecureTransport", Some("true"));
            set("aws:userid", Some("AROAEVILEVILEVILEVIL2:evil"));
            set("aws:ResourceAccount", Some(OWN));
            let caller = Caller::Aws { arn, account: account.to_owned() };
            outsider_requests.push(Request { caller, action: "sts:AssumeRole".to_owned(), context });
        }
    }
    outsider_requests
}

/// The reason why nobody can make a request.
fn fault_of(request: &Request) -> Option<&'static str> {
    let context = &request.context;
    let all = |key: &str| context.get(key).unwrap_or_default().iter();
    let is_account = |text: &String| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_principal = |text: &String| {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        matches!(parts.as_slice(), ["arn", partition, "iam" | "sts", "", account, name]
            if partition.starts_with("aws") && is_account(&(*account).to_owned()) && (*name == "root" || name.contains('/')))
    };
    let now = jiff::Timestamp::now().as_second() - 600;
    let is_of_now = |text: &String| crate::policy::date_seconds(text).is_some_and(|date| date as i64 >= now);
    let is_private = |text: &String| text.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_private());
    let is_person = matches!(request.caller, Caller::Aws { .. });
    let source = ["aws:SourceArn", "aws:SourceAccount", "aws:SourceOrgPaths"];
    [
        (
            !all("aws:PrincipalAccount").chain(all("aws:SourceAccount")).all(is_account),
            "an account without twelve digits",
        ),
        (!all("aws:PrincipalArn").all(is_principal), "the ARN of no principal"),
        (matches!(&request.caller, Caller::Aws { arn, .. } if !is_principal(arn)), "a caller without an ARN"),
        (!all("aws:CurrentTime").chain(all("aws:TokenIssueTime")).all(is_of_now), "a time that is over"),
        (all("aws:SourceIp").any(is_private), "a private address"),
        (is_person && all("aws:PrincipalIsAWSService").any(|flag| flag == "true"), "a person that is a service"),
        (is_person && source.iter().any(|key| all(key).next().is_some()), "a person with what only services send"),
    ]
    .into_iter()
    .find_map(|(is_wrong, fault)| is_wrong.then_some(fault))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_witness_has_access_and_no_outsider_has_where_access_is_restricted(statements in vec(statement(), 1..4)) {
        let document = policy(&statements);
        let parsed = Policy::parse(&document.to_string()).unwrap();
        let assessment = assess(&parsed, Some(OWN));
        for statement in &assessment.statements {
            prop_assert_eq!(statement.witness.is_some(), statement.verdict >= Verdict::Weak);
            if let Some(witness) = &statement.witness {
                prop_assert_eq!(parsed.evaluate(&witness.request), Decision::Allowed, "{}", document);
                if let Some(fault) = fault_of(&witness.request) {
                    prop_assert!(false, "{}: {:?} by {}", fault, witness.request, document);
                }
            }
        }
        if assessment.verdict <= Verdict::External {
            for request in outsider_requests() {
                prop_assert_ne!(parsed.evaluate(&request), Decision::Allowed, "{:?} by {}", request, document);
            }
        }
    }

    #[test]
    fn whoever_is_external_is_named_and_no_outsider_once_listed(statements in vec(statement(), 1..4)) {
        let document = policy(&statements);
        let parsed = Policy::parse(&document.to_string()).unwrap();
        let role = Role { account: Some(OWN), now: Some(jiff::Timestamp::now()), is_stored: false };
        let mut zone = Zone::default();
        for statement in assess_within(&parsed, &role, &zone).statements {
            zone.accounts.extend(statement.accounts);
        }
        for statement in assess_within(&parsed, &role, &zone).statements {
            let is_of_id = statement.reason.contains("unique id");
            prop_assert!(statement.verdict != Verdict::External || is_of_id, "{}: {}", document, statement.reason);
        }
    }

    #[test]
    fn one_more_allow_never_makes_it_milder(statements in vec(statement(), 0..4), mut more in statement()) {
        more["Effect"] = "Allow".into();
        let before = assessed(&policy(&statements)).verdict;
        let after = assessed(&policy(&[statements, vec![more]].concat())).verdict;
        prop_assert!(before <= after, "{before:?} became {after:?}");
    }

    #[test]
    fn one_more_deny_or_condition_makes_it_external_at_worst(
        statements in vec(statement(), 1..4),
        mut more in statement(),
        condition in condition(),
    ) {
        let before = assessed(&policy(&statements)).verdict;
        more["Effect"] = "Deny".into();
        let denied = assessed(&policy(&[statements.clone(), vec![more]].concat())).verdict;
        // To name somebody else's account is worse than to name nobody's.
        let at_most = before.max(Verdict::External);
        prop_assert!(denied <= at_most, "{before:?} became {denied:?} by a Deny");

        let mut held = statements;
        let first = held.iter_mut().find(|one| one["Effect"] == "Allow");
        if let Some(first) = first {
            first["Condition"] = merged(&[first["Condition"].clone(), condition]);
            let after = assessed(&policy(&held)).verdict;
            prop_assert!(after <= at_most, "{before:?} became {after:?} by a condition");
        }
    }

    #[test]
    fn form_changes_nothing(statements in vec(statement(), 1..3)) {
        let document = policy(&statements);
        let plain = assessed(&document);
        let text = document.to_string();
        let upper = |text: &str| {
            ["Statement", "Effect", "Principal", "Action", "Condition"].iter().fold(text.to_owned(), |text, name| {
                text.replace(&format!("\"{name}\":"), &format!("\"{}\":", name.to_uppercase()))
            })
        };
        let keys = ["aws:PrincipalOrgID", "sts:ExternalId", "aws:PrincipalAccount"];
        let cased = keys.iter().fold(text.clone(), |text, key| {
            text.replace(&format!("\"{key}\":"), &format!("\"{}\":", key.to_uppercase()))
        });
        let encoded = percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let padded = format!("\u{feff}{}{text}\n", " ".repeat(1000));
        for other in [upper(&text), cased, encoded, padded] {
            let other_assessment = assess(&Policy::parse(&other).unwrap(), Some(OWN));
            prop_assert_eq!(other_assessment.verdict, plain.verdict, "{}", other);
        }
        let mut reversed = statements.clone();
        for one in &mut reversed {
            for values in one["Condition"].as_object_mut().unwrap().values_mut().flat_map(|keys| keys.as_object_mut().unwrap().values_mut()) {
                values.as_array_mut().unwrap().reverse();
            }
        }
        prop_assert_eq!(assessed(&policy(&reversed)).verdict, plain.verdict);
        if let [only] = statements.as_slice() {
            let single = json!({"Version": "2012-10-17", "Statement": only});
            prop_assert_eq!(assessed(&single).verdict, plain.verdict);
        }
    }

    #[test]
    fn any_json_is_assessed_without_panic(text in "\\PC{0,80}", statements in vec(any_json(), 0..3)) {
        let _ = Policy::parse(&text);
        let document = json!({"Version": "2012-10-17", "Statement": statements});
        if let Ok(policy) = Policy::parse(&document.to_string()) {
            let _ = assess(&policy, Some(OWN));
        }
    }
}

/// JSON in the words of policies, in any arrangement.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "Allow",
            "Deny",
            "*",
            "sts:AssumeRole",
            OWN,
            "${",
            "${aws:PrincipalAccount}",
            "arn:*",
            ""
        ])
        .prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
    ];
    let keys = prop::sample::select(vec![
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Condition",
        "AWS",
        "Service",
        "Federated",
        "StringEquals",
        "StringLike",
        "ForAllValues:StringNotLikeIfExists",
        "Null",
        "IpAddress",
        "aws:PrincipalArn",
        "sts:ExternalId",
        "aws:SourceIp",
    ]);
    leaf.prop_recursive(5, 32, 5, move |inner| {
        prop_oneof![
            3 => vec((keys.clone(), inner.clone()), 0..6)
                .prop_map(|members| members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
            1 => vec(inner, 0..4).prop_map(Value::from),
        ]
    })
}
