//! Whatever is not a complete project is refused with an explanation.
#![expect(clippy::expect_used, reason = "a test may fail so")]

mod support;

use std::io::Cursor;

use headstart_archive::{PROJECT, open};
use headstart_images::ArchiveLimits;
use headstart_project::ProjectFileError;
use support::*;

fn refused(archive: Vec<u8>) -> ProjectFileError {
    match open(Cursor::new(archive), &backbones(), limits()) {
        Ok(_) => panic!("it opened"),
        Err(error) => error,
    }
}

#[test]
fn what_is_no_project_is_told_from_what_is() {
    assert_eq!(refused(b"hello".to_vec()), ProjectFileError::NotAProject);
    assert_eq!(refused(Vec::new()), ProjectFileError::NotAProject);
    assert_eq!(refused(png(9)), ProjectFileError::NotAProject);
    let folders = vec![("train/cats/1.png".to_owned(), png(4))];
    assert_eq!(refused(stored(&folders)), ProjectFileError::NoProject);
    assert_eq!(refused(stored(&[])), ProjectFileError::NoProject);
    let teachable = vec![("Cat-!-0.jpg".to_owned(), png(4))];
    assert_eq!(
        refused(stored(&teachable)),
        ProjectFileError::TeachableMachine
    );
}

#[test]
fn a_newer_version_is_named_before_anything_else_is_read() {
    let files = with(
        PROJECT,
        Some(br#"{"headstart_project": 2, "classes": "elsewhere"}"#.to_vec()),
    );
    let error = refused(stored(&files));
    assert_eq!(error, ProjectFileError::Newer { found: 2, known: 1 });
    let words = error.to_string();
    assert!(words.contains("saved by a newer Headstart"), "{words}");
}

#[test]
fn a_cut_off_file_is_refused_wherever_it_ends() {
    let whole = stored(&files());
    for length in 0..whole.len() {
        match refused(whole[..length].to_vec()) {
            ProjectFileError::NotAProject if length < 4 => {}
            ProjectFileError::Damaged { .. } if length >= 4 => {}
            other => panic!("{length}: {other:?}"),
        }
    }
}

#[test]
fn a_damaged_image_is_named() {
    let files = files();
    let whole = stored(&files);
    let (path, image) = &files[6];
    let at = whole
        .windows(image.len())
        .position(|window| window == image)
        .expect("is stored");
    for offset in 0..image.len() {
        let mut archive = whole.clone();
        archive[at + offset] ^= 0x10;
        let path = path.clone();
        assert_eq!(refused(archive), ProjectFileError::DamagedImage { path });
    }
}

#[test]
fn descriptions_that_make_no_sense_are_refused() {
    let mut deep = "[".repeat(100_000);
    deep.push_str(&"]".repeat(100_000));
    for text in [
        "",
        "null",
        "{}",
        "[1]",
        r#"{"headstart_project": 0}"#,
        r#"{"headstart_project": -1}"#,
        r#"{"headstart_project": 1}"#,
        r#"{"headstart_project": 1e99}"#,
        &deep,
        &format!(r#"{{"headstart_project": "{}"}}"#, "long".repeat(9_000)),
        &PROJECT_TEXT[..900],
    ] {
        let error = refused(stored(&with(PROJECT, Some(text.into()))));
        assert!(error.to_string().len() < 1_000, "{error}");
        let is_description = matches!(error, ProjectFileError::Description { .. });
        assert!(is_description, "{error:?}");
    }
    let same_id =
        described(|project| project.classes[1].samples[0].id = project.classes[0].samples[0].id);
    let same_path = described(|project| {
        project.classes[1].samples[0].path = project.classes[0].samples[0].path.clone();
    });
    for files in [same_id, same_path] {
        let error = refused(stored(&files));
        let is_description = matches!(error, ProjectFileError::Description { .. });
        assert!(is_description, "{error:?}");
    }
}

#[test]
fn paths_that_lead_nowhere_or_out_are_refused() {
    let at = |path: &str| described(|project| project.classes[0].samples[0].path = path.into());
    assert_eq!(
        refused(stored(&at("images/train/gone.png"))),
        ProjectFileError::MissingImage {
            path: "images/train/gone.png".into()
        }
    );
    for path in [
        "../a.png",
        "images/../../a.png",
        "/a.png",
        "C:/a.png",
        "images\\a.png",
        "images//a.png",
        "",
        "a\0.png",
    ] {
        let mut files = at(path);
        files.push((path.into(), png(4)));
        assert_eq!(
            refused(stored(&files)),
            ProjectFileError::UnsafePath { path: path.into() },
        );
    }
}

#[test]
fn two_entries_of_one_name_are_refused() {
    let mut files = files();
    files.push(files[5].clone());
    assert!(matches!(
        refused(stored(&files)),
        ProjectFileError::Damaged { .. }
    ));
}

#[test]
fn more_than_is_sane_is_refused() {
    let open_within = |limits: ArchiveLimits, archive: Vec<u8>| match open(
        Cursor::new(archive),
        &backbones(),
        limits,
    ) {
        Ok(_) => panic!("it opened"),
        Err(error) => error,
    };
    let few = ArchiveLimits {
        entries: 5,
        ..limits()
    };
    assert_eq!(
        open_within(few, stored(&files())),
        ProjectFileError::TooManyEntries { limit: 5 }
    );
    let path = "images/train/cat/webcam.png";
    let giant = with(path, Some(vec![0; 3_000_000]));
    let small = ArchiveLimits {
        entry_bytes: 2_000_000,
        ..limits()
    };
    for archive in [stored(&giant), deflated(&giant)] {
        assert_eq!(
            open_within(small, archive.clone()),
            ProjectFileError::Oversized {
                path: path.into(),
                limit_mb: 2
            }
        );
        let little = ArchiveLimits {
            total_bytes: 1_000_000,
            ..limits()
        };
        assert_eq!(
            open_within(little, archive),
            ProjectFileError::Bomb { limit_mb: 1 }
        );
    }
    let text = with(PROJECT, Some(vec![b' '; 32_000_001]));
    assert_eq!(
        refused(deflated(&text)),
        ProjectFileError::Oversized {
            path: PROJECT.into(),
            limit_mb: 32
        }
    );
}
