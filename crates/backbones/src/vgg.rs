//! VGG: 3 × 3 filters in sequence, with pooling after each block.
//!
//! Paper: Simonyan and Zisserman, “Very Deep Convolutional Networks for Large-Scale Image Recognition”, ICLR 2015, arXiv:1409.1556.
//! Reference weights: the authors' (CC-BY-4.0), torchvision's (BSD-3-Clause) and timm's (Apache-2.0), pretrained on ImageNet.
//! Batch norm is folded into the convolutions, so networks with and without it are the same here.
//! The input is RGB, normalised with ImageNet's mean and deviation.
//!
//! The embedding is the mean of the last pooled feature map.
//! The fully connected layers after it can be kept: then the embedding is the output of the second one, “fc7”.

use crate::config::{LayerConfig, NetworkConfig, Pool, Stage, Step, conv};

/// Output channels of the blocks; the paper's table 1.
const CHANNELS: [usize; 5] = [64, 128, 256, 512, 512];
/// The side of the last feature map, which the first fully connected layer sees as a whole.
const MAP_SIDE: usize = 7;
const HIDDEN: usize = 4096;
/// Into how many parts the first fully connected layer's outputs are split: its 411 MB exceed the size of a WebGPU binding, which is 128 MiB by default.
const HIDDEN_PARTS: usize = 4;

/// The prefix of the names of the fully connected layers' tensors.
pub const HIDDEN_PREFIX: &str = "hidden.";

/// VGG with 16 layers, of which 13 are convolutions.
pub fn vgg16() -> NetworkConfig {
    network([2, 2, 3, 3, 3])
}

/// VGG with 19 layers, of which 16 are convolutions.
pub fn vgg19() -> NetworkConfig {
    network([2, 2, 4, 4, 4])
}

fn network(repeats: [usize; 5]) -> NetworkConfig {
    let mut layers = Vec::new();
    let mut stages = Vec::new();
    let mut channels_in = 3;
    for (block, (repeats, channels)) in repeats.into_iter().zip(CHANNELS).enumerate() {
        for index in 0..repeats {
            let conv = conv("", [channels, channels_in, 3, 3]);
            let layer = LayerConfig::conv(format!("blocks.{block}.{index}"), conv);
            let is_last = index + 1 == repeats;
            layers.push(if is_last {
                layer.pool(Pool::max(2, 2))
            } else {
                layer
            });
            channels_in = channels;
        }
        stages.push(Stage {
            name: format!("Block {}", block + 1),
            last_layer: layers.len() - 1,
        });
    }
    NetworkConfig {
        layers,
        stages,
        closing: 0,
    }
}

/// The same network with both fully connected layers, as convolutions over the whole map.
pub fn with_hidden(mut network: NetworkConfig) -> NetworkConfig {
    let channels_in = CHANNELS[CHANNELS.len() - 1];
    let shape = [HIDDEN / HIDDEN_PARTS, channels_in, MAP_SIDE, MAP_SIDE];
    let parts = (0..HIDDEN_PARTS).map(|part| conv(&part.to_string(), shape).unpadded());
    let first = vec![vec![Step::Split(parts.collect())]];
    let second = conv("", [HIDDEN, HIDDEN, 1, 1]);
    for (index, layer) in [
        LayerConfig::branches("hidden.0", first),
        LayerConfig::conv("hidden.1", second),
    ]
    .into_iter()
    .enumerate()
    {
        network.layers.push(layer);
        network.stages.push(Stage {
            name: format!("Fully connected {}", index + 1),
            last_layer: network.layers.len() - 1,
        });
    }
    network
}
