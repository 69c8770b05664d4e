//! VGG. Paper: Simonyan and Zisserman, 2014, arXiv:1409.1556.
//!
//! | Headstart | torchvision | timm |
//! |---|---|---|
//! | `blocks.{b}.{i}` | `features.{n}`, where n counts convolutions, batch norms, activations and poolings | the same |
//! | `hidden.0` | `classifier.0` | `pre_logits.fc1`, as a convolution of 7 × 7 |
//! | `hidden.1` | `classifier.3` | `pre_logits.fc2`, as a convolution of 1 × 1 |
//! | `classifier` | `classifier.6` | `head.fc` |

use super::{Mapping, Model, Naming, Norm, Part, Table};

/// Output channels of the blocks; the paper's table 1.
const CHANNELS: [usize; 5] = [64, 128, 256, 512, 512];
/// The side of the last feature map, which is the input of the first hidden layer.
const MAP_SIDE: usize = 7;
const HIDDEN: usize = 4096;
const CLASSES: usize = 1000;
const EPSILON: f64 = 1e-5;

pub(super) fn mappings(model: Model) -> Vec<Mapping> {
    [Naming::Torchvision, Naming::Timm]
        .map(|naming| mapping(model, naming))
        .into()
}

fn mapping(model: Model, naming: Naming) -> Mapping {
    let convolutions = match model {
        Model::Vgg19 | Model::Vgg19Bn => [2, 2, 4, 4, 4],
        _ => [2, 2, 3, 3, 3],
    };
    let has_norm = matches!(model, Model::Vgg16Bn | Model::Vgg19Bn);
    let mut table = Table::default();
    let (mut place, mut channels_in) = (0, 3);
    for (block, (count, channels)) in convolutions.into_iter().zip(CHANNELS).enumerate() {
        for index in 0..count {
            table.plain(
                Part::Backbone,
                format!("blocks.{block}.{index}"),
                [channels, channels_in, 3, 3],
                format!("features.{place}"),
            );
            if has_norm && let Some(layer) = table.layers.last_mut() {
                layer.norm = Some(Norm {
                    name: format!("features.{}", place + 1),
                    epsilon: EPSILON,
                });
            }
            // Its activation, and perhaps its batch norm, come between this one and the next.
            place += if has_norm { 3 } else { 2 };
            channels_in = channels;
        }
        // The block's pooling.
        place += 1;
    }
    let (hidden, classifier, optional): (_, _, &[_]) = match naming {
        Naming::Timm => (
            ["pre_logits.fc1", "pre_logits.fc2"],
            "head.fc",
            &["pre_logits.", "head."],
        ),
        _ => (
            ["classifier.0", "classifier.3"],
            "classifier.6",
            &["classifier."],
        ),
    };
    let flat = channels_in * MAP_SIDE * MAP_SIDE;
    table.plain(Part::Hidden, "hidden.0", [HIDDEN, flat], hidden[0]);
    table.plain(Part::Hidden, "hidden.1", [HIDDEN, HIDDEN], hidden[1]);
    table.plain(
        Part::Classifier,
        "classifier",
        [CLASSES, HIDDEN],
        classifier,
    );
    Mapping {
        model,
        naming,
        layers: table.layers,
        optional,
    }
}
