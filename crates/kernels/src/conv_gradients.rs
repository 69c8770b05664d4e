//! The convolution's gradients, for training.
//!
//! burn can differentiate a convolution too, but on the CPU it rearranges whole tensors along the way; these kernels read them in place.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::ops::ModuleOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};
use burn_flex::FlexTensor;

use crate::conv::{Geometry, tensor};
use crate::depthwise::{Padded, Plane, filter_gradient};
use crate::gemm::{PANEL, Weights, multiply_panel};
use crate::{Conv, ConvBackend};

/// What a backend has to provide to train a network that contains [`conv2d`](crate::conv2d).
///
/// The defaults are composed of burn's own operations.
/// `gradient` is the gradient of the loss with respect to the convolution's result, and where stated, to the result before the clamp.
pub trait ConvGradients: ConvBackend {
    /// The gradient before the clamp: it is zero wherever the result `y` lies on one of the bounds.
    fn unclamped(
        gradient: FloatTensor<Self>,
        y: FloatTensor<Self>,
        [least, most]: [f32; 2],
    ) -> FloatTensor<Self> {
        // Zero on the bounds, positive between them.
        let inside = Self::float_mul(
            Self::float_sub_scalar(y.clone(), least.into()),
            Self::float_add_scalar(Self::float_neg(y), most.into()),
        );
        Self::float_mul(gradient, Self::float_sign(inside))
    }

    /// The gradient with respect to the input, `[batch, in, height, width]`, given the one before the clamp.
    fn by_input(
        gradient: FloatTensor<Self>,
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        conv: Conv,
    ) -> FloatTensor<Self> {
        Self::conv2d_x_backward(x, weight, gradient, conv.options())
    }

    /// The gradient with respect to the weights, `[out, in / groups, kernel height, kernel width]`, given the one before the clamp.
    fn by_weight(
        gradient: FloatTensor<Self>,
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        conv: Conv,
    ) -> FloatTensor<Self> {
        Self::conv2d_weight_backward(x, weight, gradient, conv.options())
    }

    /// The gradient with respect to the bias, `[out]`, given the one before the clamp.
    fn by_bias(
        gradient: FloatTensor<Self>,
        x: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        Self::conv2d_bias_backward(x, bias, gradient)
    }
}

#[cfg(feature = "webgpu")]
impl ConvGradients for burn::backend::Wgpu {}

impl ConvGradients for Flex {
    fn unclamped(gradient: FlexTensor, y: FlexTensor, [least, most]: [f32; 2]) -> FlexTensor {
        let (mut gradient, y) = (gradient.to_contiguous(), y.to_contiguous());
        let values = gradient.storage_mut::<f32>().iter_mut();
        for (gradient, &y) in values.zip(y.storage::<f32>()) {
            // A select instead of a branch, so that it vectorises.
            *gradient = if y > least && y < most {
                *gradient
            } else {
                0.0
            };
        }
        gradient
    }

    fn by_input(gradient: FlexTensor, x: FlexTensor, weight: FlexTensor, conv: Conv) -> FlexTensor {
        let geometry = Geometry::new(x.layout().shape(), weight.layout().shape(), conv);
        let Some(backwards) = geometry.backwards() else {
            return Self::conv2d_x_backward(x, weight, gradient, conv.options());
        };
        let (gradient, weight) = (gradient.to_contiguous(), weight.to_contiguous());
        let filters = geometry.turned_filters(weight.storage());
        let spread = geometry.spread(gradient.storage());
        let gradient = spread.as_deref().unwrap_or_else(|| gradient.storage());
        let mut output = vec![0.0; backwards.output_len()];
        let bias = vec![0.0; geometry.channels[0]];
        backwards.run(gradient, &filters, &bias, &mut output);
        tensor(output, &backwards.output_shape())
    }

