//! EfficientNet-Lite: EfficientNet without squeeze-and-excite and with ReLU6, made for small devices.
//!
//! Paper: Tan and Le, “EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks”, ICML 2019, arXiv:1905.11946.
//! The Lite variants: <https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite>.
//! Reference weights: see `weights/README.md` (Apache-2.0). Batch norm is folded into the convolutions.

use burn::{
    config::Config,
    module::{Module, Param},
    nn::Initializer,
    tensor::{Device, Tensor, TensorData},
};
use headstart_kernels::{Conv, conv2d};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    Weights, WeightsError,
    describe::{BlockInfo, StageInfo},
    weights::Values,
};

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
/// Makes up for the half of the values that a ReLU lets through.
const RELU_GAIN: f64 = std::f64::consts::SQRT_2;

/// Which variant to build.
#[derive(Config, Debug)]
pub struct EfficientNetLiteConfig {
    /// Length of an embedding.
    #[config(default = 1280)]
    pub features: usize,
}

impl EfficientNetLiteConfig {
    /// The network with weights that are all zero, to be loaded or drawn.
    pub fn init(&self, device: &Device) -> EfficientNetLite {
        let stem = ConvLayer::new([STEM_CHANNELS, 3, 3, 3], 2, 1, Some(RELU6), device);
        let mut layers = vec![Layer::Conv(stem)];
        for stage in &STAGES {
            for repeat in 0..stage.repeats {
                let (channels_in, stride) = if repeat == 0 {
                    (stage.channels_in, stage.stride)
                } else {
                    (stage.channels_out, 1)
                };
                let block = InvertedResidual::new(stage, channels_in, stride, device);
                layers.push(Layer::Block(block));
            }
        }
        let last = STAGES[STAGES.len() - 1].channels_out;
        let head = [self.features, last, 1, 1];
        let head = ConvLayer::new(head, 1, 1, Some(RELU6), device);
        layers.push(Layer::Conv(head));
        EfficientNetLite { layers, first: 0 }
    }
}

/// The network without its classifier, or its end from some block on.
#[derive(Module, Debug)]
pub struct EfficientNetLite {
    /// The stem, the inverted residuals, and the last convolution.
    layers: Vec<Layer>,
    /// Which of the whole network's blocks the first one is.
    #[module(skip)]
    first: usize,
}

