//! Reading a zip of images or a project of Teachable Machine, an entry at a time, straight from the file.

use headstart_archive::{TeachableMachine, TeachableMachineError};
use headstart_images::{Archive, ArchiveItem, ArchiveLimits};
use headstart_project::{ArchiveError, ArchiveSummary, Event, ImportId, SkippedEntry};
use js_sys::{Array, Uint8Array};
use wasm_bindgen::JsValue;
use web_sys::Blob;

use crate::browser::pause::Pause;
use crate::browser::port;
use crate::files::blob::BlobReader;

/// Entries named in the summary.
const MOST_NAMED: usize = 100;

/// Reads `file` to its end, announcing every image.
pub async fn read(import: ImportId, file: Option<Blob>) {
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

async fn read_entries(
    import: ImportId,
    file: Option<Blob>,
) -> Result<ArchiveSummary, ArchiveError> {
    let file = file.ok_or_else(|| damaged("no file".into()))?;
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
        detail: port::describe(&error),
    }
}

fn skip(summary: &mut ArchiveSummary, entry: SkippedEntry) {
    summary.skipped_count += 1;
    if summary.skipped.len() < MOST_NAMED {
        summary.skipped.push(entry);
    }
}
