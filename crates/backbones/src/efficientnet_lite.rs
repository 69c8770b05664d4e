//! EfficientNet-Lite: EfficientNet without squeeze-and-excite and with ReLU6, made for small devices.
//!
//! Paper: Tan and Le, “EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks”, ICML 2019, arXiv:1905.11946.
//! The Lite variants: <https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite>.
//! Reference weights: see `weights/README.md` (Apache-2.0). Batch norm is folded into the convolutions.

use burn::{
    config::Config,
    module::{Module, Param},
    nn::Initializer,
    tensor::{Device, Tensor},
};
use headstart_kernels::{Conv, conv2d};

use crate::{Weights, WeightsError};

/// One stage: a row of the paper's table 1.
struct Stage {
    repeats: usize,
    kernel: usize,
    stride: usize,
    expand: usize,
    channels_in: usize,
    channels_out: usize,
}

const fn stage(
    repeats: usize,
    kernel: usize,
    stride: usize,
    expand: usize,
    channels_in: usize,
    channels_out: usize,
) -> Stage {
    Stage {
        repeats,
        kernel,
        stride,
        expand,
        channels_in,
        channels_out,
    }
}

const STAGES: [Stage; 7] = [
    stage(1, 3, 1, 1, 32, 16),
    stage(2, 3, 2, 6, 16, 24),
    stage(2, 5, 2, 6, 24, 40),
    stage(3, 3, 2, 6, 40, 80),
    stage(3, 5, 1, 6, 80, 112),
    stage(4, 5, 2, 6, 112, 192),
    stage(1, 3, 1, 6, 192, 320),
];

const STEM_CHANNELS: usize = 32;
const RELU6: [f32; 2] = [0.0, 6.0];

/// Which variant to build.
#[derive(Config, Debug)]
pub struct EfficientNetLiteConfig {
    /// Length of an embedding.
    #[config(default = 1280)]
    pub features: usize,
}

impl EfficientNetLiteConfig {
    /// The network with random weights.
    pub fn init(&self, device: &Device) -> EfficientNetLite {
        let mut blocks = Vec::new();
        for stage in &STAGES {
            for repeat in 0..stage.repeats {
                let (channels_in, stride) = if repeat == 0 {
                    (stage.channels_in, stage.stride)
                } else {
                    (stage.channels_out, 1)
                };
                blocks.push(Block::new(stage, channels_in, stride, device));
            }
        }
        let last = STAGES[STAGES.len() - 1].channels_out;
        EfficientNetLite {
            stem: ConvLayer::new([STEM_CHANNELS, 3, 3, 3], 2, 1, true, device),
            blocks,
            head: ConvLayer::new([self.features, last, 1, 1], 1, 1, true, device),
        }
    }
}

/// The network without its classifier.
#[derive(Module, Debug)]
pub struct EfficientNetLite {
    stem: ConvLayer,
    blocks: Vec<Block>,
    head: ConvLayer,
}

impl EfficientNetLite {
    /// `[batch, 3, side, side]`, normalised, to embeddings `[batch, features]`.
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let maps = self.forward_maps(images);
        // Average over all positions: [batch, features, h, w] → [batch, features].
        maps.flatten::<3>(2, 3).mean_dim(2).squeeze_dim::<2>(2)
    }

    /// The last feature map, `[batch, features, side / 32, side / 32]`.
    pub fn forward_maps(&self, images: Tensor<4>) -> Tensor<4> {
        let mut x = self.stem.forward(images); // [b, 32, s/2, s/2]
        for block in &self.blocks {
            x = block.forward(x);
        }
        self.head.forward(x) // [b, 1280, s/32, s/32]
    }

    /// Takes its weights from a file; tensor names are those of the fields.
    ///
    /// # Errors
    /// When the file does not fit.
    pub fn load(self, weights: Weights<'_>) -> Result<Self, WeightsError> {
        let loaded = Self {
            stem: self.stem.load("stem", &weights)?,
            blocks: self
                .blocks
                .into_iter()
                .enumerate()
                .map(|(index, block)| block.load(&format!("blocks.{index}"), &weights))
                .collect::<Result<_, _>>()?,
            head: self.head.load("head", &weights)?,
        };
        weights.finish()?;
        Ok(loaded)
    }
}

