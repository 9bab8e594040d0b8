//! Records that Firehose passes to a Lambda function to transform. They contain what records of Kinesis streams do.

use super::items::Items;
use super::kinesis;
use super::members::Members;

/// Name of the list of records.
pub(super) const RECORDS: &str = "records";

/// Name of the data of a record.
const DATA: &str = "data";

/// Whether an object is a transformation event.
pub(super) fn is_event(object: &Members) -> bool {
    object.has("deliveryStreamArn") && object.has_list(RECORDS)
}

/// Reads a transformation event.
pub(super) fn event(object: &Members, items: &mut Items) {
    items.messages(object, RECORDS, |record, items| match data(record) {
        Some(data) => kinesis::encoded(&data, DATA, items),
        None => items.reject("a record of Firehose without a string `data`"),
    });
}

/// The identifier of a record.
pub(super) fn record_id(record: &Members) -> Option<String> {
    record.string("recordId")
}

/// The data of a record, in base64.
pub(super) fn data(record: &Members) -> Option<String> {
    record.string(DATA)
}
