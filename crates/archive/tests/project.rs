//! What is saved comes back, and whatever can be recomputed is dropped with a note.
#![expect(clippy::expect_used, reason = "a test may fail so")]

mod support;

use std::io::Cursor;

use headstart_archive::{
    EMBEDDINGS, MODEL, OpenedProject, PROJECT, Paths, ProjectCheck, RESULTS, open,
};
use headstart_images::{Archive, ArchiveItem};
use headstart_project::{AugmentSettings, FineTuneSettings, Part, ProjectNote, SavedBackbone};
use serde::Serialize;
use support::*;

fn opened(files: &Files) -> OpenedProject<Cursor<Vec<u8>>> {
    open(Cursor::new(stored(files)), &backbones(), limits()).expect("opens")
}

fn assert_whole(project: &mut OpenedProject<Cursor<Vec<u8>>>) {
    assert_eq!(*project.project(), support::project());
    assert_eq!(project.run(), Some(&run()));
    assert_eq!(project.model(), Some(&model()[..]));
    assert_eq!(project.notes(), []);
    let images = images();
    let samples: Vec<_> = project.project().samples().cloned().collect();
    for (index, sample) in samples.iter().enumerate() {
        assert_eq!(project.embedding(sample), sample.embedding.map(row));
        assert_eq!(project.image(index).as_ref(), Ok(&images[&sample.path]));
    }
}

#[test]
fn version_1_comes_back_as_it_was_saved() {
    assert_whole(&mut opened(&files()));
}

#[test]
fn a_project_that_was_unpacked_and_zipped_again_opens_too() {
    let archive = deflated(&files());
    let mut project = open(Cursor::new(archive), &backbones(), limits()).expect("opens");
    assert_whole(&mut project);
    let mut wrapped: Files = files()
        .into_iter()
        .map(|(path, bytes)| (format!("Meine Äpfel/{path}"), bytes))
        .collect();
    wrapped.push(("__MACOSX/project.json".into(), vec![0; 20]));
    wrapped.reverse();
    assert_whole(&mut opened(&wrapped));
}

#[test]
fn texts_are_written_as_they_are_read() {
    fn json(data: impl Serialize) -> serde_json::Value {
        value(&serde_json::to_string(&data).expect("is plain data"))
    }
    fn value(text: &str) -> serde_json::Value {
        serde_json::from_str(text).expect("is JSON")
    }
    // The fixture is older than these two; a file without them has their defaults.
    let with_later_settings = |text: &str, settings: &str| -> serde_json::Value {
        let mut file = value(text);
        let settings = file.pointer_mut(settings).expect("has settings");
        settings["augmentation"] = json(AugmentSettings::default());
        settings["fine_tuning"] = json(FineTuneSettings::default());
        file
    };
    let project = with_later_settings(PROJECT_TEXT, "/settings");
    assert_eq!(json(support::project()), project);
    let results = with_later_settings(RESULTS_TEXT, "/request/settings");
    assert_eq!(json(run()), results);
}

#[test]
fn paths_are_those_of_the_format() {
    let mut paths = Paths::project();
    for class in project().classes {
        let folder = paths.class_folder(&class.name);
        for sample in class.samples {
            assert_eq!(paths.file(sample.part, &folder, &sample.name), sample.path);
        }
    }
}

