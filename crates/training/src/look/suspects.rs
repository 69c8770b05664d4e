//! Images that are probably in the wrong class.
//!
//! For each image: what does a model say about it that has learnt from all others, but neither from it nor from the images that belong with it?
//! With ridge regression on the class targets this needs no repeated training: the predictions without a group follow in closed form from a single inverse.
//! With λ = 2 on the centred, unit-length square roots of the features, 92 % of the labels that were flipped on purpose are among the 10 % most suspect; `cargo xtask bench quality` measures it.

use crate::data::similarity::{dot, unit};
use crate::host::pause;
use crate::worth::familiarity::roots;
use crate::{Host, Interrupted, folds, softmax};

/// The strength of the ridge penalty.
const RIDGE: f32 = 2.0;
/// Ridge scores are divided by this before the softmax.
const TEMPERATURE: f32 = 0.15;
/// The inverse for this many images takes a second or two; more are examined in parts.
const MOST_AT_ONCE: usize = 1000;

/// What models that have not seen an image say about its label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Suspicion {
    /// The index of the image.
    pub image: usize,
    /// The probability of the label that it has.
    pub given: f32,
    /// The most likely label.
    pub suggested: usize,
}

/// Ranks the images, the most suspect first. `embeddings`, `labels` and `groups` have the same length; groups are numbered without gaps.
///
/// Images of classes that form a single group are left out: a model that has not learnt from the group does not know the class.
///
/// # Errors
/// When the host cancels.
pub async fn suspicions(
    embeddings: &[&[f32]],
    labels: &[usize],
    groups: &[usize],
    classes: usize,
    host: &impl Host,
) -> Result<Vec<Suspicion>, Interrupted> {
    let parts = embeddings.len().div_ceil(MOST_AT_ONCE).max(1);
    let part_of = folds(labels, groups, classes, parts, 0);
    let mut all = Vec::with_capacity(embeddings.len());
    for part in 0..parts {
        let images: Vec<usize> = (0..labels.len())
            .filter(|&at| part_of[at] == part)
            .collect();
        let progress = Progress {
            before: (embeddings.len() - images.len().min(embeddings.len())) * part / parts,
            total: embeddings.len(),
        };
        let rows: Vec<&[f32]> = images.iter().map(|&at| embeddings[at]).collect();
        let of = |values: &[usize]| images.iter().map(|&at| values[at]).collect::<Vec<_>>();
        let found = examine_part(&rows, &of(labels), &of(groups), classes, host, &progress).await?;
        all.extend(found.into_iter().map(|suspicion| Suspicion {
            image: images[suspicion.image],
            ..suspicion
        }));
    }
    all.sort_by(|a, b| a.given.total_cmp(&b.given).then(a.image.cmp(&b.image)));
    Ok(all)
}

struct Progress {
    before: usize,
    total: usize,
}

