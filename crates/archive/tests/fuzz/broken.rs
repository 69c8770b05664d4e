//! Archives, and what is broken about them.

use headstart_archive::{EMBEDDINGS, MODEL, PROJECT, RESULTS};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::support::*;

/// The archive of a case, and what is broken about it.
pub fn broken(seed: u64) -> (&'static str, Vec<u8>) {
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    let files = source(rng);
    let packed = |rng: &mut ChaCha8Rng, files: &Files| {
        if rng.random_bool(0.5) {
            stored(files)
        } else {
            deflated(files)
        }
    };
    match rng.random_range(0..12) {
        0 => {
            let mut archive = packed(rng, &files);
            for _ in 0..rng.random_range(1..=16) {
                let at = rng.random_range(0..archive.len());
                archive[at] ^= 1 << rng.random_range(0..8);
            }
            ("bits", archive)
        }
        1 => {
            let mut archive = packed(rng, &files);
            archive.truncate(rng.random_range(0..=archive.len()));
            ("cut off", archive)
        }
        2 => {
            let a = packed(rng, &files);
            let other = source(rng);
            let b = packed(rng, &other);
            let head = &a[..rng.random_range(0..=a.len())];
            let tail = &b[rng.random_range(0..=b.len())..];
            ("spliced", [head, tail].concat())
        }
        3 => {
            let mut archive = packed(rng, &files);
            let from = rng.random_range(0..archive.len());
            let to = (from + rng.random_range(0..300)).min(archive.len());
            let piece = archive[from..to].to_vec();
            if rng.random_bool(0.5) {
                archive.drain(from..to);
            }
            let at = rng.random_range(0..=archive.len());
            archive.splice(at..at, piece);
            ("moved", archive)
        }
        4 => {
            let archive = packed(rng, &files);
            ("headers", headers(rng, archive))
        }
        5 => {
            let mut archive = stored(&files);
            swap(rng, &mut archive, &files);
            ("swapped bytes", archive)
        }
        6 => {
            let mut files = files;
            for _ in 0..rng.random_range(1..=3) {
                entries(rng, &mut files);
            }
            ("entries", packed_twice(rng, &files))
        }
        7 | 8 => {
            let mut files = files;
            let name = if rng.random_bool(0.7) {
                PROJECT
            } else {
                RESULTS
            };
            change(&mut files, name, |text| meaning(rng, text));
            ("meaning", packed(rng, &files))
        }
        9 => {
            let mut files = files;
            let name = if rng.random_bool(0.7) {
                PROJECT
            } else {
                RESULTS
            };
            change(&mut files, name, |text| syntax(rng, text));
            ("syntax", packed(rng, &files))
        }
        10 => {
            let mut files = files;
            let name = if rng.random_bool(0.6) {
                EMBEDDINGS
            } else {
                MODEL
            };
            change(&mut files, name, |bytes| tensors(rng, bytes));
            ("tensors", packed(rng, &files))
        }
        _ => ("bomb", bomb(rng, files)),
    }
}

/// A whole project, mostly; sometimes one of Teachable Machine.
fn source(rng: &mut ChaCha8Rng) -> Files {
    if rng.random_bool(0.8) {
        return files();
    }
    let mut files: Files = (0..6)
        .map(|n| (format!("Class {}-!-{}.jpg", n % 2 + 1, n / 2), png(n + 1)))
        .collect();
    let kind = if rng.random_bool(0.8) {
        "image"
    } else {
        "pose"
    };
    let manifest = json!({"type": kind, "version": "2.4.4", "appdata": {"trainEpochs": 50}});
    files.push(("manifest.json".into(), manifest.to_string().into_bytes()));
    files
}

fn change(files: &mut Files, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
    if let Some((_, bytes)) = files.iter_mut().find(|(path, _)| path == name) {
        change(bytes);
    }
}

