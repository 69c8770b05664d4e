use serde::{Deserialize, Serialize};

use crate::{Baselines, Calibration, SampleId, UnknownReport};

/// One point of the training curves.
/// Losses are mean cross-entropy in nats, accuracies shares from 0 to 1; validation figures are absent without a validation part.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// Counted from 1.
    pub epoch: u32,
    /// Mean over the epoch's training images, as they were trained on.
    pub train_loss: f64,
    /// Share of the epoch's training images predicted right.
    pub train_accuracy: f64,
    /// Mean over the validation images after the epoch.
    pub validation_loss: Option<f64>,
    /// Share of the validation images predicted right after the epoch.
    pub validation_accuracy: Option<f64>,
}

/// How a head performs on images that it has not learnt from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Share predicted right, 0 to 1.
    pub accuracy: f64,
    /// `[class, class]`: rows are true classes, columns predicted ones.
    pub confusion: Vec<Vec<u32>>,
    /// Every image's own result, in the order of the request.
    pub verdicts: Vec<SampleVerdict>,
}

/// What the head says about one image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleVerdict {
    /// The image.
    pub id: SampleId,
    /// Index of its true class.
    pub actual: u32,
    /// Index of the class with the highest probability.
    pub predicted: u32,
    /// That probability, calibrated.
    pub confidence: f32,
    /// The probability of the true class, calibrated.
    pub given: f32,
}

impl Evaluation {
    /// The wrong verdicts, the most confident first.
    pub fn mistakes(&self) -> Vec<SampleVerdict> {
        let wrong = self.verdicts.iter();
        let mut wrong: Vec<_> = wrong
            .filter(|verdict| verdict.actual != verdict.predicted)
            .copied()
            .collect();
        wrong.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        wrong
    }
}

/// How many images each part had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitCounts {
    /// Learnt from.
    pub train: u32,
    /// Held back for the curves and for choosing the epoch.
    pub validation: u32,
    /// The user's own test images.
    pub test: u32,
}

/// Where the time went, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timings {
    /// Fetching and building the backbone.
    pub load_backbone: f64,
    /// Embedding this run's images, when each was first embedded.
    pub embed: f64,
    /// Training the head.
    pub train: f64,
}

/// The result of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainOutcome {
    /// One point per epoch.
    pub history: Vec<EpochMetrics>,
    /// The epoch whose head is kept, counted from 1.
    pub best_epoch: u32,
    /// The sizes of the parts.
    pub split: SplitCounts,
    /// On the validation part; absent when there is none.
    pub validation: Option<Evaluation>,
    /// On the user's test images; absent when there are none.
    pub test: Option<Evaluation>,
    /// Indices of the classes from which nothing could be held back, because all their images belong together or are too few.
    pub not_held_back: Vec<u32>,
    /// How far the probabilities can be trusted; absent without held-back images.
    pub calibration: Option<Calibration>,
    /// What the simplest methods achieve on the same images; absent without held-back images.
    pub baselines: Option<Baselines>,
    /// How well images of no class are told apart from the others; absent without held-back images.
    pub unknowns: Option<UnknownReport>,
    /// Where the time went.
    pub timings_ms: Timings,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_surest_mistake_comes_first() {
        let verdict = |id, actual, predicted, confidence| SampleVerdict {
            id: SampleId(id),
            actual,
            predicted,
            confidence,
            given: 0.0,
        };
        let evaluation = Evaluation {
            accuracy: 0.25,
            confusion: vec![vec![1, 2], vec![1, 0]],
            verdicts: vec![
                verdict(1, 0, 1, 0.6),
                verdict(2, 0, 0, 0.9),
                verdict(3, 1, 0, 0.7),
                verdict(4, 0, 1, 0.8),
            ],
        };
        let ids: Vec<_> = evaluation.mistakes().iter().map(|v| v.id.0).collect();
        assert_eq!(ids, [4, 3, 1]);
    }
}
