//! Broken archives of every kind, generated from a seed: each gets an answer, quickly and with little memory.
//!
//! `HEADSTART_FUZZ_CASES` sets their number (3,000 by default) and `HEADSTART_FUZZ_SEED` the first seed, so that a single case can be repeated.
#![expect(clippy::expect_used, reason = "a test may fail so")]

mod broken;
#[path = "../support/mod.rs"]
mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use broken::broken;
use headstart_archive::{TeachableMachine, TeachableMachineError, open};
use headstart_images::{ArchiveItem, ArchiveLimits};
use headstart_project::ProjectFileError;
use serde_json::Value;
use support::backbones;

/// The most memory that a case may hold at once: the longest description that is read, as bytes, while its buffer grows, and as parsed values.
const MOST_BYTES: usize = 200_000_000;
/// The longest that a case may take, even on a slow machine.
const MOST_TIME: Duration = Duration::from_secs(10);

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
fn broken_archives_are_answered() {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let cases = number("HEADSTART_FUZZ_CASES").unwrap_or(3_000);
    let first = number("HEADSTART_FUZZ_SEED").unwrap_or(0);
    let mut answers: BTreeMap<String, u64> = BTreeMap::new();
    let (mut slowest, mut largest) = ((Duration::ZERO, 0), (0, 0));
    let begun = Instant::now();
    for seed in first..first + cases {
        // Shown when the case fails.
        let (kind, archive) = broken(seed);
        let length = archive.len();
        let before = HELD.load(Relaxed);
        MOST_HELD.store(before, Relaxed);
        let start = Instant::now();
        let answer = match std::panic::catch_unwind(|| answer(archive)) {
            Ok(answer) => answer,
            Err(_) => panic!("case {seed} ({kind}) panics"),
        };
        let took = start.elapsed();
        let held = MOST_HELD.load(Relaxed) - before;
        assert!(took < MOST_TIME, "case {seed} ({kind}) takes {took:?}");
        assert!(
            held < MOST_BYTES + 10 * length,
            "case {seed} ({kind}) holds {held} bytes"
        );
        slowest = slowest.max((took, seed));
        largest = largest.max((held, seed));
        *answers.entry(answer).or_default() += 1;
    }
    let took = begun.elapsed();
    println!("{cases} archives in {took:?}");
    println!("slowest {:?} (case {})", slowest.0, slowest.1);
    println!("most memory {} bytes (case {})", largest.0, largest.1);
    for (answer, count) in &answers {
        println!("{count:8} {answer}");
    }
    // A fuzzer whose inputs all fail at the door tests only the door.
    if cases >= 3_000 {
        for wanted in [
            "opened",
            "opened with notes",
            "not_a_project",
            "no_project",
            "newer",
            "damaged",
            "description",
            "damaged_image",
            "missing_image",
            "unsafe_path",
            "locked",
            "oversized",
            "too_many_entries",
            "images",
        ] {
            assert!(answers.contains_key(wanted), "no case is {wanted}");
        }
    }
}

/// Opens an archive as both kinds of project and reads everything that they offer.
fn answer(archive: Vec<u8>) -> String {
    let limits = ArchiveLimits {
        entries: 200,
        entry_bytes: 20_000_000,
        total_bytes: 60_000_000,
    };
    match open(Cursor::new(&archive), &backbones(), limits) {
        Ok(mut project) => {
            let described = project.project().clone();
            for (index, sample) in described.samples().enumerate() {
                // It has been checked, so it can be read.
                project.image(index).expect("was checked");
                let embedding = project.embedding(sample);
                assert_eq!(embedding.is_some(), sample.embedding.is_some());
                if let Some(embedding) = embedding {
                    assert_eq!(embedding.len(), 4);
                    assert!(embedding.iter().all(|number| number.is_finite()));
                }
            }
            assert!(project.image(described.samples().count()).is_err());
            assert_eq!(project.run().is_some(), project.model().is_some());
            let has_notes = !project.notes().is_empty();
            if has_notes {
                "opened with notes"
            } else {
                "opened"
            }
            .to_owned()
        }
        Err(ProjectFileError::TeachableMachine) => {
            let mut images = 0;
            match TeachableMachine::open(Cursor::new(&archive), limits) {
                Ok(mut project) => {
                    while let Some(item) = project.read_next() {
                        images += u32::from(matches!(item, Ok(ArchiveItem::Image(..))));
                    }
                    if images > 0 { "images" } else { "no images" }.to_owned()
                }
                Err(TeachableMachineError::OtherKind { .. }) => "other kind".to_owned(),
                Err(error) => panic!("{error}"),
            }
        }
        Err(error) => {
            assert!(error.to_string().len() < 2_000, "{error}");
            match serde_json::to_value(&error) {
                Ok(Value::String(name)) => name,
                Ok(Value::Object(fields)) => fields.keys().cloned().collect(),
                other => panic!("{other:?}"),
            }
        }
    }
}
