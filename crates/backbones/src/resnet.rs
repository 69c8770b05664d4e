//! ResNet: layers learn what to add to their input.
//!
//! Paper: He, Zhang, Ren and Sun, “Deep Residual Learning for Image Recognition”, CVPR 2016, arXiv:1512.03385.
//! As torchvision and timm compute it: in ResNet-50 it is the 3 × 3 filter that halves the image, not the first 1 × 1 (“V1.5”).
//! Reference weights: torchvision (BSD-3-Clause) and timm (Apache-2.0), pretrained on ImageNet.
//! The input is RGB, normalised with ImageNet's mean and deviation.

use crate::config::{Activation, LayerConfig, NetworkConfig, Pool, Stage, conv};

const STEM: usize = 64;
/// How much wider the ends of a bottleneck are.
const EXPANSION: usize = 4;

/// ResNet-18, made of basic blocks.
pub fn resnet18() -> NetworkConfig {
    network([2, 2, 2, 2], basic, 1)
}

/// ResNet-50, made of bottlenecks.
pub fn resnet50() -> NetworkConfig {
    network([3, 4, 6, 3], bottleneck, EXPANSION)
}

fn network(
    repeats: [usize; 4],
    block: fn(String, usize, usize, usize) -> LayerConfig,
    expansion: usize,
) -> NetworkConfig {
    let stem = conv("", [STEM, 3, 7, 7]).stride(2);
    let pool = Pool {
        padding: 1,
        ..Pool::max(3, 2)
    };
    let mut layers = vec![LayerConfig::conv("stem", stem).pool(pool)];
    let mut stages = vec![Stage {
        name: "Stem".to_owned(),
        last_layer: 0,
    }];
    let mut channels = STEM;
    for (stage, repeats) in repeats.into_iter().enumerate() {
        let width = STEM << stage;
        for repeat in 0..repeats {
            let stride = if stage > 0 && repeat == 0 { 2 } else { 1 };
            let name = format!("stages.{stage}.{repeat}");
            layers.push(block(name, channels, width, stride));
            channels = width * expansion;
        }
        stages.push(Stage {
            name: format!("Stage {}", stage + 1),
            last_layer: layers.len() - 1,
        });
    }
    NetworkConfig {
        layers,
        stages,
        closing: 0,
    }
}

/// Basic block: two filters of 3 × 3.
fn basic(name: String, channels_in: usize, width: usize, stride: usize) -> LayerConfig {
    let convs = vec![
        conv("first", [width, channels_in, 3, 3]).stride(stride),
        conv("second", [width, width, 3, 3]).activation(Activation::Identity),
    ];
    let shortcut = shortcut(channels_in, width, stride);
    LayerConfig::residual(name, convs, shortcut, Activation::Relu)
}

/// Bottleneck: narrow, filter, widen.
fn bottleneck(name: String, channels_in: usize, width: usize, stride: usize) -> LayerConfig {
    let channels_out = width * EXPANSION;
    let convs = vec![
        conv("reduce", [width, channels_in, 1, 1]),
        conv("convolve", [width, width, 3, 3]).stride(stride),
        conv("expand", [channels_out, width, 1, 1]).activation(Activation::Identity),
    ];
    let shortcut = shortcut(channels_in, channels_out, stride);
    LayerConfig::residual(name, convs, shortcut, Activation::Relu)
}

/// The input itself, or a convolution that gives it the shape of the result.
fn shortcut(
    channels_in: usize,
    channels_out: usize,
    stride: usize,
) -> Vec<crate::config::ConvConfig> {
    if stride == 1 && channels_in == channels_out {
        return Vec::new();
    }
    let shape = [channels_out, channels_in, 1, 1];
    vec![
        conv("shortcut", shape)
            .stride(stride)
            .activation(Activation::Identity),
    ]
}
