//! Embeddings placed in the plane, with similar ones close together.

mod components;
mod tsne;

use components::{dot, principal_components};
pub use tsne::tsne;

use crate::{Host, Interrupted};

/// How many neighbours decide where a new embedding belongs.
const NEIGHBOURS: usize = 5;

/// Places embeddings by their first two principal components: the directions in which they differ most.
///
/// All points are within -1 to 1, both axes at the same scale; the first axis has the larger variance.
/// `seed` only determines where the search for the components starts.
///
/// # Errors
/// When the host cancels.
pub async fn pca(
    embeddings: &[&[f32]],
    seed: u64,
    host: &impl Host,
) -> Result<Vec<[f32; 2]>, Interrupted> {
    let scores = principal_components(embeddings, 2, seed, host).await?;
    Ok(fit_into_square(&first_two(&scores)))
}

/// Where an embedding belongs on a map of others: the mean of its five nearest neighbours' points, weighted by closeness.
/// The centre if there are no others.
pub fn place(embedding: &[f32], embeddings: &[&[f32]], points: &[[f32; 2]]) -> [f32; 2] {
    let length = dot(embedding, embedding).sqrt();
    let mut neighbours: Vec<(f32, [f32; 2])> = embeddings
        .iter()
        .zip(points)
        .map(|(other, &point)| {
            let lengths = length * dot(other, other).sqrt();
            let cosine = dot(embedding, other) / lengths.max(f32::MIN_POSITIVE);
            // The squared distance between the two, both scaled to length 1.
            ((2.0 - 2.0 * cosine).max(0.0), point)
        })
        .collect();
    if neighbours.len() > NEIGHBOURS {
        neighbours.select_nth_unstable_by(NEIGHBOURS, |a, b| a.0.total_cmp(&b.0));
        neighbours.truncate(NEIGHBOURS);
    }
    let (mut sum, mut weights) = ([0.0; 2], 0.0);
    for (squared, point) in neighbours {
        // The small constant keeps the weight of an identical image finite, but still more than a hundred times that of its neighbours.
        let weight = 1.0 / (squared + 1e-4);
        weights += weight;
        for (sum, coordinate) in sum.iter_mut().zip(point) {
            *sum += weight * coordinate;
        }
    }
    sum.map(|sum| if weights > 0.0 { sum / weights } else { 0.0 })
}

/// The first two columns of scores.
fn first_two(scores: &[Vec<f32>]) -> Vec<[f32; 2]> {
    let column = |row: &[f32], at: usize| row.get(at).copied().unwrap_or(0.0);
    scores
        .iter()
        .map(|row| [column(row, 0), column(row, 1)])
        .collect()
}

