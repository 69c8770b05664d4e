//! Inception v3: filters of several sizes side by side.
//!
//! Paper: Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, “Rethinking the Inception Architecture for Computer Vision”, CVPR 2016, arXiv:1512.00567.
//! Reference weights: Google's, as torchvision (BSD-3-Clause) and timm (Apache-2.0) publish them, pretrained on ImageNet; the parts that help only in training are left out.
//! The input is RGB from -1 to 1. torchvision's `transform_input` derives that from an image normalised with ImageNet's mean and deviation, and is on only for torchvision's own weights; here the card's normalisation maps the pixels to it directly.
//! The goldens' model has it switched off: their picture is the network's input itself.

use crate::config::{ConvConfig, LayerConfig, NetworkConfig, Pool, PoolKind, Stage, Step, conv};

/// The steps from the block's input to a part of its output.
type Branch = Vec<Step>;

/// Halves the image.
const POOL: Pool = Pool::max(3, 2);
/// Keeps its size.
const AVERAGE: Pool = Pool {
    kind: PoolKind::Average,
    kernel: 3,
    stride: 1,
    padding: 1,
    ceil: false,
};

/// Inception v3.
pub fn network() -> NetworkConfig {
    let stem = |index: usize, conv| LayerConfig::conv(format!("stem.{index}"), conv);
    let mut layers = vec![
        stem(0, conv("", [32, 3, 3, 3]).stride(2).unpadded()),
        stem(1, conv("", [32, 32, 3, 3]).unpadded()),
        stem(2, conv("", [64, 32, 3, 3])).pool(POOL),
        stem(3, conv("", [80, 64, 1, 1])),
        stem(4, conv("", [192, 80, 3, 3]).unpadded()).pool(POOL),
    ];
    let mut stages = vec![Stage {
        name: "Stem".to_owned(),
        last_layer: layers.len() - 1,
    }];
    let blocks = [
        small(192, 32),
        small(256, 64),
        small(288, 64),
        shrink_to_17(288),
        medium(128),
        medium(160),
        medium(160),
        medium(192),
        shrink_to_8(768),
        large(1280),
        large(2048),
    ];
    for (index, branches) in blocks.into_iter().enumerate() {
        layers.push(LayerConfig::branches(format!("blocks.{index}"), branches));
        stages.push(Stage {
            name: format!("Block {}", index + 1),
            last_layer: layers.len() - 1,
        });
    }
    NetworkConfig {
        layers,
        stages,
        closing: 0,
    }
}

/// A convolution, given its output and input channels and the filter's height and width.
fn step(name: &str, out: usize, channels: usize, [height, width]: [usize; 2]) -> Step {
    Step::Conv(part(name, out, channels, [height, width]))
}

fn part(name: &str, out: usize, channels: usize, [height, width]: [usize; 2]) -> ConvConfig {
    conv(name, [out, channels, height, width])
}

/// A filter that halves the image and uses no padding.
fn halving(name: &str, out: usize, channels: usize) -> Step {
    Step::Conv(part(name, out, channels, [3, 3]).stride(2).unpadded())
}

/// On maps of 35 × 35; the paper's figure 5.
fn small(channels: usize, pooled: usize) -> Vec<Branch> {
    vec![
        vec![step("one", 64, channels, [1, 1])],
        vec![
            step("five.0", 48, channels, [1, 1]),
            step("five.1", 64, 48, [5, 5]),
        ],
        vec![
            step("double.0", 64, channels, [1, 1]),
            step("double.1", 96, 64, [3, 3]),
            step("double.2", 96, 96, [3, 3]),
        ],
        vec![Step::Pool(AVERAGE), step("pool", pooled, channels, [1, 1])],
    ]
}

/// From 35 × 35 to 17 × 17; the paper's figure 10.
fn shrink_to_17(channels: usize) -> Vec<Branch> {
    vec![
        vec![halving("three.0", 384, channels)],
        vec![
            step("double.0", 64, channels, [1, 1]),
            step("double.1", 96, 64, [3, 3]),
            halving("double.2", 96, 96),
        ],
        vec![Step::Pool(POOL)],
    ]
}

/// On maps of 17 × 17; the paper's figure 6.
fn medium(width: usize) -> Vec<Branch> {
    let channels = 768;
    vec![
        vec![step("one", 192, channels, [1, 1])],
        vec![
            step("seven.0", width, channels, [1, 1]),
            step("seven.1", width, width, [1, 7]),
            step("seven.2", 192, width, [7, 1]),
        ],
        vec![
            step("double.0", width, channels, [1, 1]),
            step("double.1", width, width, [7, 1]),
            step("double.2", width, width, [1, 7]),
            step("double.3", width, width, [7, 1]),
            step("double.4", 192, width, [1, 7]),
        ],
        vec![Step::Pool(AVERAGE), step("pool", 192, channels, [1, 1])],
    ]
}

/// From 17 × 17 to 8 × 8.
fn shrink_to_8(channels: usize) -> Vec<Branch> {
    vec![
        vec![
            step("three.0", 192, channels, [1, 1]),
            halving("three.1", 320, 192),
        ],
        vec![
            step("seven.0", 192, channels, [1, 1]),
            step("seven.1", 192, 192, [1, 7]),
            step("seven.2", 192, 192, [7, 1]),
            halving("seven.3", 192, 192),
        ],
        vec![Step::Pool(POOL)],
    ]
}

/// On maps of 8 × 8; the paper's figure 7.
fn large(channels: usize) -> Vec<Branch> {
    let halves = |name: &str| {
        let [wide, high] = [format!("{name}.wide"), format!("{name}.high")];
        Step::Split(vec![
            part(&wide, 384, 384, [1, 3]),
            part(&high, 384, 384, [3, 1]),
        ])
    };
    vec![
        vec![step("one", 320, channels, [1, 1])],
        vec![step("three.0", 384, channels, [1, 1]), halves("three")],
        vec![
            step("double.0", 448, channels, [1, 1]),
            step("double.1", 384, 448, [3, 3]),
            halves("double"),
        ],
        vec![Step::Pool(AVERAGE), step("pool", 192, channels, [1, 1])],
    ]
}
