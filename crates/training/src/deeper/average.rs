//! A running average of a network's weights while they are trained.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

/// The exponential moving average of a module's weights over the steps of its training.
///
/// With few images, single steps are large and noisy; their mean lies where the loss is flatter and generalises better than the last of them
/// (Polyak and Juditsky, “Acceleration of Stochastic Approximation by Averaging”, SIAM J. Control Optim. 30(4), 1992; Izmailov et al., “Averaging Weights Leads to Wider Optima and Better Generalization”, UAI 2018, arXiv:1803.05407).
/// After few steps it is still close to where it began, so two images per class do not lead a pretrained network far astray.
#[derive(Debug)]
pub struct Average<M> {
    mean: M,
    decay: f64,
}

impl<M: Module> Average<M> {
    /// Starts with `module`, whose tensors have no gradients. With a `decay` of 0 it is always the newest weights.
    pub fn new(module: M, decay: f64) -> Self {
        Self {
            mean: module,
            decay,
        }
    }

    /// Adds the weights after another step: a module with the same parameters, without gradients.
    pub fn add(&mut self, newest: &M) {
        let mut weights = Weights(GradientsParams::new());
        newest.visit(&mut weights);
        let mut towards = Towards {
            newest: weights.0,
            share: 1.0 - self.decay,
        };
        self.mean = self.mean.clone().map(&mut towards);
    }

    /// The average up to now.
    pub fn mean(&self) -> M {
        self.mean.clone()
    }
}

/// Tensors by parameter id; burn has such a map for gradients.
struct Weights(GradientsParams);

impl ModuleVisitor for Weights {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.register(param.id, param.val());
    }
}

/// Moves each tensor part of the way to its newest value.
struct Towards {
    newest: GradientsParams,
    share: f64,
}

impl ModuleMapper for Towards {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(newest) = self.newest.remove::<D>(param.id) else {
            return param;
        };
        let share = self.share;
        param.map(|mean| mean * (1.0 - share) + newest * share)
    }
}

#[cfg(test)]
mod tests {
    use burn::nn::LinearConfig;
    use burn::tensor::Device;

    use super::*;

    /// A layer whose weights all have this value; it is derived from `layer`, so that it has the same parameters.
    fn with(layer: &burn::nn::Linear, value: f64) -> burn::nn::Linear {
        let mut layer = layer.clone();
        layer.weight = layer.weight.map(|tensor| tensor.zeros_like() + value);
        layer
    }

    fn value(layer: &burn::nn::Linear) -> f32 {
        #[expect(
            clippy::disallowed_methods,
            reason = "natively a tensor may be read synchronously"
        )]
        let values = layer.weight.val().into_data();
        values.iter::<f32>().next().expect("has weights")
    }

    #[test]
    fn it_follows_the_weights_by_the_decay() {
        let layer = LinearConfig::new(2, 2).init(&Device::flex());
        let mut average = Average::new(with(&layer, 1.0), 0.5);
        let mut expected = 1.0;
        for (step, newest) in (1..=20).zip([3.0, -2.0].into_iter().cycle()) {
            average.add(&with(&layer, newest));
            expected = 0.5 * expected + 0.5 * newest;
            let found = value(&average.mean());
            assert!(
                (f64::from(found) - expected).abs() < 1e-5,
                "{step}: {found} {expected}"
            );
        }
    }

    #[test]
    fn without_decay_it_is_the_newest() {
        let layer = LinearConfig::new(2, 2).init(&Device::flex());
        let mut average = Average::new(with(&layer, 1.0), 0.0);
        average.add(&with(&layer, 7.0));
        assert_eq!(value(&average.mean()), 7.0);
    }
}
