//! ResNet. Paper: He, Zhang, Ren and Sun, 2015, arXiv:1512.03385.
//!
//! | Headstart | torchvision and timm |
//! |---|---|
//! | `stem` | `conv1`, `bn1` |
//! | `stages.{s}.{b}.first`, `.second` (ResNet-18) | `layer{s + 1}.{b}.conv1`, `.bn1`, and `2` |
//! | `stages.{s}.{b}.reduce`, `.convolve`, `.expand` (ResNet-50) | `layer{s + 1}.{b}.conv1`, `.bn1`, and `2`, and `3` |
//! | `stages.{s}.{b}.shortcut`, where the shape changes | `layer{s + 1}.{b}.downsample.0`, `.1` |
//! | `classifier` | `fc` |

use super::{Mapping, Model, Naming, Part, Table};

const STEM: usize = 64;
const EPSILON: f64 = 1e-5;
const CLASSES: usize = 1000;

pub(super) fn mapping(model: Model) -> Mapping {
    let is_bottleneck = model == Model::ResNet50;
    let (blocks, expansion) = if is_bottleneck {
        ([3, 4, 6, 3], 4)
    } else {
        ([2, 2, 2, 2], 1)
    };
    let mut table = Table::default();
    table.normed("stem", [STEM, 3, 7, 7], "conv1", "bn1", EPSILON);
    let mut channels_in = STEM;
    for (stage, count) in blocks.into_iter().enumerate() {
        let width = STEM << stage;
        let channels_out = width * expansion;
        for block in 0..count {
            let house = format!("stages.{stage}.{block}");
            let source = format!("layer{}.{block}", stage + 1);
            let convolutions = if is_bottleneck {
                vec![
                    ("reduce", [width, channels_in, 1, 1]),
                    ("convolve", [width, width, 3, 3]),
                    ("expand", [channels_out, width, 1, 1]),
                ]
            } else {
                vec![
                    ("first", [width, channels_in, 3, 3]),
                    ("second", [width, width, 3, 3]),
                ]
            };
            for (index, (name, shape)) in convolutions.into_iter().enumerate() {
                table.normed(
                    format!("{house}.{name}"),
                    shape,
                    format!("{source}.conv{}", index + 1),
                    format!("{source}.bn{}", index + 1),
                    EPSILON,
                );
            }
            if block == 0 && (stage > 0 || channels_in != channels_out) {
                table.normed(
                    format!("{house}.shortcut"),
                    [channels_out, channels_in, 1, 1],
                    format!("{source}.downsample.0"),
                    format!("{source}.downsample.1"),
                    EPSILON,
                );
            }
            channels_in = channels_out;
        }
    }
    table.plain(Part::Classifier, "classifier", [CLASSES, channels_in], "fc");
    Mapping {
        model,
        naming: Naming::Torchvision,
        layers: table.layers,
        optional: &["fc."],
    }
}
