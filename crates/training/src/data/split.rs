//! Which images are learnt from and which are held back: stratified by class, and never splitting a group.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// If a class has fewer images than this, all of them are learnt from: holding one back would cost too much.
const LEAST_TO_SPLIT: usize = 4;

/// Indices into the images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// Learnt from.
    pub train: Vec<usize>,
    /// Held back.
    pub validation: Vec<usize>,
    /// The classes of which nothing is held back, because they have too few images or all of them belong together.
    pub not_held_back: Vec<usize>,
}

/// Holds back `share` of each class, or as close to it as whole groups allow: at least one image of each class that has at least four images in at least two groups.
///
/// `labels` and `groups` give the class and the group of each image; a group may have images of several classes.
/// No class gives up its last group, or more than half of its images unless no smaller group can be held back.
/// Classes of which nothing is held back keep even those groups that other classes could spare.
/// The same arguments always give the same split.
pub fn split(labels: &[usize], groups: &[usize], classes: usize, share: f64, seed: u64) -> Split {
    let units = shuffled_units(labels, groups, classes, seed);
    let totals = sum(&units, classes);
    let wanted: Vec<usize> = (0..classes)
        .map(|class| {
            let (total, groups) = (totals[class], units.iter().filter(|it| it.has(class)));
            match total >= LEAST_TO_SPLIT && groups.count() > 1 && share > 0.0 {
                true => ((total as f64 * share).round() as usize).clamp(1, total / 2),
                false => 0,
            }
        })
        .collect();
    let mut holding = Holding {
        held: vec![0; classes],
        is_held: vec![false; units.len()],
    };
    // Groups with several classes are picked at random, like all others, as long as each of their classes has room.
    let by_chance = (units.len() as f64 * share).round() as usize;
    for (at, unit) in units.iter().enumerate().take(by_chance) {
        let mut of_unit = (0..classes).filter(|&class| unit.has(class));
        let fits = |class: usize| holding.held[class] + unit.counts[class] <= wanted[class];
        if unit.class.is_none() && of_unit.all(fits) {
            holding.hold(at, unit);
        }
    }
    for class in 0..classes {
        let held = holding.held[class];
        if wanted[class] == held {
            continue;
        }
        let own: Vec<usize> = (0..units.len())
            .filter(|&at| units[at].class == Some(class))
            .collect();
        let sizes: Vec<usize> = own.iter().map(|&at| units[at].images.len()).collect();
        let most = totals[class] / 2 - held;
        for chosen in nearest_sum(&sizes, wanted[class] - held, most) {
            holding.hold(own[chosen], &units[own[chosen]]);
        }
    }
    // This leaves the classes whose own groups are all larger than half of the class, or that share all of their groups with other classes.
    for class in 0..classes {
        if wanted[class] == 0 || holding.held[class] > 0 {
            continue;
        }
        let can_go = |unit: &Unit| {
            (0..classes).filter(|&other| unit.has(other)).all(|other| {
                wanted[other] > 0 && holding.held[other] + unit.counts[other] < totals[other]
            })
        };
        let too_many = |unit: &Unit| -> usize {
            (0..classes)
                .map(|other| {
                    (holding.held[other] + unit.counts[other]).saturating_sub(totals[other] / 2)
                })
                .sum()
        };
        let candidates = units.iter().enumerate();
        let least = candidates
            .filter(|(_, unit)| unit.has(class) && can_go(unit))
            .min_by_key(|(_, unit)| (too_many(unit), unit.images.len()));
        if let Some((at, unit)) = least {
            holding.hold(at, unit);
        }
    }

    let mut split = Split::default();
    for (unit, is_held) in units.into_iter().zip(holding.is_held) {
        let part = if is_held {
            &mut split.validation
        } else {
            &mut split.train
        };
        part.extend(unit.images);
    }
    split.train.sort_unstable();
    split.validation.sort_unstable();
    if share > 0.0 {
        split.not_held_back = (0..classes)
            .filter(|&class| totals[class] > 0 && holding.held[class] == 0)
            .collect();
    }
    split
}

/// The groups held back so far.
struct Holding {
    /// The number of images of each class.
    held: Vec<usize>,
    is_held: Vec<bool>,
}

impl Holding {
    fn hold(&mut self, at: usize, unit: &Unit) {
        self.is_held[at] = true;
        for (held, count) in self.held.iter_mut().zip(&unit.counts) {
            *held += count;
        }
    }
}

/// Indices of `sizes` whose sum is as close to `target` as possible, from 1 to `most`; of equally good choices, the earliest.
/// Bellman's algorithm for subset sums: for each sum, the item that first made it possible.
fn nearest_sum(sizes: &[usize], target: usize, most: usize) -> Vec<usize> {
    let mut last_of: Vec<Option<usize>> = vec![None; most + 1];
    for (item, &size) in sizes.iter().enumerate() {
        for sum in (size..=most).rev() {
            if last_of[sum].is_none() && (sum == size || last_of[sum - size].is_some()) {
                last_of[sum] = Some(item);
            }
        }
        if last_of.get(target).is_some_and(Option::is_some) {
            break;
        }
    }
    let possible = (1..=most).filter(|&sum| last_of[sum].is_some());
    let mut sum = possible
        .min_by_key(|&sum| sum.abs_diff(target))
        .unwrap_or(0);
    let mut chosen = Vec::new();
    while let Some(item) = last_of[sum] {
        chosen.push(item);
        sum -= sizes[item];
    }
    chosen
}

