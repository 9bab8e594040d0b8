//! Records as CloudWatch Logs delivers them to a Lambda function: a batch in its compact layout, gzip, base64, an envelope.

use std::io::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::record::{Record, Records};

/// What stands around the base64.
const BEFORE: &str = r#"{"awslogs":{"data":""#;
const AFTER: &str = r#""}}"#;

/// How much there is of a workload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// What it is called.
    pub(crate) name: &'static str,
    /// Payloads.
    pub(crate) payloads: usize,
    /// Least bytes of one of them, decompressed.
    pub(crate) bytes: usize,
}

/// What a quiet account delivers. Each workload is some 32 MB: with little to do, a lane measures what others left in the
/// caches.
pub(crate) const SMALL: Size = Size { name: "64 KB", payloads: 512, bytes: 65_536 };
/// The most of what CloudWatch Logs delivers in practice: a batch of PutLogEvents has at most 1 MiB.
pub(crate) const MEDIUM: Size = Size { name: "1 MB", payloads: 32, bytes: 1_048_576 };
/// More than an asynchronous invocation takes.
pub(crate) const LARGE: Size = Size { name: "8 MB", payloads: 4, bytes: 8_388_608 };

/// One payload.
#[derive(Debug)]
pub(crate) struct Payload {
    /// The JSON that the function receives.
    pub(crate) text: String,
    /// Bytes of the batch in it, decompressed.
    pub(crate) bytes: usize,
    /// Bytes of the gzip in it.
    pub(crate) gzip_bytes: usize,
    /// Records in it.
    pub(crate) records: usize,
}

impl Payload {
    /// A payload of these records, each with the time of its delivery in milliseconds since 1970.
    fn of<'r>(records: impl Iterator<Item = (&'r str, i64)>) -> Self {
        let mut batch = String::from(
            r#"{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"org-trail-logs","logStream":"111122223333_CloudTrail_eu-west-1_3","subscriptionFilters":["trailwarden"],"logEvents":["#,
        );
        let mut count = 0;
        for (text, time) in records {
            if count > 0 {
                batch.push(',');
            }
            let message = serde_json::Value::from(text);
            // 56 digits: the time, and then the place, as far as anybody can tell.
            batch.push_str(&format!(
                r#"{{"id":"39{time}8712093412870562{count:025}","timestamp":{time},"message":{message}}}"#
            ));
            count += 1;
        }
        batch.push_str("]}");
        let mut gzip = GzEncoder::new(Vec::new(), Compression::new(6));
        gzip.write_all(batch.as_bytes()).unwrap();
        let gzip = gzip.finish().unwrap();
        let text = format!("{BEFORE}{}{AFTER}", BASE64_STANDARD.encode(&gzip));
        Self { text, bytes: batch.len(), gzip_bytes: gzip.len(), records: count }
    }

    /// The base64 in it.
    pub(crate) fn data(&self) -> &str {
        self.text.strip_prefix(BEFORE).and_then(|rest| rest.strip_suffix(AFTER)).unwrap()
    }
}

/// Payloads that are measured together.
#[derive(Debug)]
pub(crate) struct Workload {
    /// What it is called.
    pub(crate) name: &'static str,
    /// The payloads.
    pub(crate) payloads: Vec<Payload>,
    /// How many of the records the built-in rules report; only known of generated ones.
    pub(crate) interesting: usize,
}

impl Workload {
    /// A workload from a seed.
    pub(crate) fn generate(seed: u64, size: Size) -> Self {
        let mut records = Records::new(seed);
        let mut interesting = 0;
        let payloads = (0..size.payloads).map(|_| {
            let taken: Vec<Record> = take(&mut records, size.bytes);
            interesting += taken.iter().filter(|record| record.is_interesting).count();
            Payload::of(taken.iter().map(|record| (record.text.as_str(), record.delivered)))
        });
        let payloads = payloads.collect();
        Self { name: size.name, payloads, interesting }
    }

    /// These records in batches as CloudWatch Logs delivers them, again and again until they are as much as the others.
    pub(crate) fn of(name: &'static str, records: &[String]) -> Self {
        let times = records.iter().zip(1_772_618_400_000..).map(|(text, time)| (text.as_str(), time));
        let mut batches: Vec<Vec<(&str, i64)>> = Vec::new();
        let mut left = 0;
        for record in times {
            let size = size_in_batch(record.0);
            if size > left {
                batches.push(Vec::new());
                left = MEDIUM.bytes;
            }
            left = left.saturating_sub(size);
            batches.last_mut().unwrap().push(record);
        }
        let all = MEDIUM.payloads * MEDIUM.bytes;
        let mut workload = Self { name, payloads: Vec::new(), interesting: 0 };
        while workload.bytes() < all {
            workload.payloads.extend(batches.iter().map(|batch| Payload::of(batch.iter().copied())));
        }
        workload
    }

    /// Bytes, decompressed.
    pub(crate) fn bytes(&self) -> usize {
        self.payloads.iter().map(|payload| payload.bytes).sum()
    }

    /// Records.
    pub(crate) fn records(&self) -> usize {
        self.payloads.iter().map(|payload| payload.records).sum()
    }
}

/// As many records as make a batch of so many bytes.
fn take(records: &mut Records, bytes: usize) -> Vec<Record> {
    let mut taken = Vec::new();
    let mut size = 0;
    while size < bytes {
        let record = records.next().unwrap();
        size += size_in_batch(&record.text);
        taken.push(record);
    }
    taken
}

/// Bytes of a record in a batch: quotes and backslashes are escaped, and 105 is what stands around a message.
fn size_in_batch(text: &str) -> usize {
    text.len() + text.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count() + 105
}
