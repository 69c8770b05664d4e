//! A network in burn: a sequence of layers with their weights, from which everything else is derived.

use std::convert::Infallible;
use std::sync::Arc;

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::module::{avg_pool2d, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor, TensorData};
use headstart_kernels::{Conv, conv2d};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::config::{
    Activation, ConvConfig, Costs, LayerConfig, NetworkConfig, Operations, Pool, PoolKind, Stage,
};
use crate::describe::{BlockInfo, StageInfo};
use crate::weights::Values;
use crate::{Weights, WeightsError};

/// Compensates for a ReLU, which lets only half of the values through.
const RELU_GAIN: f64 = std::f64::consts::SQRT_2;

impl NetworkConfig {
    /// The network with all weights zero, to be loaded or drawn at random. They take no memory until then.
    pub fn init(self, device: &Device) -> Network {
        let layers = self.layers.into_iter();
        Network {
            layers: layers.map(|layer| Layer::new(layer, device)).collect(),
            first: 0,
            stages: self.stages.into(),
            closing: self.closing,
        }
    }
}

/// A network without its classifier, or the end of one from some layer on.
#[derive(Module, Debug)]
pub struct Network {
    layers: Vec<Layer>,
    /// The position of the first layer within the whole network.
    #[module(skip)]
    first: usize,
    /// Of the whole network.
    #[module(skip)]
    stages: Arc<[Stage]>,
    #[module(skip)]
    closing: usize,
}

