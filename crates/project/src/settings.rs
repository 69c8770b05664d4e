//! What can be set: plain data here, and [`table`] says of each number what there is to know about it.

mod table;
mod variation;

use serde::{Deserialize, Serialize};

pub use self::table::{FieldCard, Kind, SETTINGS, Section, Setting, SettingCard};
pub use self::variation::{VARIATIONS, Variation, VariationCard};

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

/// How a model is trained. The range of each number is in the table.
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
    /// Share of hidden units that are switched off at random in each step.
    pub dropout: f64,
    /// Share of each class that is held back for validation.
    pub validation_share: f64,
    /// Weigh classes by the inverse of their size when their sizes differ.
    pub balance_classes: bool,
    /// What happens to the backbone after the head is trained.
    pub fine_tuning: FineTuneSettings,
    /// How training images are varied.
    pub augmentation: AugmentSettings,
}

impl Default for TrainSettings {
    fn default() -> Self {
        Self {
            epochs: whole(Setting::Epochs),
            batch_size: whole(Setting::BatchSize),
            learning_rate: real(Setting::LearningRate),
            seed: whole(Setting::Seed).into(),
            hidden_units: whole(Setting::HiddenUnits),
            dropout: real(Setting::Dropout),
            validation_share: real(Setting::ValidationShare),
            balance_classes: true,
            fine_tuning: FineTuneSettings::default(),
            augmentation: AugmentSettings::default(),
        }
    }
}

/// The default of a count.
fn whole(setting: Setting) -> u32 {
    setting.card().default as u32
}

fn real(setting: Setting) -> f64 {
    setting.card().default
}

impl TrainSettings {
    /// Epochs that a run has at most, of the head alone and then of the last blocks with it.
    pub fn most_epochs(&self) -> u32 {
        let deeper = match self.fine_tuning.blocks {
            0 => 0,
            _ => self.fine_tuning.epochs,
        };
        self.epochs.saturating_add(deeper)
    }
}

/// How the learning rate goes on after the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// Down to zero along half a cosine.
    #[default]
    Cosine,
    /// As it is.
    Constant,
}

/// How the last blocks of the backbone are trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FineTuneSettings {
    /// Blocks of the backbone that are trained too, counted from its end; 0 for none.
    pub blocks: u32,
    /// How often every training image is seen, at most.
    pub epochs: u32,
    /// Step size of the head and of the last block.
    pub learning_rate: f64,
    /// What the step size is multiplied with from each block to the one before it: what lies deeper is more general and should change less.
    pub rate_decay: f64,
    /// Share of all steps in which the step size grows from zero to its full value.
    pub warm_up: f64,
    /// How the step size goes on after that.
    pub schedule: Schedule,
    /// Share of each weight that a step of size 1 would take away; biases keep theirs.
    pub weight_decay: f64,
    /// Share of each image's label that goes to all classes alike: it keeps the network from becoming ever more certain of what it has learnt by heart.
    pub label_smoothing: f64,
    /// What each step leaves of the running average of all weights, which is what is judged and kept; 0 keeps the weights of the last step.
    pub averaging: f64,
    /// Epochs without a better judgement of the validation images after which it ends; 0 for never.
    pub patience: u32,
}

impl Default for FineTuneSettings {
    fn default() -> Self {
        Self {
            blocks: 0,
            epochs: whole(Setting::TuneEpochs),
            learning_rate: real(Setting::TuneRate),
            rate_decay: real(Setting::RateDecay),
            warm_up: real(Setting::WarmUp),
            schedule: Schedule::Cosine,
            weight_decay: real(Setting::WeightDecay),
            label_smoothing: real(Setting::LabelSmoothing),
            averaging: real(Setting::Averaging),
            // The last steps are small and bring the most, so a run of the usual length is not cut off.
            patience: 10,
        }
    }
}

/// What unfreezing so many blocks means.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnfreezeEstimate {
    /// Blocks unfrozen.
    pub blocks: u32,
    /// Numbers in them that are trained.
    pub parameters: u64,
    /// What one image costs in one epoch, in passes of one image through the whole backbone.
    pub passes: f64,
    /// Bytes that one image's activations at the boundary take.
    pub bytes_per_image: u64,
}

/// How training images are varied, so that the model learns what does not matter. All of it is off by default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AugmentSettings {
    /// Varied copies of each training image.
    pub copies: u32,
    /// Half of the copies are mirrored, left and right exchanged.
    pub flip: bool,
    /// Half of the copies stand on their heads.
    pub flip_vertical: bool,
    /// Least share of the image's area that a copy shows; 1 for the whole centred square.
    pub crop: f64,
    /// Most degrees by which a copy is turned, either way.
    pub rotation_degrees: f64,
    /// Most that the brightness changes, as a share of it.
    pub brightness: f64,
    /// Most that the contrast changes, as a share of it.
    pub contrast: f64,
    /// Most that the saturation changes, as a share of it.
    pub saturation: f64,
    /// Most of the area that is covered by a grey rectangle, as a share of it.
    pub erase: f64,
    /// How much pairs of training examples are mixed: the parameter of a Beta distribution, 0 for not at all.
    pub mixup: f64,
}

impl Default for AugmentSettings {
    fn default() -> Self {
        Self {
            // Off; the table's number is for whoever switches it on.
            copies: 0,
            flip: false,
            flip_vertical: false,
            crop: real(Setting::Crop),
            rotation_degrees: real(Setting::Rotation),
            brightness: real(Setting::Brightness),
            contrast: real(Setting::Contrast),
            saturation: real(Setting::Saturation),
            erase: real(Setting::Erasing),
            mixup: real(Setting::Mixup),
        }
    }
}
