//! Templates of records: one kind of call, with placeholders for values that differ between calls.

use fastrand::Rng;

/// Who makes a kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// A session of a role, the most frequent caller.
    Session,
    /// An IAM user with an access key.
    User,
    /// The root user.
    Root,
    /// An AWS service, by its DNS name.
    Service(&'static str),
    /// A session of a role, through an AWS service with this DNS name.
    Through(&'static str),
}

/// One kind of call. Texts are JSON in which [`fill`] replaces the placeholders between dollar signs.
#[derive(Debug)]
pub(super) struct Template {
    /// How many of a thousand noise records are of this kind.
    pub(super) weight: u32,
    /// Who calls.
    pub(super) by: By,
    /// `eventSource` without `.amazonaws.com`.
    pub(super) source: &'static str,
    /// `eventName`.
    pub(super) name: &'static str,
    /// `readOnly`.
    pub(super) reads: bool,
    /// `errorCode` and `errorMessage`.
    pub(super) error: Option<(&'static str, &'static str)>,
    /// `requestParameters`.
    pub(super) request: &'static str,
    /// `responseElements`.
    pub(super) response: &'static str,
    /// Members that only some calls have, each followed by a comma; after `responseElements`.
    pub(super) more: &'static str,
    /// `eventType`.
    pub(super) kind: &'static str,
    /// `eventCategory` is `Data` and not `Management`.
    pub(super) data: bool,
}

/// A call that only reads; EC2 and most others answer nothing that is recorded.
pub(super) const READ: Template = Template {
    weight: 1,
    by: By::Session,
    source: "",
    name: "",
    reads: true,
    error: None,
    request: "null",
    response: "null",
    more: "",
    kind: "AwsApiCall",
    data: false,
};

/// A call that changes something.
pub(super) const WRITE: Template =
    Template { reads: false, response: r#"{"requestId":"$uuid$","_return":true}"#, ..READ };

/// The values of placeholders.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'c> {
    /// The account of the call.
    pub(super) account: &'c str,
    /// Its region.
    pub(super) region: &'c str,
    /// Its time, as CloudTrail writes it.
    pub(super) time: &'c str,
}

/// Names of workloads, and parts of such names.
const NAMES: &[&str] = &[
    "billing",
    "checkout",
    "ingest",
    "catalog",
    "search",
    "orders",
    "payments",
    "metrics",
    "session-store",
    "web",
    "etl",
    "ledger",
    "gateway",
    "mailer",
    "reports",
    "inventory",
    "pricing",
    "identity",
    "archive",
    "scheduler",
];
const STAGES: &[&str] = &["prod", "staging", "dev", "shared"];

/// `text` with its placeholders replaced: `$x17$` 17 hexadecimal digits, `$b40$` 40 characters of base64, `$d3$` 3 decimal
/// digits without 0, `$uuid$`, `$name$` the name of an application, `$stage$`, `$ip$` a private address, `$account$`,
/// `$region$`, `$time$`.
pub(super) fn fill(text: &str, context: Context<'_>, rng: &mut Rng, output: &mut String) {
    for (place, part) in text.split('$').enumerate() {
        if place % 2 == 0 {
            output.push_str(part);
            continue;
        }
        match part {
            "account" => output.push_str(context.account),
            "region" => output.push_str(context.region),
            "time" => output.push_str(context.time),
            "name" => output.push_str(rng.choice(NAMES).unwrap()),
            "stage" => output.push_str(rng.choice(STAGES).unwrap()),
            "uuid" => output.push_str(&uuid(rng)),
            "ip" => output.push_str(&format!("10.{}.{}.{}", rng.u8(0..4), rng.u8(..), rng.u8(1..255))),
            counted => {
                let (kind, count) = counted.split_at(1);
                let digits = match kind {
                    "x" => "0123456789abcdef",
                    // JSON has no number that starts with 0.
                    "d" => "123456789",
                    "b" => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
                    other => panic!("there is no placeholder {other}"),
                };
                output.push_str(&some(digits, count.parse().unwrap(), rng));
            }
        }
    }
}

/// `count` of the characters of `alphabet`.
pub(super) fn some(alphabet: &str, count: usize, rng: &mut Rng) -> String {
    (0..count).map(|_| char::from(*rng.choice(alphabet.as_bytes()).unwrap())).collect()
}

/// A UUID of version 4.
pub(super) fn uuid(rng: &mut Rng) -> String {
    uuid::Builder::from_random_bytes(rng.u128(..).to_be_bytes()).into_uuid().to_string()
}
