//! Where findings go.

pub mod console;
#[cfg(feature = "lambda")]
pub mod sns;
