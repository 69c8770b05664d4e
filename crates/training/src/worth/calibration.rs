//! How far probabilities can be trusted.
//!
//! Guo et al., “On Calibration of Modern Neural Networks”, ICML 2017, arXiv:1706.04599.

use headstart_project::{Reliability, ReliabilityBin};

use crate::{largest, softmax};

const BINS: usize = 10;
/// Temperatures are searched between the inverse of this and this.
const MOST: f64 = 20.0;
/// The standard deviation of the prior on the logarithm of the temperature: a handful of images, or images that are all classified correctly, must not make the model sure or unsure of everything.
const PRIOR_DEVIATION: f64 = 0.5;
/// The number of golden-section steps, each of which leaves 0.618 of the interval; the result is accurate to about 1e-6.
const STEPS: usize = 32;
/// The number of places at which the search for the minimum starts.
const PLACES: usize = 25;

/// The temperature by which `logits [images, classes]` are divided so that their probabilities fit `labels` best: it minimises the cross-entropy plus a prior around 1.
/// 1 without images.
pub fn fit_temperature(logits: &[f32], labels: &[usize], classes: usize) -> f64 {
    if labels.is_empty() || classes < 2 {
        return 1.0;
    }
    let cost = |log: f64| {
        let inverse = (-log).exp();
        let losses = logits
            .chunks_exact(classes)
            .zip(labels)
            .map(|(logits, &label)| {
                let scaled = |logit: f32| f64::from(logit) * inverse;
                let most = logits.iter().copied().map(scaled).fold(f64::MIN, f64::max);
                let sum: f64 = logits
                    .iter()
                    .map(|&logit| (scaled(logit) - most).exp())
                    .sum();
                sum.ln() + most - scaled(logits[label])
            });
        losses.sum::<f64>() + 0.5 * (log / PRIOR_DEVIATION).powi(2)
    };
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    // The loss alone has a single minimum, because it is convex in the inverse temperature; together with the prior it might have two, so the search starts at the best of several places.
    let width = 2.0 * MOST.ln() / (PLACES - 1) as f64;
    let places = (0..PLACES).map(|place| place as f64 * width - MOST.ln());
    let deepest = places.min_by(|a, b| cost(*a).total_cmp(&cost(*b)));
    let deepest = deepest.unwrap_or(0.0);
    let (mut low, mut high) = (deepest - width, deepest + width);
    for _ in 0..STEPS {
        let (left, right) = (high - golden * (high - low), low + golden * (high - low));
        if cost(left) < cost(right) {
            high = right;
        } else {
            low = left;
        }
    }
    f64::midpoint(low, high).exp().clamp(1.0 / MOST, MOST)
}

/// The reliability diagram of `logits [images, classes]` at a temperature.
pub fn reliability(
    logits: &[f32],
    labels: &[usize],
    classes: usize,
    temperature: f64,
) -> Reliability {
    let mut bins = vec![ReliabilityBin::default(); BINS];
    for (logits, &label) in logits.chunks_exact(classes.max(1)).zip(labels) {
        let predicted = largest(logits);
        let confidence = f64::from(probabilities(logits, temperature)[predicted]);
        let bin = &mut bins[((confidence * BINS as f64) as usize).min(BINS - 1)];
        bin.count += 1;
        bin.confidence += confidence;
        bin.accuracy += f64::from(u8::from(predicted == label));
    }
    let mut error = 0.0;
    for bin in bins.iter_mut().filter(|bin| bin.count > 0) {
        let count = f64::from(bin.count);
        bin.confidence /= count;
        bin.accuracy /= count;
        error += count / labels.len() as f64 * (bin.confidence - bin.accuracy).abs();
    }
    Reliability { error, bins }
}

