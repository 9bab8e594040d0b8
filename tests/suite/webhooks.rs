//! Alerts by webhook: what is posted, to whom, and the configuration.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use trailwarden::alert::{Alert, AlertGroup, Post, Resolved, Route, SecretName, Webhook, WebhookKind};
use trailwarden::app::ConfigurationFile;
use trailwarden::finding::{Finding, Severity, Suppression, ocsf};
use trailwarden::text::visible_json;

use crate::alerts::{HIDDEN, at_least, blocked, finding, grouped, now, one_of_each_rule, storm, strings};

/// Columns of a phone held upright.
const PHONE: usize = 40;

fn webhook(kind: WebhookKind) -> Webhook {
    Webhook {
        name: kind.name().to_owned(),
        kind,
        secret: SecretName::parse("ssm:/secret").unwrap(),
        url: None,
        channel: None,
        route: Route::at_least(Severity::Informational),
    }
}

/// What each kind of webhook receives.
pub(crate) fn posts(alert: &Alert<'_>, now: Timestamp) -> Vec<(WebhookKind, Value)> {
    WebhookKind::ALL.map(|kind| (kind, webhook(kind).post(alert, now).body)).to_vec()
}

/// The same of a resolved problem.
pub(crate) fn resolved_posts(resolved: &Resolved) -> Vec<(WebhookKind, Value)> {
    WebhookKind::ALL.map(|kind| (kind, webhook(kind).resolved(resolved).body)).to_vec()
}

pub(crate) fn caption(kind: WebhookKind) -> &'static str {
    match kind {
        WebhookKind::Slack => "Slack webhook",
        WebhookKind::Teams => "Teams webhook",
        WebhookKind::PagerDuty => "PagerDuty",
        WebhookKind::Json => "JSON webhook",
    }
}

/// The lines that people see of a message. For a program, its summary.
pub(crate) fn shown(kind: WebhookKind, body: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let unescaped = |text: &str| text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    match kind {
        WebhookKind::Slack => {
            let blocks = body["blocks"].as_array().unwrap().iter();
            let texts = blocks.flat_map(|block| {
                match block["type"].as_str().unwrap() {
                    "context" => text(&block["elements"][0]["text"]),
                    _ => text(&block["text"]["text"]),
                }
                .lines()
                .map(unescaped)
                .collect::<Vec<_>>()
            });
            texts.collect()
        }
        WebhookKind::Teams => {
            let card = &body["attachments"][0]["content"];
            let blocks = card["body"].as_array().unwrap().iter();
            let lines = blocks.map(|block| {
                block["inlines"].as_array().unwrap().iter().map(|run| text(&run["text"])).collect::<String>()
            });
            let actions = card["actions"].as_array().unwrap().iter();
            lines.chain(actions.map(|action| format!("[{}]", text(&action["title"])))).collect()
        }
        WebhookKind::PagerDuty => {
            let mut lines = vec![format!("{} {}", text(&body["event_action"]), text(&body["dedup_key"]))];
            if let Some(payload) = body["payload"].as_object() {
                lines.push(text(&payload["summary"]));
                for name in ["severity", "source", "component", "group", "class", "timestamp"] {
                    lines.push(format!("{name}: {}", text(&payload[name])));
                }
                let details = payload["custom_details"].as_object().unwrap().iter();
                lines.extend(details.map(|(name, value)| format!("{name}: {}", text(value))));
            }
            lines
        }
        WebhookKind::Json => {
            let names = ["kind", "severity", "status", "rule", "account", "region", "message"];
            let lines = names.map(|name| format!("{name}: {}", text(&body[name])));
            lines.into_iter().chain([format!("count: {}, omitted: {}", body["count"], body["omitted"])]).collect()
        }
    }
}

/// The messages as text, for a snapshot.
pub(crate) fn posts_text(posts: &[(WebhookKind, Value)]) -> String {
    let one =
        |(kind, body): &(WebhookKind, Value)| format!("\n--- {}\n{}\n", kind.name(), shown(*kind, body).join("\n"));
    posts.iter().map(one).collect()
}

