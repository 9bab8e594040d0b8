//! Sets of rules: built in, public, generated, and some in every form in which a rule may look for something.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use trailwarden::app::{Configuration, ConfigurationFile};
use trailwarden::rules::{Options, RuleSet, UnusableRules};
use trailwarden::suppress::Exemptions;

use super::compare::Ways;

/// Detections, by how little they say about the call; each is a rule.
pub(crate) const FORMS: &[(&str, &[&str])] = &[
    (
        "no call",
        &[
            "s: {userAgent|contains: kali-linux}\ncondition: s",
            "s: {userAgent|contains: [pacu/, TruffleHog, 'S3 Browser']}\ncondition: s",
            "s: {userAgent|startswith: 'aws-cli/2', sourceIPAddress: 203.0.113.7}\ncondition: s",
            "s: {userIdentity.arn|endswith: ':role/admin'}\ncondition: s",
            "s: {errorCode: [AccessDenied, Client.UnauthorizedOperation]}\ncondition: s",
            "s: {eventname: DeleteTrail}\ncondition: s",
        ],
    ),
    (
        "parts of a record",
        &[
            "s: {userAgent|contains: pacu, errorCode: AccessDenied}\ncondition: s",
            "a: {userAgent|contains: kali-linux}\nb: {errorCode: [AccessDenied, Client.UnauthorizedOperation]}\ncondition: a or b",
            "a: {userAgent|contains: aws-cli}\nb: {eventType: AwsApiCall}\nc: {errorCode: AccessDenied}\ncondition: (a or b) and c",
            "s:\n  - userAgent|contains: Botocore\n    errorCode: AccessDenied\n  - eventSource|contains: organizations\ncondition: s",
            "a: {userIdentity.type: AssumedRole}\nb: {EventName: DeleteTrail}\nc: {userIdentity.arn|contains: admin}\ncondition: a and (b or c)",
        ],
    ),
    (
        "regular expressions",
        &[
            "s: {userIdentity.arn|re: '(user|role|assumed-role)/adm?in'}\ncondition: s",
            "s: {userAgent|re|i: '(?:aws-cli|boto(3|core))/[0-9.]+ .*linux'}\ncondition: s",
            "s: {userAgent|re: ['^(?i)KALI', 'pacu?', '[Tt]ruffle(Hog)+']}\ncondition: s",
            "s: {sourceIPAddress|re: '^203\\.0\\.113\\.[0-9]{1,3}$'}\ncondition: s",
            "s: {requestParameters.policy|re|all: ['Allow', '\"Action\":.*sts:AssumeRole']}\ncondition: s",
            "s: {requestParameters|re: 'policy|name'}\ncondition: s",
            "s: {errorCode|re: 'Access ?Denied|Unauthorized(Operation)?'}\ncondition: s",
            "s: {errorCode|re: '^$'}\ncondition: s",
        ],
    ),
    (
        "keywords",
        &[
            "keywords: [kali-linux, TruffleHog]\ncondition: keywords",
            "keywords: {'|all': [eventName, DeleteTrail]}\ncondition: keywords",
            "keywords: ['C:\\Users\\root', 'b?c=d&e=f', 'text\" in']\ncondition: keywords",
            "keywords: ['*role/adm?n*']\ncondition: keywords",
            "a: [pacu]\nb: {eventSource: sts.amazonaws.com}\ncondition: a and b",
        ],
    ),
    (
        "all",
        &[
            "s: {userAgent|contains|all: [aws-cli, Botocore]}\ncondition: s",
            "s: {eventName|contains|all: [Delete, Trail]}\ncondition: s",
            "s: {requestParameters.policy|contains|all: ['Allow', '\"*\"']}\ncondition: s",
        ],
    ),
    (
        "selections",
        &[
            "sel_a: {eventName: DeleteTrail}\nsel_b: {eventSource: ec2.amazonaws.com, errorCode: AccessDenied}\ncondition: 1 of sel_*",
            "sel_a: {eventSource: cloudtrail.amazonaws.com}\nsel_b: {eventName: [DeleteTrail, StopLogging]}\ncondition: all of sel_*",
            "sel_a: {eventSource: cloudtrail.amazonaws.com}\nsel_b: {userAgent|contains: pacu}\n_c: {eventName: GetObject}\ncondition: 1 of them",
            "sel_a: {eventSource: ec2.amazonaws.com}\nsel_b: {awsRegion: eu-west-1}\nsel_c: {eventType: AwsApiCall}\ncondition: 2 of sel_*",
            "s:\n  - eventName: RunInstances\n    eventSource: ec2.amazonaws.com\n  - userAgent|contains: kali\ncondition: s",
            "s: {eventName: DeleteTrail}\nt: {eventName: StopLogging}\ncondition: s or t",
        ],
    ),
    (
        "negations",
        &[
            "s: {eventSource: sts.amazonaws.com}\nf: {userIdentity.type: AssumedRole}\ncondition: s and not f",
            "s: {eventName: AssumeRole}\nf: {userAgent|contains: amazonaws}\ncondition: s and not f",
            "s: {eventSource: kms.amazonaws.com, awsRegion|neq: eu-west-1}\ncondition: s",
            "s: {eventName|exists: false}\ncondition: s",
            "s: {eventSource: iam.amazonaws.com, errorCode: null}\ncondition: s",
            "s: {eventSource: iam.amazonaws.com, errorCode: [null, AccessDenied]}\ncondition: s",
            "s: {eventSource: s3.amazonaws.com, errorCode|exists: true}\ncondition: s",
        ],
    ),
    (
        "failures",
        &[
            "s: {eventSource: ec2.amazonaws.com}\nf: {errorCode: '?*'}\ncondition: s and not f",
            "s: {eventSource: s3.amazonaws.com}\nf: {errorCode: '?*'}\ncondition: (s and not f) or not f",
            "s: {eventSource: iam.amazonaws.com}\nt: {eventName: AssumeRole}\nf: {errorCode: '?*'}\ncondition: (s or t) and not f",
        ],
    ),
    (
        "failures and others",
        &[
            "s: {eventSource: ec2.amazonaws.com}\nf: {errorCode: '?*'}\ncondition: s and not f",
            "s: {eventSource: ec2.amazonaws.com, eventName: RunInstances}\nf: {errorCode: '?*'}\ncondition: s or not f",
            "s: {eventSource: kms.amazonaws.com}\nf: {errorCode: '?*', awsRegion: eu-west-1}\ncondition: s and not f",
            "s: {eventSource: s3.amazonaws.com}\nf: {errorCode: '*'}\ncondition: s and not f",
            "s: {eventSource: sts.amazonaws.com}\nf: {errorCode|exists: true}\ncondition: s and not f",
            "s: {eventSource: iam.amazonaws.com}\nf: {errorcode: '?*'}\ncondition: s and not f",
        ],
    ),
    (
        "errors asked for twice",
        &[
            "s: {eventSource: ec2.amazonaws.com}\nf: {errorCode: '?*'}\ng: {errorCode: AccessDenied}\ncondition: s and not f and not g",
            "s: {eventSource: ec2.amazonaws.com, eventName|fieldref: errorCode}\nf: {errorCode: '?*'}\ncondition: s and not f",
        ],
    ),
    (
        "live state",
        &[
            "s: {live.unanswered: '?*'}\ncondition: s",
            "s: {eventSource: iam.amazonaws.com, live.role.administrator: null}\ncondition: s",
            "s: {eventSource: ec2.amazonaws.com, live.route.reach: [null, world]}\ncondition: s",
            "s: {eventSource: ec2.amazonaws.com, live.ingress.world|exists: false}\ncondition: s",
            "s: {eventSource: iam.amazonaws.com}\nf: {live.role.administrator: '?*'}\ncondition: s and not f",
            "s:\n  live.role.statements[any]:\n    verdict: public\ncondition: s",
        ],
    ),
    (
        "not at all",
        &[
            "s: {eventSource: ec2.amazonaws.com}\ncondition: not s",
            "f: {userAgent|contains: [a, e, i]}\ncondition: not f",
        ],
    ),
    (
        "wildcards",
        &[
            "s: {eventName: 'Delete*'}\ncondition: s",
            "s: {eventName: '*Ins?ances', eventSource: ec2*}\ncondition: s",
            "s: {eventName|startswith: [Stop, Create]}\ncondition: s",
            "s: {eventName|endswith: 20150331v2}\ncondition: s",
            "s: {eventSource|endswith: .cn}\ncondition: s",
            "s: {eventName: '\\*'}\ncondition: s",
            "s: {eventName: 'Delete\\?'}\ncondition: s",
            "s: {userAgent: 'aws-cli/*Botocore*', eventSource: 's?s.amazonaws.com'}\ncondition: s",
        ],
    ),
    (
        "expressions",
        &[
            "s: {eventName|re: '^(Delete|Stop).*'}\ncondition: s",
            "s: {eventName|cased: RunInstances}\ncondition: s",
            "s: {eventName|contains|cased: Assume}\ncondition: s",
            "s: {eventSource: ec2.amazonaws.com, userAgent|re|i: 'boto[0-9]'}\ncondition: s",
            "s: {userAgent|cased: kali-linux}\ncondition: s",
        ],
    ),
    (
        "other letters",
        &[
            "s: {eventName: '\u{212a}msDelete'}\ncondition: s",
            "s: {eventName: 'ListBuc\u{212a}*'}\ncondition: s",
            "s: {eventName|startswith: 'De\u{17f}c'}\ncondition: s",
            "s: {eventName: '*e\u{17f}cribe*'}\ncondition: s",
            "s: {eventSource|contains: '\u{212a}ms'}\ncondition: s",
            "s: {eventName: Créer}\ncondition: s",
            "s: {userAgent|contains: '\u{212a}ali-linux'}\ncondition: s",
            "s: {userAgent|contains: '\u{17f}traße'}\ncondition: s",
        ],
    ),
    (
        "values",
        &[
            "s: {readOnly: true}\ncondition: s",
            "s: {readOnly: 'false', eventSource: ec2.amazonaws.com}\ncondition: s",
            "s: {requestParameters.fromPort: 22}\ncondition: s",
            "s: {requestParameters.maxResults: '22.0'}\ncondition: s",
            "s: {userAgent: 22}\ncondition: s",
            "s: {userAgent: '1e5'}\ncondition: s",
            "s: {userAgent: '100000.0'}\ncondition: s",
            "s: {errorMessage: ''}\ncondition: s",
            "s: {userAgent: 'a:b, c'}\ncondition: s",
            "s: {userAgent|contains: ': '}\ncondition: s",
            "s: {userAgent: 'quoted \"text\" in it'}\ncondition: s",
            "s: {userAgent: 'back\\slash'}\ncondition: s",
            "s: {userAgent: 'https://example.com/a/b?c=d&e=f'}\ncondition: s",
            "s: {eventName: null}\ncondition: s",
            "s: {eventName: [22, true]}\ncondition: s",
            "s: {eventName: ''}\ncondition: s",
            "s: {recipientAccountId: 111122223333, userIdentity.type: root}\ncondition: s",
        ],
    ),
    (
        "inside",
        &[
            "s: {requestParameters|contains: 'cidrIp'}\ncondition: s",
            "s: {requestParameters|contains: '\"cidrIp\":\"0.0.0.0/0\"'}\ncondition: s",
            "s: {requestParameters|contains: 'a\":true'}\ncondition: s",
            "s: {responseElements|contains: 'return\":true'}\ncondition: s",
            "s: {requestParameters.ipPermissions.items.ipRanges.items.cidrIp: 0.0.0.0/0}\ncondition: s",
            "s: {userIdentity.sessionContext.attributes.mfaAuthenticated: 'false', eventName: CreateRole}\ncondition: s",
            "s: {requestParameters.eventName: DeleteTrail}\ncondition: s",
            "s: {requestParameters: DeleteTrail}\ncondition: s",
            "s: {userIdentity|contains: 'Root'}\ncondition: s",
            "s: {requestParameters|contains: '\"fromPort\":22,\"toPort\":22'}\ncondition: s",
        ],
    ),
    (
        "arrays",
        &[
            "s:\n  requestParameters.ipPermissions.items[any]:\n    ipProtocol: tcp\n    fromPort: 22\ncondition: s",
            "s:\n  resources[any]:\n    type|contains: 'AWS::S3'\n  eventSource: s3.amazonaws.com\ncondition: s",
            "s:\n  requestParameters.tagSpecificationSet.items[all]:\n    resourceType: subnet\ncondition: s",
            "s:\n  resources[any]:\n    - accountId: '111122223333'\n    - type: 'AWS::KMS::Key'\ncondition: s",
        ],
    ),
    (
        "facts",
        &[
            "s: {call.operation: UpdateFunctionCode}\ncondition: s",
            "s: {call.operation|startswith: AddPerm}\ncondition: s",
            "s:\n  exposure.ingress[any]:\n    reach: world\ncondition: s",
            "s: {trust.policy.verdict: public}\ncondition: s",
            "s: {exposure.undecided|exists: true}\ncondition: s",
        ],
    ),
    (
        "narrow",
        &[
            "s: {eventSource: ec2.amazonaws.com, eventName: DescribeInstances, userAgent|contains: kali-linux}\ncondition: s",
            "s: {eventSource: sts.amazonaws.com, eventName: AssumeRole, requestParameters.roleArn|endswith: role/admin}\ncondition: s",
            "s: {eventSource: s3.amazonaws.com, eventName: GetObject, sourceIPAddress: 203.0.113.7}\ncondition: s",
            "s: {eventSource: kms.amazonaws.com, eventName: Decrypt, errorCode: AccessDenied}\ncondition: s",
        ],
    ),
];

