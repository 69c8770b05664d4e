//! Where the model looked: which parts of an image speak for a class.

use headstart_project::{HeatMap, TrainError};

use crate::host::{internal, pause, values};
use crate::{Head, Host, Interrupted};

/// What each cell of the last feature map contributes to a class's logit; `maps` is `[features, side * side]`, for one image.
///
/// The embedding is the mean of the map over its cells, and given the hidden units that this image activates, the head is affine.
/// So the logit is a sum over the cells of the gradient with respect to the embedding times the cell's features divided by the number of cells, plus a remainder that depends on no cell.
/// For a linear head this is class activation mapping: Zhou et al., “Learning Deep Features for Discriminative Localization”, CVPR 2016, arXiv:1512.04150.
/// With a hidden layer it is HiResCAM: Draelos and Carin, “Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural networks”, 2020, arXiv:2011.08891.
///
/// # Errors
/// [`TrainError::Internal`] when map, head and class do not fit together, or the device cannot be read.
pub async fn heat_map(
    head: &Head,
    maps: &[f32],
    side: usize,
    class: usize,
) -> Result<HeatMap, TrainError> {
    let cells = side * side;
    if cells == 0 || maps.is_empty() || !maps.len().is_multiple_of(cells) {
        return Err(internal("the feature map has another shape"));
    }
    let embedding: Vec<f32> = maps
        .chunks_exact(cells)
        .map(|map| map.iter().sum::<f32>() / cells as f32)
        .collect();
    let gradient = gradient(head, &embedding, class).await?;
    let mut values = vec![0.0; cells];
    for (slope, map) in gradient.iter().zip(maps.chunks_exact(cells)) {
        for (value, feature) in values.iter_mut().zip(map) {
            *value += slope * feature / cells as f32;
        }
    }
    Ok(HeatMap {
        class: class as u32,
        side: side as u32,
        values,
    })
}

/// The gradient of a class's logit with respect to the embedding.
async fn gradient(head: &Head, embedding: &[f32], class: usize) -> Result<Vec<f32>, TrainError> {
    if class >= head.classes() {
        return Err(internal("there is no such class"));
    }
    let (hidden, output) = head.layers();
    let mut slopes: Vec<f32> = values(output.weight.val())
        .await?
        .chunks_exact(head.classes())
        .map(|to_classes| to_classes[class])
        .collect();
    if let Some(hidden) = hidden {
        let units = slopes.len();
        let weights = values(hidden.weight.val()).await?; // [features, units]
        let mut sums = match &hidden.bias {
            Some(bias) => values(bias.val()).await?,
            None => vec![0.0; units],
        };
        for (feature, to_units) in embedding.iter().zip(weights.chunks_exact(units)) {
            for (sum, weight) in sums.iter_mut().zip(to_units) {
                *sum += feature * weight;
            }
        }
        // A unit contributes only if the ReLU lets it through.
        for (slope, sum) in slopes.iter_mut().zip(&sums) {
            if *sum <= 0.0 {
                *slope = 0.0;
            }
        }
        slopes = weights
            .chunks_exact(units)
            .map(|to_units| to_units.iter().zip(&slopes).map(|(a, b)| a * b).sum())
            .collect();
    }
    if slopes.len() != embedding.len() {
        return Err(internal("the head is made for another feature map"));
    }
    Ok(slopes)
}

