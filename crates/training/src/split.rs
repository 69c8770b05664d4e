//! Which images are learnt from and which are held back: stratified by class, and never parting a group.

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

/// A class with fewer images than this is learnt from whole: holding one back would cost too much.
const LEAST_TO_SPLIT: usize = 4;

/// Indices into the images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// Learnt from.
    pub train: Vec<usize>,
    /// Held back.
    pub validation: Vec<usize>,
    /// Classes of which nothing is held back: they have too few images, or all of them belong together.
    pub not_held_back: Vec<usize>,
}

/// Holds about `share` of each class back, in whole groups: at least one group of each class that has four images or more in two groups or more.
///
/// `labels` and `groups` give the class and the group of each image; a group may have images of several classes.
/// A class never gives its last group away, and more than half of its images only when it has no smaller group to give.
/// The same arguments always give the same split.
pub fn split(labels: &[usize], groups: &[usize], classes: usize, share: f64, seed: u64) -> Split {
    let mut units = shuffled_units(labels, groups, classes, seed);
    let totals = sum(&units, classes);
    let groups_of = |class: usize| units.iter().filter(|unit| unit.counts[class] > 0).count();
    let wanted: Vec<usize> = (0..classes)
        .map(|class| {
            let total = totals[class];
            if total < LEAST_TO_SPLIT || share <= 0.0 || groups_of(class) < 2 {
                return 0;
            }
            ((total as f64 * share).round() as usize).clamp(1, total / 2)
        })
        .collect();

    let mut held = vec![0; classes];
    let mut is_held = vec![false; units.len()];
    let mut hold = |at: usize, held: &mut Vec<usize>| {
        is_held[at] = true;
        for (held, count) in held.iter_mut().zip(&units[at].counts) {
            *held += count;
        }
    };
    for (at, unit) in units.iter().enumerate() {
        let fits = |class: usize| {
            unit.counts[class] == 0 || held[class] + unit.counts[class] <= wanted[class]
        };
        if (0..classes).all(fits) {
            hold(at, &mut held);
        }
    }
    // A class whose groups are all larger than its share gives its smallest one.
    for class in 0..classes {
        if wanted[class] == 0 || held[class] > 0 {
            continue;
        }
        let leaves_something = |unit: &Unit| {
            (0..classes).all(|other| {
                unit.counts[other] == 0 || held[other] + unit.counts[other] < totals[other]
            })
        };
        let candidates = units.iter().enumerate();
        let smallest = candidates
            .filter(|(_, unit)| unit.counts[class] > 0 && leaves_something(unit))
            .min_by_key(|(_, unit)| unit.images.len());
        if let Some((at, _)) = smallest {
            hold(at, &mut held);
        }
    }

    let mut split = Split::default();
    for (unit, is_held) in units.drain(..).zip(is_held) {
        let part = if is_held {
            &mut split.validation
        } else {
            &mut split.train
        };
        part.extend(unit.images);
    }
    split.train.sort_unstable();
    split.validation.sort_unstable();
    split.not_held_back = (0..classes).filter(|&class| held[class] == 0).collect();
    split
}

/// Deals the images into `folds` parts, in whole groups and so that each part has about its share of each class. Returns the part of each image.
/// The same arguments always give the same parts.
pub fn folds(
    labels: &[usize],
    groups: &[usize],
    classes: usize,
    folds: usize,
    seed: u64,
) -> Vec<usize> {
    let mut units = shuffled_units(labels, groups, classes, seed);
    // The largest first, while there is room to balance them; the sort keeps the shuffle among equals.
    units.sort_by_key(|unit| std::cmp::Reverse(unit.images.len()));
    let mut counts = vec![vec![0usize; classes]; folds];
    let mut part_of = vec![0; labels.len()];
    for unit in units {
        let load = |part: &Vec<usize>| {
            let of_classes: usize = part.iter().zip(&unit.counts).map(|(a, b)| a * b).sum();
            (of_classes, part.iter().sum::<usize>())
        };
        let emptiest = (0..folds)
            .min_by_key(|&part| load(&counts[part]))
            .unwrap_or(0);
        for (count, more) in counts[emptiest].iter_mut().zip(&unit.counts) {
            *count += more;
        }
        for image in unit.images {
            part_of[image] = emptiest;
        }
    }
    part_of
}

/// A group, which is never parted.
struct Unit {
    images: Vec<usize>,
    /// Images of each class.
    counts: Vec<usize>,
}

fn shuffled_units(labels: &[usize], groups: &[usize], classes: usize, seed: u64) -> Vec<Unit> {
    let count = groups.iter().max().map_or(0, |most| most + 1);
    let mut units: Vec<Unit> = (0..count)
        .map(|_| Unit {
            images: Vec::new(),
            counts: vec![0; classes],
        })
        .collect();
    for (image, (&label, &group)) in labels.iter().zip(groups).enumerate() {
        units[group].images.push(image);
        units[group].counts[label] += 1;
    }
    units.retain(|unit| !unit.images.is_empty());
    units.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    units
}

