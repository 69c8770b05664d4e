//! What the backbones are worth on real photographs: `cargo run --profile test --package headstart-training --example backbones [FILE.zip]`.
//!
//! For each backbone whose weights are in `weights/` (for the others, only the time): the accuracy of the default head at 5, 20 and 40 images per class over five seeds, the time per image on one CPU thread, the size of the weights file in 16 and in 8 bits, and what 8 bits do to the features.
//! The zip holds photographs in class folders, with `train/` and `test/` above them.
#![expect(
    clippy::expect_used,
    reason = "what is measured here is known to be sound"
)]

mod support;

use std::fs;
use std::io::Cursor;
use std::path::PathBuf;
use std::time::Instant;

use burn::tensor::Device;
use headstart_backbones::{Backbone, Conversion, Storage, own_plan};
use headstart_checkpoint::Checkpoint;
use headstart_project::{AugmentSettings, BackboneId, TrainSettings};
use support::{Computed, Photo, Photos, accuracy, decode, photos, values};

const AMOUNTS: [u32; 3] = [5, 20, 40];
const SEEDS: u64 = 5;
/// One out of this many images is timed and also embedded in 8 bits.
const EVERY: usize = 20;
/// The number of images for timing a backbone whose weights are not here; it gets random ones.
const FEW: usize = 5;

fn main() {
    let path = std::env::args_os().nth(1).map(PathBuf::from);
    let path = path.unwrap_or_else(photos::clothing);
    let Some(decoded) = decode(&path) else {
        println!("{} is not there, so nothing was measured.", path.display());
        std::process::exit(1);
    };
    println!(
        "| backbone | {} a class | ms an image | bytes in f16 | in int8 | cosine with int8: least, mean |",
        AMOUNTS.map(|it| it.to_string()).join(" a class | ")
    );
    println!("|---|---|---|---|---|---|---|---|");
    for id in BackboneId::ALL {
        let file = photos::root().join(format!("weights/{}.safetensors", id.name()));
        match fs::read(&file) {
            Ok(file) => measure(id, &file, &decoded),
            Err(_) => {
                let backbone = Backbone::random(id, 0, &Device::flex());
                let (time_ms, _) = timed(&backbone, decoded.photos.iter().take(FEW));
                println!(
                    "| {} | | | | {time_ms:.0} | {} | | |",
                    id.title(),
                    2 * backbone.parameters()
                );
            }
        }
    }
}

/// The median time per image, and the embeddings.
fn timed<'p>(backbone: &Backbone, photos: impl Iterator<Item = &'p Photo>) -> (f64, Vec<Vec<f32>>) {
    let (mut times_ms, mut embeddings) = (Vec::new(), Vec::new());
    for photo in photos {
        let planes = backbone.prepare(&photo.pixels).expect("resizes");
        let start = Instant::now();
        embeddings.push(values(backbone.embed(planes)));
        times_ms.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    times_ms.sort_by(f64::total_cmp);
    (times_ms[times_ms.len() / 2], embeddings)
}

fn measure(id: BackboneId, file: &[u8], photos: &Photos) {
    let device = Device::flex();
    let backbone = Backbone::load(id, file, &device).expect("loads");
    let computed = Computed::new(photos, &backbone, 0, &AugmentSettings::default(), 0);
    let accuracies = AMOUNTS.map(|amount| {
        let of_seed = |seed| {
            let settings = TrainSettings {
                seed,
                ..TrainSettings::default()
            };
            let classes = computed.classes(photos, Some(amount), None, seed);
            accuracy(&classes, &computed, &backbone, &settings).0
        };
        let all: Vec<f64> = (0..SEEDS).map(of_seed).collect();
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        let squares: f64 = all.iter().map(|it| (it - mean).powi(2)).sum();
        let deviation = (squares / (all.len() - 1) as f64).sqrt();
        format!("{:.1} ± {:.1} %", 100.0 * mean, 100.0 * deviation)
    });

    let small = in_8_bits(id, file);
    let quantized = Backbone::load(id, &small, &device).expect("loads");
    let (time_ms, exact) = timed(&backbone, photos.photos.iter().step_by(EVERY));
    let (_, rounded) = timed(&quantized, photos.photos.iter().step_by(EVERY));
    let cosines = exact.iter().zip(&rounded).map(|(a, b)| cosine(a, b));
    let cosines: Vec<f64> = cosines.collect();
    let least = cosines.iter().copied().fold(1.0, f64::min);
    let mean = cosines.iter().sum::<f64>() / cosines.len() as f64;
    println!(
        "| {} | {} | {time_ms:.0} | {} | {} | {least:.5}, {mean:.5} |",
        id.title(),
        accuracies.join(" | "),
        file.len(),
        small.len()
    );
}

/// The weights file in 8 bits.
fn in_8_bits(id: BackboneId, file: &[u8]) -> Vec<u8> {
    let mut checkpoint = Checkpoint::open(Cursor::new(file)).expect("opens");
    let plan = own_plan(id);
    let conversion = Conversion::new(id, &mut checkpoint, &plan, Storage::Int8, false);
    let mut conversion = conversion.expect("fits");
    let mut small = Vec::new();
    while let Some(piece) = conversion.next().expect("converts") {
        small.extend(piece);
    }
    small
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot =
        |a: &[f32], b: &[f32]| -> f64 { a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum() };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}
