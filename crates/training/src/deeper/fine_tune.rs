//! Training the last blocks of the backbone together with the head.
//!
//! The frozen blocks are run once for each image, and what comes out of them is kept ([`Activations`]); a step costs only what is trained.
//!
//! Batch norm: our backbones' weights have it folded in.
//! Where the original network computes `scale · (w * x - mean) / deviation + shift`, ours computes `(scale · w / deviation) * x + (shift - scale · mean / deviation)`.
//! So fine-tuning trains scale and shift as part of weight and bias, and the statistics, mean and deviation, stay those of the pretraining, as with frozen batch norm elsewhere.
//! That is what one wants for few images: their statistics would be mostly chance.

use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Gradients, Tensor};
use headstart_backbones::{Backbone, Layer, Tail};
use headstart_kernels::FusedAdam;
use headstart_project::{
    EpochMetrics, FineTuneSettings, Schedule, TrainError, TrainSettings, UnfreezeEstimate,
};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::deeper::average::Average;
use crate::head::fit::{Sum, Targets, class_weights};
use crate::head::mixup::Mix;
use crate::host::{internal, pause};
use crate::{Activations, Examples, Head, Host, Interrupted};

/// A batch is cut into pieces of about this many multiplications, between which other work gets through: on one CPU thread a tenth of a second.
/// Their gradients are added up, so that a step is the same as without cutting.
const PIECE_MULTIPLY_ADDS: u64 = 1_500_000_000;

/// The backward pass costs as much as two forward passes: one for the gradients by the input, one for those by the weights.
const PASSES_PER_STEP: u64 = 3;

/// What fine-tuning makes.
#[derive(Debug)]
pub struct FineTuned {
    /// The last blocks after the best epoch, without gradients.
    pub tail: Tail,
    /// The head after the best epoch.
    pub head: Head,
    /// One point an epoch, counted on from those of the head's own training.
    pub history: Vec<EpochMetrics>,
    /// The epoch that is kept, counted from 1 on; 0 when none was better than the head alone.
    pub best_epoch: u32,
}