#[test]
fn unknown_fields_and_files_do_not_matter() {
    let text = PROJECT_TEXT.replacen('{', r#"{"wings": {"count": 2}, "#, 1);
    let mut files = with(PROJECT, Some(text.into()));
    files.push(("notes/README.txt".into(), b"Hello".to_vec()));
    assert_whole(&mut opened(&files));
}

#[test]
fn an_opening_can_be_watched_image_by_image() {
    let reader = Cursor::new(stored(&files()));
    let mut check = ProjectCheck::begin(reader, &backbones(), limits()).expect("begins");
    assert_eq!(check.progress(), (0, 6));
    assert_eq!(check.step(), Ok(true));
    assert_eq!(check.progress(), (1, 6));
    assert_whole(&mut check.finish().expect("is whole"));
}

#[test]
fn a_damaged_project_still_gives_its_images_to_import() {
    let files = with(PROJECT, Some(b"{".to_vec()));
    let mut archive = stored(&files);
    let at = archive
        .windows(4)
        .rposition(|window| window == b"IDAT")
        .expect("has images");
    archive[at + 5] ^= 1;
    let mut import = Archive::open(Cursor::new(archive), limits()).expect("opens");
    let mut found = Vec::new();
    while let Some(item) = import.read_next() {
        match item.expect("is small") {
            ArchiveItem::Image(place, _) => {
                found.push(format!("{:?} {} {}", place.part, place.class, place.name));
            }
            ArchiveItem::Skipped(entry) => found.push(format!("{:?}", entry.reason)),
            ArchiveItem::Ignored => {}
        }
    }
    assert_eq!(
        found,
        [
            "Train Äpfel_rot a.png",
            "Train Äpfel_rot A (2).png",
            "Test Äpfel_rot a.png",
            "Train cat webcam.png",
            "Train cat webcam (2).png",
            "Damaged",
        ]
    );
}

#[test]
fn unusable_embeddings_are_made_anew() {
    let nan = {
        let mut file = embeddings(5);
        let at = file.len() - 4;
        file[at..].copy_from_slice(&f32::NAN.to_le_bytes());
        file
    };
    let wide = [
        headstart_archive::embeddings_header(5, 8),
        vec![0; 5 * 8 * 4],
    ]
    .concat();
    for (file, lost) in [
        (Some(nan), 1),
        (Some(embeddings(4)), 1),
        (Some(embeddings(9_000)), 5),
        (Some(wide), 5),
        (Some(b"no tensors".to_vec()), 5),
        (None, 5),
    ] {
        let project = opened(&with(EMBEDDINGS, file));
        assert_eq!(
            project.notes(),
            [ProjectNote::EmbeddingsLost { count: lost }]
        );
        let kept = project.project().samples();
        let kept: Vec<_> = kept.filter(|sample| sample.embedding.is_some()).collect();
        assert_eq!(kept.len() as u32, 5 - lost);
        assert!(
            kept.iter()
                .all(|sample| project.embedding(sample).is_some())
        );
        // The rest is unchanged.
        assert_eq!(project.run(), Some(&run()));
    }
    let twice = described(|project| project.classes[0].samples[1].embedding = Some(0));
    assert_eq!(
        opened(&twice).notes(),
        [ProjectNote::EmbeddingsLost { count: 1 }]
    );
}

#[test]
fn a_model_and_its_results_are_kept_together_or_not_at_all() {
    let other_classes = RESULTS_TEXT.replace("\"classes\": [0, 1]", "\"classes\": [0, 9]");
    let too_few = RESULTS_TEXT.replace("\"classes\": [0, 1]", "\"classes\": [0]");
    let no_square = RESULTS_TEXT.replace("[[1, 0], [0, 0]]", "[[1, 0], [0]]");
    let no_class = RESULTS_TEXT.replace("\"predicted\": 1", "\"predicted\": 2");
    let mut cut = model();
    cut.pop();
    for (path, bytes) in [
        (MODEL, None),
        (MODEL, Some(b"{}".to_vec())),
        (MODEL, Some(cut)),
        (RESULTS, None),
        (RESULTS, Some(b"{}".to_vec())),
        (RESULTS, Some(other_classes.into())),
        (RESULTS, Some(too_few.into())),
        (RESULTS, Some(no_square.into())),
        (RESULTS, Some(no_class.into())),
    ] {
        let project = opened(&with(path, bytes));
        assert_eq!(project.notes(), [ProjectNote::ModelLost]);
        assert_eq!(project.model(), None);
        assert_eq!(project.run(), None);
    }
    let mut neither = files();
    neither.retain(|(path, _)| ![MODEL, RESULTS].contains(&path.as_str()));
    assert_eq!(opened(&neither).notes(), []);
}

#[test]
fn a_class_of_the_model_may_have_been_deleted() {
    let text = RESULTS_TEXT.replace("\"classes\": [0, 1]", "\"classes\": [null, 1]");
    let project = opened(&with(RESULTS, Some(text.into())));
    assert_eq!(
        project.run().map(|run| &run.classes[..]),
        Some(&[None, Some(1)][..])
    );
}

#[test]
fn another_backbone_leaves_the_images() {
    let own = &backbones()[0];
    let known = |name: &str, sha256: &str, features| SavedBackbone {
        name: name.into(),
        sha256: sha256.into(),
        features,
    };
    for known in [
        vec![known("resnet", &own.sha256, 4)],
        vec![known(&own.name, "00", 4)],
        vec![known(&own.name, &own.sha256, 8)],
        vec![],
    ] {
        let archive = Cursor::new(stored(&files()));
        let project = open(archive, &known, limits()).expect("opens");
        let name = "efficientnet-lite0".into();
        assert_eq!(project.notes(), [ProjectNote::OtherBackbone { name }]);
        assert_eq!(project.model(), None);
        assert_eq!(project.project().samples().count(), 6);
        assert!((project.project().samples()).all(|sample| sample.embedding.is_none()));
    }
}

#[test]
fn a_data_set_is_read_again_by_import_images() {
    let mut paths = Paths::data_set();
    let mut files = Files::new();
    for class in project().classes {
        let folder = paths.class_folder(&class.name);
        for sample in class.samples {
            let path = paths.file(sample.part, &folder, &sample.name);
            files.push((path, png(sample.id.0 + 3)));
        }
    }
    let archive = Cursor::new(stored(&files));
    let mut import = Archive::open(archive, limits()).expect("opens");
    for (path, bytes) in &files {
        let item = import.read_next().expect("one more").expect("is small");
        let ArchiveItem::Image(place, file) = item else {
            panic!("{item:?}");
        };
        let part = if place.part == Part::Test {
            "test"
        } else {
            "train"
        };
        assert_eq!(format!("{part}/{}/{}", place.class, place.name), *path);
        assert_eq!(file, *bytes);
    }
    assert!(import.read_next().is_none());
}
