//! Principal components by randomised subspace iteration.
//!
//! Halko, Martinsson and Tropp, “Finding structure with randomness”, SIAM Review 2011, arXiv:0909.4061, algorithms 4.4 and 5.1.
//! A few products with the embeddings yield the components that matter, whereas the full decomposition would take minutes for thousands of images.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::host::pause;
use crate::{Host, Interrupted};

/// How many extra directions are computed: they absorb what would blur those that are wanted.
const OVERSAMPLING: usize = 10;
/// Each iteration brings the directions closer to the components, by the ratio of the variances outside and inside the subspace.
const ITERATIONS: usize = 8;
/// How many rows are processed between two pauses; they also share one pass over the directions.
const ROWS: usize = 16;

/// The coordinates of embeddings along their first `wanted` principal components, in order of decreasing variance.
///
/// There are fewer coordinates if there are fewer embeddings or features.
/// The element of a component with the largest magnitude is positive, so that the same embeddings are never mirrored.
///
/// # Errors
/// When the host cancels.
pub async fn principal_components(
    embeddings: &[&[f32]],
    wanted: usize,
    seed: u64,
    host: &impl Host,
) -> Result<Vec<Vec<f32>>, Interrupted> {
    let features = embeddings.first().map_or(0, |first| first.len());
    let size = (wanted + OVERSAMPLING).min(features).min(embeddings.len());
    if size == 0 {
        return Ok(vec![vec![]; embeddings.len()]);
    }
    let rows = centred(embeddings, features);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut basis: Vec<f32> = (0..size * features)
        .map(|_| rng.random::<f32>() - 0.5)
        .collect();
    orthonormalise(&mut basis, features);
    for _ in 0..ITERATIONS {
        // A product with the covariance matrix, which is never formed.
        let mut image = vec![0.0; basis.len()];
        for rows in rows.chunks(ROWS * features) {
            pause(host).await?;
            let pairs = basis
                .chunks_exact(features)
                .zip(image.chunks_exact_mut(features));
            for (direction, image) in pairs {
                for row in rows.chunks_exact(features) {
                    let along = dot(row, direction);
                    for (sum, value) in image.iter_mut().zip(row) {
                        *sum += along * value;
                    }
                }
            }
        }
        basis = image;
        orthonormalise(&mut basis, features);
    }
    // Within the subspace the components are found exactly.
    let mut scores: Vec<Vec<f32>> = Vec::with_capacity(embeddings.len());
    for row in rows.chunks_exact(features) {
        let along = |direction: &[f32]| dot(row, direction);
        scores.push(basis.chunks_exact(features).map(along).collect());
    }
    pause(host).await?;
    let mut rotation = eigenvectors(gram(&scores, size));
    rotation.truncate(wanted);
    for turned in &mut rotation {
        let component: Vec<f32> = (0..features)
            .map(|at| {
                let parts = turned.iter().zip(basis.chunks_exact(features));
                parts
                    .map(|(weight, direction)| weight * direction[at])
                    .sum()
            })
            .collect();
        if is_negative(&component) {
            turned.iter_mut().for_each(|weight| *weight = -*weight);
        }
    }
    for row in &mut scores {
        *row = rotation.iter().map(|turned| dot(row, turned)).collect();
    }
    Ok(scores)
}

/// `[embeddings, features]`, with the mean of each feature subtracted.
fn centred(embeddings: &[&[f32]], features: usize) -> Vec<f32> {
    let mut means = vec![0.0f64; features];
    for embedding in embeddings {
        for (mean, &value) in means.iter_mut().zip(*embedding) {
            *mean += f64::from(value) / embeddings.len() as f64;
        }
    }
    let mut rows = vec![0.0; embeddings.len() * features];
    for (row, embedding) in rows.chunks_exact_mut(features).zip(embeddings) {
        for ((place, &value), mean) in row.iter_mut().zip(*embedding).zip(&means) {
            *place = (f64::from(value) - mean) as f32;
        }
    }
    rows
}

/// The Gram–Schmidt process, twice, because once leaves rounding errors.
/// A direction that lies in the span of the previous ones becomes zero.
fn orthonormalise(basis: &mut [f32], features: usize) {
    for index in 0..basis.len() / features {
        let (before, rest) = basis.split_at_mut(index * features);
        let direction = &mut rest[..features];
        let length = dot(direction, direction).sqrt();
        scale(direction, 1.0 / length.max(f32::MIN_POSITIVE));
        for _ in 0..2 {
            for other in before.chunks_exact(features) {
                let along = dot(direction, other);
                for (value, other) in direction.iter_mut().zip(other) {
                    *value -= along * other;
                }
            }
        }
        let left = dot(direction, direction).sqrt();
        scale(direction, if left > 1e-5 { 1.0 / left } else { 0.0 });
    }
}

fn scale(values: &mut [f32], by: f32) {
    values.iter_mut().for_each(|value| *value *= by);
}

/// The dot products of all pairs of columns.
fn gram(scores: &[Vec<f32>], size: usize) -> Vec<Vec<f64>> {
    let mut gram = vec![vec![0.0; size]; size];
    for row in scores {
        for (sums, &a) in gram.iter_mut().zip(row) {
            for (sum, &b) in sums.iter_mut().zip(row) {
                *sum += f64::from(a) * f64::from(b);
            }
        }
    }
    gram
}

