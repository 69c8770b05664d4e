//! A file of the user's as a stream.

use std::io::{self, Read, Seek, SeekFrom};

use js_sys::Uint8Array;
use wasm_bindgen::JsValue;
use web_sys::{Blob, FileReaderSync};

use crate::browser::port::describe;

/// Bytes fetched from the file at a time.
const CHUNK: u64 = 1 << 18;

/// A file of the user's as a stream that can be read at any place, without being held in memory.
pub struct BlobReader {
    file: Blob,
    reader: FileReaderSync,
    length: u64,
    at: u64,
    chunk: Vec<u8>,
    chunk_start: u64,
}

impl BlobReader {
    /// A reader at the file's beginning.
    ///
    /// # Errors
    /// When the browser refuses.
    pub fn new(file: Blob) -> Result<Self, JsValue> {
        Ok(Self {
            length: file.size() as u64,
            reader: FileReaderSync::new()?,
            file,
            at: 0,
            chunk: Vec::new(),
            chunk_start: 0,
        })
    }

    fn fill(&mut self) -> Result<(), JsValue> {
        let end = (self.at + CHUNK).min(self.length);
        let slice = self
            .file
            .slice_with_f64_and_f64(self.at as f64, end as f64)?;
        let buffer = self.reader.read_as_array_buffer(&slice)?;
        self.chunk = Uint8Array::new(&buffer).to_vec();
        self.chunk_start = self.at;
        Ok(())
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.length {
            return Ok(0);
        }
        let is_here =
            self.at >= self.chunk_start && self.at < self.chunk_start + self.chunk.len() as u64;
        if !is_here {
            self.fill()
                .map_err(|error| io::Error::other(describe(&error)))?;
        }
        let rest = self
            .chunk
            .get((self.at - self.chunk_start) as usize..)
            .unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for BlobReader {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        let at = match position {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}
