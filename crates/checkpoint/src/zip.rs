//! The directory of a zip whose files are stored uncompressed.
//!
//! PyTorch writes such zips, so that a tensor's numbers can be read in place; a reader that unpacks would only be in the way.
//! The format: PKWARE's APPNOTE.TXT, sections 4.3 and 4.5.

use std::collections::BTreeMap;
use std::io::{Read, Seek};

use crate::error::{clipped, damaged};
use crate::source::Source;
use crate::{CheckpointError, pickle};

/// The record at the end, without its comment of at most 65,535 bytes.
const END_BYTES: usize = 22;
/// The zip64 locator before it, used when a number does not fit into the first, and the record that it points to.
const LOCATOR_BYTES: usize = 20;
const WIDE_END_BYTES: usize = 56;
/// A directory entry, and the header before a file, without their names.
const ENTRY_BYTES: usize = 46;
const HEADER_BYTES: usize = 30;

/// The files in a zip, by name.
pub(crate) struct Directory {
    files: BTreeMap<String, Packed>,
}

struct Packed {
    is_plain: bool,
    size: u64,
    header: u64,
}

/// A file in a zip: where its bytes are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored {
    pub at: u64,
    pub size: u64,
}

impl Directory {
    pub fn read<R: Read + Seek>(source: &mut Source<R>) -> Result<Self, CheckpointError> {
        let (at, size) = find(source)?;
        if size > pickle::MOST_BYTES {
            return Err(CheckpointError::TooMuch {
                what: "bytes of directory",
                limit: pickle::MOST_BYTES,
            });
        }
        let bytes = source.bytes(at, size as usize)?;
        let mut fields = Fields { bytes: &bytes };
        let mut files = BTreeMap::new();
        while !fields.bytes.is_empty() {
            let (name, packed) = fields.entry().ok_or_else(broken)?;
            if files.contains_key(&name) {
                return Err(damaged("two files in it have the same name"));
            }
            files.insert(name, packed);
        }
        Ok(Self { files })
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Where a file's bytes are; `None` if there is no such file.
    pub fn find<R: Read + Seek>(
        &self,
        source: &mut Source<R>,
        name: &str,
    ) -> Result<Option<Stored>, CheckpointError> {
        let Some(packed) = self.files.get(name) else {
            return Ok(None);
        };
        if !packed.is_plain {
            return Err(CheckpointError::Packed {
                name: clipped(name.as_bytes()),
            });
        }
        // The header before the file has a name and extra fields whose lengths may differ from the directory's.
        let header: [u8; HEADER_BYTES] = source.array(packed.header)?;
        let mut fields = Fields { bytes: &header };
        let lengths = (|| {
            fields.signature(b"PK\x03\x04")?;
            fields.skip(22)?;
            Some(u64::from(fields.u16()?) + u64::from(fields.u16()?))
        })();
        let at = packed.header + HEADER_BYTES as u64 + lengths.ok_or_else(broken)?;
        let end = at.checked_add(packed.size);
        if end.is_none_or(|end| end > source.length()) {
            return Err(CheckpointError::CutOff);
        }
        Ok(Some(Stored {
            at,
            size: packed.size,
        }))
    }
}

fn broken() -> CheckpointError {
    damaged("its list of contents cannot be read")
}

/// Where the directory is, and its length.
fn find<R: Read + Seek>(source: &mut Source<R>) -> Result<(u64, u64), CheckpointError> {
    let length = source.length();
    let start = length.saturating_sub((END_BYTES + usize::from(u16::MAX)) as u64);
    let tail = source.bytes(start, (length - start) as usize)?;
    // The last one whose comment ends at the end of the file.
    let found = (0..tail.len()).rev().find_map(|index| {
        let mut fields = Fields {
            bytes: &tail[index..],
        };
        fields.signature(b"PK\x05\x06")?;
        fields.skip(8)?;
        let (size, at) = (fields.u32()?, fields.u32()?);
        let comment = fields.u16()?;
        (fields.bytes.len() == usize::from(comment)).then_some((index, at, size))
    });
    let Some((index, at, size)) = found else {
        return Err(CheckpointError::CutOff);
    };
    let end = start + index as u64;
    let locator = end.checked_sub(LOCATOR_BYTES as u64);
    if let Some(locator) = locator {
        let locator: [u8; LOCATOR_BYTES] = source.array(locator)?;
        let mut fields = Fields { bytes: &locator };
        if fields.signature(b"PK\x06\x07").is_some() {
            fields.skip(4).ok_or_else(broken)?;
            let at = fields.u64().ok_or_else(broken)?;
            let wide: [u8; WIDE_END_BYTES] = source.array(at)?;
            let mut fields = Fields { bytes: &wide };
            let place = (|| {
                fields.signature(b"PK\x06\x06")?;
                fields.skip(36)?;
                let size = fields.u64()?;
                Some((fields.u64()?, size))
            })();
            return place.ok_or_else(broken);
        }
    }
    Ok((at.into(), size.into()))
}

/// Bytes from which fields are read; `None` if there are too few, or if a signature does not match.
struct Fields<'a> {
    bytes: &'a [u8],
}

impl<'a> Fields<'a> {
    fn entry(&mut self) -> Option<(String, Packed)> {
        if self.bytes.len() < ENTRY_BYTES {
            return None;
        }
        self.signature(b"PK\x01\x02")?;
        self.skip(4)?;
        let (flags, method) = (self.u16()?, self.u16()?);
        self.skip(8)?;
        let (packed_size, size) = (self.u32()?, self.u32()?);
        let (name, extra, comment) = (self.u16()?, self.u16()?, self.u16()?);
        self.skip(8)?;
        let header = self.u32()?;
        let name = String::from_utf8(self.skip(name.into())?.to_vec()).ok()?;
        let mut extra = Fields {
            bytes: self.skip(extra.into())?,
        };
        self.skip(comment.into())?;
        // 64-bit numbers are in the extra fields: those that do not fit above, in the same order.
        let mut wide = Fields { bytes: &[] };
        while !extra.bytes.is_empty() {
            let (kind, length) = (extra.u16()?, extra.u16()?);
            let field = extra.skip(length.into())?;
            if kind == 1 {
                wide.bytes = field;
            }
        }
        let mut widen = |number: u32| match number {
            u32::MAX => wide.u64(),
            number => Some(number.into()),
        };
        let size = widen(size)?;
        let packed_size = widen(packed_size)?;
        let header = widen(header)?;
        let is_locked = flags & 1 != 0;
        let packed = Packed {
            is_plain: method == 0 && !is_locked && packed_size == size,
            size,
            header,
        };
        Some((name, packed))
    }

    fn signature(&mut self, signature: &[u8; 4]) -> Option<()> {
        (self.skip(4)? == signature).then_some(())
    }

    fn skip(&mut self, count: usize) -> Option<&'a [u8]> {
        let (skipped, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        Some(skipped)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(*array)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}