/// Overwrites fields of the headers, the directory and its end with senseless numbers.
fn headers(rng: &mut ChaCha8Rng, mut archive: Vec<u8>) -> Vec<u8> {
    let signs: [&[u8]; 3] = [b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"];
    for _ in 0..rng.random_range(1..=4) {
        let sign = signs.choose(rng).expect("there are some");
        let places: Vec<usize> = archive
            .windows(4)
            .enumerate()
            .filter_map(|(at, window)| (window == *sign).then_some(at))
            .collect();
        let Some(&at) = places.choose(rng) else {
            continue;
        };
        let at = at + rng.random_range(4..46);
        let width = [1, 2, 4].choose(rng).copied().expect("there are some");
        let number: u32 = [0, 1, 0xffff, 0xffff_fffe, u32::MAX, rng.random()]
            .choose(rng)
            .copied()
            .expect("there are some");
        for (offset, byte) in number.to_le_bytes().into_iter().take(width).enumerate() {
            if let Some(place) = archive.get_mut(at + offset) {
                *place = byte;
            }
        }
    }
    if rng.random_bool(0.2) {
        // A zip64 directory that promises the moon.
        let mut end = b"PK\x06\x06".to_vec();
        let place = archive.len() as u64;
        end.extend(44u64.to_le_bytes());
        end.extend([45, 0, 45, 0]);
        end.extend([0; 8]);
        let count: u64 = [0, 3, 1_000_000, u64::MAX / 46, u64::MAX]
            .choose(rng)
            .copied()
            .expect("there are some");
        let size = if rng.random_bool(0.5) {
            u64::MAX
        } else {
            count
        };
        for number in [count, count, size, 0] {
            end.extend(number.to_le_bytes());
        }
        end.extend(b"PK\x06\x07\0\0\0\0");
        end.extend(place.to_le_bytes());
        end.extend(1u32.to_le_bytes());
        end.extend(b"PK\x05\x06\0\0\0\0");
        end.extend([0xff; 12]);
        end.extend([0; 2]);
        archive.extend(end);
    }
    archive
}

/// Swaps the bytes of two entries of equal length, or overwrites one with the other.
fn swap(rng: &mut ChaCha8Rng, archive: &mut [u8], files: &Files) {
    let place = |archive: &[u8], bytes: &[u8]| {
        archive
            .windows(bytes.len().max(1))
            .position(|window| window == bytes)
    };
    let (_, a) = files.choose(rng).expect("there are some");
    let (_, b) = files.choose(rng).expect("there are some");
    if let (Some(from), Some(to)) = (place(archive, a), place(archive, b)) {
        let length = a.len().min(b.len());
        let (a, b) = (a[..length].to_vec(), b[..length].to_vec());
        archive[to..to + length].copy_from_slice(&a);
        archive[from..from + length].copy_from_slice(&b);
    }
}

/// Removes, renames, repeats, empties or adds an entry.
fn entries(rng: &mut ChaCha8Rng, files: &mut Files) {
    let at = rng.random_range(0..files.len());
    let names = [
        "",
        "/",
        "..",
        "../project.json",
        "project.json/",
        "images/",
        "a/project.json",
        "PROJECT.JSON",
        "\0",
        "manifest.json",
        "Cat-!-1.jpg",
        "ünïcödé",
        "CON",
    ];
    match rng.random_range(0..6) {
        0 if files.len() > 1 => {
            files.remove(at);
        }
        1 => files[at].0 = (*names.choose(rng).expect("there are some")).to_owned(),
        2 => files.push(files[at].clone()),
        3 => files[at].1.clear(),
        4 => {
            let mut bytes = vec![0; rng.random_range(0..500)];
            rng.fill(&mut bytes[..]);
            files.push((
                names.choose(rng).expect("there are some").to_string(),
                bytes,
            ));
        }
        _ => {
            let to = rng.random_range(0..files.len());
            let bytes = files[to].1.clone();
            files[at].1 = bytes;
        }
    }
}

/// The other writer refuses duplicate names, so archives that have any are always stored.
fn packed_twice(rng: &mut ChaCha8Rng, files: &Files) -> Vec<u8> {
    let mut names: Vec<_> = files.iter().map(|(name, _)| name).collect();
    names.sort();
    names.dedup();
    if names.len() == files.len() && rng.random_bool(0.3) {
        deflated(files)
    } else {
        stored(files)
    }
}

/// Puts a senseless value somewhere in the text.
fn meaning(rng: &mut ChaCha8Rng, text: &mut Vec<u8>) {
    let Ok(mut value) = serde_json::from_slice::<Value>(text) else {
        return;
    };
    for _ in 0..rng.random_range(1..=3) {
        let place = somewhere(rng, &mut value);
        let values = [
            Value::Null,
            json!(0),
            json!(-1),
            json!(2),
            json!(4_294_967_295u32),
            json!(u64::MAX),
            json!(1e308),
            json!(0.5),
            json!(true),
            json!(""),
            json!("../../etc/passwd"),
            json!("images/train/cat/webcam.png"),
            json!("images/train/gone.png"),
            json!("x".repeat(3_000)),
            json!("\u{0}\u{202e}<script>"),
            json!([]),
            json!({}),
            json!([[[[[[]]]]]]),
        ];
        let repeated = place.clone();
        match rng.random_range(0..10) {
            0 => *place = json!([repeated, repeated, repeated]),
            1 => {
                if let Value::Object(fields) = place
                    && let Some(name) = fields.keys().cloned().collect::<Vec<_>>().choose(rng)
                {
                    fields.remove(name);
                }
            }
            2 => {
                if let Value::Array(items) = place {
                    items.extend(items.clone());
                }
            }
            _ => *place = values.choose(rng).expect("there are some").clone(),
        }
    }
    *text = serde_json::to_vec(&value).expect("is JSON");
}

/// A value somewhere within the value.
fn somewhere<'a>(rng: &mut ChaCha8Rng, value: &'a mut Value) -> &'a mut Value {
    let count = match value {
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        _ => 0,
    };
    if count == 0 || rng.random_bool(0.1) {
        return value;
    }
    let at = rng.random_range(0..count);
    let child = match value {
        Value::Array(items) => items.get_mut(at),
        Value::Object(fields) => fields.values_mut().nth(at),
        _ => None,
    };
    somewhere(rng, child.expect("was counted"))
}