    fn by_weight(
        gradient: FlexTensor,
        x: FlexTensor,
        weight: FlexTensor,
        conv: Conv,
    ) -> FlexTensor {
        let shape = weight.layout().shape().to_vec();
        let geometry = Geometry::new(x.layout().shape(), &shape, conv);
        let (gradient, x) = (gradient.to_contiguous(), x.to_contiguous());
        let values = if geometry.is_depthwise() {
            geometry.filters_gradient(gradient.storage(), x.storage())
        } else {
            geometry.weights_gradient(gradient.storage(), x.storage())
        };
        tensor(values, &shape)
    }

    fn by_bias(gradient: FlexTensor, _x: FlexTensor, bias: FlexTensor) -> FlexTensor {
        let gradient = gradient.to_contiguous();
        let shape = bias.layout().shape().to_vec();
        let channels: usize = shape.iter().product();
        let area: usize = gradient.layout().shape().iter().skip(2).product();
        let mut sums = vec![0.0; channels];
        let planes = gradient.storage::<f32>().chunks_exact(area.max(1));
        for (index, plane) in planes.enumerate() {
            sums[index % channels] += plane.iter().sum::<f32>();
        }
        tensor(sums, &shape)
    }
}

impl Geometry {
    /// The convolution that carries gradients from the results back to the input: stride 1, filters rotated by 180°, input and output channels swapped.
    /// Its input is the gradient, with `stride - 1` zeros between its values.
    /// `None` if the padding reaches beyond the filter.
    fn backwards(&self) -> Option<Self> {
        let stride = self.conv.stride;
        let spread = self.output.map(|size| (size - 1) * stride + 1);
        let mut padding = [(0, 0); 2];
        for (axis, padding) in padding.iter_mut().enumerate() {
            let reach = self.kernel[axis] - 1;
            let before = reach.checked_sub(self.conv.padding[axis].0)?;
            let behind = (self.input[axis] + reach).checked_sub(spread[axis] + before)?;
            *padding = (before, behind);
        }
        let [channels_in, channels_out] = self.channels;
        Some(Self {
            batch: self.batch,
            channels: [channels_out, channels_in],
            input: spread,
            output: self.input,
            kernel: self.kernel,
            conv: Conv {
                stride: 1,
                padding,
                groups: self.conv.groups,
                clamp: None,
            },
        })
    }

    /// `[out, in / groups, …]` to `[in, out / groups, …]`, each filter rotated by 180°.
    fn turned_filters(&self, weight: &[f32]) -> Vec<f32> {
        let groups = self.conv.groups;
        let [group_in, group_out] = self.channels.map(|channels| channels / groups);
        let taps = self.taps();
        let mut turned = vec![0.0; weight.len()];
        for (index, filter) in weight.chunks_exact(taps).enumerate() {
            let (out, from) = (index / group_in, index % group_in);
            let (group, out) = (out / group_out, out % group_out);
            let place = (group * group_in + from) * group_out + out;
            let target = turned[place * taps..][..taps].iter_mut().rev();
            for (target, value) in target.zip(filter) {
                *target = *value;
            }
        }
        turned
    }

    /// The gradient, with zeros where the stride skipped results. `None` for stride 1, which skips none.
    fn spread(&self, gradient: &[f32]) -> Option<Vec<f32>> {
        let stride = self.conv.stride;
        if stride == 1 {
            return None;
        }
        let [height, width] = self.output;
        let [rows, columns] = self.output.map(|size| (size - 1) * stride + 1);
        let mut spread = vec![0.0; gradient.len() / (height * width) * rows * columns];
        let planes = gradient.chunks_exact(height * width);
        for (plane, target) in planes.zip(spread.chunks_exact_mut(rows * columns)) {
            let targets = target.chunks_mut(stride * columns);
            for (row, target) in plane.chunks_exact(width).zip(targets) {
                for (value, target) in row.iter().zip(target.iter_mut().step_by(stride)) {
                    *target = *value;
                }
            }
        }
        Some(spread)
    }

