//! The parts into which a run splits its images.

use std::collections::HashMap;
use std::sync::Arc;

use headstart_project::{SampleId, TrainSettings};

use crate::data::examples::labelled;
use crate::{ClassImages, Examples, Host, Interrupted, group, split};

/// Embeddings of the varied copies of images.
pub type Copies = HashMap<SampleId, Vec<Arc<[f32]>>>;

/// The images to learn from, those that decide between epochs, and those that are only measured on.
pub(crate) struct Parts {
    pub train: Examples,
    pub validation: Examples,
    pub test: Examples,
    /// The classes of which nothing is held back.
    pub not_held_back: Vec<usize>,
}

impl Parts {
    /// Holds back images of every class. Images that belong together stay in one part.
    ///
    /// # Errors
    /// When the host cancels.
    pub async fn split(
        classes: &[ClassImages],
        features: usize,
        settings: &TrainSettings,
        host: &impl Host,
    ) -> Result<Self, Interrupted> {
        let (images, labels) = labelled(classes, |class| &class.train);
        let groups = group(&images, host).await?;
        let parts = split(
            &labels,
            &groups.of,
            classes.len(),
            settings.validation_share,
            settings.seed,
        );
        let train = Examples::of(&images, &labels, features);
        let (images, labels) = labelled(classes, |class| &class.test);
        Ok(Self {
            train: train.subset(&parts.train),
            validation: train.subset(&parts.validation),
            test: Examples::of(&images, &labels, features),
            not_held_back: parts.not_held_back,
        })
    }
}

/// The examples, followed by the copies of their images.
pub(crate) fn with_copies(examples: &Examples, copies: &Copies) -> Examples {
    let mut all = examples.clone();
    for (&id, &label) in examples.ids.iter().zip(&examples.labels) {
        for copy in copies.get(&id).into_iter().flatten() {
            all.push(id, copy, label);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{blobs, examples_of};

    #[test]
    fn copies_stand_behind_the_images_that_are_learnt_from() {
        let classes = blobs(2, 3, 4, 1);
        let examples = examples_of(&classes);
        let copies = Copies::from([
            (
                examples.ids[1],
                vec![Arc::from([9.0; 4]), Arc::from([8.0; 4])],
            ),
            // For an image that is held back.
            (SampleId(999), vec![Arc::from([7.0; 4])]),
        ]);
        let varied = with_copies(&examples, &copies);
        assert_eq!(varied.len(), examples.len() + 2);
        assert_eq!(varied.labels[6..], [examples.labels[1]; 2]);
        assert_eq!(
            varied.embeddings[24..],
            [9.0, 9.0, 9.0, 9.0, 8.0, 8.0, 8.0, 8.0]
        );
    }
}