/// Trains `tail`, the last blocks of a backbone, together with a `head` that is trained already.
///
/// The learning rate is that of the head and of the last block; each block before it has a smaller one (Howard and Ruder, “Universal Language Model Fine-tuning for Text Classification”, ACL 2018, arXiv:1801.06146: discriminative fine-tuning).
/// It warms up linearly and then falls along half a cosine, or stays.
/// What is judged and kept is the running average of the weights ([`Average`]).
/// Kept is the last epoch whose validation accuracy is not worse by more than its standard error than the highest, that of the head alone included; without validation images it is the last.
/// Some tens of images cannot tell good epochs apart, and the last steps, the smallest ones, bring the most.
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
    let autodiff = device.clone().autodiff();
    autodiff.seed(settings.seed);
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    let (tail, head) = (tail.to_device(device), head.valid().to_device(device));
    let piece = piece(&tail, train.shape, device);
    let weights = class_weights(&train.labels, classes, settings.balance_classes);
    let batch_size = settings.batch_size as usize;
    let mut order: Vec<usize> = (0..train.len()).collect();
    let steps = order.len().div_ceil(batch_size) * tuning.epochs as usize;
    let mut step = 0;

    let (mut best_epoch, mut risen_epoch) = (0, 0);
    let mut highest = judge(&tail, &head, validation, classes, piece, device, host).await?;
    let mut best = (tail.clone(), head.clone());
    let mut trained = Trained::new(tail, head, tuning);
    let mut history = Vec::new();
    let start_ms = host.now_ms();
    for epoch in 1..=tuning.epochs {
        order.shuffle(&mut rng);
        let mut seen = Sum::default();
        for batch in order.chunks(batch_size) {
            let labels: Vec<usize> = batch.iter().map(|&index| train.labels[index]).collect();
            let mut targets = Targets::new(&labels, &weights).smoothed(tuning.label_smoothing);
            let mix = Mix::draw(batch.len(), settings.augmentation.mixup, &mut rng);
            let mut rows = train.rows(batch);
            if let Some(mix) = mix {
                targets = targets.mixed(&mix);
                rows = mix.rows(&rows, rows.len() / batch.len());
            }
            let total = targets.total();
            let width = rows.len() / batch.len();
            for start in (0..batch.len()).step_by(piece) {
                let images = start..start.saturating_add(piece).min(batch.len());
                let rows = rows[images.start * width..images.end * width].to_vec();
                let output = trained.forward(train, rows, &autodiff);
                let loss = targets.cross_entropy(output.clone(), images.clone(), total);
                trained.collect(loss.backward());

                let output = output.inner().into_data_async().await.map_err(internal)?;
                let output: Vec<f32> = output.iter().collect();
                seen.add(&output, &labels[images], classes);
                pause(host).await?;
            }
            trained.step(tuning.learning_rate * progress(tuning, step, steps));
            step += 1;
        }
        if !seen.loss.is_finite() {
            return Err(TrainError::Diverged.into());
        }
        let (tail, head) = trained.averaged();
        let held_back = judge(&tail, &head, validation, classes, piece, device, host).await?;
        let metrics = EpochMetrics {
            epoch: settings.epochs + epoch,
            train_loss: seen.mean_loss(),
            train_accuracy: seen.accuracy(),
            validation_loss: held_back.as_ref().map(Sum::mean_loss),
            validation_accuracy: held_back.as_ref().map(Sum::accuracy),
        };
        history.push(metrics);
        let is_judged = held_back.is_some();
        let (is_as_good, is_better) = match (&held_back, &highest) {
            (Some(sum), Some(highest)) => (sum.is_as_good(highest), sum.is_better(highest)),
            _ => (true, true),
        };
        if is_as_good {
            best = (tail, head);
            best_epoch = epoch;
        }
        if is_better {
            highest = held_back;
            risen_epoch = epoch;
        }
        let elapsed_ms = host.now_ms() - start_ms;
        let left = f64::from(tuning.epochs - epoch) / f64::from(epoch);
        host.report_epoch(metrics, elapsed_ms * left);
        let is_stuck = tuning.patience > 0 && epoch - risen_epoch >= tuning.patience;
        if is_stuck && is_judged {
            break;
        }
    }
    let (tail, head) = best;
    Ok(FineTuned {
        tail,
        head,
        history,
        best_epoch,
    })
}

/// The network while it is trained.
struct Trained {
    tail: Tail,
    head: Head,
    averages: (Average<Tail>, Average<Head>),
    optimizer: ModuleOptimizer,
    rate_decay: f64,
    of_blocks: Vec<GradientsAccumulator<Layer>>,
    of_head: GradientsAccumulator<Head>,
}

impl Trained {
    fn new(tail: Tail, head: Head, settings: &FineTuneSettings) -> Self {
        let blocks = tail.len();
        let of = settings.averaging;
        Self {
            averages: (
                Average::new(tail.clone(), of),
                Average::new(head.clone(), of),
            ),
            tail: tail.trainable(),
            head: head.train(),
            optimizer: ModuleOptimizer::from(FusedAdam {
                weight_decay: settings.weight_decay as f32,
                ..FusedAdam::default()
            }),
            rate_decay: settings.rate_decay,
            of_blocks: (0..blocks).map(|_| GradientsAccumulator::new()).collect(),
            of_head: GradientsAccumulator::new(),
        }
    }

    /// Logits of some images' activations.
    fn forward(&self, like: &Activations, rows: Vec<f32>, device: &Device) -> Tensor<2> {
        let boundary = like.tensor(rows, device);
        self.head.forward(self.tail.forward(boundary))
    }

    /// Adds the gradients of a piece of the batch to those of the others.
    fn collect(&mut self, mut gradients: Gradients) {
        for (layer, sum) in self.tail.blocks().iter().zip(&mut self.of_blocks) {
            let of_layer = GradientsParams::from_module(&mut gradients, layer);
            sum.accumulate(layer, of_layer);
        }
        let of_head = GradientsParams::from_module(&mut gradients, &self.head);
        self.of_head.accumulate(&self.head, of_head);
    }

