//! t-SNE: a map on which neighbours stay neighbours.
//!
//! Van der Maaten and Hinton, “Visualizing Data using t-SNE”, JMLR 2008.
//! Only near neighbours attract each other (van der Maaten, “Accelerating t-SNE using Tree-Based Algorithms”, JMLR 2014); all pairs repel, exactly and without a tree: vectorised, 3,000 images take about eight seconds in a browser.
//! Initialisation and step size follow Kobak and Berens, “The art of using t-SNE for single-cell transcriptomics”, Nature Communications 2019, and Belkina et al., “Automated optimized parameters for t-SNE”, Nature Communications 2019.
//!
//! It is written out because no crate fits a worker with one thread: bhtsne, umap-rs, annembed and manifolds-rs all need rayon's threads, and none of them can yield between two iterations, so a request to stop would go unheard.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::components::principal_components;
use super::{first_two, fit_into_square};
use crate::host::pause;
use crate::{Host, Interrupted};

/// Distances are measured along this many principal components; the rest is mostly noise.
const COMPONENTS: usize = 50;
/// About this many neighbours count for each image, if there are enough.
const PERPLEXITY: f64 = 30.0;
const ITERATIONS: u32 = 500;
/// In this many iterations attraction is stronger, so that clusters come together before they harden.
const EXAGGERATED: u32 = 150;
/// How much stronger, for few and for many images. Among few images nearly all are each other's neighbours, and what pulls thousands together would collapse them into a single point; 4 is the value in the original paper.
const EXAGGERATION: [f32; 2] = [4.0, 12.0];
/// The exaggeration grows by one for every this many images.
const IMAGES_PER_EXAGGERATION: f32 = 250.0;
/// A layout that shrinks to this share of its initial width is about to collapse into a single point.
const COLLAPSED: f32 = 0.1;
/// The furthest that a point may move along an axis in one iteration.
const LONGEST_STEP: f32 = 5.0;
/// How many pairs of points are processed between two pauses, about a millisecond's work.
const PAIRS: usize = 500_000;

/// Places embeddings so that close neighbours stay close; distances between clusters mean little.
///
/// All points are within -1 to 1, both axes at the same scale.
/// The same embeddings and seed give the same map.
/// Up to three embeddings are placed by their principal components.
///
/// # Errors
/// When the host cancels.
pub async fn tsne(
    embeddings: &[&[f32]],
    seed: u64,
    host: &impl Host,
) -> Result<Vec<[f32; 2]>, Interrupted> {
    let scores = principal_components(embeddings, COMPONENTS, seed, host).await?;
    let count = scores.len();
    if count <= 3 {
        return Ok(fit_into_square(&first_two(&scores)));
    }
    let attractions = attractions(&scores, host).await?;
    let mut layout = start(&first_two(&scores), seed);
    let mut velocity = [vec![0.0f32; count], vec![0.0; count]];
    let mut gains = [vec![1.0f32; count], vec![1.0; count]];
    let [least, most] = EXAGGERATION;
    let mut early = (count as f32 / IMAGES_PER_EXAGGERATION).clamp(least, most);
    let collapsed = COLLAPSED * width(&layout);
    for iteration in 1..=ITERATIONS {
        let (exaggeration, momentum) = if iteration <= EXAGGERATED {
            // If all images are about equally far apart, any exaggeration collapses them into one point.
            if width(&layout) < collapsed {
                early = 1.0;
            }
            (early, 0.5)
        } else {
            (1.0, 0.8)
        };
        let rate = count as f32 / exaggeration;
        let gradient = gradient(&layout, &attractions, exaggeration, host).await?;
        for axis in 0..2 {
            for point in 0..count {
                let slope = gradient[axis][point];
                let velocity = &mut velocity[axis][point];
                let gain = &mut gains[axis][point];
                // Faster while the direction stays the same, slower when it reverses.
                let is_turning = (slope > 0.0) == (*velocity > 0.0);
                *gain = if is_turning {
                    (*gain * 0.8).max(0.01)
                } else {
                    *gain + 0.2
                };
                *velocity = (momentum * *velocity - rate * *gain * slope)
                    .clamp(-LONGEST_STEP, LONGEST_STEP);
                layout[axis][point] += *velocity;
            }
        }
        host.report_progress(iteration, ITERATIONS);
    }
    let points: Vec<[f32; 2]> = (0..count)
        .map(|at| [layout[0][at], layout[1][at]])
        .collect();
    Ok(fit_into_square(&points))
}

