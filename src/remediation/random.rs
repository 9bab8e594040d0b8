//! Random names and codes, and hashes of codes.

use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};

/// Length of names and codes in bytes. Codes of this length cannot be guessed.
const BYTES: usize = 16;

/// A random string of hexadecimal digits.
///
/// # Errors
/// If the system has no random numbers.
pub(super) fn name() -> Result<String, String> {
    let mut bytes = [0; BYTES];
    SystemRandom::new().fill(&mut bytes).map_err(|_| "the system has no random numbers".to_owned())?;
    Ok(hexadecimal(&bytes))
}

/// The SHA-256 hash of a text, as hexadecimal digits.
pub(super) fn hash(text: &str) -> String {
    hexadecimal(digest(&SHA256, text.as_bytes()).as_ref())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
