//! What one press of Train does, from embeddings to results.

use burn::tensor::Device;
use headstart_backbones::Tail;
use headstart_project::{TrainOutcome, TrainSettings};

use crate::data::examples::check_classes;
use crate::data::parts::{Parts, with_copies};
use crate::experiment::measure::{Said, measure};
use crate::{ClassImages, Copies, Deeper, Fitted, Host, Interrupted, Model, fit};

/// A finished run.
#[derive(Debug)]
pub struct Trained {
    /// The model, ready to predict.
    pub model: Model,
    /// The trained last blocks of the backbone, if it was fine-tuned: the model belongs to the backbone with this tail.
    pub tail: Option<Tail>,
    /// The results; of the timings, only the training time is filled in.
    pub outcome: TrainOutcome,
}

/// Splits, trains a head and evaluates. Images that belong together stay on one side of the split.
///
/// # Errors
/// When there is nothing to tell apart, a setting is out of range, the host cancels, or the device fails.
pub async fn train(
    classes: &[ClassImages],
    features: usize,
    settings: &TrainSettings,
    device: &Device,
    host: &impl Host,
) -> Result<Trained, Interrupted> {
    let none = Copies::new();
    train_more(classes, features, &none, None, settings, device, host).await
}

/// Splits, trains and evaluates like [`train`], with varied copies of the images and the last blocks of the backbone.
///
/// `copies` are learnt from together with their images and used for nothing else: nothing is measured on them.
/// With `deeper`, the last blocks are trained after the head, and everything is measured on their output.
///
/// # Errors
/// When there is nothing to tell apart, a setting is out of range, an image has no activations, the host cancels, or the device fails.
pub async fn train_more(
    classes: &[ClassImages],
    features: usize,
    copies: &Copies,
    deeper: Option<Deeper>,
    settings: &TrainSettings,
    device: &Device,
    host: &impl Host,
) -> Result<Trained, Interrupted> {
    settings.check()?;
    check_classes(classes)?;
    let start_ms = host.now_ms();
    let count = classes.len();
    let mut parts = Parts::split(classes, features, settings, host).await?;
    let varied = with_copies(&parts.train, copies);
    let mut fitted = fit(&varied, &parts.validation, count, settings, device, host).await?;
    let mut tail = None;
    if let Some(deeper) = deeper {
        let tuned = deeper.train(fitted, &parts, count, settings, host).await?;
        (fitted, parts, tail) = (tuned.fitted, tuned.parts, Some(tuned.tail));
    }
    let Fitted {
        head,
        history,
        best_epoch,
    } = fitted;

    let said = Said::by(&head, &parts, device).await?;
    let model = Model::calibrated(head, &parts.train, &parts.validation, &said.of_validation);
    let mut outcome = measure(&model, &parts, &said, host).await?;
    outcome.history = history;
    outcome.best_epoch = best_epoch;
    outcome.timings_ms.train = host.now_ms() - start_ms;
    Ok(Trained {
        model,
        tail,
        outcome,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use headstart_backbones::Backbone;
    use headstart_project::{BackboneId, FineTuneSettings, SampleId, TrainError};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::host::testing::Recorder;
    use crate::testing::blobs;
    use crate::{Activations, Embedded, embed, halves};

    const BOUNDARY: [usize; 3] = [192, 2, 2];

    /// Images in distinguishable classes, each with one varied copy, and their small activations before the last block of a backbone.
    fn images(tail: &Tail) -> (Vec<ClassImages>, Copies, Deeper) {
        let (device, host) = (Device::flex(), Recorder::default());
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let mut deeper = Deeper {
            tail: tail.clone(),
            boundary: BOUNDARY,
            activations: HashMap::new(),
            device: Device::flex(),
        };
        let mut copies = Copies::new();
        let mut next = 0;
        let mut image = |middle: &[f32], rng: &mut ChaCha8Rng| {
            next += 1;
            let id = SampleId(next);
            let mut all = Activations::new(BOUNDARY);
            for _ in 0..2 {
                let noisy = middle.iter().map(|it| it + rng.random_range(-1.0..1.0));
                all.push(id, halves(&noisy.collect::<Vec<f32>>()), 0);
            }
            let embedded = embed(tail, &all, &device, &host);
            let embedded = pollster::block_on(embedded).expect("embeds");
            let mut rows = embedded.rows().map(Arc::from);
            let embedding: Arc<[f32]> = rows.next().expect("has one");
            copies.insert(id, rows.collect());
            deeper.activations.insert(id, all.values);
            Embedded {
                id,
                embedding,
                burst: None,
                look: None,
            }
        };
        let classes = (0..3).map(|class| {
            let count = BOUNDARY.iter().product::<usize>();
            let middle: Vec<f32> = (0..count).map(|_| rng.random_range(-2.0..2.0)).collect();
            ClassImages {
                name: class.to_string(),
                train: (0..8).map(|_| image(&middle, &mut rng)).collect(),
                test: (0..4).map(|_| image(&middle, &mut rng)).collect(),
            }
        });
        let classes = classes.collect();
        (classes, copies, deeper)
    }

    fn settings() -> TrainSettings {
        TrainSettings {
            epochs: 3,
            fine_tuning: FineTuneSettings {
                blocks: 1,
                epochs: 2,
                patience: 0,
                ..FineTuneSettings::default()
            },
            ..TrainSettings::default()
        }
    }

    #[test]
    fn what_is_measured_is_what_the_tuned_backbone_says() {
        let backbone = Backbone::random(BackboneId::EfficientNetLite0, 1, &Device::flex());
        let (classes, copies, deeper) = images(&backbone.tail(1));
        let known = deeper.activations.clone();
        let (settings, device, host) = (settings(), Device::flex(), Recorder::default());
        let more = Some(deeper);
        let run = train_more(&classes, 1280, &copies, more, &settings, &device, &host);
        let trained = pollster::block_on(run).expect("trains");
        assert_eq!(trained.outcome.history.len(), 3 + 2);
        // Copies are not images: they are not counted anywhere.
        let split = trained.outcome.split;
        assert_eq!((split.train + split.validation, split.test), (24, 12));
        let tail = trained.tail.expect("is tuned");
        let test = trained.outcome.test.expect("has a test part");
        for verdict in &test.verdicts {
            let mut of = Activations::new(BOUNDARY);
            of.push(verdict.id, Arc::clone(&known[&verdict.id][0]), 0);
            let embedded = embed(&tail, &of, &device, &host);
            let embedded = pollster::block_on(embedded).expect("embeds");
            let judgement = trained.model.judge(&embedded.embeddings);
            let judgement = pollster::block_on(judgement).expect("judges");
            let said = judgement.probabilities[verdict.predicted as usize];
            assert!(
                (said - verdict.confidence).abs() < 1e-4,
                "{said} {verdict:?}"
            );
        }
    }

    #[test]
    fn an_image_without_activations_is_named_and_not_left_out() {
        let backbone = Backbone::random(BackboneId::EfficientNetLite0, 1, &Device::flex());
        let (classes, copies, mut deeper) = images(&backbone.tail(1));
        deeper.activations.remove(&classes[1].test[0].id);
        let (settings, device, host) = (settings(), Device::flex(), Recorder::default());
        let more = Some(deeper);
        let run = train_more(&classes, 1280, &copies, more, &settings, &device, &host);
        assert!(matches!(
            pollster::block_on(run),
            Err(Interrupted::Failed(TrainError::NotEmbedded { count: 1 }))
        ));
    }

    #[test]
    fn settings_out_of_range_are_refused_before_anything_is_done() {
        let mut settings = TrainSettings::default();
        settings.augmentation.crop = 0.0;
        let (device, host) = (Device::flex(), Recorder::default());
        let classes = blobs(2, 8, 4, 1);
        let refused = train(&classes, 4, &settings, &device, &host);
        assert!(matches!(
            pollster::block_on(refused),
            Err(Interrupted::Failed(TrainError::Setting { setting, .. })) if setting == "Crop"
        ));
    }
}