/// A group, which is never split.
pub(crate) struct Unit {
    /// Its images.
    pub images: Vec<usize>,
    /// The number of images of each class.
    pub counts: Vec<usize>,
    /// The class of its images, if they all have the same.
    class: Option<usize>,
}

impl Unit {
    fn has(&self, class: usize) -> bool {
        self.counts[class] > 0
    }
}

/// The groups, in an order that depends on the seed.
pub(crate) fn shuffled_units(
    labels: &[usize],
    groups: &[usize],
    classes: usize,
    seed: u64,
) -> Vec<Unit> {
    let count = groups.iter().max().map_or(0, |most| most + 1);
    let mut units: Vec<Unit> = (0..count)
        .map(|_| Unit {
            images: Vec::new(),
            counts: vec![0; classes],
            class: None,
        })
        .collect();
    for (image, (&label, &group)) in labels.iter().zip(groups).enumerate() {
        units[group].images.push(image);
        units[group].counts[label] += 1;
    }
    units.retain(|unit| !unit.images.is_empty());
    for unit in &mut units {
        unit.class = (0..classes).find(|&class| unit.counts[class] == unit.images.len());
    }
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
pub(crate) mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Labels and groups of up to 200 images in 3 classes.
    pub fn images() -> impl Strategy<Value = (Vec<usize>, Vec<usize>)> {
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

    pub fn groups_of(labels: &[usize], groups: &[usize], class: usize) -> BTreeSet<usize> {
        let own = labels.iter().zip(groups);
        own.filter(|(label, _)| **label == class)
            .map(|(_, group)| *group)
            .collect()
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
                let is_kept_whole = labels.contains(&class) && count(&split.validation, &labels, class) == 0;
                prop_assert_eq!(split.not_held_back.contains(&class), share > 0.0 && is_kept_whole);
            }
        }

        #[test]
        fn a_class_of_few_images_or_one_group_is_kept_whole((labels, groups) in images(), share in 0.0..0.5, seed: u64) {
            let split = split(&labels, &groups, 3, share, seed);
            for class in 0..3 {
                let total = count(&(0..labels.len()).collect::<Vec<_>>(), &labels, class);
                if total < LEAST_TO_SPLIT || groups_of(&labels, &groups, class).len() < 2 {
                    prop_assert_eq!(count(&split.validation, &labels, class), 0);
                }
            }
        }

        #[test]
        fn a_class_is_kept_whole_only_when_no_group_of_it_can_go((labels, groups) in images(), share in 0.01..0.5, seed: u64) {
            let split = split(&labels, &groups, 3, share, seed);
            let all: Vec<usize> = (0..labels.len()).collect();
            let is_able = |class| {
                count(&all, &labels, class) >= LEAST_TO_SPLIT && groups_of(&labels, &groups, class).len() > 1
            };
            for &class in split.not_held_back.iter().filter(|&&class| is_able(class)) {
                for group in groups_of(&labels, &groups, class) {
                    let members: Vec<usize> = all.iter().copied().filter(|&at| groups[at] == group).collect();
                    let can_go = (0..3).filter(|&other| count(&members, &labels, other) > 0).all(|other| {
                        is_able(other) && count(&split.train, &labels, other) > count(&members, &labels, other)
                    });
                    prop_assert!(!can_go, "group {group} of class {class}");
                }
            }
        }

        #[test]
        fn the_share_is_kept_as_nearly_as_groups_allow(sizes in prop::collection::vec(prop::collection::vec(1usize..12, 1..9), 1..4), share in 0.01..0.5, seed: u64) {
            let mut labels = Vec::new();
            let mut groups = Vec::new();
            for (class, sizes) in sizes.iter().enumerate() {
                for &size in sizes {
                    let group = groups.last().map_or(0, |last| last + 1);
                    labels.extend(vec![class; size]);
                    groups.extend(vec![group; size]);
                }
            }
            let split = split(&labels, &groups, sizes.len(), share, seed);
            for (class, sizes) in sizes.iter().enumerate() {
                let total: usize = sizes.iter().sum();
                let held = count(&split.validation, &labels, class);
                if total < LEAST_TO_SPLIT || sizes.len() < 2 {
                    prop_assert_eq!(held, 0);
                    continue;
                }
                let wanted = ((total as f64 * share).round() as usize).clamp(1, total / 2);
                // All choices of groups, one by one.
                let best = (1u32..1 << sizes.len())
                    .map(|choice| (0..sizes.len()).filter(|at| choice >> at & 1 == 1).map(|at| sizes[at]).sum::<usize>())
                    .filter(|&sum| sum <= total / 2)
                    .map(|sum| sum.abs_diff(wanted))
                    .min();
                prop_assert!(held >= 1 && held <= total / 2, "{held} of {total}");
                prop_assert_eq!(Some(held.abs_diff(wanted)), best);
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
        fn it_depends_on_nothing_but_its_arguments((labels, groups) in images(), seed: u64) {
            prop_assert_eq!(split(&labels, &groups, 3, 0.2, seed), split(&labels, &groups, 3, 0.2, seed));
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
