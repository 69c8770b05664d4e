use serde::{Deserialize, Serialize};

/// A pretrained backbone that the engine can load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackboneId {
    /// EfficientNet-Lite0, 1280 features, 224 px.
    #[default]
    #[serde(rename = "efficientnet-lite0")]
    EfficientNetLite0,
}

impl BackboneId {
    /// All backbones, in the order in which the picker lists them.
    pub const ALL: [Self; 1] = [Self::EfficientNetLite0];

    /// The name in files and run records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EfficientNetLite0 => "efficientnet-lite0",
        }
    }

    /// SHA-256 of its weights file, in hexadecimal digits.
    pub const fn sha256(self) -> &'static str {
        match self {
            Self::EfficientNetLite0 => {
                "c6d08b487aaeae8b19ce350c4100698588faedb734db4b221d9099bacc33442a"
            }
        }
    }

    /// The name that people read.
    pub const fn title(self) -> &'static str {
        match self {
            Self::EfficientNetLite0 => "EfficientNet-Lite0",
        }
    }
}

/// Where tensors are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    /// burn's Flex backend, in WebAssembly with 128-bit SIMD.
    Cpu,
    /// burn on WebGPU.
    Webgpu,
}

impl DeviceKind {
    /// `cpu` or `webgpu`, as in run records and in the page's address.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Webgpu => "webgpu",
        }
    }
}

/// What the user asked for in the settings or by `?device=` in the address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DevicePreference {
    /// WebGPU on a hardware adapter, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// WebGPU on whatever adapter there is, a software one included.
    Webgpu,
}

/// What an image is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Learnt from, or held back for validation by the split.
    #[default]
    Train,
    /// Never learnt from; gives the test accuracy.
    Test,
}

/// What a user can change about training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrainSettings {
    /// How often the head sees every training image.
    pub epochs: u32,
    /// Images a step.
    pub batch_size: u32,
    /// Adam's step size.
    pub learning_rate: f64,
    /// Decides the split, the initial weights and the order of the images.
    pub seed: u64,
    /// Units of the hidden layer; 0 for a linear head.
    pub hidden_units: u32,
    /// Share of hidden units that are switched off at random in each step, 0 up to 0.9.
    pub dropout: f64,
    /// Share of each class that is held back for validation, 0 up to 0.5.
    pub validation_share: f64,
    /// Weigh classes by the inverse of their size when their sizes differ.
    pub balance_classes: bool,
}

impl Default for TrainSettings {
    fn default() -> Self {
        Self {
            epochs: 50,
            batch_size: 16,
            learning_rate: 1e-3,
            seed: 0,
            hidden_units: 100,
            dropout: 0.0,
            validation_share: 0.15,
            balance_classes: true,
        }
    }
}
