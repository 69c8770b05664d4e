//! The training settings as the user types them, valid or not.

use std::fmt;

use headstart_project::{
    FineTuneSettings, Kind, SETTINGS, Section, Setting, SettingCard, TrainSettings, VARIATIONS,
    Variation,
};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What the head is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Head {
    /// One hidden layer with ReLU and dropout.
    Hidden,
    /// A single layer.
    Linear,
}

/// The settings' texts. They are kept as typed, so that a field never snaps to another value under the user's hands.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// Indexed by the setting's place in the table; empty where it has no field.
    texts: [String; Setting::COUNT],
    pub head: Head,
    pub balance_classes: bool,
    /// Blocks of the backbone that are also trained.
    pub unfrozen: u32,
    /// Whether images are varied at all.
    pub is_varied: bool,
    variations: Vec<Variation>,
}

/// The settings that have a field, with its section and the name of its text in kept projects.
fn typed() -> impl Iterator<Item = (&'static SettingCard, Section, &'static str)> {
    SETTINGS.iter().filter_map(|card| {
        let field = card.field.as_ref()?;
        Some((card, field.section, field.key))
    })
}

impl Draft {
    /// The texts of these settings. For what they switch off, the texts are those of `chosen`.
    pub fn of(settings: &TrainSettings, chosen: Option<&TrainSettings>) -> Self {
        let mut draft = Self {
            texts: [const { String::new() }; Setting::COUNT],
            head: if settings.hidden_units == 0 {
                Head::Linear
            } else {
                Head::Hidden
            },
            balance_classes: settings.balance_classes,
            unfrozen: settings.fine_tuning.blocks,
            is_varied: settings.augmentation.copies > 0,
            variations: Vec::new(),
        };
        let chosen = chosen.unwrap_or(settings);
        for (card, section, _) in typed() {
            let counts = draft.counts(section);
            let value = (card.read)(if counts { settings } else { chosen });
            let value = if card.is_off(value) {
                card.default
            } else {
                value
            };
            draft.set(card.id, value.to_string());
        }
        let varied = &if draft.is_varied { settings } else { chosen }.augmentation;
        // Where nothing is known, the default ones are ready to be switched on.
        let is_known = varied.copies > 0;
        let cards = VARIATIONS.iter().filter(|card| {
            if is_known {
                (card.is_in)(varied)
            } else {
                card.is_default
            }
        });
        draft.variations = cards.map(|card| card.id).collect();
        draft
    }

    pub fn has(&self, variation: Variation) -> bool {
        self.variations.contains(&variation)
    }

    pub fn switch(&mut self, variation: Variation, is_on: bool) {
        // In the order of the table, so that the same choices make the same draft whatever their order.
        let ids = VARIATIONS.iter().map(|card| card.id);
        let chosen = ids.filter(|&id| if id == variation { is_on } else { self.has(id) });
        self.variations = chosen.collect();
    }

    pub fn text(&self, setting: Setting) -> &str {
        &self.texts[setting as usize]
    }

    pub fn set(&mut self, setting: Setting, text: String) {
        self.texts[setting as usize] = text;
    }

    /// Whether the fields of a section count: a linear head, for one, has no hidden units and no dropout.
    pub fn counts(&self, section: Section) -> bool {
        match section {
            Section::Training | Section::Measuring => true,
            Section::HiddenLayer => self.head == Head::Hidden,
            Section::Deeper => self.unfrozen > 0,
            Section::Varied => self.is_varied,
        }
    }

    /// The field's value, or what is wrong with it in words.
    ///
    /// # Errors
    /// When the text is no number or out of the field's range.
    pub fn value(&self, setting: Setting) -> Result<f64, String> {
        let card = setting.card();
        let value = self.text(setting).trim().parse::<f64>().ok();
        value.filter(|&value| card.allows(value)).ok_or_else(|| {
            let kind = match card.kind {
                Kind::Whole => "a whole number",
                Kind::Real | Kind::Share => "a number",
            };
            let (label, least, most) = (card.label, card.least, card.most);
            format!("{label} must be {kind} from {least} to {most}.")
        })
    }