impl EfficientNetLite {
    /// `[batch, 3, side, side]`, normalised, to embeddings `[batch, features]`.
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        pool(self.forward_maps(images))
    }

    /// The last feature map, `[batch, features, side / 32, side / 32]`.
    pub fn forward_maps(&self, images: Tensor<4>) -> Tensor<4> {
        self.layers.iter().fold(images, |x, layer| layer.forward(x))
    }

    /// What goes into block `from`, for images `[batch, 3, side, side]`.
    pub fn forward_frozen(&self, images: Tensor<4>, from: usize) -> Tensor<4> {
        let frozen = self.layers.iter().take(from);
        frozen.fold(images, |x, layer| layer.forward(x))
    }

    /// The feature map after each of [`EfficientNetLite::stages`], for images `[batch, 3, side, side]`.
    pub fn forward_stages(&self, images: Tensor<4>) -> Vec<Tensor<4>> {
        let mut maps = Vec::new();
        let mut x = images;
        let mut done = 0;
        for stage in self.stages(0) {
            for layer in &self.layers[done..=stage.last_block] {
                x = layer.forward(x);
            }
            done = stage.last_block + 1;
            maps.push(x.clone());
        }
        maps
    }

    /// The network's end from block `from` on, as a network of its own.
    pub fn tail(&self, from: usize) -> Self {
        Self {
            layers: self.layers.iter().skip(from).cloned().collect(),
            first: self.first + from,
        }
    }

    /// The same network with the end of another one.
    pub fn with_tail(&self, tail: Self) -> Self {
        let kept = self.layers.iter().take(tail.first).cloned();
        Self {
            layers: kept.chain(tail.layers).collect(),
            first: self.first,
        }
    }

    /// Replaces its blocks one by one, from the first on.
    pub fn map_blocks(self, mut change: impl FnMut(usize, Layer) -> Layer) -> Self {
        let layers = self.layers.into_iter().enumerate();
        Self {
            layers: layers.map(|(at, layer)| change(at, layer)).collect(),
            first: self.first,
        }
    }

    /// Its blocks, the last ones of the first block's network.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Describes the blocks for square images of `side_px`.
    pub fn blocks(&self, side_px: usize) -> Vec<BlockInfo> {
        let mut side = side_px;
        let blocks = self.layers.iter().enumerate().map(|(index, layer)| {
            let input = side;
            side = layer.side(input);
            BlockInfo {
                name: self.layer_name(index),
                output: [layer.channels(), side, side],
                parameters: layer.num_params() as u64,
                multiply_adds: layer.multiply_adds(input),
            }
        });
        blocks.collect()
    }

    /// Describes the stages of the whole network: the stem, the rows of the paper's table 1, and the last convolution.
    pub fn stages(&self, side_px: usize) -> Vec<StageInfo> {
        let blocks = self.blocks(side_px);
        let mut ends = vec![("Stem".to_owned(), 0)];
        for (row, stage) in STAGES.iter().enumerate() {
            let last = ends[ends.len() - 1].1 + stage.repeats;
            ends.push((format!("Stage {}", row + 1), last));
        }
        ends.push(("Last convolution".to_owned(), blocks.len() - 1));
        ends.into_iter()
            .map(|(name, last_block)| StageInfo {
                name,
                output: blocks[last_block].output,
                last_block,
            })
            .collect()
    }

    /// Random weights in the place of its own. They depend on the seed alone, and not on the device.
    ///
    /// He et al., “Delving Deep into Rectifiers”, ICCV 2015, arXiv:1502.01852: weights of variance 2 / fan-in before a ReLU, and of 1 / fan-in where none follows, keep the size of activations from layer to layer.
    /// Fan-in counts a filter's own channels only, which for the depthwise filters of 9 or 25 values matters most: by the whole layer's channels they would shrink the signal by a factor of hundreds in each block.
    /// A block that adds its input would still double the signal's variance, so what it adds is divided by the root of the number of such blocks: all of them together less than triple the variance.
    pub fn randomized(self, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let adding: usize = STAGES.iter().map(|stage| stage.repeats - 1).sum();
        let mut conv = |conv: ConvLayer, gain| conv.randomized(gain, &mut rng);
        self.map_blocks(|_, layer| match layer {
            Layer::Conv(layer) => Layer::Conv(conv(layer, RELU_GAIN)),
            Layer::Block(block) => {
                let added = if block.adds_input { adding } else { 1 };
                Layer::Block(InvertedResidual {
                    expand: block.expand.map(|layer| conv(layer, RELU_GAIN)),
                    depthwise: conv(block.depthwise, RELU_GAIN),
                    project: conv(block.project, (added as f64).sqrt().recip()),
                    adds_input: block.adds_input,
                })
            }
        })
    }

    /// Takes its weights from a file; tensor names are those of the parts.
    ///
    /// # Errors
    /// When the file does not fit.
    pub fn load(self, weights: Weights<'_>) -> Result<Self, WeightsError> {
        let names: Vec<String> = (0..self.layers.len())
            .map(|index| self.layer_name(index))
            .collect();
        let layers = self.layers.into_iter().zip(&names);
        let layers = layers
            .map(|(layer, name)| layer.load(name, &weights))
            .collect::<Result<_, _>>()?;
        weights.finish()?;
        Ok(Self {
            layers,
            first: self.first,
        })
    }

    /// Its tensors by the names that `load` knows.
    pub fn tensors(&self) -> Vec<(String, Values)> {
        let mut tensors = Vec::new();
        for (index, layer) in self.layers.iter().enumerate() {
            layer.tensors(&self.layer_name(index), &mut tensors);
        }
        tensors
    }

    fn layer_name(&self, index: usize) -> String {
        let blocks: usize = STAGES.iter().map(|stage| stage.repeats).sum();
        match (self.first + index).checked_sub(1) {
            None => "stem".to_owned(),
            Some(block) if block < blocks => format!("blocks.{block}"),
            Some(_) => "head".to_owned(),
        }
    }
}

/// Average over all places: `[batch, features, h, w]` → `[batch, features]`.
fn pool(maps: Tensor<4>) -> Tensor<2> {
    maps.flatten::<3>(2, 3).mean_dim(2).squeeze_dim::<2>(2)
}

/// A block of the network: what can be frozen or trained as one.
#[derive(Module, Debug)]
pub enum Layer {
    /// The stem or the last convolution.
    Conv(ConvLayer),
    /// What is between them.
    Block(InvertedResidual),
}

