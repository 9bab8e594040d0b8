//! gunzip of a whole payload in memory.

use libdeflater::Decompressor;
use memchr::memmem;

use super::MOST_BYTES;

/// Most that deflate makes of one byte (zlib's technical details: 1032 to 1).
const MOST_GROWTH: usize = 1032;

/// Decompresses `gzip` to the beginning of `bytes`, which grows as needed, and says how many bytes they are. `None` for
/// what only the streaming decoder can judge: gzip of several members, with a name or other extras, too long, or broken.
pub(super) fn inflate(decompressor: &mut Decompressor, gzip: &[u8], bytes: &mut Vec<u8>) -> Option<usize> {
    let [0x1f, 0x8b, 8, 0, ..] = gzip else { return None };
    let (rest, size) = gzip.split_last_chunk::<4>()?;
    // The decompressor stops after the first member, where it has found the size of what it wrote. If these bytes are
    // nowhere but at the end, not even in part of it, it has read all.
    if memmem::find(gzip, size) != Some(rest.len()) {
        return None;
    }
    let size = usize::try_from(u32::from_le_bytes(*size)).ok()?;
    if size > MOST_BYTES.min(gzip.len().saturating_mul(MOST_GROWTH)) {
        return None;
    }
    if bytes.len() < size {
        bytes.resize(size, 0);
    }
    let written = decompressor.gzip_decompress(gzip, bytes.get_mut(..size)?).ok()?;
    (written == size).then_some(size)
}
