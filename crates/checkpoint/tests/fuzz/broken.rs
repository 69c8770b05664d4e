//! Weights files, and what is broken about them.
#![expect(clippy::expect_used, reason = "a test may fail so")]

use std::fs;

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::support::*;

/// Good files to start from.
pub struct Samples {
    files: Vec<Vec<u8>>,
    pickles: Vec<Vec<u8>>,
}

impl Samples {
    /// The files that PyTorch wrote.
    pub fn read() -> Self {
        let mut files = Vec::new();
        for folder in ["forms", "refused"] {
            let entries = fs::read_dir(golden(folder)).expect("a folder of samples");
            let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
            paths.sort();
            files.extend(
                paths
                    .into_iter()
                    .map(|path| fs::read(path).expect("a sample")),
            );
        }
        let pickles = vec![
            dict(&[text("a"), tensor(6, 0, &[2, 3], &[3, 1])]),
            dict(&[
                text("a"),
                tensor(6, 1, &[3], &[1]),
                text("state_dict"),
                b"}".to_vec(),
                text("b"),
                tensor(6, 0, &[2, 2], &[1, 3]),
            ]),
            // A nested dictionary with the attributes of an ordered one.
            [
                b"\x80\x02}q\0".to_vec(),
                text("model"),
                b"ccollections\nOrderedDict\n)R(".to_vec(),
                text("module.w"),
                tensor(6, 0, &[6], &[1]),
                b"u}".to_vec(),
                text("_metadata"),
                b"}sbs.".to_vec(),
            ]
            .concat(),
        ];
        Self { files, pickles }
    }

    /// The file of a case, and what is broken about it.
    pub fn broken(&self, seed: u64) -> (&'static str, Vec<u8>) {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        match rng.random_range(0..16) {
            0 => ("random bytes", random(rng)),
            1 | 2 => {
                let mut file = self.file(rng);
                if rng.random_bool(0.5) {
                    overwrite(rng, &mut file);
                } else {
                    mutate(rng, &mut file);
                }
                ("changed bytes", file)
            }
            3 => {
                let mut file = self.file(rng);
                file.truncate(rng.random_range(0..=file.len()));
                ("cut off", file)
            }
            4 => {
                // The beginning of one with the end of another.
                let (mut file, other) = (self.file(rng), self.file(rng));
                file.truncate(rng.random_range(0..=file.len()));
                file.extend(&other[rng.random_range(0..=other.len())..]);
                ("spliced", file)
            }
            5 | 6 => {
                let mut pickle = self.pickles.choose(rng).expect("a pickle").clone();
                mutate(rng, &mut pickle);
                ("changed pickle", packed(rng, &pickle))
            }
            7..=11 => {
                let pickle = instructions(rng);
                ("random instructions", packed(rng, &pickle))
            }
            12 | 13 => ("random views", views(rng)),
            14 => ("random safetensors", safetensors(rng)),
            _ => ("random zip", directory(rng, &self.pickles)),
        }
    }

    fn file(&self, rng: &mut ChaCha8Rng) -> Vec<u8> {
        self.files.choose(rng).expect("a file").clone()
    }
}

fn packed(rng: &mut ChaCha8Rng, pickle: &[u8]) -> Vec<u8> {
    let numbers = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0];
    if rng.random_bool(0.5) {
        zipped(pickle, &numbers)
    } else {
        legacy(pickle, &numbers)
    }
}

/// Noise, sometimes after a beginning that gets it past the first checks.
fn random(rng: &mut ChaCha8Rng) -> Vec<u8> {
    let starts: [&[u8]; 6] = [
        b"",
        b"PK\x03\x04",
        LEGACY_HEAD,
        b"\x80\x02\x8a\x0a",
        b"\x40\0\0\0\0\0\0\0{\"",
        b"\x89HDF",
    ];
    let mut file = starts
        .choose(rng)
        .map_or(Vec::new(), |start| start.to_vec());
    let length = rng.random_range(0..2000);
    let start = file.len();
    file.resize(start + length, 0);
    rng.fill_bytes(&mut file[start..]);
    file
}

/// Changes bytes in place.
fn overwrite(rng: &mut ChaCha8Rng, bytes: &mut [u8]) {
    for _ in 0..rng.random_range(1..=3) {
        let at = rng.random_range(0..bytes.len());
        if rng.random_bool(0.5) {
            bytes[at] ^= 1 << rng.random_range(0..8);
        } else {
            bytes[at] = *[0, 1, 0x7f, 0x80, 0xff].choose(rng).expect("a byte");
        }
    }
}