/// Inverted residual: widen, filter each channel, narrow; the input is added when its shape is the same.
#[derive(Module, Debug)]
struct Block {
    /// Absent when the stage does not widen.
    expand: Option<ConvLayer>,
    depthwise: ConvLayer,
    project: ConvLayer,
    #[module(skip)]
    adds_input: bool,
}

impl Block {
    fn new(stage: &Stage, channels_in: usize, stride: usize, device: &Device) -> Self {
        let wide = channels_in * stage.expand;
        let kernel = stage.kernel;
        Self {
            expand: (stage.expand > 1)
                .then(|| ConvLayer::new([wide, channels_in, 1, 1], 1, 1, true, device)),
            depthwise: ConvLayer::new([wide, 1, kernel, kernel], stride, wide, true, device),
            project: ConvLayer::new([stage.channels_out, wide, 1, 1], 1, 1, false, device),
            adds_input: stride == 1 && channels_in == stage.channels_out,
        }
    }

    fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let shortcut = self.adds_input.then(|| input.clone());
        let wide = match &self.expand {
            Some(expand) => expand.forward(input),
            None => input,
        };
        let narrow = self.project.forward(self.depthwise.forward(wide));
        match shortcut {
            Some(shortcut) => narrow + shortcut,
            None => narrow,
        }
    }

    fn load(self, name: &str, weights: &Weights<'_>) -> Result<Self, WeightsError> {
        Ok(Self {
            expand: self
                .expand
                .map(|layer| layer.load(&format!("{name}.expand"), weights))
                .transpose()?,
            depthwise: self.depthwise.load(&format!("{name}.depthwise"), weights)?,
            project: self.project.load(&format!("{name}.project"), weights)?,
            adds_input: self.adds_input,
        })
    }
}

/// A convolution with bias, TensorFlow's "SAME" padding and, if asked for, ReLU6.
#[derive(Module, Debug)]
struct ConvLayer {
    weight: Param<Tensor<4>>,
    bias: Param<Tensor<1>>,
    #[module(skip)]
    stride: usize,
    #[module(skip)]
    groups: usize,
    #[module(skip)]
    is_activated: bool,
}

impl ConvLayer {
    fn new(
        shape: [usize; 4],
        stride: usize,
        groups: usize,
        is_activated: bool,
        device: &Device,
    ) -> Self {
        let [channels_out, channels_in, height, width] = shape;
        let fan_in = channels_in * height * width;
        let weight = Initializer::KaimingNormal {
            gain: 2f64.sqrt(),
            fan_out_only: false,
        };
        Self {
            weight: weight.init_with(shape, Some(fan_in), None, device),
            bias: Initializer::Zeros.init([channels_out], device),
            stride,
            groups,
            is_activated,
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        let [_, _, kernel, _] = self.weight.lazy_shape().dims();
        let conv = Conv {
            stride: self.stride,
            padding: [height, width].map(|size| same_padding(size, kernel, self.stride)),
            groups: self.groups,
            clamp: self.is_activated.then_some(RELU6),
        };
        conv2d(x, self.weight.val(), self.bias.val(), conv)
    }

    fn load(self, name: &str, weights: &Weights<'_>) -> Result<Self, WeightsError> {
        Ok(Self {
            weight: weights.load(&format!("{name}.weight"), self.weight)?,
            bias: weights.load(&format!("{name}.bias"), self.bias)?,
            ..self
        })
    }
}

/// TensorFlow's "SAME": the output has `size / stride` places, rounded up, and an odd zero goes behind.
fn same_padding(size: usize, kernel: usize, stride: usize) -> (usize, usize) {
    let places = size.div_ceil(stride);
    let total = ((places - 1) * stride + kernel).saturating_sub(size);
    (total / 2, total - total / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_puts_the_odd_zero_behind() {
        assert_eq!(same_padding(224, 3, 2), (0, 1));
        assert_eq!(same_padding(56, 5, 2), (1, 2));
        assert_eq!(same_padding(7, 5, 1), (2, 2));
        assert_eq!(same_padding(225, 3, 2), (1, 1));
    }

    #[test]
    fn it_has_the_published_number_of_parameters() {
        let model = EfficientNetLiteConfig::new().init(&Device::flex());
        // 3.37 M in the paper's count; folding turns two batch-norm numbers a channel into one bias.
        assert_eq!(model.num_params(), 3_350_000);
    }
}
