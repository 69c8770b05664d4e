//! Batches: in which order images are learnt from.

use headstart_project::TrainSettings;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::head::mixup::Mix;

/// The images of one step.
pub(crate) struct Batch {
    /// Their indices.
    pub images: Vec<usize>,
    /// How they are mixed with each other, if they are.
    pub mix: Option<Mix>,
}

/// Deals all images into batches, in an order that depends only on the seed.
pub(crate) struct Batches {
    order: Vec<usize>,
    size: usize,
    mixup: f64,
    rng: ChaCha8Rng,
}

impl Batches {
    /// Batches of `images` images, by the settings of a run.
    pub fn new(images: usize, settings: &TrainSettings) -> Self {
        Self {
            order: (0..images).collect(),
            size: settings.batch_size as usize,
            mixup: settings.augmentation.mixup,
            rng: ChaCha8Rng::seed_from_u64(settings.seed),
        }
    }

    /// How many batches an epoch has.
    pub fn per_epoch(&self) -> usize {
        self.order.len().div_ceil(self.size)
    }

    /// The batches of the next epoch: every image once, in a new order.
    pub fn deal(&mut self) -> Vec<Batch> {
        self.order.shuffle(&mut self.rng);
        let batches = self.order.chunks(self.size).map(|images| Batch {
            images: images.to_vec(),
            mix: Mix::draw(images.len(), self.mixup, &mut self.rng),
        });
        batches.collect()
    }
}
