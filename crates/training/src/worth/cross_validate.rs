//! Cross-validation: every image predicted once, by a model that has not learnt from it.

use std::collections::BTreeSet;

use burn::tensor::Device;
use headstart_project::{CrossValidation, EpochMetrics, TrainError, TrainSettings};

use crate::data::examples::{check_classes, labelled};
use crate::{
    ClassImages, Examples, Host, Interrupted, evaluate, fit, fit_temperature, folds, group, logits,
};

/// What heads that have not learnt from a training image say about it, for all of them.
#[derive(Clone, Debug)]
pub struct OutOfFold {
    /// The images, class by class.
    pub examples: Examples,
    /// The fold that each image was held out of.
    pub fold_of: Vec<usize>,
    /// `[examples, classes]`.
    pub logits: Vec<f32>,
    /// The temperature at which the logits' probabilities fit the classes best.
    pub temperature: f64,
}

/// Cuts the training images into `folds` parts and predicts each part by a head trained on the others.
/// Images that belong together stay in one part. There are at least two parts, and no more than the class with the most groups has groups.
///
/// Within a fold nothing is held back, so it is the last epoch's head that predicts: choosing the epoch by the very images to be predicted would flatter the result.
///
/// # Errors
/// When there is nothing to tell apart, a setting is out of range, all images of a class belong together, the host cancels, or the device fails.
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
    let evaluation = evaluate(
        &found.logits,
        &found.examples,
        classes.len(),
        found.temperature,
    );
    let count = found.fold_of.iter().max().map_or(0, |most| most + 1);
    let mut sums = vec![(0u32, 0u32); count];
    for (verdict, &fold) in evaluation.verdicts.iter().zip(&found.fold_of) {
        sums[fold].0 += u32::from(verdict.actual == verdict.predicted);
        sums[fold].1 += 1;
    }
    let accuracies: Vec<f64> = sums
        .iter()
        .map(|&(right, total)| f64::from(right) / f64::from(total.max(1)))
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
/// The same as for [`cross_validate`].
pub async fn out_of_fold(
    classes: &[ClassImages],
    features: usize,
    settings: &TrainSettings,
    wanted_folds: u32,
    device: &Device,
    host: &impl Host,
) -> Result<OutOfFold, Interrupted> {
    settings.check()?;
    check_classes(classes)?;
    let (images, labels) = labelled(classes, |class| &class.train);
    let groups = group(&images, host).await?;
    let count = (wanted_folds as usize).min(most_groups(&labels, &groups.of, classes.len()));
    let count = count.max(2);
    let fold_of = folds(&labels, &groups.of, classes.len(), count, settings.seed);
    check_folds(classes, &labels, &fold_of)?;

    let examples = Examples::of(&images, &labels, features);
    let mut all_logits = vec![0.0; examples.len() * classes.len()];
    for fold in 0..count {
        let (held, learnt): (Vec<usize>, Vec<usize>) =
            (0..examples.len()).partition(|&index| fold_of[index] == fold);
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
        temperature: fit_temperature(&all_logits, &examples.labels, classes.len()),
        examples,
        fold_of,
        logits: all_logits,
    })
}

/// The number of groups in the class that has the most.
fn most_groups(labels: &[usize], groups: &[usize], classes: usize) -> usize {
    let mut of_class = vec![BTreeSet::new(); classes];
    for (&label, &group) in labels.iter().zip(groups) {
        of_class[label].insert(group);
    }
    of_class.iter().map(BTreeSet::len).max().unwrap_or(0)
}

/// Checks that every class has images in at least two folds: otherwise the head that predicts them would not have learnt the class at all.
fn check_folds(
    classes: &[ClassImages],
    labels: &[usize],
    fold_of: &[usize],
) -> Result<(), TrainError> {
    for (label, class) in classes.iter().enumerate() {
        let own = labels.iter().zip(fold_of);
        let own: BTreeSet<usize> = own
            .filter(|(it, _)| **it == label)
            .map(|(_, &fold)| fold)
            .collect();
        if own.len() < 2 {
            return Err(TrainError::OneGroup {
                class: class.name.clone(),
            });
        }
    }
    Ok(())
}

/// The host of a training within an analysis: its epochs are reported as the analysis's progress.
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

    use headstart_project::{BurstId, SampleId, wilson};

    use super::*;
    use crate::host::testing::Recorder;
    use crate::testing::blobs;

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
        let classes = blobs(3, 12, 32, 1);
        let host = Recorder::default();
        let device = Device::flex();
        let settings = settings();
        let found = cross_validate(&classes, 32, &settings, 5, &device, &host);
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
        let error_of = |classes: &[ClassImages]| {
            let (host, device) = (Recorder::default(), Device::flex());
            let settings = settings();
            let found = cross_validate(classes, 16, &settings, 5, &device, &host);
            pollster::block_on(found).err()
        };
        let mut classes = blobs(3, 6, 16, 1);
        assert_eq!(
            error_of(&classes[..1]),
            Some(TrainError::TooFewClasses.into())
        );
        for image in &mut classes[1].train {
            image.burst = Some(BurstId(4));
        }
        let class = classes[1].name.clone();
        assert_eq!(
            error_of(&classes),
            Some(TrainError::OneGroup { class }.into())
        );
        classes[1].train.clear();
        let class = classes[1].name.clone();
        assert_eq!(
            error_of(&classes),
            Some(TrainError::EmptyClass { class }.into())
        );
    }

    #[test]
    fn there_are_no_more_folds_than_groups() {
        let mut classes = blobs(2, 6, 16, 1);
        // Three recordings of two frames each.
        for (at, image) in classes.iter_mut().flat_map(|it| &mut it.train).enumerate() {
            image.burst = Some(BurstId(at as u32 / 2));
        }
        let (host, device, settings) = (Recorder::default(), Device::flex(), settings());
        let found = out_of_fold(&classes, 16, &settings, 5, &device, &host);
        let found = pollster::block_on(found).expect("runs");
        assert_eq!(found.fold_of.iter().max(), Some(&2));
        for frames in found.fold_of.chunks(2) {
            assert_eq!(frames[0], frames[1]);
        }
    }

    #[test]
    fn images_are_predicted_by_heads_that_have_not_learnt_them() {
        // Labels drawn at random: only a model that has seen an image can know its label.
        let mut classes = blobs(1, 60, 64, 1);
        let mut images = std::mem::take(&mut classes[0].train);
        let heads = images.split_off(30);
        let classes = [("Heads", heads), ("Tails", images)].map(|(name, train)| ClassImages {
            name: name.to_owned(),
            train,
            test: Vec::new(),
        });
        let (host, device) = (Recorder::default(), Device::flex());
        let settings = TrainSettings {
            epochs: 20,
            ..TrainSettings::default()
        };
        let found = cross_validate(&classes, 64, &settings, 5, &device, &host);
        let evaluation = pollster::block_on(found).expect("runs").evaluation;
        let right: u32 = (0..2).map(|class| evaluation.confusion[class][class]).sum();
        let [low, high] = wilson(right, 60);
        assert!(low <= 0.5 && 0.5 <= high, "{right} of 60");
    }
}
