//! A zip whose folders are classes, read entry by entry.

use std::io::{Read, Seek};

use headstart_project::{ArchiveError, Rejection, SkippedEntry};
use zip::ZipArchive;
use zip::result::ZipError;

use crate::{Placement, check, declared_entries, inspect, is_junk, place};

/// How much of an archive is read before it is rejected as a bomb.
#[derive(Clone, Copy, Debug)]
pub struct ArchiveLimits {
    /// The number of entries.
    pub entries: usize,
    /// The unpacked bytes of one entry.
    pub entry_bytes: u64,
    /// The unpacked bytes of all entries together.
    pub total_bytes: u64,
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        Self {
            entries: 50_000,
            entry_bytes: 100_000_000,
            total_bytes: 4_000_000_000,
        }
    }
}

/// An entry of an archive.
#[derive(Debug)]
pub enum ArchiveItem {
    /// An image with its class and its file.
    Image(Placement, Vec<u8>),
    /// Something that is left out and that the user should know about.
    Skipped(SkippedEntry),
    /// A folder, a readme, or something else that nobody will miss.
    Ignored,
}

/// Reads a zip of images, unpacking no more than one entry at a time.
pub struct Archive<R> {
    zip: ZipArchive<R>,
    limits: ArchiveLimits,
    next: usize,
    unpacked_bytes: u64,
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the directory of a zip.
    ///
    /// # Errors
    /// [`ArchiveError::NotAZip`], [`ArchiveError::Damaged`] or [`ArchiveError::TooManyEntries`].
    pub fn open(mut reader: R, limits: ArchiveLimits) -> Result<Self, ArchiveError> {
        let mut magic = [0; 4];
        let is_zip = reader.read_exact(&mut magic).is_ok()
            && [*b"PK\x03\x04", *b"PK\x05\x06", *b"PK\x07\x08"].contains(&magic);
        if !is_zip {
            return Err(ArchiveError::NotAZip);
        }
        let damaged = |error: &dyn std::fmt::Display| ArchiveError::Damaged {
            detail: error.to_string(),
        };
        let too_many = ArchiveError::TooManyEntries {
            limit: limits.entries as u32,
        };
        // Checked before anything is allocated for them.
        let declared = declared_entries(&mut reader).map_err(|error| damaged(&error))?;
        if declared.is_some_and(|declared| declared > limits.entries as u64) {
            return Err(too_many);
        }
        let zip = ZipArchive::new(reader).map_err(|error| damaged(&error))?;
        if zip.len() > limits.entries {
            return Err(too_many);
        }
        Ok(Self {
            zip,
            limits,
            next: 0,
            unpacked_bytes: 0,
        })
    }

    /// The next entry, or `None` after the last.
    ///
    /// # Errors
    /// [`ArchiveError::Bomb`] once the unpacked entries exceed the limit; nothing is read after that.
    pub fn read_next(&mut self) -> Option<Result<ArchiveItem, ArchiveError>> {
        if self.next >= self.zip.len() {
            return None;
        }
        let index = self.next;
        self.next += 1;
        let item = self.read(index);
        if self.unpacked_bytes > self.limits.total_bytes {
            self.next = self.zip.len();
            return Some(Err(ArchiveError::Bomb {
                limit_mb: (self.limits.total_bytes / 1_000_000) as u32,
            }));
        }
        Some(Ok(item))
    }

    fn read(&mut self, index: usize) -> ArchiveItem {
        let entry_limit = self.limits.entry_bytes;
        // The name is read before the data, so that a locked or broken entry can still be named.
        let path = match self.zip.by_index_raw(index) {
            Ok(entry) if entry.is_dir() => return ArchiveItem::Ignored,
            Ok(entry) => String::from_utf8_lossy(entry.name_raw()).into_owned(),
            Err(_) => return skipped(format!("entry {}", index + 1), Rejection::Damaged),
        };
        if is_junk(&path) {
            return ArchiveItem::Ignored;
        }
        let mut entry = match self.zip.by_index(index) {
            Ok(entry) => entry,
            Err(ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED)) => {
                return skipped(path, Rejection::Encrypted);
            }
            Err(_) => return skipped(path, Rejection::Damaged),
        };
        let mut file = Vec::new();
        // The first bytes tell whether the rest is worth unpacking.
        if entry.by_ref().take(64).read_to_end(&mut file).is_err() {
            return skipped(path, Rejection::Damaged);
        }
        if file.starts_with(b"PK\x03\x04") {
            return skipped(path, Rejection::NestedArchive);
        }
        match inspect(&file) {
            Err(Rejection::NotAnImage) if !has_image_extension(&path) => {
                return ArchiveItem::Ignored;
            }
            Err(reason) => return skipped(path, reason),
            Ok(_) => {}
        }
        let placement = match place(&path) {
            Ok(placement) => placement,
            Err(reason) => return skipped(path, reason),
        };
        // The size in the directory may be a lie: what counts is what actually comes out.
        let rest = entry.by_ref().take(entry_limit).read_to_end(&mut file);
        self.unpacked_bytes += file.len() as u64;
        if rest.is_err() {
            return skipped(path, Rejection::Damaged);
        }
        if file.len() as u64 > entry_limit {
            let limit_mb = (entry_limit / 1_000_000) as u32;
            return skipped(path, Rejection::Oversized { limit_mb });
        }
        match check(&file) {
            Ok(_) => ArchiveItem::Image(placement, file),
            Err(reason) => skipped(path, reason),
        }
    }
}

