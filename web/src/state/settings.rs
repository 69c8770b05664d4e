//! The training settings as the user types them, valid or not.

use headstart_project::{AugmentSettings, FineTuneSettings, TrainSettings};
use serde::{Deserialize, Serialize};

/// A setting that is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Field {
    Epochs,
    BatchSize,
    LearningRate,
    Seed,
    HiddenUnits,
    Dropout,
    ValidationShare,
    TuneEpochs,
    TuneRate,
    Copies,
}

/// A way to vary images that is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Variation {
    Flip,
    Crop,
    Turn,
    Color,
    Cover,
    Mix,
}

/// What the head is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Head {
    /// One hidden layer with ReLU and dropout.
    Hidden,
    /// A single layer.
    Linear,
}

/// The settings' texts. They are kept as typed, so that a field never snaps to another value under the user's hands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    epochs: String,
    batch_size: String,
    learning_rate: String,
    seed: String,
    hidden_units: String,
    dropout: String,
    validation_share: String,
    pub head: Head,
    pub balance_classes: bool,
    /// Blocks of the backbone that are trained, too.
    #[serde(default)]
    pub unfrozen: u32,
    #[serde(default = "tune_epochs")]
    tune_epochs: String,
    #[serde(default = "tune_rate")]
    tune_rate: String,
    #[serde(default = "copies")]
    copies: String,
    /// Whether images are varied at all.
    #[serde(default)]
    pub is_varied: bool,
    #[serde(default = "variations")]
    variations: Vec<Variation>,
}

fn tune_epochs() -> String {
    FineTuneSettings::default().epochs.to_string()
}

fn tune_rate() -> String {
    FineTuneSettings::default().learning_rate.to_string()
}

fn copies() -> String {
    "3".into()
}

fn variations() -> Vec<Variation> {
    vec![Variation::Flip, Variation::Crop]
}

impl Field {
    /// Its name on the page, part of the contract with tests and assistive technology.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Epochs => "Epochs",
            Self::BatchSize => "Batch size",
            Self::LearningRate => "Learning rate",
            Self::Seed => "Seed",
            Self::HiddenUnits => "Hidden units",
            Self::Dropout => "Dropout",
            Self::ValidationShare => "Validation share",
            Self::TuneEpochs => "Fine-tuning epochs",
            Self::TuneRate => "Fine-tuning rate",
            Self::Copies => "Copies of each image",
        }
    }

    /// The least and the greatest value.
    pub const fn range(self) -> (f64, f64) {
        match self {
            Self::Epochs => (1.0, 1000.0),
            Self::BatchSize => (1.0, 512.0),
            Self::LearningRate => (0.000_001, 1.0),
            Self::Seed => (0.0, 4_294_967_295.0),
            Self::HiddenUnits => (1.0, 1000.0),
            Self::Dropout => (0.0, 0.9),
            Self::ValidationShare => (0.0, 0.5),
            Self::TuneEpochs => (1.0, 100.0),
            Self::TuneRate => (0.000_001, 0.1),
            Self::Copies => (1.0, 20.0),
        }
    }

    /// How far one press of an arrow key goes.
    pub const fn step(self) -> &'static str {
        match self {
            Self::Epochs | Self::BatchSize | Self::Seed | Self::TuneEpochs | Self::Copies => "1",
            Self::HiddenUnits => "10",
            Self::LearningRate => "0.0005",
            Self::TuneRate => "0.0001",
            Self::Dropout => "0.1",
            Self::ValidationShare => "0.05",
        }
    }

    const fn is_whole(self) -> bool {
        matches!(
            self,
            Self::Epochs
                | Self::BatchSize
                | Self::Seed
                | Self::HiddenUnits
                | Self::TuneEpochs
                | Self::Copies
        )
    }
}

impl Draft {
    /// The texts of these settings.
    pub fn of(settings: &TrainSettings) -> Self {
        let (head, hidden_units) = if settings.hidden_units == 0 {
            (Head::Linear, TrainSettings::default().hidden_units)
        } else {
            (Head::Hidden, settings.hidden_units)
        };
        Self {
            epochs: settings.epochs.to_string(),
            batch_size: settings.batch_size.to_string(),
            learning_rate: settings.learning_rate.to_string(),
            seed: settings.seed.to_string(),
            hidden_units: hidden_units.to_string(),
            dropout: settings.dropout.to_string(),
            validation_share: settings.validation_share.to_string(),
            head,
            balance_classes: settings.balance_classes,
            unfrozen: settings.fine_tuning.blocks,
            tune_epochs: settings.fine_tuning.epochs.to_string(),
            tune_rate: settings.fine_tuning.learning_rate.to_string(),
            copies: copies(),
            is_varied: false,
            variations: variations(),
        }
    }

    pub fn has(&self, variation: Variation) -> bool {
        self.variations.contains(&variation)
    }

    pub fn switch(&mut self, variation: Variation, is_on: bool) {
        self.variations.retain(|&known| known != variation);
        if is_on {
            self.variations.push(variation);
        }
    }

    /// How images are varied; the strengths are those that are customary.
    ///
    /// # Errors
    /// When the number of copies is not valid.
    pub fn augmentation(&self) -> Result<AugmentSettings, String> {
        if !self.is_varied {
            return Ok(AugmentSettings::default());
        }
        let if_on = |variation, strength: f64| if self.has(variation) { strength } else { 0.0 };
        Ok(AugmentSettings {
            copies: self.value(Field::Copies)? as u32,
            flip: self.has(Variation::Flip),
            flip_vertical: false,
            crop: 1.0 - if_on(Variation::Crop, 0.4),
            rotation_degrees: if_on(Variation::Turn, 15.0),
            brightness: if_on(Variation::Color, 0.25),
            contrast: if_on(Variation::Color, 0.25),
            saturation: if_on(Variation::Color, 0.25),
            erase: if_on(Variation::Cover, 0.25),
            mixup: if_on(Variation::Mix, 0.2),
        })
    }

