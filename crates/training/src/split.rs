//! Which images are learnt from and which are held back for validation.

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

/// Fewer images than this are all learnt from: holding one back would cost too much.
const LEAST_TO_SPLIT: usize = 4;

/// Indices into one class's images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// Learnt from.
    pub train: Vec<usize>,
    /// Held back.
    pub validation: Vec<usize>,
}

/// Splits a class of `count` images, holding back `validation_share` of it, at least one image where there are four or more.
/// `class` keeps the classes' shuffles apart; the same arguments always give the same split.
pub fn split(count: usize, validation_share: f64, seed: u64, class: usize) -> Split {
    let mut order: Vec<usize> = (0..count).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(class as u64);
    order.shuffle(&mut rng);
    let held_back = if count < LEAST_TO_SPLIT || validation_share <= 0.0 {
        0
    } else {
        let wanted = (count as f64 * validation_share).round() as usize;
        wanted.clamp(1, count / 2)
    };
    let train = order.split_off(held_back);
    Split {
        train,
        validation: order,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_image_is_on_exactly_one_side(count in 0usize..300, share in 0.0..0.5, seed: u64, class in 0usize..20) {
            let split = split(count, share, seed, class);
            let all: BTreeSet<usize> = split.train.iter().chain(&split.validation).copied().collect();
            prop_assert_eq!(all, (0..count).collect());
            prop_assert_eq!(split.train.len() + split.validation.len(), count);
        }

        #[test]
        fn the_share_is_kept_and_something_is_left_to_learn_from(count in 4usize..300, share in 0.01..0.5, seed: u64) {
            let split = split(count, share, seed, 0);
            let wanted = count as f64 * share;
            prop_assert!(!split.validation.is_empty());
            prop_assert!(split.train.len() >= split.validation.len());
            prop_assert!((split.validation.len() as f64 - wanted.max(1.0)).abs() <= 1.0);
        }

        #[test]
        fn it_depends_on_nothing_but_its_arguments(count in 0usize..300, share in 0.0..0.5, seed: u64) {
            prop_assert_eq!(split(count, share, seed, 3), split(count, share, seed, 3));
        }
    }

    #[test]
    fn seeds_and_classes_give_different_shuffles() {
        assert_ne!(split(50, 0.2, 0, 0), split(50, 0.2, 1, 0));
        assert_ne!(split(50, 0.2, 0, 0), split(50, 0.2, 0, 1));
    }

    #[test]
    fn three_images_are_all_learnt_from() {
        assert!(split(3, 0.5, 0, 0).validation.is_empty());
        assert_eq!(split(4, 0.1, 0, 0).validation.len(), 1);
    }
}
