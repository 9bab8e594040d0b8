//! Where findings go.

pub mod batch;
pub mod console;
#[cfg(feature = "lambda")]
pub mod sns;
#[cfg(feature = "lambda")]
pub mod topics;

/// What became of the messages of one payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Delivered {
    /// Messages that were accepted.
    pub published: usize,
    /// Messages that were not.
    pub failed: usize,
    /// How often a message that was refused was tried again.
    pub retried: usize,
}
