//! The table of all settings that are numbers: fields, checks and the report follow from it.

use crate::{TrainError, TrainSettings};

/// A setting that is a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table says what each of them is")]
pub enum Setting {
    Epochs,
    BatchSize,
    LearningRate,
    Seed,
    HiddenUnits,
    Dropout,
    ValidationShare,
    TuneEpochs,
    TuneRate,
    RateDecay,
    WarmUp,
    WeightDecay,
    LabelSmoothing,
    Averaging,
    Copies,
    Crop,
    Rotation,
    Brightness,
    Contrast,
    Saturation,
    Erasing,
    Mixup,
}

/// Everything there is to know about a setting.
pub struct SettingCard {
    /// Which one.
    pub id: Setting,
    /// Its name on the page, in messages and in the report. Tests and assistive technology find its field by it.
    pub label: &'static str,
    /// What kind of number it is.
    pub kind: Kind,
    /// Its least value.
    pub least: f64,
    /// Its greatest value.
    pub most: f64,
    /// Its value until the user changes it.
    pub default: f64,
    /// Whether 0, which is out of range, means that the feature is switched off.
    pub is_off_at_zero: bool,
    /// Reads it from the settings.
    pub read: fn(&TrainSettings) -> f64,
    /// Writes it into the settings.
    pub write: fn(&mut TrainSettings, f64),
    /// Its field on the page, if it has one.
    pub field: Option<FieldCard>,
}

/// What kind of number a setting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A count.
    Whole,
    /// Any number.
    Real,
    /// A part of something, shown in percent.
    Share,
}

/// A setting's field on the page.
#[derive(PartialEq)]
pub struct FieldCard {
    /// The name of its text in a kept project. It must never change.
    pub key: &'static str,
    /// Where it stands.
    pub section: Section,
    /// How far one press of an arrow key goes.
    pub step: &'static str,
    /// A sentence on what the setting does. Words in braces are explained by the page's glossary.
    pub hint: &'static str,
}

/// The group of fields that a setting belongs to. Some of them count only while something is switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// How the head is trained.
    Training,
    /// Counts unless the head is linear.
    HiddenLayer,
    /// What is held back.
    Measuring,
    /// Counts when blocks of the backbone are unfrozen.
    Deeper,
    /// Counts when images are varied.
    Varied,
}

impl Setting {
    /// How many settings there are.
    pub const COUNT: usize = Self::Mixup as usize + 1;

    /// Its line of the table.
    pub fn card(self) -> &'static SettingCard {
        &SETTINGS[self as usize]
    }
}

impl SettingCard {
    /// Whether a value is in range. NaN never is.
    pub fn allows(&self, value: f64) -> bool {
        (self.least..=self.most).contains(&value)
            && (self.kind != Kind::Whole || value.fract() == 0.0)
    }

    /// Whether the value means that the feature is switched off.
    pub fn is_off(&self, value: f64) -> bool {
        self.is_off_at_zero && value == 0.0
    }
}

impl TrainSettings {
    /// Checks every setting against its range.
    ///
    /// # Errors
    /// [`TrainError::Setting`] for the first one that is out of range.
    pub fn check(&self) -> Result<(), TrainError> {
        for card in &SETTINGS {
            let value = (card.read)(self);
            // The range of the seed is only for typing: repeated runs count on from the typed seed, and any number will do.
            if card.id != Setting::Seed && !card.is_off(value) && !card.allows(value) {
                return Err(TrainError::Setting {
                    setting: card.label.to_owned(),
                    least: card.least.to_string(),
                    most: card.most.to_string(),
                });
            }
        }
        Ok(())
    }
}

