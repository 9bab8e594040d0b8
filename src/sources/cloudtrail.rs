//! CloudTrail's own files: records, and digests of files.

use super::Members;
use super::items::Items;
use super::table::RECORDS;

/// A file of records. A file that is read as a stream never gets here: its records are read one by one.
pub(super) fn file(members: &Members, items: &mut Items) {
    for (record, position) in members.list(RECORDS).unwrap_or_default().into_iter().zip(1..) {
        items.place.record = Some(position);
        items.element_of_records(record.get());
    }
    items.end_of_records();
}

/// A digest file, for log file validation: it lists log files and contains no records.
pub(super) fn digest(_: &Members, items: &mut Items) {
    items.control();
}
