use super::*;

fn statement(json: &str) -> Statement {
    Policy::parse(json).unwrap().statements.remove(0)
}

#[test]
fn one_statement_and_a_list_of_one_are_the_same() {
    let single = r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}"#;
    let list = r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":["sts:AssumeRole"]}]}"#;
    assert_eq!(Policy::parse(single), Policy::parse(list));
}

#[test]
fn encoded_padded_and_marked_documents_are_read() {
    let plain = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:*"}]}"#;
    let encoded = percent_encoding::utf8_percent_encode(plain, percent_encoding::NON_ALPHANUMERIC).to_string();
    assert_eq!(Policy::parse(&encoded), Policy::parse(plain));
    assert_eq!(Policy::parse(&format!("\u{feff}\n {plain}\n")), Policy::parse(plain));
}

#[test]
fn element_names_have_no_case_but_effects_do() {
    let lower = r#"{"statement":[{"effect":"Allow","principal":"*","action":"sts:AssumeRole"}]}"#;
    assert_eq!(statement(lower).effect, Effect::Allow);
    let shouted = r#"{"Statement":[{"Effect":"ALLOW","Principal":"*","Action":"sts:AssumeRole"}]}"#;
    assert_eq!(Policy::parse(shouted).unwrap_err().to_string(), "the policy's `Effect` is not Allow or Deny");
}

#[test]
fn only_the_star_alone_is_a_plain_star() {
    for (principal, expected) in [
        (r#""*""#, true),
        (r#"{"AWS":"*"}"#, true),
        (r#"{"AWS":["arn:aws:iam::111122223333:root","*"]}"#, true),
        (r#"{"aws":"*"}"#, true),
        (r#"{"AWS":"arn:aws:iam::111122223333:role/*"}"#, false),
        (r#"{"Service":"*"}"#, false),
        (r#"{"Service":"ec2.amazonaws.com"}"#, false),
        ("{}", false),
    ] {
        let json =
            format!(r#"{{"Statement":[{{"Effect":"Allow","Principal":{principal},"Action":"sts:AssumeRole"}}]}}"#);
        assert_eq!(statement(&json).principals.unwrap().has_plain_star(), expected, "{principal}");
    }
}

#[test]
fn actions_are_patterns_without_case() {
    for (actions, expected) in [
        (r#""Action":"sts:AssumeRole""#, true),
        (r#""Action":"STS:assume*""#, true),
        (r#""Action":"*""#, true),
        (r#""Action":["sts:TagSession","sts:AssumeRol?"]"#, true),
        (r#""Action":"sts:TagSession""#, false),
        (r#""NotAction":"sts:TagSession""#, true),
        (r#""NotAction":"sts:*""#, false),
    ] {
        let json = format!(r#"{{"Statement":[{{"Effect":"Allow","Principal":"*",{actions}}}]}}"#);
        assert_eq!(statement(&json).actions.cover("sts:AssumeRole"), expected, "{actions}");
    }
}

#[test]
fn what_is_not_understood_is_an_error() {
    for json in [
        "",
        "null",
        "[]",
        "{}",
        "not json",
        "%7B%22Statement",
        r#"{"Statement":"*"}"#,
        r#"{"Statement":[1]}"#,
        r#"{"Statement":[{"Effect":"Allow","Principal":"everyone","Action":"sts:AssumeRole"}]}"#,
        r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":{}},"Action":"sts:AssumeRole"}]}"#,
        r#"{"Statement":[{"Effect":"Allow","Principal":"*","NotPrincipal":"*","Action":"sts:AssumeRole"}]}"#,
        r#"{"Statement":[{"Effect":"Allow","Principal":"*"}]}"#,
        r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":7}]}"#,
        r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Condition":"none"}]}"#,
    ] {
        assert!(Policy::parse(json).is_err(), "{json}");
    }
}