/// Breaks the syntax of the text.
fn syntax(rng: &mut ChaCha8Rng, text: &mut Vec<u8>) {
    if text.is_empty() {
        return;
    }
    let at = rng.random_range(0..text.len());
    match rng.random_range(0..5) {
        0 => text.truncate(at),
        1 => text[at] = rng.random(),
        2 => {
            let depth = rng.random_range(100..200_000);
            let open: &[u8] = if rng.random_bool(0.5) {
                b"["
            } else {
                b"{\"a\":"
            };
            text.splice(at..at, open.repeat(depth));
        }
        3 => {
            let digits = "9".repeat(rng.random_range(1..5_000));
            text.splice(at..at, digits.into_bytes());
        }
        _ => {
            let to = rng.random_range(at..text.len());
            text.drain(at..to);
        }
    }
}

/// Breaks a tensor file: its length, its text, its numbers.
fn tensors(rng: &mut ChaCha8Rng, bytes: &mut Vec<u8>) {
    if bytes.len() < 16 {
        return;
    }
    match rng.random_range(0..5) {
        0 => {
            let length: u64 = [0, 1, 100_000_000, u64::MAX, rng.random()]
                .choose(rng)
                .copied()
                .expect("there are some");
            bytes[..8].copy_from_slice(&length.to_le_bytes());
        }
        1 => {
            let at = rng.random_range(8..bytes.len());
            bytes[at] = *b"{}[]\":,09-".choose(rng).expect("there are some");
        }
        2 => {
            let at = bytes.len() - 4 * rng.random_range(1..4);
            let number = [f32::NAN, f32::INFINITY, f32::MAX, -0.0]
                .choose(rng)
                .copied()
                .expect("there are some");
            bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
        3 => bytes.truncate(rng.random_range(0..bytes.len())),
        _ => bytes.extend(vec![0; rng.random_range(1..5_000)]),
    }
}

/// Small outside and large inside; or locked; or with very many entries.
fn bomb(rng: &mut ChaCha8Rng, mut files: Files) -> Vec<u8> {
    match rng.random_range(0..16) {
        0..12 => {
            let length = rng.random_range(1_000..2_000_000);
            let at = rng.random_range(0..files.len());
            files[at].1 = vec![b' '; length];
            deflated(&files)
        }
        12 => {
            let length = rng.random_range(20_000_000..40_000_000);
            let at = rng.random_range(0..files.len());
            files[at].1 = vec![b'['; length];
            deflated(&files)
        }
        13 => {
            let count = rng.random_range(150..3_000);
            files.extend((0..count).map(|n| (format!("more/{n}"), Vec::new())));
            stored(&files)
        }
        _ => {
            let mut archive = stored(&files);
            // Both headers of every entry say that a password is needed.
            for at in 0..archive.len().saturating_sub(10) {
                let flags = match &archive[at..at + 4] {
                    b"PK\x03\x04" => at + 6,
                    b"PK\x01\x02" => at + 8,
                    _ => continue,
                };
                archive[flags] |= 1;
            }
            archive
        }
    }
}
