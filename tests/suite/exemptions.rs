//! Exemptions: what they cover, until when, and what is wrong with them.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};
use trailwarden::app::{Configuration, ConfigurationFile};
use trailwarden::event::Event;
use trailwarden::rules::RuleSet;
use trailwarden::suppress::Exemptions;

use crate::support::{fixture, json, run, stderr, stdout};

const EXAMPLES: &str = "exemptions/examples.yml";

/// One exemption, with these rules, this selection and this last day.
fn exemption(name: &str, rules: &str, selection: &str, expires: &str) -> String {
    format!(
        "title: T\nname: {name}\nlogsource: {{product: aws, service: cloudtrail}}\nfilter:\n  rules: {rules}\n  s:\n    \
         {selection}\n  condition: not s\ntrailwarden: {{owner: team, reason: because, expires: {expires}}}\n---\n"
    )
}

fn read(text: &str) -> Result<Exemptions, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("exemptions.yml");
    fs::write(&path, text).unwrap();
    let rules = RuleSet::load(&[]).unwrap();
    let shown = |faults: trailwarden::rules::RuleDiagnostics| {
        faults.to_string().replace(directory.path().to_str().unwrap(), "")
    };
    Exemptions::read(&path, &rules).map_err(shown)
}

/// The exemption that covers a finding of `rule` for `event`, or what is said of it.
fn covered(exemptions: &Exemptions, rule: &str, event: &Value, now: &str) -> String {
    let (text, now) = (event.to_string(), now.parse::<Timestamp>().unwrap());
    let event = Event::parse(&text).unwrap();
    let mut finding = RuleSet::load(&[]).unwrap().evaluate_rule(rule, &event).unwrap();
    exemptions.apply(&event, &mut finding, now);
    match finding.suppression {
        Some(suppression) => suppression.exemption,
        None => finding.notes.join(" "),
    }
}

#[test]
fn the_examples_cover_what_they_say_and_nothing_else() {
    let exemptions = Exemptions::read(&fixture(EXAMPLES), &RuleSet::load(&[]).unwrap()).unwrap();
    let plain = json(&fixture("rules/blocked-action/hit-wrapped.json"));
    let with = |pointers: &[(&str, &str)]| {
        let mut event = plain.clone();
        for (path, value) in pointers {
            let mut at = &mut event;
            for part in path.split('.') {
                at = at.as_object_mut().unwrap().entry(part).or_insert_with(|| json!({}));
            }
            *at = (*value).into();
        }
        event
    };
    let invoked_by = "userIdentity.invokedBy";
    let issuer = "userIdentity.sessionContext.sessionIssuer.arn";
    let tags = ("eventName", "CreateTags");
    for (event, exempt) in [
        (plain.clone(), ""),
        (with(&[tags, (invoked_by, "autoscaling.amazonaws.com")]), "autoscaling"),
        (with(&[tags, (invoked_by, "notautoscaling.amazonaws.com")]), ""),
        (with(&[("eventName", "DeleteVpnGateway"), (invoked_by, "autoscaling.amazonaws.com")]), ""),
        (with(&[("eventName", "DeleteNetworkInterface"), (invoked_by, "eks.amazonaws.com")]), "eks-control-plane"),
        (with(&[tags, (issuer, "arn:aws:iam::111122223333:role/eks-node")]), "vpc-cni"),
        (with(&[tags, (issuer, "arn:aws:iam::111122223333:role/eks-node-2")]), ""),
        (with(&[tags, ("userAgent", "amazon-vpc-cni-k8s")]), ""),
        (with(&[(issuer, "arn:aws:iam::777788889999:role/network-deployment")]), "network-deployment"),
        (with(&[("recipientAccountId", "444455556666")]), "sandbox"),
    ] {
        assert_eq!(covered(&exemptions, "blocked-action", &event, "2026-12-01T00:00:00Z"), exempt, "{event}");
    }
    let mut group = json(&fixture("rules/sg-ingress-world-admin/hit-items.json"));
    group["userIdentity"]["invokedBy"] = "eks.amazonaws.com".into();
    assert_eq!(covered(&exemptions, "sg-ingress-world-admin", &group, "2026-12-01T00:00:00Z"), "");
    let stop = json!({"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging",
                      "recipientAccountId": "444455556666", "requestParameters": {"name": "t"}});
    assert_eq!(covered(&exemptions, "trail-stopped", &stop, "2026-12-01T00:00:00Z"), "");
}

#[test]
fn an_exemption_counts_through_its_last_day_and_then_says_so() {
    let exemptions =
        read(&exemption("mine", "[blocked-action]", "eventSource: ec2.amazonaws.com", "2027-03-31")).unwrap();
    let event = json(&fixture("rules/blocked-action/hit-wrapped.json"));
    let at = |now| covered(&exemptions, "blocked-action", &event, now);
    assert_eq!(at("2027-03-31T23:59:59Z"), "mine");
    assert_eq!(at("2027-04-01T00:00:00Z"), "The exemption mine of team expired on 2027-03-31.");
}

