//! The ways to vary images that people switch on and off.

use serde::{Deserialize, Serialize};

use crate::AugmentSettings;

/// A way to vary images. Its name is part of kept projects and must never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the table says what each of them is")]
pub enum Variation {
    Flip,
    Crop,
    Turn,
    Color,
    Cover,
    Mix,
}

/// Everything there is to know about a way to vary images.
pub struct VariationCard {
    /// Which one.
    pub id: Variation,
    /// Its name on the page.
    pub label: &'static str,
    /// Whether it is chosen until the user changes it.
    pub is_default: bool,
    /// Whether images are varied in this way.
    pub is_in: fn(&AugmentSettings) -> bool,
    /// Switches it on, at its usual strength.
    pub add: fn(&mut AugmentSettings),
}

/// All ways to vary images, in the order of the page.
pub static VARIATIONS: [VariationCard; 6] = [
    VariationCard {
        id: Variation::Flip,
        label: "Mirror",
        is_default: true,
        is_in: |it| it.flip,
        add: |it| it.flip = true,
    },
    VariationCard {
        id: Variation::Crop,
        label: "Zoom in",
        is_default: true,
        is_in: |it| it.crop < 1.0,
        add: |it| it.crop = 0.6,
    },
    VariationCard {
        id: Variation::Turn,
        label: "Turn a little",
        is_default: false,
        is_in: |it| it.rotation_degrees > 0.0,
        add: |it| it.rotation_degrees = 15.0,
    },
    VariationCard {
        id: Variation::Color,
        label: "Change light and colour",
        is_default: false,
        is_in: |it| it.brightness > 0.0 || it.contrast > 0.0 || it.saturation > 0.0,
        add: |it| {
            it.brightness = 0.25;
            it.contrast = 0.25;
            it.saturation = 0.25;
        },
    },
    VariationCard {
        id: Variation::Cover,
        label: "Cover a part",
        is_default: false,
        is_in: |it| it.erase > 0.0,
        add: |it| it.erase = 0.25,
    },
    VariationCard {
        id: Variation::Mix,
        label: "Mix pairs (mixup)",
        is_default: false,
        is_in: |it| it.mixup > 0.0,
        add: |it| it.mixup = 0.2,
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TrainSettings;

    #[test]
    fn each_adds_itself_alone_and_stays_in_range() {
        for card in &VARIATIONS {
            let mut settings = TrainSettings::default();
            (card.add)(&mut settings.augmentation);
            assert_eq!(settings.check(), Ok(()), "{:?}", card.id);
            for other in &VARIATIONS {
                let is_in = (other.is_in)(&settings.augmentation);
                assert_eq!(is_in, other.id == card.id, "{:?}", other.id);
            }
        }
    }
}