fn nothing(_: &RuleSet) -> Exemptions {
    Exemptions::default()
}

fn examples<'r>(root: &'r Path) -> impl Fn(&RuleSet) -> Exemptions + 'r {
    move |rules| Exemptions::read(&root.join("fixtures/exemptions/examples.yml"), rules).unwrap()
}

/// The built-in rules: as they come; and all of them, with exemptions and their reasons in full.
pub(crate) fn built_in(root: &Path) -> Vec<Ways> {
    let all = || {
        let set = RuleSet::load(&[]).unwrap();
        let enabled = set.rules().iter().filter(|rule| !rule.runs()).map(|rule| rule.info().name.clone()).collect();
        let file = ConfigurationFile::read(&root.join("fixtures/rules/trailwarden.yml")).unwrap();
        let trusted_accounts = vec!["111122223333".to_owned(), "193672423079".to_owned()];
        let enabled_rules = enabled;
        Configuration { enabled_rules, file, trusted_accounts, explain: true, ..Configuration::default() }
            .rules()
            .unwrap()
    };
    vec![
        Ways::new("built-in rules", || RuleSet::load(&[]).unwrap(), nothing),
        Ways::new("all built-in rules", all, examples(root)),
    ]
}

/// The built-in rules beside the Sigma rules of a directory.
pub(crate) fn beside(directory: &Path) -> Ways {
    let options =
        Options { directories: vec![directory.to_owned()], unusable: UnusableRules::Skip, ..Options::default() };
    Ways::new("public rules", || RuleSet::load_with(&options).unwrap(), nothing)
}