/// Asserts that no message contains a part of [`crate::alerts::HOSTILE`] that its application acts on, and no URL but
/// `links`.
pub(crate) fn harmless_posts(posts: &[(WebhookKind, Value)], links: &[String]) {
    for (kind, body) in posts {
        let json = visible_json(body);
        assert!(!json.contains(HIDDEN), "{json}");
        if *kind == WebhookKind::Json {
            // A program gets the values as they are, escaped as JSON.
            assert!(serde_json::from_str::<Value>(&json).is_ok());
            continue;
        }
        let mut texts = Vec::new();
        strings(body, &mut texts);
        let ours = ["http://adaptivecards.io/schemas/adaptive-card.json"];
        for text in &texts {
            let links = links.iter().map(String::as_str).chain(ours);
            let text =
                links.fold(text.clone(), |text, link| text.replace(link, "").replace(&link.replace('&', "&amp;"), ""));
            let text = text.replace("<|About>", "");
            for mark in ["<!", "<@", "<at>", "](", "http://", "https://", "<script", "\u{2705}", ":white_check_mark:"] {
                assert!(!text.contains(mark), "{mark} in {kind:?}: {text:?}");
            }
            if *kind == WebhookKind::Slack {
                assert!(!text.contains(['<', '>']) && !text.contains("@here"), "{text:?}");
                // Between backticks, nothing is a mark.
                let text: String = text.split('`').step_by(2).collect();
                assert!(!text.contains("*b*") && !text.contains("_i_") && !text.contains("`id`"), "{text:?}");
            } else {
                let is_command = text.contains(" aws iam ");
                assert!(is_command || !text.contains(" evil.example"), "{kind:?}: {text:?}");
            }
        }
    }
}

fn resolved() -> Resolved {
    let finding = finding("rules/sg-ingress-world-admin/hit-items.json", "sg-ingress-world-admin");
    let mut document = ocsf::document(&finding, now());
    document["status_id"] = 4.into();
    document["message"] = "Trailwarden undid it with the action revoke-ingress-rules (a-1).".into();
    Resolved::of(&document).unwrap()
}

#[test]
fn a_storm_its_digest_and_a_resolved_problem_read_like_this_on_webhooks() {
    let group = grouped(&storm(24), &at_least(Severity::Low)).remove(0);
    let digest = group.clone().into_digest(3);
    let texts = [
        posts_text(&posts(&group.alert().unwrap(), now())),
        posts_text(&posts(&digest.alert().unwrap(), now())),
        posts_text(&resolved_posts(&resolved())),
    ];
    insta::assert_snapshot!(texts.join("\n==========\n"));
}

#[test]
fn the_requests_to_slack_and_teams_look_like_this() {
    let all = [finding("rules/sg-ingress-world-admin/hit-items.json", "sg-ingress-world-admin")];
    let group = grouped(&all, &at_least(Severity::Low)).remove(0);
    let bodies: Vec<String> = posts(&group.alert().unwrap(), now())
        .iter()
        .filter(|(kind, _)| *kind != WebhookKind::Json)
        .map(|(_, body)| serde_json::to_string_pretty(body).unwrap())
        .collect();
    insta::assert_snapshot!(bodies.join("\n"));
}

#[test]
fn a_suppressed_finding_is_posted_nowhere() {
    let mut all = blocked(&["vpc-1"]);
    let [exemption, owner, reason, expires] = ["e", "o", "r", "9999-12-31"].map(str::to_owned);
    all[0].suppression =
        Some(Suppression { exemption, owner, reason, ticket: None, expires: Some(expires), also: Vec::new() });
    assert_eq!(grouped(&all, &at_least(Severity::Informational)).len(), 0);
}

#[test]
fn every_message_answers_the_questions_of_its_reader_within_its_first_lines() {
    for (rule, group) in one_of_each_rule() {
        let alert = group.alert().unwrap();
        for (kind, body) in posts(&alert, now()).into_iter().filter(|(kind, _)| *kind != WebhookKind::Json) {
            let lines = shown(kind, &body);
            // A line of a chat wraps on a phone.
            let columns: Vec<String> = lines
                .iter()
                .flat_map(|line| {
                    let chars: Vec<char> = line.chars().collect();
                    chars.chunks(PHONE).map(|chunk| chunk.iter().collect::<String>()).collect::<Vec<_>>()
                })
                .collect();
            let screens = columns.iter().take(120).cloned().collect::<Vec<_>>().join("");
            for label in ["Who:", "When:", "Where:", "Why:", "Undo:"] {
                assert!(screens.contains(label), "{rule} has no {label} on {kind:?}: {}", lines.join("\n"));
            }
            let severity = alert.severity().caption().to_uppercase();
            assert!(lines.iter().take(2).any(|line| line.contains(&severity)), "{rule}: {}", lines.join("\n"));
            let json = body.to_string();
            for command in
                ["aws ec2 delete-", "aws iam delete-", "aws ec2 detach-", "aws ec2 disassociate-", "aws ec2 terminate-"]
            {
                assert!(!json.contains(command), "{rule} on {kind:?}: {json}");
            }
        }
    }
}

