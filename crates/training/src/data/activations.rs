use std::collections::HashSet;
use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use half::f16;
use headstart_project::SampleId;

/// The output of a backbone's frozen part, which is the input of the blocks that are trained, with the images' classes.
///
/// It is kept in half precision, which is accurate to three digits and takes half the memory.
#[derive(Clone, Debug, Default)]
pub struct Activations {
    /// Channels, height and width of each.
    pub shape: [usize; 3],
    /// The values of each, `[channels, height, width]`.
    pub values: Vec<Arc<[f16]>>,
    /// The class of each.
    pub labels: Vec<usize>,
    /// The image of each.
    pub ids: Vec<SampleId>,
}

impl Activations {
    /// An empty collection of this shape.
    pub fn new(shape: [usize; 3]) -> Self {
        Self {
            shape,
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

    /// Adds those of one image.
    pub fn push(&mut self, id: SampleId, values: Arc<[f16]>, label: usize) {
        debug_assert_eq!(values.len(), self.shape.iter().product::<usize>());
        self.values.push(values);
        self.labels.push(label);
        self.ids.push(id);
    }

    /// The first entry of each image, which is the image itself and not a varied copy.
    pub fn originals(&self) -> Self {
        let mut seen = HashSet::new();
        let mut originals = Self::new(self.shape);
        for ((&id, values), &label) in self.ids.iter().zip(&self.values).zip(&self.labels) {
            if seen.insert(id) {
                originals.push(id, Arc::clone(values), label);
            }
        }
        originals
    }

    /// Those at `indices`, one after another, in full precision.
    pub fn rows(&self, indices: &[usize]) -> Vec<f32> {
        let rows = indices.iter().flat_map(|&index| self.values[index].iter());
        rows.map(|value| value.to_f32()).collect()
    }

    /// Those at `indices` as `[indices, channels, height, width]`.
    pub fn batch(&self, indices: &[usize], device: &Device) -> Tensor<4> {
        self.tensor(self.rows(indices), device)
    }

    /// Rows of values as `[rows, channels, height, width]`.
    pub fn tensor(&self, rows: Vec<f32>, device: &Device) -> Tensor<4> {
        let [channels, height, width] = self.shape;
        let count = rows.len() / (channels * height * width).max(1);
        let data = TensorData::new(rows, [count, channels, height, width]);
        Tensor::from_data(data, device)
    }
}

/// Rounds values to half precision; values too large for it become the largest one that fits.
pub fn halves(values: &[f32]) -> Arc<[f16]> {
    let most = f16::MAX.to_f32();
    let values = values.iter();
    values
        .map(|value| f16::from_f32(value.clamp(-most, most)))
        .collect()
}
