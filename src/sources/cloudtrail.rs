//! CloudTrail's own files: records, and digests of files.

use super::envelope::RECORDS;
use super::{Members, Output};

/// A file of records. One that is read as a stream never gets here: its records are put out while it is read.
pub(super) fn file(members: &Members, output: &mut Output<'_>) {
    for (record, position) in members.list(RECORDS).unwrap_or_default().into_iter().zip(1..) {
        output.place.record = Some(position);
        output.element_of_records(record.get());
    }
    output.end_of_records();
}

/// A digest file, for log file validation: it lists log files and contains no records.
pub(super) fn digest(_: &Members, output: &mut Output<'_>) {
    output.control();
}