/// Moves and scales points so that they fill the square from -1 to 1 without being stretched.
fn fit_into_square(points: &[[f32; 2]]) -> Vec<[f32; 2]> {
    let bounds = [0, 1].map(|axis| {
        let values = points.iter().map(|point| point[axis]);
        let least = values.clone().fold(f32::INFINITY, f32::min);
        (least, values.fold(f32::NEG_INFINITY, f32::max))
    });
    let longest = bounds.map(|(least, most)| most - least);
    let half = longest[0].max(longest[1]) / 2.0;
    points
        .iter()
        .map(|point| {
            [0, 1].map(|axis| {
                let (least, most) = bounds[axis];
                let value = (point[axis] - (least + most) / 2.0) / half;
                // Also when all points coincide.
                if half > 0.0 {
                    value.clamp(-1.0, 1.0)
                } else {
                    0.0
                }
            })
        })
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;

    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::host::testing::Recorder;

    /// `per_class` points around each of `classes` corners, in 40 dimensions.
    pub fn clusters(classes: usize, per_class: usize, seed: u64) -> Vec<Vec<f32>> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut point = |scale: f32| -> Vec<f32> {
            (0..40)
                .map(|_| (rng.random::<f32>() - 0.5) * scale)
                .collect()
        };
        (0..classes)
            .flat_map(|_| {
                let corner = point(3.0);
                let around = |_| corner.iter().zip(point(1.0)).map(|(a, b)| a + b).collect();
                (0..per_class).map(around).collect::<Vec<Vec<f32>>>()
            })
            .collect()
    }

    pub fn rows(embeddings: &[Vec<f32>]) -> Vec<&[f32]> {
        embeddings.iter().map(|values| &**values).collect()
    }

    fn assert_points(points: &[[f32; 2]], expected: &[[f32; 2]]) {
        assert_eq!(points.len(), expected.len());
        for (point, expected) in points.iter().zip(expected) {
            for axis in [0, 1] {
                let (value, expected) = (point[axis], expected[axis]);
                assert!((value - expected).abs() < 1e-4, "{points:?}");
            }
        }
    }

    fn pca_of(embeddings: &[Vec<f32>], seed: u64) -> Vec<[f32; 2]> {
        pollster::block_on(pca(&rows(embeddings), seed, &Recorder::default())).expect("runs")
    }

    #[test]
    fn a_case_solved_by_hand() {
        // Points 2 to either side along (0.6, 0.8) and 1 to either side along (0.8, -0.6), around (10, -5).
        let at = |a: f32, b: f32| vec![10.0 + 0.6 * a + 0.8 * b, -5.0 + 0.8 * a - 0.6 * b];
        let embeddings = [at(2.0, 0.0), at(-2.0, 0.0), at(0.0, 1.0), at(0.0, -1.0)];
        let expected = [[1.0, 0.0], [-1.0, 0.0], [0.0, 0.5], [0.0, -0.5]];
        for seed in 0..5 {
            assert_points(&pca_of(&embeddings, seed), &expected);
        }
    }

    #[test]
    fn few_and_equal_embeddings_have_sane_places() {
        assert!(pca_of(&[], 0).is_empty());
        assert_points(&pca_of(&[vec![3.0, 4.0]], 0), &[[0.0; 2]]);
        assert_points(&pca_of(&[vec![], vec![]], 0), &[[0.0; 2]; 2]);
        assert_points(&pca_of(&vec![vec![3.0, 4.0]; 9], 0), &[[0.0; 2]; 9]);
        let two = pca_of(&[vec![1.0, 1.0, 0.0], vec![3.0, 5.0, 0.0]], 0);
        assert_points(&two, &[[-1.0, 0.0], [1.0, 0.0]]);
        // An equilateral triangle keeps its shape.
        let three = pca_of(
            &[
                vec![1.0, 0.0, 0.0],
                vec![0.0, 1.0, 0.0],
                vec![0.0, 0.0, 1.0],
            ],
            0,
        );
        let side =
            |a: usize, b: usize| (three[a][0] - three[b][0]).hypot(three[a][1] - three[b][1]);
        assert!((side(0, 1) - side(1, 2)).abs() < 1e-4 && (side(0, 1) - side(0, 2)).abs() < 1e-4);
    }

    #[test]
    fn a_known_image_lies_on_its_own_point_nearly() {
        let embeddings = clusters(6, 20, 3);
        let points = pca_of(&embeddings, 0);
        for (embedding, point) in embeddings.iter().zip(&points) {
            let placed = place(embedding, &rows(&embeddings), &points);
            let distance = (placed[0] - point[0]).hypot(placed[1] - point[1]);
            assert!(distance < 0.01, "{distance}");
        }
    }

    #[test]
    fn a_new_image_lies_among_its_neighbours() {
        let known = [[1.0, 0.0], [0.9, 0.1], [-1.0, 0.0], [0.0, -1.0]].map(Vec::from);
        let points = [[0.5, 0.5], [0.7, 0.5], [-0.5, 0.0], [0.0, -0.5]];
        let placed = place(&[0.95, 0.05], &rows(&known), &points);
        assert!((0.5..0.7).contains(&placed[0]) && (placed[1] - 0.5).abs() < 0.02);
        assert_eq!(place(&[1.0, 0.0], &[], &[]), [0.0; 2]);
        let unlit = place(&[0.0, 0.0], &rows(&known), &points);
        assert!(unlit.iter().all(|value| value.is_finite()));
    }

    #[test]
    fn it_stops_when_the_host_cancels() {
        let embeddings = clusters(4, 30, 1);
        let host = Recorder {
            pauses_left: Cell::new(2),
            ..Recorder::default()
        };
        let outcome = pollster::block_on(pca(&rows(&embeddings), 0, &host));
        assert_eq!(outcome, Err(Interrupted::Cancelled));
    }
}