    /// The settings, or what is wrong with the first field that is wrong.
    ///
    /// # Errors
    /// When a field that counts has no valid value.
    pub fn parse(&self) -> Result<TrainSettings, String> {
        let mut settings = TrainSettings {
            balance_classes: self.balance_classes,
            fine_tuning: FineTuneSettings {
                blocks: self.unfrozen,
                ..FineTuneSettings::default()
            },
            ..TrainSettings::default()
        };
        for (card, section, _) in typed() {
            if self.counts(section) {
                (card.write)(&mut settings, self.value(card.id)?);
            } else if card.is_off_at_zero {
                (card.write)(&mut settings, 0.0);
            }
        }
        if self.is_varied {
            self.vary(&mut settings);
        }
        Ok(settings)
    }

    /// The settings as [`Draft::parse`] would return them if everything were switched on, from which an opened file restores what is switched off; `None` where the settings alone restore it.
    /// An invalid text leaves its setting at the default.
    pub fn chosen(&self) -> Option<TrainSettings> {
        let settings = self.parse().ok()?;
        let mut chosen = settings.clone();
        for (card, section, _) in typed() {
            if !self.counts(section) {
                (card.write)(&mut chosen, self.value(card.id).unwrap_or(card.default));
            }
        }
        self.vary(&mut chosen);
        (Self::of(&settings, Some(&chosen)) != Self::of(&settings, None)).then_some(chosen)
    }

    fn vary(&self, settings: &mut TrainSettings) {
        let cards = VARIATIONS.iter().filter(|card| self.has(card.id));
        cards.for_each(|card| (card.add)(&mut settings.augmentation));
    }
}

impl Default for Draft {
    fn default() -> Self {
        Self::of(&TrainSettings::default(), None)
    }
}

/// Writes one object of all texts and choices; the table alone says which texts there are.
impl Serialize for Draft {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        for (card, _, key) in typed() {
            object.serialize_entry(key, self.text(card.id))?;
        }
        object.serialize_entry("head", &self.head)?;
        object.serialize_entry("balance_classes", &self.balance_classes)?;
        object.serialize_entry("unfrozen", &self.unfrozen)?;
        object.serialize_entry("is_varied", &self.is_varied)?;
        object.serialize_entry("variations", &self.variations)?;
        object.end()
    }
}

impl<'de> Deserialize<'de> for Draft {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reader)
    }
}

/// Reads a kept draft. What is missing, because an older page did not know it, has its default.
struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Draft;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("training settings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Draft, A::Error> {
        let mut draft = Draft::default();
        while let Some(name) = object.next_key::<String>()? {
            match name.as_str() {
                "head" => draft.head = object.next_value()?,
                "balance_classes" => draft.balance_classes = object.next_value()?,
                "unfrozen" => draft.unfrozen = object.next_value()?,
                "is_varied" => draft.is_varied = object.next_value()?,
                "variations" => draft.variations = object.next_value()?,
                _ => match typed().find(|(_, _, key)| *key == name) {
                    Some((card, ..)) => draft.set(card.id, object.next_value()?),
                    None => {
                        object.next_value::<IgnoredAny>()?;
                    }
                },
            }
        }
        Ok(draft)
    }
}

#[cfg(test)]
mod tests {
    use headstart_project::ProjectFile;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_defaults_survive_being_typed() {
        assert_eq!(Draft::default().parse(), Ok(TrainSettings::default()));
    }

    #[test]
    fn bad_text_is_kept_and_named() {
        let mut draft = Draft::default();
        for text in ["", "abc", "0", "2.5", "100000", "-3", "NaN", "inf"] {
            draft.set(Setting::Epochs, text.into());
            assert_eq!(draft.text(Setting::Epochs), text);
            assert_eq!(
                draft.parse(),
                Err("Epochs must be a whole number from 1 to 1000.".into())
            );
        }
        draft.set(Setting::Epochs, " 12 ".into());
        assert_eq!(draft.parse().map(|settings| settings.epochs), Ok(12));
    }

