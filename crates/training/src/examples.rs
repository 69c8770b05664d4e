use burn::tensor::{Device, Tensor, TensorData};
use headstart_project::SampleId;

/// Embeddings with their classes.
#[derive(Clone, Debug, Default)]
pub struct Examples {
    /// Length of an embedding.
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
