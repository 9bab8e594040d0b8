//! What the build script has compressed: the texts of the built-in rules, and what it has parsed of them.
//!
//! In: where a text stands among its like. Out: that text. All of a kind are decompressed when the first of them is asked
//! for, so that neither a start nor a record that no rule watches waits for it.

use std::ops::Range;
use std::sync::LazyLock;

use libdeflater::Decompressor;

/// The texts of all built-in files. Only who shows rules asks for one, or has to parse it anew.
static YAML: LazyLock<String> =
    LazyLock::new(|| unpacked(include_bytes!(concat!(env!("OUT_DIR"), "/builtin_yaml.gz"))));

/// What `Embedded` is read from, of all built-in rules.
pub(super) static JSON: LazyLock<String> =
    LazyLock::new(|| unpacked(include_bytes!(concat!(env!("OUT_DIR"), "/builtin_json.gz"))));

/// The text of a rule file, or of a rule in one.
#[derive(Debug, Clone)]
pub(super) enum Text {
    Own(String),
    /// Where it stands among those of the built-in files.
    BuiltIn(Range<usize>),
}

impl Text {
    /// The text itself.
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Own(text) => text,
            Self::BuiltIn(place) => YAML.get(place.clone()).unwrap_or_default(),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Own(text) => text.len(),
            Self::BuiltIn(place) => place.len(),
        }
    }
}

/// Lengths come first: hardly a file of a user is as long as a built-in one, and then nothing is decompressed.
impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.as_str() == other.as_str()
    }
}

/// The text in gzip, which says at its end how long the text is. Nothing where it is broken, which its checksum shows, and
/// which tests would: a rule that is empty cannot be read, and who asks for it is told.
fn unpacked(gzip: &[u8]) -> String {
    let size = gzip.last_chunk().and_then(|size| usize::try_from(u32::from_le_bytes(*size)).ok());
    let mut text = vec![0; size.unwrap_or_default()];
    let read = Decompressor::new().gzip_decompress(gzip, &mut text);
    read.ok().and_then(|_| String::from_utf8(text).ok()).unwrap_or_default()
}