/// All settings, in the order of [`Setting`]'s variants, which within a section is also the order of the page.
pub static SETTINGS: [SettingCard; Setting::COUNT] = [
    SettingCard {
        id: Setting::Epochs,
        label: "Epochs",
        kind: Kind::Whole,
        least: 1.0,
        most: 1000.0,
        default: 50.0,
        is_off_at_zero: false,
        read: |settings| settings.epochs.into(),
        write: |settings, value| settings.epochs = value as u32,
        field: Some(FieldCard {
            key: "epochs",
            section: Section::Training,
            step: "1",
            hint: "How often the model sees every image. One pass is an {epoch}.",
        }),
    },
    SettingCard {
        id: Setting::BatchSize,
        label: "Batch size",
        kind: Kind::Whole,
        least: 1.0,
        most: 512.0,
        default: 16.0,
        is_off_at_zero: false,
        read: |settings| settings.batch_size.into(),
        write: |settings, value| settings.batch_size = value as u32,
        field: Some(FieldCard {
            key: "batch_size",
            section: Section::Training,
            step: "1",
            hint: "How many images it looks at before it corrects itself: a {batch}.",
        }),
    },
    SettingCard {
        id: Setting::LearningRate,
        label: "Learning rate",
        kind: Kind::Real,
        least: 1e-6,
        most: 1.0,
        default: 1e-3,
        is_off_at_zero: false,
        read: |settings| settings.learning_rate,
        write: |settings, value| settings.learning_rate = value,
        field: Some(FieldCard {
            key: "learning_rate",
            section: Section::Training,
            step: "0.0005",
            hint: "How big its steps are. See {learning rate}.",
        }),
    },
    SettingCard {
        id: Setting::Seed,
        label: "Seed",
        kind: Kind::Whole,
        least: 0.0,
        most: u32::MAX as f64,
        default: 0.0,
        is_off_at_zero: false,
        read: |settings| settings.seed as f64,
        write: |settings, value| settings.seed = value as u64,
        field: Some(FieldCard {
            key: "seed",
            section: Section::Training,
            step: "1",
            hint: "The same {seed} and images give the same result.",
        }),
    },
    SettingCard {
        id: Setting::HiddenUnits,
        label: "Hidden units",
        kind: Kind::Whole,
        least: 1.0,
        most: 1000.0,
        default: 100.0,
        is_off_at_zero: true,
        read: |settings| settings.hidden_units.into(),
        write: |settings, value| settings.hidden_units = value as u32,
        field: Some(FieldCard {
            key: "hidden_units",
            section: Section::HiddenLayer,
            step: "10",
            hint: "The size of the {hidden layer}.",
        }),
    },
    SettingCard {
        id: Setting::Dropout,
        label: "Dropout",
        kind: Kind::Share,
        least: 0.0,
        most: 0.9,
        default: 0.0,
        is_off_at_zero: false,
        read: |settings| settings.dropout,
        write: |settings, value| settings.dropout = value,
        field: Some(FieldCard {
            key: "dropout",
            section: Section::HiddenLayer,
            step: "0.1",
            hint: "The share of units switched off at random while learning. See {dropout}.",
        }),
    },
    SettingCard {
        id: Setting::ValidationShare,
        label: "Validation share",
        kind: Kind::Share,
        least: 0.0,
        most: 0.5,
        default: 0.15,
        is_off_at_zero: false,
        read: |settings| settings.validation_share,
        write: |settings, value| settings.validation_share = value,
        field: Some(FieldCard {
            key: "validation_share",
            section: Section::Measuring,
            step: "0.05",
            hint: "The share of each class that is held back for {validation}; 0.15 is 15%.",
        }),
    },
    SettingCard {
        id: Setting::TuneEpochs,
        label: "Fine-tuning epochs",
        kind: Kind::Whole,
        least: 1.0,
        most: 100.0,
        default: 10.0,
        is_off_at_zero: false,
        read: |settings| settings.fine_tuning.epochs.into(),
        write: |settings, value| settings.fine_tuning.epochs = value as u32,
        field: Some(FieldCard {
            key: "tune_epochs",
            section: Section::Deeper,
            step: "1",
            hint: "How often the deeper layers see every image, at most. It ends earlier when held-back images stop getting better.",
        }),
    },
    // docs/results.md says what the defaults of fine-tuning are worth on photographs.
    SettingCard {
        id: Setting::TuneRate,
        label: "Fine-tuning rate",
        kind: Kind::Real,
        least: 1e-6,
        most: 0.1,
        default: 1e-3,
        is_off_at_zero: false,
        read: |settings| settings.fine_tuning.learning_rate,
        write: |settings, value| settings.fine_tuning.learning_rate = value,
        field: Some(FieldCard {
            key: "tune_rate",
            section: Section::Deeper,
            step: "0.0001",
            hint: "How big the steps of the deeper layers are. Too big, and what they knew is lost.",
        }),
    },
    SettingCard {
        id: Setting::RateDecay,
        label: "Rate decay",
        kind: Kind::Real,
        least: 0.01,
        most: 1.0,
        default: 0.85,
        is_off_at_zero: false,
        read: |settings| settings.fine_tuning.rate_decay,
        write: |settings, value| settings.fine_tuning.rate_decay = value,
        field: None,
    },
    SettingCard {
        id: Setting::WarmUp,
        label: "Warm-up",
        kind: Kind::Share,
        least: 0.0,
        most: 1.0,
        default: 0.1,
        is_off_at_zero: false,
        read: |settings| settings.fine_tuning.warm_up,
        write: |settings, value| settings.fine_tuning.warm_up = value,
        field: None,
    },
    SettingCard {
        id: Setting::WeightDecay,
        label: "Weight decay",
        kind: Kind::Real,
        least: 0.0,
        most: 1.0,
        default: 0.05,
        is_off_at_zero: false,
        read: |settings| settings.fine_tuning.weight_decay,
        write: |settings, value| settings.fine_tuning.weight_decay = value,
        field: None,
    },
    SettingCard {
        id: Setting::LabelSmoothing,
        label: "Label smoothing",
        kind: Kind::Share,
        least: 0.0,
        most: 0.9,
        default: 0.1,
        is_off_at_zero: false,
        read: |settings| settings.fine_tuning.label_smoothing,
        write: |settings, value| settings.fine_tuning.label_smoothing = value,
        field: None,
    },
    SettingCard {
        id: Setting::Averaging,
        label: "Averaging",
        kind: Kind::Real,
        least: 0.0,
        most: 0.9999,
        default: 0.98,
        is_off_at_zero: false,
        read: |settings| settings.fine_tuning.averaging,
        write: |settings, value| settings.fine_tuning.averaging = value,
        field: None,
    },
    SettingCard {
        id: Setting::Copies,
        label: "Copies of each image",
        kind: Kind::Whole,
        least: 1.0,
        most: 20.0,
        default: 3.0,
        is_off_at_zero: true,
        read: |settings| settings.augmentation.copies.into(),
        write: |settings, value| settings.augmentation.copies = value as u32,
        field: Some(FieldCard {
            key: "copies",
            section: Section::Varied,
            step: "1",
            hint: "More copies take longer and help less and less.",
        }),
    },
    SettingCard {
        id: Setting::Crop,
        label: "Crop",
        kind: Kind::Share,
        least: 0.05,
        most: 1.0,
        default: 1.0,
        is_off_at_zero: false,
        read: |settings| settings.augmentation.crop,
        write: |settings, value| settings.augmentation.crop = value,
        field: None,
    },
    SettingCard {
        id: Setting::Rotation,
        label: "Rotation",
        kind: Kind::Real,
        least: 0.0,
        most: 180.0,
        default: 0.0,
        is_off_at_zero: false,
        read: |settings| settings.augmentation.rotation_degrees,
        write: |settings, value| settings.augmentation.rotation_degrees = value,
        field: None,
    },
    SettingCard {
        id: Setting::Brightness,
        label: "Brightness",
        kind: Kind::Share,
        least: 0.0,
        most: 0.9,
        default: 0.0,
        is_off_at_zero: false,
        read: |settings| settings.augmentation.brightness,
        write: |settings, value| settings.augmentation.brightness = value,
        field: None,
    },
    SettingCard {
        id: Setting::Contrast,
        label: "Contrast",
        kind: Kind::Share,
        least: 0.0,
        most: 0.9,
        default: 0.0,
        is_off_at_zero: false,
        read: |settings| settings.augmentation.contrast,
        write: |settings, value| settings.augmentation.contrast = value,
        field: None,
    },
    SettingCard {
        id: Setting::Saturation,
        label: "Saturation",
        kind: Kind::Share,
        least: 0.0,
        most: 0.9,
        default: 0.0,
        is_off_at_zero: false,
        read: |settings| settings.augmentation.saturation,
        write: |settings, value| settings.augmentation.saturation = value,
        field: None,
    },
    SettingCard {
        id: Setting::Erasing,
        label: "Erasing",
        kind: Kind::Share,
        least: 0.0,
        most: 0.5,
        default: 0.0,
        is_off_at_zero: false,
        read: |settings| settings.augmentation.erase,
        write: |settings, value| settings.augmentation.erase = value,
        field: None,
    },
    SettingCard {
        id: Setting::Mixup,
        label: "Mixup",
        kind: Kind::Real,
        least: 0.0,
        most: 1.0,
        default: 0.0,
        is_off_at_zero: false,
        read: |settings| settings.augmentation.mixup,
        write: |settings, value| settings.augmentation.mixup = value,
        field: None,
    },
];