fn mutate(rng: &mut ChaCha8Rng, bytes: &mut Vec<u8>) {
    for _ in 0..rng.random_range(1..=3) {
        if bytes.is_empty() {
            return;
        }
        let at = rng.random_range(0..bytes.len());
        let end = (at + rng.random_range(1..=16)).min(bytes.len());
        match rng.random_range(0..7) {
            0 => bytes[at] ^= 1 << rng.random_range(0..8),
            1 => bytes[at] = rng.random(),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let copy = bytes[at..end].to_vec();
                let to = rng.random_range(0..=bytes.len());
                bytes.splice(to..to, copy);
            }
            // Numbers at the limits of their types.
            4 => {
                let number: u32 = *[0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]
                    .choose(rng)
                    .expect("a number");
                let number = number.to_le_bytes();
                let count = 4.min(bytes.len() - at);
                bytes[at..at + count].copy_from_slice(&number[..count]);
            }
            5 => {
                let piece = instruction(rng);
                bytes.splice(at..at, piece);
            }
            _ => bytes[at..end].reverse(),
        }
    }
}

/// A pickle of known instructions, mostly in an order that makes sense for the stack.
fn instructions(rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut pickle = b"\x80\x02".to_vec();
    let is_dict = rng.random_bool(0.7);
    if is_dict {
        pickle.extend(b"}(");
    }
    for _ in 0..rng.random_range(0..40) {
        if is_dict && rng.random_bool(0.3) {
            pickle.extend(text(
                ["a", "b", "module.c", "model", "state_dict"]
                    .choose(rng)
                    .expect("a name"),
            ));
            if rng.random_bool(0.7) {
                pickle.extend(view(rng));
                continue;
            }
        }
        pickle.extend(instruction(rng));
    }
    if rng.random_bool(0.02) {
        // Deep or long.
        let piece = [
            &b")\x85"[..],
            b"]",
            b"(",
            b"\x85",
            b"Na",
            b"N",
            b"N0",
            b"h\0",
        ]
        .choose(rng)
        .expect("a piece")
        .repeat(rng.random_range(50..5000));
        pickle.extend(piece);
    }
    if is_dict && rng.random_bool(0.8) {
        pickle.extend(b"u");
    }
    pickle.extend(b".");
    pickle
}

fn instruction(rng: &mut ChaCha8Rng) -> Vec<u8> {
    let known: [&[u8]; 62] = [
        b"N",
        b"\x88",
        b"\x89",
        b"K\x01",
        b"M\x01\x02",
        b"\x8a\x01\x05",
        b"\x8a\x00",
        b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\xff",
        b"G\0\0\0\0\0\0\0\0",
        b")",
        b"\x85",
        b"\x86",
        b"\x87",
        b"(",
        b"(",
        b"t",
        b"t",
        b"]",
        b"a",
        b"e",
        b"}",
        b"s",
        b"u",
        b"q\0",
        b"q\x01",
        b"h\0",
        b"h\x01",
        b"r\0\0\0\0",
        b"j\0\0\0\0",
        b"\x94",
        b"Q",
        b"R",
        b"R",
        b"b",
        b"\x93",
        b"\x95\0\0\0\0\0\0\0\0",
        b"ccollections\nOrderedDict\n",
        b"ctorch._utils\n_rebuild_tensor_v2\n",
        b"ctorch._utils\n_rebuild_tensor\n",
        b"ctorch._utils\n_rebuild_parameter\n",
        b"ctorch\nFloatStorage\n",
        b"ctorch\nLongStorage\n",
        b"ctorch\nHalfStorage\n",
        b"ctorch\nSize\n",
        b"ctorch\ndevice\n",
        b"ctorch\nfloat32\n",
        b"ccollections\nOrderedDict\n)R",
        b"ctorch\nSize\n)\x85R",
        b"U\x01a",
        b"\x8c\x01a",
        b"X\x01\0\0\0a",
        b"X\x07\0\0\0storage",
        b"X\x01\0\0\x000",
        b"X\x03\0\0\0cpu",
        b"X\x0a\0\0\0state_dict",
        b"X\x06\0\0\0module",
        b"X\x09\0\0\0__class__",
        b"X\xff\xff\xff\x7f",
        b"T\x01\0\0\0a",
        b".",
        b"]q\0h\0a",
        b"}}sb",
    ];
    match rng.random_range(0..100) {
        0..80 => known.choose(rng).expect("an instruction").to_vec(),
        80..90 => int(*[0, 1, 2, 6, -1, i32::MAX, i32::MIN]
            .choose(rng)
            .expect("a number")),
        90..97 => view(rng),
        97 => b"cos\nsystem\n".to_vec(),
        _ => vec![rng.random()],
    }
}

/// A number that tensors have, or one that none has.
fn number(rng: &mut ChaCha8Rng) -> i32 {
    match rng.random_range(0..30) {
        0 => i32::MAX,
        1 => -1,
        2 => rng.random(),
        _ => rng.random_range(0..7),
    }
}

