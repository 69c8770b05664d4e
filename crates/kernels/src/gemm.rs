//! Matrix product with the bias and the clamp of a convolution folded in.

use crate::simd::F32x4;

/// How many columns one panel of the right-hand matrix covers: two SIMD registers.
pub const PANEL: usize = 8;

/// How many rows of the left-hand matrix one pass of the kernel covers.
/// 4 × 8 sums, two panel registers, a splat and a product fit into the 15 registers that the browser's compiler can allocate; 6 × 8 measured a third slower.
const ROWS: usize = 4;

/// The left-hand matrix, and what happens to each sum.
#[derive(Clone, Copy)]
pub struct Weights<'a> {
    /// `[rows, depth]`, row by row.
    pub matrix: &'a [f32],
    /// `[rows]`, added to each sum.
    pub bias: &'a [f32],
    /// The number of terms in each sum.
    pub depth: usize,
    /// The minimum and maximum of a result.
    pub clamp: [f32; 2],
}

/// Multiplies the weights by one panel and writes `columns` columns of the result, at most [`PANEL`].
///
/// `panel` is `[depth, PANEL]`; `output` starts at the first column to write and has rows of `stride` values.
pub fn multiply_panel(
    weights: Weights<'_>,
    panel: &[f32],
    output: &mut [f32],
    stride: usize,
    columns: usize,
) {
    let depth = weights.depth.max(1);
    let blocks = weights
        .matrix
        .chunks(depth * ROWS)
        .zip(weights.bias.chunks(ROWS))
        .zip(output.chunks_mut(stride * ROWS));
    for ((matrix, bias), output) in blocks {
        let block = Weights {
            matrix,
            bias,
            ..weights
        };
        match bias.len() {
            4 => multiply_rows::<4>(block, panel, output, stride, columns),
            3 => multiply_rows::<3>(block, panel, output, stride, columns),
            2 => multiply_rows::<2>(block, panel, output, stride, columns),
            _ => multiply_rows::<1>(block, panel, output, stride, columns),
        }
    }
}

#[inline]
#[cfg_attr(
    all(target_arch = "wasm32", feature = "relaxed-simd"),
    target_feature(enable = "relaxed-simd")
)]
fn multiply_rows<const M: usize>(
    weights: Weights<'_>,
    panel: &[f32],
    output: &mut [f32],
    stride: usize,
    columns: usize,
) {
    let depth = weights.depth;
    // Slices of known length let the compiler drop the bounds checks below.
    let rows: [&[f32]; M] = core::array::from_fn(|row| &weights.matrix[row * depth..][..depth]);
    let (panel, _) = panel[..depth * PANEL].as_chunks::<PANEL>();
    let mut sums: [[F32x4; 2]; M] =
        core::array::from_fn(|row| [F32x4::splat(weights.bias[row]); 2]);
    for (step, values) in panel.iter().enumerate() {
        let ([left, right], _) = values.as_chunks::<4>() else {
            continue;
        };
        let (left, right) = (F32x4::load(left), F32x4::load(right));
        for row in 0..M {
            let weight = F32x4::splat(rows[row][step]);
            sums[row][0] = weight.mul_add(left, sums[row][0]);
            sums[row][1] = weight.mul_add(right, sums[row][1]);
        }
    }
    let [least, most] = weights.clamp.map(F32x4::splat);
    for (sums, output) in sums.iter().zip(output.chunks_mut(stride)) {
        let [left, right] = sums.map(|sum| sum.clamp(least, most));
        if let Some(output) = output.first_chunk_mut::<PANEL>()
            && columns == PANEL
        {
            store(left, right, output);
        } else {
            let mut values = [0.0; PANEL];
            store(left, right, &mut values);
            output[..columns].copy_from_slice(&values[..columns]);
        }
    }
}

#[inline(always)]
fn store(left: F32x4, right: F32x4, output: &mut [f32; PANEL]) {
    if let ([first, second], _) = output.as_chunks_mut::<4>() {
        left.store(first);
        right.store(second);
    }
}
