//! Copies of a photograph are found however they were made, and different photographs are not mistaken for copies.
#![expect(clippy::expect_used, reason = "what is made here is known to be sound")]
#![expect(
    clippy::disallowed_methods,
    reason = "natively a tensor may be read synchronously"
)]

use std::fs;
use std::io::Cursor;
use std::path::PathBuf;

use burn::tensor::Device;
use headstart_backbones::Backbone;
use headstart_images::{Archive, ArchiveItem, ArchiveLimits, Pixels, look};
use headstart_project::{BackboneId, SampleId};
use headstart_training::{Embedded, Host, group};
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType::Triangle;
use image::{DynamicImage, RgbaImage, imageops};

/// Only one in `LOOKED_AT` of the sample pictures is looked at, and one in `COPIED` of those is copied: embedding takes time.
const LOOKED_AT: usize = 2;
const COPIED: usize = 5;

struct Quiet;

impl Host for Quiet {
    fn now_ms(&self) -> f64 {
        0.0
    }
    fn is_cancelled(&self) -> bool {
        false
    }
    async fn pause(&self) {}
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn photographs() -> Vec<RgbaImage> {
    let zip = fs::read(root().join("web/sample/sample.zip")).expect("is in the project");
    let mut archive = Archive::open(Cursor::new(zip), ArchiveLimits::default()).expect("opens");
    let mut images = Vec::new();
    while let Some(item) = archive.read_next() {
        if let ArchiveItem::Image(_, file) = item.expect("reads") {
            images.push(image::load_from_memory(&file).expect("decodes").to_rgba8());
        }
    }
    images.into_iter().step_by(LOOKED_AT).collect()
}

fn saved_again(photograph: &RgbaImage, quality: u8) -> RgbaImage {
    let mut file = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut file, quality);
    let opaque = DynamicImage::from(photograph.clone()).to_rgb8();
    opaque.write_with_encoder(encoder).expect("encodes");
    image::load_from_memory(&file).expect("decodes").to_rgba8()
}

/// Crops a strip of `percent` off the left and the top.
fn shifted(photograph: &RgbaImage, percent: u32) -> RgbaImage {
    let [width, height] = [photograph.width(), photograph.height()];
    let [left, top] = [width, height].map(|side| side * percent / 100);
    imageops::crop_imm(photograph, left, top, width - left, height - top).to_image()
}

fn copies(photograph: &RgbaImage) -> Vec<RgbaImage> {
    let [half_width, half_height] = [photograph.width() / 2, photograph.height() / 2];
    vec![
        saved_again(photograph, 50),
        imageops::colorops::brighten(photograph, 20),
        imageops::colorops::brighten(photograph, -40),
        imageops::resize(photograph, half_width, half_height, Triangle),
        shifted(photograph, 3),
    ]
}

#[test]
fn copies_are_found_and_different_photographs_are_not() {
    let device = Device::flex();
    let weights = fs::read(root().join("weights/efficientnet-lite0.safetensors"));
    let weights = weights.expect("is in the project");
    let backbone = Backbone::load(BackboneId::EfficientNetLite0, &weights, &device).expect("loads");
    let embed = |picture: &RgbaImage, id: usize| {
        let (width, height) = (picture.width(), picture.height());
        let pixels = Pixels::new(width, height, picture.as_raw().clone()).expect("fits");
        let embedding = backbone.embed(backbone.prepare(&pixels).expect("resizes"));
        Embedded {
            id: SampleId(id as u32),
            embedding: embedding.into_data().iter::<f32>().collect(),
            burst: None,
            look: Some(look(&pixels)),
        }
    };
    let photographs = photographs();
    let mut images: Vec<Embedded> = Vec::new();
    for (id, photograph) in photographs.iter().enumerate() {
        images.push(embed(photograph, id));
    }
    // A copy has the same number as its original.
    for (id, photograph) in photographs.iter().enumerate().step_by(COPIED) {
        for copy in copies(photograph) {
            images.push(embed(&copy, id));
        }
    }
    let all: Vec<&Embedded> = images.iter().collect();
    let groups = pollster::block_on(group(&all, &Quiet)).expect("runs");
    for members in groups.members() {
        let first = images[members[0]].id;
        let is_one = members.iter().all(|&at| images[at].id == first);
        assert!(is_one, "different photographs: {members:?}");
    }
    let copied = images.len() - photographs.len();
    let found = groups.of[photographs.len()..]
        .iter()
        .zip(&images[photographs.len()..])
        .filter(|(group, copy)| **group == groups.of[copy.id.0 as usize])
        .count();
    println!("{found} of {copied} copies found");
    assert!(found as f64 >= 0.97 * copied as f64, "{found} of {copied}");
}
