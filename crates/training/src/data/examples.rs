use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use headstart_project::{BurstId, ImageLook, SampleId, TrainError};

/// An image with everything that training knows about it.
#[derive(Clone, Debug)]
pub struct Embedded {
    /// The image.
    pub id: SampleId,
    /// The backbone's features.
    pub embedding: Arc<[f32]>,
    /// The recording that it is a frame of.
    pub burst: Option<BurstId>,
    /// What can be said about it without a network.
    pub look: Option<ImageLook>,
}

/// A class's images.
#[derive(Clone, Debug)]
pub struct ClassImages {
    /// The class's name, for messages.
    pub name: String,
    /// The images to learn from, some of which the split holds back.
    pub train: Vec<Embedded>,
    /// The images to measure on.
    pub test: Vec<Embedded>,
}

/// Embeddings with their classes.
#[derive(Clone, Debug, Default)]
pub struct Examples {
    /// The length of an embedding.
    pub features: usize,
    /// `[count, features]`, row by row.
    pub embeddings: Vec<f32>,
    /// The class of each.
    pub labels: Vec<usize>,
    /// The image of each.
    pub ids: Vec<SampleId>,
}

impl Examples {
    /// No examples yet, of `features` numbers each.
    pub fn new(features: usize) -> Self {
        Self {
            features,
            ..Self::default()
        }
    }

    /// The embeddings of images, each of `features` numbers, with their classes.
    pub(crate) fn of(images: &[&Embedded], labels: &[usize], features: usize) -> Self {
        let mut examples = Self::new(features);
        for (image, &label) in images.iter().zip(labels) {
            examples.push(image.id, &image.embedding, label);
        }
        examples
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Adds one; `embedding` must have `features` numbers.
    pub fn push(&mut self, id: SampleId, embedding: &[f32], label: usize) {
        debug_assert_eq!(embedding.len(), self.features);
        self.embeddings.extend_from_slice(embedding);
        self.labels.push(label);
        self.ids.push(id);
    }

    /// The embeddings, one by one.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.embeddings.chunks_exact(self.features.max(1))
    }

    /// The examples at `indices`.
    pub fn subset(&self, indices: &[usize]) -> Self {
        let mut subset = Self::new(self.features);
        for &index in indices {
            let row = &self.embeddings[index * self.features..][..self.features];
            subset.push(self.ids[index], row, self.labels[index]);
        }
        subset
    }

    /// The rows at `indices` as `[indices, features]`.
    pub fn batch(&self, indices: &[usize], device: &Device) -> Tensor<2> {
        let mut rows = Vec::with_capacity(indices.len() * self.features);
        for &index in indices {
            rows.extend_from_slice(&self.embeddings[index * self.features..][..self.features]);
        }
        Tensor::from_data(
            TensorData::new(rows, [indices.len(), self.features]),
            device,
        )
    }
}

/// One part of the images of all classes, class by class, and the class of each.
pub(crate) fn labelled<'a>(
    classes: &'a [ClassImages],
    part: impl Fn(&'a ClassImages) -> &'a Vec<Embedded>,
) -> (Vec<&'a Embedded>, Vec<usize>) {
    let of_class = |(label, class)| part(class).iter().map(move |image| (image, label));
    classes.iter().enumerate().flat_map(of_class).unzip()
}

/// Checks that there is something to tell apart.
///
/// # Errors
/// [`TrainError::TooFewClasses`] or [`TrainError::EmptyClass`].
pub(crate) fn check_classes(classes: &[ClassImages]) -> Result<(), TrainError> {
    if classes.len() < 2 {
        return Err(TrainError::TooFewClasses);
    }
    match classes.iter().find(|class| class.train.is_empty()) {
        Some(empty) => Err(TrainError::EmptyClass {
            class: empty.name.clone(),
        }),
        None => Ok(()),
    }
}
