//! MobileNetV2: the first network of inverted residuals, made for phones.
//!
//! Paper: Sandler, Howard, Zhu, Zhmoginov and Chen, “MobileNetV2: Inverted Residuals and Linear Bottlenecks”, CVPR 2018, arXiv:1801.04381.
//! Reference weights: torchvision (BSD-3-Clause) and timm (Apache-2.0), pretrained on ImageNet.
//! The input is RGB, normalised with ImageNet's mean and deviation.

use crate::config::NetworkConfig;
use crate::inverted_residual::{self, Stage, stage};

/// The paper's table 2.
const STAGES: [Stage; 7] = [
    stage(1, 3, 1, 1, 16),
    stage(2, 3, 2, 6, 24),
    stage(3, 3, 2, 6, 32),
    stage(4, 3, 2, 6, 64),
    stage(3, 3, 1, 6, 96),
    stage(3, 3, 2, 6, 160),
    stage(1, 3, 1, 6, 320),
];

/// MobileNetV2 of full width.
pub fn network() -> NetworkConfig {
    inverted_residual::network(&STAGES, |conv| conv)
}
