//! The bytes of a zip that lie between its files.
//!
//! PKWARE's APPNOTE.TXT 6.3.10 describes them; where a number comes from it, its section is given.

/// Writes a zip of stored files without ever holding any of them.
///
/// What [`entry`](Self::entry) returns goes before the file in question, and what [`finish`](Self::finish) returns goes after the last.
#[derive(Clone, Debug)]
pub struct ZipWriter {
    modified: Modified,
    directory: Vec<u8>,
    entries: u64,
    offset: u64,
}

/// The local date given to all entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modified {
    /// From 1980 to 2107; others are clamped to this range.
    pub year: u16,
    /// From 1.
    pub month: u8,
    /// From 1.
    pub day: u8,
    /// From 0.
    pub hour: u8,
    /// From 0.
    pub minute: u8,
    /// From 0; odd seconds are rounded to even ones.
    pub second: u8,
}

const LOCAL_HEADER: u32 = 0x0403_4b50;
const DIRECTORY_HEADER: u32 = 0x0201_4b50;
const DIRECTORY_END: u32 = 0x0605_4b50;
const DIRECTORY_END_64: u32 = 0x0606_4b50;
const DIRECTORY_LOCATOR_64: u32 = 0x0706_4b50;

/// Names are UTF-8 (section 4.4.4, bit 11).
const FLAGS: u16 = 1 << 11;
/// Not compressed: images already are (section 4.4.5).
const STORED: u16 = 0;
/// Version 2.0 and 4.5 (section 4.4.3).
const VERSION: u16 = 20;
const VERSION_64: u16 = 45;
/// Attributes are those of Unix (section 4.4.2).
const MADE_BY: u16 = (3 << 8) | VERSION_64;
/// A regular file that its owner may write.
const ATTRIBUTES: u32 = 0o100_644 << 16;
/// The extra field with 64-bit sizes (section 4.5.3).
const EXTRA_64: u16 = 1;

impl ZipWriter {
    /// An archive that is still empty.
    pub fn new(modified: Modified) -> Self {
        Self {
            modified,
            directory: Vec::new(),
            entries: 0,
            offset: 0,
        }
    }

    /// The bytes in front of the file at `path` (at most 65,535 bytes, with `/` between folders, as made by [`Paths`](crate::Paths)), which is `length` bytes long and has this CRC-32.
    pub fn entry(&mut self, path: &str, crc32: u32, length: u64) -> Vec<u8> {
        debug_assert!(u16::try_from(path.len()).is_ok());
        let needs_64 = length >= u64::from(u32::MAX);
        let version = if needs_64 { VERSION_64 } else { VERSION };
        let local_extra = if needs_64 {
            extra_64(&[length, length])
        } else {
            Vec::new()
        };
        let mut header = Vec::with_capacity(30 + path.len() + local_extra.len());
        put(&mut header, LOCAL_HEADER);
        self.put_common(&mut header, version, path, crc32, length, &local_extra);
        header.extend(path.as_bytes());
        header.extend(local_extra);

        // The extra field holds only what does not fit into its old field, in this order.
        let mut wide = Vec::new();
        if needs_64 {
            wide.extend([length, length]);
        }
        if self.offset >= u64::from(u32::MAX) {
            wide.push(self.offset);
        }
        let (extra, version) = if wide.is_empty() {
            (Vec::new(), version)
        } else {
            (extra_64(&wide), VERSION_64)
        };
        let mut line = Vec::with_capacity(46 + path.len() + extra.len());
        put(&mut line, DIRECTORY_HEADER);
        line.extend(MADE_BY.to_le_bytes());
        self.put_common(&mut line, version, path, crc32, length, &extra);
        // No comment, the first disk, no internal attributes.
        line.extend([0; 6]);
        put(&mut line, ATTRIBUTES);
        put(&mut line, narrow(self.offset));
        line.extend(path.as_bytes());
        line.extend(extra);

        self.directory.extend(line);
        self.entries += 1;
        self.offset += header.len() as u64 + length;
        header
    }

    /// The fields that the local header and the directory have in common (sections 4.3.7 and 4.3.12).
    fn put_common(
        &self,
        out: &mut Vec<u8>,
        version: u16,
        path: &str,
        crc32: u32,
        length: u64,
        extra: &[u8],
    ) {
        let (time, date) = self.modified.dos();
        for field in [version, FLAGS, STORED, time, date] {
            out.extend(field.to_le_bytes());
        }
        put(out, crc32);
        put(out, narrow(length));
        put(out, narrow(length));
        out.extend((path.len() as u16).to_le_bytes());
        out.extend((extra.len() as u16).to_le_bytes());
    }

    /// The bytes after the last file.
    pub fn finish(self) -> Vec<u8> {
        let Self {
            directory: mut out,
            entries,
            offset,
            ..
        } = self;
        let length = out.len() as u64;
        let limit = u64::from(u32::MAX);
        if entries >= u64::from(u16::MAX) || offset >= limit || length >= limit {
            let end = offset + length;
            put(&mut out, DIRECTORY_END_64);
            // The remaining length of this record.
            out.extend(44u64.to_le_bytes());
            out.extend(MADE_BY.to_le_bytes());
            out.extend(VERSION_64.to_le_bytes());
            // This disk and the directory's.
            out.extend([0; 8]);
            for field in [entries, entries, length, offset] {
                out.extend(field.to_le_bytes());
            }
            put(&mut out, DIRECTORY_LOCATOR_64);
            put(&mut out, 0);
            out.extend(end.to_le_bytes());
            // The number of disks.
            put(&mut out, 1);
        }
        put(&mut out, DIRECTORY_END);
        out.extend([0; 4]);
        let entries = u16::try_from(entries).unwrap_or(u16::MAX);
        out.extend(entries.to_le_bytes());
        out.extend(entries.to_le_bytes());
        put(&mut out, narrow(length));
        put(&mut out, narrow(offset));
        // No comment.
        out.extend([0; 2]);
        out
    }
}

impl Modified {
    /// Time and date in MS-DOS format (section 4.4.6).
    fn dos(self) -> (u16, u16) {
        let earliest = Self {
            year: 1980,
            month: 1,
            day: 1,
            hour: 0,
            minute: 0,
            second: 0,
        };
        let latest = Self {
            year: 2107,
            month: 12,
            day: 31,
            hour: 23,
            minute: 59,
            second: 58,
        };
        let at = match self.year {
            ..1980 => earliest,
            1980..=2107 => self,
            2108.. => latest,
        };
        let clamped = |number: u8, least: u8, most: u8| u16::from(number.clamp(least, most));
        let time = (clamped(at.hour, 0, 23) << 11)
            | (clamped(at.minute, 0, 59) << 5)
            | (clamped(at.second, 0, 59) / 2);
        let date =
            ((at.year - 1980) << 9) | (clamped(at.month, 1, 12) << 5) | clamped(at.day, 1, 31);
        (time, date)
    }
}

fn put(out: &mut Vec<u8>, number: u32) {
    out.extend(number.to_le_bytes());
}

/// The number, or the marker that it is in the extra field.
fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn extra_64(numbers: &[u64]) -> Vec<u8> {
    let mut extra = Vec::with_capacity(4 + 8 * numbers.len());
    extra.extend(EXTRA_64.to_le_bytes());
    extra.extend((8 * numbers.len() as u16).to_le_bytes());
    for number in numbers {
        extra.extend(number.to_le_bytes());
    }
    extra
}

#[cfg(test)]
mod tests;