const _: () = {
    let mut at = 0;
    while at < Setting::COUNT {
        assert!(
            SETTINGS[at].id as usize == at,
            "the table has the order of the variants"
        );
        at += 1;
    }
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_line_reads_what_it_writes_and_nothing_else() {
        for card in &SETTINGS {
            let mut settings = TrainSettings::default();
            // A whole number, which every kind of setting can hold.
            (card.write)(&mut settings, 7.0);
            for other in &SETTINGS {
                let expected = if other.id == card.id {
                    7.0
                } else {
                    (other.read)(&TrainSettings::default())
                };
                assert_eq!((other.read)(&settings), expected, "{:?}", other.id);
            }
        }
    }

    #[test]
    fn the_defaults_are_those_of_the_table_and_nothing_is_varied() {
        let settings = TrainSettings::default();
        assert_eq!(settings.check(), Ok(()));
        for card in &SETTINGS {
            let value = (card.read)(&settings);
            assert!(card.allows(card.default), "{:?}", card.id);
            if card.id == Setting::Copies {
                assert!(card.is_off(value));
            } else {
                assert_eq!(value, card.default, "{:?}", card.id);
            }
        }
    }

    #[test]
    fn every_setting_out_of_range_is_refused_by_name() {
        for card in SETTINGS.iter().filter(|card| card.id != Setting::Seed) {
            let tried = match card.kind {
                Kind::Whole => vec![card.most + 1.0],
                Kind::Real | Kind::Share => vec![card.least - 0.001, card.most + 0.001, f64::NAN],
            };
            for value in tried {
                let mut settings = TrainSettings::default();
                (card.write)(&mut settings, value);
                let refused = settings.check().expect_err("is refused").to_string();
                let expected = format!(
                    "{} must be between {} and {}.",
                    card.label, card.least, card.most
                );
                assert_eq!(refused, expected);
            }
        }
    }

    #[test]
    fn zero_is_out_of_range_unless_it_switches_something_off() {
        for card in &SETTINGS {
            let mut settings = TrainSettings::default();
            (card.write)(&mut settings, 0.0);
            let is_allowed = card.least <= 0.0 || card.is_off_at_zero;
            assert_eq!(settings.check().is_ok(), is_allowed, "{:?}", card.id);
        }
    }

    #[test]
    fn a_comparison_may_count_on_from_the_highest_seed() {
        let settings = TrainSettings {
            seed: u64::from(u32::MAX) + 3,
            ..TrainSettings::default()
        };
        assert_eq!(settings.check(), Ok(()));
    }

    /// Settings with every number within its range.
    fn settings() -> impl Strategy<Value = TrainSettings> {
        let values = SETTINGS.each_ref().map(|card| {
            let (least, most) = (card.least, card.most);
            match card.kind {
                Kind::Whole => (least as u64..=most as u64)
                    .prop_map(|value| value as f64)
                    .boxed(),
                // With no more digits than the JSON reader is exact for.
                Kind::Real | Kind::Share => (least..=most)
                    .prop_map(move |value| (value * 1e12).round() / 1e12)
                    .prop_map(move |value| value.clamp(least, most))
                    .boxed(),
            }
        });
        (Vec::from(values), any::<bool>(), 0..9u32).prop_map(|(values, balance_classes, blocks)| {
            let mut settings = TrainSettings {
                balance_classes,
                ..TrainSettings::default()
            };
            settings.fine_tuning.blocks = blocks;
            for (card, value) in SETTINGS.iter().zip(values) {
                (card.write)(&mut settings, value);
            }
            settings
        })
    }

    proptest! {
        #[test]
        fn settings_survive_being_written(settings in settings()) {
            prop_assert_eq!(settings.check(), Ok(()));
            let text = serde_json::to_string(&settings).expect("is plain data");
            let again: TrainSettings = serde_json::from_str(&text).expect("was just written");
            prop_assert_eq!(again, settings);
        }
    }
}