#[test]
fn messages_fit_the_limits_of_their_services() {
    let mut all = storm(1500);
    for finding in &mut all {
        finding.actor.name = "\u{6771}".repeat(2000);
        finding.resources.iter_mut().for_each(|resource| resource.id = "\u{6771}\"".repeat(200));
        finding.call.user_agent = Some("<".repeat(2000));
        finding.origin.region = "&".repeat(2000);
    }
    let mut groups = grouped(&all, &at_least(Severity::Low));
    groups.extend(grouped(&all[..1], &at_least(Severity::Low)));
    for group in &groups {
        let alert = group.alert().unwrap();
        for (kind, body) in posts(&alert, now()) {
            let bytes = visible_json(&body).len();
            let max = match kind {
                WebhookKind::Slack => 40_000,
                WebhookKind::Teams => 28 * 1024,
                WebhookKind::PagerDuty => 512_000,
                WebhookKind::Json => 256 * 1024 - 2048,
            };
            assert!(bytes <= max, "{kind:?} has {bytes} bytes");
            if kind == WebhookKind::Slack {
                let blocks = body["blocks"].as_array().unwrap();
                assert!(blocks.len() <= 50);
                let length = |value: &Value| value.as_str().unwrap_or_default().chars().count();
                assert!(length(&blocks[0]["text"]["text"]) <= 150);
                assert!(blocks[1..].iter().all(|block| length(&block["text"]["text"]) <= 3000));
            }
            if kind == WebhookKind::PagerDuty {
                assert!(body["payload"]["summary"].as_str().unwrap().chars().count() <= 1024);
                assert!(body["dedup_key"].as_str().unwrap().len() <= 255);
            }
            if kind == WebhookKind::Json {
                let listed = body["findings"].as_array().unwrap().len();
                assert_eq!(body["omitted"].as_u64().unwrap() + listed as u64, alert.count());
            }
        }
    }
}

#[test]
fn an_incident_has_the_id_of_its_problem_and_is_resolved_by_it() {
    let all = [finding("rules/sg-ingress-world-admin/hit-items.json", "sg-ingress-world-admin")];
    let group = grouped(&all, &at_least(Severity::Low)).remove(0);
    let Post { body, thread, .. } = webhook(WebhookKind::PagerDuty).post(&group.alert().unwrap(), now());
    assert_eq!(
        (body["event_action"].as_str(), body["dedup_key"].as_str()),
        (Some("trigger"), Some(all[0].uid().as_str()))
    );
    assert_eq!(body["payload"]["severity"], "critical");
    let closing = webhook(WebhookKind::PagerDuty).resolved(&resolved());
    assert_eq!(closing.body, json!({"event_action": "resolve", "dedup_key": thread}));
    // Several findings are one incident, which their digest updates.
    let many = grouped(&storm(24), &at_least(Severity::Low)).remove(0);
    let key = |group: &AlertGroup| {
        webhook(WebhookKind::PagerDuty).post(&group.alert().unwrap(), now()).body["dedup_key"].clone()
    };
    assert_eq!(key(&many), key(&many.clone().into_digest(0)));
    assert_eq!(key(&many), Value::String(many.id()));
}

