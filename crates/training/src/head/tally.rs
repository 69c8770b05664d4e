//! How well a network does on images while it is trained.

use std::cmp::Ordering;

use headstart_project::{EpochMetrics, TrainError};

use crate::head::logits::largest;

/// The loss and the number of right answers over some images.
#[derive(Default)]
pub(crate) struct Tally {
    count: usize,
    /// The sum over all images.
    pub loss: f64,
    right: usize,
}

impl Tally {
    /// Adds the answers `logits [labels, classes]`.
    pub fn add(&mut self, logits: &[f32], labels: &[usize], classes: usize) {
        for (logits, &label) in logits.chunks_exact(classes).zip(labels) {
            let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f32 = logits.iter().map(|logit| (logit - most).exp()).sum();
            self.loss += f64::from(sum.ln() + most - logits[label]);
            self.right += usize::from(largest(logits) == label);
            self.count += 1;
        }
    }

    /// The tally, unless training has diverged.
    ///
    /// # Errors
    /// [`TrainError::Diverged`] when the loss is not finite.
    pub fn checked(self) -> Result<Self, TrainError> {
        if self.loss.is_finite() {
            Ok(self)
        } else {
            Err(TrainError::Diverged)
        }
    }

    /// An epoch's entry in the history, if `self` is the tally of the training images.
    pub fn metrics(&self, epoch: u32, held_back: Option<&Self>) -> EpochMetrics {
        EpochMetrics {
            epoch,
            train_loss: self.mean_loss(),
            train_accuracy: self.accuracy(),
            validation_loss: held_back.map(Self::mean_loss),
            validation_accuracy: held_back.map(Self::accuracy),
        }
    }

    pub fn mean_loss(&self) -> f64 {
        self.loss / self.count.max(1) as f64
    }

    pub fn accuracy(&self) -> f64 {
        self.right as f64 / self.count.max(1) as f64
    }

    /// Whether the number of right answers on the same images is lower by no more than chance explains: one standard error, for which one more image is counted as right and one more as wrong.
    pub fn is_as_good(&self, than: &Self) -> bool {
        let count = than.count as f64;
        let share = (than.right as f64 + 1.0) / (count + 2.0);
        let error = (share * (1.0 - share) / count.max(1.0)).sqrt();
        self.accuracy() >= than.accuracy() - error
    }

    /// Whether more of the same images are right or, if the number is equal, whether the loss is lower.
    pub fn is_better(&self, than: &Self) -> bool {
        match self.right.cmp(&than.right) {
            Ordering::Greater => true,
            Ordering::Equal => self.loss < than.loss,
            Ordering::Less => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn right(right: usize, loss: f64) -> Tally {
        Tally {
            count: 24,
            loss,
            right,
        }
    }

    /// The slack is √(24 · s · (1 - s)) images at a share of s = (right + 1) / 26, computed by hand.
    #[test]
    fn one_standard_error_fewer_is_as_good() {
        for (best, slack) in [
            (0, 0),  // 0.94
            (1, 1),  // 1.31
            (4, 1),  // 1.93
            (5, 2),  // 2.06
            (12, 2), // 2.45
            (19, 2), // 2.06
            (20, 1), // 1.93
            (23, 1), // 1.31
            (24, 0), // 0.94
        ] {
            for now in 0..=24 {
                let is_as_good = right(now, 9.0).is_as_good(&right(best, 1.0));
                assert_eq!(is_as_good, now + slack >= best, "{now} after {best}");
            }
        }
    }

    #[test]
    fn more_right_is_better_and_the_loss_decides_between_equals() {
        assert!(right(13, 9.0).is_better(&right(12, 1.0)));
        assert!(!right(11, 1.0).is_better(&right(12, 9.0)));
        assert!(right(12, 0.9).is_better(&right(12, 1.0)));
        assert!(!right(12, 1.0).is_better(&right(12, 1.0)));
    }

    #[test]
    fn it_counts_what_the_textbook_says() {
        let mut tally = Tally::default();
        // ln(1 + e⁻¹ + e⁻²) = 0.407606, and 2 more where the right class is the last one.
        tally.add(&[3.0, 2.0, 1.0, 3.0, 2.0, 1.0], &[0, 2], 3);
        assert!((tally.mean_loss() - 1.407_606).abs() < 1e-5);
        assert_eq!(tally.accuracy(), 0.5);
        tally.add(&[f32::NAN, 0.0, 0.0], &[0], 3);
        assert_eq!(tally.checked().err(), Some(TrainError::Diverged));
    }
}
