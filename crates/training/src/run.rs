//! One press of Train, from embeddings to results.

use std::{collections::HashMap, sync::Arc};

use burn::{module::Module, tensor::Device};
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
    check_settings(settings)?;
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
        head = tuned.head.to_device(&Device::flex());
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

/// Checks every setting against its range.
///
/// # Errors
/// [`TrainError::Setting`] for the first that is out of its range.
pub fn check_settings(settings: &TrainSettings) -> Result<(), TrainError> {
    let (tuning, varied) = (&settings.fine_tuning, &settings.augmentation);
    let ranges = [
        ("Epochs", f64::from(settings.epochs), 1.0, 10_000.0),
        ("Batch size", f64::from(settings.batch_size), 1.0, 4096.0),
        ("Learning rate", settings.learning_rate, 1e-7, 10.0),
        (
            "Hidden units",
            f64::from(settings.hidden_units),
            0.0,
            4096.0,
        ),
        ("Dropout", settings.dropout, 0.0, 0.9),
        ("Validation share", settings.validation_share, 0.0, 0.5),
        ("Fine-tuning epochs", f64::from(tuning.epochs), 1.0, 1000.0),
        ("Fine-tuning rate", tuning.learning_rate, 1e-7, 1.0),
        ("Rate decay", tuning.rate_decay, 0.01, 1.0),
        ("Warm-up", tuning.warm_up, 0.0, 1.0),
        ("Weight decay", tuning.weight_decay, 0.0, 1.0),
        ("Copies", f64::from(varied.copies), 0.0, 100.0),
        ("Crop", varied.crop, 0.05, 1.0),
        ("Rotation", varied.rotation_degrees, 0.0, 180.0),
        ("Brightness", varied.brightness, 0.0, 0.9),
        ("Contrast", varied.contrast, 0.0, 0.9),
        ("Saturation", varied.saturation, 0.0, 0.9),
        ("Erasing", varied.erase, 0.0, 0.5),
        ("Mixup", varied.mixup, 0.0, 1.0),
    ];
    for (setting, value, least, most) in ranges {
        // Written so that NaN is out of range.
        if !(least..=most).contains(&value) {
            return Err(TrainError::Setting {
                setting: setting.to_owned(),
                least: least.to_string(),
                most: most.to_string(),
            });
        }
    }
    Ok(())
}
