//! Which backbone the project uses, which ones are available, and how earlier ones scored.

use std::rc::Rc;

use headstart_project::{
    BackboneChoice, BackboneId, InEightBits, MeasuredOn, SavedBackbone, counted,
};
use serde::{Deserialize, Serialize};

use super::State;
use super::run::Results;

/// Everything about backbones.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Backbones {
    /// The one that makes the project's embeddings.
    pub choice: BackboneChoice,
    /// Weights files that this browser keeps.
    pub kept: Rc<[KeptWeights]>,
    /// Backbones that do not come with every page, but with this one.
    pub on_site: Rc<[BackboneId]>,
    /// The last result on each backbone that the project has used before.
    pub past: Vec<PastResult>,
    /// Roughly how long the device takes for a million multiply-adds, in milliseconds.
    pub ms_per_million: Option<f64>,
}

/// A weights file that the user opened and this browser keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptWeights {
    pub choice: BackboneChoice,
    /// Of the file that was opened.
    pub name: String,
    /// Of the file that is kept.
    pub bytes: f64,
    /// With the fully connected layers behind the feature maps.
    pub has_hidden: bool,
    /// What was measured when the user wanted it in 8 bits instead of 16.
    #[serde(default)]
    pub in_8_bits: Option<InEightBits>,
}

/// How a model on another backbone scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PastResult {
    pub backbone: BackboneId,
    /// Blocks of it that were trained, too.
    pub unfrozen: u32,
    /// Images that it got right and images in all; absent when there was nothing to measure on.
    pub score: Option<(u32, u32)>,
    pub measured_on: Option<MeasuredOn>,
    /// Images that it learnt from.
    pub images: u32,
}

impl PastResult {
    pub fn of(results: &Results) -> Self {
        let outcome = &results.outcome;
        let on_test = outcome.test.as_ref().map(|it| (it, MeasuredOn::Test));
        let on_validation = outcome.validation.as_ref();
        let measured = on_test.or(on_validation.map(|it| (it, MeasuredOn::Validation)));
        Self {
            backbone: results.backbone,
            unfrozen: results.plan.request.settings.fine_tuning.blocks,
            score: measured.map(|(evaluation, _)| counted(&evaluation.confusion)),
            measured_on: measured.map(|(_, on)| on),
            images: outcome.split.train,
        }
    }
}

impl Backbones {
    /// The weights of this backbone that can be used here at once.
    pub fn here(&self, id: BackboneId) -> Option<BackboneChoice> {
        if let Some(kept) = self.kept_of(id) {
            return Some(kept.choice.clone());
        }
        let is_here = id.is_shipped() || self.on_site.contains(&id);
        BackboneChoice::of_site(id).filter(|_| is_here)
    }

    /// All that can be used here at once.
    pub fn all_here(&self) -> impl Iterator<Item = BackboneChoice> {
        BackboneId::ALL.into_iter().filter_map(|id| self.here(id))
    }

    /// The file that this browser keeps of a backbone.
    pub fn kept_of(&self, id: BackboneId) -> Option<&KeptWeights> {
        self.kept.iter().find(|kept| kept.choice.id == id)
    }

    /// How a project's file describes a choice.
    pub fn described(&self, choice: &BackboneChoice) -> SavedBackbone {
        let card = choice.id.card();
        let kept = self.kept_of(choice.id);
        let has_hidden = kept.is_some_and(|kept| kept.choice == *choice && kept.has_hidden);
        let hidden = card.hidden_features.filter(|_| has_hidden);
        SavedBackbone {
            name: card.name.into(),
            sha256: choice.sha256.clone(),
            features: hidden.unwrap_or(card.features),
        }
    }
}

impl State {
    /// From now on another backbone makes the embeddings. Of what the previous one made, only its score is kept.
    pub(super) fn set_backbone(&mut self, choice: BackboneChoice) {
        if self.backbones.choice == choice {
            return;
        }
        if let Some(results) = self.results.take() {
            let past = PastResult::of(&results);
            self.backbones
                .past
                .retain(|it| it.backbone != past.backbone);
            self.backbones.past.push(past);
        }
        self.news = Some(format!("{} looks at your images now.", choice.id.title()));
        self.backbones.choice = choice;
        self.threshold = None;
        self.settings.unfrozen = 0;
        self.analyses.begin_anew();
        self.engine.image_ms = None;
        self.engine.backbone = None;
        self.engine.unfreezing = Rc::default();
    }
}

#[cfg(test)]
mod tests {
    use headstart_project::DevicePreference;

    use super::*;

    fn kept(id: BackboneId) -> KeptWeights {
        KeptWeights {
            choice: BackboneChoice {
                id,
                sha256: "ab".into(),
            },
            name: "vgg16.pth".into(),
            bytes: 3e7,
            has_hidden: true,
            in_8_bits: None,
        }
    }

    #[test]
    fn a_backbone_is_here_when_it_came_with_the_page_or_was_opened() {
        let mut backbones = Backbones::default();
        let ids = |backbones: &Backbones| -> Vec<_> {
            backbones.all_here().map(|choice| choice.id).collect()
        };
        let shipped = [BackboneId::EfficientNetLite0, BackboneId::SqueezeNet11];
        assert_eq!(ids(&backbones), shipped);
        backbones.kept = [kept(BackboneId::Vgg16)].into();
        assert_eq!(
            ids(&backbones),
            [&shipped[..], &[BackboneId::Vgg16]].concat()
        );
        let choice = backbones.here(BackboneId::Vgg16).expect("is here");
        assert_eq!(backbones.described(&choice).features, 4096);
    }

    #[test]
    fn another_backbone_ends_what_the_one_before_made() {
        let mut state = State::new(DevicePreference::Auto);
        state.settings.unfrozen = 3;
        state.threshold = Some(0.5);
        state.set_backbone(BackboneChoice::default());
        assert_eq!(state.settings.unfrozen, 3, "the same one changes nothing");
        state.set_backbone(kept(BackboneId::Vgg16).choice);
        assert_eq!(state.settings.unfrozen, 0);
        assert_eq!(state.threshold, None);
        assert!(state.backbones.past.is_empty(), "nothing had been trained");
    }
}