    /// Changes all weights by what has been collected.
    fn step(&mut self, learning_rate: f64) {
        let gradients = self.of_head.grads();
        let head = self.head.clone();
        self.head = self.optimizer.step(learning_rate, head, gradients);
        let (last, decay) = (self.of_blocks.len(), self.rate_decay);
        let (tail, optimizer, sums) = (self.tail.clone(), &mut self.optimizer, &mut self.of_blocks);
        self.tail = tail.map_blocks(|at, layer| {
            // The last convolution and the block before it are as deep as each other.
            let depth = (last - at).saturating_sub(2);
            let rate = learning_rate * decay.powi(depth as i32);
            optimizer.step(rate, layer, sums[at].grads())
        });
        self.averages.0.add(&self.tail.valid());
        self.averages.1.add(&self.head.valid());
    }

    /// The averages of both up to now, without gradients.
    fn averaged(&self) -> (Tail, Head) {
        (self.averages.0.mean(), self.averages.1.mean())
    }
}

/// How far the learning rate has come in this step: up to 1 in the warm-up, and then as the schedule says.
fn progress(settings: &FineTuneSettings, step: usize, steps: usize) -> f64 {
    let warm_up = (settings.warm_up * steps as f64).round() as usize;
    if step < warm_up {
        return (step + 1) as f64 / (warm_up + 1) as f64;
    }
    match settings.schedule {
        Schedule::Constant => 1.0,
        Schedule::Cosine => {
            let done = (step - warm_up) as f64 / (steps - warm_up).max(1) as f64;
            0.5 * (1.0 + (std::f64::consts::PI * done).cos())
        }
    }
}

/// Images that go through the trained blocks at once.
fn piece(tail: &Tail, shape: [usize; 3], device: &Device) -> usize {
    // A GPU's steps are short, and each piece has to be read back.
    if *device != Device::flex() {
        return usize::MAX;
    }
    let cost = tail.multiply_adds(shape[1]) * PASSES_PER_STEP;
    (PIECE_MULTIPLY_ADDS / cost.max(1)).max(1) as usize
}

/// Loss and accuracy on held-back images, if there are any.
async fn judge(
    tail: &Tail,
    head: &Head,
    images: &Activations,
    classes: usize,
    piece: usize,
    device: &Device,
    host: &impl Host,
) -> Result<Option<Sum>, Interrupted> {
    if images.is_empty() {
        return Ok(None);
    }
    let mut sum = Sum::default();
    let indices: Vec<usize> = (0..images.len()).collect();
    for piece in indices.chunks(piece.min(MOST_AT_ONCE)) {
        let output = head.forward(tail.forward(images.batch(piece, device)));
        let output = output.into_data_async().await.map_err(internal)?;
        let output: Vec<f32> = output.iter().collect();
        let labels: Vec<usize> = piece.iter().map(|&index| images.labels[index]).collect();
        sum.add(&output, &labels, classes);
        pause(host).await?;
    }
    Ok(Some(sum))
}

/// The most images that go through at once where nothing else bounds them.
const MOST_AT_ONCE: usize = 16;

/// Embeddings of images from their activations, by trained last blocks.
///
/// # Errors
/// When the host cancels or the device fails.
pub async fn embed(
    tail: &Tail,
    images: &Activations,
    device: &Device,
    host: &impl Host,
) -> Result<Examples, Interrupted> {
    let mut examples = Examples::default();
    let indices: Vec<usize> = (0..images.len()).collect();
    let piece = piece(tail, images.shape, device).min(MOST_AT_ONCE);
    for piece in indices.chunks(piece) {
        let output = tail.forward(images.batch(piece, device));
        let [_, features] = output.dims();
        examples.features = features;
        let output = output.into_data_async().await.map_err(internal)?;
        let output: Vec<f32> = output.iter().collect();
        for (&index, embedding) in piece.iter().zip(output.chunks_exact(features)) {
            examples.push(images.ids[index], embedding, images.labels[index]);
        }
        pause(host).await?;
    }
    Ok(examples)
}