/// The eigenvectors of a symmetric matrix, in order of decreasing eigenvalue.
/// Jacobi's cyclic method: Golub and Van Loan, “Matrix Computations”, 4th edition, section 8.5.
fn eigenvectors(mut matrix: Vec<Vec<f64>>) -> Vec<Vec<f32>> {
    let size = matrix.len();
    // Its rows end up as the eigenvectors.
    let mut vectors: Vec<Vec<f64>> = (0..size)
        .map(|row| (0..size).map(|at| f64::from(u8::from(at == row))).collect())
        .collect();
    let total: f64 = matrix.iter().flatten().map(|value| value * value).sum();
    for _sweep in 0..30 {
        let mut outside = 0.0;
        for p in 0..size {
            for q in p + 1..size {
                let value = matrix[p][q];
                outside += 2.0 * value * value;
                if value == 0.0 {
                    continue;
                }
                // The rotation that makes this element zero.
                let tau = (matrix[q][q] - matrix[p][p]) / (2.0 * value);
                let tangent = tau.signum() / (tau.abs() + tau.hypot(1.0));
                let cosine = 1.0 / tangent.hypot(1.0);
                let sine = tangent * cosine;
                let turn = |a: &mut f64, b: &mut f64| {
                    (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
                };
                for row in &mut matrix {
                    let (left, right) = row.split_at_mut(q);
                    turn(&mut left[p], &mut right[0]);
                }
                for rows in [&mut matrix, &mut vectors] {
                    let (upper, lower) = rows.split_at_mut(q);
                    for (a, b) in upper[p].iter_mut().zip(&mut lower[0]) {
                        turn(a, b);
                    }
                }
            }
        }
        if outside <= 1e-20 * total {
            break;
        }
    }
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|&a, &b| matrix[b][b].total_cmp(&matrix[a][a]));
    let vector = |index: usize| vectors[index].iter().map(|&value| value as f32).collect();
    order.into_iter().map(vector).collect()
}

/// Whether the element of a vector with the largest magnitude is negative; of nearly equal ones, the first counts.
fn is_negative(vector: &[f32]) -> bool {
    let most = vector
        .iter()
        .fold(0.0f32, |most, value| most.max(value.abs()));
    vector
        .iter()
        .find(|value| value.abs() >= 0.999 * most)
        .is_some_and(|value| *value < 0.0)
}

/// The dot product, in sixteen partial sums: a single sum could not be vectorised, because floating-point additions must not be reordered.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let length = a.len().min(b.len());
    let (a, a_rest) = a[..length].as_chunks::<16>();
    let (b, b_rest) = b[..length].as_chunks::<16>();
    let mut sums = [0.0; 16];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..16 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Recorder;
    use crate::look::projection::tests::{clusters, rows};

    fn components_of(embeddings: &[Vec<f32>], wanted: usize, seed: u64) -> Vec<Vec<f32>> {
        let rows = rows(embeddings);
        let host = Recorder::default();
        pollster::block_on(principal_components(&rows, wanted, seed, &host)).expect("runs")
    }

    fn covariance(scores: &[Vec<f32>], a: usize, b: usize) -> f64 {
        let products = scores
            .iter()
            .map(|row| f64::from(row[a]) * f64::from(row[b]));
        products.sum::<f64>() / scores.len() as f64
    }

    #[test]
    fn eigenvectors_of_a_matrix_solved_by_hand() {
        // Eigenvalues 3 and 1 for (1, 1) and (1, -1), and 2 for the third axis.
        let matrix = vec![
            vec![2.0, 1.0, 0.0],
            vec![1.0, 2.0, 0.0],
            vec![0.0, 0.0, 2.0],
        ];
        let half = 0.5f32.sqrt();
        let expected = [[half, half, 0.0], [0.0, 0.0, 1.0], [half, half, 0.0]];
        for (vector, expected) in eigenvectors(matrix).iter().zip(expected) {
            for (value, expected) in vector.iter().zip(expected) {
                assert!((value.abs() - expected).abs() < 1e-6, "{vector:?}");
            }
        }
    }

    #[test]
    fn variances_fall_and_are_those_of_the_whole_decomposition() {
        let embeddings = clusters(5, 40, 7);
        let scores = components_of(&embeddings, 6, 1);
        let centred = centred(&rows(&embeddings), 40);
        let centred: Vec<Vec<f32>> = centred.chunks_exact(40).map(<[f32]>::to_vec).collect();
        let matrix = gram(&centred, 40);
        let exact = eigenvectors(matrix);
        for component in 0..6 {
            let along = centred.iter().map(|row| dot(row, &exact[component]));
            let exact = along.map(|value| f64::from(value * value)).sum::<f64>() / 200.0;
            let found = covariance(&scores, component, component);
            assert!((found / exact - 1.0).abs() < 1e-2, "{found} {exact}");
            for other in 0..component {
                assert!(covariance(&scores, other, component).abs() < 1e-3 * exact);
                assert!(covariance(&scores, other, other) >= found);
            }
        }
    }

    #[test]
    fn distances_are_kept_when_all_components_are() {
        let embeddings = clusters(3, 3, 2);
        let scores = components_of(&embeddings, 9, 0);
        let squared =
            |a: &[f32], b: &[f32]| -> f32 { a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum() };
        for a in 0..9 {
            for b in 0..9 {
                let expected = squared(&embeddings[a], &embeddings[b]);
                assert!((squared(&scores[a], &scores[b]) - expected).abs() < 1e-3);
            }
        }
    }
}
