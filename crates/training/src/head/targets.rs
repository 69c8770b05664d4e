//! The targets of a batch, and the loss of a network's answers.

use std::ops::Range;

use burn::tensor::activation::log_softmax;
use burn::tensor::{Tensor, TensorData};

use crate::head::mixup::Mix;

/// The targets of a batch: for each image, a weight for every class.
pub(crate) struct Targets {
    classes: usize,
    /// `[batch, classes]`.
    shares: Vec<f32>,
}

impl Targets {
    /// Each image belongs to its class and counts with the weight of the class.
    pub fn new(labels: &[usize], weights: &[f32]) -> Self {
        let classes = weights.len();
        let mut shares = vec![0.0; labels.len() * classes];
        for (share, &label) in shares.chunks_exact_mut(classes).zip(labels) {
            share[label] = weights[label];
        }
        Self { classes, shares }
    }

    /// Mixes the targets of each image with those of another one in the batch.
    pub fn mixed(&self, mix: &Mix) -> Self {
        Self {
            classes: self.classes,
            shares: mix.rows(&self.shares, self.classes),
        }
    }

    /// Spreads this share of each image's weight evenly over all classes: Szegedy et al., “Rethinking the Inception Architecture for Computer Vision”, CVPR 2016, arXiv:1512.00567.
    pub fn smoothed(&self, share: f64) -> Self {
        let share = share as f32;
        let rows = self.shares.chunks_exact(self.classes);
        let shares = rows.flat_map(|row| {
            let even = share * row.iter().sum::<f32>() / self.classes as f32;
            row.iter().map(move |own| own * (1.0 - share) + even)
        });
        Self {
            classes: self.classes,
            shares: shares.collect(),
        }
    }

    /// The sum of all weights, which makes a sum of losses a mean.
    fn total(&self) -> f32 {
        self.shares.iter().sum()
    }

    /// Cross-entropy of the logits of `images` of the batch, `[images, classes]`: their part of the batch's weighted mean, so that the losses of its pieces add up to that of the whole batch.
    pub fn cross_entropy(&self, logits: Tensor<2>, images: Range<usize>) -> Tensor<1> {
        let total = self.total();
        let shape = [images.len(), self.classes];
        let shares = &self.shares[images.start * self.classes..images.end * self.classes];
        let targets = shares.iter().map(|share| -share / total).collect();
        let targets = Tensor::from_data(TensorData::new(targets, shape), &logits.device());
        (log_softmax(logits, 1) * targets).sum()
    }
}

/// Mean cross-entropy of `logits [batch, classes]`, each image weighted by its class.
#[cfg(test)]
pub(crate) fn cross_entropy(logits: Tensor<2>, labels: &[usize], weights: &[f32]) -> Tensor<1> {
    Targets::new(labels, weights).cross_entropy(logits, 0..labels.len())
}

/// One weight per class: inverse to its share of the labels and 1 on average over the images, or all 1.
pub(crate) fn class_weights(labels: &[usize], classes: usize, is_balanced: bool) -> Vec<f32> {
    let mut counts = vec![0usize; classes];
    for &label in labels {
        counts[label] += 1;
    }
    counts
        .iter()
        .map(|&count| match count {
            0 => 0.0,
            _ if is_balanced => labels.len() as f32 / (classes * count) as f32,
            _ => 1.0,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::disallowed_methods,
        reason = "natively a tensor may be read synchronously"
    )]

    use burn::tensor::Device;

    use super::*;

    #[test]
    fn the_loss_is_the_textbooks() {
        let device = Device::flex();
        let logits = Tensor::<2>::from_floats([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0]], &device);
        let loss: f32 = cross_entropy(logits, &[1, 0], &[2.0, 1.0, 1.0]).into_scalar();
        let first = -(2f64.exp() / (1f64.exp() + 2f64.exp() + 0.5f64.exp())).ln();
        let second = -(1.0 / (1.0 + (-1f64).exp() + 3f64.exp())).ln();
        let expected = (1.0 * first + 2.0 * second) / 3.0;
        assert!(
            (f64::from(loss) - expected).abs() < 1e-5,
            "{loss} {expected}"
        );
    }

    #[test]
    fn smoothing_shares_a_label_out_and_keeps_its_weight() {
        let targets = Targets::new(&[1, 0], &[2.0, 1.0, 1.0]).smoothed(0.3);
        let expected = [0.1, 0.8, 0.1, 1.6, 0.2, 0.2];
        let pairs = targets.shares.iter().zip(expected);
        assert!(
            pairs.clone().all(|(a, b)| (a - b).abs() < 1e-6),
            "{pairs:?}"
        );
        assert!((targets.total() - 3.0).abs() < 1e-6);
    }

    #[test]
    fn small_classes_weigh_more() {
        let labels = [0, 0, 0, 1];
        let weights = class_weights(&labels, 2, true);
        assert!((weights[0] - 2.0 / 3.0).abs() < 1e-6 && (weights[1] - 2.0).abs() < 1e-6);
        assert_eq!(class_weights(&labels, 2, false), [1.0, 1.0]);
    }
}
