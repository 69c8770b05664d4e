//! The backbone cut into a frozen and a trained part, and looked into.
#![expect(
    clippy::disallowed_methods,
    reason = "natively a tensor may be read synchronously"
)]
#![expect(clippy::expect_used, reason = "a test may fail so")]

use std::{fs, path::PathBuf};

use burn::{
    module::Module,
    optim::GradientsParams,
    tensor::{Device, Distribution, Tensor, TensorData},
};
use headstart_backbones::{Backbone, Network, Weights, config};
use headstart_project::BackboneId;

fn file() -> Vec<u8> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::read(root.join("weights/efficientnet-lite0.safetensors")).expect("weights")
}

fn backbone() -> Backbone {
    Backbone::load(BackboneId::EfficientNetLite0, &file(), &Device::flex()).expect("loads")
}

/// Something like an image: `[3, 224, 224]`, from -1 to 1.
fn planes() -> Vec<f32> {
    let device = Device::flex();
    device.seed(4);
    let noise = Tensor::<1>::random([3 * 224 * 224], Distribution::Uniform(-0.3, 0.3), &device);
    let noise: Vec<f32> = noise.into_data().iter().collect();
    let wave = |at: usize| ((at % 224) as f32 / 17.0).sin() * 0.7;
    noise
        .iter()
        .enumerate()
        .map(|(at, it)| it + wave(at))
        .collect()
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter().collect()
}

#[test]
fn both_parts_together_are_the_whole_wherever_the_cut_is() {
    let backbone = backbone();
    let whole = values(backbone.embed(planes()));
    assert_eq!(backbone.most_unfrozen(), 17);
    for unfrozen in [0, 1, 2, 7, 17] {
        let boundary = backbone.forward_frozen(planes(), unfrozen);
        let [channels, height, width] = backbone.boundary(unfrozen);
        assert_eq!(boundary.dims(), [1, channels, height, width]);
        let tail = backbone.tail(unfrozen);
        if unfrozen > 0 {
            assert_eq!(tail.len(), unfrozen + 1);
            assert!(values(tail.forward(boundary)) == whole, "{unfrozen}");
        }
    }
}

#[test]
fn blocks_and_stages_describe_what_is_computed() {
    let backbone = backbone();
    let blocks = backbone.blocks();
    let names: Vec<&str> = blocks.iter().map(|block| block.name.as_str()).collect();
    assert_eq!(
        (names.len(), names[0], names[1], names[17]),
        (18, "stem", "blocks.0", "head")
    );
    let parameters: u64 = blocks.iter().map(|block| block.parameters).sum();
    assert_eq!(parameters, backbone.parameters());
    // The paper's repository gives 407 M multiplications with an addition, with a classifier of 1.28 M.
    let cost: u64 = blocks.iter().map(|block| block.multiply_adds).sum();
    assert!((380_000_000..410_000_000).contains(&cost), "{cost}");
    let stages = backbone.stages();
    let maps = backbone.stage_maps(planes());
    assert_eq!((stages.len(), maps.len()), (9, 9));
    for (stage, map) in stages.iter().zip(&maps) {
        let [channels, height, width] = stage.output;
        assert_eq!(map.dims(), [1, channels, height, width], "{}", stage.name);
        assert_eq!(blocks[stage.last_block].output, stage.output);
    }
    assert_eq!(stages[0].output, [32, 112, 112]);
    let last = maps.last().expect("has stages").clone();
    assert_eq!(values(last), values(backbone.maps(planes())));
}

#[test]
fn a_backbone_survives_its_file_to_the_last_bit() {
    let backbone = backbone();
    let written = pollster::block_on(backbone.to_safetensors()).expect("writes");
    // The shipped weights are f16, so nothing grows.
    assert!(written.len() <= file().len() + 4096, "{}", written.len());
    let random = Backbone::random(BackboneId::EfficientNetLite0, 3, &Device::flex());
    for backbone in [backbone, random] {
        let file = pollster::block_on(backbone.to_safetensors()).expect("writes");
        let again = Backbone::load(backbone.id(), &file, &Device::flex()).expect("loads");
        assert_eq!(
            values(again.embed(planes())),
            values(backbone.embed(planes()))
        );
    }
}

#[test]
fn a_trained_tail_takes_the_place_of_the_old_one() {
    let backbone = backbone();
    let random = Backbone::random(BackboneId::EfficientNetLite0, 5, &Device::flex());
    let other = backbone.with_tail(random.tail(2).trainable());
    let boundary = backbone.forward_frozen(planes(), 2);
    assert_eq!(
        values(other.embed(planes())),
        values(random.tail(2).forward(boundary))
    );
    assert_eq!(
        values(other.forward_frozen(planes(), 2)),
        values(backbone.forward_frozen(planes(), 2))
    );
}

