//! One press of Train, from embeddings to results.

use std::collections::HashMap;
use std::sync::Arc;

use burn::tensor::Device;
use half::f16;
use headstart_backbones::Tail;
use headstart_project::{
    Calibration, MeasuredOn, SampleId, SplitCounts, Timings, TrainError, TrainOutcome,
    TrainSettings,
};

use crate::{
    Activations, ClassImages, Embedded, Examples, Familiarity, Host, Interrupted, Model, baselines,
    embed, evaluate, fine_tune, fit, fit_temperature, group, logits, reliability, split,
};

/// A finished run.
#[derive(Debug)]
pub struct Trained {
    /// The model, ready to predict.
    pub model: Model,
    /// The trained last blocks of the backbone, when it was fine-tuned: the model belongs to the backbone with this end.
    pub tail: Option<Tail>,
    /// What came of it; only the training time is filled in among the timings.
    pub outcome: TrainOutcome,
}

/// Embeddings of the varied copies of images.
pub type Copies = HashMap<SampleId, Vec<Arc<[f32]>>>;

/// What fine-tuning needs beside the embeddings.
#[derive(Debug)]
pub struct Deeper {
    /// The pretrained last blocks.
    pub tail: Tail,
    /// Channels, height and width of an image's activations before them.
    pub boundary: [usize; 3],
    /// The activations of every image of the run, first those of the image itself, then those of its varied copies.
    pub activations: HashMap<SampleId, Vec<Arc<[f16]>>>,
    /// Where the last blocks are trained.
    pub device: Device,
}

/// Splits, trains a head and evaluates. Images that belong together are on one side of the split.
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

/// Splits, trains and evaluates as [`train`], with varied copies of the images and the last blocks of the backbone.
///
/// `copies` are learnt from together with their images, and are nowhere else: nothing is measured on them.
/// With `deeper`, the head's training is followed by that of the last blocks, and everything is measured on what comes out of those.
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
    let images: Vec<(usize, &Embedded)> = classes
        .iter()
        .enumerate()
        .flat_map(|(label, class)| class.train.iter().map(move |image| (label, image)))
        .collect();
    let all: Vec<&Embedded> = images.iter().map(|(_, image)| *image).collect();
    let labels: Vec<usize> = images.iter().map(|(label, _)| *label).collect();
    let groups = group(&all, host).await?;
    let parts = split(
        &labels,
        &groups.of,
        classes.len(),
        settings.validation_share,
        settings.seed,
    );
    let pick = |indices: &[usize]| {
        let mut examples = Examples::new(features);
        for &index in indices {
            let (label, image) = images[index];
            examples.push(image.id, &image.embedding, label);
        }
        examples
    };
    let (mut learnt, mut held_back) = (pick(&parts.train), pick(&parts.validation));
    let mut test = Examples::new(features);
    for (label, class) in classes.iter().enumerate() {
        for image in &class.test {
            test.push(image.id, &image.embedding, label);
        }
    }

    let count = classes.len();
    let varied = with_copies(&learnt, copies);
    let fitted = fit(&varied, &held_back, count, settings, device, host).await?;
    let (mut head, mut history, mut best_epoch) = (fitted.head, fitted.history, fitted.best_epoch);
    let mut tail = None;
    if let Some(deeper) = deeper {
        let [learnt_from, held_back_from, tested_from] =
            [(&learnt, true), (&held_back, false), (&test, false)]
                .map(|(examples, is_varied)| deeper.activations(examples, is_varied));
        let (learnt_from, held_back_from, tested_from) =
            (learnt_from?, held_back_from?, tested_from?);
        let device = &deeper.device;
        let tuned = fine_tune(
            deeper.tail,
            head,
            &learnt_from,
            &held_back_from,
            count,
            settings,
            device,
            host,
        )
        .await?;
        let originals = learnt_from.originals();
        learnt = embed(&tuned.tail, &originals, device, host).await?;
        held_back = embed(&tuned.tail, &held_back_from, device, host).await?;
        test = embed(&tuned.tail, &tested_from, device, host).await?;
        history.extend(tuned.history);
        if tuned.best_epoch > 0 {
            best_epoch = settings.epochs + tuned.best_epoch;
        }
        // A head is so small that the CPU is always the fastest place for it.
        head = tuned.head.to_cpu().await?;
        tail = Some(tuned.tail);
    }
    let held_back_logits = logits(&head, &held_back, device).await?;
    let test_logits = logits(&head, &test, device).await?;
    let temperature = fit_temperature(&held_back_logits, &held_back.labels, count);
    let familiarity = Familiarity::fit(&learnt, count);
    let held_back_scores: Vec<f32> = held_back.rows().map(|row| familiarity.score(row)).collect();
    let threshold = familiarity.threshold(&familiarity.leave_out(&learnt), &held_back_scores);

    let measured = match (test.is_empty(), held_back.is_empty()) {
        (false, _) => Some((MeasuredOn::Test, &test, &test_logits)),
        (true, false) => Some((MeasuredOn::Validation, &held_back, &held_back_logits)),
        (true, true) => None,
    };
    let (baselines, unknowns) = match measured {
        Some((measured_on, examples, _)) => (
            Some(baselines(&learnt, examples, count, measured_on, host).await?),
            Some(
                familiarity
                    .report(examples, measured_on, threshold, host)
                    .await?,
            ),
        ),
        None => (None, None),
    };
    let part = |logits: &[f32], examples: &Examples| {
        (!examples.is_empty()).then(|| evaluate(logits, examples, count, temperature))
    };
    let outcome = TrainOutcome {
        history,
        best_epoch,
        split: SplitCounts {
            train: learnt.len() as u32,
            validation: held_back.len() as u32,
            test: test.len() as u32,
        },
        validation: part(&held_back_logits, &held_back),
        test: part(&test_logits, &test),
        not_held_back: parts
            .not_held_back
            .iter()
            .map(|&class| class as u32)
            .collect(),
        calibration: measured.map(|(measured_on, examples, logits)| Calibration {
            temperature,
            measured_on,
            before: reliability(logits, &examples.labels, count, 1.0),
            after: reliability(logits, &examples.labels, count, temperature),
        }),
        baselines,
        unknowns,
        timings_ms: Timings {
            train: host.now_ms() - start_ms,
            ..Timings::default()
        },
    };
    Ok(Trained {
        model: Model {
            head,
            temperature,
            familiarity,
            threshold,
        },
        tail,
        outcome,
    })
}

