//! How many entries a zip claims to have, before its directory is read.

use std::io::{self, Read, Seek, SeekFrom};

/// The record at the end of a zip, without its comment of at most 65,535 bytes.
const END_BYTES: u64 = 22;
/// The zip64 record before it, used when a number does not fit into the first.
const LOCATOR_BYTES: u64 = 20;

/// The number of entries that the end record declares; the highest if there are several such records.
///
/// # Errors
/// When the reader fails.
pub fn declared_entries<R: Read + Seek>(reader: &mut R) -> io::Result<Option<u64>> {
    let length = reader.seek(SeekFrom::End(0))?;
    let start = length.saturating_sub(END_BYTES + LOCATOR_BYTES + u64::from(u16::MAX));
    reader.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    reader.take(length - start).read_to_end(&mut tail)?;
    let mut highest = None;
    for at in 0..tail.len() {
        let Some(end) = tail.get(at..).filter(|end| end.starts_with(b"PK\x05\x06")) else {
            continue;
        };
        let Some(&[low, high]) = end.get(10..12) else {
            continue;
        };
        let mut declared = u64::from(u16::from_le_bytes([low, high]));
        let locator = at
            .checked_sub(LOCATOR_BYTES as usize)
            .and_then(|locator| tail.get(locator..at))
            .filter(|locator| locator.starts_with(b"PK\x06\x07"));
        if let Some(place) = locator.and_then(|locator| locator.get(8..16)) {
            let place = number(place);
            let mut count = [0; 8];
            // The total comes after signature, length, versions, disks and this disk's count.
            let is_there = place
                .checked_add(32)
                .is_some_and(|place| reader.seek(SeekFrom::Start(place)).is_ok())
                && reader.read_exact(&mut count).is_ok();
            if is_there {
                declared = declared.max(number(&count));
            }
        }
        highest = highest.max(Some(declared));
    }
    Ok(highest)
}

fn number(bytes: &[u8]) -> u64 {
    let bytes = bytes.iter().rev();
    bytes.fold(0, |number, &byte| number << 8 | u64::from(byte))
}
