//! Two-dimensional convolution with bias and clamp (ReLU6 is a clamp from 0 to 6) in one operation.

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Bytes, DType, Shape, Tensor};
use burn_flex::{FlexTensor, Layout};

use crate::conv_gradients::{ConvGradients, differentiable};
use crate::depthwise::{Padded, Plane, filter_channel};
use crate::gemm::{PANEL, Weights, multiply_panel};

/// How a convolution moves over its input, and what happens to its results.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conv {
    /// The stride, the same in both directions.
    pub stride: usize,
    /// Zeros before and after the input, for rows and for columns.
    pub padding: [(usize, usize); 2],
    /// Channels are split into this many groups, which do not see each other.
    pub groups: usize,
    /// The minimum and maximum of a result, if it is clamped.
    pub clamp: Option<[f32; 2]>,
}

impl Conv {
    /// The same in burn's terms, where the clamp is a separate operation.
    pub(crate) fn options(self) -> ConvOptions<2> {
        ConvOptions::new_with_padding([self.stride; 2], self.padding, [1, 1], self.groups)
    }
}

/// Convolves `x [batch, in, height, width]` with `weight [out, in / groups, kernel height, kernel width]`, adds `bias [out]` and clamps.
pub fn conv2d(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>, conv: Conv) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as ConvBackend>::conv2d_clamped(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        conv,
    ))
}

/// The convolution, as each backend implements it.
#[backend_extension(Flex, Cube: cfg(feature = "webgpu"), Autodiff)]
pub trait ConvBackend: Backend {
    /// See [`conv2d`]. This default is composed of burn's own operations.
    fn conv2d_clamped(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        conv: Conv,
    ) -> FloatTensor<Self> {
        let y = Self::conv2d(x, weight, Some(bias), conv.options());
        match conv.clamp {
            Some([least, most]) => Self::float_clamp(y, least.into(), most.into()),
            None => y,
        }
    }
}

impl<B: ConvGradients, C: CheckpointStrategy> ConvBackend for Autodiff<B, C> {
    fn conv2d_clamped(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        conv: Conv,
    ) -> FloatTensor<Self> {
        differentiable::<B, C>(x, weight, bias, conv)
    }
}

#[cfg(feature = "webgpu")]
impl ConvBackend for burn::backend::Wgpu {}

impl ConvBackend for Flex {
    fn conv2d_clamped(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        conv: Conv,
    ) -> FlexTensor {
        let (x, weight, bias) = (
            x.to_contiguous(),
            weight.to_contiguous(),
            bias.to_contiguous(),
        );
        let geometry = Geometry::new(x.layout().shape(), weight.layout().shape(), conv);
        let mut output = vec![0.0f32; geometry.output_len()];
        geometry.run(x.storage(), weight.storage(), bias.storage(), &mut output);
        tensor(output, &geometry.output_shape())
    }
}

/// A tensor of f32 that owns its values.
pub(crate) fn tensor(values: Vec<f32>, shape: &[usize]) -> FlexTensor {
    let layout = Layout::contiguous(Shape::from(shape.to_vec()));
    FlexTensor::new(Bytes::from_elems(values), layout, DType::F32)
}

/// All sizes of one convolution.
pub(crate) struct Geometry {
    pub batch: usize,
    /// Of the input and of the output.
    pub channels: [usize; 2],
    /// Height and width.
    pub input: [usize; 2],
    /// Height and width.
    pub output: [usize; 2],
    /// Height and width.
    pub kernel: [usize; 2],
    pub conv: Conv,
}

impl Geometry {
    pub fn new(x: &[usize], weight: &[usize], conv: Conv) -> Self {
        let (&[batch, channels_in, height, width], &[channels_out, _, tall, wide]) = (x, weight)
        else {
            unreachable!("conv2d takes tensors of rank 4")
        };
        let length = |size: usize, (before, behind): (usize, usize), kernel: usize| {
            (size + before + behind - kernel) / conv.stride + 1
        };
        let [rows, columns] = conv.padding;
        Self {
            batch,
            channels: [channels_in, channels_out],
            input: [height, width],
            output: [length(height, rows, tall), length(width, columns, wide)],
            kernel: [tall, wide],
            conv,
        }
    }

