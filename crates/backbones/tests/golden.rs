//! EfficientNet-Lite0, compared with ONNX Runtime.
//!
//! `tests/golden/` holds a picture and its features with the shipped weights, made by `tools/make-golden.py`.
//! Photographs with the features of the f32 weights are kept outside the project, and are used if they are there.
#![expect(
    clippy::disallowed_methods,
    reason = "natively a tensor may be read synchronously"
)]
#![expect(clippy::expect_used, reason = "a test may fail so")]

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use headstart_backbones::Backbone;
use headstart_images::Pixels;
use headstart_project::BackboneId;
use safetensors::SafeTensors;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn embed(backbone: &Backbone, picture: &Path) -> Vec<f32> {
    let decoded = image::open(picture).expect("decodes").to_rgba8();
    let pixels = Pixels::new(decoded.width(), decoded.height(), decoded.into_raw()).expect("fits");
    let embedding = backbone.embed(backbone.prepare(&pixels).expect("resizes"));
    embedding.into_data().iter().collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot =
        |a: &[f32], b: &[f32]| -> f64 { a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum() };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Compares the features of every `input_N.png` in `folder` with row N of `features` in `expected.safetensors`.
fn compare(weights: &Path, folder: &Path, check: impl Fn(&[f32], &[f32])) {
    let weights = fs::read(weights).expect("weights");
    let backbone =
        Backbone::load(BackboneId::EfficientNetLite0, &weights, &Device::flex()).expect("loads");
    let expected = fs::read(folder.join("expected.safetensors")).expect("reads");
    let expected = SafeTensors::deserialize(&expected).expect("parses");
    let features = expected.tensor("features").expect("has features");
    let rows: Vec<f32> = features
        .data()
        .as_chunks()
        .0
        .iter()
        .map(|&four| f32::from_le_bytes(four))
        .collect();
    for (index, row) in rows.chunks_exact(1280).enumerate() {
        check(
            &embed(&backbone, &folder.join(format!("input_{index}.png"))),
            row,
        );
    }
}

#[test]
fn the_shipped_weights_give_the_features_of_an_independent_implementation() {
    let weights = root().join("weights/efficientnet-lite0.safetensors");
    compare(
        &weights,
        &root().join("crates/backbones/tests/golden"),
        within_a_thousandth,
    );
}

#[test]
fn an_embedding_is_the_mean_of_the_last_feature_map() {
    let weights = fs::read(root().join("weights/efficientnet-lite0.safetensors")).expect("weights");
    let backbone =
        Backbone::load(BackboneId::EfficientNetLite0, &weights, &Device::flex()).expect("loads");
    let picture = root().join("crates/backbones/tests/golden/input_0.png");
    let decoded = image::open(&picture).expect("decodes").to_rgba8();
    let pixels = Pixels::new(decoded.width(), decoded.height(), decoded.into_raw()).expect("fits");
    let planes = backbone.prepare(&pixels).expect("resizes");
    let maps = backbone.maps([planes.clone(), planes].concat());
    let side = backbone.map_side();
    assert_eq!(maps.dims(), [2, backbone.features(), side, side]);
    let maps: Vec<f32> = maps.into_data().iter().collect();
    let means = maps
        .chunks_exact(side * side)
        .map(|map| map.iter().sum::<f32>() / (side * side) as f32);
    let embedding = embed(&backbone, &picture);
    for (mean, expected) in means.zip(embedding.iter().chain(&embedding)) {
        assert!((mean - expected).abs() < 1e-5, "{mean} {expected}");
    }
}

#[test]
fn f16_keeps_the_direction_of_the_f32_features() {
    let folder = root().join("../shared/golden/efficientnet_lite0");
    if !folder.exists() {
        println!("skipped: {} is not here", folder.display());
        return;
    }
    let weights = root().join("weights/efficientnet-lite0.safetensors");
    compare(&weights, &folder, |ours, theirs| {
        let cosine = cosine(ours, theirs);
        assert!(cosine >= 0.9999, "cosine {cosine}");
    });
}

#[test]
fn f32_weights_give_the_features_within_a_thousandth() {
    let folder = root().join("../shared/golden/efficientnet_lite0");
    let Some(weights) = std::env::var_os("HEADSTART_F32_WEIGHTS").map(PathBuf::from) else {
        println!(
            "skipped: HEADSTART_F32_WEIGHTS names no file (cargo xtask weights --f32 FILE makes one)"
        );
        return;
    };
    if !folder.exists() {
        println!("skipped: {} is not here", folder.display());
        return;
    }
    compare(&weights, &folder, within_a_thousandth);
}

fn within_a_thousandth(ours: &[f32], theirs: &[f32]) {
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert!((ours - theirs).abs() <= 1e-3, "{ours} {theirs}");
    }
}
