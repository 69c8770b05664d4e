//! How a head does on given images.

use burn::tensor::Device;
use headstart_project::{Evaluation, SampleVerdict};

use crate::{Examples, Head, Interrupted, host::internal, softmax};

/// Rows that go through the head at once.
const ROWS: usize = 256;

/// Predicts every example and compares.
///
/// # Errors
/// When the device fails.
pub async fn evaluate(
    head: &Head,
    examples: &Examples,
    classes: usize,
    device: &Device,
) -> Result<Evaluation, Interrupted> {
    let logits = logits(head, examples, device).await?;
    let mut confusion = vec![vec![0u32; classes]; classes];
    let mut verdicts = Vec::with_capacity(examples.len());
    let mut right = 0usize;
    for ((logits, &actual), &id) in logits
        .chunks_exact(classes)
        .zip(&examples.labels)
        .zip(&examples.ids)
    {
        let predicted = largest(logits);
        confusion[actual][predicted] += 1;
        right += usize::from(predicted == actual);
        verdicts.push(SampleVerdict {
            id,
            actual: actual as u32,
            predicted: predicted as u32,
            confidence: softmax(logits)[predicted],
        });
    }
    Ok(Evaluation {
        accuracy: right as f64 / examples.len().max(1) as f64,
        confusion,
        verdicts,
    })
}

/// The head's logits for every example, `[examples, classes]`.
pub(crate) async fn logits(
    head: &Head,
    examples: &Examples,
    device: &Device,
) -> Result<Vec<f32>, Interrupted> {
    let indices: Vec<usize> = (0..examples.len()).collect();
    let mut logits = Vec::new();
    for rows in indices.chunks(ROWS) {
        let output = head.forward(examples.batch(rows, device));
        let output = output.into_data_async().await.map_err(internal)?;
        logits.extend(output.iter::<f32>());
    }
    Ok(logits)
}

/// Index of the largest value, the first of equals.
pub(crate) fn largest(values: &[f32]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}
