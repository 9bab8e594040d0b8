//! Records of Kinesis streams, as a Lambda function receives them. The data is a batch of a log subscription, compressed, or
//! JSON of any form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::awslogs;
use super::items::Items;
use super::members::Members;

/// `eventSource` of the records of a Lambda trigger.
pub(super) const SOURCE: &str = "aws:kinesis";

/// Name of the data in rejections.
const DATA: &str = "kinesis.data";

/// First bytes of a record that the Kinesis Producer Library has put together of several.
/// <https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md>
const AGGREGATED: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];

fn data(object: &Members) -> Option<String> {
    object.object("kinesis")?.string("data")
}

/// The sequence number of a record.
pub(super) fn sequence_number(object: &Members) -> Option<String> {
    object.object("kinesis")?.string("sequenceNumber")
}

/// Whether an object is a record of a stream.
pub(super) fn is_record(object: &Members) -> bool {
    object.string("eventSource").as_deref() == Some(SOURCE) && data(object).is_some()
}

/// Reads the data of a record.
pub(super) fn record(object: &Members, items: &mut Items) {
    if let Some(data) = data(object) {
        encoded(&data, DATA, items);
    }
}

/// Reads base64 of a compressed batch of a log subscription, or of JSON of any form, one value after the other. `name` is the
/// name of the data in rejections.
pub(super) fn encoded(data: &str, name: &str, items: &mut Items) {
    let bytes = match STANDARD.decode(data) {
        Ok(bytes) => bytes,
        Err(error) => return items.reject(format!("`{name}` is not base64: {error}")),
    };
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return awslogs::compressed(&bytes, name, items, |value, items| items.text(value));
    }
    if bytes.starts_with(&AGGREGATED) {
        return items.reject(format!("`{name}` is aggregated by the Kinesis Producer Library; turn aggregation off"));
    }
    match String::from_utf8(bytes) {
        Ok(text) => items.text(&text),
        Err(error) => items.reject(format!("`{name}` is not UTF-8: {error}")),
    }
}