/// How strongly two points attract each other: half of the pair's joint probability, which adds up if each is among the other's neighbours.
struct Attraction {
    points: [usize; 2],
    weight: f32,
}

/// The attractions of all points to their nearest neighbours; the weights sum to one half.
async fn attractions(
    scores: &[Vec<f32>],
    host: &impl Host,
) -> Result<Vec<Attraction>, Interrupted> {
    let count = scores.len();
    let perplexity = PERPLEXITY.min((count - 1) as f64 / 3.0);
    let neighbours = ((3.0 * perplexity).ceil() as usize).min(count - 1);
    let mut attractions = Vec::with_capacity(count * neighbours);
    for (point, row) in scores.iter().enumerate() {
        if point % (PAIRS / (10 * count)).max(1) == 0 {
            pause(host).await?;
        }
        let others = scores
            .iter()
            .enumerate()
            .filter(|&(other, _)| other != point);
        let mut nearest: Vec<(f32, usize)> = others
            .map(|(other, values)| (squared_distance(row, values), other))
            .collect();
        if neighbours < nearest.len() {
            // Ties are broken by index, so that the outcome does not depend on the internal order of the selection.
            nearest
                .select_nth_unstable_by(neighbours, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            nearest.truncate(neighbours);
            nearest.sort_unstable_by_key(|&(_, other)| other);
        }
        let squared: Vec<f32> = nearest.iter().map(|&(squared, _)| squared).collect();
        let probabilities = conditional_probabilities(&squared, perplexity);
        for (probability, (_, other)) in probabilities.iter().zip(nearest) {
            attractions.push(Attraction {
                points: [point, other],
                weight: (probability / (2.0 * count as f64)) as f32,
            });
        }
    }
    Ok(attractions)
}

fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// Probabilities that fall off with the squared distance like a normal distribution, with the width that gives the desired perplexity.
fn conditional_probabilities(squared: &[f32], perplexity: f64) -> Vec<f64> {
    let least = squared.iter().copied().fold(f32::INFINITY, f32::min);
    let beyond: Vec<f64> = squared.iter().map(|&it| f64::from(it - least)).collect();
    let mean = beyond.iter().sum::<f64>() / beyond.len() as f64;
    if mean <= 0.0 {
        // All neighbours are equally close.
        return vec![1.0 / beyond.len() as f64; beyond.len()];
    }
    let (mut low, mut high, mut precision) = (0.0, f64::INFINITY, 1.0 / mean);
    let mut weights = Vec::new();
    let mut sum = 1.0;
    for _ in 0..60 {
        weights = beyond.iter().map(|it| (-it * precision).exp()).collect();
        sum = weights.iter().sum();
        let energy: f64 = weights.iter().zip(&beyond).map(|(a, b)| a * b).sum();
        let excess = sum.ln() + precision * energy / sum - perplexity.ln();
        if excess.abs() < 1e-5 {
            break;
        }
        if excess > 0.0 {
            low = precision;
            precision = if high.is_finite() {
                (low + high) / 2.0
            } else {
                precision * 2.0
            };
        } else {
            high = precision;
            precision = (low + high) / 2.0;
        }
    }
    weights.iter().map(|weight| weight / sum).collect()
}

/// The principal components at a tiny scale, jittered according to the seed so slightly that it only separates equal embeddings.
fn start(points: &[[f32; 2]], seed: u64) -> [Vec<f32>; 2] {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let squares: f32 = points.iter().map(|point| point[0] * point[0]).sum();
    let deviation = (squares / points.len() as f32).sqrt();
    let scale = if deviation > 0.0 {
        1e-4 / deviation
    } else {
        0.0
    };
    [0, 1].map(|axis| {
        let place = |point: &[f32; 2]| point[axis] * scale + (rng.random::<f32>() - 0.5) * 1e-5;
        points.iter().map(place).collect()
    })
}

/// The larger of a layout's extents along the two axes.
fn width(layout: &[Vec<f32>; 2]) -> f32 {
    let extents = layout.iter().map(|axis| {
        let least = axis.iter().copied().fold(f32::INFINITY, f32::min);
        axis.iter().copied().fold(f32::NEG_INFINITY, f32::max) - least
    });
    extents.fold(0.0, f32::max)
}

/// A quarter of the gradient of the Kullback–Leibler divergence with respect to each point, for each axis.
async fn gradient(
    layout: &[Vec<f32>; 2],
    attractions: &[Attraction],
    exaggeration: f32,
    host: &impl Host,
) -> Result<[Vec<f32>; 2], Interrupted> {
    let [xs, ys] = layout;
    let count = xs.len();
    let mut gradient = [vec![0.0; count], vec![0.0; count]];
    let mut total = 0.0f64;
    for point in 0..count {
        if point % (PAIRS / count).max(1) == 0 {
            pause(host).await?;
        }
        let [closeness, x, y] = repulsion(xs[point], ys[point], xs, ys);
        // Without the point itself, whose closeness is 1.
        total += f64::from(closeness) - 1.0;
        gradient[0][point] = x;
        gradient[1][point] = y;
    }
    let share = -1.0 / total.max(f64::MIN_POSITIVE) as f32;
    for value in gradient.iter_mut().flatten() {
        *value *= share;
    }
    for &Attraction {
        points: [a, b],
        weight,
    } in attractions
    {
        let (x, y) = (xs[a] - xs[b], ys[a] - ys[b]);
        let pull = exaggeration * weight / (1.0 + x * x + y * y);
        for (axis, distance) in [x, y].into_iter().enumerate() {
            gradient[axis][a] += pull * distance;
            gradient[axis][b] -= pull * distance;
        }
    }
    Ok(gradient)
}

/// Sums over all points: of the closeness 1 / (1 + d²), and for each axis of its square times the distance.
fn repulsion(x: f32, y: f32, xs: &[f32], ys: &[f32]) -> [f32; 3] {
    // Eight partial sums: a single one could not be vectorised, because floating-point additions must not be reordered.
    const LANES: usize = 8;
    let of = |other_x: f32, other_y: f32| {
        let (x, y) = (x - other_x, y - other_y);
        let closeness = 1.0 / (1.0 + x * x + y * y);
        [
            closeness,
            closeness * closeness * x,
            closeness * closeness * y,
        ]
    };
    let ((xs, xs_rest), (ys, ys_rest)) = (xs.as_chunks::<LANES>(), ys.as_chunks::<LANES>());
    let mut lanes = [[0.0; LANES]; 3];
    for (xs, ys) in xs.iter().zip(ys) {
        for lane in 0..LANES {
            let parts = of(xs[lane], ys[lane]);
            for (sums, part) in lanes.iter_mut().zip(parts) {
                sums[lane] += part;
            }
        }
    }
    let mut sums = lanes.map(|lanes| lanes.iter().sum::<f32>());
    for (&x, &y) in xs_rest.iter().zip(ys_rest) {
        for (sum, part) in sums.iter_mut().zip(of(x, y)) {
            *sum += part;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::host::testing::Recorder;
    use crate::look::projection::tests::{clusters, rows};

    fn tsne_of(embeddings: &[Vec<f32>], seed: u64) -> Vec<[f32; 2]> {
        pollster::block_on(tsne(&rows(embeddings), seed, &Recorder::default())).expect("runs")
    }

    /// The share of points whose nearest neighbour has the same class.
    fn agreement(points: &[[f32; 2]], per_class: usize) -> f64 {
        let agrees = |&point: &usize| {
            let others = (0..points.len()).filter(|&other| other != point);
            let nearest = others.min_by(|&a, &b| {
                let to = |other: usize| squared_distance(&points[point], &points[other]);
                to(a).total_cmp(&to(b))
            });
            nearest.is_some_and(|nearest| nearest / per_class == point / per_class)
        };
        (0..points.len()).filter(agrees).count() as f64 / points.len() as f64
    }

    #[test]
    fn clusters_stay_apart_and_the_seed_decides() {
        let embeddings = clusters(8, 25, 11);
        let points = tsne_of(&embeddings, 4);
        assert!(
            points
                .iter()
                .flatten()
                .all(|value| (-1.0..=1.0).contains(value))
        );
        assert!(points.iter().flatten().any(|value| value.abs() > 0.99));
        assert_eq!(agreement(&points, 25), 1.0);
        assert_eq!(points, tsne_of(&embeddings, 4));
        assert_ne!(points, tsne_of(&embeddings, 5));
    }

    #[test]
    fn few_embeddings_that_are_all_about_equally_far_apart_do_not_collapse() {
        // 75 classes with one image each.
        let points = tsne_of(&clusters(75, 1, 3), 0);
        assert!(points.iter().flatten().any(|value| value.abs() > 0.99));
        for (at, point) in points.iter().enumerate() {
            let mut others = points.iter().skip(at + 1);
            assert!(others.all(|other| squared_distance(point, other) > 1e-6));
        }
    }

    #[test]
    fn few_and_equal_embeddings_have_sane_places() {
        for count in 0..12 {
            let apart = tsne_of(&clusters(1, count, 1), 0);
            let equal = tsne_of(&vec![vec![0.5; 20]; count], 0);
            for points in [apart, equal] {
                assert_eq!(points.len(), count);
                assert!(
                    points
                        .iter()
                        .flatten()
                        .all(|value| (-1.0..=1.0).contains(value))
                );
            }
        }
        // Two pictures, each many times.
        let pair = [vec![vec![0.0; 20]; 30], vec![vec![1.0; 20]; 30]].concat();
        assert_eq!(agreement(&tsne_of(&pair, 0), 30), 1.0);
    }

    #[test]
    fn probabilities_have_the_perplexity_that_is_asked_for() {
        let squared: Vec<f32> = (0..90)
            .map(|index| 3.0 + (index * index) as f32 * 0.01)
            .collect();
        for perplexity in [2.0, 10.0, 30.0] {
            let probabilities = conditional_probabilities(&squared, perplexity);
            let entropy: f64 = probabilities.iter().map(|p| -p * p.max(1e-300).ln()).sum();
            assert!((entropy.exp() / perplexity - 1.0).abs() < 1e-3);
            assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn the_gradient_agrees_with_finite_differences() {
        let host = Recorder::default();
        let scores = clusters(2, 5, 9);
        let pairs = pollster::block_on(attractions(&scores, &host)).expect("runs");
        let weights: f32 = pairs.iter().map(|pair| pair.weight).sum();
        assert!((weights - 0.5).abs() < 1e-5);
        let mut joint = vec![vec![0.0f64; 10]; 10];
        for pair in &pairs {
            let [a, b] = pair.points;
            joint[a][b] += f64::from(pair.weight);
            joint[b][a] += f64::from(pair.weight);
        }
        let divergence = |layout: &[Vec<f32>; 2]| {
            let closeness = |a: usize, b: usize| {
                let [x, y] = [0, 1].map(|axis| f64::from(layout[axis][a] - layout[axis][b]));
                1.0 / (1.0 + x * x + y * y)
            };
            let mut total = 0.0;
            for a in 0..10 {
                total += (0..10)
                    .filter(|&b| b != a)
                    .map(|b| closeness(a, b))
                    .sum::<f64>();
            }
            let mut sum = 0.0;
            for (a, row) in joint.iter().enumerate() {
                for (b, &together) in row.iter().enumerate() {
                    // A point is never its own neighbour, and most pairs are not neighbours.
                    if together > 0.0 {
                        sum += together * (together * total / closeness(a, b)).ln();
                    }
                }
            }
            sum
        };
        let layout = [0, 1].map(|axis| scores.iter().map(|row| row[axis]).collect::<Vec<f32>>());
        let gradient = pollster::block_on(gradient(&layout, &pairs, 1.0, &host)).expect("runs");
        for axis in 0..2 {
            for point in 0..10 {
                let moved = |by: f32| {
                    let mut layout = layout.clone();
                    layout[axis][point] += by;
                    divergence(&layout)
                };
                let difference = (moved(1e-2) - moved(-1e-2)) / 2e-2;
                let slope = 4.0 * f64::from(gradient[axis][point]);
                assert!((difference - slope).abs() < 1e-4, "{difference} {slope}");
            }
        }
    }

    #[test]
    fn it_reports_each_iteration_and_stops_when_the_host_cancels() {
        let embeddings = clusters(3, 10, 1);
        let host = Recorder::default();
        pollster::block_on(tsne(&rows(&embeddings), 0, &host)).expect("runs");
        let expected: Vec<(u32, u32)> = (1..=ITERATIONS).map(|done| (done, ITERATIONS)).collect();
        assert_eq!(*host.progress.borrow(), expected);
        let host = Recorder {
            pauses_left: Cell::new(100),
            ..Recorder::default()
        };
        let outcome = pollster::block_on(tsne(&rows(&embeddings), 0, &host));
        assert_eq!(outcome, Err(Interrupted::Cancelled));
        assert!(host.progress.borrow().len() < 100);
    }
}
