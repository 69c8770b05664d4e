use std::io::{self, Read, Seek, SeekFrom};

use zip::ZipArchive;

use super::*;
use crate::Crc32;

const NOON: Modified = Modified {
    year: 2026,
    month: 7,
    day: 9,
    hour: 12,
    minute: 34,
    second: 57,
};

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc32::new();
    crc.update(bytes);
    crc.finalize()
}

/// A sparse file, all zeros except where something was written, so that gigabytes take no memory.
#[derive(Default)]
struct Sparse {
    parts: Vec<(u64, Vec<u8>)>,
    length: u64,
    at: u64,
}

impl Sparse {
    fn put(&mut self, bytes: Vec<u8>) {
        let at = self.length;
        self.length += bytes.len() as u64;
        self.parts.push((at, bytes));
    }
}

impl Read for Sparse {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let next = self.parts.partition_point(|(start, _)| *start <= self.at);
        let end = self
            .parts
            .get(next)
            .map_or(self.length, |(start, _)| *start);
        let count = (end - self.at).min(buffer.len() as u64) as usize;
        let buffer = &mut buffer[..count];
        buffer.fill(0);
        if let Some((start, bytes)) = next.checked_sub(1).map(|last| &self.parts[last]) {
            let skipped = ((self.at - start) as usize).min(bytes.len());
            let here = &bytes[skipped..];
            let here = &here[..here.len().min(count)];
            buffer[..here.len()].copy_from_slice(here);
        }
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Sparse {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        let at = match position {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::other("before the start"))?;
        Ok(self.at)
    }
}

/// 5 GiB of zeros, a small file, 4 GiB minus one byte of zeros, another small file.
fn giant() -> Sparse {
    let mut file = Sparse::default();
    let mut writer = ZipWriter::new(NOON);
    for (name, length) in [("big", 5 << 30), ("brim", u64::from(u32::MAX))] {
        file.put(writer.entry(name, 0, length));
        file.length += length;
        let small = format!("behind {name}");
        file.put(writer.entry(&small, crc(small.as_bytes()), small.len() as u64));
        file.put(small.into_bytes());
    }
    file.put(writer.finish());
    file
}

fn text<R: Read + Seek>(zip: &mut ZipArchive<R>, name: &str) -> String {
    let mut text = String::new();
    let mut entry = zip.by_name(name).expect("is there");
    entry.read_to_string(&mut text).expect("is whole");
    text
}

#[test]
fn another_reader_finds_names_dates_and_bytes() {
    let mut writer = ZipWriter::new(NOON);
    let mut out = Vec::new();
    for name in ["a.txt", "Äpfel/猫.txt", "empty"] {
        let bytes: &[u8] = if name == "empty" {
            b""
        } else {
            name.as_bytes()
        };
        out.extend(writer.entry(name, crc(bytes), bytes.len() as u64));
        out.extend(bytes);
    }
    out.extend(writer.finish());
    let mut zip = ZipArchive::new(io::Cursor::new(out)).expect("opens");
    assert_eq!(zip.len(), 3);
    assert_eq!(text(&mut zip, "a.txt"), "a.txt");
    assert_eq!(text(&mut zip, "Äpfel/猫.txt"), "Äpfel/猫.txt");
    assert_eq!(text(&mut zip, "empty"), "");
    zip.validate_header_consistency().expect("headers agree");
    let entry = zip.by_name("a.txt").expect("is there");
    let date = entry.last_modified().expect("is dated");
    assert_eq!(date.to_string(), "2026-07-09 12:34:56");
    assert_eq!(entry.unix_mode(), Some(0o100_644));
}

#[test]
fn more_files_than_16_bits_count_are_read() {
    for count in [65_534u32, 65_535, 65_536, 70_000] {
        let mut writer = ZipWriter::new(NOON);
        let mut out = Vec::new();
        for number in 0..count {
            out.extend(writer.entry(&number.to_string(), 0, 0));
        }
        out.extend(writer.finish());
        let mut zip = ZipArchive::new(io::Cursor::new(out)).expect("opens");
        assert_eq!(zip.len(), count as usize);
        assert_eq!(text(&mut zip, &(count - 1).to_string()), "");
    }
}

#[test]
fn sizes_and_places_beyond_32_bits_are_read() {
    let mut zip = ZipArchive::new(giant()).expect("opens");
    assert_eq!(zip.len(), 4);
    assert_eq!(text(&mut zip, "behind big"), "behind big");
    assert_eq!(text(&mut zip, "behind brim"), "behind brim");
    assert_eq!(zip.by_name("big").expect("is there").size(), 5 << 30);
    let brim = zip.by_name("brim").expect("is there").size();
    assert_eq!(brim, u64::from(u32::MAX));
    assert!(!zip.has_overlapping_entries().expect("reads"));
    zip.validate_header_consistency().expect("headers agree");
}

#[test]
fn dates_out_of_range_become_the_nearest() {
    let year = |year| Modified { year, ..NOON }.dos();
    assert_eq!(year(1900), (0, (1 << 5) | 1));
    assert_eq!(year(9999).1, (127 << 9) | (12 << 5) | 31);
    let odd = Modified {
        month: 0,
        day: 99,
        hour: 99,
        minute: 99,
        second: 99,
        ..NOON
    };
    assert_eq!(odd.dos().0, (23 << 11) | (59 << 5) | 29);
}

#[test]
#[ignore = "needs python3 and a file system with holes; run it after a change of the writer"]
fn python_reads_the_giant() {
    use std::io::Write;

    let path = std::env::temp_dir().join(format!("headstart-{}.zip", std::process::id()));
    let mut file = std::fs::File::create(&path).expect("creates");
    let giant = giant();
    file.set_len(giant.length).expect("makes a hole");
    for (start, bytes) in &giant.parts {
        file.seek(SeekFrom::Start(*start)).expect("seeks");
        file.write_all(bytes).expect("writes");
    }
    let script = "import sys, zipfile\n\
        z = zipfile.ZipFile(sys.argv[1])\n\
        print([(i.filename, i.file_size, i.date_time) for i in z.infolist()], z.read('behind big'), z.read('behind brim'))";
    let output = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(&path)
        .output()
        .expect("runs");
    std::fs::remove_file(&path).expect("removes");
    let said = String::from_utf8_lossy(&output.stdout);
    let date = "(2026, 7, 9, 12, 34, 56)";
    assert_eq!(
        said.trim(),
        format!(
            "[('big', 5368709120, {date}), ('behind big', 10, {date}), ('brim', 4294967295, {date}), ('behind brim', 11, {date})] b'behind big' b'behind brim'"
        ),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
