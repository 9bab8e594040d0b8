//! S3 objects that an input names and that contain the records.
//!
//! The reader yields a [`Reference`] and knows nothing of AWS. Whoever evaluates the input fetches the object by [`Fetch`] and
//! passes its bytes to [`super::Reader::open_object`], or rejects the reference by name.

use std::cell::Cell;
use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::rc::Rc;

use super::log_streams::LogStreams;
use crate::text::visible_at_most;

/// Maximum number of characters of a key that are shown. S3 allows 1,024 bytes.
const MAX_SHOWN: usize = 400;

/// The name of an S3 object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectName {
    /// The bucket.
    pub bucket: String,
    /// The key, decoded.
    pub key: String,
    /// The version, if the bucket has versions.
    pub version: Option<String>,
    /// The Region of the bucket, if it is known.
    pub region: Option<String>,
}

/// `s3://bucket/key`, safe to show.
impl fmt::Display for ObjectName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bucket, key, .. } = self;
        formatter.write_str(&visible_at_most(&format!("s3://{bucket}/{key}"), MAX_SHOWN))
    }
}

impl ObjectName {
    /// Whether the object has no records by design, according to its key: a folder of the console, or one of CloudTrail's
    /// digest files, which validate log files.
    /// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html>
    pub fn is_without_records(&self) -> bool {
        let is_digest = |folder: &str| folder.starts_with("CloudTrail") && folder.ends_with("-Digest");
        self.key.ends_with('/') || self.key.split('/').any(is_digest)
    }
}

/// A reference to an object, with what its content inherits from the input.
#[derive(Debug)]
pub struct Reference {
    name: ObjectName,
    pub(super) depth: usize,
    pub(super) log_streams: LogStreams,
}

impl Reference {
    pub(super) fn new(name: ObjectName, depth: usize, log_streams: LogStreams) -> Self {
        Self { name, depth, log_streams }
    }

    /// The name of the object.
    pub fn name(&self) -> &ObjectName {
        &self.name
    }

    /// The reason for a rejection where objects are not fetched.
    pub fn not_fetched(&self) -> String {
        format!("names the S3 object {} and contains no records; download the object and evaluate the file", self.name)
    }
}

/// Fetches objects. An implementation blocks the thread until it has an answer.
pub trait Fetch {
    /// Returns the bytes of an object as a stream. An error while they are read means that a retry may succeed.
    ///
    /// # Errors
    /// Returns the reason why there are none.
    fn fetch(&self, object: &ObjectName) -> Result<Box<dyn Read>, FetchError>;
}

/// Why an object cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchError {
    /// The reason, safe to show.
    pub reason: String,
    /// Whether the same request may succeed later.
    pub is_transient: bool,
}

/// A reader that remembers whether it failed.
pub(super) struct Watched<R> {
    pub(super) inner: R,
    pub(super) failed: Rc<Cell<bool>>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer);
        if read.as_ref().is_err_and(|error| error.kind() != ErrorKind::Interrupted) {
            self.failed.set(true);
        }
        read
    }
}
