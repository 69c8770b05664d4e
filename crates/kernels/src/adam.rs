//! Adam in one pass over the parameters.
//!
//! burn's own Adam is a dozen operations, each with a new buffer; for a head that fits into the cache those buffers cost more than the arithmetic.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, Flex, backend_extension};
use burn::optim::{AdamState, AdaptiveMomentumState, LearningRate, Optimizer};
use burn::tensor::{Device, Tensor};
use burn_flex::FlexTensor;

/// Adam: Kingma and Ba, “Adam: A Method for Stochastic Optimization”, ICLR 2015, arXiv:1412.6980.
/// With a weight decay it is AdamW: Loshchilov and Hutter, “Decoupled Weight Decay Regularization”, ICLR 2019, arXiv:1711.05101.
#[derive(Clone, Copy, Debug)]
pub struct FusedAdam {
    /// Decay of the mean of the gradients.
    pub beta_1: f32,
    /// Decay of the mean of their squares.
    pub beta_2: f32,
    /// Keeps the denominator away from zero.
    pub epsilon: f32,
    /// The fraction of each weight that a step at learning rate 1 would remove. Biases, which are tensors of rank 1, are not decayed.
    pub weight_decay: f32,
}

impl Default for FusedAdam {
    /// The paper's values, and no weight decay.
    fn default() -> Self {
        Self {
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
        }
    }
}

impl Optimizer for FusedAdam {
    type State<const D: usize> = AdamState<D>;

    fn step<const D: usize>(
        &self,
        learning_rate: LearningRate,
        tensor: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let momentum = state.map_or_else(
            || AdaptiveMomentumState::new(0, tensor.zeros_like(), tensor.zeros_like()),
            |state| state.momentum,
        );
        let time = momentum.time + 1;
        let correction = |beta: f32| 1.0 - f64::from(beta).powi(time as i32);
        let root = correction(self.beta_2).sqrt();
        let decay = if D > 1 { self.weight_decay } else { 0.0 };
        let step = AdamStep {
            beta_1: self.beta_1,
            beta_2: self.beta_2,
            // Both bias corrections, hoisted out of the loop.
            rate: (learning_rate * root / correction(self.beta_1)) as f32,
            epsilon: self.epsilon * root as f32,
            keep: (1.0 - learning_rate * f64::from(decay)) as f32,
        };
        let (tensor, moment_1, moment_2) = <Dispatch as AdamBackend>::adam_step(
            tensor.into_dispatch(),
            gradient.into_dispatch(),
            momentum.moment_1.into_dispatch(),
            momentum.moment_2.into_dispatch(),
            step,
        );
        let state = AdaptiveMomentumState::new(
            time,
            Tensor::from_dispatch(moment_1),
            Tensor::from_dispatch(moment_2),
        );
        (Tensor::from_dispatch(tensor), Some(AdamState::new(state)))
    }

    fn to_device<const D: usize>(mut state: Self::State<D>, device: &Device) -> Self::State<D> {
        state.momentum = state.momentum.to_device(device);
        state
    }
}

/// The numbers of one step.
#[derive(Clone, Copy, Debug)]
pub struct AdamStep {
    beta_1: f32,
    beta_2: f32,
    rate: f32,
    epsilon: f32,
    /// The factor by which weight decay shrinks a parameter.
    keep: f32,
}

/// The step, as each backend implements it.
#[backend_extension(Flex, Cube: cfg(feature = "webgpu"))]
pub trait AdamBackend: Backend {
    /// Returns the new parameter and moments. This default is composed of burn's own operations.
    fn adam_step(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        moment_1: FloatTensor<Self>,
        moment_2: FloatTensor<Self>,
        step: AdamStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let AdamStep {
            beta_1,
            beta_2,
            rate,
            epsilon,
            keep,
        } = step;
        let scaled = |tensor, by: f32| Self::float_mul_scalar(tensor, by.into());
        let moment_1 = Self::float_add(
            scaled(moment_1, beta_1),
            scaled(gradient.clone(), 1.0 - beta_1),
        );
        let square = Self::float_mul(gradient.clone(), gradient);
        let moment_2 = Self::float_add(scaled(moment_2, beta_2), scaled(square, 1.0 - beta_2));
        let root = Self::float_add_scalar(Self::float_sqrt(moment_2.clone()), epsilon.into());
        let change = Self::float_div(scaled(moment_1.clone(), rate), root);
        let parameter = Self::float_sub(scaled(parameter, keep), change);
        (parameter, moment_1, moment_2)
    }
}