    #[test]
    fn deeper_layers_and_varied_images_count_only_when_they_are_on() {
        let mut draft = Draft::default();
        draft.set(Setting::TuneEpochs, "nonsense".into());
        draft.set(Setting::Copies, "nonsense".into());
        assert_eq!(draft.parse(), Ok(TrainSettings::default()));
        draft.unfrozen = 2;
        assert!(draft.parse().is_err());
        draft.set(Setting::TuneEpochs, "7".into());
        draft.is_varied = true;
        assert!(draft.parse().is_err());
        draft.set(Setting::Copies, "4".into());
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
        draft.set(Setting::HiddenUnits, "nonsense".into());
        assert!(draft.parse().is_err());
        draft.head = Head::Linear;
        assert_eq!(draft.parse().map(|settings| settings.hidden_units), Ok(0));
    }

    #[test]
    fn keys_are_told_apart() {
        let keys: Vec<_> = typed().map(|(_, _, key)| key).collect();
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[..at].contains(key), "{key}");
        }
        let text = serde_json::to_string(&Draft::default()).expect("is plain data");
        let object: serde_json::Map<_, _> = serde_json::from_str(&text).expect("is an object");
        assert_eq!(object.len(), keys.len() + 5, "{text}");
    }

    /// The form in which the browser's store keeps a draft.
    const KEPT: &str = r#"{
        "epochs": "20", "batch_size": "", "learning_rate": "1e-2", "seed": "7",
        "hidden_units": "64", "dropout": "0.1", "validation_share": "0.2",
        "head": "Linear", "balance_classes": false, "unfrozen": 2,
        "tune_epochs": "5", "tune_rate": "0.0005", "copies": "4",
        "is_varied": true, "variations": ["Turn", "Flip"]
    }"#;

    #[test]
    fn the_kept_form_stays_what_it_is() {
        let draft: Draft = headstart_wire::from_json(KEPT).expect("is a kept draft");
        assert_eq!(draft.text(Setting::BatchSize), "");
        assert_eq!(draft.text(Setting::TuneRate), "0.0005");
        assert_eq!((draft.head, draft.unfrozen), (Head::Linear, 2));
        assert!(draft.has(Variation::Turn) && !draft.has(Variation::Crop));
        let written = serde_json::to_value(&draft).expect("is plain data");
        let kept: serde_json::Value = serde_json::from_str(KEPT).expect("is JSON");
        assert_eq!(written, kept);
    }

    #[test]
    fn what_an_older_or_newer_page_has_kept_is_read() {
        let older = r#"{
            "epochs": "20", "batch_size": "16", "learning_rate": "0.001", "seed": "0",
            "hidden_units": "100", "dropout": "0", "validation_share": "0.15",
            "head": "Hidden", "balance_classes": true, "wings": {"count": 2}
        }"#;
        let mut expected = Draft::default();
        expected.set(Setting::Epochs, "20".into());
        let read = headstart_wire::from_json::<Draft>(older).expect("is a kept draft");
        assert_eq!(read, expected);
        assert!(headstart_wire::from_json::<Draft>(r#"{"epochs": 20}"#).is_err());
    }

    #[test]
    fn a_file_that_says_more_than_its_settings_does_so_only_when_something_is_off() {
        let mut draft = Draft::default();
        assert_eq!(draft.chosen(), None);
        draft.switch(Variation::Mix, true);
        assert!(draft.chosen().is_some());
        draft.is_varied = true;
        assert_eq!(draft.chosen(), None);
    }

    #[test]
    fn values_out_of_range_in_a_file_are_shown_and_named() {
        let settings = TrainSettings {
            epochs: 5000,
            ..TrainSettings::default()
        };
        let draft = Draft::of(&settings, None);
        assert_eq!(draft.text(Setting::Epochs), "5000");
        assert_eq!(
            draft.parse(),
            Err("Epochs must be a whole number from 1 to 1000.".into())
        );
    }

    /// The draft after its project was saved as a file and opened again.
    fn opened(draft: &Draft) -> Draft {
        let file = ProjectFile {
            headstart_project: ProjectFile::VERSION,
            headstart: String::new(),
            name: String::new(),
            created_ms: 0,
            changed_ms: 0,
            backbone: headstart_project::SavedBackbone {
                name: String::new(),
                sha256: String::new(),
                features: 0,
            },
            settings: draft.parse().expect("is valid"),
            chosen: draft.chosen(),
            threshold: None,
            classes: Vec::new(),
        };
        let text = serde_json::to_string(&file).expect("is plain data");
        let read: ProjectFile = headstart_wire::from_json(&text).expect("was just written");
        assert_eq!(read, file);
        Draft::of(&read.settings, read.chosen.as_ref())
    }

    /// A valid value, with no more digits than the JSON reader is exact for.
    fn value(card: &'static SettingCard) -> BoxedStrategy<f64> {
        let (least, most) = (card.least, card.most);
        match card.kind {
            Kind::Whole => (least as u64..=most as u64)
                .prop_map(|value| value as f64)
                .boxed(),
            Kind::Real | Kind::Share => (least..=most)
                .prop_map(move |value| ((value * 1e12).round() / 1e12).clamp(least, most))
                .boxed(),
        }
    }

    /// Whatever can be chosen, with the texts that `typed_as` makes.
    fn drafts<S: Strategy<Value = String> + 'static>(
        typed_as: impl Fn(&'static SettingCard) -> S,
    ) -> impl Strategy<Value = Draft> {
        let texts: Vec<_> = typed()
            .map(|(card, ..)| typed_as(card).prop_map(move |text| (card.id, text)))
            .collect();
        let switched = prop::collection::vec((0..VARIATIONS.len(), any::<bool>()), 0..12);
        let choices = (any::<bool>(), any::<bool>(), 0..9u32, any::<bool>());
        (texts, switched, choices).prop_map(|(texts, switched, choices)| {
            let (is_linear, balance_classes, unfrozen, is_varied) = choices;
            let mut draft = Draft {
                head: if is_linear {
                    Head::Linear
                } else {
                    Head::Hidden
                },
                balance_classes,
                unfrozen,
                is_varied,
                ..Draft::default()
            };
            for (setting, text) in texts {
                draft.set(setting, text);
            }
            for (at, is_on) in switched {
                draft.switch(VARIATIONS[at].id, is_on);
            }
            draft
        })
    }

    proptest! {
        #[test]
        fn a_saved_project_brings_back_every_choice(
            draft in drafts(|card| value(card).prop_map(|value| value.to_string()))
        ) {
            prop_assert_eq!(opened(&draft), draft.clone());
            let kept = serde_json::to_string(&draft).expect("is plain data");
            prop_assert_eq!(headstart_wire::from_json::<Draft>(&kept).expect("was just written"), draft);
        }

        #[test]
        fn however_it_was_typed_the_values_come_back(
            mut draft in drafts(|card| prop_oneof![
                value(card).prop_map(|value| format!(" {value} ")),
                value(card).prop_map(|value| format!("{value:e}")),
            ]),
            others in prop::collection::vec(prop::option::of("[a-z0-9.-]{0,3}"), Setting::COUNT),
        ) {
            // Where nothing counts there may be anything.
            for ((card, section, _), other) in typed().zip(others) {
                if let Some(other) = other.filter(|_| !draft.counts(section)) {
                    draft.set(card.id, other);
                }
            }
            let settings = draft.parse();
            prop_assert!(settings.is_ok());
            let again = opened(&draft);
            prop_assert_eq!(again.parse(), settings);
            for (card, ..) in typed() {
                let value = draft.value(card.id).unwrap_or(card.default);
                prop_assert_eq!(again.value(card.id), Ok(value));
            }
            prop_assert_eq!(opened(&again), again);
        }
    }
}
