//! A buffer over an input that is read as a stream.
//!
//! It has a few hundred kilobytes, or more if one value is longer, up to [`MAX_BYTES`]. Bytes can be read again until they are
//! consumed.

use std::io::{self, BufRead, ErrorKind, Read};

use memchr::memchr;

use super::MAX_BYTES;

/// Size of the buffer in bytes, unless one value is longer. It fits a processor's cache.
const DEFAULT_BYTES: usize = 256 * 1024;

/// Maximum bytes of a value that is parsed again after each read.
const MAX_SHORT_BYTES: usize = 1024 * 1024;

/// Buffers part of `reader`.
pub(super) struct Window<'r> {
    reader: Box<dyn Read + 'r>,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// An error to return later.
    error: Option<io::Error>,
    /// Whether an error was returned, after which nothing is read.
    failed: bool,
}

impl<'r> Window<'r> {
    pub(super) fn new(reader: impl Read + 'r) -> Self {
        Self { reader: Box::new(reader), bytes: vec![0; DEFAULT_BYTES], start: 0, end: 0, error: None, failed: false }
    }

    /// The buffered bytes.
    pub(super) fn held(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Reads once. Returns false at the end of the input. An error is returned once and ends the input.
    pub(super) fn fill(&mut self) -> io::Result<bool> {
        let read = match self.error.take() {
            Some(error) => Err(error),
            None if self.failed => Ok(0),
            None => self.make_room().and_then(|()| self.read_once()),
        };
        match read {
            Ok(count) => {
                self.end += count;
                Ok(count > 0)
            }
            Err(error) => {
                // A value that is too long can be skipped.
                self.failed = error.kind() != ErrorKind::FileTooLarge;
                Err(error)
            }
        }
    }

    /// The same for a value that is parsed from its beginning again. A long one grows by half each time, so that the time is
    /// linear in its length.
    pub(super) fn fill_more(&mut self) -> io::Result<bool> {
        let before = self.held().len();
        let wanted =
            if before < MAX_SHORT_BYTES { before + 1 } else { (before + before / 2).min(MAX_BYTES.max(before + 1)) };
        while self.held().len() < wanted {
            match self.fill() {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) if self.held().len() == before => return Err(error),
                Err(error) => {
                    self.keep(error);
                    break;
                }
            }
        }
        Ok(self.held().len() > before)
    }

    /// Returns an error from the next read.
    pub(super) fn keep(&mut self, error: io::Error) {
        self.error = Some(error);
    }

    /// Consumes the rest of a line, with its end.
    pub(super) fn skip_line(&mut self) {
        loop {
            if let Some(end) = memchr(b'\n', self.held()) {
                return self.consume(end + 1);
            }
            self.consume(self.held().len());
            match self.fill() {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.keep(error),
            }
        }
    }

    /// Makes room for at least one more byte.
    fn make_room(&mut self) -> io::Result<()> {
        let held = self.held().len();
        if held > 0 && self.end < self.bytes.len() {
            return Ok(());
        }
        if held >= MAX_BYTES {
            let reason = format!("one value has more than {} MiB", MAX_BYTES >> 20);
            return Err(io::Error::new(ErrorKind::FileTooLarge, reason));
        }
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, held);
        if held * 2 > self.bytes.len() {
            self.bytes.resize((self.bytes.len() * 2).min(MAX_BYTES), 0);
        } else if self.bytes.len() > DEFAULT_BYTES && held < DEFAULT_BYTES / 2 {
            self.bytes.truncate(DEFAULT_BYTES);
            self.bytes.shrink_to_fit();
        }
        Ok(())
    }

    fn read_once(&mut self) -> io::Result<usize> {
        let room = self.bytes.get_mut(self.end..).unwrap_or_default();
        loop {
            match self.reader.read(room) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}

impl Read for Window<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Window<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.held().is_empty() {
            self.fill()?;
        }
        Ok(self.held())
    }

    fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }
}
