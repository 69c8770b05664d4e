//! A pickle's bytes.

use std::io::{Read, Seek};
use std::rc::Rc;

use super::too_much;
use crate::CheckpointError;
use crate::error::damaged;
use crate::source::Source;

/// The longest pickle that is accepted. A state dictionary takes about 100 bytes per tensor.
pub(crate) const MOST_BYTES: u64 = 16 << 20;
/// The maximum length of a text; the longest are settings that somebody saved along with the weights.
const MOST_TEXT: usize = 1 << 20;
/// The maximum length of the name of a module or of something in it.
const MOST_NAME: usize = 256;

/// A pickle's bytes, read in pieces.
pub(crate) struct Input<'a, R> {
    source: &'a mut Source<R>,
    /// The position in the file of the next byte that is not yet in `piece`.
    at: u64,
    /// The position after the last byte that may be read.
    end: u64,
    /// Whether the file goes on after the last byte that may be read.
    is_too_long: bool,
    piece: Vec<u8>,
    /// The index in `piece` of the next byte.
    next: usize,
}

impl<'a, R: Read + Seek> Input<'a, R> {
    /// The bytes from `at` on: `length` of them, or as many as the limit allows.
    pub fn new(source: &'a mut Source<R>, at: u64, length: u64) -> Self {
        let end = at.saturating_add(length.min(MOST_BYTES));
        Self {
            source,
            at,
            end,
            is_too_long: length > MOST_BYTES,
            piece: Vec::new(),
            next: 0,
        }
    }

    /// The position of the next byte in the file.
    pub fn position(&self) -> u64 {
        self.at - (self.piece.len() - self.next) as u64
    }

    pub fn byte(&mut self) -> Result<u8, CheckpointError> {
        Ok(self.array::<1>()?[0])
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], CheckpointError> {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            if self.next == self.piece.len() {
                self.refill()?;
            }
            *byte = self.piece[self.next];
            self.next += 1;
        }
        Ok(bytes)
    }

    fn refill(&mut self) -> Result<(), CheckpointError> {
        const PIECE: u64 = 1 << 16;
        if self.at >= self.source.length() {
            return Err(CheckpointError::CutOff);
        }
        if self.at >= self.end {
            return Err(if self.is_too_long {
                too_much("bytes of description", MOST_BYTES)
            } else {
                damaged("its description has no end")
            });
        }
        let count = PIECE.min(self.end.min(self.source.length()) - self.at);
        self.piece = self.source.bytes(self.at, count as usize)?;
        self.at += count;
        self.next = 0;
        Ok(())
    }

    pub fn take(&mut self, count: usize) -> Result<Vec<u8>, CheckpointError> {
        (0..count).map(|_| self.byte()).collect()
    }

    pub fn text(&mut self, count: usize) -> Result<Rc<str>, CheckpointError> {
        if count > MOST_TEXT {
            return Err(too_much("characters in a text", MOST_TEXT as u64));
        }
        let bytes = self.take(count)?;
        // Python 2 wrote texts without stating their encoding; names of tensors are ASCII.
        Ok(String::from_utf8_lossy(&bytes).into())
    }

    /// Reads up to the next line feed and skips it.
    pub fn line(&mut self) -> Result<String, CheckpointError> {
        let mut line = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => return Ok(String::from_utf8_lossy(&line).into_owned()),
                _ if line.len() == MOST_NAME => {
                    return Err(too_much("characters in a name", MOST_NAME as u64));
                }
                byte => line.push(byte),
            }
        }
    }
}