fn skipped(path: String, reason: Rejection) -> ArchiveItem {
    ArchiveItem::Skipped(SkippedEntry { path, reason })
}

/// A file with such a name was meant to be an image, so the user is told if it is dropped.
fn has_image_extension(path: &str) -> bool {
    let extension = path
        .rsplit('.')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    [
        "jpg", "jpeg", "png", "gif", "webp", "bmp", "avif", "heic", "heif", "tif", "tiff",
    ]
    .contains(&extension.as_str())
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use proptest::prelude::*;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn png() -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        image::DynamicImage::new_rgb8(5, 5)
            .write_to(&mut file, image::ImageFormat::Png)
            .expect("encodes");
        file.into_inner()
    }

    fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (path, bytes) in entries {
            writer
                .start_file(*path, SimpleFileOptions::default())
                .expect("starts");
            writer.write_all(bytes).expect("writes");
        }
        writer.finish().expect("finishes").into_inner()
    }

    fn read_all(zip: Vec<u8>, limits: ArchiveLimits) -> Vec<Result<ArchiveItem, ArchiveError>> {
        let mut archive = Archive::open(Cursor::new(zip), limits).expect("opens");
        std::iter::from_fn(|| archive.read_next()).collect()
    }

    fn describe(item: &Result<ArchiveItem, ArchiveError>) -> String {
        match item {
            Ok(ArchiveItem::Image(placement, _)) => {
                format!(
                    "{}/{} {:?}",
                    placement.class, placement.name, placement.part
                )
            }
            Ok(ArchiveItem::Skipped(entry)) => {
                format!("skipped {}: {:?}", entry.path, entry.reason)
            }
            Ok(ArchiveItem::Ignored) => "ignored".to_owned(),
            Err(error) => format!("{error:?}"),
        }
    }

    #[test]
    fn images_come_with_class_and_part_and_the_rest_is_named_or_ignored() {
        let png = png();
        let zip = zip_of(&[
            ("train/cats/1.png", &png),
            ("test/cats/2.png", &png),
            ("dogs/1.png", &png),
            ("loose.png", &png),
            ("../../escape/1.png", &png),
            ("/root/1.png", &png),
            ("cats/inner.zip", &zip_of(&[("cats/1.png", &png)])),
            ("cats/broken.jpg", b"not an image"),
            ("cats/empty.jpg", b""),
            ("cats/cut.png", &png[..png.len() - 9]),
            ("README.txt", b"hello"),
            ("__MACOSX/cats/._1.png", b"junk"),
        ]);
        let items: Vec<String> = read_all(zip, ArchiveLimits::default())
            .iter()
            .map(describe)
            .collect();
        assert_eq!(
            items,
            [
                "cats/1.png Train",
                "cats/2.png Test",
                "dogs/1.png Train",
                "skipped loose.png: NoClassFolder",
                "skipped ../../escape/1.png: UnsafePath",
                "skipped /root/1.png: UnsafePath",
                "skipped cats/inner.zip: NestedArchive",
                "skipped cats/broken.jpg: NotAnImage",
                "skipped cats/empty.jpg: Empty",
                "skipped cats/cut.png: Truncated",
                "ignored",
                "ignored",
            ]
        );
    }

    #[test]
    fn a_bomb_is_stopped_at_the_limits() {
        let mut giant = png();
        giant.extend(std::iter::repeat_n(0, 3_000_000));
        let zip = zip_of(&[
            ("a/1.png", &giant),
            ("a/2.png", &giant),
            ("a/3.png", &giant),
        ]);
        let limits = ArchiveLimits {
            entry_bytes: 1_000_000,
            total_bytes: 1_500_000,
            ..ArchiveLimits::default()
        };
        let items: Vec<String> = read_all(zip, limits).iter().map(describe).collect();
        assert_eq!(
            items,
            [
                "skipped a/1.png: Oversized { limit_mb: 1 }",
                "Bomb { limit_mb: 1 }"
            ]
        );
    }

    #[test]
    fn what_is_no_zip_or_is_cut_or_is_too_full_is_refused() {
        let limits = ArchiveLimits {
            entries: 1,
            ..ArchiveLimits::default()
        };
        let open = |bytes: &[u8]| Archive::open(Cursor::new(bytes.to_vec()), limits).err();
        let zip = zip_of(&[("a/1.png", &png()), ("a/2.png", &png())]);
        assert_eq!(open(b"no zip at all"), Some(ArchiveError::NotAZip));
        assert_eq!(open(b""), Some(ArchiveError::NotAZip));
        assert!(matches!(
            open(&zip[..zip.len() / 2]),
            Some(ArchiveError::Damaged { .. })
        ));
        assert_eq!(open(&zip), Some(ArchiveError::TooManyEntries { limit: 1 }));
    }

    proptest! {
        #[test]
        fn a_damaged_zip_is_answered_without_a_panic(at in 0usize..400, byte in any::<u8>()) {
            let mut zip = zip_of(&[("train/a/1.png", &png()), ("b/2.png", &png())]);
            let at = at % zip.len();
            zip[at] = byte;
            if let Ok(mut archive) = Archive::open(Cursor::new(zip), ArchiveLimits::default()) {
                while archive.read_next().is_some() {}
            }
        }
    }
}
