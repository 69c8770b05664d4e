//! Cross-validation: every image predicted once, by a model that has not learnt from it.

use burn::tensor::Device;
use headstart_project::{CrossValidation, EpochMetrics, TrainError, TrainSettings};

use crate::{
    ClassImages, Embedded, Examples, Host, Interrupted, check_classes, evaluate, fit, folds, group,
    logits, run::check_settings,
};

/// Out-of-fold predictions of all training images.
pub(crate) struct OutOfFold {
    /// The images, class by class.
    pub examples: Examples,
    /// The fold that each image was held out of.
    pub fold_of: Vec<usize>,
    /// `[examples, classes]`.
    pub logits: Vec<f32>,
}

/// Cuts the training images into `folds` parts and predicts each part by a head trained on the others.
/// Images that belong together are in one part. There are fewer folds when there are not enough images.
///
/// Within a fold nothing is held back, so the last epoch's head is the one that predicts: to choose the epoch by the images that are then predicted would flatter the result.
///
/// # Errors
/// When there is nothing to tell apart, a setting is out of range, the host cancels, or the device fails.
pub async fn cross_validate(
    classes: &[ClassImages],
    features: usize,
    settings: &TrainSettings,
    folds: u32,
    device: &Device,
    host: &impl Host,
) -> Result<CrossValidation, Interrupted> {
    let start_ms = host.now_ms();
    let found = out_of_fold(classes, features, settings, folds, device, host).await?;
    let evaluation = evaluate(&found.logits, &found.examples, classes.len(), 1.0);
    let count = found.fold_of.iter().max().map_or(0, |most| most + 1);
    let mut sums = vec![(0u32, 0u32); count];
    for (verdict, &fold) in evaluation.verdicts.iter().zip(&found.fold_of) {
        sums[fold].0 += u32::from(verdict.actual == verdict.predicted);
        sums[fold].1 += 1;
    }
    sums.retain(|&(_, total)| total > 0);
    let accuracies: Vec<f64> = sums
        .iter()
        .map(|&(right, total)| f64::from(right) / f64::from(total))
        .collect();
    let mean = accuracies.iter().sum::<f64>() / accuracies.len().max(1) as f64;
    let squares: f64 = accuracies.iter().map(|value| (value - mean).powi(2)).sum();
    Ok(CrossValidation {
        deviation: (squares / (accuracies.len().max(2) - 1) as f64).sqrt(),
        folds: accuracies,
        mean,
        evaluation,
        elapsed_ms: host.now_ms() - start_ms,
    })
}

/// Predicts every training image by a head that has not learnt from it.
///
/// # Errors
/// As [`cross_validate`].
pub(crate) async fn out_of_fold(
    classes: &[ClassImages],
    features: usize,
    settings: &TrainSettings,
    wanted_folds: u32,
    device: &Device,
    host: &impl Host,
) -> Result<OutOfFold, Interrupted> {
    check_settings(settings)?;
    check_classes(classes)?;
    let images: Vec<(usize, &Embedded)> = classes
        .iter()
        .enumerate()
        .flat_map(|(label, class)| class.train.iter().map(move |image| (label, image)))
        .collect();
    let all: Vec<&Embedded> = images.iter().map(|(_, image)| *image).collect();
    let labels: Vec<usize> = images.iter().map(|(label, _)| *label).collect();
    let groups = group(&all, host).await?;
    let count = (wanted_folds as usize).min(groups.count());
    if count < 2 {
        return Err(TrainError::TooFewGroups.into());
    }
    let fold_of = folds(&labels, &groups.of, classes.len(), count, settings.seed);

    let mut examples = Examples::new(features);
    for (label, image) in &images {
        examples.push(image.id, &image.embedding, *label);
    }
    let mut all_logits = vec![0.0; examples.len() * classes.len()];
    for fold in 0..count {
        let (held, learnt): (Vec<usize>, Vec<usize>) =
            (0..examples.len()).partition(|&index| fold_of[index] == fold);
        if held.is_empty() || learnt.is_empty() {
            continue;
        }
        let inner = Inner {
            host,
            fold: fold as u32,
            folds: count as u32,
            epochs: settings.epochs,
        };
        let none = Examples::new(features);
        let fitted = fit(
            &examples.subset(&learnt),
            &none,
            classes.len(),
            settings,
            device,
            &inner,
        )
        .await?;
        let output = logits(&fitted.head, &examples.subset(&held), device).await?;
        for (&index, logits) in held.iter().zip(output.chunks_exact(classes.len())) {
            all_logits[index * classes.len()..][..classes.len()].copy_from_slice(logits);
        }
    }
    Ok(OutOfFold {
        examples,
        fold_of,
        logits: all_logits,
    })
}

/// A training within an analysis: its epochs are the analysis' progress.
struct Inner<'a, H> {
    host: &'a H,
    fold: u32,
    folds: u32,
    epochs: u32,
}

impl<H: Host> Host for Inner<'_, H> {
    fn now_ms(&self) -> f64 {
        self.host.now_ms()
    }

    fn is_cancelled(&self) -> bool {
        self.host.is_cancelled()
    }

    async fn pause(&self) {
        self.host.pause().await;
    }

    fn report_epoch(&self, metrics: EpochMetrics, _remaining_ms: f64) {
        let done = self.fold * self.epochs + metrics.epoch;
        self.host.report_progress(done, self.folds * self.epochs);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use headstart_project::SampleId;

    use super::*;
    use crate::{host::testing::Recorder, testing::blobs};

    fn settings() -> TrainSettings {
        TrainSettings {
            epochs: 8,
            hidden_units: 0,
            learning_rate: 0.01,
            ..TrainSettings::default()
        }
    }

    #[test]
    fn every_image_is_predicted_once_and_well() {
        let classes = blobs(3, 12, 16, 1);
        let host = Recorder::default();
        let device = Device::flex();
        let settings = settings();
        let found = cross_validate(&classes, 16, &settings, 5, &device, &host);
        let found = pollster::block_on(found).expect("runs");
        let ids: BTreeSet<SampleId> = found.evaluation.verdicts.iter().map(|v| v.id).collect();
        assert_eq!((ids.len(), found.evaluation.verdicts.len()), (36, 36));
        assert_eq!(found.folds.len(), 5);
        assert!(found.mean > 0.9, "{found:?}");
        assert_eq!(host.progress.borrow().last(), Some(&(40, 40)));
    }

    #[test]
    fn it_stops_when_it_is_to() {
        let host = Recorder::default();
        host.pauses_left.set(60);
        let device = Device::flex();
        let classes = blobs(3, 12, 16, 1);
        let settings = settings();
        let found = cross_validate(&classes, 16, &settings, 5, &device, &host);
        assert_eq!(
            pollster::block_on(found).err(),
            Some(Interrupted::Cancelled)
        );
    }

    #[test]
    fn too_little_is_told() {
        let host = Recorder::default();
        let device = Device::flex();
        let mut classes = blobs(2, 1, 16, 1);
        let settings = settings();
        let found = cross_validate(&classes, 16, &settings, 5, &device, &host);
        assert_eq!(pollster::block_on(found).expect("runs").folds.len(), 2);
        classes.truncate(1);
        let settings = settings();
        let found = cross_validate(&classes, 16, &settings, 5, &device, &host);
        let error = pollster::block_on(found).err();
        assert_eq!(error, Some(TrainError::TooFewClasses.into()));
    }
}
