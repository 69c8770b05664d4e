use headstart_project::{EpochMetrics, TrainError};

/// What long work needs from where it runs.
pub trait Host {
    /// A clock in milliseconds; only differences matter.
    fn now_ms(&self) -> f64;

    /// Whether the user wants the work to stop.
    fn is_cancelled(&self) -> bool;

    /// Called between steps, many times a second: lets messages and other work through when it is time to.
    fn pause(&self) -> impl Future<Output = ()>;

    /// An epoch is over; about `remaining_ms` are left.
    fn report_epoch(&self, metrics: EpochMetrics, remaining_ms: f64);
}

/// Why long work ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interrupted {
    /// The user stopped it.
    Cancelled,
    /// It cannot be done.
    Failed(TrainError),
}

impl From<TrainError> for Interrupted {
    fn from(error: TrainError) -> Self {
        Self::Failed(error)
    }
}

/// What the device or the tensor library says of its own failure.
pub(crate) fn internal(error: impl std::fmt::Display) -> TrainError {
    TrainError::Internal {
        detail: error.to_string(),
    }
}
