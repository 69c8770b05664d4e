//! How much a run's model is worth.

use burn::tensor::Device;
use headstart_project::{Calibration, MeasuredOn, SplitCounts, Timings, TrainOutcome};

use crate::data::parts::Parts;
use crate::{Examples, Head, Host, Interrupted, Model, baselines, evaluate, logits, reliability};

/// What a head says about the images that it has not learnt from, as logits `[images, classes]`.
pub(crate) struct Said {
    pub of_validation: Vec<f32>,
    pub of_test: Vec<f32>,
}

impl Said {
    /// Asks the head.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn by(head: &Head, parts: &Parts, device: &Device) -> Result<Self, Interrupted> {
        Ok(Self {
            of_validation: logits(head, &parts.validation, device).await?,
            of_test: logits(head, &parts.test, device).await?,
        })
    }
}

/// Measures a model on the test images or, without any, on the validation images.
/// The run fills in history, best epoch and timings.
///
/// # Errors
/// When the host cancels.
pub(crate) async fn measure(
    model: &Model,
    parts: &Parts,
    said: &Said,
    host: &impl Host,
) -> Result<TrainOutcome, Interrupted> {
    let (classes, temperature) = (model.head.classes(), model.temperature);
    let part = |examples: &Examples, logits: &[f32]| {
        (!examples.is_empty()).then(|| evaluate(logits, examples, classes, temperature))
    };
    let mut outcome = TrainOutcome {
        history: Vec::new(),
        best_epoch: 0,
        split: SplitCounts {
            train: parts.train.len() as u32,
            validation: parts.validation.len() as u32,
            test: parts.test.len() as u32,
        },
        validation: part(&parts.validation, &said.of_validation),
        test: part(&parts.test, &said.of_test),
        not_held_back: parts.not_held_back.iter().map(|&it| it as u32).collect(),
        calibration: None,
        baselines: None,
        unknowns: None,
        timings_ms: Timings::default(),
    };
    let (measured_on, examples, logits) = if !parts.test.is_empty() {
        (MeasuredOn::Test, &parts.test, &said.of_test)
    } else if !parts.validation.is_empty() {
        let (examples, logits) = (&parts.validation, &said.of_validation);
        (MeasuredOn::Validation, examples, logits)
    } else {
        return Ok(outcome);
    };
    outcome.calibration = Some(Calibration {
        temperature,
        measured_on,
        before: reliability(logits, &examples.labels, classes, 1.0),
        after: reliability(logits, &examples.labels, classes, temperature),
    });
    let simplest = baselines(&parts.train, examples, classes, measured_on, host).await?;
    outcome.baselines = Some(simplest);
    let familiarity = &model.familiarity;
    let unknowns = familiarity.report(examples, measured_on, model.threshold, host);
    outcome.unknowns = Some(unknowns.await?);
    Ok(outcome)
}