/// Examples with the copies of their images behind them.
fn with_copies(examples: &Examples, copies: &Copies) -> Examples {
    let mut all = examples.clone();
    for (&id, &label) in examples.ids.iter().zip(&examples.labels) {
        for copy in copies.get(&id).into_iter().flatten() {
            all.push(id, copy, label);
        }
    }
    all
}

impl Deeper {
    /// The activations of images, with those of their copies or without.
    fn activations(&self, of: &Examples, is_varied: bool) -> Result<Activations, TrainError> {
        let mut activations = Activations::new(self.boundary);
        for (&id, &label) in of.ids.iter().zip(&of.labels) {
            let Some(known) = self.activations.get(&id).filter(|known| !known.is_empty()) else {
                return Err(TrainError::NotEmbedded { count: 1 });
            };
            for values in known.iter().take(if is_varied { usize::MAX } else { 1 }) {
                activations.push(id, Arc::clone(values), label);
            }
        }
        Ok(activations)
    }
}

/// Checks that there is something to tell apart.
///
/// # Errors
/// [`TrainError::TooFewClasses`] or [`TrainError::EmptyClass`].
pub(crate) fn check_classes(classes: &[ClassImages]) -> Result<(), TrainError> {
    if classes.len() < 2 {
        return Err(TrainError::TooFewClasses);
    }
    match classes.iter().find(|class| class.train.is_empty()) {
        Some(empty) => Err(TrainError::EmptyClass {
            class: empty.name.clone(),
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use headstart_backbones::Backbone;
    use headstart_project::{BackboneId, FineTuneSettings};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::halves;
    use crate::host::testing::Recorder;
    use crate::testing::blobs;

    const BOUNDARY: [usize; 3] = [192, 2, 2];

    /// Small activations before the last block of a backbone, in classes that can be told apart, each with one varied copy; and the images that belong to them.
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
        // Copies are no images: they count nowhere.
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
    fn copies_stand_behind_the_images_that_are_learnt_from() {
        let classes = blobs(2, 3, 4, 1);
        let examples = crate::testing::examples_of(&classes);
        let copies = Copies::from([
            (
                examples.ids[1],
                vec![Arc::from([9.0; 4]), Arc::from([8.0; 4])],
            ),
            // Of an image that is held back.
            (SampleId(999), vec![Arc::from([7.0; 4])]),
        ]);
        let varied = with_copies(&examples, &copies);
        assert_eq!(varied.len(), examples.len() + 2);
        assert_eq!(varied.labels[6..], [examples.labels[1]; 2]);
        assert_eq!(
            varied.embeddings[24..],
            [9.0, 9.0, 9.0, 9.0, 8.0, 8.0, 8.0, 8.0]
        );
    }

    #[test]
    fn settings_out_of_range_are_refused_before_anything_is_done() {
        let mut settings = TrainSettings::default();
        settings.augmentation.crop = 0.0;
        let (device, host) = (Device::flex(), Recorder::default());
        let refused = train(&blobs(2, 8, 4, 1), 4, &settings, &device, &host);
        assert!(matches!(
            pollster::block_on(refused),
            Err(Interrupted::Failed(TrainError::Setting { setting, .. })) if setting == "Crop"
        ));
    }
}
