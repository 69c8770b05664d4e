//! One press of Train, from embeddings to results.

use std::sync::Arc;

use burn::tensor::Device;
use headstart_project::{SampleId, SplitCounts, Timings, TrainError, TrainOutcome, TrainSettings};

use crate::{Examples, Head, Host, Interrupted, evaluate, fit, split};

/// A class's images with their embeddings.
#[derive(Clone, Debug)]
pub struct ClassImages {
    /// The class's name, for messages.
    pub name: String,
    /// To learn from; the split holds some back.
    pub train: Vec<(SampleId, Arc<[f32]>)>,
    /// To measure on.
    pub test: Vec<(SampleId, Arc<[f32]>)>,
}

/// A finished run.
#[derive(Debug)]
pub struct Trained {
    /// The head, ready to predict.
    pub head: Head,
    /// What came of it; only the training time is filled in among the timings.
    pub outcome: TrainOutcome,
}

/// Splits, trains and evaluates.
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
    if classes.len() < 2 {
        return Err(TrainError::TooFewClasses.into());
    }
    if let Some(empty) = classes.iter().find(|class| class.train.is_empty()) {
        return Err(TrainError::EmptyClass {
            class: empty.name.clone(),
        }
        .into());
    }
    let start_ms = host.now_ms();
    let [mut learnt, mut held_back, mut test] = [(); 3].map(|()| Examples::new(features));
    for (label, class) in classes.iter().enumerate() {
        let parts = split(
            class.train.len(),
            settings.validation_share,
            settings.seed,
            label,
        );
        for (indices, examples) in [
            (&parts.train, &mut learnt),
            (&parts.validation, &mut held_back),
        ] {
            for &index in indices {
                let (id, embedding) = &class.train[index];
                examples.push(*id, embedding, label);
            }
        }
        for (id, embedding) in &class.test {
            test.push(*id, embedding, label);
        }
    }
    let fitted = fit(&learnt, &held_back, classes.len(), settings, device, host).await?;
    let mut evaluations = [None, None];
    for (evaluation, examples) in evaluations.iter_mut().zip([&held_back, &test]) {
        if !examples.is_empty() {
            *evaluation = Some(evaluate(&fitted.head, examples, classes.len(), device).await?);
        }
    }
    let [validation, test_evaluation] = evaluations;
    Ok(Trained {
        head: fitted.head,
        outcome: TrainOutcome {
            history: fitted.history,
            best_epoch: fitted.best_epoch,
            split: SplitCounts {
                train: learnt.len() as u32,
                validation: held_back.len() as u32,
                test: test.len() as u32,
            },
            validation,
            test: test_evaluation,
            timings_ms: Timings {
                train: host.now_ms() - start_ms,
                ..Timings::default()
            },
        },
    })
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