/// What unfreezing one block, two, and so on up to all of them means.
pub fn estimates(backbone: &Backbone) -> Vec<UnfreezeEstimate> {
    let blocks = backbone.blocks();
    let cost = |from: usize| -> u64 { blocks[from..].iter().map(|it| it.multiply_adds).sum() };
    let whole = cost(0).max(1);
    (1..=backbone.most_unfrozen())
        .map(|unfrozen| {
            let from = backbone.first_unfrozen(unfrozen);
            let values: usize = backbone.boundary(unfrozen).iter().product();
            UnfreezeEstimate {
                blocks: unfrozen as u32,
                parameters: blocks[from..].iter().map(|it| it.parameters).sum(),
                passes: (PASSES_PER_STEP * cost(from)) as f64 / whole as f64,
                bytes_per_image: (values * size_of::<half::f16>()) as u64,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::collections::BTreeMap;

    use headstart_project::{BackboneId, SampleId};
    use rand::RngExt;
    use safetensors::SafeTensors;

    use super::*;
    use crate::host::testing::Recorder;
    use crate::{HeadConfig, halves};

    fn backbone() -> Backbone {
        let file = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../weights/efficientnet-lite0.safetensors"
        );
        let file = std::fs::read(file).expect("weights");
        Backbone::load(BackboneId::EfficientNetLite0, &file, &Device::flex()).expect("loads")
    }

    /// Activations before the last two blocks, small ones: `[192, 3, 3]`, with labels that say nothing about them.
    fn noise(count: usize, seed: u64) -> Activations {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut activations = Activations::new([192, 3, 3]);
        for index in 0..count {
            let values: Vec<f32> = (0..192 * 9).map(|_| rng.random_range(-1.0..1.0)).collect();
            activations.push(SampleId(index as u32), halves(&values), index % 3);
        }
        activations
    }

    fn head(classes: usize) -> Head {
        let device = Device::flex();
        device.seed(1);
        HeadConfig::new(1280, classes, 16, 0.0).init(&device)
    }

    fn settings(epochs: u32) -> TrainSettings {
        TrainSettings {
            batch_size: 12,
            fine_tuning: FineTuneSettings {
                blocks: 2,
                epochs,
                // Much is to happen in few steps, and to be seen as it is.
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

    /// A step is the same whether its batch is cut into pieces or not.
    #[test]
    fn cutting_a_batch_changes_rounding_alone() {
        let train = noise(12, 1);
        let head = head(3);
        let trained = |piece: usize| {
            let tuning = FineTuneSettings::default();
            let mut trained = Trained::new(backbone().tail(2), head.clone(), &tuning);
            let targets = Targets::new(&train.labels, &[1.0, 2.0, 0.5]);
            let device = Device::flex().autodiff();
            let indices: Vec<usize> = (0..12).collect();
            for images in indices.chunks(piece) {
                let output = trained.forward(&train, train.rows(images), &device);
                let images = images[0]..images[0] + images.len();
                let loss = targets.cross_entropy(output, images, targets.total());
                trained.collect(loss.backward());
            }
            trained.step(1e-3);
            let (tail, _) = trained.averaged();
            let (device, host) = (Device::flex(), Recorder::default());
            let of = embed(&tail, &train, &device, &host);
            pollster::block_on(of).expect("embeds").embeddings
        };
        let (whole, cut) = (trained(12), trained(5));
        let most = |values: &[f32]| values.iter().fold(0.0f32, |a, b| a.max(b.abs()));
        let change: Vec<f32> = whole.iter().zip(&cut).map(|(a, b)| a - b).collect();
        assert!(most(&change) < 2e-2 * most(&whole), "{}", most(&change));
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
        // The best answer gives the right one of three classes 0.8.
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
        // Two pieces in the first judgement, one in training.
        host.pauses_left.set(2);
        let stopped = run(&noise(12, 1), &noise(3, 2), &settings(50), &host);
        assert!(matches!(stopped, Err(Interrupted::Cancelled)));
    }

    #[test]
    fn without_progress_it_ends_early_and_keeps_what_was_best() {
        // Labels that say nothing: learning the training images by heart makes validation worse.
        let mut settings = settings(40);
        settings.fine_tuning.patience = 3;
        let (train, validation) = (noise(24, 1), noise(24, 7));
        let tuned = run(&train, &validation, &settings, &Recorder::default()).expect("trains");
        let (device, host) = (Device::flex(), Recorder::default());
        let judged = |tail: &Tail, head: &Head| {
            let sum = judge(tail, head, &validation, 3, 8, &device, &host);
            let sum = pollster::block_on(sum).expect("judges");
            let sum = sum.expect("has images");
            (sum.accuracy(), sum.mean_loss())
        };
        let (mut highest, mut risen, mut kept) = (judged(&backbone().tail(2), &head(3)), 0, 0);
        for (epoch, metrics) in (1..).zip(&tuned.history) {
            let accuracy = metrics.validation_accuracy.expect("was judged");
            let loss = metrics.validation_loss.expect("was judged");
            let share = (highest.0 * 24.0 + 1.0) / 26.0;
            let error = (share * (1.0 - share) / 24.0).sqrt();
            if accuracy >= highest.0 - error {
                kept = epoch;
            }
            if accuracy > highest.0 || (accuracy == highest.0 && loss < highest.1) {
                (highest, risen) = ((accuracy, loss), epoch);
            }
        }
        assert_eq!(tuned.history.len(), risen + 3);
        assert_eq!(tuned.best_epoch as usize, kept);
        if kept > 0 {
            let metrics = tuned.history[kept - 1];
            let (accuracy, loss) = judged(&tuned.tail, &tuned.head);
            assert_eq!(metrics.validation_accuracy, Some(accuracy));
            assert!((metrics.validation_loss.expect("was judged") - loss).abs() < 1e-4);
        }
    }

    #[test]
    fn the_learning_rate_warms_up_and_falls() {
        let tuning = FineTuneSettings {
            warm_up: 0.2,
            ..FineTuneSettings::default()
        };
        let rates: Vec<f64> = (0..50).map(|step| progress(&tuning, step, 50)).collect();
        assert!(rates[..10].is_sorted() && rates[0] > 0.0 && rates[9] < 1.0);
        assert!((rates[10] - 1.0).abs() < 1e-9);
        assert!(rates[10..].windows(2).all(|pair| pair[1] < pair[0]));
        assert!(rates[49] < 0.01);
        let constant = FineTuneSettings {
            schedule: Schedule::Constant,
            warm_up: 0.0,
            ..tuning
        };
        assert!((0..50).all(|step| progress(&constant, step, 50) == 1.0));
    }

    #[test]
    fn estimates_grow_with_every_block_and_end_with_the_whole_network() {
        let backbone = backbone();
        let estimates = estimates(&backbone);
        assert_eq!(estimates.len(), 17);
        // Blocks 14 and 15 and the last convolution, counted by hand.
        let bottleneck = |from: u64, wide: u64, taps: u64, to: u64| {
            from * wide + wide + taps * wide + wide + wide * to + to
        };
        assert_eq!(
            estimates[1].parameters,
            bottleneck(192, 1152, 25, 192) + bottleneck(192, 1152, 9, 320) + 320 * 1280 + 1280
        );
        assert_eq!(estimates[1].bytes_per_image, 192 * 7 * 7 * 2);
        assert!(estimates.windows(2).all(|pair| {
            pair[0].parameters < pair[1].parameters && pair[0].passes < pair[1].passes
        }));
        assert_eq!(estimates[16].parameters, backbone.parameters());
        assert!((estimates[16].passes - 3.0).abs() < 1e-9);
    }

    /// Predictions and Stop have to get through between two pieces: none may be longer than the whole backbone's pass over a few images.
    #[test]
    fn pieces_are_small_for_every_number_of_blocks() {
        let backbone = backbone();
        let whole: u64 = backbone.blocks().iter().map(|it| it.multiply_adds).sum();
        for unfrozen in 1..=backbone.most_unfrozen() {
            let tail = backbone.tail(unfrozen);
            let shape = backbone.boundary(unfrozen);
            let piece = piece(&tail, shape, &Device::flex()) as u64;
            let cost = piece * PASSES_PER_STEP * tail.multiply_adds(shape[1]);
            assert!(piece >= 1 && cost <= 4 * whole, "{unfrozen}: {piece}");
        }
    }

    /// The number of times that a clock is asked and work is paused says that the display is fed.
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
