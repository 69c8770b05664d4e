//! A model for tests: the shipped backbone, or another one without weights, and a head made of simple numbers.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use headstart_backbones::config;
use headstart_project::BackboneId;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::Model;

/// The two files of a model with three classes and ten training images.
pub struct Made {
    backbone: BackboneId,
    weights: Vec<u8>,
    trained: Vec<u8>,
}

impl Default for Made {
    fn default() -> Self {
        Self::new(true)
    }
}

impl Made {
    /// With or without a hidden layer.
    pub fn new(is_hidden: bool) -> Self {
        let name = format!("../../weights/{}.safetensors", BackboneId::default().name());
        let weights = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect("reads");
        Self::on(BackboneId::default(), weights, is_hidden)
    }

    /// On a backbone whose weights are all zero, in 8 bits.
    pub fn of(id: BackboneId) -> Self {
        let network = config(id, false);
        let convs = network.layers.iter().flat_map(|layer| {
            let convs = layer.convs();
            convs.map(|conv| (layer.name_of(conv), conv.shape))
        });
        let tensors = convs.flat_map(|(name, shape)| {
            let rows = shape[0];
            let zeros = vec![0; shape.iter().product()];
            [
                (format!("{name}.weight"), Dtype::I8, shape.to_vec(), zeros),
                (
                    format!("{name}.bias"),
                    Dtype::F32,
                    vec![rows],
                    vec![0; 4 * rows],
                ),
                (
                    format!("{name}.scale"),
                    Dtype::F32,
                    vec![rows],
                    vec![0; 4 * rows],
                ),
            ]
        });
        let tensors: Vec<_> = tensors.collect();
        let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
            let view = TensorView::new(*dtype, shape.clone(), bytes).expect("fits");
            (name.as_str(), view)
        });
        let weights =
            safetensors::serialize(views, None::<HashMap<String, String>>).expect("writes");
        Self::on(id, weights, true)
    }

    fn on(backbone: BackboneId, weights: Vec<u8>, is_hidden: bool) -> Self {
        let features = backbone.card().features as usize;
        let width = if is_hidden { 8 } else { features };
        let mut shapes = vec![
            ("output.weight", vec![width, 3]),
            ("output.bias", vec![3]),
            ("temperature", vec![1]),
            ("threshold", vec![1]),
            ("familiarity.middle", vec![features]),
            ("familiarity.directions", vec![3, features]),
            ("familiarity.references", vec![10, features]),
            ("familiarity.labels", vec![10]),
        ];
        if is_hidden {
            shapes.extend([
                ("hidden.weight", vec![features, 8]),
                ("hidden.bias", vec![8]),
            ]);
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
        Self {
            backbone,
            weights,
            trained,
        }
    }

    /// The model with these class names.
    pub fn model<'a>(&'a self, classes: &'a [String]) -> Model<'a> {
        Model {
            backbone: self.backbone,
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
