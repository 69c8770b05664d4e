//! Images for tests.

use headstart_project::SampleId;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::data::examples::labelled;
use crate::{ClassImages, Embedded, Examples};

/// Classes of images, each scattered around a point of its own: far enough apart to be distinguished, and scattered widely enough not to be near-duplicates.
pub fn blobs(classes: usize, per_class: usize, features: usize, seed: u64) -> Vec<ClassImages> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut next_id = 0;
    (0..classes)
        .map(|class| {
            let middle: Vec<f32> = (0..features).map(|_| positive(&mut rng, 3.0)).collect();
            let train = (0..per_class).map(|_| {
                next_id += 1;
                let values = middle.iter().map(|value| value + positive(&mut rng, 2.0));
                Embedded {
                    id: SampleId(next_id),
                    embedding: values.collect(),
                    burst: None,
                    look: None,
                }
            });
            ClassImages {
                name: format!("Class {class}"),
                train: train.collect(),
                test: Vec::new(),
            }
        })
        .collect()
}

/// Half of the features are zero, as in real embeddings.
fn positive(rng: &mut ChaCha8Rng, most: f32) -> f32 {
    rng.random_range(-most..most).max(0.0)
}

/// The training images of all classes.
pub fn examples_of(classes: &[ClassImages]) -> Examples {
    let features = classes[0].train[0].embedding.len();
    let (images, labels) = labelled(classes, |class| &class.train);
    Examples::of(&images, &labels, features)
}