async fn examine_part(
    rows: &[&[f32]],
    labels: &[usize],
    groups: &[usize],
    classes: usize,
    host: &impl Host,
    progress: &Progress,
) -> Result<Vec<Suspicion>, Interrupted> {
    let count = rows.len();
    let directions = directions(rows);
    // The Gram matrix plus the ridge; only its lower triangle is used.
    let mut gram = Vec::with_capacity(count);
    for a in 0..count {
        let mut line: Vec<f32> = (0..=a)
            .map(|b| dot(&directions[a], &directions[b]))
            .collect();
        line[a] += RIDGE;
        gram.push(line);
        pause(host).await?;
    }
    let lower = cholesky(gram, host).await?;
    // Column `a` of the inverse of `lower`, from its diagonal down; the inverse of the Gram matrix consists of the dot products of these columns.
    let mut columns: Vec<Vec<f32>> = Vec::with_capacity(count);
    for a in 0..count {
        let mut column = vec![0.0f32; count];
        column[a] = 1.0 / lower[a][a];
        for row in a + 1..count {
            column[row] = -dot(&lower[row][a..row], &column[a..row]) / lower[row][row];
        }
        columns.push(column);
        host.report_progress((progress.before + a) as u32, progress.total as u32);
        pause(host).await?;
    }
    let mut sizes = vec![0usize; classes];
    for &label in labels {
        sizes[label] += 1;
    }
    let share = 1.0 / sizes.iter().filter(|&&size| size > 0).count().max(1) as f32;
    let target = |image: usize, class: usize| f32::from(u8::from(labels[image] == class)) - share;

    // The inverse times the targets: [count, classes].
    let mut halves = vec![vec![0.0f32; classes]; count];
    for (image, column) in columns.iter().enumerate() {
        for row in image..count {
            for (class, half) in halves[row].iter_mut().enumerate() {
                *half += column[row] * target(image, class);
            }
        }
    }
    let residual = |image: usize| -> Vec<f32> {
        let mut sums = vec![0.0f32; classes];
        for row in image..count {
            for (sum, half) in sums.iter_mut().zip(&halves[row]) {
                *sum += columns[image][row] * half;
            }
        }
        sums
    };

    let group_count = groups.iter().max().map_or(0, |most| most + 1);
    let mut members = vec![Vec::new(); group_count];
    for (image, &group) in groups.iter().enumerate() {
        members[group].push(image);
    }
    let mut found = Vec::with_capacity(count);
    for group in members.iter().filter(|group| !group.is_empty()) {
        // The predictions without the group: its targets, minus the solution of its block of the inverse for its residuals.
        let block: Vec<Vec<f32>> = group
            .iter()
            .enumerate()
            .map(|(at, &a)| {
                let line = group[..=at].iter();
                line.map(|&b| dot(&columns[a], &columns[b])).collect()
            })
            .collect();
        let block = cholesky(block, host).await?;
        let residuals: Vec<Vec<f32>> = group.iter().map(|&image| residual(image)).collect();
        let corrections = solve(&block, residuals);
        for (&image, correction) in group.iter().zip(&corrections) {
            let is_own = |other: &&usize| labels[**other] == labels[image];
            if group.iter().filter(is_own).count() == sizes[labels[image]] {
                continue;
            }
            let scores: Vec<f32> = (0..classes)
                .map(|class| match sizes[class] {
                    0 => f32::MIN,
                    _ => (target(image, class) - correction[class]) / TEMPERATURE,
                })
                .collect();
            let probabilities = softmax(&scores);
            found.push(Suspicion {
                image,
                given: probabilities[labels[image]],
                suggested: crate::largest(&probabilities),
            });
        }
        pause(host).await?;
    }
    Ok(found)
}

/// Square roots, centred and scaled to length 1.
fn directions(rows: &[&[f32]]) -> Vec<Vec<f32>> {
    let roots: Vec<Vec<f32>> = rows.iter().map(|row| roots(row)).collect();
    let mut middle = vec![0.0f32; roots.first().map_or(0, Vec::len)];
    for row in &roots {
        for (middle, value) in middle.iter_mut().zip(row) {
            *middle += value / roots.len() as f32;
        }
    }
    let from_middle = |row: &Vec<f32>| -> Vec<f32> {
        row.iter()
            .zip(&middle)
            .map(|(value, middle)| value - middle)
            .collect()
    };
    roots.iter().map(|row| unit(&from_middle(row))).collect()
}

/// The Cholesky factor of a positive definite matrix, given as its lower triangle `lower`.
async fn cholesky(
    mut lower: Vec<Vec<f32>>,
    host: &impl Host,
) -> Result<Vec<Vec<f32>>, Interrupted> {
    for row in 0..lower.len() {
        let (above, below) = lower.split_at_mut(row);
        let line = &mut below[0];
        for (column, other) in above.iter().enumerate() {
            line[column] = (line[column] - dot(&line[..column], &other[..column])) / other[column];
        }
        let square = line[row] - dot(&line[..row], &line[..row]);
        // Rounding must not make it negative.
        line[row] = square.max(1e-6).sqrt();
        pause(host).await?;
    }
    Ok(lower)
}

/// Solves `lower lowerᵀ x = right` for each column; `right` is `[rows, columns]`.
fn solve(lower: &[Vec<f32>], mut right: Vec<Vec<f32>>) -> Vec<Vec<f32>> {
    for (row, line) in lower.iter().enumerate() {
        let (before, rest) = right.split_at_mut(row);
        for (known, factor) in before.iter().zip(line) {
            take_away(&mut rest[0], *factor, known);
        }
        divide(&mut rest[0], line[row]);
    }
    for row in (0..lower.len()).rev() {
        let (rest, behind) = right.split_at_mut(row + 1);
        for (known, line) in behind.iter().zip(&lower[row + 1..]) {
            take_away(&mut rest[row], line[row], known);
        }
        divide(&mut rest[row], lower[row][row]);
    }
    right
}

