//! What MobileNetV2 and EfficientNet-Lite have in common: a stem, stages of inverted residuals, and a last convolution.

use crate::config::{Activation, ConvConfig, LayerConfig, NetworkConfig, Stage as Named, conv};

/// Inverted residuals at one resolution.
pub struct Stage {
    repeats: usize,
    kernel: usize,
    stride: usize,
    expansion: usize,
    channels: usize,
}

/// Number of blocks, kernel size, stride of the first block, expansion and output channels.
pub const fn stage(
    repeats: usize,
    kernel: usize,
    stride: usize,
    expansion: usize,
    channels: usize,
) -> Stage {
    Stage {
        repeats,
        kernel,
        stride,
        expansion,
        channels,
    }
}

const STEM: usize = 32;
const FEATURES: usize = 1280;

/// The whole network; `pad` determines the padding of its convolutions.
pub fn network(stages: &[Stage], pad: fn(ConvConfig) -> ConvConfig) -> NetworkConfig {
    let conv = |name: &str, shape: [usize; 4]| pad(conv(name, shape).activation(Activation::Relu6));
    let mut layers = vec![LayerConfig::conv(
        "stem",
        conv("", [STEM, 3, 3, 3]).stride(2),
    )];
    let mut named = vec![("Stem".to_owned(), 0)];
    let mut channels = STEM;
    for (row, stage) in stages.iter().enumerate() {
        for repeat in 0..stage.repeats {
            let stride = if repeat == 0 { stage.stride } else { 1 };
            let name = format!("blocks.{}", layers.len() - 1);
            layers.push(block(name, stage, channels, stride, conv));
            channels = stage.channels;
        }
        named.push((format!("Stage {}", row + 1), layers.len() - 1));
    }
    layers.push(LayerConfig::conv(
        "head",
        conv("", [FEATURES, channels, 1, 1]),
    ));
    named.push(("Last convolution".to_owned(), layers.len() - 1));
    let named = named.into_iter();
    NetworkConfig {
        layers,
        stages: named
            .map(|(name, last_layer)| Named { name, last_layer })
            .collect(),
        closing: 1,
    }
}

/// Inverted residual: widen, filter each channel, narrow; the input is added if it has the same shape.
fn block(
    name: String,
    stage: &Stage,
    channels_in: usize,
    stride: usize,
    conv: impl Fn(&str, [usize; 4]) -> ConvConfig,
) -> LayerConfig {
    let wide = channels_in * stage.expansion;
    let (kernel, channels) = (stage.kernel, stage.channels);
    let mut convs = Vec::new();
    if stage.expansion > 1 {
        convs.push(conv("expand", [wide, channels_in, 1, 1]));
    }
    let depthwise = conv("depthwise", [wide, 1, kernel, kernel]);
    convs.push(depthwise.stride(stride).groups(wide));
    convs.push(conv("project", [channels, wide, 1, 1]).activation(Activation::Identity));
    if stride == 1 && channels_in == channels {
        LayerConfig::residual(name, convs, Vec::new(), Activation::Identity)
    } else {
        LayerConfig::chain(name, convs)
    }
}