impl Layer {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Conv(conv) => conv.forward(x),
            Self::Block(block) => block.forward(x),
        }
    }

    fn channels(&self) -> usize {
        match self {
            Self::Conv(conv) => conv.shape()[0],
            Self::Block(block) => block.project.shape()[0],
        }
    }

    /// Side of the output for an input of this side.
    fn side(&self, input: usize) -> usize {
        match self {
            Self::Conv(conv) => input.div_ceil(conv.stride),
            Self::Block(block) => input.div_ceil(block.depthwise.stride),
        }
    }

    /// Multiplications with an addition, for one image whose side is `input` here.
    fn multiply_adds(&self, input: usize) -> u64 {
        match self {
            Self::Conv(conv) => conv.multiply_adds(input),
            Self::Block(block) => {
                let expand = block.expand.as_ref();
                let narrowed = input.div_ceil(block.depthwise.stride);
                expand.map_or(0, |expand| expand.multiply_adds(input))
                    + block.depthwise.multiply_adds(input)
                    + block.project.multiply_adds(narrowed)
            }
        }
    }

    fn load(self, name: &str, weights: &Weights<'_>) -> Result<Self, WeightsError> {
        Ok(match self {
            Self::Conv(conv) => Self::Conv(conv.load(name, weights)?),
            Self::Block(block) => Self::Block(block.load(name, weights)?),
        })
    }

    fn tensors(&self, name: &str, tensors: &mut Vec<(String, Values)>) {
        match self {
            Self::Conv(conv) => conv.tensors(name, tensors),
            Self::Block(block) => {
                for (part, conv) in [
                    ("expand", block.expand.as_ref()),
                    ("depthwise", Some(&block.depthwise)),
                    ("project", Some(&block.project)),
                ] {
                    if let Some(conv) = conv {
                        conv.tensors(&format!("{name}.{part}"), tensors);
                    }
                }
            }
        }
    }
}

/// Inverted residual: widen, filter each channel, narrow; the input is added when its shape is the same.
#[derive(Module, Debug)]
pub struct InvertedResidual {
    /// Absent when the stage does not widen.
    expand: Option<ConvLayer>,
    depthwise: ConvLayer,
    project: ConvLayer,
    #[module(skip)]
    adds_input: bool,
}

impl InvertedResidual {
    fn new(stage: &Stage, channels_in: usize, stride: usize, device: &Device) -> Self {
        let wide = channels_in * stage.expand;
        let kernel = stage.kernel;
        let adds_input = stride == 1 && channels_in == stage.channels_out;
        let conv =
            |shape, stride, groups| ConvLayer::new(shape, stride, groups, Some(RELU6), device);
        let project = [stage.channels_out, wide, 1, 1];
        Self {
            expand: (stage.expand > 1).then(|| conv([wide, channels_in, 1, 1], 1, 1)),
            depthwise: conv([wide, 1, kernel, kernel], stride, wide),
            project: ConvLayer::new(project, 1, 1, None, device),
            adds_input,
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
pub struct ConvLayer {
    weight: Param<Tensor<4>>,
    bias: Param<Tensor<1>>,
    #[module(skip)]
    stride: usize,
    #[module(skip)]
    groups: usize,
    #[module(skip)]
    clamp: Option<[f32; 2]>,
}

impl ConvLayer {
    fn new(
        shape: [usize; 4],
        stride: usize,
        groups: usize,
        clamp: Option<[f32; 2]>,
        device: &Device,
    ) -> Self {
        let [channels_out, ..] = shape;
        Self {
            weight: Initializer::Zeros.init(shape, device),
            bias: Initializer::Zeros.init([channels_out], device),
            stride,
            groups,
            clamp,
        }
    }

    /// Weights drawn from a normal distribution of deviation `gain` over the root of the fan-in, and biases of zero.
    fn randomized(self, gain: f64, rng: &mut ChaCha8Rng) -> Self {
        let shape = self.shape();
        let [_, channels_in, height, width] = shape;
        let deviation = gain / ((channels_in * height * width) as f64).sqrt();
        let count = shape.iter().product();
        let values: Vec<f32> = (0..count)
            .map(|_| (deviation * normal(rng)) as f32)
            .collect();
        let values = TensorData::new(values, shape);
        let weight = Tensor::from_data(values, &self.weight.lazy_device());
        Self {
            weight: Param::initialized(self.weight.id, weight),
            ..self
        }
    }

    /// `[out, in / groups, kernel, kernel]`.
    fn shape(&self) -> [usize; 4] {
        self.weight.lazy_shape().dims()
    }

    fn multiply_adds(&self, input: usize) -> u64 {
        let weights: usize = self.shape().iter().product();
        let side = input.div_ceil(self.stride);
        (weights * side * side) as u64
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        let [_, _, kernel, _] = self.shape();
        let conv = Conv {
            stride: self.stride,
            padding: [height, width].map(|size| same_padding(size, kernel, self.stride)),
            groups: self.groups,
            clamp: self.clamp,
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

    fn tensors(&self, name: &str, tensors: &mut Vec<(String, Values)>) {
        let weight = Values::of(self.weight.val());
        tensors.push((format!("{name}.weight"), weight));
        tensors.push((format!("{name}.bias"), Values::of(self.bias.val())));
    }
}

/// A draw from the standard normal distribution, by the way of Box and Muller.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let [radius, angle]: [f64; 2] = [rng.random(), rng.random()];
    // From above 0 up to 1, so that the logarithm is finite.
    (-2.0 * (1.0 - radius).ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
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