fn sum(units: &[Unit], classes: usize) -> Vec<usize> {
    let mut totals = vec![0; classes];
    for unit in units {
        for (total, count) in totals.iter_mut().zip(&unit.counts) {
            *total += count;
        }
    }
    totals
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Labels and groups of up to 200 images in 3 classes.
    fn images() -> impl Strategy<Value = (Vec<usize>, Vec<usize>)> {
        prop::collection::vec((0usize..3, 0usize..60), 0..200).prop_map(|pairs| {
            let (labels, groups): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
            // Numbers without gaps, as `group` gives them.
            let names: BTreeSet<usize> = groups.iter().copied().collect();
            let number = |name: &usize| names.iter().position(|known| known == name).unwrap_or(0);
            let groups = groups.iter().map(number).collect();
            (labels, groups)
        })
    }

    fn count(indices: &[usize], labels: &[usize], class: usize) -> usize {
        indices
            .iter()
            .filter(|&&index| labels[index] == class)
            .count()
    }

    proptest! {
        #[test]
        fn every_image_is_on_exactly_one_side((labels, groups) in images(), share in 0.0..0.5, seed: u64) {
            let split = split(&labels, &groups, 3, share, seed);
            let all: BTreeSet<usize> = split.train.iter().chain(&split.validation).copied().collect();
            prop_assert_eq!(all.len(), labels.len());
            prop_assert_eq!(split.train.len() + split.validation.len(), labels.len());
        }

        #[test]
        fn no_group_is_on_both_sides((labels, groups) in images(), share in 0.0..0.5, seed: u64) {
            let split = split(&labels, &groups, 3, share, seed);
            let of = |part: &[usize]| part.iter().map(|&index| groups[index]).collect::<BTreeSet<_>>();
            prop_assert!(of(&split.train).is_disjoint(&of(&split.validation)));
        }

        #[test]
        fn every_class_is_still_learnt((labels, groups) in images(), share in 0.0..0.5, seed: u64) {
            let split = split(&labels, &groups, 3, share, seed);
            for class in 0..3 {
                prop_assert_eq!(labels.contains(&class), count(&split.train, &labels, class) > 0);
                prop_assert_eq!(split.not_held_back.contains(&class), count(&split.validation, &labels, class) == 0);
            }
        }

        #[test]
        fn without_groups_the_share_is_kept(counts in prop::collection::vec(4usize..60, 1..5), share in 0.01..0.5, seed: u64) {
            let labels: Vec<usize> = counts.iter().enumerate().flat_map(|(class, &count)| vec![class; count]).collect();
            let groups: Vec<usize> = (0..labels.len()).collect();
            let split = split(&labels, &groups, counts.len(), share, seed);
            for (class, &total) in counts.iter().enumerate() {
                let wanted = (total as f64 * share).round().max(1.0);
                prop_assert_eq!(count(&split.validation, &labels, class), wanted as usize);
            }
        }

        #[test]
        fn folds_part_no_group_and_share_the_classes((labels, groups) in images(), k in 2usize..6, seed: u64) {
            let parts = folds(&labels, &groups, 3, k, seed);
            prop_assert_eq!(parts.len(), labels.len());
            for (a, &group) in groups.iter().enumerate() {
                for (b, &other) in groups.iter().enumerate() {
                    prop_assert!(group != other || parts[a] == parts[b]);
                }
            }
        }

        #[test]
        fn folds_without_groups_are_even(counts in prop::collection::vec(2usize..60, 1..5), k in 2usize..6, seed: u64) {
            let labels: Vec<usize> = counts.iter().enumerate().flat_map(|(class, &count)| vec![class; count]).collect();
            let groups: Vec<usize> = (0..labels.len()).collect();
            let parts = folds(&labels, &groups, counts.len(), k, seed);
            for (class, &total) in counts.iter().enumerate() {
                for part in 0..k {
                    let here = (0..labels.len()).filter(|&i| labels[i] == class && parts[i] == part).count();
                    prop_assert!(here >= total / k && here <= total.div_ceil(k));
                }
            }
        }

        #[test]
        fn it_depends_on_nothing_but_its_arguments((labels, groups) in images(), seed: u64) {
            prop_assert_eq!(split(&labels, &groups, 3, 0.2, seed), split(&labels, &groups, 3, 0.2, seed));
            prop_assert_eq!(folds(&labels, &groups, 3, 4, seed), folds(&labels, &groups, 3, 4, seed));
        }
    }

    #[test]
    fn seeds_give_different_shuffles() {
        let labels = [0; 50];
        let groups: Vec<usize> = (0..50).collect();
        assert_ne!(
            split(&labels, &groups, 1, 0.2, 0),
            split(&labels, &groups, 1, 0.2, 1)
        );
    }

    #[test]
    fn three_images_and_single_recordings_are_learnt_whole() {
        let singles: Vec<usize> = (0..3).collect();
        assert_eq!(split(&[0; 3], &singles, 1, 0.5, 0).not_held_back, [0]);
        assert_eq!(split(&[0; 40], &[0; 40], 1, 0.2, 0).not_held_back, [0]);
        let two = [[0; 20], [1; 20]].concat();
        assert_eq!(split(&[0; 40], &two, 1, 0.2, 0).validation.len(), 20);
    }
}
