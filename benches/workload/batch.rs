//! Records as CloudWatch Logs delivers them to a Lambda function: a batch in its compact layout, gzip, base64, an envelope.

use std::io::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::record::{Record, Records};

/// The JSON around the base64.
const BEFORE: &str = r#"{"awslogs":{"data":""#;
const AFTER: &str = r#""}}"#;

/// The size of a workload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// The name.
    pub(crate) name: &'static str,
    /// Payloads.
    pub(crate) payloads: usize,
    /// Minimum size of a payload in bytes, decompressed.
    pub(crate) bytes: usize,
}

/// The payloads of a quiet account. Each workload is about 32 MB, because the time for a smaller one depends on the caches.
pub(crate) const SMALL: Size = Size { name: "64 KB", payloads: 512, bytes: 65_536 };
/// The maximum that CloudWatch Logs delivers in practice: a batch of PutLogEvents has at most 1 MiB.
pub(crate) const MEDIUM: Size = Size { name: "1 MB", payloads: 32, bytes: 1_048_576 };
/// More than an asynchronous invocation accepts.
pub(crate) const LARGE: Size = Size { name: "8 MB", payloads: 4, bytes: 8_388_608 };

/// One payload.
#[derive(Debug)]
pub(crate) struct Payload {
    /// The JSON that the function receives.
    pub(crate) text: String,
    /// Size of the batch in bytes, decompressed.
    pub(crate) bytes: usize,
    /// Size of the gzip in bytes.
    pub(crate) gzip_bytes: usize,
    /// Number of records.
    pub(crate) records: usize,
}

impl Payload {
    /// Creates a payload of records, each with its delivery time in milliseconds since 1970.
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

    /// The base64 in the payload.
    pub(crate) fn data(&self) -> &str {
        self.text.strip_prefix(BEFORE).and_then(|rest| rest.strip_suffix(AFTER)).unwrap()
    }
}

/// Payloads that are measured together.
#[derive(Debug)]
pub(crate) struct Workload {
    /// The name.
    pub(crate) name: &'static str,
    /// The payloads.
    pub(crate) payloads: Vec<Payload>,
    /// Number of records that the built-in rules report. Only known for generated records.
    pub(crate) interesting: usize,
}

impl Workload {
    /// Generates a workload from a seed.
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

    /// Creates a workload of records in batches as CloudWatch Logs delivers them, repeated up to the size of the other workloads.
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

    /// Total size in bytes, decompressed.
    pub(crate) fn bytes(&self) -> usize {
        self.payloads.iter().map(|payload| payload.bytes).sum()
    }

    /// Records.
    pub(crate) fn records(&self) -> usize {
        self.payloads.iter().map(|payload| payload.records).sum()
    }
}

/// Takes records for a batch of a number of bytes.
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

/// Bytes of a record in a batch: quotes and backslashes are escaped, and 105 is the size of the JSON around a message.
fn size_in_batch(text: &str) -> usize {
    text.len() + text.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count() + 105
}
