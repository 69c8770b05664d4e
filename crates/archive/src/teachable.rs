//! Image projects of Teachable Machine (`.tm`), as `docs/format.md` describes them.

use std::collections::HashMap;
use std::io::{Read, Seek};

use headstart_images::{ArchiveItem, ArchiveLimits, Placement, check};
use headstart_project::{ArchiveError, Part, Rejection, SkippedEntry};
use serde::Deserialize;
use thiserror::Error;
use zip::ZipArchive;

use crate::source::{EntryError, entry_bytes, open_zip};

/// Separates the class from the number in the names of entries.
const SEPARATOR: &str = "-!-";

/// The maximum size of `manifest.json` in bytes; it normally has a few hundred.
const MAX_MANIFEST_BYTES: u64 = 1_000_000;

/// Why an archive is not an image project of Teachable Machine.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TeachableMachineError {
    /// Another kind of zip: class folders, perhaps.
    #[error("this is not a project of Teachable Machine.")]
    NotAProject,
    /// A project of sounds or poses.
    #[error(
        "this Teachable Machine project is of the kind “{kind}”. Headstart learns from images: choose an image project."
    )]
    OtherKind {
        /// The kind that the project says it is.
        kind: String,
    },
    /// Not a readable zip.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

/// Reads an image project of Teachable Machine class by class in the project's order, unpacking no more than one image at a time.
pub struct TeachableMachine<R> {
    zip: ZipArchive<R>,
    limits: ArchiveLimits,
    /// The remaining entries in reverse order.
    coming: Vec<(usize, Placement)>,
    unpacked_bytes: u64,
}

impl<R: Read + Seek> TeachableMachine<R> {
    /// Reads the directory and the manifest.
    ///
    /// # Errors
    /// Why it is not an image project.
    pub fn open(reader: R, limits: ArchiveLimits) -> Result<Self, TeachableMachineError> {
        #[derive(Deserialize)]
        struct Manifest {
            r#type: String,
        }
        let mut zip = open_zip(reader, limits)?;
        let coming = images(&zip);
        let manifest = zip.index_for_name_raw(b"manifest.json");
        let manifest = manifest
            .and_then(|index| entry_bytes(&mut zip, index, MAX_MANIFEST_BYTES).ok())
            .and_then(|text| serde_json::from_slice::<Manifest>(&text).ok());
        // Readers of this format manage without the manifest if they must; the names alone are enough to recognise it.
        if coming.is_empty() && manifest.is_none() {
            return Err(TeachableMachineError::NotAProject);
        }
        match manifest.filter(|manifest| manifest.r#type != "image") {
            Some(manifest) => Err(TeachableMachineError::OtherKind {
                kind: manifest.r#type.chars().take(40).collect(),
            }),
            None => Ok(Self {
                zip,
                limits,
                coming,
                unpacked_bytes: 0,
            }),
        }
    }

    /// The next image, or `None` after the last.
    ///
    /// # Errors
    /// [`ArchiveError::Bomb`] once the unpacked images exceed the limit; nothing is read after that.
    pub fn read_next(&mut self) -> Option<Result<ArchiveItem, ArchiveError>> {
        let (index, placement) = self.coming.pop()?;
        let limit = self.limits.entry_bytes;
        let file = entry_bytes(&mut self.zip, index, limit).map_err(|error| match error {
            EntryError::Locked => Rejection::Encrypted,
            EntryError::Damaged => Rejection::Damaged,
            EntryError::Oversized => Rejection::Oversized {
                limit_mb: (limit / 1_000_000) as u32,
            },
        });
        self.unpacked_bytes += file.as_ref().map_or(0, Vec::len) as u64;
        if self.unpacked_bytes > self.limits.total_bytes {
            self.coming.clear();
            return Some(Err(ArchiveError::Bomb {
                limit_mb: (self.limits.total_bytes / 1_000_000) as u32,
            }));
        }
        let checked = file.and_then(|file| check(&file).map(|_| file));
        Some(Ok(match checked {
            Ok(file) => ArchiveItem::Image(placement, file),
            Err(reason) => ArchiveItem::Skipped(SkippedEntry {
                path: placement.name,
                reason,
            }),
        }))
    }
}

/// The images in reverse order: classes in the order in which they first appear, the images of each by number.
fn images<R: Read + Seek>(zip: &ZipArchive<R>) -> Vec<(usize, Placement)> {
    let mut classes = HashMap::new();
    let mut found = Vec::new();
    for (index, name) in zip.file_names_raw().enumerate() {
        let name = String::from_utf8_lossy(name).into_owned();
        let Some((class, number)) = place(&name) else {
            continue;
        };
        let count = classes.len();
        let position = *classes.entry(class.to_owned()).or_insert(count);
        let placement = Placement {
            class: class.to_owned(),
            part: Part::Train,
            name: name.clone(),
        };
        found.push(((position, number), index, placement));
    }
    found.sort_by(|(a, ..), (b, ..)| b.cmp(a));
    found
        .into_iter()
        .map(|(_, index, placement)| (index, placement))
        .collect()
}

/// Class and number of an entry such as `Cat-!-12.jpg`; `None` if its name has another form.
pub(crate) fn place(name: &str) -> Option<(&str, u32)> {
    // The name of a class may itself contain the separator.
    let (class, file) = name.rsplit_once(SEPARATOR)?;
    let number = file.split('.').next()?.parse().ok()?;
    let class = class.trim();
    (!class.is_empty()).then_some((class, number))
}