impl Network {
    /// `[batch, 3, side, side]`, normalised, to embeddings `[batch, features]`.
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        mean_of_positions(self.forward_maps(images))
    }

    /// The last feature map, `[batch, features, height, width]`.
    pub fn forward_maps(&self, images: Tensor<4>) -> Tensor<4> {
        self.layers.iter().fold(images, |x, layer| layer.forward(x))
    }

    /// The input of layer `from`, for images `[batch, 3, side, side]`.
    pub fn forward_frozen(&self, images: Tensor<4>, from: usize) -> Tensor<4> {
        let frozen = self.layers.iter().take(from);
        frozen.fold(images, |x, layer| layer.forward(x))
    }

    /// The feature map of each of [`Network::stages`], for images `[batch, 3, side, side]`.
    pub fn forward_stages(&self, images: Tensor<4>) -> Vec<Tensor<4>> {
        let mut maps = Vec::new();
        let mut x = images;
        for (index, layer) in self.layers.iter().enumerate() {
            let map = layer.forward_map(x);
            if self.stages.iter().any(|stage| stage.last_layer == index) {
                maps.push(map.clone());
            }
            x = layer.forward_pool(map);
        }
        maps
    }

    /// The network's end from layer `from` on, as a network of its own.
    pub fn tail(&self, from: usize) -> Self {
        Self {
            layers: self.layers.iter().skip(from).cloned().collect(),
            first: self.first + from,
            ..self.clone()
        }
    }

    /// The same network with the end of another one.
    pub fn with_tail(&self, tail: Self) -> Self {
        let kept = self.layers.iter().take(tail.first).cloned();
        Self {
            layers: kept.chain(tail.layers).collect(),
            ..self.clone()
        }
    }

    /// Replaces its layers one by one, from the first on.
    pub fn map_blocks(self, mut change: impl FnMut(usize, Layer) -> Layer) -> Self {
        let layers = self.layers.into_iter().enumerate();
        Self {
            layers: layers.map(|(at, layer)| change(at, layer)).collect(),
            first: self.first,
            stages: self.stages,
            closing: self.closing,
        }
    }

    /// Its layers: all of the whole network's from the first one on.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// What it is made of.
    pub fn config(&self) -> NetworkConfig {
        let layers = self.layers.iter();
        NetworkConfig {
            layers: layers.map(|layer| (*layer.config).clone()).collect(),
            stages: self.stages.to_vec(),
            closing: self.closing,
        }
    }

    /// How many layers at the end are trained whenever any are.
    pub fn closing(&self) -> usize {
        self.closing
    }

    /// Describes the layers for square images of `side_px`.
    pub fn blocks(&self, side_px: usize) -> Vec<BlockInfo> {
        let channels = self.layers.first().map_or(0, |it| it.config.channels_in());
        let mut shape = [channels, side_px, side_px];
        let blocks = self.layers.iter().map(|layer| {
            let mut costs = Costs::default();
            let Ok(map) = layer.config.walk_map(&mut costs, shape);
            let Ok(output) = layer.config.walk_pool(&mut costs, map);
            shape = output;
            BlockInfo {
                name: layer.config.name.clone(),
                map,
                output,
                parameters: layer.config.parameters(),
                multiply_adds: costs.multiply_adds,
                largest: costs.largest,
            }
        });
        blocks.collect()
    }

    /// Describes the stages of the whole network.
    pub fn stages(&self, side_px: usize) -> Vec<StageInfo> {
        let blocks = self.blocks(side_px);
        let stages = self.stages.iter().map(|stage| StageInfo {
            name: stage.name.clone(),
            output: blocks[stage.last_layer].map,
            last_block: stage.last_layer,
        });
        stages.collect()
    }

    /// The same network with random weights, which depend only on the seed and not on the device.
    ///
    /// He et al., “Delving Deep into Rectifiers”, ICCV 2015, arXiv:1502.01852: weights of variance 2 / fan-in before a ReLU, and of 1 / fan-in where none follows, keep activations at the same scale from layer to layer.
    /// The fan-in counts only a filter's own channels, which matters most for the depthwise filters of 9 or 25 values: if it counted the whole layer's channels, each block would shrink the signal by a factor of hundreds.
    /// A layer that adds its input would still double the signal's variance, so what it adds is divided by the square root of the number of such layers: all of them together less than triple the variance.
    pub fn randomized(self, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let adding = self.layers.iter().filter(|it| it.config.adds_input());
        let added = (adding.count() as f64).sqrt().recip();
        self.map_blocks(|_, mut layer| {
            let adds_input = layer.config.adds_input();
            let convs = std::mem::take(&mut layer.convs);
            let settings = layer.config.convs();
            layer.convs = convs
                .into_iter()
                .zip(settings)
                .map(|(conv, settings)| {
                    let gain = match settings.activation {
                        Activation::Identity if adds_input => added,
                        Activation::Identity => 1.0,
                        _ => RELU_GAIN,
                    };
                    conv.randomized(gain, &mut rng)
                })
                .collect();
            layer
        })
    }

    /// Takes its weights from a file; tensors are named after the parts.
    ///
    /// # Errors
    /// When the file does not fit.
    pub fn load(self, weights: Weights<'_>) -> Result<Self, WeightsError> {
        let loaded = self.take(&weights, "")?;
        weights.finish()?;
        Ok(loaded)
    }

    /// Takes the network's end from a file in which the names of its tensors begin with `prefix`; `None` if the file has none of them.
    ///
    /// # Errors
    /// When one of the end's tensors is missing or does not fit.
    pub fn load_tail(
        &self,
        weights: &Weights<'_>,
        prefix: &str,
    ) -> Result<Option<Self>, WeightsError> {
        let first = self
            .layers
            .iter()
            .position(|layer| weights.has(&format!("{prefix}{}.", layer.config.name)));
        first
            .map(|first| self.tail(first).take(weights, prefix))
            .transpose()
    }

    fn take(self, weights: &Weights<'_>, prefix: &str) -> Result<Self, WeightsError> {
        self.try_map_convs(|name, conv| {
            let name = format!("{prefix}{name}");
            Ok(ConvLayer {
                weight: weights.load(&format!("{name}.weight"), conv.weight)?,
                bias: weights.load(&format!("{name}.bias"), conv.bias)?,
            })
        })
    }

    /// Replaces its convolutions one by one; `change` is given the name of each.
    ///
    /// # Errors
    /// The first error that `change` returns.
    pub(crate) fn try_map_convs<E>(
        mut self,
        mut change: impl FnMut(&str, ConvLayer) -> Result<ConvLayer, E>,
    ) -> Result<Self, E> {
        for layer in &mut self.layers {
            let convs = std::mem::take(&mut layer.convs);
            let settings = layer.config.convs();
            let convs = convs.into_iter().zip(settings);
            let convs = convs.map(|(conv, settings)| change(&layer.config.name_of(settings), conv));
            layer.convs = convs.collect::<Result<_, E>>()?;
        }
        Ok(self)
    }

    /// Its tensors, under the names that `load` knows.
    pub fn tensors(&self) -> Vec<(String, Values)> {
        let mut tensors = Vec::new();
        for layer in &self.layers {
            for (conv, settings) in layer.convs.iter().zip(layer.config.convs()) {
                let name = layer.config.name_of(settings);
                let weight = Values::of(conv.weight.val());
                tensors.push((format!("{name}.weight"), weight));
                tensors.push((format!("{name}.bias"), Values::of(conv.bias.val())));
            }
        }
        tensors
    }
}

/// Averages over all positions: `[batch, features, h, w]` → `[batch, features]`.
fn mean_of_positions(maps: Tensor<4>) -> Tensor<2> {
    maps.flatten::<3>(2, 3).mean_dim(2).squeeze_dim::<2>(2)
}

/// A block of the network: the unit that is frozen or trained.
#[derive(Module, Debug)]
pub struct Layer {
    /// In the order of [`LayerConfig::convs`].
    convs: Vec<ConvLayer>,
    #[module(skip)]
    config: Arc<LayerConfig>,
}

impl Layer {
    fn new(config: LayerConfig, device: &Device) -> Self {
        Self {
            convs: config
                .convs()
                .map(|it| ConvLayer::new(it, device))
                .collect(),
            config: Arc::new(config),
        }
    }

    /// What it is made of.
    pub fn config(&self) -> &LayerConfig {
        &self.config
    }

