//! Checkpoints written by hand, byte by byte.
#![allow(dead_code, reason = "no single test needs all of it")]

use std::io::Cursor;
use std::path::PathBuf;

use headstart_checkpoint::{Checkpoint, CheckpointError};

/// The folder with what `tools/make-checkpoints.py` has written.
pub fn golden(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(path)
}

pub fn open(bytes: &[u8]) -> Result<Checkpoint<Cursor<Vec<u8>>>, CheckpointError> {
    Checkpoint::open(Cursor::new(bytes.to_vec()))
}

/// Files by name.
pub type Files<'a> = [(&'a str, &'a [u8])];

/// A zip of stored files; `wide` writes every number in the directory with 64 bits.
pub fn zip(files: &Files, wide: bool) -> Vec<u8> {
    let (mut zip, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in files {
        let header = zip.len() as u32;
        let size = data.len() as u32;
        let name_length = (name.len() as u16).to_le_bytes();
        zip.extend(b"PK\x03\x04\0\0\0\0\0\0");
        zip.extend([0; 8]);
        zip.extend([size.to_le_bytes(), size.to_le_bytes()].concat());
        zip.extend(name_length);
        // Extra fields that the directory does not have, as PyTorch writes for alignment.
        zip.extend([5, 0]);
        zip.extend(name.as_bytes());
        zip.extend(b"FB\x01\0\0");
        zip.extend(*data);

        let mut numbers = [size, size, header];
        let mut extra = Vec::new();
        if wide {
            extra.extend([1, 0, 24, 0]);
            extra.extend(
                numbers
                    .iter()
                    .flat_map(|&number| u64::from(number).to_le_bytes()),
            );
            numbers = [u32::MAX; 3];
        }
        directory.extend(b"PK\x01\x02\0\0\0\0\0\0\0\0");
        directory.extend([0; 8]);
        directory.extend([numbers[0].to_le_bytes(), numbers[1].to_le_bytes()].concat());
        directory.extend(name_length);
        directory.extend((extra.len() as u16).to_le_bytes());
        directory.extend([0; 10]);
        directory.extend(numbers[2].to_le_bytes());
        directory.extend(name.as_bytes());
        directory.extend(extra);
    }
    let (at, size) = (zip.len() as u64, directory.len() as u64);
    let count = files.len() as u64;
    zip.extend(directory);
    let mut end = [at as u32, size as u32, count as u32];
    if wide {
        let place = zip.len() as u64;
        zip.extend(b"PK\x06\x06");
        zip.extend(44u64.to_le_bytes());
        zip.extend([0; 12]);
        zip.extend(
            [count, count, size, at]
                .iter()
                .flat_map(|number| number.to_le_bytes()),
        );
        zip.extend(b"PK\x06\x07\0\0\0\0");
        zip.extend(place.to_le_bytes());
        zip.extend([1, 0, 0, 0]);
        end = [u32::MAX; 3];
    }
    zip.extend(b"PK\x05\x06\0\0\0\0");
    zip.extend([&(end[2] as u16).to_le_bytes()[..]; 2].concat());
    zip.extend([end[1].to_le_bytes(), end[0].to_le_bytes()].concat());
    zip.extend([0, 0]);
    zip
}

/// A zip checkpoint with this pickle, and one storage `0` of these numbers.
pub fn zipped(pickle: &[u8], numbers: &[f32]) -> Vec<u8> {
    let data = little_endian(numbers);
    let files: [(&str, &[u8]); 4] = [
        ("archive/data.pkl", pickle),
        ("archive/byteorder", b"little"),
        ("archive/data/0", &data),
        ("archive/version", b"3\n"),
    ];
    zip(&files, false)
}

/// A legacy checkpoint with this pickle, and one storage `0` of these numbers.
pub fn legacy(pickle: &[u8], numbers: &[f32]) -> Vec<u8> {
    let mut file = LEGACY_HEAD.to_vec();
    file.extend(pickle);
    file.extend(b"\x80\x02]q\0X\x01\0\0\x000a.");
    file.extend((numbers.len() as u64).to_le_bytes());
    file.extend(little_endian(numbers));
    file
}

/// Magic number, version, and number sizes.
pub const LEGACY_HEAD: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}q\0X\x0d\0\0\0little_endian\x88s.";

pub fn little_endian(numbers: &[f32]) -> Vec<u8> {
    numbers
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect()
}

/// The instructions that push a text.
pub fn text(text: &str) -> Vec<u8> {
    let mut bytes = b"X".to_vec();
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

/// The instructions that push an integer.
pub fn int(number: i32) -> Vec<u8> {
    let mut bytes = b"J".to_vec();
    bytes.extend(number.to_le_bytes());
    bytes
}

fn tuple(items: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut bytes = b"(".to_vec();
    bytes.extend(items.into_iter().flatten());
    bytes.push(b't');
    bytes
}

pub fn ints(numbers: &[i32]) -> Vec<u8> {
    tuple(numbers.iter().map(|&number| int(number)))
}

/// The instructions that push a tensor on the storage `0`, which has `count` numbers.
pub fn tensor(count: i32, offset: i32, shape: &[i32], strides: &[i32]) -> Vec<u8> {
    let storage = tuple([
        text("storage"),
        b"ctorch\nFloatStorage\n".to_vec(),
        text("0"),
        text("cpu"),
        int(count),
    ]);
    let arguments = [
        [storage, b"Q".to_vec()].concat(),
        int(offset),
        ints(shape),
        ints(strides),
        b"\x89".to_vec(),
        b"ccollections\nOrderedDict\n)R".to_vec(),
    ];
    [
        b"ctorch._utils\n_rebuild_tensor_v2\n".to_vec(),
        tuple(arguments),
        b"R".to_vec(),
    ]
    .concat()
}

/// A pickle of a dictionary, given the instructions for its keys and values.
pub fn dict(items: &[Vec<u8>]) -> Vec<u8> {
    [b"\x80\x02}(".to_vec(), items.concat(), b"u.".to_vec()].concat()
}
