//! What the tests have in common: weights that anyone can regenerate, an artificial picture, and goldens.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use burn::tensor::{Device, Tensor, TensorData};
use headstart_backbones::{Backbone, model};
use headstart_checkpoint::{Mapping, Naming, Part};
use headstart_project::BackboneId;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

/// The project's folder.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A golden's tensors by name, from `tests/golden/FOLDER`.
pub fn golden(folder: &str, name: &str) -> BTreeMap<String, Vec<f64>> {
    let path = format!("crates/backbones/tests/golden/{folder}/{name}.safetensors");
    let file = fs::read(root().join(path)).expect("reads");
    let file = SafeTensors::deserialize(&file).expect("parses");
    let tensors = file.tensors().into_iter().map(|(name, tensor)| {
        let numbers = match tensor.dtype() {
            Dtype::I64 => {
                let (numbers, _) = tensor.data().as_chunks();
                let numbers = numbers.iter().map(|&it| i64::from_le_bytes(it) as f64);
                numbers.collect()
            }
            _ => {
                let (numbers, _) = tensor.data().as_chunks();
                let numbers = numbers.iter().map(|&it| f64::from(f32::from_le_bytes(it)));
                numbers.collect()
            }
        };
        (name, numbers)
    });
    tensors.collect()
}

/// The features of the artificial picture at the backbone's own size.
pub fn features(backbone: &Backbone) -> Vec<f64> {
    let planes = picture(backbone.input_px() as usize);
    let features = backbone.embed(planes.into_data().iter().collect());
    features.into_data().iter().collect()
}

/// The cosine of the angle between two vectors.
pub fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Numbers from -1 to 1, like `noise` in `tools/make-backbone-goldens.py`.
fn noise(name: &str, count: usize) -> impl Iterator<Item = f64> {
    let start = crc32fast::hash(name.as_bytes());
    (0..count as u32).map(move |place| {
        let mut x = place.wrapping_mul(0x9E37_79B9).wrapping_add(start);
        x ^= x >> 16;
        x = x.wrapping_mul(0x85EB_CA6B);
        x ^= x >> 13;
        x = x.wrapping_mul(0xC2B2_AE35);
        x ^= x >> 16;
        f64::from(x >> 8) / 8_388_608.0 - 1.0
    })
}

/// A tensor of a state dictionary, like `values` there.
fn values(name: &str, shape: &[usize]) -> Vec<f32> {
    let count: usize = shape.iter().product();
    let fan_in: usize = shape.iter().skip(1).product();
    let scale = (6.0 / fan_in as f64).sqrt();
    let value = |noise: f64| match name {
        _ if shape.len() > 1 => noise * scale,
        _ if name.ends_with("running_var") => 1.0 + 0.5 * noise,
        _ if name.ends_with(".weight") => 1.0 + 0.2 * noise,
        _ => 0.2 * noise,
    };
    noise(name, count)
        .map(|noise| value(noise) as f32)
        .collect()
}

/// The published names that `id`'s golden was made with.
fn mapping(id: BackboneId) -> Mapping {
    use BackboneId::{EfficientNetLite0, EfficientNetLite1, EfficientNetLite2};
    let is_of_timm = matches!(
        id,
        EfficientNetLite0 | EfficientNetLite1 | EfficientNetLite2
    );
    let naming = if is_of_timm {
        Naming::Timm
    } else {
        Naming::Torchvision
    };
    let mut mappings = model(id).mappings().into_iter();
    mappings
        .find(|mapping| mapping.naming == naming)
        .expect("is published so")
}

/// The weights as a file, without a classifier.
pub fn published(id: BackboneId, is_hidden_kept: bool) -> Vec<u8> {
    let mapping = mapping(id);
    let layers = mapping.layers.iter().filter(|layer| match layer.part {
        Part::Backbone => true,
        Part::Hidden => is_hidden_kept,
        Part::Classifier => false,
    });
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = layers
        .flat_map(|layer| layer.tensors())
        .map(|(name, shape)| {
            let bytes = values(&name, &shape).into_iter().flat_map(f32::to_le_bytes);
            let bytes = bytes.collect();
            (name, shape, bytes)
        })
        .collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes).expect("fits");
        (name.as_str(), view)
    });
    safetensors::serialize(views, None).expect("writes")
}

/// Like `picture` there: `[1, 3, side, side]`.
pub fn picture(side: usize) -> Tensor<4> {
    let pixel = |c: usize, y: usize, x: usize| {
        let wave =
            ((c + 2) as f64 * x as f64 / 7.0).sin() + ((c + 3) as f64 * y as f64 / 11.0).cos();
        let is_bright = (side / 4..side / 2).contains(&y) && (side / 2..3 * side / 4).contains(&x);
        (wave + f64::from(u8::from(is_bright))) as f32
    };
    let places =
        (0..3).flat_map(|c| (0..side).flat_map(move |y| (0..side).map(move |x| (c, y, x))));
    let pixels: Vec<f32> = places.map(|(c, y, x)| pixel(c, y, x)).collect();
    Tensor::from_data(TensorData::new(pixels, [1, 3, side, side]), &Device::flex())
}
