//! Training the last blocks of the backbone together with the head.
//!
//! The frozen blocks are run once for each image, and their output is kept ([`Activations`]); so a step costs only as much as the blocks that are trained.
//!
//! Batch norm is folded into our backbones' weights.
//! Where the original network computes `scale · (w * x - mean) / deviation + shift`, ours computes `(scale · w / deviation) * x + (shift - scale · mean / deviation)`.
//! So fine-tuning trains scale and shift as part of weight and bias, and the statistics, mean and deviation, stay as they were in pretraining, as with frozen batch norm elsewhere.
//! That is desirable for few images, whose own statistics would be mostly chance.

use burn::module::Module;
use burn::tensor::Device;
use headstart_backbones::Tail;
use headstart_project::{EpochMetrics, FineTuneSettings, TrainSettings};

use crate::deeper::kept::Kept;
use crate::deeper::pieces::{MOST_AT_ONCE, piece};
use crate::deeper::schedule::progress;
use crate::deeper::trainee::Trainee;
use crate::head::batches::{Batch, Batches};
use crate::head::tally::Tally;
use crate::head::targets::{Targets, class_weights};
use crate::host::{pause, report_epoch, values};
use crate::{Activations, Head, Host, Interrupted};

/// The result of fine-tuning.
#[derive(Debug)]
pub struct FineTuned {
    /// The last blocks after the best epoch, without gradients.
    pub tail: Tail,
    /// The head after the best epoch.
    pub head: Head,
    /// One entry per epoch, numbered on from those of the head's own training.
    pub history: Vec<EpochMetrics>,
    /// The epoch that is kept, counted from 1; 0 if none was good enough compared with the head alone.
    pub best_epoch: u32,
}

/// Trains `tail`, the last blocks of a backbone, together with a `head` that has already been trained.
///
/// The learning rate applies to the head and the last block; each block before it has a smaller one (Howard and Ruder, “Universal Language Model Fine-tuning for Text Classification”, ACL 2018, arXiv:1801.06146: discriminative fine-tuning).
/// It warms up linearly and then either falls along half a cosine or stays constant.
/// What is judged and kept is the running average of the weights (`average.rs`).
/// It keeps the last epoch whose validation accuracy is within one standard error of the highest, including that of the head alone; without validation images, it keeps the last.
/// A few dozen images cannot tell good epochs apart, and the last and smallest steps help the most.
/// The same arguments give the same result on the same device.
///
/// Both come back on `device`.
///
/// # Errors
/// When the host cancels, the loss diverges, or the device fails.
#[expect(clippy::too_many_arguments, reason = "they are the textbook's")]
pub async fn fine_tune(
    tail: Tail,
    head: Head,
    train: &Activations,
    validation: &Activations,
    classes: usize,
    settings: &TrainSettings,
    device: &Device,
    host: &impl Host,
) -> Result<FineTuned, Interrupted> {
    let tuning = &settings.fine_tuning;
    device.clone().autodiff().seed(settings.seed);
    let (tail, head) = (tail.to_device(device), head.valid().to_device(device));
    let lessons = Lessons {
        train,
        validation,
        weights: class_weights(&train.labels, classes, settings.balance_classes),
        piece: piece(&tail, train.shape, device),
        tuning,
        device,
        host,
    };
    let mut batches = Batches::new(train.len(), settings);
    let steps = batches.per_epoch() * tuning.epochs as usize;
    let mut step = 0;
    let judged = lessons.judge(&tail, &head).await?;
    let mut kept = Kept::new((tail.clone(), head.clone()), judged);
    let mut trainee = Trainee::new(tail, head, tuning);
    let mut history = Vec::new();
    let start_ms = host.now_ms();
    for epoch in 1..=tuning.epochs {
        let mut seen = Tally::default();
        for batch in batches.deal() {
            lessons.learn(&mut trainee, &batch, &mut seen).await?;
            trainee.step(tuning.learning_rate * progress(tuning, step, steps));
            step += 1;
        }
        let seen = seen.checked()?;
        let (tail, head) = trainee.averaged();
        let held_back = lessons.judge(&tail, &head).await?;
        let metrics = seen.metrics(settings.epochs + epoch, held_back.as_ref());
        history.push(metrics);
        kept.offer((tail, head), held_back);
        report_epoch(host, metrics, epoch, tuning.epochs, start_ms);
        if kept.is_stuck(tuning.patience) {
            break;
        }
    }
    let (tail, head) = kept.made;
    Ok(FineTuned {
        tail,
        head,
        history,
        best_epoch: kept.epoch,
    })
}

