//! A file that can be read at any position and is never held in memory as a whole.

use std::io::{Read, Seek, SeekFrom};

use crate::CheckpointError;

/// A reader with a known length.
pub(crate) struct Source<R> {
    reader: R,
    length: u64,
}

impl<R: Read + Seek> Source<R> {
    pub fn new(mut reader: R) -> Result<Self, CheckpointError> {
        let length = reader.seek(SeekFrom::End(0))?;
        Ok(Self { reader, length })
    }

    pub fn length(&self) -> u64 {
        self.length
    }

    /// Fills `bytes` from the file at `at`.
    pub fn fill(&mut self, at: u64, bytes: &mut [u8]) -> Result<(), CheckpointError> {
        let end = at.checked_add(bytes.len() as u64);
        if end.is_none_or(|end| end > self.length) {
            return Err(CheckpointError::CutOff);
        }
        self.reader.seek(SeekFrom::Start(at))?;
        Ok(self.reader.read_exact(bytes)?)
    }

    /// The `count` bytes at `at`; memory is allocated only once it is certain that the file has them.
    pub fn bytes(&mut self, at: u64, count: usize) -> Result<Vec<u8>, CheckpointError> {
        let end = at.checked_add(count as u64);
        if end.is_none_or(|end| end > self.length) {
            return Err(CheckpointError::CutOff);
        }
        let mut bytes = vec![0; count];
        self.fill(at, &mut bytes)?;
        Ok(bytes)
    }

    pub fn array<const N: usize>(&mut self, at: u64) -> Result<[u8; N], CheckpointError> {
        let mut bytes = [0; N];
        self.fill(at, &mut bytes)?;
        Ok(bytes)
    }
}

impl<R> std::fmt::Debug for Source<R> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Source")
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}
