//! What the examples have in common: photographs, decoded once, and what a backbone makes of them.
#![allow(dead_code, reason = "each example uses a part of it")]
#![allow(
    clippy::expect_used,
    reason = "what is measured here is known to be sound"
)]
#![allow(
    clippy::mod_module_files,
    reason = "a file beside the examples would be an example of its own"
)]

#[path = "../../tests/photos/mod.rs"]
pub mod photos;

use std::collections::HashMap;
use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use half::f16;
use headstart_backbones::Backbone;
use headstart_images::{Archive, ArchiveItem, ArchiveLimits, Normalization, Pixels, augment, look};
use headstart_project::{
    AugmentSettings, BackboneId, FineTuneSettings, ImageLook, Part, SampleId, TrainSettings,
};
use headstart_training::{
    ClassImages, Copies, Deeper, Embedded, ScratchConfig, SmallImages, halves, largest,
    scratch_logits, subset, train_from_scratch, train_more,
};
use photos::Quiet;

/// A decoded photograph.
pub struct Photo {
    pub id: SampleId,
    pub pixels: Pixels,
    pub look: ImageLook,
    /// Index of its class.
    pub class: usize,
    pub part: Part,
}

/// Photographs in classes.
pub struct Photos {
    pub classes: Vec<String>,
    pub photos: Vec<Photo>,
}

/// Decodes a zip of class folders. `None` when there is no such file.
pub fn decode(path: &Path) -> Option<Photos> {
    let zip = fs::read(path).ok()?;
    let mut archive = Archive::open(Cursor::new(zip), ArchiveLimits::default()).expect("opens");
    let mut all = Photos {
        classes: Vec::new(),
        photos: Vec::new(),
    };
    while let Some(item) = archive.read_next() {
        let ArchiveItem::Image(place, file) = item.expect("reads") else {
            continue;
        };
        let decoded = image::load_from_memory(&file).expect("decodes").to_rgba8();
        let pixels =
            Pixels::new(decoded.width(), decoded.height(), decoded.into_raw()).expect("fits");
        let known = all.classes.iter().position(|class| *class == place.class);
        let class = known.unwrap_or_else(|| {
            all.classes.push(place.class.clone());
            all.classes.len() - 1
        });
        all.photos.push(Photo {
            id: SampleId(all.photos.len() as u32),
            look: look(&pixels),
            pixels,
            class,
            part: place.part,
        });
    }
    Some(all)
}

/// The pretrained backbone.
pub fn pretrained(device: &Device) -> Backbone {
    let weights = fs::read(photos::root().join("weights/efficientnet-lite0.safetensors"));
    let weights = weights.expect("are in the project");
    Backbone::load(BackboneId::EfficientNetLite0, &weights, device).expect("loads")
}

/// Everything that training needs of the photographs, computed once.
pub struct Computed {
    pub features: usize,
    /// Embeddings of each image and of its copies.
    pub embeddings: HashMap<SampleId, Vec<Arc<[f32]>>>,
    /// Activations of each image and of its copies.
    pub activations: HashMap<SampleId, Vec<Arc<[f16]>>>,
    /// Time of the frozen part, a millisecond an image.
    pub frozen_ms: f64,
}

impl Computed {
    /// Runs the backbone over all photographs, and over the copies of those to learn from.
    pub fn new(
        photos: &Photos,
        backbone: &Backbone,
        unfrozen: usize,
        varied: &AugmentSettings,
        seed: u64,
    ) -> Self {
        let mut computed = Self {
            features: backbone.features(),
            embeddings: HashMap::new(),
            activations: HashMap::new(),
            frozen_ms: 0.0,
        };
        let tail = backbone.tail(unfrozen);
        let start = std::time::Instant::now();
        let mut count = 0;
        for photo in &photos.photos {
            let copies = match photo.part {
                Part::Train => varied.copies,
                Part::Test => 0,
            };
            for copy in 0..=copies {
                let pixels = augment(
                    &photo.pixels,
                    backbone.input_px(),
                    varied,
                    seed,
                    photo.id,
                    copy,
                );
                let planes = backbone.prepare(&pixels.expect("resizes")).expect("fits");
                let boundary = backbone.forward_frozen(planes, unfrozen);
                // Without unfrozen blocks the frozen part is all of them.
                let embedding = if unfrozen == 0 {
                    boundary.flatten::<3>(2, 3).mean_dim(2).squeeze_dim::<2>(2)
                } else {
                    let of_boundary = values(boundary.clone());
                    let known = computed.activations.entry(photo.id).or_default();
                    known.push(halves(&of_boundary));
                    tail.forward(boundary)
                };
                let known = computed.embeddings.entry(photo.id).or_default();
                known.push(values(embedding).into());
                count += 1;
            }
        }
        computed.frozen_ms = start.elapsed().as_secs_f64() * 1000.0 / f64::from(count.max(1));
        computed
    }

    /// The classes with so many training images each.
    pub fn classes(
        &self,
        photos: &Photos,
        per_class: Option<u32>,
        held_out: Option<u32>,
        seed: u64,
    ) -> Vec<ClassImages> {
        let class = |(class, name): (usize, &String)| {
            let of = |part: Part| -> Vec<Embedded> {
                let own = photos
                    .photos
                    .iter()
                    .filter(|it| (it.class, it.part) == (class, part));
                own.map(|photo| Embedded {
                    id: photo.id,
                    embedding: Arc::clone(&self.embeddings[&photo.id][0]),
                    burst: None,
                    look: Some(photo.look),
                })
                .collect()
            };
            let all = of(Part::Train);
            let chosen = subset(all.len(), per_class, class, seed);
            let pick = |indices: &[usize]| -> Vec<Embedded> {
                indices.iter().map(|&at| all[at].clone()).collect()
            };
            // To choose settings without looking at the test images.
            let (train, test) = match held_out {
                Some(count) => {
                    let kept = subset(all.len(), Some(all.len() as u32 - count), class, seed);
                    let rest: Vec<usize> = (0..all.len()).filter(|at| !kept.contains(at)).collect();
                    (pick(&kept), pick(&rest))
                }
                None => (pick(&chosen), of(Part::Test)),
            };
            ClassImages {
                name: name.clone(),
                train,
                test,
            }
        };
        photos.classes.iter().enumerate().map(class).collect()
    }

