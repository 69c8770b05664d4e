//! Broken and invented weights files of every kind, generated from a seed: each gets an answer, quickly and with little memory.
//!
//! `HEADSTART_FUZZ_CASES` sets their number (200,000 by default) and `HEADSTART_FUZZ_SEED` the first seed, so that a single case can be repeated.

mod broken;
#[path = "../support/mod.rs"]
mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use broken::Samples;
use headstart_checkpoint::{Checkpoint, CheckpointError, Dtype, Model, recognise};

/// The most memory that a case may hold at once, in addition to 30 times its file.
const MOST_BYTES: usize = 4_000_000;
/// The longest that a case may take, even on a slow machine.
const MOST_TIME: Duration = Duration::from_secs(5);

/// Counts the memory in use, and its maximum.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST_HELD: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on unchanged to the system's allocator; apart from that, only counters change.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Relaxed) + layout.size();
        MOST_HELD.fetch_max(held, Relaxed);
        // SAFETY: the caller upholds the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller upholds the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn broken_weights_files_are_answered() {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let cases = number("HEADSTART_FUZZ_CASES").unwrap_or(200_000);
    let first = number("HEADSTART_FUZZ_SEED").unwrap_or(0);
    let samples = Samples::read();
    let mut answers: BTreeMap<String, u64> = BTreeMap::new();
    let (mut slowest, mut largest) = ((Duration::ZERO, 0), (0, 0));
    let begun = Instant::now();
    for seed in first..first + cases {
        let (kind, file) = samples.broken(seed);
        let length = file.len();
        let before = HELD.load(Relaxed);
        MOST_HELD.store(before, Relaxed);
        let start = Instant::now();
        let answer = match std::panic::catch_unwind(|| answer(file, seed)) {
            Ok(answer) => answer,
            Err(_) => panic!("case {seed} ({kind}) panics"),
        };
        let took = start.elapsed();
        let held = MOST_HELD.load(Relaxed).saturating_sub(before);
        assert!(took < MOST_TIME, "case {seed} ({kind}) takes {took:?}");
        assert!(
            held < MOST_BYTES + 30 * length,
            "case {seed} ({kind}, {length} bytes) holds {held} bytes"
        );
        slowest = slowest.max((took, seed));
        largest = largest.max((held, seed));
        *answers.entry(format!("{kind}: {answer}")).or_default() += 1;
    }
    let took = begun.elapsed();
    println!("{cases} weights files in {took:?}");
    println!("slowest {:?} (case {})", slowest.0, slowest.1);
    println!("most memory {} bytes (case {})", largest.0, largest.1);
    for (answer, count) in &answers {
        println!("{count:8} {answer}");
    }
    // A fuzzer whose inputs all fail at the door tests only the door.
    if cases >= 100_000 {
        for wanted in [
            "read",
            "CutOff",
            "Unknown",
            "Foreign",
            "BigEndian",
            "Damaged",
            "Packed",
            "ForbiddenName",
            "ForbiddenCall",
            "ForbiddenInstruction",
            "Recursive",
            "TooDeep",
            "TooMuch",
            "NoTensors",
            "Twice",
            "NotFloat",
            "OutOfStorage",
            "Overlapping",
            "Shape",
            "NotFinite",
        ] {
            let count: u64 = answers
                .iter()
                .filter(|(answer, _)| answer.ends_with(&format!(": {wanted}")))
                .map(|(_, count)| count)
                .sum();
            assert!(count > 0, "no case is {wanted}");
        }
    }
}

/// Opens a file and reads everything that it offers.
fn answer(file: Vec<u8>, seed: u64) -> String {
    let mut checkpoint = match Checkpoint::open(Cursor::new(file)) {
        Ok(checkpoint) => checkpoint,
        Err(error) => return named(&error),
    };
    let tensors = checkpoint.tensors().to_vec();
    assert!(!tensors.is_empty());
    let mut answer = "read".to_owned();
    for tensor in &tensors {
        match checkpoint.read(&tensor.name) {
            Ok(values) => {
                assert_ne!(tensor.dtype, Dtype::Other);
                assert_eq!(values.len(), tensor.shape.iter().product::<usize>());
                assert!(values.iter().all(|value| value.is_finite()));
                if let Some(&rows) = tensor.shape.first() {
                    let half = checkpoint.read_rows(&tensor.name, rows / 2..rows);
                    let start = values.len() / rows.max(1) * (rows / 2);
                    assert_eq!(half, Ok(values[start..].to_vec()));
                }
            }
            Err(error) => answer = named(&error),
        }
    }
    // Building all the tables takes a hundred times as long as reading such a small file.
    if seed.is_multiple_of(64) {
        assert_eq!(recognise(&tensors), None);
        let mismatch = Model::SqueezeNet11.mappings()[0].fit(&tensors);
        let mismatch = mismatch.map_or_else(|mismatch| mismatch.to_string(), |_| String::new());
        assert!((1..5_000).contains(&mismatch.len()), "{mismatch}");
    }
    answer
}

/// The kind of an error.
fn named(error: &CheckpointError) -> String {
    assert!(error.to_string().len() < 2_000, "{error}");
    let text = match error {
        CheckpointError::Tensor { problem, .. } => format!("{problem:?}"),
        error => format!("{error:?}"),
    };
    let is_name = |sign: &char| sign.is_ascii_alphanumeric();
    text.chars().take_while(is_name).collect()
}
