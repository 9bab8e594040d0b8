//! EventBridge events: the record is under `detail`.

use super::{Members, Output};

pub(super) fn event(members: &Members, output: &mut Output<'_>) {
    if let Some(detail) = members.get("detail") {
        output.record(detail.get());
    }
}
