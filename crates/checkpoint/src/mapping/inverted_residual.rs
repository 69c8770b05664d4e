//! MobileNetV2 and EfficientNet-Lite: both are sequences of inverted residuals.
//! Papers: Sandler and others, 2018, arXiv:1801.04381; Tan and Le, 2019, arXiv:1905.11946.
//!
//! Here `i` counts blocks from 0 over all stages, `s` counts stages, and `r` the blocks in a stage; each name is followed by that of its batch norm.
//!
//! | Headstart | torchvision (MobileNetV2) | timm | PyPI `efficientnet_lite_pytorch` |
//! |---|---|---|---|
//! | `stem` | `features.0.0`, `features.0.1` | `conv_stem`, `bn1` | `_conv_stem`, `_bn0` |
//! | `blocks.{i}.expand` | `features.{i + 1}.conv.0.0`, `.conv.0.1` | `blocks.{s}.{r}.conv_pw`, `.bn1` | `_blocks.{i}._expand_conv`, `._bn0` |
//! | `blocks.{i}.depthwise` | `features.{i + 1}.conv.1.0`, `.conv.1.1` | `blocks.{s}.{r}.conv_dw`, `.bn2` | `_blocks.{i}._depthwise_conv`, `._bn1` |
//! | `blocks.{i}.project` | `features.{i + 1}.conv.2`, `.conv.3` | `blocks.{s}.{r}.conv_pwl`, `.bn3` | `_blocks.{i}._project_conv`, `._bn2` |
//! | `head` | `features.18.0`, `.1` | `conv_head`, `bn2` | `_conv_head`, `_bn1` |
//! | `classifier` | `classifier.1` | `classifier` | `_fc` |
//!
//! A block whose expansion is 1 has no `expand`.
//! There, torchvision and timm count one fewer (`conv.0.0`, `conv.0.1`, `conv.1`, `conv.2`; `conv_dw`, `bn1`, `conv_pw`, `bn2`); the PyPI package does not.
//!
//! timm has two families of EfficientNet-Lite with the same names and shapes: `tf_efficientnet_lite0` to `2` are Google's weights (padding “SAME”, epsilon 1e-3), which is what Headstart computes.
//! `efficientnet_lite0` (`ra_in1k`) was trained with symmetric padding and an epsilon of 1e-5. No file says which it is, and its features would come out slightly wrong.

use super::{Mapping, Model, Naming, Part, Table};

/// Number of blocks, kernel size, expansion, output channels.
type Stage = (usize, usize, usize, usize);

/// The paper's table 2.
const MOBILENET_V2: [Stage; 7] = [
    (1, 3, 1, 16),
    (2, 3, 6, 24),
    (3, 3, 6, 32),
    (4, 3, 6, 64),
    (3, 3, 6, 96),
    (3, 3, 6, 160),
    (1, 3, 6, 320),
];
const LITE0: [Stage; 7] = [
    (1, 3, 1, 16),
    (2, 3, 6, 24),
    (2, 5, 6, 40),
    (3, 3, 6, 80),
    (3, 5, 6, 112),
    (4, 5, 6, 192),
    (1, 3, 6, 320),
];
/// Deeper by a factor of 1.1, except for the first and the last stage.
const LITE1: [Stage; 7] = [
    (1, 3, 1, 16),
    (3, 3, 6, 24),
    (3, 5, 6, 40),
    (4, 3, 6, 80),
    (4, 5, 6, 112),
    (5, 5, 6, 192),
    (1, 3, 6, 320),
];
/// Deeper by a factor of 1.2, and wider by 1.1, rounded to multiples of 8.
const LITE2: [Stage; 7] = [
    (1, 3, 1, 16),
    (3, 3, 6, 24),
    (3, 5, 6, 48),
    (4, 3, 6, 88),
    (4, 5, 6, 120),
    (5, 5, 6, 208),
    (1, 3, 6, 352),
];
const STEM: usize = 32;
const HEAD: usize = 1280;
const CLASSES: usize = 1000;

