//! Gradients of every kind of block, compared with finite differences.
//!
//! The effect of a single number drowns in the rounding of a deep network, so each tensor is moved along its own gradient; the loss must then change by the gradient's length.
#![expect(
    clippy::disallowed_methods,
    reason = "natively a tensor may be read synchronously"
)]
#![expect(clippy::expect_used, reason = "a test may fail so")]

use std::fs;
use std::path::PathBuf;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Distribution, Tensor, TensorData};
use headstart_backbones::{Layer, Weights, config};
use headstart_project::BackboneId;

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter().collect()
}

fn uniform<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, Distribution::Uniform(-1.0, 1.0), device)
}

/// Takes the sum of `factors` times the result of `forward`, moves each tensor of `block` along that sum's gradient, and compares the change of the sum.
/// Returns how many tensors there were.
fn check<const D: usize>(
    what: &str,
    block: &Layer,
    gradients: &GradientsParams,
    factors: &[f32],
    forward: impl Fn(Layer) -> Tensor<D>,
) -> usize {
    let count = ids(block).len();
    for at in 0..count {
        let (_, length, norm) = moved(block, at, gradients, 0.0);
        let loss_at = |share: f64| {
            let output = values(forward(moved(block, at, gradients, share).0));
            // In f64, so that the summation adds no rounding of its own.
            let products = output.iter().zip(factors);
            products
                .map(|(a, b)| f64::from(*a) * f64::from(*b))
                .sum::<f64>()
        };
        // A large step crosses corners of activations and poolings, and a small one drowns in rounding: which step is right differs from tensor to tensor.
        let found = [1e-3, 3e-4, 1e-4, 3e-5].map(|share| {
            let step = share * norm.max(0.1);
            (loss_at(step) - loss_at(-step)) / (2.0 * step)
        });
        let is_close = |difference: &f64| (difference - length).abs() < 0.02 * length;
        assert!(
            length > 0.0 && found.iter().any(is_close),
            "{what}, tensor {at}: {found:?} {length}"
        );
    }
    count
}

/// Through the depthwise convolution, the residual, and all blocks after it.
/// The image is small, so that the blocks run at sizes down to a single position.
#[test]
fn gradients_of_every_block_of_a_whole_network_agree_with_finite_differences() {
    let device = Device::flex();
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let weights = fs::read(root.join("weights/efficientnet-lite0.safetensors")).expect("weights");
    let network = config(BackboneId::EfficientNetLite0, false)
        .init(&device)
        .load(Weights::read(&weights).expect("reads"))
        .expect("fits");
    let side = 64;
    device.seed(8);
    let images = uniform([2, 3, side, side], &device);
    let factors = uniform([2, 1280], &device);
    let factors_flat = values(factors.clone());
    let mut checked = 0;
    for from in 0..network.layers().len() {
        let boundary = network.forward_frozen(images.clone(), from);
        // Only this block is moved, and all blocks after it propagate its gradient.
        let tail = network.tail(from).train().set_require_grad(true);
        let autodiff = device.clone().autodiff();
        let output = tail.forward(Tensor::from_data(boundary.clone().into_data(), &autodiff));
        let loss = (output * Tensor::from_data(factors.clone().into_data(), &autodiff)).sum();
        let mut all = loss.backward();
        let gradients = GradientsParams::from_module(&mut all, &tail.layers()[0]);
        let rest = network.tail(from);
        let forward = |block: Layer| {
            let put = |at, layer| if at == 0 { block.clone() } else { layer };
            rest.clone().map_blocks(put).forward(boundary.clone())
        };
        let block = &network.layers()[from];
        checked += check(
            &format!("block {from}"),
            block,
            &gradients,
            &factors_flat,
            forward,
        );
    }
    // Two tensors of the stem and the last convolution, four of the first block, six of the fifteen others.
    assert_eq!(checked, 2 * 2 + 4 + 15 * 6);
}