fn take_away(values: &mut [f32], factor: f32, others: &[f32]) {
    for (value, other) in values.iter_mut().zip(others) {
        *value -= factor * other;
    }
}

fn divide(values: &mut [f32], divisor: f32) {
    for value in values {
        *value /= divisor;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Recorder;
    use crate::testing::{blobs, examples_of};

    fn ranked(labels: &[usize], groups: &[usize], classes: usize) -> Vec<Suspicion> {
        let examples = examples_of(&blobs(3, 10, 24, 5));
        let rows: Vec<&[f32]> = examples.rows().collect();
        let host = Recorder::default();
        pollster::block_on(suspicions(&rows, labels, groups, classes, &host)).expect("runs")
    }

    #[test]
    fn a_wrong_label_is_the_most_suspect_and_its_own_class_is_suggested() {
        let mut labels: Vec<usize> = (0..30).map(|image| image / 10).collect();
        labels[4] = 2;
        let groups: Vec<usize> = (0..30).collect();
        let found = ranked(&labels, &groups, 3);
        assert_eq!(found.len(), 30);
        assert_eq!((found[0].image, found[0].suggested), (4, 0));
        assert!(found[0].given < 0.05 && found[2].given > 0.2, "{found:?}");
    }

    #[test]
    fn copies_of_a_wrong_label_do_not_vouch_for_each_other() {
        let mut labels: Vec<usize> = (0..30).map(|image| image / 10).collect();
        let mut groups: Vec<usize> = (0..30).collect();
        for image in 2..6 {
            labels[image] = 1;
            groups[image] = 2;
        }
        let names: std::collections::BTreeSet<usize> = groups.iter().copied().collect();
        let groups: Vec<usize> = groups
            .iter()
            .map(|group| names.iter().position(|name| name == group).unwrap_or(0))
            .collect();
        let found = ranked(&labels, &groups, 3);
        let first: Vec<usize> = found[..4].iter().map(|suspicion| suspicion.image).collect();
        assert!((2..6).all(|image| first.contains(&image)), "{found:?}");
    }

    #[test]
    fn a_class_of_one_recording_is_not_suspect() {
        let labels: Vec<usize> = (0..30).map(|image| image / 10).collect();
        let groups: Vec<usize> = (0..30).map(|image: usize| image.min(20)).collect();
        let found = ranked(&labels, &groups, 3);
        assert_eq!(found.len(), 20);
        assert!(found.iter().all(|suspicion| suspicion.image < 20));
    }

    #[test]
    fn the_closed_form_is_training_without_the_group() {
        // Leaving a group out explicitly: dual ridge regression on the others alone, with the same centre.
        let examples = examples_of(&blobs(3, 6, 24, 5));
        let rows: Vec<&[f32]> = examples.rows().collect();
        let groups: Vec<usize> = (0..18).map(|image| image / 2).collect();
        let host = Recorder::default();
        let found = suspicions(&rows, &examples.labels, &groups, 3, &host);
        let found = pollster::block_on(found).expect("runs");
        let directions = directions(&rows);
        for suspicion in &found {
            let others: Vec<usize> = (0..18)
                .filter(|&at| groups[at] != groups[suspicion.image])
                .collect();
            let gram: Vec<Vec<f32>> = others
                .iter()
                .enumerate()
                .map(|(at, &a)| {
                    let line = others[..=at]
                        .iter()
                        .map(|&b| dot(&directions[a], &directions[b]));
                    let mut line: Vec<f32> = line.collect();
                    line[at] += RIDGE;
                    line
                })
                .collect();
            let lower = pollster::block_on(cholesky(gram, &host)).expect("runs");
            let target = |at: usize, class: usize| {
                f32::from(u8::from(examples.labels[at] == class)) - 1.0 / 3.0
            };
            let targets = others
                .iter()
                .map(|&at| (0..3).map(|class| target(at, class)).collect());
            let weights = solve(&lower, targets.collect());
            let scores: Vec<f32> = (0..3)
                .map(|class| {
                    let parts = others.iter().zip(&weights);
                    let parts = parts.map(|(&at, weight)| {
                        dot(&directions[at], &directions[suspicion.image]) * weight[class]
                    });
                    parts.sum::<f32>() / TEMPERATURE
                })
                .collect();
            let given = softmax(&scores)[examples.labels[suspicion.image]];
            assert!(
                (given - suspicion.given).abs() < 1e-4,
                "{given} {suspicion:?}"
            );
        }
    }
}
