//! How long fine-tuning takes on this machine, on one CPU thread: `cargo run --release -p headstart-training --example speed [IMAGES] [EPOCHS] [BLOCKS]...`.
//!
//! The images are noise, which costs as much as photographs.

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use burn::tensor::Device;
use headstart_backbones::Backbone;
use headstart_project::{BackboneId, EpochMetrics, FineTuneSettings, SampleId, TrainSettings};
use headstart_training::{Activations, HeadConfig, Host, fine_tune, halves};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Records the longest time between two pauses.
struct Watch {
    start: Instant,
    last_ms: Cell<f64>,
    longest_ms: Cell<f64>,
}

impl Host for Watch {
    fn now_ms(&self) -> f64 {
        self.start.elapsed().as_secs_f64() * 1000.0
    }
    fn is_cancelled(&self) -> bool {
        false
    }
    async fn pause(&self) {
        let now_ms = self.now_ms();
        let since = now_ms - self.last_ms.replace(now_ms);
        self.longest_ms.set(self.longest_ms.get().max(since));
    }
    fn report_epoch(&self, _metrics: EpochMetrics, _remaining_ms: f64) {}
}

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|it| it.parse().ok());
    let images: usize = numbers.next().unwrap_or(400);
    let epochs: usize = numbers.next().unwrap_or(10);
    let mut blocks: Vec<usize> = numbers.collect();
    if blocks.is_empty() {
        blocks = vec![2];
    }
    let device = Device::flex();
    let weights = std::env::var_os("HEADSTART_WEIGHTS").map_or_else(
        || {
            let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
            root.join("weights/efficientnet-lite0.safetensors")
        },
        PathBuf::from,
    );
    let Ok(file) = std::fs::read(&weights) else {
        println!(
            "{} is not there, so nothing was measured.",
            weights.display()
        );
        std::process::exit(1);
    };
    let Ok(backbone) = Backbone::load(BackboneId::default(), &file, &device) else {
        println!("{} does not fit.", weights.display());
        std::process::exit(1);
    };
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let planes: Vec<f32> = (0..3 * 224 * 224)
        .map(|_| rng.random_range(-1.0..1.0))
        .collect();
    let start = Instant::now();
    let mut boundaries = Vec::new();
    for _ in 0..5 {
        boundaries.clear();
        for &unfrozen in &blocks {
            let boundary = backbone.forward_frozen(planes.clone(), unfrozen);
            let Ok(data) = pollster::block_on(boundary.into_data_async()) else {
                continue;
            };
            boundaries.push(data.iter::<f32>().collect::<Vec<f32>>());
        }
    }
    let frozen_ms = start.elapsed().as_secs_f64() * 200.0 / blocks.len() as f64;
    println!("frozen part: {frozen_ms:.1} ms an image, on average over the cuts");
    for (&unfrozen, boundary) in blocks.iter().zip(&boundaries) {
        let mut activations = Activations::new(backbone.boundary(unfrozen));
        for index in 0..images {
            let noisy: Vec<f32> = boundary
                .iter()
                .map(|value| value + rng.random_range(-0.1..0.1))
                .collect();
            activations.push(
                SampleId(index as u32),
                Arc::clone(&halves(&noisy)),
                index % 4,
            );
        }
        let settings = TrainSettings {
            fine_tuning: FineTuneSettings {
                blocks: unfrozen as u32,
                epochs: epochs as u32,
                patience: 0,
                ..FineTuneSettings::default()
            },
            ..TrainSettings::default()
        };
        let watch = Watch {
            start: Instant::now(),
            last_ms: Cell::new(0.0),
            longest_ms: Cell::new(0.0),
        };
        let head = HeadConfig::new(backbone.features(), 4, 100, 0.0).init(&device);
        let none = Activations::new(activations.shape);
        let run = fine_tune(
            backbone.tail(unfrozen),
            head,
            &activations,
            &none,
            4,
            &settings,
            &device,
            &watch,
        );
        match pollster::block_on(run) {
            Ok(_) => println!(
                "{unfrozen} blocks, {images} images, {epochs} epochs: {:.1} s, at most {:.0} ms between pauses",
                watch.now_ms() / 1000.0,
                watch.longest_ms.get()
            ),
            Err(reason) => println!("{unfrozen} blocks: {reason:?}"),
        }
    }
}