/// Turns the logits of one image into probabilities at a temperature.
pub(crate) fn probabilities(logits: &[f32], temperature: f64) -> Vec<f32> {
    let scaled: Vec<f32> = logits
        .iter()
        .map(|logit| logit / temperature as f32)
        .collect();
    softmax(&scaled)
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Images whose labels are drawn from the probabilities of their logits, which are then made too large.
    fn overconfident(count: usize, factor: f32) -> (Vec<f32>, Vec<usize>) {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut logits = Vec::new();
        let mut labels = Vec::new();
        for _ in 0..count {
            let row: Vec<f32> = (0..3).map(|_| rng.random_range(-2.0..2.0)).collect();
            let mut left: f32 = rng.random();
            let probabilities = softmax(&row);
            let label = probabilities.iter().position(|probability| {
                left -= probability;
                left <= 0.0
            });
            labels.push(label.unwrap_or(2));
            logits.extend(row.iter().map(|logit| logit * factor));
        }
        (logits, labels)
    }

    #[test]
    fn the_temperature_that_was_hidden_is_found() {
        let (logits, labels) = overconfident(4000, 3.0);
        let temperature = fit_temperature(&logits, &labels, 3);
        assert!((temperature - 3.0).abs() < 0.25, "{temperature}");
        let before = reliability(&logits, &labels, 3, 1.0);
        let after = reliability(&logits, &labels, 3, temperature);
        assert!(
            before.error > 0.15 && after.error < 0.03,
            "{before:?} {after:?}"
        );
    }

    #[test]
    fn a_few_right_images_do_not_make_it_sure_of_everything() {
        let temperature = fit_temperature(&[2.0, 0.0, 0.0, 2.0], &[0, 1], 2);
        assert!((0.5..=1.0).contains(&temperature), "{temperature}");
        assert_eq!(fit_temperature(&[], &[], 2), 1.0);
    }

    #[test]
    fn many_right_images_and_wild_logits_stay_within_the_range() {
        let right = [1.0, 0.0].repeat(500);
        let temperature = fit_temperature(&right, &[0; 500], 2);
        assert!((0.05..0.4).contains(&temperature), "{temperature}");
        let wrong = [1e4, 0.0].repeat(500);
        let temperature = fit_temperature(&wrong, &[1; 500], 2);
        assert!((19.9..=20.0).contains(&temperature), "{temperature}");
    }

    #[test]
    fn no_temperature_nearby_fits_better() {
        // The cost by its definition: cross-entropy plus the prior.
        let (logits, labels) = overconfident(50, 2.0);
        let cost = |temperature: f64| {
            let rows = logits.chunks_exact(3).zip(&labels);
            let loss = rows.map(|(row, &label)| {
                let powers = row.iter().map(|it| (f64::from(*it) / temperature).exp());
                powers.sum::<f64>().ln() - f64::from(row[label]) / temperature
            });
            loss.sum::<f64>() + 0.5 * (temperature.ln() / PRIOR_DEVIATION).powi(2)
        };
        let found = fit_temperature(&logits, &labels, 3);
        for other in [0.05, 0.5, 0.99 * found, 1.01 * found, 5.0, 20.0] {
            assert!(cost(found) < cost(other), "{found} {other}");
        }
    }

    #[test]
    fn the_diagram_is_that_of_the_definition() {
        // Confidences 0.8808 (twice, once right) and 0.9526 (right).
        let logits = [2.0, 0.0, 2.0, 0.0, 0.0, 3.0];
        let diagram = reliability(&logits, &[0, 1, 1], 2, 1.0);
        let (eight, nine) = (diagram.bins[8], diagram.bins[9]);
        assert_eq!((eight.count, nine.count), (2, 1));
        assert!((eight.confidence - 0.880_797).abs() < 1e-5 && (eight.accuracy - 0.5).abs() < 1e-9);
        let expected = 2.0 / 3.0 * (0.880_797 - 0.5) + 1.0 / 3.0 * (1.0 - 0.952_574);
        assert!((diagram.error - expected).abs() < 1e-5, "{}", diagram.error);
    }
}