/// A set of these rules, each its YAML, without those that are built in.
pub(crate) fn alone(name: &str, rules: &[String], explain: bool) -> Ways {
    let directory = tempfile::tempdir().unwrap();
    for (number, rule) in rules.iter().enumerate() {
        fs::write(directory.path().join(format!("rule-{number:04}.yml")), rule).unwrap();
    }
    let packs: Vec<String> = RuleSet::load(&[]).unwrap().infos().filter_map(|rule| rule.pack.clone()).collect();
    let mut off = packs.clone();
    off.sort();
    off.dedup();
    let off: String = off.iter().map(|pack| format!("  {pack}: false\n")).collect();
    let settings = ConfigurationFile::parse("settings", format!("packs:\n{off}")).unwrap().rules;
    let options = Options { directories: vec![directory.path().to_owned()], settings, explain, ..Options::default() };
    Ways::new(name, || RuleSet::load_with(&options).unwrap_or_else(|faults| panic!("{name}: {faults}")), nothing)
}

/// No rules at all.
pub(crate) fn none() -> RuleSet {
    let packs: BTreeSet<String> = RuleSet::load(&[]).unwrap().infos().filter_map(|rule| rule.pack.clone()).collect();
    let off: String = packs.iter().map(|pack| format!("  {pack}: false\n")).collect();
    Configuration::of_file(ConfigurationFile::parse("settings", format!("packs:\n{off}")).unwrap()).rules().unwrap()
}

fn rule(detection: &str) -> String {
    let detection: String = detection.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "title: A form\nlogsource: {{product: aws, service: cloudtrail}}\nsigma-version: 3\ndetection:\n{detection}level: low\n"
    )
}

/// Each form of [`FORMS`]: those of one kind together.
pub(crate) fn forms() -> Vec<Ways> {
    let kinds = FORMS.iter().enumerate().map(|(place, (name, detections))| {
        let rules: Vec<String> = detections.iter().map(|detection| rule(detection)).collect();
        alone(name, &rules, place % 3 == 0)
    });
    kinds.collect()
}

/// The literals that a rule with this detection requires.
pub(crate) fn required_literals(detection: &str) -> Vec<Vec<String>> {
    let ways = alone(detection, &[rule(detection)], false);
    let own = ways.rules().rules().iter().find(|rule| !rule.is_built_in()).unwrap();
    own.required_literals().0.clone()
}