#[cfg(feature = "webgpu")]
impl AdamBackend for burn::backend::Wgpu {}

impl AdamBackend for Flex {
    fn adam_step(
        parameter: FlexTensor,
        gradient: FlexTensor,
        moment_1: FlexTensor,
        moment_2: FlexTensor,
        step: AdamStep,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let gradient = gradient.to_contiguous();
        // Each buffer is updated in place if nothing else holds it.
        let [mut parameter, mut moment_1, mut moment_2] =
            [parameter, moment_1, moment_2].map(|tensor| tensor.to_contiguous());
        let values = parameter
            .storage_mut::<f32>()
            .iter_mut()
            .zip(gradient.storage::<f32>())
            .zip(moment_1.storage_mut::<f32>())
            .zip(moment_2.storage_mut::<f32>());
        for (((parameter, &gradient), moment_1), moment_2) in values {
            *moment_1 = step.beta_1 * *moment_1 + (1.0 - step.beta_1) * gradient;
            *moment_2 = step.beta_2 * *moment_2 + (1.0 - step.beta_2) * gradient * gradient;
            *parameter =
                step.keep * *parameter - step.rate * *moment_1 / (moment_2.sqrt() + step.epsilon);
        }
        (parameter, moment_1, moment_2)
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::disallowed_methods,
        reason = "natively a tensor may be read synchronously"
    )]

    use burn::tensor::Tolerance;

    use super::*;

    /// Ten steps down a quadratic bowl, compared with the paper's algorithm in f64.
    #[test]
    fn it_follows_the_paper() {
        let device = Device::flex();
        let adam = FusedAdam::default();
        let start = [3.0f32, -1.0, 0.5, 0.0, 8.0];
        let mut tensor = Tensor::<1>::from_floats(start, &device);
        let mut state = None;
        let mut expected = start.map(f64::from);
        let (mut m, mut v) = ([0.0f64; 5], [0.0f64; 5]);
        for time in 1..=10 {
            let gradient = tensor.clone() * 2.0 + 1.0;
            (tensor, state) = adam.step(0.1, tensor, gradient, state);
            for index in 0..expected.len() {
                let gradient = 2.0 * expected[index] + 1.0;
                m[index] = 0.9 * m[index] + 0.1 * gradient;
                v[index] = 0.999 * v[index] + 0.001 * gradient * gradient;
                let m_hat = m[index] / (1.0 - 0.9f64.powi(time));
                let v_hat = v[index] / (1.0 - 0.999f64.powi(time));
                expected[index] -= 0.1 * m_hat / (v_hat.sqrt() + 1e-8);
            }
        }
        let expected = Tensor::<1>::from_floats(expected.map(|value| value as f32), &device);
        tensor
            .into_data()
            .assert_approx_eq::<f32>(&expected.into_data(), Tolerance::absolute(1e-4));
    }

    /// Decoupled: the decay is not part of the gradient, and it leaves biases alone.
    #[test]
    fn weights_decay_and_biases_do_not() {
        let device = Device::flex();
        let adam = FusedAdam {
            weight_decay: 0.1,
            ..FusedAdam::default()
        };
        let weight = Tensor::<2>::from_floats([[2.0, -4.0]], &device);
        let (weight, _) = adam.step(0.5, weight.clone(), weight.zeros_like(), None);
        let expected = Tensor::<2>::from_floats([[1.9, -3.8]], &device);
        let close = Tolerance::absolute(1e-6);
        weight
            .into_data()
            .assert_approx_eq::<f32>(&expected.into_data(), close);
        let bias = Tensor::<1>::from_floats([2.0, -4.0], &device);
        let (after, _) = adam.step(0.5, bias.clone(), bias.zeros_like(), None);
        after.into_data().assert_eq(&bias.into_data(), true);
    }
}
