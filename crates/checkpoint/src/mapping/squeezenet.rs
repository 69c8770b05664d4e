//! SqueezeNet 1.1. Paper: Iandola and others, 2016, arXiv:1602.07360; version 1.1: <https://github.com/forresti/SqueezeNet>.
//!
//! | Headstart | torchvision |
//! |---|---|
//! | `stem` | `features.0` |
//! | `fires.{i}.squeeze` | `features.{n}.squeeze`, where n counts poolings too |
//! | `fires.{i}.expand1` | `features.{n}.expand1x1` |
//! | `fires.{i}.expand3` | `features.{n}.expand3x3` |
//! | `classifier` | `classifier.1`, a convolution |

use super::{Mapping, Model, Naming, Part, Table};

const STEM: usize = 64;
/// The index in torchvision's `features`, squeezed channels, and channels of each expansion.
const FIRES: [(usize, usize, usize); 8] = [
    (3, 16, 64),
    (4, 16, 64),
    (6, 32, 128),
    (7, 32, 128),
    (9, 48, 192),
    (10, 48, 192),
    (11, 64, 256),
    (12, 64, 256),
];
const CLASSES: usize = 1000;

pub(super) fn mapping() -> Mapping {
    let mut table = Table::default();
    table.plain(Part::Backbone, "stem", [STEM, 3, 3, 3], "features.0");
    let mut channels_in = STEM;
    for (fire, (place, squeezed, expanded)) in FIRES.into_iter().enumerate() {
        let convolutions = [
            ("squeeze", "squeeze", [squeezed, channels_in, 1, 1]),
            ("expand1", "expand1x1", [expanded, squeezed, 1, 1]),
            ("expand3", "expand3x3", [expanded, squeezed, 3, 3]),
        ];
        for (name, source, shape) in convolutions {
            table.plain(
                Part::Backbone,
                format!("fires.{fire}.{name}"),
                shape,
                format!("features.{place}.{source}"),
            );
        }
        channels_in = 2 * expanded;
    }
    table.plain(
        Part::Classifier,
        "classifier",
        [CLASSES, channels_in, 1, 1],
        "classifier.1",
    );
    Mapping {
        model: Model::SqueezeNet11,
        naming: Naming::Torchvision,
        layers: table.layers,
        optional: &["classifier."],
    }
}
