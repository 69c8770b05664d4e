//! A small project of version 1, and ways to assemble it.

#![allow(dead_code, reason = "each of the tests uses a part of it")]

use std::collections::HashMap;
use std::io::{Cursor, Write};

use headstart_archive::{
    Crc32, EMBEDDINGS, MODEL, Modified, PROJECT, RESULTS, ZipWriter, embeddings_header,
};
use headstart_images::ArchiveLimits;
use headstart_project::{ProjectFile, SavedBackbone, SavedRun};
use image::{DynamicImage, ImageFormat};
use safetensors::tensor::{Dtype, TensorView};
use zip::write::SimpleFileOptions;

/// The texts exactly as the first release of the format wrote them; never change them.
pub const PROJECT_TEXT: &str = include_str!("../version_1/project.json");
pub const RESULTS_TEXT: &str = include_str!("../version_1/results.json");

pub type Files = Vec<(String, Vec<u8>)>;

pub fn project() -> ProjectFile {
    serde_json::from_str(PROJECT_TEXT).expect("is version 1")
}

pub fn run() -> SavedRun {
    serde_json::from_str(RESULTS_TEXT).expect("is version 1")
}

/// The backbone of the project.
pub fn backbones() -> Vec<SavedBackbone> {
    vec![project().backbone]
}

pub fn limits() -> ArchiveLimits {
    ArchiveLimits::default()
}

pub fn png(side_px: u32) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    DynamicImage::new_rgb8(side_px, side_px)
        .write_to(&mut file, ImageFormat::Png)
        .expect("encodes");
    file.into_inner()
}

/// One row of embeddings.
pub fn row(row: u32) -> Vec<f32> {
    (0..4)
        .map(|column| (row * 4 + column) as f32 * 0.1 - 0.7)
        .collect()
}

pub fn embeddings(rows: u32) -> Vec<u8> {
    let mut file = embeddings_header(rows, 4);
    file.extend((0..rows).flat_map(row).flat_map(f32::to_le_bytes));
    file
}

pub fn model() -> Vec<u8> {
    let numbers: Vec<u8> = (0..8).flat_map(|n| (n as f32).to_le_bytes()).collect();
    let weight = TensorView::new(Dtype::F32, vec![4, 2], &numbers).expect("fits");
    safetensors::serialize([("head.output.weight", weight)], None).expect("writes")
}

/// The project's entries, in the order in which they are written.
pub fn files() -> Files {
    let mut files: Files = vec![
        (PROJECT.into(), PROJECT_TEXT.into()),
        (RESULTS.into(), RESULTS_TEXT.into()),
        (EMBEDDINGS.into(), embeddings(5)),
        (MODEL.into(), model()),
    ];
    for sample in project().samples() {
        files.push((sample.path.clone(), png(sample.id.0 + 3)));
    }
    files
}

/// The files, with the content at this path replaced, or removed for `None`.
pub fn with(path: &str, bytes: Option<Vec<u8>>) -> Files {
    let mut files = files();
    let at = files.iter().position(|(name, _)| name == path);
    let at = at.expect("is there");
    match bytes {
        Some(bytes) => files[at].1 = bytes,
        None => {
            files.remove(at);
        }
    }
    files
}

/// The project with a modified description.
pub fn described(change: impl FnOnce(&mut ProjectFile)) -> Files {
    let mut project = project();
    change(&mut project);
    let text = serde_json::to_vec(&project).expect("is plain data");
    with(PROJECT, Some(text))
}

/// The archive as the page assembles it.
pub fn stored(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Modified {
        year: 2026,
        month: 2,
        day: 28,
        hour: 13,
        minute: 37,
        second: 42,
    });
    let mut out = Vec::new();
    for (path, bytes) in files {
        let mut crc = Crc32::new();
        crc.update(bytes);
        out.extend(writer.entry(path, crc.finalize(), bytes.len() as u64));
        out.extend(bytes);
    }
    out.extend(writer.finish());
    out
}

/// The archive as a file manager would zip it again: compressed.
pub fn deflated(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (path, bytes) in files {
        let options = SimpleFileOptions::default();
        writer.start_file(path.as_str(), options).expect("starts");
        writer.write_all(bytes).expect("writes");
    }
    writer.finish().expect("finishes").into_inner()
}

/// Image files by path.
pub fn images() -> HashMap<String, Vec<u8>> {
    files()
        .into_iter()
        .filter(|(path, _)| path.starts_with("images/"))
        .collect()
}