    /// The gradient with respect to the filters of a depthwise convolution, `[channels, 1, kernel, kernel]`.
    fn filters_gradient(&self, gradient: &[f32], x: &[f32]) -> Vec<f32> {
        let plane = Plane {
            input: self.input,
            output: self.output,
            padding_begin: self.conv.padding.map(|(begin, _)| begin),
            stride: self.conv.stride,
            clamp: [f32::NEG_INFINITY, f32::INFINITY],
        };
        let [input_area, output_area] = [self.input, self.output].map(|[h, w]| h * w);
        let [channels, _] = self.channels;
        let taps = self.taps();
        let mut padded = Padded::new(&plane, self.kernel[0]);
        let mut filters = vec![0.0; channels * taps];
        let planes = x.chunks_exact(input_area);
        for (index, (x, gradient)) in planes.zip(gradient.chunks_exact(output_area)).enumerate() {
            let filter = &mut filters[index % channels * taps..][..taps];
            if self.kernel == [3, 3] {
                filter_gradient::<3>(&plane, &mut padded, x, gradient, filter);
            } else {
                filter_gradient::<5>(&plane, &mut padded, x, gradient, filter);
            }
        }
        filters
    }

    /// The gradient with respect to the weights, as one matrix product per group: `gradient [out, batch * places]` times what each place sees, `[batch * places, in * taps]`.
    fn weights_gradient(&self, gradient: &[f32], x: &[f32]) -> Vec<f32> {
        let groups = self.conv.groups;
        let [group_in, group_out] = self.channels.map(|channels| channels / groups);
        let [input_area, output_area] = [self.input, self.output].map(|[h, w]| h * w);
        let depth = self.batch * output_area;
        let columns = group_in * self.taps();
        let mut weights = vec![0.0; self.channels[1] * columns];
        let mut matrix = vec![0.0; group_out * depth];
        let mut panel = vec![0.0; depth * PANEL];
        let zeros = vec![0.0; group_out];
        for (group, weights) in weights.chunks_exact_mut(group_out * columns).enumerate() {
            for (out, row) in matrix.chunks_exact_mut(depth).enumerate() {
                for (image, row) in row.chunks_exact_mut(output_area).enumerate() {
                    let plane = (image * groups + group) * group_out + out;
                    row.copy_from_slice(&gradient[plane * output_area..][..output_area]);
                }
            }
            let left = Weights {
                matrix: &matrix,
                bias: &zeros,
                depth,
                clamp: [f32::NEG_INFINITY, f32::INFINITY],
            };
            for start in (0..columns).step_by(PANEL) {
                let count = PANEL.min(columns - start);
                for (image, panel) in panel.chunks_exact_mut(output_area * PANEL).enumerate() {
                    let first = (image * groups + group) * group_in * input_area;
                    let x = &x[first..][..group_in * input_area];
                    for column in 0..count {
                        self.fill_column(x, start + column, &mut panel[column..]);
                    }
                }
                multiply_panel(left, &panel, &mut weights[start..], columns, count);
            }
        }
        weights
    }

    /// Writes what all places see through one tap of the filter into every `PANEL`-th value of `column`.
    /// `tap` runs over the filter's channels, rows and columns; `x` is the part of a group that belongs to one image.
    fn fill_column(&self, x: &[f32], tap: usize, column: &mut [f32]) {
        let taps = self.taps();
        let [height, width] = self.input;
        let channel = &x[tap / taps * height * width..][..height * width];
        let values = column.iter_mut().step_by(PANEL);
        if self.is_pointwise() {
            for (value, &source) in values.zip(channel) {
                *value = source;
            }
            return;
        }
        let (down, right) = (tap % taps / self.kernel[1], tap % self.kernel[1]);
        let [(top, _), (left, _)] = self.conv.padding;
        let [rows, columns] = self.output;
        let places = (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x)));
        for (value, (y, x)) in values.zip(places) {
            // Positions before the input wrap around and fail the comparison, like those past its end.
            let y = (y * self.conv.stride + down).wrapping_sub(top);
            let x = (x * self.conv.stride + right).wrapping_sub(left);
            *value = if y < height && x < width {
                channel[y * width + x]
            } else {
                0.0
            };
        }
    }
}

