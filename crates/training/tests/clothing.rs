//! The whole path on real photographs, natively: decode, crop, embed, split, train, evaluate.
//!
//! The photographs are not part of the project: without them the test says so and passes.
#![expect(
    clippy::disallowed_methods,
    reason = "natively a tensor may be read synchronously"
)]

use std::{cell::Cell, fs, io::Cursor, path::PathBuf, sync::Arc};

use burn::tensor::Device;
use headstart_backbones::Backbone;
use headstart_images::{Archive, ArchiveItem, ArchiveLimits, Pixels, look};
use headstart_project::{BackboneId, Part, SampleId, TrainSettings};
use headstart_training::{ClassImages, Embedded, Host, train};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

struct Quiet(Cell<f64>);

impl Host for Quiet {
    fn now_ms(&self) -> f64 {
        self.0.set(self.0.get() + 1.0);
        self.0.get()
    }
    fn is_cancelled(&self) -> bool {
        false
    }
    async fn pause(&self) {}
}

#[test]
fn clothing_reaches_the_stated_accuracy() {
    let Ok(zip) = fs::read(root().join("../shared/data/clothing.zip")) else {
        println!("skipped: ../shared/data/clothing.zip is not here");
        return;
    };
    let device = Device::flex();
    let weights = fs::read(root().join("weights/efficientnet-lite0.safetensors")).expect("weights");
    let backbone = Backbone::load(BackboneId::EfficientNetLite0, &weights, &device).expect("loads");
    let mut archive = Archive::open(Cursor::new(zip), ArchiveLimits::default()).expect("opens");
    let mut classes: Vec<ClassImages> = Vec::new();
    let mut next = 0;
    while let Some(item) = archive.read_next() {
        let ArchiveItem::Image(place, file) = item.expect("reads") else {
            continue;
        };
        let decoded = image::load_from_memory(&file).expect("decodes").to_rgba8();
        let pixels =
            Pixels::new(decoded.width(), decoded.height(), decoded.into_raw()).expect("fits");
        let embedding = backbone.embed(backbone.prepare(&pixels).expect("resizes"));
        let embedding: Arc<[f32]> = embedding.into_data().iter::<f32>().collect();
        let index = classes
            .iter()
            .position(|class| class.name == place.class)
            .unwrap_or_else(|| {
                classes.push(ClassImages {
                    name: place.class.clone(),
                    train: vec![],
                    test: vec![],
                });
                classes.len() - 1
            });
        let images = match place.part {
            Part::Train => &mut classes[index].train,
            Part::Test => &mut classes[index].test,
        };
        images.push(Embedded {
            id: SampleId(next),
            embedding,
            burst: None,
            look: Some(look(&pixels)),
        });
        next += 1;
    }
    for (per_class, least) in [(40, 0.80), (5, 0.58)] {
        let mut accuracies = Vec::new();
        for seed in 0..5 {
            let mut classes = classes.clone();
            for class in &mut classes {
                class.train.truncate(per_class);
            }
            let settings = TrainSettings {
                seed,
                ..TrainSettings::default()
            };
            let host = Quiet(Cell::new(0.0));
            let trained = pollster::block_on(train(&classes, 1280, &settings, &device, &host))
                .expect("trains");
            let test = trained.outcome.test.expect("has a test part");
            println!(
                "{per_class} a class, seed {seed}: {:.4}, best epoch {}",
                test.accuracy, trained.outcome.best_epoch
            );
            accuracies.push(test.accuracy);
        }
        let mean = accuracies.iter().sum::<f64>() / accuracies.len() as f64;
        println!("{per_class} a class: mean {mean:.4}");
        assert!(
            accuracies[0] >= least,
            "seed 0, {per_class} a class: {accuracies:?}"
        );
    }
}