/// One block of each kind found in other networks: its own gradients, and that of its input.
#[test]
fn gradients_of_blocks_of_every_kind_agree_with_finite_differences() {
    use BackboneId::{InceptionV3, MobileNetV2, ResNet18, ResNet50, SqueezeNet11, Vgg16};
    for (id, name, side, tensors) in [
        (MobileNetV2, "blocks.1", 9, 6),
        (SqueezeNet11, "fires.1", 8, 6),
        (ResNet18, "stem", 11, 2),
        (ResNet18, "stages.1.0", 7, 6),
        (ResNet50, "stages.0.1", 5, 6),
        (InceptionV3, "stem.4", 9, 2),
        (InceptionV3, "blocks.0", 5, 14),
        (InceptionV3, "blocks.3", 7, 8),
        (InceptionV3, "blocks.4", 5, 20),
        (InceptionV3, "blocks.8", 5, 12),
        (InceptionV3, "blocks.9", 4, 18),
        (Vgg16, "blocks.0.1", 8, 2),
    ] {
        let device = Device::flex();
        device.seed(3);
        let network = config(id, false).init(&device).randomized(5);
        let mut layers = network.layers().iter();
        let layer = layers
            .find(|layer| layer.config().name == name)
            .expect("is there");
        let channels = layer.config().channels_in();
        // Positive, as after an activation, so that the padding of a maximum is distinguishable from values.
        let x = uniform([1, channels, side, side], &device).abs() + 0.1;
        let factors = uniform(layer.forward(x.clone()).dims(), &device);
        let factors_flat = values(factors.clone());

        let autodiff = device.clone().autodiff();
        let to = |tensor: &Tensor<4>| Tensor::<4>::from_data(tensor.clone().into_data(), &autodiff);
        let trained = layer.clone().train().set_require_grad(true);
        let input = to(&x).require_grad();
        let mut all = (trained.forward(input.clone()) * to(&factors))
            .sum()
            .backward();
        let by_input: Vec<f32> = input
            .grad(&all)
            .expect("by the input")
            .into_data()
            .iter()
            .collect();
        let gradients = GradientsParams::from_module(&mut all, &trained);
        let forward = |layer: Layer| layer.forward(x.clone());
        let what = format!("{} {name}", id.name());
        let count = check(&what, layer, &gradients, &factors_flat, forward);
        assert_eq!(count, tensors, "{what}");

        let length = by_input
            .iter()
            .map(|it| f64::from(*it).powi(2))
            .sum::<f64>()
            .sqrt();
        let loss_at = |share: f64| {
            let moved = values(x.clone()).into_iter().zip(&by_input);
            let moved = moved.map(|(x, by)| x + (share * f64::from(*by) / length) as f32);
            let moved = TensorData::new(moved.collect::<Vec<f32>>(), x.dims());
            let output = values(layer.forward(Tensor::from_data(moved, &device)));
            let products = output.iter().zip(&factors_flat);
            products
                .map(|(a, b)| f64::from(*a) * f64::from(*b))
                .sum::<f64>()
        };
        let found = [3e-2, 1e-2, 3e-3, 1e-3].map(|it| (loss_at(it) - loss_at(-it)) / (2.0 * it));
        assert!(
            found.iter().any(|it| (it - length).abs() < 0.02 * length),
            "{what}, its input: {found:?} {length}"
        );
    }
}

/// The ids of a module's tensors.
fn ids(module: &impl Module) -> Vec<ParamId> {
    struct Ids(Vec<ParamId>);
    impl ModuleVisitor for Ids {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.push(param.id);
        }
    }
    let mut ids = Ids(Vec::new());
    module.visit(&mut ids);
    ids.0
}

/// The block with its `at`-th tensor moved by `share` in the direction of its gradient, the length of the gradient, and that of the tensor.
fn moved(block: &Layer, at: usize, gradients: &GradientsParams, share: f64) -> (Layer, f64, f64) {
    struct Move<'a> {
        id: ParamId,
        gradients: &'a GradientsParams,
        share: f64,
        length: f64,
        norm: f64,
    }
    impl ModuleMapper for Move<'_> {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            if param.id != self.id {
                return param;
            }
            let gradient = self.gradients.get::<D>(self.id).expect("has a gradient");
            let square: f32 = gradient.clone().powi_scalar(2).sum().into_scalar();
            self.length = f64::from(square).sqrt();
            let direction = gradient / self.length.max(1e-12);
            let square: f32 = param.val().powi_scalar(2).sum().into_scalar();
            self.norm = f64::from(square).sqrt();
            let share = self.share;
            param.map(|tensor| tensor + direction * share)
        }
    }
    let mut mover = Move {
        id: ids(block)[at],
        gradients,
        share,
        length: 0.0,
        norm: 0.0,
    };
    let moved = block.clone().map(&mut mover);
    (moved, mover.length, mover.norm)
}
