use super::*;

fn statement(json: &str) -> Statement {
    Policy::parse(json).unwrap().statements.remove(0)
}

/// The first error of a statement with these elements.
fn error_of(elements: &str) -> String {
    let one = statement(&format!(r#"{{"Statement":{{{elements}}}}}"#));
    one.errors.first().map(ToString::to_string).unwrap_or_default()
}

#[test]
fn one_statement_and_a_list_of_one_are_the_same() {
    let single = r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}"#;
    let list = r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":["sts:AssumeRole"]}]}"#;
    assert_eq!(Policy::parse(single), Policy::parse(list));
}

#[test]
fn encoded_padded_quoted_and_marked_documents_are_read() {
    let plain = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:*"}]}"#;
    let encoded = percent_encoding::utf8_percent_encode(plain, percent_encoding::NON_ALPHANUMERIC).to_string();
    let quoted = serde_json::to_string(plain).unwrap();
    for text in [encoded, quoted, format!("\u{feff}\n {plain}\n")] {
        assert_eq!(Policy::parse(&text), Policy::parse(plain), "{text}");
    }
}

#[test]
fn element_names_have_no_case_but_effects_do() {
    let lower = r#"{"statement":[{"effect":"Allow","principal":"*","action":"sts:AssumeRole"}]}"#;
    assert_eq!(statement(lower).effect, Some(Effect::Allow));
    assert_eq!(
        error_of(r#""Effect":"ALLOW","Principal":"*","Action":"sts:AssumeRole""#),
        "the policy's `Effect` must be Allow or Deny"
    );
}

#[test]
fn an_invalid_statement_contains_its_error() {
    let messages: Vec<String> = [
        r#""Effect":"Allow","Principal":7,"Action":"sts:AssumeRole""#,
        r#""Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Condition":{"NullIfExists":{"a":"true"}}"#,
        r#""Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Condition":{"Bool":{"a":"b"},"bool":{"a":"c"}}"#,
        r#""Effect":"Allow","Principal":"*","NotPrincipal":"*","Action":"sts:AssumeRole""#,
        r#""Effect":"Allow","Action":"sts:AssumeRole""#,
        r#""Effect":"Allow","Principal":{"Everyone":"*"},"Action":"sts:AssumeRole""#,
        r#""Effect":"Allow","Principal":{"AWS":null},"Action":"sts:AssumeRole""#,
        r#""Effect":"Allow","Principal":"*""#,
        r#""Effect":"Allow","Principal":"*","Action":7"#,
        r#""Effect":"Allow","Principal":"*","principal":{},"Action":"sts:AssumeRole""#,
        r#""Effect":"Allow","Principal":"*","Principal":{},"Action":"sts:AssumeRole""#,
        r#""Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Condition":[]"#,
        r#""Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Condition":{"StringSoundsLike":{"a":"b"}}"#,
        r#""Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Condition":{"Some:StringEquals":{"a":"b"}}"#,
        r#""Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Condition":{"StringEquals":{"a":{"b":1}}}"#,
    ]
    .iter()
    .map(|elements| error_of(elements))
    .collect();
    insta::assert_snapshot!(messages.join("\n"), @r#"
    the policy's `Principal` must be present once, as Principal or NotPrincipal, and "*" or an object
    the condition operator "NullIfExists" is not known
    the policy's `Condition` must be an object with unique names
    the policy's `Principal` must be present once, as Principal or NotPrincipal, and "*" or an object
    the policy's `Principal` must be present once, as Principal or NotPrincipal, and "*" or an object
    the policy's `Principal` must be of the type AWS, Service, Federated or CanonicalUser
    the policy's `Principal` must be a string, a number, a boolean or a list of these
    the policy's `Action` must be present once, as Action or NotAction
    the policy's `Action` must be a string or a list of strings
    the policy's `Principal` must be present only once
    the policy's `Principal` must be present only once
    the policy's `Condition` must be an object
    the condition operator "StringSoundsLike" is not known
    the condition operator "Some:StringEquals" is not known
    the policy's `Condition` must be a string, a number, a boolean or a list of these
    "#);
    for document in ["", "[]", "7", "{}", r#"{"Statement":7}"#, r#"{"Statement":[],"statement":[]}"#, "%7"] {
        assert!(Policy::parse(document).is_err(), "{document}");
    }
}

#[test]
fn operators_are_read_with_prefix_and_suffix() {
    for name in [
        "StringEquals",
        "ForAllValues:StringLike",
        "ForAnyValue:StringNotLikeIfExists",
        "ArnNotEqualsIfExists",
        "NumericLessThanEquals",
        "DateGreaterThan",
        "NotIpAddress",
        "Null",
    ] {
        let operator = Operator::parse(name).unwrap();
        assert_eq!(operator.name(), name, "{name}");
        assert_eq!(Operator::parse(&name.to_lowercase()), Some(operator), "{name}");
    }
    for name in ["", "IfExists", "StringEqualsIf", "ForSomeValues:StringEquals", "Strings"] {
        assert_eq!(Operator::parse(name), None, "{name}");
    }
}

#[test]
fn patterns_match_as_iam_does() {
    for (pattern, text, expected) in [
        ("*", "", true),
        ("", "", true),
        ("", "a", false),
        ("a*c", "abbc", true),
        ("a*c", "abcd", false),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("*a*b*", "xxaxxbxx", true),
        ("*ab", "aab", true),
        ("????????????", "123456789012", true),
        ("????????????", "12345678901", false),
        ("a**b", "ab", true),
        ("ä?", "äö", true),
    ] {
        assert_eq!(Pattern::glob(pattern).matches(text), expected, "{pattern} {text}");
    }
    assert!(!Pattern::literal("*").matches("a") && Pattern::literal("*").matches("*"));
}

/// Whether a condition holds, written as JSON, for a key with these values.
fn holds(condition: &str, found: Option<&[&str]>) -> bool {
    let json = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":"*","Action":"*","Condition":{condition}}}}}"#
    );
    let one = statement(&json);
    assert_eq!(one.errors, []);
    let values: Option<Vec<String>> = found.map(|values| values.iter().map(|value| (*value).to_owned()).collect());
    let variable = |name: &str| (name == "aws:username").then(|| "dana*".to_owned());
    one.conditions[0].holds(values.as_deref(), Version::V2012, &variable)
}

#[test]
fn conditions_hold_as_in_iam() {
    for (condition, found, expected) in [
        (r#"{"StringEquals":{"k":["a","b"]}}"#, Some(&["b"][..]), true),
        (r#"{"StringEquals":{"k":"a"}}"#, Some(&["A"]), false),
        (r#"{"StringEqualsIgnoreCase":{"k":"a"}}"#, Some(&["A"]), true),
        (r#"{"StringEquals":{"k":"a"}}"#, None, false),
        (r#"{"StringEquals":{"k":"*"}}"#, Some(&["a"]), false),
        (r#"{"StringEquals":{"k":7}}"#, Some(&["7"]), true),
        (r#"{"StringNotEquals":{"k":["a","b"]}}"#, Some(&["b"]), false),
        (r#"{"StringNotEquals":{"k":["a","b"]}}"#, Some(&["c"]), true),
        (r#"{"StringNotEquals":{"k":"a"}}"#, None, true),
        (r#"{"StringEqualsIfExists":{"k":"a"}}"#, None, true),
        (r#"{"StringEqualsIfExists":{"k":"a"}}"#, Some(&["b"]), false),
        (r#"{"ForAllValues:StringEquals":{"k":["a","b"]}}"#, Some(&["a", "b"]), true),
        (r#"{"ForAllValues:StringEquals":{"k":"a"}}"#, Some(&["a", "b"]), false),
        (r#"{"ForAllValues:StringEquals":{"k":"a"}}"#, None, true),
        (r#"{"ForAnyValue:StringEquals":{"k":"a"}}"#, Some(&["a", "b"]), true),
        (r#"{"ForAnyValue:StringEquals":{"k":"a"}}"#, None, false),
        (r#"{"ForAnyValue:StringNotEquals":{"k":"a"}}"#, Some(&["a", "b"]), true),
        (r#"{"ForAnyValue:StringNotEquals":{"k":"a"}}"#, None, false),
        (r#"{"Null":{"k":"true"}}"#, None, true),
        (r#"{"Null":{"k":"false"}}"#, Some(&["a"]), true),
        (r#"{"Null":{"k":true}}"#, Some(&["a"]), false),
        (r#"{"Bool":{"k":true}}"#, Some(&["TRUE"]), true),
        (r#"{"IpAddress":{"k":"203.0.113.0/24"}}"#, Some(&["203.0.113.9"]), true),
        (r#"{"NotIpAddress":{"k":"203.0.113.0/24"}}"#, Some(&["203.0.113.9"]), false),
        (r#"{"NumericLessThan":{"k":"10"}}"#, Some(&["9"]), true),
        (r#"{"NumericGreaterThanEquals":{"k":10}}"#, Some(&["9"]), false),
        (r#"{"DateLessThan":{"k":"2026-01-01"}}"#, Some(&["2025-12-31T23:59:59Z"]), true),
        (r#"{"DateGreaterThan":{"k":"2026-01-01T00:00:00Z"}}"#, Some(&["1767225601"]), true),
        (r#"{"ArnLike":{"k":"arn:aws:iam::*:role/a*"}}"#, Some(&["arn:aws:iam::1:role/ab"]), true),
        (r#"{"ArnEquals":{"k":"arn:*"}}"#, Some(&["arn:aws:iam::1:role/ab"]), true),
        (r#"{"ArnEquals":{"k":"arn:aws:iam"}}"#, Some(&["arn:aws:iam::1:role/ab"]), false),
        (r#"{"ArnEquals":{"k":"*:role/ab"}}"#, Some(&["arn:aws:iam::1:role/ab"]), false),
        (r#"{"StringEquals":{"k":"${aws:username}"}}"#, Some(&["dana*"]), true),
        (r#"{"StringLike":{"k":"${aws:username}"}}"#, Some(&["danae"]), false),
        (r#"{"StringLike":{"k":"${*}x"}}"#, Some(&["*x"]), true),
        (r#"{"StringEquals":{"k":"${aws:PrincipalTag/t, 'none'}"}}"#, Some(&["none"]), true),
        (r#"{"StringEquals":{"k":"${aws:userid}"}}"#, Some(&["${aws:userid}"]), false),
        (r#"{"StringEquals":{"k":[]}}"#, Some(&["a"]), false),
    ] {
        assert_eq!(holds(condition, found), expected, "{condition} {found:?}");
    }
}

#[test]
fn a_deny_wins_and_a_statement_with_an_error_is_ignored() {
    let policy = Policy::parse(
        r#"{"Version":"2012-10-17","Statement":[
            {"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:assume*"},
            {"Effect":"Deny","Principal":{"AWS":"444455556666"},"NotAction":"sts:TagSession"},
            {"Effect":"Deny","Principal":"*","Action":"sts:*","Condition":{"StringSoundsLike":{"a":"b"}}},
            {"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:TagSession"}]}"#,
    )
    .unwrap();
    let aws =
        |account: &str| Caller::Aws { arn: format!("arn:aws:iam::{account}:role/r"), account: account.to_owned() };
    let decide = |caller: Caller, action: &str| {
        policy.evaluate(&Request { caller, action: action.to_owned(), context: Context::default() })
    };
    assert_eq!(decide(aws("999999999999"), "sts:AssumeRole"), Decision::Allowed);
    assert_eq!(decide(aws("444455556666"), "sts:AssumeRole"), Decision::Denied);
    assert_eq!(decide(aws("444455556666"), "sts:TagSession"), Decision::ImplicitDeny);
    assert_eq!(decide(Caller::Service("ec2.amazonaws.com".to_owned()), "sts:TagSession"), Decision::Allowed);
    assert_eq!(decide(Caller::Service("s3.amazonaws.com".to_owned()), "sts:TagSession"), Decision::ImplicitDeny);
}