#[test]
fn an_exemption_may_name_what_is_ones_own() {
    let directory = tempfile::tempdir().unwrap();
    let (settings, file) = (directory.path().join("trailwarden.yml"), directory.path().join("exemptions.yml"));
    fs::write(&settings, "placeholders: {own_roles: [trailwarden]}\n").unwrap();
    fs::write(&file, exemption("own", "any", "userIdentity.userName|expand: '%own_roles%'", "9999-12-31")).unwrap();
    let configuration = Configuration::of_file(ConfigurationFile::read(&settings).unwrap());
    let exemptions = Exemptions::read(&file, &configuration.rules().unwrap()).unwrap();
    let mut event = json(&fixture("rules/blocked-action/hit-wrapped.json"));
    assert_eq!(covered(&exemptions, "blocked-action", &event, "2026-12-01T00:00:00Z"), "");
    event["userIdentity"]["userName"] = "trailwarden".into();
    assert_eq!(covered(&exemptions, "blocked-action", &event, "2026-12-01T00:00:00Z"), "own");
}

#[test]
fn another_exemption_covers_what_an_expired_one_did() {
    let any = "eventSource: ec2.amazonaws.com";
    let text = exemption("old", "any", any, "2020-01-01") + &exemption("new", "any", any, "9999-01-01");
    let event = json(&fixture("rules/blocked-action/hit-wrapped.json"));
    assert_eq!(covered(&read(&text).unwrap(), "blocked-action", &event, "2026-12-01T00:00:00Z"), "new");
}

#[test]
fn exemptions_that_cannot_be_used_say_why() {
    let good = exemption("n", "[blocked-action]", "eventSource: ec2.amazonaws.com", "2027-03-31");
    let told: Vec<String> = [
        good.replace("blocked-action", "blocked-actions"),
        good.replace("  rules: [blocked-action]\n", ""),
        good.replace("not s", "s"),
        good.replace("not s", "not t"),
        good.replace("not s", "not (not s)"),
        good.replace("eventSource:", "evntSource:"),
        good.replace("eventSource: ec2.amazonaws.com", "userAgent|expand: '%agents%'"),
        good.replace("2027-03-31", "'2027-03-31T23:00:00-05:00[America/New_York]'"),
        good.replace("owner: team, ", ""),
        good.replace("owner: team", "owner: ' '"),
        good.replace("2027-03-31", "soon"),
        good.replace("because", "because, until: x"),
        good.replace("eventSource:", "eventSource|sounds_like:"),
        good.replace("eventSource:", "exposure.inbound:"),
        good.split("trailwarden").next().unwrap().to_owned(),
        good.repeat(2),
        "title: [".to_owned(),
        "title: T\nlogsource: {product: aws}\ndetection:\n  s: {a: b}\n  condition: s\n".to_owned(),
        good.replace("because", "because\u{1b}[31m"),
    ]
    .iter()
    .map(|text| read(text).map(|_| "nothing is wrong".to_owned()).unwrap_or_else(|told| told))
    .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    /exemptions.yml:5: exemption `n`: there is no rule `blocked-actions` (did you mean `blocked-action`?)
    /exemptions.yml:4: exemption `n`: its `filter:` has no `rules`; list their names, or write `rules: any`
    /exemptions.yml:8: exemption `n`: its condition would exempt everything except its selections; write `condition: not selection`, as in Sigma filters
    /exemptions.yml:8: exemption `n`: its condition names `t`, which is not one of its detections; its detections are s
    /exemptions.yml:8: exemption `n`: its condition would exempt everything except its selections; write `condition: not selection`, as in Sigma filters
    /exemptions.yml:7: exemption `n`: CloudTrail records have no field `evntSource` (did you mean `eventSource`?)
    /exemptions.yml:7: unsupported: exemption `n`: `userAgent|expand` has the placeholder `%agents%`, which has no values; list them under `placeholders:` in the configuration file
    /exemptions.yml:9: exemption `n`: its `expires`: it is a day such as 2027-03-31, not "2027-03-31T23:00:00-05:00[America/New_York]"
    /exemptions.yml:9: exemption `n`: its `trailwarden:` key: missing field `owner`
    /exemptions.yml:9: exemption `n`: its `owner`: it is empty
    /exemptions.yml:9: exemption `n`: its `expires`: it is a day such as 2027-03-31, not "soon"
    /exemptions.yml:9: exemption `n`: its `trailwarden:` key: unknown field `until`, expected one of `owner`, `reason`, `ticket`, `expires`
    /exemptions.yml:7: exemption `n`: `eventSource|sounds_like`: there is no modifier `sounds_like`; common modifiers are all, cased, cidr, contains, endswith, exists, expand, fieldref, gt, gte, lt, lte, neq, re, startswith
    /exemptions.yml:7: exemption `n`: there is no fact `exposure.inbound` (did you mean `exposure.route`?); `trailwarden facts` lists them
    /exemptions.yml:2: exemption `n`: it needs the key `trailwarden:` with `owner`, `reason` and `expires`
    /exemptions.yml:12: exemption `n`: its name is taken by the exemption on line 2
    /exemptions.yml:2: exemption `exemptions`: YAML parse error: did not find expected node content at line 2 column 1, while parsing a flow node
    /exemptions.yml:1: exemption `exemptions`: this is not a Sigma filter: it has no `filter:` with `rules`, a selection and a `condition`
    /exemptions.yml:2: exemption `n`: YAML parse error: control characters are not allowed at position 199
    "#);
}

