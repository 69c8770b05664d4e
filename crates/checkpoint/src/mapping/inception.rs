//! Inception v3. Paper: Szegedy and others, 2015, arXiv:1512.00567.
//!
//! Each convolution is `NAME.conv` and its batch norm `NAME.bn`, in torchvision as in timm.
//!
//! | Headstart | torchvision and timm |
//! |---|---|
//! | `stem.0` to `stem.4` | `Conv2d_1a_3x3`, `Conv2d_2a_3x3`, `Conv2d_2b_3x3`, `Conv2d_3b_1x1`, `Conv2d_4a_3x3` |
//! | `blocks.0` to `blocks.10` | `Mixed_5b` to `5d`, `Mixed_6a` to `6e`, `Mixed_7a` to `7c` |
//! | `classifier` | `fc` |
//!
//! A block's branches, with their convolutions from input to output:
//!
//! | Headstart | in words | torchvision and timm |
//! |---|---|---|
//! | `one` | 1 × 1 | `branch1x1` |
//! | `three.{i}` | up to 3 × 3 | `branch3x3`, or `branch3x3_{i + 1}`; split at the end into `1 × 3` and `3 × 1` (`three.wide`, `three.high`): `_2a`, `_2b` |
//! | `five.{i}` | up to 5 × 5 | `branch5x5_{i + 1}` |
//! | `seven.{i}` | 7 × 7 as 1 × 7 and 7 × 1 | `branch7x7_{i + 1}`, in `blocks.8` `branch7x7x3_{i + 1}` |
//! | `double.{i}` | 3 × 3 or 7 × 7 twice | `branch3x3dbl_{i + 1}`, `branch7x7dbl_{i + 1}`; split at the end: `_3a`, `_3b` |
//! | `pool` | 1 × 1 after the average pooling | `branch_pool` |
//!
//! `AuxLogits` helps only in training and is left out.

use super::{Mapping, Model, Naming, Part, Table};

const EPSILON: f64 = 1e-3;
const FEATURES: usize = 2048;
const CLASSES: usize = 1000;

/// Our name, torchvision's name, output channels, kernel height and width.
type Convolution = (&'static str, &'static str, usize, usize, usize);
/// Convolutions in sequence.
type Branch = Vec<Convolution>;

pub(super) fn mapping() -> Mapping {
    let mut table = Table::default();
    let stem = vec![
        ("0", "Conv2d_1a_3x3", 32, 3, 3),
        ("1", "Conv2d_2a_3x3", 32, 3, 3),
        ("2", "Conv2d_2b_3x3", 64, 3, 3),
        ("3", "Conv2d_3b_1x1", 80, 1, 1),
        ("4", "Conv2d_4a_3x3", 192, 3, 3),
    ];
    chain(&mut table, "stem.", "", 3, stem);
    let mut channels = 192;
    for (index, (source, branches, channels_out)) in blocks().into_iter().enumerate() {
        for branch in branches {
            let (house, source) = (format!("blocks.{index}."), format!("{source}."));
            chain(&mut table, &house, &source, channels, branch);
        }
        channels = channels_out;
    }
    table.plain(Part::Classifier, "classifier", [CLASSES, FEATURES], "fc");
    Mapping {
        model: Model::InceptionV3,
        naming: Naming::Torchvision,
        layers: table.layers,
        optional: &["fc.", "AuxLogits."],
    }
}

fn chain(table: &mut Table, house: &str, source: &str, channels: usize, branch: Branch) {
    let mut channels_in = channels;
    for (name, published, channels_out, height, width) in branch {
        table.normed(
            format!("{house}{name}"),
            [channels_out, channels_in, height, width],
            format!("{source}{published}.conv"),
            format!("{source}{published}.bn"),
            EPSILON,
        );
        // The two halves of a split have the same input.
        if !name.ends_with("wide") {
            channels_in = channels_out;
        }
    }
}