pub(super) fn mappings(model: Model) -> Vec<Mapping> {
    let (stages, epsilon, namings) = match model {
        Model::EfficientNetLite0 => (LITE0, 1e-3, [Naming::EfficientNetPytorch, Naming::Timm]),
        Model::EfficientNetLite1 => (LITE1, 1e-3, [Naming::EfficientNetPytorch, Naming::Timm]),
        Model::EfficientNetLite2 => (LITE2, 1e-3, [Naming::EfficientNetPytorch, Naming::Timm]),
        _ => (MOBILENET_V2, 1e-5, [Naming::Torchvision, Naming::Timm]),
    };
    let mapping = |naming| mapping(model, naming, &stages, epsilon);
    namings.map(mapping).into()
}

fn mapping(model: Model, naming: Naming, stages: &[Stage], epsilon: f64) -> Mapping {
    let (stem, head, classifier, optional): (_, _, _, &[_]) = match naming {
        Naming::Torchvision => (
            ["features.0.0", "features.0.1"],
            ["features.18.0", "features.18.1"],
            "classifier.1",
            &["classifier."],
        ),
        Naming::Timm => (
            ["conv_stem", "bn1"],
            ["conv_head", "bn2"],
            "classifier",
            &["classifier."],
        ),
        Naming::EfficientNetPytorch => (
            ["_conv_stem", "_bn0"],
            ["_conv_head", "_bn1"],
            "_fc",
            &["_fc."],
        ),
    };
    let mut table = Table::default();
    table.normed("stem", [STEM, 3, 3, 3], stem[0], stem[1], epsilon);
    let (mut block, mut channels_in) = (0, STEM);
    for (stage, &(repeats, kernel, expansion, channels_out)) in stages.iter().enumerate() {
        for repeat in 0..repeats {
            let wide = channels_in * expansion;
            let is_expanded = expansion > 1;
            let mut convolutions = vec![
                ("depthwise", [wide, 1, kernel, kernel]),
                ("project", [channels_out, wide, 1, 1]),
            ];
            if is_expanded {
                convolutions.insert(0, ("expand", [wide, channels_in, 1, 1]));
            }
            for (index, (name, shape)) in convolutions.into_iter().enumerate() {
                let (weight, norm) = match naming {
                    Naming::Torchvision => {
                        let prefix = format!("features.{}.conv", block + 1);
                        if name == "project" {
                            (
                                format!("{prefix}.{index}"),
                                format!("{prefix}.{}", index + 1),
                            )
                        } else {
                            (format!("{prefix}.{index}.0"), format!("{prefix}.{index}.1"))
                        }
                    }
                    Naming::Timm => {
                        let weight = match name {
                            "depthwise" => "conv_dw",
                            "project" if is_expanded => "conv_pwl",
                            _ => "conv_pw",
                        };
                        let prefix = format!("blocks.{stage}.{repeat}");
                        (
                            format!("{prefix}.{weight}"),
                            format!("{prefix}.bn{}", index + 1),
                        )
                    }
                    Naming::EfficientNetPytorch => {
                        let norm = match name {
                            "expand" => "_bn0",
                            "depthwise" => "_bn1",
                            _ => "_bn2",
                        };
                        let prefix = format!("_blocks.{block}");
                        (format!("{prefix}._{name}_conv"), format!("{prefix}.{norm}"))
                    }
                };
                table.normed(
                    format!("blocks.{block}.{name}"),
                    shape,
                    weight,
                    norm,
                    epsilon,
                );
            }
            block += 1;
            channels_in = channels_out;
        }
    }
    table.normed("head", [HEAD, channels_in, 1, 1], head[0], head[1], epsilon);
    table.plain(Part::Classifier, "classifier", [CLASSES, HEAD], classifier);
    Mapping {
        model,
        naming,
        layers: table.layers,
        optional,
    }
}