fn view(rng: &mut ChaCha8Rng) -> Vec<u8> {
    if rng.random_bool(0.7) {
        return tensor(6, 0, &[2, 3], &[3, 1]);
    }
    let dimensions = rng.random_range(0..4);
    let shape: Vec<_> = (0..dimensions).map(|_| number(rng)).collect();
    let strides: Vec<_> = (0..dimensions).map(|_| number(rng)).collect();
    let count = if rng.random_bool(0.9) { 6 } else { number(rng) };
    tensor(count, number(rng), &shape, &strides)
}

/// A tensor of any shape, offset and strides on a storage of any size.
fn views(rng: &mut ChaCha8Rng) -> Vec<u8> {
    let count = rng.random_range(0..200);
    let mut numbers: Vec<f32> = (0..count).map(|number| number as f32).collect();
    if rng.random_bool(0.1)
        && let Some(number) = numbers.last_mut()
    {
        *number = f32::from_bits(rng.random());
    }
    let dimensions = rng.random_range(0..5);
    let shape: Vec<_> = (0..dimensions).map(|_| number(rng)).collect();
    let mut strides: Vec<_> = (0..dimensions).map(|_| number(rng)).collect();
    if rng.random_bool(0.7) {
        // Dense in some order of the dimensions, so that many fit.
        let mut stride = 1i32;
        let start = rng.random_range(0..=dimensions);
        for axis in (0..dimensions).map(|axis| (axis + start) % dimensions.max(1)) {
            strides[axis] = stride;
            stride = stride.saturating_mul(shape[axis].max(1));
        }
    }
    let pickle = dict(&[text("w"), tensor(count, number(rng), &shape, &strides)]);
    if rng.random_bool(0.5) {
        zipped(&pickle, &numbers)
    } else {
        legacy(&pickle, &numbers)
    }
}

fn safetensors(rng: &mut ChaCha8Rng) -> Vec<u8> {
    let dtypes = ["F32", "F16", "BF16", "F64", "I64", "BOOL", "F4", "X"];
    let mut entries = Vec::new();
    let mut end = 0i64;
    for index in 0..rng.random_range(0..5) {
        let dimensions = rng.random_range(0..4);
        let shape: Vec<i64> = (0..dimensions).map(|_| i64::from(number(rng))).collect();
        let dtype = dtypes.choose(rng).expect("a type");
        let bytes = match *dtype {
            "F64" | "I64" => 8,
            "F32" => 4,
            "F16" | "BF16" => 2,
            _ => 1,
        };
        let size = shape
            .iter()
            .fold(bytes, |size: i64, &length| size.saturating_mul(length));
        let start = if rng.random_bool(0.9) {
            end
        } else {
            i64::from(number(rng))
        };
        end = start.saturating_add(size);
        entries.push(format!(
            r#""t{index}":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{start},{end}]}}"#
        ));
    }
    let mut header = format!("{{{}}}", entries.join(",")).into_bytes();
    if rng.random_bool(0.2) {
        mutate(rng, &mut header);
    }
    let length = if rng.random_bool(0.95) {
        header.len() as u64
    } else {
        rng.random()
    };
    let mut file = length.to_le_bytes().to_vec();
    file.extend(header);
    let data = if rng.random_bool(0.9) {
        end.clamp(0, 10_000)
    } else {
        7
    };
    file.extend((0..data).map(|_| rng.random::<u8>() & 0x3f));
    file
}

/// A zip whose directory is changed, or whose files are not the right ones.
fn directory(rng: &mut ChaCha8Rng, pickles: &[Vec<u8>]) -> Vec<u8> {
    let pickle = pickles.choose(rng).expect("a pickle");
    let numbers = little_endian(&[0.5; 6]);
    let mut files: Vec<(&str, &[u8])> = vec![("a/data.pkl", pickle), ("a/data/0", &numbers)];
    let extra: [(&str, &[u8]); 7] = [
        ("a/byteorder", b"little"),
        ("a/byteorder", b"big"),
        ("a/data/0", b"twice"),
        ("b/data.pkl", b"."),
        ("a/constants.pkl", b"."),
        ("data.pkl", pickle),
        ("", b""),
    ];
    for _ in 0..rng.random_range(0..3) {
        let at = rng.random_range(0..=files.len());
        files.insert(at, *extra.choose(rng).expect("a file"));
    }
    if rng.random_bool(0.1) {
        files.remove(0);
    }
    let wide = rng.random_bool(0.5);
    let mut zip = zip(&files, wide);
    // Mostly in the directory, which comes after the files.
    let start = zip.len() - rng.random_range(1..=zip.len().min(400));
    for _ in 0..rng.random_range(0..3) {
        let at = rng.random_range(start..zip.len());
        zip[at] = *[0, 1, 8, 0x7f, 0xff].choose(rng).expect("a byte");
    }
    zip
}
