use burn::tensor::Tensor;
use headstart_project::{EpochMetrics, TrainError};

/// What long work needs from its surroundings.
pub trait Host {
    /// A clock in milliseconds; only differences matter.
    fn now_ms(&self) -> f64;

    /// Whether the user wants the work to stop.
    fn is_cancelled(&self) -> bool;

    /// Called between steps, many times a second: lets messages and other work through when it is time.
    fn pause(&self) -> impl Future<Output = ()>;

    /// An epoch is over; about `remaining_ms` are left.
    fn report_epoch(&self, _metrics: EpochMetrics, _remaining_ms: f64) {}

    /// `done` of `total` steps of an analysis are done.
    fn report_progress(&self, _done: u32, _total: u32) {}
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

/// Lets other work through between two steps.
///
/// # Errors
/// When the host cancels.
pub async fn pause(host: &impl Host) -> Result<(), Interrupted> {
    host.pause().await;
    if host.is_cancelled() {
        return Err(Interrupted::Cancelled);
    }
    Ok(())
}

/// Reports that `epoch` of `epochs` is over; the estimate assumes that the remaining ones take as long as those since `start_ms`.
pub(crate) fn report_epoch(
    host: &impl Host,
    metrics: EpochMetrics,
    epoch: u32,
    epochs: u32,
    start_ms: f64,
) {
    let elapsed_ms = host.now_ms() - start_ms;
    let left = f64::from(epochs - epoch) / f64::from(epoch);
    host.report_epoch(metrics, elapsed_ms * left);
}

/// Reads a tensor's values in row-major order.
///
/// # Errors
/// [`TrainError::Internal`] when the device fails.
pub(crate) async fn values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, TrainError> {
    let data = tensor.into_data_async().await.map_err(internal)?;
    Ok(data.iter().collect())
}

/// Turns what the device or the tensor library says about its own failure into an error.
pub(crate) fn internal(error: impl std::fmt::Display) -> TrainError {
    TrainError::Internal {
        detail: error.to_string(),
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use std::cell::{Cell, RefCell};

    use super::*;

    /// Records what is reported, and cancels after a given number of pauses.
    pub struct Recorder {
        pub pauses_left: Cell<u32>,
        pub progress: RefCell<Vec<(u32, u32)>>,
    }

    impl Default for Recorder {
        fn default() -> Self {
            Self {
                pauses_left: Cell::new(u32::MAX),
                progress: RefCell::default(),
            }
        }
    }

    impl Host for Recorder {
        fn now_ms(&self) -> f64 {
            0.0
        }
        fn is_cancelled(&self) -> bool {
            self.pauses_left.get() == 0
        }
        async fn pause(&self) {
            self.pauses_left
                .set(self.pauses_left.get().saturating_sub(1));
        }
        fn report_progress(&self, done: u32, total: u32) {
            self.progress.borrow_mut().push((done, total));
        }
    }
}
