//! Where findings go.

pub mod batch;
pub mod console;
#[cfg(feature = "lambda")]
pub mod sns;
