use serde::{Deserialize, Serialize};

use crate::{
    BackboneId, DeviceInfo, DeviceKind, EpochMetrics, Evaluation, SplitCounts, Timings,
    TrainOutcome, TrainSettings,
};

/// The file behind `Download run record`: everything needed to judge or repeat a run.
/// Fields may be added; those that stand here stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The format's version.
    pub headstart: u32,
    /// The backbone that made the embeddings.
    pub backbone: BackboneId,
    /// The device in use.
    pub device: DeviceKind,
    /// The adapter as the browser names it.
    pub adapter: String,
    /// The run's seed, also in the settings.
    pub seed: u64,
    /// How the head was trained.
    pub settings: TrainSettings,
    /// The classes' names at the time of the run, in the order of the head's outputs.
    pub classes: Vec<String>,
    /// The sizes of the parts.
    pub split: SplitCounts,
    /// One point an epoch.
    pub history: Vec<EpochMetrics>,
    /// The epoch whose head is kept, counted from 1.
    pub best_epoch: u32,
    /// On the validation part; absent when there is none.
    pub validation: Option<TestRecord>,
    /// On the user's test images; absent when there are none.
    pub test: Option<TestRecord>,
    /// Where the time went.
    pub timings_ms: Timings,
}

/// Accuracy and confusion matrix on one part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestRecord {
    /// Share predicted right, 0 to 1.
    pub accuracy: f64,
    /// Rows are true classes, columns predicted ones, in the order of `classes`.
    pub confusion: Vec<Vec<u32>>,
}

impl From<&Evaluation> for TestRecord {
    fn from(evaluation: &Evaluation) -> Self {
        Self {
            accuracy: evaluation.accuracy,
            confusion: evaluation.confusion.clone(),
        }
    }
}

impl RunRecord {
    /// The version that this code writes.
    pub const VERSION: u32 = 1;

    /// Puts a run's record together.
    pub fn new(
        backbone: BackboneId,
        device: &DeviceInfo,
        settings: TrainSettings,
        classes: Vec<String>,
        outcome: &TrainOutcome,
    ) -> Self {
        Self {
            headstart: Self::VERSION,
            backbone,
            device: device.kind,
            adapter: device.adapter.clone(),
            seed: settings.seed,
            settings,
            classes,
            split: outcome.split,
            history: outcome.history.clone(),
            best_epoch: outcome.best_epoch,
            validation: outcome.validation.as_ref().map(TestRecord::from),
            test: outcome.test.as_ref().map(TestRecord::from),
            timings_ms: outcome.timings_ms,
        }
    }
}