    pub fn output_shape(&self) -> [usize; 4] {
        let [height, width] = self.output;
        [self.batch, self.channels[1], height, width]
    }

    pub fn output_len(&self) -> usize {
        self.output_shape().iter().product()
    }

    /// Whether each channel is filtered on its own, with a filter for which we have a kernel.
    pub fn is_depthwise(&self) -> bool {
        let [channels_in, channels_out] = self.channels;
        self.conv.groups == channels_in
            && channels_in == channels_out
            && [[3, 3], [5, 5]].contains(&self.kernel)
            && self.conv.stride <= 2
    }

    /// The number of weights that one filter has per channel.
    pub fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Whether each output sees only the input at its own position.
    pub fn is_pointwise(&self) -> bool {
        self.taps() == 1 && self.conv.stride == 1 && self.input == self.output
    }

    fn clamp(&self) -> [f32; 2] {
        self.conv
            .clamp
            .unwrap_or([f32::NEG_INFINITY, f32::INFINITY])
    }

    pub fn run(&self, x: &[f32], weight: &[f32], bias: &[f32], output: &mut [f32]) {
        let [channels_in, channels_out] = self.channels;
        let [input_area, output_area] = [self.input, self.output].map(|[h, w]| h * w);
        if self.is_depthwise() {
            return self.depthwise(x, weight, bias, output);
        }
        let groups = self.conv.groups;
        let (group_in, group_out) = (channels_in / groups, channels_out / groups);
        let depth = group_in * self.taps();
        let images = x
            .chunks_exact(group_in * input_area)
            .zip(output.chunks_exact_mut(group_out * output_area));
        let mut panel = vec![0.0; depth * PANEL];
        for (index, (x, output)) in images.enumerate() {
            let group = index % groups;
            let weights = Weights {
                matrix: &weight[group * group_out * depth..][..group_out * depth],
                bias: &bias[group * group_out..][..group_out],
                depth,
                clamp: self.clamp(),
            };
            for start in (0..output_area).step_by(PANEL) {
                let columns = PANEL.min(output_area - start);
                self.fill_panel(x, start, columns, &mut panel);
                let output = &mut output[start..];
                multiply_panel(weights, &panel, output, output_area, columns);
            }
        }
    }

    /// Gathers what the outputs `start..start + columns` of one image see into `panel [in * taps, PANEL]`.
    fn fill_panel(&self, x: &[f32], start: usize, columns: usize, panel: &mut [f32]) {
        let [height, width] = self.input;
        let area = height * width;
        if self.is_pointwise() {
            for (channel, row) in x.chunks_exact(area).zip(panel.chunks_exact_mut(PANEL)) {
                if columns == PANEL {
                    row.copy_from_slice(&channel[start..start + PANEL]);
                } else {
                    row[..columns].copy_from_slice(&channel[start..start + columns]);
                }
            }
            return;
        }
        let [(top, _), (left, _)] = self.conv.padding;
        // Where each output's filter starts, relative to the corner of the padded input.
        let corners: [(usize, usize); PANEL] = core::array::from_fn(|column| {
            let place = start + column;
            let (y, x) = (place / self.output[1], place % self.output[1]);
            (y * self.conv.stride, x * self.conv.stride)
        });
        let taps = self.taps();
        let channels = x
            .chunks_exact(area)
            .zip(panel.chunks_exact_mut(taps * PANEL));
        for (channel, rows) in channels {
            for (tap, row) in rows.chunks_exact_mut(PANEL).enumerate() {
                let (down, right) = (tap / self.kernel[1], tap % self.kernel[1]);
                for (value, &(y, x)) in row.iter_mut().zip(&corners[..columns]) {
                    // Positions before the input wrap around and fail the comparison, like those past its end.
                    let (y, x) = ((y + down).wrapping_sub(top), (x + right).wrapping_sub(left));
                    *value = if y < height && x < width {
                        channel[y * width + x]
                    } else {
                        0.0
                    };
                }
            }
        }
    }

