//! Projects of Teachable Machine, in the form used by the writers and readers that `docs/format.md` names.
#![expect(clippy::expect_used, reason = "a test may fail so")]

mod support;

use std::io::Cursor;

use headstart_archive::{TeachableMachine, TeachableMachineError};
use headstart_images::{ArchiveItem, ArchiveLimits};
use headstart_project::{ArchiveError, Part};
use support::*;

const MANIFEST: &str = r#"{"type":"image","version":"2.4.4","appdata":{"publishResults":{},"trainEpochs":50,"trainBatchSize":16,"trainLearningRate":0.001}}"#;

/// Images `CLASS-!-NUMBER.jpg`, then the manifest.
fn project(classes: &[(&str, u32)], manifest: Option<&str>) -> Files {
    let mut files = Files::new();
    for (class, count) in classes {
        for number in 0..*count {
            files.push((format!("{class}-!-{number}.jpg"), png(number + 1)));
        }
    }
    files.extend(manifest.map(|text| ("manifest.json".to_owned(), text.into())));
    files
}

fn read(archive: Vec<u8>, limits: ArchiveLimits) -> Vec<String> {
    let mut project = TeachableMachine::open(Cursor::new(archive), limits).expect("opens");
    std::iter::from_fn(|| project.read_next())
        .map(|item| match item {
            Ok(ArchiveItem::Image(place, file)) => {
                assert_eq!(place.part, Part::Train);
                format!("{} {} {}", place.class, place.name, file.len())
            }
            Ok(ArchiveItem::Skipped(entry)) => format!("{} {:?}", entry.path, entry.reason),
            Ok(ArchiveItem::Ignored) => "ignored".to_owned(),
            Err(error) => format!("{error:?}"),
        })
        .collect()
}

fn refused(archive: Vec<u8>) -> TeachableMachineError {
    match TeachableMachine::open(Cursor::new(archive), limits()) {
        Ok(_) => panic!("it opened"),
        Err(error) => error,
    }
}

#[test]
fn images_come_class_by_class_in_the_order_of_their_numbers() {
    let files = project(&[("Zebra", 12), ("Class 2", 1), ("猫", 1)], Some(MANIFEST));
    for archive in [stored(&files), deflated(&files)] {
        let found = read(archive, limits());
        assert_eq!(found.len(), 14);
        for (number, found) in found.iter().take(12).enumerate() {
            let length = png(number as u32 + 1).len();
            assert_eq!(*found, format!("Zebra Zebra-!-{number}.jpg {length}"));
        }
        let length = png(1).len();
        assert_eq!(found[12], format!("Class 2 Class 2-!-0.jpg {length}"));
        assert_eq!(found[13], format!("猫 猫-!-0.jpg {length}"));
    }
    let mut sorted_as_text = files.clone();
    sorted_as_text.sort();
    let found = read(stored(&sorted_as_text), limits());
    assert!(found[3].starts_with("Zebra Zebra-!-2.jpg"), "{}", found[3]);
}

#[test]
fn the_manifest_may_be_missing_or_newer() {
    let newer = r#"{"type":"image","version":"9.0","wings":[1,2]}"#;
    for manifest in [None, Some(newer), Some("{"), Some("[]")] {
        let files = project(&[("Cat", 2)], manifest);
        assert_eq!(read(stored(&files), limits()).len(), 2);
    }
}

#[test]
fn classes_may_bear_the_separator_and_slashes() {
    let files = project(&[("a-!-b", 1), ("c/d", 1)], Some(MANIFEST));
    let found = read(stored(&files), limits());
    assert!(found[0].starts_with("a-!-b a-!-b-!-0.jpg"));
    assert!(found[1].starts_with("c/d c/d-!-0.jpg"));
}

#[test]
fn other_kinds_of_projects_and_zips_are_named() {
    for kind in ["audio", "pose"] {
        let manifest = MANIFEST.replace("image", kind);
        let kind = kind.to_owned();
        assert_eq!(
            refused(stored(&project(&[("Cat", 2)], Some(&manifest)))),
            TeachableMachineError::OtherKind { kind }
        );
    }
    for files in [
        project(&[], None),
        vec![("cats/1.png".to_owned(), png(3))],
        vec![("-!-0.jpg".to_owned(), png(3))],
        vec![("Cat-!-first.jpg".to_owned(), png(3))],
        vec![("manifest.json".to_owned(), br#"{"name":"app"}"#.to_vec())],
    ] {
        assert_eq!(refused(stored(&files)), TeachableMachineError::NotAProject);
    }
    let zip = TeachableMachineError::Archive(ArchiveError::NotAZip);
    assert_eq!(refused(b"hello".to_vec()), zip);
    let cut = stored(&project(&[("Cat", 2)], Some(MANIFEST)));
    let cut = cut[..cut.len() - 30].to_vec();
    assert!(matches!(
        refused(cut),
        TeachableMachineError::Archive(ArchiveError::Damaged { .. })
    ));
}

#[test]
fn damaged_images_are_left_out_and_too_many_stop_it() {
    let mut files = project(&[("Cat", 3)], Some(MANIFEST));
    files[0].1 = b"no image".to_vec();
    files[1].1.truncate(40);
    let found = read(stored(&files), limits());
    assert_eq!(found[0], "Cat-!-0.jpg NotAnImage");
    assert_eq!(found[1], "Cat-!-1.jpg Truncated");
    assert!(found[2].starts_with("Cat Cat-!-2.jpg"));
    let little = ArchiveLimits {
        total_bytes: 50,
        ..limits()
    };
    let found = read(stored(&files), little);
    assert_eq!(
        found.last().map(String::as_str),
        Some("Bomb { limit_mb: 0 }")
    );
}