/// How a probability changes when parts of an image are covered: for each of `grid` × `grid` positions, row by row, the probability with the patch there minus that for the uncovered image.
///
/// `planes` is one normalised image, `[3, side_px, side_px]`, and `judge` returns the probability for such planes.
/// The patch has a quarter of the image's side and the image's mean colour.
/// It is centred on each of the `grid` × `grid` cells in turn, so that the result can be drawn over the image like a heat map; at the border it is cut off.
/// Zeiler and Fergus, “Visualizing and Understanding Convolutional Networks”, ECCV 2014, arXiv:1311.2901.
///
/// # Errors
/// When `planes` have another shape, the host cancels, or the judge fails.
pub async fn occlude<E: From<Interrupted>>(
    planes: Vec<f32>,
    side_px: usize,
    grid: usize,
    mut judge: impl AsyncFnMut(Vec<f32>) -> Result<f32, E>,
    host: &impl Host,
) -> Result<Vec<f32>, E> {
    let area = side_px * side_px;
    if area == 0 || planes.len() != 3 * area {
        let reason = internal("the image has another shape");
        return Err(Interrupted::Failed(reason).into());
    }
    let colors: Vec<f32> = planes
        .chunks_exact(area)
        .map(|plane| {
            (plane.iter().map(|&value| f64::from(value)).sum::<f64>() / area as f64) as f32
        })
        .collect();
    let total = (grid * grid + 1) as u32;
    let whole = judge(planes.clone()).await?;
    host.report_progress(1, total);
    let mut changes = Vec::with_capacity(grid * grid);
    for row in 0..grid {
        for column in 0..grid {
            pause(host).await?;
            let [rows, columns] = [row, column].map(|cell| covered(cell, grid, side_px));
            let mut covered = planes.clone();
            for (plane, &color) in covered.chunks_exact_mut(area).zip(&colors) {
                for line in plane
                    .chunks_exact_mut(side_px)
                    .take(rows.end)
                    .skip(rows.start)
                {
                    line[columns.clone()].fill(color);
                }
            }
            changes.push(judge(covered).await? - whole);
            host.report_progress(changes.len() as u32 + 1, total);
        }
    }
    Ok(changes)
}