/// What stays the same from the first step to the last.
struct Lessons<'a, H> {
    train: &'a Activations,
    validation: &'a Activations,
    /// The weight of each class.
    weights: Vec<f32>,
    /// How many images go through at once.
    piece: usize,
    tuning: &'a FineTuneSettings,
    device: &'a Device,
    host: &'a H,
}

impl<H: Host> Lessons<'_, H> {
    /// Runs a batch forward and backward, piece by piece, and adds its answers to `seen`.
    async fn learn(
        &self,
        trainee: &mut Trainee,
        batch: &Batch,
        seen: &mut Tally,
    ) -> Result<(), Interrupted> {
        let device = self.device.clone().autodiff();
        let images = batch.images.iter();
        let labels: Vec<usize> = images.map(|&index| self.train.labels[index]).collect();
        let (rows, targets) = self.mixed(batch, &labels);
        let width = rows.len() / labels.len();
        for start in (0..labels.len()).step_by(self.piece) {
            let images = start..start.saturating_add(self.piece).min(labels.len());
            let piece = rows[images.start * width..images.end * width].to_vec();
            let output = trainee.forward(self.train.tensor(piece, &device));
            let loss = targets.cross_entropy(output.clone(), images.clone());
            trainee.backward(&loss);

            let output = values(output.inner()).await?;
            seen.add(&output, &labels[images], self.weights.len());
            pause(self.host).await?;
        }
        Ok(())
    }

    /// The activations of a batch and its targets; mixed, if the batch is.
    fn mixed(&self, batch: &Batch, labels: &[usize]) -> (Vec<f32>, Targets) {
        let rows = self.train.rows(&batch.images);
        let targets = Targets::new(labels, &self.weights).smoothed(self.tuning.label_smoothing);
        match &batch.mix {
            Some(mix) => (
                mix.rows(&rows, rows.len() / labels.len()),
                targets.mixed(mix),
            ),
            None => (rows, targets),
        }
    }

    /// The tally of the held-back images, if there are any.
    async fn judge(&self, tail: &Tail, head: &Head) -> Result<Option<Tally>, Interrupted> {
        if self.validation.is_empty() {
            return Ok(None);
        }
        let mut tally = Tally::default();
        let indices: Vec<usize> = (0..self.validation.len()).collect();
        for piece in indices.chunks(self.piece.min(MOST_AT_ONCE)) {
            let boundary = self.validation.batch(piece, self.device);
            let output = values(head.forward(tail.forward(boundary))).await?;
            let images = piece.iter();
            let labels: Vec<usize> = images.map(|&index| self.validation.labels[index]).collect();
            tally.add(&output, &labels, self.weights.len());
            pause(self.host).await?;
        }
        Ok(Some(tally))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::collections::BTreeMap;

    use headstart_backbones::Backbone;
    use headstart_project::Schedule;
    use safetensors::SafeTensors;

    use super::*;
    use crate::deeper::testing::{backbone, head, noise};
    use crate::host::testing::Recorder;
    use crate::{embed, logits};

    fn settings(epochs: u32) -> TrainSettings {
        TrainSettings {
            batch_size: 12,
            fine_tuning: FineTuneSettings {
                blocks: 2,
                epochs,
                // A lot has to happen in few steps, and nothing must hide it.
                learning_rate: 1e-3,
                label_smoothing: 0.0,
                averaging: 0.0,
                patience: 0,
                ..FineTuneSettings::default()
            },
            ..TrainSettings::default()
        }
    }

    /// Fine-tunes the last two blocks and a fresh head.
    fn run(
        train: &Activations,
        validation: &Activations,
        settings: &TrainSettings,
        host: &impl Host,
    ) -> Result<FineTuned, Interrupted> {
        run_with(head(3), train, validation, settings, host)
    }

    fn run_with(
        head: Head,
        train: &Activations,
        validation: &Activations,
        settings: &TrainSettings,
        host: &impl Host,
    ) -> Result<FineTuned, Interrupted> {
        let tail = backbone().tail(2);
        let device = Device::flex();
        pollster::block_on(fine_tune(
            tail, head, train, validation, 3, settings, &device, host,
        ))
    }

    /// How many of these images are right, and their mean loss.
    fn judged(tail: &Tail, head: &Head, images: &Activations) -> (u32, f64) {
        let (device, host) = (Device::flex(), Recorder::default());
        let examples = pollster::block_on(embed(tail, images, &device, &host)).expect("embeds");
        let logits = pollster::block_on(logits(head, &examples, &device)).expect("judges");
        let (mut right, mut loss) = (0, 0.0);
        for (row, &label) in logits.chunks_exact(3).zip(&images.labels) {
            let others = (0..3).filter(|&class| class != label);
            right += u32::from(others.clone().all(|class| row[class] < row[label]));
            let powers = others.map(|class| f64::from(row[class] - row[label]).exp());
            loss += powers.sum::<f64>().ln_1p();
        }
        (right, loss / images.len() as f64)
    }

    fn tensors(backbone: &Backbone) -> BTreeMap<String, Vec<u8>> {
        let file = pollster::block_on(backbone.to_safetensors()).expect("writes");
        let file = SafeTensors::deserialize(&file).expect("reads");
        let tensors = file.tensors().into_iter();
        tensors
            .map(|(name, view)| (name, view.data().to_vec()))
            .collect()
    }

    #[test]
    fn it_learns_one_batch_by_heart() {
        let none = Activations::new([192, 3, 3]);
        let mut settings = settings(40);
        settings.fine_tuning.schedule = Schedule::Constant;
        let tuned = run(&noise(12, 1), &none, &settings, &Recorder::default()).expect("trains");
        let last = tuned.history.last().expect("has epochs");
        assert!(last.train_loss < 0.02, "{}", last.train_loss);
        assert!(last.train_accuracy > 0.99);
        assert_eq!(tuned.best_epoch, 40);
    }

    #[test]
    fn frozen_weights_do_not_change_by_a_bit_and_all_others_do() {
        let none = Activations::new([192, 3, 3]);
        let tuned = run(&noise(12, 1), &none, &settings(2), &Recorder::default()).expect("trains");
        let before = backbone();
        let after = before.with_tail(tuned.tail);
        let (before, after) = (tensors(&before), tensors(&after));
        assert_eq!(before.len(), after.len());
        let mut changed = 0;
        for (name, values) in &before {
            let is_trained = ["blocks.14.", "blocks.15.", "head."]
                .iter()
                .any(|part| name.starts_with(part));
            assert_eq!(after[name] != *values, is_trained, "{name}");
            changed += usize::from(is_trained);
        }
        assert_eq!(changed, 6 + 6 + 2);
    }

    #[test]
    fn the_same_seed_gives_the_same_network() {
        let (train, validation) = (noise(14, 1), noise(5, 2));
        let mut settings = settings(2);
        settings.augmentation.mixup = 0.3;
        let (head, host) = (head(3), Recorder::default());
        let run = || run_with(head.clone(), &train, &validation, &settings, &host).expect("trains");
        let (one, two) = (run(), run());
        assert_eq!(one.history, two.history);
        let of = |tuned: FineTuned| tensors(&backbone().with_tail(tuned.tail));
        assert!(of(one) == of(two));
    }

    #[test]
    fn what_is_kept_is_the_average_of_the_weights() {
        let (train, none) = (noise(12, 1), Activations::new([192, 3, 3]));
        let embedded = |averaging: f64| {
            let mut settings = settings(8);
            settings.fine_tuning.averaging = averaging;
            let tuned = run(&train, &none, &settings, &Recorder::default()).expect("trains");
            let (device, host) = (Device::flex(), Recorder::default());
            let of = embed(&tuned.tail, &train, &device, &host);
            let history: Vec<f64> = tuned.history.iter().map(|it| it.train_loss).collect();
            let embeddings = pollster::block_on(of).expect("embeds").embeddings;
            (history, embeddings)
        };
        let (device, host) = (Device::flex(), Recorder::default());
        let before = backbone().tail(2);
        let before = embed(&before, &train, &device, &host);
        let before = pollster::block_on(before).expect("embeds").embeddings;
        let (newest, averaged) = (embedded(0.0), embedded(0.9));
        assert_eq!(newest.0, averaged.0, "training itself is the same");
        let way = |to: &[f32]| -> f64 {
            let squares = before.iter().zip(to).map(|(a, b)| f64::from(a - b).powi(2));
            squares.sum::<f64>().sqrt()
        };
        let (whole, part) = (way(&newest.1), way(&averaged.1));
        assert!(
            0.1 * whole < part && part < 0.95 * whole,
            "{part} of {whole}"
        );
    }

    #[test]
    fn smoothed_labels_keep_it_from_certainty() {
        let none = Activations::new([192, 3, 3]);
        let mut settings = settings(40);
        settings.fine_tuning.schedule = Schedule::Constant;
        settings.fine_tuning.label_smoothing = 0.3;
        let tuned = run(&noise(12, 1), &none, &settings, &Recorder::default()).expect("trains");
        let last = tuned.history.last().expect("has epochs");
        // The best possible answer gives the right one of three classes a probability of 0.8.
        assert!(
            (last.train_loss + 0.8_f64.ln()).abs() < 0.06,
            "{}",
            last.train_loss
        );
        assert!(last.train_accuracy > 0.99);
    }

    #[test]
    fn it_stops_when_it_is_told_to_and_pauses_within_an_epoch() {
        let host = Recorder::default();
        // One pause in the first judgement, and one in training.
        host.pauses_left.set(2);
        let stopped = run(&noise(12, 1), &noise(3, 2), &settings(50), &host);
        assert!(matches!(stopped, Err(Interrupted::Cancelled)));
    }

    #[test]
    fn without_progress_it_ends_early_and_keeps_what_was_best() {
        // Labels that say nothing: memorising the training images makes validation worse.
        let mut settings = settings(40);
        settings.fine_tuning.patience = 3;
        let (train, validation) = (noise(24, 1), noise(24, 7));
        let tuned = run(&train, &validation, &settings, &Recorder::default()).expect("trains");
        let before = judged(&backbone().tail(2), &head(3), &validation);
        let after = tuned.history.iter().map(|metrics| {
            let accuracy = metrics.validation_accuracy.expect("was judged");
            let loss = metrics.validation_loss.expect("was judged");
            ((accuracy * 24.0).round() as u32, loss)
        });
        let epochs: Vec<(u32, f64)> = [before].into_iter().chain(after).collect();
        let best = (0..epochs.len()).min_by(|&a, &b| {
            let ((right_a, loss_a), (right_b, loss_b)) = (epochs[a], epochs[b]);
            right_b.cmp(&right_a).then(loss_a.total_cmp(&loss_b))
        });
        let best = best.expect("has epochs");
        assert_eq!(tuned.history.len(), best + 3);
        // From 5 to 19 right of 24 the standard error is between 2 and 2.5 images.
        let (highest, _) = epochs[best];
        assert!((5..=19).contains(&highest), "{highest}");
        let kept = epochs.iter().rposition(|(right, _)| right + 2 >= highest);
        assert_eq!(Some(tuned.best_epoch as usize), kept);
        let (right, loss) = judged(&tuned.tail, &tuned.head, &validation);
        let expected = epochs[tuned.best_epoch as usize];
        assert_eq!(right, expected.0);
        assert!((loss - expected.1).abs() < 1e-4);
    }

    /// The display is told about every epoch.
    #[test]
    fn every_epoch_is_reported() {
        struct Epochs(Cell<u32>);
        impl Host for Epochs {
            fn now_ms(&self) -> f64 {
                0.0
            }
            fn is_cancelled(&self) -> bool {
                false
            }
            async fn pause(&self) {}
            fn report_epoch(&self, _metrics: EpochMetrics, _remaining_ms: f64) {
                self.0.set(self.0.get() + 1);
            }
        }
        let host = Epochs(Cell::new(0));
        let none = Activations::new([192, 3, 3]);
        run(&noise(6, 1), &none, &settings(3), &host).expect("trains");
        assert_eq!(host.0.get(), 3);
    }
}
