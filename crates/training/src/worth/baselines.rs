//! What the simplest methods achieve. A model that does no better has learnt nothing worth training for.

use headstart_project::{Baselines, MeasuredOn};

use crate::data::similarity::{dot, unit};
use crate::host::pause;
use crate::{Examples, Host, Interrupted};

/// How many neighbours vote.
const NEIGHBOURS: usize = 5;

/// Measures them on `measured`, given `train`.
///
/// # Errors
/// When the host cancels.
pub async fn baselines(
    train: &Examples,
    measured: &Examples,
    classes: usize,
    measured_on: MeasuredOn,
    host: &impl Host,
) -> Result<Baselines, Interrupted> {
    let mut sizes = vec![0usize; classes];
    for &label in &train.labels {
        sizes[label] += 1;
    }
    // The first one, if several classes are equally large.
    let largest = (0..classes).rev().max_by_key(|&class| sizes[class]);
    let share = |right: usize| right as f64 / measured.len().max(1) as f64;
    let of_largest = measured
        .labels
        .iter()
        .filter(|&&label| Some(label) == largest);

    let units: Vec<Vec<f32>> = train.rows().map(unit).collect();
    let mut by_neighbours = 0;
    for (row, &label) in measured.rows().zip(&measured.labels) {
        pause(host).await?;
        by_neighbours += usize::from(vote(&unit(row), &units, &train.labels, classes) == label);
    }
    Ok(Baselines {
        measured_on,
        largest_class: share(of_largest.count()),
        nearest_neighbours: share(by_neighbours),
        neighbours: NEIGHBOURS.min(train.len()) as u32,
    })
}

/// The most frequent class among the nearest; in a tie, the one with the closer neighbours.
fn vote(row: &[f32], units: &[Vec<f32>], labels: &[usize], classes: usize) -> usize {
    let mut nearest: Vec<(f32, usize)> = units
        .iter()
        .zip(labels)
        .map(|(other, &label)| (dot(row, other), label))
        .collect();
    nearest.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut votes = vec![(0usize, 0.0f32); classes];
    for &(cosine, label) in nearest.iter().take(NEIGHBOURS) {
        votes[label].0 += 1;
        votes[label].1 += cosine;
    }
    let best = votes.iter().enumerate().rev();
    best.max_by(|(_, a), (_, b)| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)))
        .map_or(0, |(class, _)| class)
}

#[cfg(test)]
mod tests {
    use headstart_project::SampleId;

    use super::*;
    use crate::host::testing::Recorder;

    fn examples(rows: &[([f32; 2], usize)]) -> Examples {
        let mut examples = Examples::new(2);
        for (index, (row, label)) in rows.iter().enumerate() {
            examples.push(SampleId(index as u32), row, *label);
        }
        examples
    }

    #[test]
    fn both_are_those_of_the_definition() {
        let train = examples(&[
            ([1.0, 0.0], 0),
            ([1.0, 0.1], 0),
            ([0.9, 0.0], 0),
            ([0.0, 1.0], 1),
            ([0.1, 1.0], 1),
        ]);
        let measured = examples(&[
            ([1.0, 0.05], 0),
            ([0.0, 2.0], 1),
            ([0.0, 3.0], 1),
            ([5.0, 0.0], 1),
        ]);
        let host = Recorder::default();
        let found = baselines(&train, &measured, 2, MeasuredOn::Test, &host);
        let found = pollster::block_on(found).expect("runs");
        // All five vote, and class 0 has three.
        assert!((found.largest_class - 0.25).abs() < 1e-9);
        assert!((found.nearest_neighbours - 0.25).abs() < 1e-9);
        assert_eq!(found.neighbours, 5);
    }

    #[test]
    fn the_nearer_decide_between_equals() {
        let units = [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.6, 0.8]].map(|row| row.to_vec());
        assert_eq!(vote(&unit(&[1.0, 0.1]), &units, &[0, 0, 1, 1], 2), 0);
        assert_eq!(vote(&unit(&[0.1, 1.0]), &units, &[0, 0, 1, 1], 2), 1);
    }
}
