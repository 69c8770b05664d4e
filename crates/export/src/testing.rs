//! A model for tests: the shipped backbone, and a head of plain numbers.

use std::{collections::HashMap, fs, path::Path};

use headstart_project::BackboneId;
use safetensors::{Dtype, tensor::TensorView};

use crate::Model;

/// The two files of a model with three classes and ten training images.
pub struct Made {
    weights: Vec<u8>,
    trained: Vec<u8>,
}

impl Default for Made {
    fn default() -> Self {
        Self::new(true)
    }
}

impl Made {
    /// With a hidden layer or without.
    pub fn new(is_hidden: bool) -> Self {
        let name = format!("../../weights/{}.safetensors", BackboneId::default().name());
        let weights = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect("reads");
        let width = if is_hidden { 8 } else { 1280 };
        let mut shapes = vec![
            ("output.weight", vec![width, 3]),
            ("output.bias", vec![3]),
            ("temperature", vec![1]),
            ("threshold", vec![1]),
            ("familiarity.middle", vec![1280]),
            ("familiarity.directions", vec![3, 1280]),
            ("familiarity.references", vec![10, 1280]),
            ("familiarity.labels", vec![10]),
        ];
        if is_hidden {
            shapes.extend([("hidden.weight", vec![1280, 8]), ("hidden.bias", vec![8])]);
        }
        let tensors: Vec<(&str, Vec<usize>, Vec<u8>)> = shapes
            .into_iter()
            .map(|(name, shape)| {
                let count: usize = shape.iter().product();
                let numbers = (0..count).map(|at| 0.5 + (at % 7) as f32 / 16.0);
                let bytes = numbers.flat_map(f32::to_le_bytes).collect();
                (name, shape, bytes)
            })
            .collect();
        let views = tensors.iter().map(|(name, shape, bytes)| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes).expect("fits");
            (*name, view)
        });
        let trained =
            safetensors::serialize(views, None::<HashMap<String, String>>).expect("writes");
        Self { weights, trained }
    }

    /// The model under these names.
    pub fn model<'a>(&'a self, classes: &'a [String]) -> Model<'a> {
        Model {
            backbone: BackboneId::default(),
            weights: &self.weights,
            trained: &self.trained,
            classes,
            threshold: Some(0.5),
        }
    }
}

/// `Class 0`, `Class 1` and so on.
pub fn names(count: usize) -> Vec<String> {
    (0..count).map(|at| format!("Class {at}")).collect()
}
