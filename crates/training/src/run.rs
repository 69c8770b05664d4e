//! One press of Train, from embeddings to results.

use burn::tensor::Device;
use headstart_project::{
    Calibration, MeasuredOn, SplitCounts, Timings, TrainError, TrainOutcome, TrainSettings,
};

use crate::{
    ClassImages, Embedded, Examples, Familiarity, Host, Interrupted, Model, baselines, evaluate,
    fit, fit_temperature, group, logits, reliability, split,
};

/// A finished run.
#[derive(Debug)]
pub struct Trained {
    /// The model, ready to predict.
    pub model: Model,
    /// What came of it; only the training time is filled in among the timings.
    pub outcome: TrainOutcome,
}

/// Splits, trains and evaluates. Images that belong together are on one side of the split.
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
    let (learnt, held_back) = (pick(&parts.train), pick(&parts.validation));
    let mut test = Examples::new(features);
    for (label, class) in classes.iter().enumerate() {
        for image in &class.test {
            test.push(image.id, &image.embedding, label);
        }
    }

    let count = classes.len();
    let fitted = fit(&learnt, &held_back, count, settings, device, host).await?;
    let held_back_logits = logits(&fitted.head, &held_back, device).await?;
    let test_logits = logits(&fitted.head, &test, device).await?;
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
        history: fitted.history,
        best_epoch: fitted.best_epoch,
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
            head: fitted.head,
            temperature,
            familiarity,
            threshold,
        },
        outcome,
    })
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