/// Runs `trailwarden` with a file of exemptions.
fn with_exemptions(text: &str, arguments: &[&str]) -> (i32, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("exemptions.yml");
    fs::write(&path, text).unwrap();
    let arguments: Vec<&str> =
        arguments.iter().map(|one| if *one == "FILE" { path.to_str().unwrap() } else { one }).collect();
    let output = run(&arguments);
    (output.status.code().unwrap(), stdout(&output), stderr(&output))
}

#[test]
fn an_exempt_finding_is_marked_and_counted_and_is_no_failure() {
    let hit = "fixtures/rules/blocked-action/hit-wrapped.json";
    let evaluate = |text: &str, format: &str| {
        with_exemptions(text, &["evaluate", "--exemptions", "FILE", "--format", format, hit])
    };
    let all = exemption("mine", "[blocked-action]", "eventSource: ec2.amazonaws.com", "9999-12-31");
    let none = exemption("mine", "[blocked-action]", "eventSource: ec2", "9999-12-31");
    let expired = exemption("mine", "[blocked-action]", "eventSource: ec2.amazonaws.com", "2020-12-31");

    let (code, text, told) = evaluate(&all, "text");
    assert_eq!(code, 0);
    insta::assert_snapshot!(text, @"
    EXEMPT blocked-action A blocked EC2 action was called
      NetOps/dana called the blocked EC2 action DeleteVpcEndpoints on vpce-0123456789abcdef0 in eu-west-1.
      exempt by mine of team until 9999-12-31: because
    ");
    insta::assert_snapshot!(told, @"1 record = 0 clean + 0 matched + 1 exempt + 0 rejected; 0 findings, 1 more exempt");
    let (code, line, _) = evaluate(&all, "ocsf");
    assert_eq!(code, 0);
    let document: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&document["status_id"], &document["status"]), (&3.into(), &"Suppressed".into()));
    assert_eq!(document["compliance"]["status_code"], "NON_COMPLIANT");
    assert_eq!(document["comment"], "exempt by mine of team until 9999-12-31: because");

    let (code, line, told) = evaluate(&none, "ocsf");
    assert_eq!((code, told.trim()), (1, "1 record = 0 clean + 1 matched + 0 exempt + 0 rejected; 1 finding"));
    assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["status_id"], 1);

    let (code, line, _) = evaluate(&expired, "ocsf");
    assert_eq!(code, 1);
    let message = serde_json::from_str::<Value>(&line).unwrap()["message"].to_string();
    assert!(message.contains("The exemption mine of team expired on 2020-12-31."), "{message}");

    let (code, text, told) = evaluate("nonsense", "text");
    assert_eq!((code, text.as_str()), (2, ""));
    assert!(told.contains("nothing was evaluated"), "{told}");
}

#[test]
fn checking_exemptions_tells_what_is_expired_soon_to_expire_and_unused() {
    let log = "fixtures/rules/blocked-action";
    let used = exemption("used", "[blocked-action]", "eventSource: ec2.amazonaws.com", "9999-12-31");
    let unused = exemption("unused", "[role-trust-public]", "eventSource: ec2.amazonaws.com", "9999-12-31");
    let expired = exemption("expired", "any", "eventSource: ec2.amazonaws.com", "2020-12-31");
    let tomorrow = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().tomorrow().unwrap();
    let soon = exemption("soon", "any", "eventSource: ec2.amazonaws.com", &tomorrow.to_string());
    let check = |text: &str, more: &[&str]| with_exemptions(text, &[&["exemptions", "check", "FILE"], more].concat());

    assert_eq!(check(&used, &["--over", log]).0, 0);
    assert_eq!(check(&unused, &[]).0, 0);
    let (code, text, _) = check(&(used + &unused + &expired), &["--over", log]);
    assert_eq!(code, 1);
    insta::assert_snapshot!(text, @"
    used is valid: until 9999-12-31, team (T), 3 findings covered
    unused covers nothing in the log: until 9999-12-31, team (T), 0 findings covered
    expired has expired: until 2020-12-31, team (T), 0 findings covered
    ");
    let (code, text, _) = check(&soon, &["--within", "7"]);
    assert_eq!(code, 1);
    assert!(text.starts_with("soon expires within 7 days"), "{text}");
    assert_eq!(check(&soon, &["--within", "0"]).0, 0);
    assert_eq!(check("nonsense", &[]).0, 2);
    let (_, text, _) = check(&expired, &["--format", "json"]);
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told[0]["faults"], json!(["has expired"]));
    assert!(!Path::new("no/such/file").exists());
    assert_eq!(run(&["exemptions", "check", "no/such/file"]).status.code(), Some(2));
}
