//! What CloudTrail itself writes to S3 besides its `Records` files.

use super::{Members, Output};

/// A digest file, for log file validation: it lists log files and holds no records.
pub(super) fn digest(_: &Members, output: &mut Output<'_>) {
    output.control();
}