/// The pixels of a row or column that the patch covers at a position.
fn covered(cell: usize, grid: usize, side_px: usize) -> std::ops::Range<usize> {
    let patch = (side_px / 4).max(side_px.div_ceil(grid));
    let middle = (2 * cell + 1) * side_px / (2 * grid);
    let first = middle.saturating_sub(patch / 2);
    first..(middle + patch - patch / 2).min(side_px)
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::disallowed_methods,
        reason = "natively a tensor may be read synchronously"
    )]

    use std::cell::Cell;

    use burn::tensor::{Device, Distribution, Tensor, TensorData};

    use super::*;
    use crate::HeadConfig;
    use crate::host::testing::Recorder;

    const FEATURES: usize = 6;
    const SIDE: usize = 3;
    const CELLS: usize = SIDE * SIDE;

    fn head_and_maps(hidden_units: usize) -> (Head, Vec<f32>) {
        let device = Device::flex();
        device.seed(5);
        let head = HeadConfig::new(FEATURES, 4, hidden_units, 0.5).init(&device);
        let maps =
            Tensor::<1>::random([FEATURES * CELLS], Distribution::Uniform(0.0, 6.0), &device);
        (head, maps.into_data().iter().collect())
    }

    /// The class's logit according to the head itself.
    fn logit(head: &Head, maps: &[f32], class: usize) -> f64 {
        let embedding: Vec<f32> = maps
            .chunks_exact(CELLS)
            .map(|map| map.iter().sum::<f32>() / CELLS as f32)
            .collect();
        let embedding =
            Tensor::from_data(TensorData::new(embedding, [1, FEATURES]), &Device::flex());
        let logits: Vec<f32> = head.forward(embedding).into_data().iter().collect();
        f64::from(logits[class])
    }

    #[test]
    fn heat_is_the_gradient_by_each_cell_times_what_is_there() {
        for hidden_units in [0, 9] {
            let (head, maps) = head_and_maps(hidden_units);
            for class in 0..4 {
                let heat = pollster::block_on(heat_map(&head, &maps, SIDE, class)).expect("fits");
                assert_eq!((heat.class, heat.side), (class as u32, SIDE as u32));
                for cell in 0..CELLS {
                    let mut expected = 0.0;
                    for feature in 0..FEATURES {
                        let at = feature * CELLS + cell;
                        let moved = |by: f32| {
                            let mut maps = maps.clone();
                            maps[at] += by;
                            logit(&head, &maps, class)
                        };
                        let slope = (moved(0.05) - moved(-0.05)) / 0.1;
                        expected += slope * f64::from(maps[at]);
                    }
                    let value = f64::from(heat.values[cell]);
                    assert!((value - expected).abs() < 1e-3, "{value} {expected}");
                }
            }
        }
    }

    #[test]
    fn heat_and_the_affine_rest_sum_to_the_logit() {
        for hidden_units in [0, 9] {
            let (head, maps) = head_and_maps(hidden_units);
            for class in 0..4 {
                let heat = pollster::block_on(heat_map(&head, &maps, SIDE, class)).expect("fits");
                let sum: f64 = heat.values.iter().map(|&value| f64::from(value)).sum();
                let rest = logit(&head, &maps, class) - sum;
                // The remainder is the same for all images that activate the same hidden units, and so also for slightly brighter ones.
                let brighter: Vec<f32> = maps.iter().map(|value| value * 1.001).collect();
                let heat = pollster::block_on(heat_map(&head, &brighter, SIDE, class));
                let sum: f64 = heat
                    .expect("fits")
                    .values
                    .iter()
                    .map(|&it| f64::from(it))
                    .sum();
                assert!((logit(&head, &brighter, class) - sum - rest).abs() < 1e-5);
                if hidden_units == 0 {
                    let bias = head.layers().1.bias.as_ref().expect("has a bias").val();
                    let bias: Vec<f32> = bias.into_data().iter().collect();
                    assert!((rest - f64::from(bias[class])).abs() < 1e-5);
                }
            }
        }
    }

    #[test]
    fn a_map_that_does_not_fit_is_an_error() {
        let (head, maps) = head_and_maps(3);
        let of = |maps: &[f32], side, class| pollster::block_on(heat_map(&head, maps, side, class));
        assert!(of(&maps, SIDE, 4).is_err());
        assert!(of(&maps, 0, 0).is_err());
        assert!(of(&[], SIDE, 0).is_err());
        assert!(of(&maps[1..], SIDE, 0).is_err());
        assert!(of(&maps[CELLS..], SIDE, 0).is_err());
    }

    #[test]
    fn the_patch_is_as_large_inside_and_reaches_the_borders() {
        let patches: Vec<_> = (0..7).map(|cell| covered(cell, 7, 224)).collect();
        assert_eq!(patches[0], 0..44);
        assert_eq!(patches[1], 20..76);
        assert_eq!(patches[3], 84..140);
        assert_eq!(patches[6], 180..224);
        assert_eq!(covered(0, 1, 224), 0..224);
    }

    #[test]
    fn covering_what_the_judge_looks_at_lowers_its_probability() {
        // The judge sees the mean of the upper right quarter's first plane.
        let side = 16;
        let is_seen = |at: usize| at % side >= side / 2 && at / side < side / 2;
        let planes: Vec<f32> = (0..3 * side * side)
            .map(|at| {
                if at < side * side && is_seen(at) {
                    1.0
                } else {
                    0.0
                }
            })
            .collect();
        let mut judged = 0;
        let judge = async |planes: Vec<f32>| -> Result<f32, Interrupted> {
            judged += 1;
            let seen = (0..side * side).filter(|&at| is_seen(at));
            Ok(seen.map(|at| planes[at]).sum::<f32>() / (side * side / 4) as f32)
        };
        let host = Recorder::default();
        let changes = pollster::block_on(occlude(planes, side, 4, judge, &host)).expect("judges");
        assert_eq!(judged, 17);
        let last = (17, 17);
        assert_eq!(host.progress.borrow().last(), Some(&last));
        // Each of the four inner patches covers a quarter of what the judge sees, and replaces it with the mean of the image.
        let change = -0.25 * 0.75;
        for (index, value) in changes.iter().enumerate() {
            let expected = if index % 4 >= 2 && index / 4 < 2 {
                change
            } else {
                0.0
            };
            assert!((value - expected).abs() < 1e-6, "{index}: {value}");
        }
    }

    #[test]
    fn it_stops_when_the_host_cancels_and_when_the_judge_fails() {
        let host = Recorder {
            pauses_left: Cell::new(3),
            ..Recorder::default()
        };
        let mut judged = 0;
        let judge = async |_: Vec<f32>| -> Result<f32, Interrupted> {
            judged += 1;
            Ok(0.5)
        };
        let outcome = pollster::block_on(occlude(vec![0.0; 48], 4, 7, judge, &host));
        assert_eq!(outcome, Err(Interrupted::Cancelled));
        assert_eq!(judged, 3);
        let fail = async |_: Vec<f32>| Err(Interrupted::Failed(TrainError::Diverged));
        let outcome = pollster::block_on(occlude(vec![0.0; 48], 4, 7, fail, &host));
        assert_eq!(outcome, Err(Interrupted::Failed(TrainError::Diverged)));
        let judge = async |_: Vec<f32>| Ok::<_, Interrupted>(0.5);
        assert!(pollster::block_on(occlude(vec![0.0; 47], 4, 7, judge, &host)).is_err());
    }
}