#[test]
fn a_route_selects_by_severity_rule_pack_and_account() {
    let critical = grouped(
        &[finding("rules/sg-ingress-world-admin/hit-items.json", "sg-ingress-world-admin")],
        &at_least(Severity::Low),
    )
    .remove(0);
    let medium = grouped(&blocked(&["vpc-1"]), &at_least(Severity::Low)).remove(0);
    let admitted = |change: &dyn Fn(&mut Route)| {
        let mut route = Route::at_least(Severity::Low);
        change(&mut route);
        [&critical, &medium].map(|group| route.admits(group))
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(admitted(&|_| {}), [true, true]);
    assert_eq!(admitted(&|route| route.min_severity = Severity::High), [true, false]);
    assert_eq!(admitted(&|route| route.rules = names(&["sg-ingress-world-admin"])), [true, false]);
    assert_eq!(admitted(&|route| route.rules = names(&["blocked-actions"])), [false, true]);
    assert_eq!(admitted(&|route| route.except_rules = names(&["blocked-actions"])), [true, false]);
    assert_eq!(admitted(&|route| route.accounts = names(&["111122223333"])), [true, true]);
    assert_eq!(admitted(&|route| route.accounts = names(&["444455556666"])), [false, false]);
    assert_eq!(admitted(&|route| route.except_accounts = names(&["111122223333"])), [false, false]);
    let mut route = Route::at_least(Severity::Low);
    assert!(route.admits_resolved(&resolved()));
    route.except_rules = names(&["network"]);
    assert!(!route.admits_resolved(&resolved().with_pack(|_| Some("network".to_owned()))));
}

fn configured(webhooks: &str) -> (Vec<Webhook>, Vec<String>) {
    let text = format!("webhooks:\n{webhooks}");
    let file = ConfigurationFile::parse("trailwarden.yml", text).unwrap();
    (file.webhooks.clone(), file.diagnostics().iter().map(ToString::to_string).collect())
}

#[test]
fn webhooks_are_configured_by_name_kind_secret_and_route() {
    let (webhooks, faults) = configured(
        "- {name: oncall, kind: pagerduty, secret: 'ssm:/trailwarden/pagerduty', min-severity: high}\n\
         - {name: bot, kind: slack, secret: 'secretsmanager:trailwarden/slack', channel: C0123456789, except-rules: [tamper]}\n\
         - {name: siem, kind: json, secret: 'ssm:siem', url: 'https://siem.example.com/in', accounts: ['111122223333']}\n",
    );
    assert_eq!(faults, [""; 0]);
    let secrets: BTreeMap<&str, &str> =
        webhooks.iter().map(|one| (one.name.as_str(), one.secret.parameter())).collect();
    assert_eq!(secrets["oncall"], "/trailwarden/pagerduty");
    assert_eq!(secrets["bot"], "/aws/reference/secretsmanager/trailwarden/slack");
    assert_eq!(webhooks[0].route.min_severity, Severity::High);
    assert_eq!(webhooks[1].route.min_severity, Severity::Medium);
    assert_eq!(webhooks[1].route.except_rules, ["tamper"]);
}

#[test]
fn invalid_webhooks_are_reported_with_their_lines() {
    let (webhooks, faults) = configured(
        "- {name: a b, kind: slak, secret: 'https://hooks.slack.com/services/T/B/x'}\n\
         - {name: teams, kind: teams, secret: 'ssm:/t', url: 'https://x.example/y', channel: C1}\n\
         - {name: slack, kind: slack, secret: 'ssm:/s', url: 'https://hooks.slack.com/x', min-severity: urgent}\n\
         - {name: siem, kind: json, secret: 'ssm:siem', accounts: ['12']}\n\
         - {name: plain, kind: json, secret: 'ssm:siem', url: 'http://siem.example/in'}\n\
         - {name: twice, kind: pagerduty, secret: 'ssm:p'}\n\
         - {name: twice, kind: pagerduty, secret: 'ssm:p'}\n",
    );
    assert_eq!(webhooks.len(), 1);
    insta::assert_snapshot!(faults.join("\n"));
}

#[test]
fn names_of_rules_that_do_not_exist_are_reported() {
    let text = "webhooks: [{name: a, kind: pagerduty, secret: 'ssm:p', rules: [trail-stoped], except-rules: [tamper]}]";
    let file = ConfigurationFile::parse("trailwarden.yml", text.to_owned()).unwrap();
    let (_, faults) = trailwarden::app::Configuration::of_file(file).check_rules();
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(faults, ["trailwarden.yml:1: there is no rule or pack `trail-stoped` (did you mean `trail-stopped`?)"]);
}

#[test]
fn messages_contain_no_record() {
    let finding: Finding = finding("rules/sg-ingress-world-admin/hit-items.json", "sg-ingress-world-admin");
    let group = grouped(&[finding], &at_least(Severity::Low)).remove(0);
    for (kind, body) in posts(&group.alert().unwrap(), now()) {
        assert!(!body.to_string().contains("raw_data"), "{kind:?}");
    }
}
