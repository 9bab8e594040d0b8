//! What is held of an input that is read as a stream.
//!
//! In: a reader. Out: some hundred kilobytes of what comes from it, or more where one value needs more, up to
//! [`MAX_BYTES`]. What is held can be looked at again until it is consumed.

use std::io::{self, BufRead, ErrorKind, Read};

use memchr::memchr;

use super::MAX_BYTES;

/// How much is held, in bytes, unless one value needs more: little enough for a processor's cache.
const USUAL: usize = 256 * 1024;

/// Longest value, in bytes, that is looked at again each time that more of it comes.
const SHORT: usize = 1024 * 1024;

/// Holds part of what `reader` gives.
pub(super) struct Window<'r> {
    reader: Box<dyn Read + 'r>,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// An error that came when there was something else to return.
    error: Option<io::Error>,
    /// Whether an error was returned: nothing is read any more.
    failed: bool,
}

impl<'r> Window<'r> {
    pub(super) fn new(reader: impl Read + 'r) -> Self {
        Self { reader: Box::new(reader), bytes: vec![0; USUAL], start: 0, end: 0, error: None, failed: false }
    }

    /// What is held.
    pub(super) fn held(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Reads once. Whether more is held: otherwise the input has ended. An error is returned once, and ends the input.
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
                // What is too long can be let go, and what follows read.
                self.failed = error.kind() != ErrorKind::FileTooLarge;
                Err(error)
            }
        }
    }

    /// The same, for a value that has to be looked at from its beginning again: a long one must have grown by half, or
    /// the looking would take the square of its length.
    pub(super) fn fill_more(&mut self) -> io::Result<bool> {
        let before = self.held().len();
        let wanted = if before < SHORT { before + 1 } else { (before + before / 2).min(MAX_BYTES.max(before + 1)) };
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

    /// Has an error returned by the next attempt to read.
    pub(super) fn keep(&mut self, error: io::Error) {
        self.error = Some(error);
    }

    /// Lets go the rest of a line, with its end.
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

    /// Makes room for at least one byte more.
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
        } else if self.bytes.len() > USUAL && held < USUAL / 2 {
            self.bytes.truncate(USUAL);
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
