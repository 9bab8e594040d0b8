//! Documentation generated from the rules: the reference and the coverage.

pub(super) mod coverage;
mod reference;
