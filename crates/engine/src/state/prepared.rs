use std::collections::HashMap;
use std::sync::Arc;

use half::f16;
use headstart_project::{AugmentSettings, SampleId, TrainSettings};

/// What was computed for the run before, and is still right for the next one.
#[derive(Default)]
pub struct Prepared {
    /// What it depends on, beside the images.
    pub key: Option<Key>,
    /// Of each image.
    pub images: HashMap<SampleId, PreparedImage>,
}

/// What it depends on, beside the image.
#[derive(Clone, PartialEq)]
pub struct Key {
    /// Blocks that are trained.
    pub unfrozen: u32,
    /// How copies are varied.
    pub augmentation: AugmentSettings,
    /// Decides how each of them comes out.
    pub seed: u64,
}

/// Of the image itself and then of its copies.
#[derive(Default)]
pub struct PreparedImage {
    /// What goes into the blocks that are trained; empty when none are.
    pub activations: Vec<Arc<[f16]>>,
    /// The copies' embeddings.
    pub copies: Vec<Arc<[f32]>>,
}

impl Prepared {
    /// Whether all that a run wants of an image is there.
    pub fn has(&self, id: SampleId, unfrozen: usize, copies: usize) -> bool {
        let image = self.images.get(&id);
        image.is_some_and(|image| {
            image.copies.len() >= copies && (unfrozen == 0 || image.activations.len() > copies)
        })
    }

    /// Forgets images.
    pub fn remove(&mut self, samples: &[SampleId]) {
        for id in samples {
            self.images.remove(id);
        }
    }
}

impl Key {
    /// What a run by these settings depends on.
    pub fn of(settings: &TrainSettings) -> Self {
        let mut augmentation = settings.augmentation.clone();
        // Mixing happens while training.
        augmentation.mixup = 0.0;
        let seed = if augmentation.copies == 0 {
            0
        } else {
            settings.seed
        };
        Self {
            unfrozen: settings.fine_tuning.blocks,
            augmentation,
            seed,
        }
    }
}
