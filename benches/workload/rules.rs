//! Realistic sets of Sigma rules. Most rules match one call of one service, a third of them with a condition on a nested
//! field. A few match a prefix of names, a few match no name, and a tenth match everyday calls. The first ten rules match all
//! reported records, so that additional rules add work but no findings.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use fastrand::Rng;
use trailwarden::app::ConfigurationFile;
use trailwarden::rules::{Options, RuleSet};

use super::interesting::INTERESTING;
use super::noise::NOISE;
use super::template::uuid;

/// A rule.
#[derive(Debug)]
pub(crate) struct GeneratedRule {
    /// The id, by which findings are compared.
    pub(crate) id: String,
    /// Its YAML.
    pub(crate) text: String,
}

impl GeneratedRule {
    /// Writes each rule to a file in a directory.
    pub(crate) fn write_all(rules: &[Self], directory: &Path) {
        for (number, rule) in rules.iter().enumerate() {
            fs::write(directory.join(format!("generated-{number:04}.yml")), &rule.text).unwrap();
        }
    }
}

/// The configuration that loads the rules of a directory and turns the built-in rules off.
pub(crate) fn alone(directory: &Path) -> Options {
    let built_in = RuleSet::load(&[]).unwrap();
    let packs: BTreeSet<&str> = built_in.infos().filter_map(|rule| rule.pack.as_deref()).collect();
    let off: String = packs.iter().map(|pack| format!("  {pack}: false\n")).collect();
    let settings = ConfigurationFile::parse("settings", format!("packs:\n{off}")).unwrap().rules;
    Options { directories: vec![directory.to_owned()], settings, ..Options::default() }
}

/// Conditions that hold for few records, whatever the call.
const RARE: &[&str] = &[
    "userIdentity.type: Root",
    "userIdentity.sessionContext.sessionIssuer.userName|startswith: break-glass",
    "userIdentity.arn|contains: ':user/partner'",
    "sourceIPAddress: 203.0.113.$",
    "requestParameters.roleArn|endswith: role/OrganizationAccountAccessRole",
    "requestParameters.bucketName|contains: payroll-$",
    "userAgent|contains: pacu/$",
    "tlsDetails.tlsVersion: TLSv1.1",
    "errorCode: Client.UnauthorizedOperation",
];

/// Conditions that often hold for the calls that they are put to.
const COMMON: &[&str] = &[
    "userIdentity.type: AssumedRole",
    "userIdentity.sessionContext.attributes.mfaAuthenticated: 'false'",
    "awsRegion: [eu-west-1, us-east-1]",
    "userIdentity.accountId: '111122223333'",
    "eventType: AwsApiCall",
];

/// Conditions of rules that match no particular call.
const NAMELESS: &[&str] = &[
    "userAgent|contains: kali-$",
    "userIdentity.userName: former-employee-$",
    "userIdentity.accessKeyId: AKIAIOSFODNN7EXAM$",
    "sourceIPAddress: [233.252.0.$, 233.252.1.$]",
    "userIdentity.sessionContext.sessionIssuer.arn|endswith: role/emergency-$",
];

/// Conditions of rules that match many calls.
const PREFIXES: &[(&str, &str)] = &[
    ("ec2", "AuthorizeClientVpn"),
    ("cloudtrail", "StopEvent"),
    ("iam", "UpdateSAML"),
    ("kms", "Schedule"),
    ("ec2", "AttachVerified"),
    ("organizations", "Leave"),
    ("guardduty", "Delete"),
    ("config", "Stop"),
    ("lambda", "AddPermission"),
    ("s3", "DeleteBucket"),
];

/// Calls that happen all day and that people write rules about nevertheless.
const HAPPENING: &[(&str, &str)] = &[
    ("sts", "AssumeRole"),
    ("kms", "Decrypt"),
    ("ec2", "DescribeTags"),
    ("ec2", "DescribeInstances"),
    ("sts", "GetCallerIdentity"),
    ("secretsmanager", "GetSecretValue"),
    ("s3", "GetObject"),
    ("kms", "GenerateDataKey"),
];

/// One of them for a tenth of the rules: the more rules, the more of them, so that by its name a tenth of all records would
/// be looked at with 10 rules, a quarter with 100, and half of them with 1,000.
fn happening(number: usize) -> (&'static str, &'static str) {
    let among = match number {
        0..10 => 1,
        10..100 => 3,
        _ => HAPPENING.len(),
    };
    HAPPENING[number / 10 % among]
}

/// `count` rules; the same seed gives the same ones, and a larger set begins with the smaller.
pub(crate) fn generated_rules(seed: u64, count: usize) -> Vec<GeneratedRule> {
    let rng = &mut Rng::with_seed(seed ^ 0x7275_6c65);
    let known: Vec<(&str, &str)> = trailwarden::rules::known_calls().collect();
    let happens = |source: &str, name: &str| {
        let is_it = |of: &str, called: &str| called == name && source.strip_suffix(".amazonaws.com") == Some(of);
        NOISE.iter().any(|one| is_it(one.source, one.name)) || INTERESTING.iter().any(|one| is_it(one.source, one.name))
    };
    (0..count).map(|number| rule(number, &known, happens, rng)).collect()
}

fn rule(number: usize, known: &[(&str, &str)], happens: impl Fn(&str, &str) -> bool, rng: &mut Rng) -> GeneratedRule {
    let of = |conditions: &[&str], rng: &mut Rng| {
        // `$` is a number of the rule's own, so that rules differ as they do in life.
        let chosen = rng.choice(conditions.iter()).unwrap();
        chosen.replace('$', &(number % 250).to_string())
    };
    let mut fields = Vec::new();
    match (number % 50, number % 10) {
        (17, _) => fields.push(of(NAMELESS, rng)),
        (33, _) => {
            let (source, prefix) = PREFIXES[number / 50 % PREFIXES.len()];
            fields.push(format!("eventSource: {source}.amazonaws.com"));
            fields.push(format!("eventName|startswith: {prefix}"));
        }
        (_, kind) => {
            let (source, name, is_sought) = match kind {
                0 => {
                    let (source, name) = happening(number);
                    (format!("{source}.amazonaws.com"), name, false)
                }
                1..=8 if number < 10 => {
                    let interesting = &INTERESTING[kind - 1];
                    (format!("{}.amazonaws.com", interesting.source), interesting.name, true)
                }
                _ => {
                    // Fewer rules are about calls that happen all day.
                    let drawn = [rng.choice(known).unwrap(), rng.choice(known).unwrap()];
                    let (source, name) =
                        drawn.into_iter().find(|(source, name)| !happens(source, name)).unwrap_or(drawn[0]);
                    ((*source).to_owned(), *name, false)
                }
            };
            fields.push(format!("eventSource: {source}"));
            fields.push(format!("eventName: {name}"));
            // Rules for reported records must match them.
            if !is_sought && happens(&source, name) {
                fields.push(of(RARE, rng));
            } else if rng.u32(0..100) < 28 {
                fields.push(of(if rng.bool() { RARE } else { COMMON }, rng));
            }
        }
    }
    let id = uuid(rng);
    let fields: String = fields.iter().map(|field| format!("    {field}\n")).collect();
    let text = format!(
        "title: Generated rule {number}\nid: {id}\nname: generated-{number:04}\nstatus: test\n\
         logsource: {{product: aws, service: cloudtrail}}\ndetection:\n  call:\n{fields}  condition: call\nlevel: medium\n"
    );
    GeneratedRule { id, text }
}