    fn depthwise(&self, x: &[f32], weight: &[f32], bias: &[f32], output: &mut [f32]) {
        let [input_area, output_area] = [self.input, self.output].map(|[h, w]| h * w);
        let plane = Plane {
            input: self.input,
            output: self.output,
            padding_begin: self.conv.padding.map(|(begin, _)| begin),
            stride: self.conv.stride,
            clamp: self.clamp(),
        };
        let mut padded = Padded::new(&plane, self.kernel[0]);
        let channels = x
            .chunks_exact(input_area)
            .zip(output.chunks_exact_mut(output_area));
        let taps = self.taps();
        for (index, (x, output)) in channels.enumerate() {
            let channel = index % bias.len();
            let (filter, bias) = (&weight[channel * taps..][..taps], bias[channel]);
            if self.kernel == [3, 3] {
                filter_channel::<3>(&plane, &mut padded, filter, bias, x, output);
            } else {
                filter_channel::<5>(&plane, &mut padded, filter, bias, x, output);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::disallowed_methods,
        reason = "natively a tensor may be read synchronously"
    )]

    use burn::tensor::{Device, Distribution, Tolerance};

    use super::*;

    /// The kernel, compared with burn's own operations.
    fn compare(x: [usize; 4], weight: [usize; 4], conv: Conv) {
        let device = Device::flex();
        device.seed(7);
        let normal = Distribution::Normal(0.0, 1.0);
        let x = Tensor::<4>::random(x, normal, &device);
        let bias = Tensor::<1>::random([weight[0]], normal, &device);
        let weight = Tensor::<4>::random(weight, normal, &device);
        let ours = conv2d(x.clone(), weight.clone(), bias.clone(), conv);
        let mut theirs = burn::tensor::module::conv2d(x, weight, Some(bias), conv.options());
        if let Some([least, most]) = conv.clamp {
            theirs = theirs.clamp(least, most);
        }
        ours.into_data()
            .assert_approx_eq::<f32>(&theirs.into_data(), Tolerance::absolute(1e-4));
    }

    const RELU6: Option<[f32; 2]> = Some([0.0, 6.0]);

    #[test]
    fn pointwise_agrees_with_burn_on_whole_and_partial_panels() {
        for (side, channels_out) in [(4, 8), (7, 13), (1, 3), (5, 6)] {
            let conv = Conv {
                stride: 1,
                padding: [(0, 0); 2],
                groups: 1,
                clamp: None,
            };
            compare([2, 9, side, side], [channels_out, 9, 1, 1], conv);
            compare(
                [1, 4, side, side],
                [channels_out, 4, 1, 1],
                Conv {
                    clamp: RELU6,
                    ..conv
                },
            );
        }
    }

    #[test]
    fn depthwise_agrees_with_burn_for_every_kernel_stride_and_padding() {
        for (kernel, stride, padding) in [
            (3, 1, (1, 1)),
            (5, 1, (2, 2)),
            (3, 2, (0, 1)),
            (5, 2, (1, 2)),
            (3, 2, (1, 1)),
            (5, 2, (2, 2)),
        ] {
            for side in [6, 7, 14, 28] {
                let conv = Conv {
                    stride,
                    padding: [padding; 2],
                    groups: 5,
                    clamp: RELU6,
                };
                compare([2, 5, side, side + 3], [5, 1, kernel, kernel], conv);
            }
        }
    }

    #[test]
    fn full_and_grouped_kernels_agree_with_burn() {
        for (stride, padding) in [(2, (0, 1)), (1, (1, 1))] {
            let conv = Conv {
                stride,
                padding: [padding; 2],
                groups: 1,
                clamp: RELU6,
            };
            compare([2, 3, 12, 10], [7, 3, 3, 3], conv);
            compare([2, 4, 12, 10], [6, 2, 3, 3], Conv { groups: 2, ..conv });
        }
    }

    #[test]
    fn kernels_that_are_not_square_agree_with_burn() {
        for (kernel, padding) in [
            ([1, 7], [(0, 0), (3, 3)]),
            ([7, 1], [(3, 3), (0, 0)]),
            ([1, 3], [(0, 0), (1, 1)]),
            ([7, 7], [(3, 3), (3, 3)]),
        ] {
            for stride in [1, 2] {
                let conv = Conv {
                    stride,
                    padding,
                    groups: 1,
                    clamp: Some([0.0, f32::MAX]),
                };
                compare([2, 3, 9, 11], [6, 3, kernel[0], kernel[1]], conv);
            }
        }
    }
}