    /// `[batch, channels, height, width]` to what the next layer gets.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_pool(self.forward_map(x))
    }

    /// `[batch, channels, height, width]` to the layer's feature map.
    pub fn forward_map(&self, x: Tensor<4>) -> Tensor<4> {
        let Ok(map) = self.config.walk_map(&mut Forward(&self.convs), x);
        map
    }

    /// The layer's feature map to what the next layer gets.
    pub fn forward_pool(&self, map: Tensor<4>) -> Tensor<4> {
        let Ok(x) = self.config.walk_pool(&mut Forward(&self.convs), map);
        x
    }
}

/// Computes with a layer's weights.
struct Forward<'l>(&'l [ConvLayer]);

impl Operations for Forward<'_> {
    type Value = Tensor<4>;
    type Error = Infallible;

    fn conv(
        &mut self,
        _name: &str,
        place: usize,
        settings: &ConvConfig,
        x: Tensor<4>,
    ) -> Result<Tensor<4>, Infallible> {
        let [_, _, height, width] = x.dims();
        let [_, _, tall, wide] = settings.shape;
        let conv = Conv {
            stride: settings.stride,
            padding: settings
                .padding
                .of([height, width], [tall, wide], settings.stride),
            groups: settings.groups,
            clamp: settings.activation.clamp(),
        };
        let layer = &self.0[place];
        Ok(conv2d(x, layer.weight.val(), layer.bias.val(), conv))
    }

    fn pool(&mut self, _name: &str, pool: Pool, x: Tensor<4>) -> Result<Tensor<4>, Infallible> {
        let [_, _, height, width] = x.dims();
        let padding = [height, width].map(|size| pool.places(size).0);
        let (kernel, stride) = ([pool.kernel; 2], [pool.stride; 2]);
        Ok(match pool.kind {
            PoolKind::Max => {
                let options = MaxPoolOptions::new(kernel).with_stride(stride);
                max_pool2d(x, options.with_padding_pairs(padding))
            }
            PoolKind::Average => {
                let options = AvgPoolOptions::new(kernel).with_stride(stride);
                avg_pool2d(x, options.with_padding_pairs(padding))
            }
        })
    }

    fn add(
        &mut self,
        _name: &str,
        values: Vec<Tensor<4>>,
        activation: Activation,
    ) -> Result<Tensor<4>, Infallible> {
        let sum = values.into_iter().reduce(|a, b| a + b);
        let sum = sum.unwrap_or_else(|| unreachable!("a layer has a branch"));
        Ok(match activation.clamp() {
            None => sum,
            Some(_) if activation == Activation::Relu => burn::tensor::activation::relu(sum),
            Some([least, most]) => sum.clamp(least, most),
        })
    }

    fn concatenate(
        &mut self,
        _name: &str,
        values: Vec<Tensor<4>>,
    ) -> Result<Tensor<4>, Infallible> {
        Ok(Tensor::cat(values, 1))
    }
}

/// A convolution's weight and bias; batch norm is folded into them.
#[derive(Module, Debug)]
pub struct ConvLayer {
    /// `[out, in / groups, height, width]`.
    pub(crate) weight: Param<Tensor<4>>,
    /// `[out]`.
    pub(crate) bias: Param<Tensor<1>>,
}

impl ConvLayer {
    fn new(config: &ConvConfig, device: &Device) -> Self {
        let [channels_out, ..] = config.shape;
        Self {
            weight: Initializer::Zeros.init(config.shape, device),
            bias: Initializer::Zeros.init([channels_out], device),
        }
    }

    /// `[out, in / groups, height, width]`.
    pub(crate) fn shape(&self) -> [usize; 4] {
        self.weight.lazy_shape().dims()
    }

    /// The same convolution with other numbers: `weight`, row by row in the shape [`Self::shape`], and `bias`.
    pub(crate) fn filled(self, weight: Vec<f32>, bias: Vec<f32>) -> Self {
        let shape = self.shape();
        let device = self.weight.lazy_device();
        let weight = Tensor::from_data(TensorData::new(weight, shape), &device);
        let bias = Tensor::from_data(TensorData::new(bias, [shape[0]]), &device);
        Self {
            weight: Param::initialized(self.weight.id, weight),
            bias: Param::initialized(self.bias.id, bias),
        }
    }

    /// Draws weights from a normal distribution with a standard deviation of `gain` over the square root of the fan-in; biases are zero.
    fn randomized(self, gain: f64, rng: &mut ChaCha8Rng) -> Self {
        let shape = self.shape();
        let [channels_out, channels_in, height, width] = shape;
        let deviation = gain / ((channels_in * height * width) as f64).sqrt();
        let count: usize = shape.iter().product();
        let values = (0..count).map(|_| (deviation * normal(rng)) as f32);
        let values = values.collect();
        self.filled(values, vec![0.0; channels_out])
    }
}

/// A draw from the standard normal distribution, by the Box–Muller method.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let [radius, angle]: [f64; 2] = [rng.random(), rng.random()];
    // In (0, 1], so that the logarithm is finite.
    (-2.0 * (1.0 - radius).ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}
