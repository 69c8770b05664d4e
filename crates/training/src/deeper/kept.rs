//! Which epoch is kept, and when training has stopped making progress.

use crate::head::tally::Tally;

/// The epoch that is kept: the last one that is worse than the best so far by no more than chance explains.
///
/// A few dozen images cannot tell good epochs apart, and the last and smallest steps help the most.
pub(crate) struct Kept<T> {
    /// What the epoch produced.
    pub made: T,
    /// The epoch, counted from 1; 0 for the state before the first.
    pub epoch: u32,
    /// The best epoch's tally of the held-back images, if there are any.
    highest: Option<Tally>,
    highest_epoch: u32,
    newest_epoch: u32,
}

impl<T> Kept<T> {
    /// Starts with the state before the first epoch.
    pub fn new(made: T, held_back: Option<Tally>) -> Self {
        Self {
            made,
            epoch: 0,
            highest: held_back,
            highest_epoch: 0,
            newest_epoch: 0,
        }
    }

    /// Adds the next epoch. Without held-back images, the newest is kept.
    pub fn offer(&mut self, made: T, held_back: Option<Tally>) {
        self.newest_epoch += 1;
        let (is_as_good, is_better) = match (&held_back, &self.highest) {
            (Some(newest), Some(highest)) => {
                (newest.is_as_good(highest), newest.is_better(highest))
            }
            _ => (true, true),
        };
        if is_as_good {
            self.made = made;
            self.epoch = self.newest_epoch;
        }
        if is_better {
            self.highest = held_back;
            self.highest_epoch = self.newest_epoch;
        }
    }

    /// Whether `patience` epochs have brought nothing better; never for 0.
    pub fn is_stuck(&self, patience: u32) -> bool {
        patience > 0 && self.newest_epoch - self.highest_epoch >= patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tally of 24 images of which this many are right, and which all have the same margin between their two logits.
    /// With 23 right, a larger margin means a lower loss, up to ln 23 = 3.1.
    fn held_back(right: usize, margin: f32) -> Option<Tally> {
        let mut tally = Tally::default();
        for image in 0..24 {
            tally.add(&[margin, 0.0], &[usize::from(image >= right)], 2);
        }
        Some(tally)
    }

    /// Which epoch is kept, and after which one a patience of 3 ends training, given how many of 24 images are right before the first epoch and after each.
    fn kept(before: usize, after: &[usize]) -> (u32, Option<u32>) {
        let mut kept = Kept::new(0, held_back(before, 1.0));
        let mut end = None;
        for (epoch, &right) in (1..).zip(after) {
            kept.offer(epoch, held_back(right, 1.0));
            assert_eq!(kept.made, kept.epoch);
            if kept.is_stuck(3) && end.is_none() {
                end = Some(epoch);
            }
        }
        (kept.epoch, end)
    }

    /// With 18 of 24 right, the standard error is 2.17 images: two fewer are within it, and three are not.
    /// It is the same for 10, 12 and 13 (2.42 to 2.45).
    #[test]
    fn the_last_epoch_that_chance_cannot_tell_from_the_best_is_kept() {
        // The last is two below the best.
        assert_eq!(kept(12, &[18, 14, 17, 16]), (4, Some(4)));
        // The last is three below the best.
        assert_eq!(kept(12, &[18, 14, 16, 15]), (3, Some(4)));
        // Two below, and then two more: what counts is the best, not the one that is kept.
        assert_eq!(kept(12, &[18, 16, 14]), (2, None));
        // Nothing comes near the head alone.
        assert_eq!(kept(18, &[10, 12, 15, 14]), (0, Some(3)));
        // An epoch that was good enough no longer is after a better one.
        assert_eq!(kept(12, &[11, 18, 14, 14]), (2, None));
        // Each new best restarts the waiting.
        assert_eq!(kept(10, &[9, 9, 12, 12, 12, 13, 9, 9, 9]), (6, Some(9)));
    }

    #[test]
    fn a_lower_loss_with_as_many_right_is_progress() {
        let mut kept = Kept::new(0, held_back(23, 1.0));
        for margin in [1.1, 1.2, 1.3, 1.4] {
            kept.offer(0, held_back(23, margin));
            assert!(!kept.is_stuck(1));
        }
        kept.offer(0, held_back(23, 1.3));
        assert!(kept.is_stuck(1) && !kept.is_stuck(2) && !kept.is_stuck(0));
        assert_eq!(kept.epoch, 5);
    }

    #[test]
    fn without_held_back_images_the_newest_is_kept() {
        let mut kept = Kept::new(0, None);
        for epoch in 1..=9 {
            kept.offer(epoch, None);
            assert_eq!((kept.made, kept.epoch), (epoch, epoch));
            assert!(!kept.is_stuck(1));
        }
    }
}
