//! Depthwise convolution: each channel is filtered on its own.

use crate::simd::F32x4;

/// How many outputs of a row are computed together.
const BLOCK: usize = 8;

/// How many inputs of a row a block of outputs sees: `BLOCK` plus the filter's reach, which is at most 4.
const WINDOW: usize = BLOCK + 4;

/// A depthwise convolution's shape.
#[derive(Clone, Copy)]
pub struct Plane {
    /// Height and width of the input.
    pub input: [usize; 2],
    /// Height and width of the output.
    pub output: [usize; 2],
    /// Rows and columns of zeros before the input.
    pub padding_begin: [usize; 2],
    /// The stride, 1 or 2.
    pub stride: usize,
    /// The minimum and maximum of a result.
    pub clamp: [f32; 2],
}

/// A copy of one channel with a border of zeros.
///
/// With stride 2, even and odd columns are stored separately, so that neighbouring outputs always read neighbouring values.
pub struct Padded {
    values: Vec<f32>,
    row: usize,
    half: usize,
}

impl Padded {
    /// Allocates room for a channel of `plane` under a `kernel × kernel` filter.
    pub fn new(plane: &Plane, kernel: usize) -> Self {
        // The last window of a row reaches beyond its end.
        let half = plane.output[1].next_multiple_of(BLOCK) + WINDOW;
        let row = half * plane.stride;
        let rows = (plane.output[0] - 1) * plane.stride + kernel;
        let rows = rows.max(plane.input[0] + plane.padding_begin[0]);
        Self {
            values: vec![0.0; rows * row],
            row,
            half,
        }
    }

    fn fill(&mut self, plane: &Plane, channel: &[f32]) {
        let [top, left] = plane.padding_begin;
        let rows = self.values.chunks_exact_mut(self.row).skip(top);
        for (row, source) in rows.zip(channel.chunks_exact(plane.input[1])) {
            if plane.stride == 1 {
                row[left..left + source.len()].copy_from_slice(source);
            } else {
                let (even, odd) = row.split_at_mut(self.half);
                // Column `left + x` of the padded row is even where `x` has the parity of `left`.
                let (first, second) = if left % 2 == 0 {
                    (&mut even[left / 2..], &mut odd[left / 2..])
                } else {
                    (&mut odd[left / 2..], &mut even[left / 2 + 1..])
                };
                for ((pair, first), second) in source.chunks(2).zip(first).zip(second) {
                    *first = pair[0];
                    if let Some(&value) = pair.get(1) {
                        *second = value;
                    }
                }
            }
        }
    }
}

/// Filters one channel: `filter` is `[K, K]`, `channel` the input, `output` the result, both row by row.
pub fn filter_channel<const K: usize>(
    plane: &Plane,
    padded: &mut Padded,
    filter: &[f32],
    bias: f32,
    channel: &[f32],
    output: &mut [f32],
) {
    padded.fill(plane, channel);
    if plane.stride == 1 {
        filter_padded::<K, 1>(plane, padded, filter, bias, output);
    } else {
        filter_padded::<K, 2>(plane, padded, filter, bias, output);
    }
}

