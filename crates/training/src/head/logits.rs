//! A head's answers, and how to read them.

use burn::tensor::Device;

use crate::host::values;
use crate::{Examples, Head, Interrupted};

/// How many rows go through the head at once.
const ROWS: usize = 256;

/// The head's logits for every example, `[examples, classes]`.
///
/// # Errors
/// When the device fails.
pub async fn logits(
    head: &Head,
    examples: &Examples,
    device: &Device,
) -> Result<Vec<f32>, Interrupted> {
    let indices: Vec<usize> = (0..examples.len()).collect();
    let mut logits = Vec::new();
    for rows in indices.chunks(ROWS) {
        let output = head.forward(examples.batch(rows, device));
        logits.extend(values(output).await?);
    }
    Ok(logits)
}

/// Turns the logits of one image into probabilities that sum to one.
pub fn softmax(logits: &[f32]) -> Vec<f32> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = logits.iter().map(|logit| (logit - most).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

/// The index of the largest value; the first one in a tie.
pub fn largest(values: &[f32]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_sum_to_one_even_for_huge_logits() {
        let probabilities = softmax(&[1000.0, 999.0, -1000.0]);
        assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!((probabilities[0] - 0.731_058_6).abs() < 1e-5);
    }
}
