//! gunzip of a whole payload in memory.

use libdeflater::Decompressor;
use memchr::memmem;

use super::MAX_BYTES;

/// Maximum number of bytes that deflate makes of one byte (zlib's technical details: 1032 to 1).
const MAX_GROWTH: usize = 1032;

/// Decompresses `gzip`. `None` for whatever only the streaming decoder can read or reject: gzip of several members, with a
/// name or other extras, too long, or broken.
pub(super) fn inflate(gzip: &[u8]) -> Option<Vec<u8>> {
    let [0x1f, 0x8b, 8, 0, ..] = gzip else { return None };
    let (rest, size) = gzip.split_last_chunk::<4>()?;
    // The decompressor stops after the first member, where it has found the size of its output. If these bytes are nowhere
    // but at the end, not even in part, it has read everything.
    if memmem::find(gzip, size) != Some(rest.len()) {
        return None;
    }
    let size = usize::try_from(u32::from_le_bytes(*size)).ok()?;
    if size > MAX_BYTES.min(gzip.len().saturating_mul(MAX_GROWTH)) {
        return None;
    }
    let mut bytes = vec![0; size];
    let written = Decompressor::new().gzip_decompress(gzip, &mut bytes).ok()?;
    (written == size).then_some(bytes)
}