#[inline]
#[cfg_attr(
    all(target_arch = "wasm32", feature = "relaxed-simd"),
    target_feature(enable = "relaxed-simd")
)]
fn filter_padded<const K: usize, const STRIDE: usize>(
    plane: &Plane,
    padded: &Padded,
    filter: &[f32],
    bias: f32,
    output: &mut [f32],
) {
    let [least, most] = plane.clamp.map(F32x4::splat);
    let width = plane.output[1];
    let mut splats = [[F32x4::splat(0.0); K]; K];
    for (splats, weights) in splats.iter_mut().zip(filter.chunks_exact(K)) {
        for (splat, &weight) in splats.iter_mut().zip(weights) {
            *splat = F32x4::splat(weight);
        }
    }
    for (y, output) in output.chunks_exact_mut(width).enumerate() {
        // One slice per row of taps and per parity of the column.
        let rows: [[&[f32]; STRIDE]; K] = core::array::from_fn(|tap| {
            let row = &padded.values[(y * STRIDE + tap) * padded.row..][..padded.row];
            core::array::from_fn(|parity| &row[parity * padded.half..][..padded.half])
        });
        for (block, output) in output.chunks_mut(BLOCK).enumerate() {
            let mut sums = [F32x4::splat(bias); BLOCK / 4];
            for (row, weights) in rows.iter().zip(&splats) {
                for (parity, row) in row.iter().enumerate() {
                    // A window of known length lets the compiler drop all further bounds checks.
                    let Some(window) = row[block * BLOCK..].first_chunk::<WINDOW>() else {
                        continue;
                    };
                    for (step, weight) in weights.iter().skip(parity).step_by(STRIDE).enumerate() {
                        for (lane, sum) in sums.iter_mut().enumerate() {
                            if let Some(values) = window[lane * 4 + step..].first_chunk() {
                                *sum = weight.mul_add(F32x4::load(values), *sum);
                            }
                        }
                    }
                }
            }
            let mut values = [0.0; BLOCK];
            for (sum, four) in sums.iter().zip(values.as_chunks_mut::<4>().0) {
                sum.clamp(least, most).store(four);
            }
            match output.first_chunk_mut::<BLOCK>() {
                Some(block) => *block = values,
                None => output.copy_from_slice(&values[..output.len()]),
            }
        }
    }
}

/// Adds the gradient with respect to one channel's filter to `filter [K, K]`: `channel` is the input, `gradient` the gradient with respect to the output, both row by row.
pub fn filter_gradient<const K: usize>(
    plane: &Plane,
    padded: &mut Padded,
    channel: &[f32],
    gradient: &[f32],
    filter: &mut [f32],
) {
    padded.fill(plane, channel);
    if plane.stride == 1 {
        correlate_padded::<K, 1>(plane, padded, gradient, filter);
    } else {
        correlate_padded::<K, 2>(plane, padded, gradient, filter);
    }
}

#[inline]
#[cfg_attr(
    all(target_arch = "wasm32", feature = "relaxed-simd"),
    target_feature(enable = "relaxed-simd")
)]
fn correlate_padded<const K: usize, const STRIDE: usize>(
    plane: &Plane,
    padded: &Padded,
    gradient: &[f32],
    filter: &mut [f32],
) {
    let width = plane.output[1];
    for (tap, filter) in filter.chunks_exact_mut(K).enumerate() {
        let mut sums = [F32x4::splat(0.0); K];
        for (y, gradient) in gradient.chunks_exact(width).enumerate() {
            let row = &padded.values[(y * STRIDE + tap) * padded.row..][..padded.row];
            for (block, gradient) in gradient.chunks(4).enumerate() {
                let mut four = [0.0; 4];
                // Past the end of the row the gradient is zero, so what the window holds there does not matter.
                match gradient.first_chunk() {
                    Some(gradient) => four = *gradient,
                    None => four[..gradient.len()].copy_from_slice(gradient),
                }
                let four = F32x4::load(&four);
                for (parity, row) in row.chunks_exact(padded.half).enumerate() {
                    // A window of known length lets the compiler drop all further bounds checks.
                    let Some(window) = row[block * 4..].first_chunk::<8>() else {
                        continue;
                    };
                    for (step, sum) in sums.iter_mut().skip(parity).step_by(STRIDE).enumerate() {
                        if let Some(values) = window[step..].first_chunk() {
                            *sum = four.mul_add(F32x4::load(values), *sum);
                        }
                    }
                }
            }
        }
        for (filter, sum) in filter.iter_mut().zip(sums) {
            let mut four = [0.0; 4];
            sum.store(&mut four);
            *filter += four.iter().sum::<f32>();
        }
    }
}