#[test]
fn random_weights_neither_blow_up_nor_vanish_through_the_depth() {
    let mut first = None;
    for seed in 0..3 {
        let backbone = Backbone::random(BackboneId::EfficientNetLite0, seed, &Device::flex());
        for (stage, map) in backbone.stages().iter().zip(backbone.stage_maps(planes())) {
            let values = values(map);
            let square = values.iter().map(|it| f64::from(*it).powi(2)).sum::<f64>();
            let size = (square / values.len() as f64).sqrt();
            println!("{seed} {}: {size:.3}", stage.name);
            assert!((0.05..6.0).contains(&size), "{}: {size}", stage.name);
        }
        let embedding = values(backbone.embed(planes()));
        assert!(Some(&embedding) != first.as_ref());
        if seed == 0 {
            let again = Backbone::random(BackboneId::EfficientNetLite0, 0, &Device::flex());
            assert!(values(again.embed(planes())) == embedding);
            first = Some(embedding);
        }
    }
}

/// Every block's gradients against finite differences: through the depthwise convolution, the residual, and all blocks behind it.
///
/// Single numbers drown in the rounding of a network this deep, so each tensor is moved along its own gradient; the loss must then change by the gradient's length.
/// The image is small, which takes the blocks through sizes down to one place.
#[test]
fn gradients_of_every_block_agree_with_finite_differences() {
    let device = Device::flex();
    let weights = file();
    let network = config(BackboneId::EfficientNetLite0, false)
        .init(&device)
        .load(Weights::read(&weights).expect("reads"))
        .expect("fits");
    let side = 64;
    device.seed(8);
    let uniform = Distribution::Uniform(-1.0, 1.0);
    let images = Tensor::<4>::random([2, 3, side, side], uniform, &device);
    let factors = Tensor::<2>::random([2, 1280], uniform, &device);
    let factors_flat = values(factors.clone());
    let blocks = network.blocks(side).len();
    let mut checked = 0;
    for from in 0..blocks {
        let boundary = network.forward_frozen(images.clone(), from);
        // The block alone is moved, and all behind it carry its gradient.
        let tail = network.tail(from).train().set_require_grad(true);
        let autodiff = device.clone().autodiff();
        let to = |data: TensorData| Tensor::<4>::from_data(data, &autodiff);
        let output = tail.forward(to(boundary.clone().into_data()));
        let loss = (output * Tensor::from_data(factors.clone().into_data(), &autodiff)).sum();
        let mut all = loss.backward();
        let block = &tail.layers()[0];
        let gradients = GradientsParams::from_module(&mut all, block);
        for at in 0..count(block) {
            let (_, length, norm) = move_along(&network, from, at, &gradients, 0.0);
            let loss_at = |share: f64| {
                let moved = move_along(&network, from, at, &gradients, share).0;
                let output = values(moved.tail(from).forward(boundary.clone()));
                // In f64, so that the sum adds no rounding of its own.
                let products = output.iter().zip(&factors_flat);
                products
                    .map(|(a, b)| f64::from(*a) * f64::from(*b))
                    .sum::<f64>()
            };
            // A large step crosses corners of ReLU6, a small one drowns in rounding: where they lie differs from tensor to tensor.
            let found = [1e-3, 3e-4, 1e-4, 3e-5].map(|share| {
                let step = share * norm.max(0.1);
                (loss_at(step) - loss_at(-step)) / (2.0 * step)
            });
            let is_close = |difference: &f64| (difference - length).abs() < 0.02 * length;
            assert!(
                length > 0.0 && found.iter().any(is_close),
                "block {from}, tensor {at}: {found:?} {length}"
            );
            checked += 1;
        }
    }
    // Two tensors of the stem and the last convolution, four of the first block, six of the fifteen others.
    assert_eq!(checked, 2 * 2 + 4 + 15 * 6);
}

fn count(module: &impl Module) -> usize {
    visit(module).len()
}

/// The ids of a module's tensors, and their ranks.
fn visit(module: &impl Module) -> Vec<(burn::module::ParamId, usize)> {
    struct Ids(Vec<(burn::module::ParamId, usize)>);
    impl burn::module::ModuleVisitor for Ids {
        fn visit_float<const D: usize>(&mut self, param: &burn::module::Param<Tensor<D>>) {
            self.0.push((param.id, D));
        }
    }
    let mut ids = Ids(Vec::new());
    module.visit(&mut ids);
    ids.0
}

/// The network with the `at`-th tensor of block `from` moved by `share` along its gradient's direction, the gradient's length and the tensor's own.
fn move_along(
    network: &Network,
    from: usize,
    at: usize,
    gradients: &GradientsParams,
    share: f64,
) -> (Network, f64, f64) {
    let (id, _) = visit(&network.layers()[from])[at];
    struct Move<'a> {
        id: burn::module::ParamId,
        gradients: &'a GradientsParams,
        share: f64,
        length: f64,
        norm: f64,
    }
    impl burn::module::ModuleMapper for Move<'_> {
        fn map_float<const D: usize>(
            &mut self,
            param: burn::module::Param<Tensor<D>>,
        ) -> burn::module::Param<Tensor<D>> {
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
        id,
        gradients,
        share,
        length: 0.0,
        norm: 0.0,
    };
    let moved = network.clone().map(&mut mover);
    (moved, mover.length, mover.norm)
}