    pub fn text(&self, field: Field) -> &str {
        match field {
            Field::Epochs => &self.epochs,
            Field::BatchSize => &self.batch_size,
            Field::LearningRate => &self.learning_rate,
            Field::Seed => &self.seed,
            Field::HiddenUnits => &self.hidden_units,
            Field::Dropout => &self.dropout,
            Field::ValidationShare => &self.validation_share,
            Field::TuneEpochs => &self.tune_epochs,
            Field::TuneRate => &self.tune_rate,
            Field::Copies => &self.copies,
        }
    }

    pub fn set(&mut self, field: Field, text: String) {
        *match field {
            Field::Epochs => &mut self.epochs,
            Field::BatchSize => &mut self.batch_size,
            Field::LearningRate => &mut self.learning_rate,
            Field::Seed => &mut self.seed,
            Field::HiddenUnits => &mut self.hidden_units,
            Field::Dropout => &mut self.dropout,
            Field::ValidationShare => &mut self.validation_share,
            Field::TuneEpochs => &mut self.tune_epochs,
            Field::TuneRate => &mut self.tune_rate,
            Field::Copies => &mut self.copies,
        } = text;
    }

    /// Whether the field counts: a linear head has no hidden units and no dropout.
    pub fn applies(&self, field: Field) -> bool {
        self.head == Head::Hidden || !matches!(field, Field::HiddenUnits | Field::Dropout)
    }

    /// The field's value, or what is wrong with it in words.
    ///
    /// # Errors
    /// When the text is no number or out of the field's range.
    pub fn value(&self, field: Field) -> Result<f64, String> {
        let (least, most) = field.range();
        let kind = if field.is_whole() {
            "a whole number"
        } else {
            "a number"
        };
        self.text(field)
            .trim()
            .parse::<f64>()
            .ok()
            .filter(|value| *value >= least && *value <= most)
            .filter(|value| !field.is_whole() || value.fract() == 0.0)
            .ok_or_else(|| format!("{} must be {kind} from {least} to {most}.", field.label()))
    }

    /// The settings, or what is wrong with the first field that is wrong.
    ///
    /// # Errors
    /// When a field that counts has no valid value.
    pub fn parse(&self) -> Result<TrainSettings, String> {
        let is_hidden = self.head == Head::Hidden;
        Ok(TrainSettings {
            epochs: self.value(Field::Epochs)? as u32,
            batch_size: self.value(Field::BatchSize)? as u32,
            learning_rate: self.value(Field::LearningRate)?,
            seed: self.value(Field::Seed)? as u64,
            hidden_units: if is_hidden {
                self.value(Field::HiddenUnits)? as u32
            } else {
                0
            },
            dropout: if is_hidden {
                self.value(Field::Dropout)?
            } else {
                0.0
            },
            validation_share: self.value(Field::ValidationShare)?,
            balance_classes: self.balance_classes,
            fine_tuning: self.fine_tuning()?,
            augmentation: self.augmentation()?,
        })
    }

    fn fine_tuning(&self) -> Result<FineTuneSettings, String> {
        let defaults = FineTuneSettings::default();
        if self.unfrozen == 0 {
            return Ok(defaults);
        }
        Ok(FineTuneSettings {
            blocks: self.unfrozen,
            epochs: self.value(Field::TuneEpochs)? as u32,
            learning_rate: self.value(Field::TuneRate)?,
            ..defaults
        })
    }
}

impl Default for Draft {
    fn default() -> Self {
        Self::of(&TrainSettings::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_survive_being_typed() {
        assert_eq!(Draft::default().parse(), Ok(TrainSettings::default()));
    }

    #[test]
    fn bad_text_is_kept_and_named() {
        let mut draft = Draft::default();
        for text in ["", "abc", "0", "2.5", "100000", "-3", "NaN", "inf"] {
            draft.set(Field::Epochs, text.into());
            assert_eq!(draft.text(Field::Epochs), text);
            assert_eq!(
                draft.parse(),
                Err("Epochs must be a whole number from 1 to 1000.".into())
            );
        }
        draft.set(Field::Epochs, " 12 ".into());
        assert_eq!(draft.parse().map(|settings| settings.epochs), Ok(12));
    }

    #[test]
    fn deeper_layers_and_varied_images_count_only_when_they_are_on() {
        let mut draft = Draft::default();
        draft.set(Field::TuneEpochs, "nonsense".into());
        draft.set(Field::Copies, "nonsense".into());
        assert_eq!(draft.parse(), Ok(TrainSettings::default()));
        draft.unfrozen = 2;
        assert!(draft.parse().is_err());
        draft.set(Field::TuneEpochs, "7".into());
        draft.is_varied = true;
        assert!(draft.parse().is_err());
        draft.set(Field::Copies, "4".into());
        draft.switch(Variation::Crop, false);
        draft.switch(Variation::Turn, true);
        let settings = draft.parse().expect("is valid");
        assert_eq!(
            (settings.fine_tuning.blocks, settings.fine_tuning.epochs),
            (2, 7)
        );
        let varied = &settings.augmentation;
        assert_eq!((varied.copies, varied.flip, varied.crop), (4, true, 1.0));
        assert!(varied.rotation_degrees > 0.0);
    }

    #[test]
    fn a_linear_head_ignores_the_hidden_layer() {
        let mut draft = Draft::default();
        draft.set(Field::HiddenUnits, "nonsense".into());
        assert!(draft.parse().is_err());
        draft.head = Head::Linear;
        assert_eq!(draft.parse().map(|settings| settings.hidden_units), Ok(0));
    }
}
