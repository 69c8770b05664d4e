//! The settings as plain data; [`table`] holds everything there is to know about each number among them.

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

/// What the user asked for, in the settings or with `?device=` in the address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DevicePreference {
    /// WebGPU on a hardware adapter, otherwise the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// WebGPU on whatever adapter there is, even a software one.
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
    /// Images per step.
    pub batch_size: u32,
    /// Adam's step size.
    pub learning_rate: f64,
    /// Determines the split, the initial weights and the order of the images.
    pub seed: u64,
    /// Units of the hidden layer; 0 for a linear head.
    pub hidden_units: u32,
    /// Share of hidden units that are switched off at random in each step.
    pub dropout: f64,
    /// Share of each class that is held back for validation.
    pub validation_share: f64,
    /// Whether classes are weighted by the inverse of their size.
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

/// The default of a setting that is a count.
fn whole(setting: Setting) -> u32 {
    setting.card().default as u32
}

fn real(setting: Setting) -> f64 {
    setting.card().default
}

impl TrainSettings {
    /// The most epochs that a run can have: those of the head alone, then those of the last blocks with it.
    pub fn most_epochs(&self) -> u32 {
        let deeper = match self.fine_tuning.blocks {
            0 => 0,
            _ => self.fine_tuning.epochs,
        };
        self.epochs.saturating_add(deeper)
    }
}

/// What the learning rate does after the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// Falls to zero along half a cosine.
    #[default]
    Cosine,
    /// Stays as it is.
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
    /// Factor of the step size from each block to the one before it: earlier blocks are more general and should change less.
    pub rate_decay: f64,
    /// Share of all steps during which the step size grows from zero to its full value.
    pub warm_up: f64,
    /// What the step size does after that.
    pub schedule: Schedule,
    /// Share of each weight that a step of size 1 would remove; biases are left alone.
    pub weight_decay: f64,
    /// Share of each image's label that goes to all classes alike: it keeps the network from growing ever more certain of what it has memorised.
    pub label_smoothing: f64,
    /// How much of the running average of all weights each step leaves. The average is what is judged and kept; 0 keeps the weights of the last step.
    pub averaging: f64,
    /// Ends after this many epochs without improvement on the validation images; 0 for never.
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
            // The last steps are small and help the most, so a run of the usual length is not cut short.
            patience: 10,
        }
    }
}

/// What unfreezing this many blocks means.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnfreezeEstimate {
    /// Blocks unfrozen.
    pub blocks: u32,
    /// Parameters in them that are trained.
    pub parameters: u64,
    /// Cost of one image in one epoch, in passes of one image through the whole backbone.
    pub passes: f64,
    /// Bytes that the activations of one image take at the boundary.
    pub bytes_per_image: u64,
}

/// How training images are varied, so that the model learns what does not matter. Off by default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AugmentSettings {
    /// Varied copies of each training image.
    pub copies: u32,
    /// Half of the copies are mirrored, left and right exchanged.
    pub flip: bool,
    /// Half of the copies are upside down.
    pub flip_vertical: bool,
    /// Smallest share of the image's area that a copy shows; 1 for the whole centred square.
    pub crop: f64,
    /// Largest angle by which a copy is turned, in degrees, either way.
    pub rotation_degrees: f64,
    /// Largest change of the brightness, as a share of it.
    pub brightness: f64,
    /// Largest change of the contrast, as a share of it.
    pub contrast: f64,
    /// Largest change of the saturation, as a share of it.
    pub saturation: f64,
    /// Largest share of the area that a grey rectangle covers.
    pub erase: f64,
    /// How much pairs of training examples are mixed: the parameter of a Beta distribution, 0 for not at all.
    pub mixup: f64,
}

impl Default for AugmentSettings {
    fn default() -> Self {
        Self {
            // Off; the table's default applies once it is switched on.
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
