//! How well a head does on given images.

use headstart_project::{Evaluation, SampleVerdict};

use crate::worth::calibration::probabilities;
use crate::{Examples, largest};

/// Compares the predictions of `logits [examples, classes]` at a temperature with the examples' classes.
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
