//! How a head does on given images.

use burn::tensor::Device;
use headstart_project::{Evaluation, SampleVerdict};

use crate::host::internal;
use crate::worth::calibration::probabilities;
use crate::{Examples, Head, Interrupted};

/// Rows that go through the head at once.
const ROWS: usize = 256;

/// Compares what `logits [examples, classes]` say at a temperature with what the examples are.
pub fn evaluate(
    logits: &[f32],
    examples: &Examples,
    classes: usize,
    temperature: f64,
) -> Evaluation {
    let mut confusion = vec![vec![0u32; classes]; classes];
    let mut verdicts = Vec::with_capacity(examples.len());
    let mut right = 0usize;
    for ((logits, &actual), &id) in logits
        .chunks_exact(classes)
        .zip(&examples.labels)
        .zip(&examples.ids)
    {
        let predicted = largest(logits);
        let probabilities = probabilities(logits, temperature);
        confusion[actual][predicted] += 1;
        right += usize::from(predicted == actual);
        verdicts.push(SampleVerdict {
            id,
            actual: actual as u32,
            predicted: predicted as u32,
            confidence: probabilities[predicted],
            given: probabilities[actual],
        });
    }
    Evaluation {
        accuracy: right as f64 / examples.len().max(1) as f64,
        confusion,
        verdicts,
    }
}

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
        let output = output.into_data_async().await.map_err(internal)?;
        logits.extend(output.iter::<f32>());
    }
    Ok(logits)
}

/// Index of the largest value, the first of equals.
pub fn largest(values: &[f32]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}
