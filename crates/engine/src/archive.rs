//! Reading a zip of images or a project of Teachable Machine, an entry at a time, straight from the file.

use std::io::{self, Read, Seek, SeekFrom};

use headstart_archive::{TeachableMachine, TeachableMachineError};
use headstart_images::{Archive, ArchiveItem, ArchiveLimits};
use headstart_project::{ArchiveError, ArchiveSummary, Event, ImportId, SkippedEntry};
use js_sys::{Array, Uint8Array};
use wasm_bindgen::JsValue;
use web_sys::{Blob, FileReaderSync};

use crate::{pause::Pause, port};

/// Entries named in the summary.
const MOST_NAMED: usize = 100;

/// Bytes fetched from the file at a time.
const CHUNK: u64 = 1 << 18;

/// Reads `file` to its end, announcing every image.
pub async fn read(import: ImportId, file: Blob) {
    let event = match read_entries(import, file).await {
        Ok(summary) if summary.images == 0 && summary.skipped_count == 0 => Event::ArchiveFailed {
            import,
            reason: ArchiveError::NoImages,
        },
        Ok(summary) => Event::ArchiveRead { import, summary },
        Err(reason) => Event::ArchiveFailed { import, reason },
    };
    port::post(&event, &[]);
}

async fn read_entries(import: ImportId, file: Blob) -> Result<ArchiveSummary, ArchiveError> {
    let mut entries = Entries::open(&file)?;
    let mut summary = ArchiveSummary::default();
    let pause = Pause::new();
    while let Some(item) = entries.read_next() {
        match item? {
            ArchiveItem::Image(place, bytes) => {
                let parts = Array::of1(&Uint8Array::from(bytes.as_slice()));
                let blob = Blob::new_with_u8_array_sequence(&parts).map_err(damaged)?;
                let event = Event::ArchiveImage {
                    import,
                    class: place.class,
                    part: place.part,
                    name: place.name,
                };
                port::post(&event, &[blob.into()]);
                summary.images += 1;
            }
            ArchiveItem::Skipped(entry) => skip(&mut summary, entry),
            ArchiveItem::Ignored => {}
        }
        pause.when_due().await;
    }
    Ok(summary)
}

/// The images of a file, whichever of the two forms it has.
enum Entries {
    Folders(Archive<BlobReader>),
    TeachableMachine(TeachableMachine<BlobReader>),
}

impl Entries {
    fn open(file: &Blob) -> Result<Self, ArchiveError> {
        let limits = ArchiveLimits::default();
        let reader = || BlobReader::new(file.clone()).map_err(damaged);
        match TeachableMachine::open(reader()?, limits) {
            Ok(project) => Ok(Self::TeachableMachine(project)),
            Err(TeachableMachineError::OtherKind { kind }) => {
                Err(ArchiveError::OtherTeachableMachine { kind })
            }
            // Class folders, or nothing that can be read: that reader has the right words.
            Err(_) => Archive::open(reader()?, limits).map(Self::Folders),
        }
    }

    fn read_next(&mut self) -> Option<Result<ArchiveItem, ArchiveError>> {
        match self {
            Self::Folders(archive) => archive.read_next(),
            Self::TeachableMachine(project) => project.read_next(),
        }
    }
}

fn damaged(error: JsValue) -> ArchiveError {
    ArchiveError::Damaged {
        detail: crate::fetch::describe(&error),
    }
}

fn skip(summary: &mut ArchiveSummary, entry: SkippedEntry) {
    summary.skipped_count += 1;
    if summary.skipped.len() < MOST_NAMED {
        summary.skipped.push(entry);
    }
}

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
                .map_err(|error| io::Error::other(crate::fetch::describe(&error)))?;
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
