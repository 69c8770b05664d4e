//! The training loop of the head.

use burn::module::Module;
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor};
use headstart_kernels::FusedAdam;
use headstart_project::{EpochMetrics, TrainError, TrainSettings};

use crate::head::batches::{Batch, Batches};
use crate::head::logits::logits;
use crate::head::tally::Tally;
use crate::head::targets::{Targets, class_weights};
use crate::host::{pause, report_epoch, values};
use crate::{Examples, Head, HeadConfig, Host, Interrupted};

/// A trained head.
#[derive(Debug)]
pub struct Fitted {
    /// The head after the best epoch.
    pub head: Head,
    /// One entry per epoch.
    pub history: Vec<EpochMetrics>,
    /// The epoch whose head is kept, counted from 1.
    pub best_epoch: u32,
}

/// Trains a head on `train`.
///
/// It keeps the head of the epoch with the lowest validation loss or, without validation images, the last one.
/// The criterion is the loss and not the accuracy: on few images, accuracy is mostly chance, and a lucky early epoch would win.
/// On 20 photographs per class of clothes (30 held back, five seeds), choosing by loss gives a test accuracy of 0.791 ± 0.017, and choosing by accuracy 0.771 ± 0.032.
/// The same arguments give the same head on the same device.
///
/// # Errors
/// When the host cancels, the loss diverges, or the device fails.
pub async fn fit(
    train: &Examples,
    validation: &Examples,
    classes: usize,
    settings: &TrainSettings,
    device: &Device,
    host: &impl Host,
) -> Result<Fitted, Interrupted> {
    let autodiff = device.clone().autodiff();
    autodiff.seed(settings.seed);
    let mut head = HeadConfig::new(
        train.features,
        classes,
        settings.hidden_units as usize,
        settings.dropout,
    )
    .init(&autodiff);
    let mut optimizer = ModuleOptimizer::from(FusedAdam::default());
    let mut batches = Batches::new(train.len(), settings);
    let weights = class_weights(&train.labels, classes, settings.balance_classes);

    let mut history = Vec::new();
    let mut best: Option<(Option<f64>, Head, u32)> = None;
    let start_ms = host.now_ms();
    for epoch in 1..=settings.epochs {
        let mut seen = Tally::default();
        for batch in batches.deal() {
            let (embeddings, labels, targets) = take(train, &batch, &weights, &autodiff);
            let output = head.forward(embeddings);
            let loss = targets.cross_entropy(output.clone(), 0..labels.len());
            let gradients = GradientsParams::from_grads(loss.backward(), &head);
            head = optimizer.step(settings.learning_rate, head, gradients);

            seen.add(&values(output.inner()).await?, &labels, classes);
            pause(host).await?;
        }
        let seen = seen.checked()?;
        let snapshot = head.clone().valid();
        let held_back = judge(&snapshot, validation, device).await?;
        let metrics = seen.metrics(epoch, held_back.as_ref());
        history.push(metrics);
        let loss = held_back.map(|tally| tally.loss);
        if best
            .as_ref()
            .is_none_or(|(least, ..)| loss.is_none() || loss < *least)
        {
            best = Some((loss, snapshot, epoch));
        }
        report_epoch(host, metrics, epoch, settings.epochs, start_ms);
    }
    let (_, head, best_epoch) = best.ok_or(TrainError::Diverged)?;
    Ok(Fitted {
        head,
        history,
        best_epoch,
    })
}

/// The embeddings of a batch, the classes of its images, and their targets; mixed, if the batch is.
fn take(
    train: &Examples,
    batch: &Batch,
    weights: &[f32],
    device: &Device,
) -> (Tensor<2>, Vec<usize>, Targets) {
    let images = batch.images.iter();
    let labels: Vec<usize> = images.map(|&index| train.labels[index]).collect();
    let embeddings = train.batch(&batch.images, device);
    let targets = Targets::new(&labels, weights);
    match &batch.mix {
        Some(mix) => (mix.tensor(embeddings), labels, targets.mixed(mix)),
        None => (embeddings, labels, targets),
    }
}

/// The tally of the held-back images, if there are any.
async fn judge(
    head: &Head,
    images: &Examples,
    device: &Device,
) -> Result<Option<Tally>, Interrupted> {
    if images.is_empty() {
        return Ok(None);
    }
    let output = logits(head, images, device).await?;
    let mut tally = Tally::default();
    tally.add(&output, &images.labels, head.classes());
    Ok(Some(tally))
}
