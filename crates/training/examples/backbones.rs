//! What the backbones are worth on real photographs: `cargo run --release --package headstart-training --example backbones [FILE.zip]`.
//!
//! For each backbone whose weights are in `weights/`: the accuracy of the default head at 5, 20 and 40 images a class over five seeds, the time of an image on one thread of the CPU, the weights file in 16 and in 8 bits, and what 8 bits do to the features.
//! The zip holds photographs in class folders, with `train/` and `test/` above them.

mod support;

use std::{fs, io::Cursor, path::PathBuf, sync::Arc, time::Instant};

use burn::tensor::Device;
use headstart_backbones::{Backbone, Conversion, Storage, own_plan};
use headstart_checkpoint::Checkpoint;
use headstart_project::{BackboneId, Part, TrainSettings};
use headstart_training::{ClassImages, Embedded, subset};
use support::{Photos, accuracy, decode, photos, spread, values};

const AMOUNTS: [usize; 3] = [5, 20, 40];
const SEEDS: u64 = 5;

fn main() {
    let path = std::env::args_os().nth(1).map(PathBuf::from);
    let path = path.unwrap_or_else(photos::clothing);
    let Some(decoded) = decode(&path) else {
        println!("{} is not there, so nothing was measured.", path.display());
        std::process::exit(1);
    };
    println!(
        "| backbone | {} | ms an image | f16 | int8 | int8, least and mean cosine |",
        AMOUNTS.map(|it| format!("{it} a class")).join(" | ")
    );
    println!("|---|---|---|---|---|---|---|---|");
    for id in BackboneId::ALL {
        let file = photos::root().join(format!("weights/{}.safetensors", id.name()));
        match fs::read(&file) {
            Ok(file) => measure(id, &file, &decoded),
            Err(_) => println!("| {} | no weights here | | | | | | |", id.title()),
        }
    }
}

fn measure(id: BackboneId, file: &[u8], photos: &Photos) {
    let device = Device::flex();
    let backbone = Backbone::load(id, file, &device).expect("loads");
    let planes: Vec<Vec<f32>> = photos
        .photos
        .iter()
        .map(|photo| backbone.prepare(&photo.pixels).expect("resizes"))
        .collect();
    let start = Instant::now();
    let embeddings: Vec<Vec<f32>> = planes
        .iter()
        .map(|planes| values(backbone.embed(planes.clone())))
        .collect();
    let each_ms = start.elapsed().as_secs_f64() * 1000.0 / planes.len() as f64;

    let classes = in_classes(photos, &embeddings);
    let accuracies = AMOUNTS.map(|amount| {
        let of_seed = |seed| {
            let settings = TrainSettings {
                seed,
                ..TrainSettings::default()
            };
            accuracy(&subset(&classes, amount, seed), &settings)
        };
        spread(&(0..SEEDS).map(of_seed).collect::<Vec<_>>())
    });

    let small = in_8_bits(id, file);
    let quantized = Backbone::load(id, &small, &device).expect("loads");
    let every_tenth = planes.iter().zip(&embeddings).step_by(10);
    let cosines: Vec<f64> = every_tenth
        .map(|(planes, exact)| cosine(&values(quantized.embed(planes.clone())), exact))
        .collect();
    let least = cosines.iter().copied().fold(1.0, f64::min);
    let mean = cosines.iter().sum::<f64>() / cosines.len() as f64;
    println!(
        "| {} | {} | {each_ms:.1} | {} | {} | {least:.5}, {mean:.5} |",
        id.title(),
        accuracies.join(" | "),
        file.len(),
        small.len()
    );
}

/// The images of each class, as training wants them.
fn in_classes(photos: &Photos, embeddings: &[Vec<f32>]) -> Vec<ClassImages> {
    let mut classes: Vec<ClassImages> = photos
        .classes
        .iter()
        .map(|name| ClassImages {
            name: name.clone(),
            train: Vec::new(),
            test: Vec::new(),
        })
        .collect();
    for (photo, embedding) in photos.photos.iter().zip(embeddings) {
        let image = Embedded {
            id: photo.id,
            embedding: Arc::from(embedding.as_slice()),
            look: photo.look,
        };
        let class = &mut classes[photo.class];
        match photo.part {
            Part::Train => class.train.push(image),
            Part::Test => class.test.push(image),
        }
    }
    classes
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
