//! What can be said from counts of right and wrong answers.

/// The 97.5 % quantile of the standard normal distribution: half of a 95 % interval on each side.
const Z: f64 = 1.959_963_984_540_054;

/// The 95 % interval of a share of which `right` of `total` were seen, both ends 0 to 1; all of 0 to 1 without any.
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

/// How well one class is told from the others; all shares are 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassScores {
    /// Share of the images taken for the class that are of it; absent when none was.
    pub precision: Option<f64>,
    /// Share of the class's images that were taken for it; absent when it has none.
    pub recall: Option<f64>,
    /// Harmonic mean of the two, 2 tp / (2 tp + fp + fn); absent when one of the two is.
    pub f1: Option<f64>,
    /// Images of the class.
    pub count: u32,
}

/// Each class by itself, from a confusion matrix `[class, class]` whose rows are true classes and whose columns are predicted ones.
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

#[cfg(test)]
mod tests {
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
}
