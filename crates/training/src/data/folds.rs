//! Equal parts for cross-validation: stratified by class, and never splitting a group.

use crate::data::split::shuffled_units;

/// Deals the images into `folds` parts, keeping groups whole and giving each part about its share of each class. Returns the part of each image.
/// The same arguments always give the same parts.
pub fn folds(
    labels: &[usize],
    groups: &[usize],
    classes: usize,
    folds: usize,
    seed: u64,
) -> Vec<usize> {
    let mut units = shuffled_units(labels, groups, classes, seed);
    // The largest come first, while there is still room to balance them; the sort is stable, so equals stay shuffled.
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::data::split::tests::{groups_of, images};

    proptest! {
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
        fn folds_differ_by_no_more_than_a_group((labels, groups) in images(), k in 2usize..6, seed: u64) {
            // Groups of one class each.
            let groups: Vec<usize> = labels.iter().zip(&groups).map(|(label, group)| group * 3 + label).collect();
            let names: BTreeSet<usize> = groups.iter().copied().collect();
            let parts = folds(&labels, &groups, 3, k, seed);
            for class in 0..3 {
                let own = groups_of(&labels, &groups, class);
                let size = |group: &usize| groups.iter().filter(|other| *other == group).count();
                let largest = own.iter().map(size).max().unwrap_or(0);
                let here = |part: usize| (0..labels.len()).filter(|&at| labels[at] == class && parts[at] == part).count();
                let (least, most) = (0..k).map(here).fold((usize::MAX, 0), |(least, most), it| (least.min(it), most.max(it)));
                prop_assert!(most - least <= largest);
            }
            let filled: BTreeSet<usize> = parts.iter().copied().collect();
            prop_assert_eq!(filled.len(), k.min(names.len()));
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
        fn they_depend_on_nothing_but_their_arguments((labels, groups) in images(), seed: u64) {
            prop_assert_eq!(folds(&labels, &groups, 3, 4, seed), folds(&labels, &groups, 3, 4, seed));
        }
    }
}
