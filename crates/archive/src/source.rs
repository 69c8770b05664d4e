//! A zip from anywhere, inspected before anything in it is used.

use std::io::{Read, Seek, SeekFrom};

use headstart_images::{ArchiveLimits, declared_entries};
use headstart_project::ArchiveError;
use zip::ZipArchive;
use zip::read::{ArchiveOffset, Config};
use zip::result::ZipError;

/// Reads a zip's directory.
///
/// # Errors
/// [`ArchiveError::NotAZip`], [`ArchiveError::Damaged`] (also if entries overlap or share a name) or [`ArchiveError::TooManyEntries`].
pub fn open_zip<R: Read + Seek>(
    mut reader: R,
    limits: ArchiveLimits,
) -> Result<ZipArchive<R>, ArchiveError> {
    let mut magic = [0; 4];
    let is_zip = reader.seek(SeekFrom::Start(0)).is_ok()
        && reader.read_exact(&mut magic).is_ok()
        && [*b"PK\x03\x04", *b"PK\x05\x06"].contains(&magic);
    if !is_zip {
        return Err(ArchiveError::NotAZip);
    }
    let damaged = |detail: String| ArchiveError::Damaged { detail };
    let declared = declared_entries(&mut reader).map_err(|error| damaged(error.to_string()))?;
    let Some(declared) = declared else {
        return Err(damaged("its end is missing".into()));
    };
    // Checked before anything is allocated for them.
    if declared > limits.entries as u64 {
        return Err(ArchiveError::TooManyEntries {
            limit: limits.entries as u32,
        });
    }
    let length = reader.seek(SeekFrom::End(0)).unwrap_or_default();
    // Nothing may precede the first file: if its start need not be searched for, the directory is unambiguous.
    let config = Config {
        archive_offset: ArchiveOffset::Known(0),
    };
    let zip = ZipArchive::with_config(config, reader)
        .map_err(|error: ZipError| damaged(error.to_string()))?;
    if zip.has_duplicate_names() {
        return Err(damaged("two files have the same name".into()));
    }
    // An archive that lists the same bytes twice is meant to unpack to more than the file holds.
    let mut packed = 0u64;
    for index in 0..zip.len() {
        let entry = zip.by_index_data(index);
        let entry = entry.map_err(|error| damaged(error.to_string()))?;
        packed = packed.saturating_add(entry.compressed_size());
    }
    if packed > length {
        return Err(damaged("files overlap".into()));
    }
    Ok(zip)
}

/// Why an entry could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryError {
    /// It is locked with a password.
    Locked,
    /// More came out than the limit.
    Oversized,
    /// Its content is not what was put in.
    Damaged,
}

/// Reads an entry to its end in small pieces, which verifies its CRC-32, and returns its length.
///
/// # Errors
/// Why it cannot be read; no more than `limit` bytes are unpacked.
pub fn read_entry<R: Read + Seek>(
    zip: &mut ZipArchive<R>,
    index: usize,
    limit: u64,
    mut take: impl FnMut(&[u8]),
) -> Result<u64, EntryError> {
    let mut entry = match zip.by_index(index) {
        Ok(entry) => entry,
        Err(ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED)) => {
            return Err(EntryError::Locked);
        }
        Err(_) => return Err(EntryError::Damaged),
    };
    let declared = entry.size();
    if declared > limit {
        return Err(EntryError::Oversized);
    }
    let mut piece = [0; 1 << 14];
    let mut length = 0;
    loop {
        let count = entry.read(&mut piece).map_err(|_| EntryError::Damaged)?;
        let Some(bytes) = piece.get(..count).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        length += count as u64;
        // The size in the directory may be a lie: what counts is what actually comes out.
        if length > declared {
            return Err(EntryError::Damaged);
        }
        take(bytes);
    }
    if length == declared {
        Ok(length)
    } else {
        Err(EntryError::Damaged)
    }
}

/// An entry's bytes.
///
/// # Errors
/// As [`read_entry`].
pub fn entry_bytes<R: Read + Seek>(
    zip: &mut ZipArchive<R>,
    index: usize,
    limit: u64,
) -> Result<Vec<u8>, EntryError> {
    let mut bytes = Vec::new();
    read_entry(zip, index, limit, |piece| bytes.extend_from_slice(piece))?;
    Ok(bytes)
}