    /// The copies' embeddings.
    pub fn copies(&self) -> Copies {
        let copies = self.embeddings.iter();
        copies.map(|(&id, all)| (id, all[1..].to_vec())).collect()
    }

    /// What fine-tuning needs.
    pub fn deeper(&self, backbone: &Backbone, unfrozen: usize) -> Deeper {
        Deeper {
            tail: backbone.tail(unfrozen),
            boundary: backbone.boundary(unfrozen),
            activations: self.activations.clone(),
            device: Device::flex(),
        }
    }
}

/// Share of the test images that a run recognises, how many epochs of fine-tuning are kept, and the seconds that it took.
pub fn accuracy(
    classes: &[ClassImages],
    computed: &Computed,
    backbone: &Backbone,
    settings: &TrainSettings,
) -> (f64, u32, f64) {
    let start = std::time::Instant::now();
    let blocks = settings.fine_tuning.blocks as usize;
    let deeper = (blocks > 0).then(|| computed.deeper(backbone, blocks));
    let copies = if settings.augmentation.copies > 0 {
        computed.copies()
    } else {
        Copies::new()
    };
    let device = Device::flex();
    let run = train_more(
        classes,
        computed.features,
        &copies,
        deeper,
        settings,
        &device,
        &Quiet,
    );
    let trained = pollster::block_on(run).expect("trains");
    let test = trained.outcome.test.expect("has a test part");
    let best = trained.outcome.best_epoch.saturating_sub(settings.epochs);
    (test.accuracy, best, start.elapsed().as_secs_f64())
}

/// Share of the test images that a network from scratch recognises.
pub fn scratch_accuracy(photos: &Photos, per_class: Option<u32>, config: &ScratchConfig) -> f64 {
    let normalization = Normalization {
        mean: [127.0; 3],
        deviation: [64.0; 3],
    };
    let (mut train, mut test) = (SmallImages::default(), SmallImages::default());
    let side = config.side_px;
    for class in 0..photos.classes.len() {
        let own = photos.photos.iter().filter(|photo| photo.class == class);
        let (learnt, judged): (Vec<&Photo>, Vec<&Photo>) =
            own.partition(|photo| photo.part == Part::Train);
        let chosen = subset(learnt.len(), per_class, class, config.seed);
        let learnt = chosen.iter().map(|&at| learnt[at]).collect();
        for (from, to) in [(learnt, &mut train), (judged, &mut test)] {
            for photo in from {
                let square = photo.pixels.center_square(side as u32).expect("resizes");
                let mut planes = vec![0.0; 3 * side * side];
                square.write_planes(&normalization, &mut planes);
                to.planes.extend(planes);
                to.labels.push(class);
            }
        }
    }
    let device = Device::flex();
    let run = train_from_scratch(&train, config, &device, &Quiet);
    let (network, _) = pollster::block_on(run).expect("trains");
    let logits = scratch_logits(&network, &test, &device, &Quiet);
    let logits = pollster::block_on(logits).expect("judges");
    let right = logits
        .chunks_exact(photos.classes.len())
        .zip(&test.labels)
        .filter(|(logits, label)| largest(logits) == **label);
    right.count() as f64 / test.len() as f64
}

pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    #[expect(
        clippy::disallowed_methods,
        reason = "natively a tensor may be read synchronously"
    )]
    tensor.into_data().iter().collect()
}

/// `0.825 ± 0.008`, and each value.
pub fn spread(values: &[f64]) -> String {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let squares: f64 = values.iter().map(|it| (it - mean).powi(2)).sum();
    let deviation = (squares / (values.len().max(2) - 1) as f64).sqrt();
    let each: Vec<String> = values.iter().map(|it| format!("{it:.3}")).collect();
    format!("{mean:.4} ± {deviation:.4} ({})", each.join(", "))
}

/// The settings that fine-tuning is measured with: the page's own, with two blocks.
pub fn fine_tuned() -> TrainSettings {
    unfrozen(2, FineTuneSettings::default().epochs)
}

/// Deeper fine-tuning, for images that are varied strongly.
/// What of it was chosen by which images, `docs/results.md` says.
pub fn fine_tuned_deeper() -> TrainSettings {
    unfrozen(5, 3)
}

fn unfrozen(blocks: u32, epochs: u32) -> TrainSettings {
    TrainSettings {
        fine_tuning: FineTuneSettings {
            blocks,
            epochs,
            ..FineTuneSettings::default()
        },
        ..TrainSettings::default()
    }
}

/// Mild augmentation, as the page's preview begins with it.
pub fn varied() -> AugmentSettings {
    AugmentSettings {
        copies: 3,
        flip: true,
        crop: 0.6,
        brightness: 0.2,
        contrast: 0.2,
        saturation: 0.2,
        ..AugmentSettings::default()
    }
}

/// Strong augmentation, which deep fine-tuning needs against learning by heart.
pub fn varied_strongly() -> AugmentSettings {
    AugmentSettings {
        copies: 7,
        crop: 0.4,
        erase: 0.25,
        mixup: 0.2,
        ..varied()
    }
}