/// torchvision's name, the branches, and their total number of channels.
fn blocks() -> Vec<(&'static str, Vec<Branch>, usize)> {
    vec![
        ("Mixed_5b", small(32), 256),
        ("Mixed_5c", small(64), 288),
        ("Mixed_5d", small(64), 288),
        ("Mixed_6a", shrink_to_17(), 768),
        ("Mixed_6b", medium(128), 768),
        ("Mixed_6c", medium(160), 768),
        ("Mixed_6d", medium(160), 768),
        ("Mixed_6e", medium(192), 768),
        ("Mixed_7a", shrink_to_8(), 1280),
        ("Mixed_7b", large(), 2048),
        ("Mixed_7c", large(), 2048),
    ]
}

/// On maps of 35 × 35; the paper's figure 5.
fn small(pooled: usize) -> Vec<Branch> {
    vec![
        vec![("one", "branch1x1", 64, 1, 1)],
        vec![
            ("five.0", "branch5x5_1", 48, 1, 1),
            ("five.1", "branch5x5_2", 64, 5, 5),
        ],
        vec![
            ("double.0", "branch3x3dbl_1", 64, 1, 1),
            ("double.1", "branch3x3dbl_2", 96, 3, 3),
            ("double.2", "branch3x3dbl_3", 96, 3, 3),
        ],
        vec![("pool", "branch_pool", pooled, 1, 1)],
    ]
}

/// From 35 × 35 to 17 × 17; the paper's figure 10.
fn shrink_to_17() -> Vec<Branch> {
    vec![
        vec![("three.0", "branch3x3", 384, 3, 3)],
        vec![
            ("double.0", "branch3x3dbl_1", 64, 1, 1),
            ("double.1", "branch3x3dbl_2", 96, 3, 3),
            ("double.2", "branch3x3dbl_3", 96, 3, 3),
        ],
    ]
}

/// On maps of 17 × 17; the paper's figure 6.
fn medium(width: usize) -> Vec<Branch> {
    vec![
        vec![("one", "branch1x1", 192, 1, 1)],
        vec![
            ("seven.0", "branch7x7_1", width, 1, 1),
            ("seven.1", "branch7x7_2", width, 1, 7),
            ("seven.2", "branch7x7_3", 192, 7, 1),
        ],
        vec![
            ("double.0", "branch7x7dbl_1", width, 1, 1),
            ("double.1", "branch7x7dbl_2", width, 7, 1),
            ("double.2", "branch7x7dbl_3", width, 1, 7),
            ("double.3", "branch7x7dbl_4", width, 7, 1),
            ("double.4", "branch7x7dbl_5", 192, 1, 7),
        ],
        vec![("pool", "branch_pool", 192, 1, 1)],
    ]
}

/// From 17 × 17 to 8 × 8.
fn shrink_to_8() -> Vec<Branch> {
    vec![
        vec![
            ("three.0", "branch3x3_1", 192, 1, 1),
            ("three.1", "branch3x3_2", 320, 3, 3),
        ],
        vec![
            ("seven.0", "branch7x7x3_1", 192, 1, 1),
            ("seven.1", "branch7x7x3_2", 192, 1, 7),
            ("seven.2", "branch7x7x3_3", 192, 7, 1),
            ("seven.3", "branch7x7x3_4", 192, 3, 3),
        ],
    ]
}

/// On maps of 8 × 8; the paper's figure 7.
fn large() -> Vec<Branch> {
    vec![
        vec![("one", "branch1x1", 320, 1, 1)],
        vec![
            ("three.0", "branch3x3_1", 384, 1, 1),
            ("three.wide", "branch3x3_2a", 384, 1, 3),
            ("three.high", "branch3x3_2b", 384, 3, 1),
        ],
        vec![
            ("double.0", "branch3x3dbl_1", 448, 1, 1),
            ("double.1", "branch3x3dbl_2", 384, 3, 3),
            ("double.wide", "branch3x3dbl_3a", 384, 1, 3),
            ("double.high", "branch3x3dbl_3b", 384, 3, 1),
        ],
        vec![("pool", "branch_pool", 192, 1, 1)],
    ]
}
