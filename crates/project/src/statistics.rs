//! What counts of right and wrong answers tell.

use serde::{Deserialize, Serialize};

/// The 97.5 % quantile of the standard normal distribution: half of a 95 % interval on each side.
const Z: f64 = 1.959_963_984_540_054;

/// The 95 % confidence interval of a share when `right` of `total` were observed, both ends 0 to 1; the whole range without any observation.
/// Wilson, “Probable Inference, the Law of Succession, and Statistical Inference”, JASA 22, 1927.
pub fn wilson(right: u32, total: u32) -> [f64; 2] {
    if total == 0 {
        return [0.0, 1.0];
    }
    let count = f64::from(total);
    let share = f64::from(right.min(total)) / count;
    let square = Z * Z;
    let middle = share + square / (2.0 * count);
    let reach = Z * (share * (1.0 - share) / count + square / (4.0 * count * count)).sqrt();
    let scale = 1.0 + square / count;
    [
        ((middle - reach) / scale).max(0.0),
        ((middle + reach) / scale).min(1.0),
    ]
}

/// Images predicted right and images in all, from a confusion matrix.
pub fn counted(confusion: &[Vec<u32>]) -> (u32, u32) {
    let rows = confusion.iter().enumerate();
    let right = rows.filter_map(|(at, row)| row.get(at)).sum();
    (right, confusion.iter().flatten().sum())
}

/// How well one class is told apart from the others; all shares are 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassScores {
    /// Share of the images taken for the class that belong to it; absent when none was taken for it.
    pub precision: Option<f64>,
    /// Share of the class's images that were taken for it; absent when the class has none.
    pub recall: Option<f64>,
    /// Harmonic mean of the two, 2 tp / (2 tp + fp + fn); absent when one of the two is.
    pub f1: Option<f64>,
    /// Images of the class.
    pub count: u32,
}

/// Each class on its own, from a confusion matrix `[class, class]` whose rows are true classes and whose columns are predicted ones.
pub fn per_class(confusion: &[Vec<u32>]) -> Vec<ClassScores> {
    let at = |row: usize, column: usize| {
        let cell = confusion.get(row).and_then(|row| row.get(column));
        cell.copied().unwrap_or(0)
    };
    let classes = 0..confusion.len();
    let scores = |class: usize| {
        let right = at(class, class);
        let count = classes.clone().map(|other| at(class, other)).sum();
        let said = classes.clone().map(|other| at(other, class)).sum();
        let share = |of: u32| (of > 0).then(|| f64::from(right) / f64::from(of));
        let (precision, recall) = (share(said), share(count));
        ClassScores {
            precision,
            recall,
            f1: precision
                .and(recall)
                .map(|_| 2.0 * f64::from(right) / f64::from(said + count)),
            count,
        }
    };
    classes.clone().map(scores).collect()
}

/// All classes together, each with the same weight whatever its size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MacroScores {
    /// Mean of the classes' precisions, 0 to 1.
    pub precision: f64,
    /// Mean of their recalls, also called balanced accuracy.
    pub recall: f64,
    /// Mean of their F1.
    pub f1: f64,
}