/// The convolution as a node in the graph that burn walks backwards.
pub(crate) fn differentiable<B: ConvGradients, C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<B, C>>,
    weight: FloatTensor<Autodiff<B, C>>,
    bias: FloatTensor<Autodiff<B, C>>,
    conv: Conv,
) -> FloatTensor<Autodiff<B, C>> {
    let nodes = [x.node(), weight.node(), bias.node()];
    let (x, weight, bias) = (
        x.into_primitive(),
        weight.into_primitive(),
        bias.into_primitive(),
    );
    match Conv2d.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let y = B::conv2d_clamped(x.clone(), weight.clone(), bias.clone(), conv);
            prepared.finish((x, weight, bias, y.clone(), conv), y)
        }
        OpsKind::UnTracked(prepared) => prepared.finish(B::conv2d_clamped(x, weight, bias, conv)),
    }
}

#[derive(Debug)]
struct Conv2d;

impl<B: ConvGradients> Backward<B, 3> for Conv2d {
    type State = (
        FloatTensor<B>,
        FloatTensor<B>,
        FloatTensor<B>,
        FloatTensor<B>,
        Conv,
    );

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let (x, weight, bias, y, conv) = ops.state;
        let mut gradient = gradients.consume::<B>(&ops.node);
        if let Some(clamp) = conv.clamp {
            gradient = B::unclamped(gradient, y, clamp);
        }
        // Frozen inputs have no node and cost nothing.
        let [of_x, of_weight, of_bias] = ops.parents;
        if let Some(node) = of_bias {
            let by_bias = B::by_bias(gradient.clone(), x.clone(), bias);
            gradients.register::<B>(node.id, by_bias);
        }
        if let Some(node) = of_weight {
            let by_weight = B::by_weight(gradient.clone(), x.clone(), weight.clone(), conv);
            gradients.register::<B>(node.id, by_weight);
        }
        if let Some(node) = of_x {
            gradients.register::<B>(node.id, B::by_input(gradient, x, weight, conv));
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::disallowed_methods,
        reason = "natively a tensor may be read synchronously"
    )]

    use burn::tensor::{Device, Distribution, Tensor, Tolerance};

    use super::*;
    use crate::conv2d;

    /// The gradients of a random weighted sum of all results, from the kernels and from burn.
    fn compare(x: [usize; 4], weight: [usize; 4], conv: Conv) {
        let device = Device::flex().autodiff();
        device.seed(11);
        let normal = Distribution::Normal(0.0, 1.0);
        let x = Tensor::<4>::random(x, normal, &device).require_grad();
        let bias = Tensor::<1>::random([weight[0]], normal, &device).require_grad();
        let weight = Tensor::<4>::random(weight, normal, &device).require_grad();
        let ours = conv2d(x.clone(), weight.clone(), bias.clone(), conv);
        let factors = Tensor::<4>::random(ours.dims(), normal, &device);
        let mut theirs = burn::tensor::module::conv2d(
            x.clone(),
            weight.clone(),
            Some(bias.clone()),
            conv.options(),
        );
        if let Some([least, most]) = conv.clamp {
            theirs = theirs.clamp(least, most);
        }
        let ours = (ours * factors.clone()).sum().backward();
        let theirs = (theirs * factors).sum().backward();
        let close = Tolerance::absolute(1e-3);
        let [a, b] = [&ours, &theirs].map(|all| x.grad(all).expect("by x").into_data());
        a.assert_approx_eq::<f32>(&b, close);
        let [a, b] = [&ours, &theirs].map(|all| weight.grad(all).expect("by weight").into_data());
        a.assert_approx_eq::<f32>(&b, close);
        let [a, b] = [&ours, &theirs].map(|all| bias.grad(all).expect("by bias").into_data());
        a.assert_approx_eq::<f32>(&b, close);
    }

    const RELU6: Option<[f32; 2]> = Some([0.0, 6.0]);

    #[test]
    fn pointwise_gradients_agree_with_burn() {
        for (side, channels_out) in [(4, 8), (7, 13), (1, 3)] {
            for clamp in [None, RELU6] {
                let conv = Conv {
                    stride: 1,
                    padding: [(0, 0); 2],
                    groups: 1,
                    clamp,
                };
                compare([3, 9, side, side + 1], [channels_out, 9, 1, 1], conv);
            }
        }
    }

    #[test]
    fn depthwise_gradients_agree_with_burn_for_every_kernel_stride_and_padding() {
        for (kernel, stride, padding) in [
            (3, 1, (1, 1)),
            (5, 1, (2, 2)),
            (3, 2, (0, 1)),
            (5, 2, (1, 2)),
            (3, 2, (1, 1)),
            (5, 2, (2, 2)),
        ] {
            for side in [6, 7, 14] {
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
    fn full_and_grouped_gradients_agree_with_burn() {
        for (stride, padding) in [(2, (0, 1)), (1, (1, 1)), (1, (0, 0))] {
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
    fn gradients_of_kernels_that_are_not_square_agree_with_burn() {
        for (kernel, padding) in [
            ([1, 7], [(0, 0), (3, 3)]),
            ([7, 1], [(3, 3), (0, 0)]),
            ([7, 7], [(3, 3), (3, 3)]),
        ] {
            for stride in [1, 2] {
                let conv = Conv {
                    stride,
                    padding,
                    groups: 1,
                    clamp: Some([0.0, f32::MAX]),
                };
                compare([2, 3, 9, 11], [4, 3, kernel[0], kernel[1]], conv);
            }
        }
    }

    /// The gradient with respect to every input, weight and bias, compared with finite differences; without a clamp, which has corners.
    #[test]
    fn gradients_agree_with_finite_differences() {
        let device = Device::flex().autodiff();
        device.seed(5);
        let normal = Distribution::Normal(0.0, 1.0);
        for (groups, weight) in [(1, [2, 2, 1, 1]), (2, [2, 1, 3, 3]), (1, [3, 2, 3, 3])] {
            let conv = Conv {
                stride: if groups == 2 { 2 } else { 1 },
                padding: [if weight[2] == 1 { (0, 0) } else { (0, 1) }; 2],
                groups,
                clamp: None,
            };
            let shapes: [Vec<usize>; 3] = [vec![2, 2, 4, 5], weight.to_vec(), vec![weight[0]]];
            let values = shapes.clone().map(|shape| {
                let count: usize = shape.iter().product();
                let values = Tensor::<1>::random([count], normal, &device).into_data();
                values.iter::<f32>().collect::<Vec<f32>>()
            });
            let make = |values: &[Vec<f32>; 3]| {
                let [x, weight, bias] =
                    [0, 1, 2].map(|at| Tensor::<1>::from_floats(values[at].as_slice(), &device));
                let [b, c, h, w] = [2, 2, 4, 5];
                (
                    x.reshape([b, c, h, w]).require_grad(),
                    weight.reshape(weight_shape(&shapes[1])).require_grad(),
                    bias.require_grad(),
                )
            };
            let loss = |(x, weight, bias): (Tensor<4>, Tensor<4>, Tensor<1>)| {
                conv2d(x, weight, bias, conv).powi_scalar(2).sum()
            };
            let (x, weight, bias) = make(&values);
            let all = loss((x.clone(), weight.clone(), bias.clone())).backward();
            let gradients = [
                x.grad(&all).expect("by x").into_data(),
                weight.grad(&all).expect("by weight").into_data(),
                bias.grad(&all).expect("by bias").into_data(),
            ];
            for (part, gradient) in gradients.iter().enumerate() {
                for (index, gradient) in gradient.iter::<f32>().enumerate() {
                    let moved = |by: f32| {
                        let mut values = values.clone();
                        values[part][index] += by;
                        loss(make(&values)).into_scalar::<f32>()
                    };
                    let difference = (moved(1e-2) - moved(-1e-2)) / 2e-2;
                    assert!(
                        (difference - gradient).abs() < 1e-2 * gradient.abs().max(1.0),
                        "{part} {index}: {difference} {gradient}"
                    );
                }
            }
        }
    }

    fn weight_shape(shape: &[usize]) -> [usize; 4] {
        [shape[0], shape[1], shape[2], shape[3]]
    }
}
