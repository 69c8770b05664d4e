//! At inference, batch norm is a scale and a shift per channel, and both can be folded into the convolution before it.

/// A batch norm's four tensors, each `[channels]`, and its epsilon.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchNorm {
    /// The learnt scale, `weight` in PyTorch.
    pub gamma: Vec<f32>,
    /// The learnt shift, `bias` in PyTorch.
    pub beta: Vec<f32>,
    /// `running_mean` in PyTorch.
    pub mean: Vec<f32>,
    /// `running_var` in PyTorch.
    pub variance: Vec<f32>,
    /// What is added to the variance; it is part of the model and in no file.
    pub epsilon: f64,
}

/// Folds the batch norm that follows a convolution into it.
///
/// `weight` is `[channels, …]` in row-major order and `bias` is `[channels]`, and so are the results.
/// The new convolution computes `gamma · (convolution - mean) / √(variance + epsilon) + beta`.
///
/// `None` if the lengths differ or a result is not finite, for example because a variance is negative.
pub fn fold_batch_norm(
    mut weight: Vec<f32>,
    bias: Option<&[f32]>,
    norm: &BatchNorm,
) -> Option<(Vec<f32>, Vec<f32>)> {
    let channels = norm.gamma.len();
    let lengths = [&norm.beta, &norm.mean, &norm.variance].map(Vec::len);
    let is_fit = lengths == [channels; 3]
        && bias.is_none_or(|bias| bias.len() == channels)
        && weight.len().checked_rem(channels) == Some(0)
        && !weight.is_empty();
    if !is_fit {
        return None;
    }
    let filter_size = weight.len() / channels;
    let mut folded_bias = Vec::with_capacity(channels);
    for (channel, filter) in weight.chunks_exact_mut(filter_size).enumerate() {
        // In f64, so that folding rounds each number only once.
        let deviation = (f64::from(norm.variance[channel]) + norm.epsilon).sqrt();
        let scale = f64::from(norm.gamma[channel]) / deviation;
        for value in filter {
            *value = (f64::from(*value) * scale) as f32;
        }
        let before = bias.map_or(0.0, |bias| f64::from(bias[channel]));
        let shift =
            f64::from(norm.beta[channel]) + (before - f64::from(norm.mean[channel])) * scale;
        folded_bias.push(shift as f32);
    }
    let is_finite = weight
        .iter()
        .chain(&folded_bias)
        .all(|value| value.is_finite());
    is_finite.then_some((weight, folded_bias))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// One channel's filter against one patch: the sum of products, then the batch norm by its definition.
        #[test]
        fn a_folded_convolution_computes_what_convolution_and_batch_norm_did(
            channels in prop::collection::vec(
                (
                    prop::collection::vec(-2.0f32..2.0, 6),
                    -2.0f32..2.0,
                    (-2.0f32..2.0, -2.0f32..2.0, -2.0f32..2.0, 0.01f32..4.0),
                ),
                1..5,
            ),
            patch in prop::collection::vec(-1.0f32..1.0, 6),
            has_bias: bool,
        ) {
            let norm = BatchNorm {
                gamma: channels.iter().map(|channel| channel.2.0).collect(),
                beta: channels.iter().map(|channel| channel.2.1).collect(),
                mean: channels.iter().map(|channel| channel.2.2).collect(),
                variance: channels.iter().map(|channel| channel.2.3).collect(),
                epsilon: 1e-3,
            };
            let weight = channels.iter().flat_map(|channel| channel.0.clone()).collect();
            let bias: Vec<f32> = channels.iter().map(|channel| channel.1).collect();
            let (weight, folded) =
                fold_batch_norm(weight, has_bias.then_some(&bias), &norm).unwrap();
            let product = |filter: &[f32]| -> f64 {
                filter.iter().zip(&patch).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
            };
            for (index, (filter, bias, (gamma, beta, mean, variance))) in channels.iter().enumerate() {
                let before = product(filter) + if has_bias { f64::from(*bias) } else { 0.0 };
                let expected = f64::from(*gamma) * (before - f64::from(*mean))
                    / (f64::from(*variance) + 1e-3).sqrt()
                    + f64::from(*beta);
                let found = product(&weight[6 * index..][..6]) + f64::from(folded[index]);
                prop_assert!((found - expected).abs() < 1e-4, "{found} is not {expected}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_no_convolution() {
        let norm = |channels: usize, variance: f32| BatchNorm {
            gamma: vec![1.0; channels],
            beta: vec![0.0; channels],
            mean: vec![0.0; channels],
            variance: vec![variance; channels],
            epsilon: 1e-5,
        };
        assert!(fold_batch_norm(vec![1.0; 6], None, &norm(3, 1.0)).is_some());
        assert_eq!(fold_batch_norm(vec![1.0; 6], None, &norm(4, 1.0)), None);
        assert_eq!(fold_batch_norm(vec![], None, &norm(3, 1.0)), None);
        assert_eq!(fold_batch_norm(vec![], None, &norm(0, 1.0)), None);
        assert_eq!(
            fold_batch_norm(vec![1.0; 6], Some(&[1.0]), &norm(3, 1.0)),
            None
        );
        assert_eq!(fold_batch_norm(vec![1.0; 6], None, &norm(3, -1.0)), None);
        let uneven = BatchNorm {
            mean: vec![0.0],
            ..norm(3, 1.0)
        };
        assert_eq!(fold_batch_norm(vec![1.0; 6], None, &uneven), None);
    }
}
