//! EventBridge events: the record is in `detail`.

use super::items::Items;
use super::{Members, document, table};

/// End of `detail-type` of the events that contain a record.
const VIA_CLOUDTRAIL: &str = "via CloudTrail";

/// Whether an event contains a record.
pub(super) fn has_record(members: &Members) -> bool {
    let Some(detail) = members.get("detail") else { return false };
    let is_via_cloudtrail = members.string("detail-type").is_some_and(|kind| kind.ends_with(VIA_CLOUDTRAIL));
    is_via_cloudtrail || document::members(detail.get()).is_ok_and(|detail| table::is_record(&detail))
}

pub(super) fn event(members: &Members, items: &mut Items) {
    if let Some(detail) = members.get("detail") {
        items.record(detail.get());
    }
}
