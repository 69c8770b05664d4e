//! A backbone, a head and activations for tests.

use burn::tensor::Device;
use headstart_backbones::Backbone;
use headstart_project::{BackboneId, SampleId};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{Activations, Head, HeadConfig, halves};

/// The backbone that every site has.
pub fn backbone() -> Backbone {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../weights/efficientnet-lite0.safetensors"
    );
    let file = std::fs::read(file).expect("weights");
    Backbone::load(BackboneId::EfficientNetLite0, &file, &Device::flex()).expect("loads")
}

/// Activations before the last two blocks, small ones: `[192, 3, 3]`, with labels that say nothing about them.
pub fn noise(count: usize, seed: u64) -> Activations {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut activations = Activations::new([192, 3, 3]);
    for index in 0..count {
        let values: Vec<f32> = (0..192 * 9).map(|_| rng.random_range(-1.0..1.0)).collect();
        activations.push(SampleId(index as u32), halves(&values), index % 3);
    }
    activations
}

/// A fresh head for its embeddings.
pub fn head(classes: usize) -> Head {
    let device = Device::flex();
    device.seed(1);
    HeadConfig::new(1280, classes, 16, 0.0).init(&device)
}