/// The means over the classes that have images; absent when no class has any.
/// A class that is never predicted has no precision and no F1, and counts as 0 in both: leaving it out would reward a model for forgetting it.
pub fn macro_average(scores: &[ClassScores]) -> Option<MacroScores> {
    let present: Vec<_> = scores.iter().filter(|scores| scores.count > 0).collect();
    if present.is_empty() {
        return None;
    }
    let mean = |score: fn(&ClassScores) -> Option<f64>| {
        let sum: f64 = present.iter().filter_map(|scores| score(scores)).sum();
        sum / present.len() as f64
    };
    Some(MacroScores {
        precision: mean(|scores| scores.precision),
        recall: mean(|scores| scores.recall),
        f1: mean(|scores| scores.f1),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_near(found: [f64; 2], expected: [f64; 2]) -> bool {
        found
            .iter()
            .zip(&expected)
            .all(|(found, expected)| (found - expected).abs() < 5e-4)
    }

    /// Newcombe, “Two-sided confidence intervals for the single proportion”, Statistics in Medicine 17, 1998, table I, method 3.
    #[test]
    fn intervals_are_those_of_the_literature() {
        assert!(is_near(wilson(81, 263), [0.2553, 0.3662]));
        assert!(is_near(wilson(15, 148), [0.0624, 0.1605]));
        assert!(is_near(wilson(0, 20), [0.0, 0.1611]));
        assert!(is_near(wilson(1, 29), [0.0061, 0.1718]));
    }

    #[test]
    fn intervals_stay_within_0_and_1_and_hold_the_share() {
        for total in 0..60 {
            for right in 0..=total {
                let [low, high] = wilson(right, total);
                let share = f64::from(right) / f64::from(total.max(1));
                assert!(
                    low >= 0.0 && high <= 1.0 && low < high,
                    "{right} of {total}"
                );
                assert!(
                    low <= share + 1e-12 && share <= high + 1e-12,
                    "{right} of {total}"
                );
            }
        }
    }

    #[test]
    fn scores_are_those_counted_by_hand() {
        let scores = per_class(&[vec![3, 1, 0], vec![2, 4, 0], vec![0, 0, 0]]);
        let [first, second, third] = scores.as_slice() else {
            panic!("one for each class");
        };
        assert_eq!(first.precision, Some(0.6));
        assert_eq!(first.recall, Some(0.75));
        assert_eq!(first.f1, Some(6.0 / 9.0));
        assert_eq!(second.precision, Some(0.8));
        assert_eq!(second.count, 6);
        assert_eq!(
            (third.precision, third.recall, third.f1),
            (None, None, None)
        );
    }

    /// scikit-learn 1.5, `precision_recall_fscore_support(y, p, average="macro", zero_division=0)` on its documentation's example: y = 0 1 2 0 1 2, p = 0 2 1 0 0 1.
    #[test]
    fn means_are_those_of_scikit_learn() {
        let scores = per_class(&[vec![2, 0, 0], vec![1, 0, 1], vec![0, 2, 0]]);
        let means = macro_average(&scores).expect("there are images");
        assert!((means.precision - 0.222_222).abs() < 1e-6);
        assert!((means.recall - 0.333_333).abs() < 1e-6);
        assert!((means.f1 - 0.266_667).abs() < 1e-6);
    }

    #[test]
    fn a_class_that_is_never_predicted_pulls_the_means_down() {
        let scores = per_class(&[vec![5, 0, 0], vec![5, 0, 0], vec![0, 0, 0]]);
        let means = macro_average(&scores).expect("there are images");
        assert_eq!(means.precision, 0.25);
        assert_eq!(means.recall, 0.5);
        assert_eq!(macro_average(&per_class(&[])), None);
    }

    proptest! {
        #[test]
        fn scores_agree_with_the_accuracy(
            confusion in (1_usize..6).prop_flat_map(|classes| prop::collection::vec(prop::collection::vec(0_u32..40, classes), classes))
        ) {
            let (right, total) = counted(&confusion);
            let scores = per_class(&confusion);
            prop_assert_eq!(scores.iter().map(|scores| scores.count).sum::<u32>(), total);
            // The recalls, weighted by the classes' sizes, are the accuracy.
            let found: f64 = scores.iter().filter_map(|scores| Some(scores.recall? * f64::from(scores.count))).sum();
            prop_assert!((found - f64::from(right)).abs() < 1e-9);
            for scores in &scores {
                for score in [scores.precision, scores.recall, scores.f1].into_iter().flatten() {
                    prop_assert!((0.0..=1.0).contains(&score));
                }
                if let (Some(precision), Some(recall), Some(f1)) = (scores.precision, scores.recall, scores.f1) {
                    let mean = if precision + recall > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 };
                    prop_assert!((f1 - mean).abs() < 1e-12);
                }
            }
            let means = macro_average(&scores);
            prop_assert_eq!(means.is_some(), total > 0);
            if let Some(means) = means {
                let all = [means.precision, means.recall, means.f1];
                prop_assert!(all.iter().all(|mean| (0.0..=1.0).contains(mean)));
            }
        }

        #[test]
        fn more_images_make_the_interval_narrower(right in 0_u32..200, wrong in 0_u32..200, times in 2_u32..20) {
            let width = |times: u32| {
                let [low, high] = wilson(right * times, (right + wrong) * times);
                high - low
            };
            prop_assert!(width(times) < width(1) || right + wrong == 0);
        }
    }
}
