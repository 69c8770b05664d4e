//! The first of the two honest baselines: a network that has seen nothing before the user's images.
//!
//! It is small enough to be trained in the browser and large enough to learn what few images can teach: four 3×3 convolutions, each halving the image, then an average and a linear layer, 0.24 M parameters.
//! The second baseline, a backbone with random weights and a trained head, is [`headstart_backbones::Backbone::random`] with [`fit`](crate::fit).

use burn::config::Config;
use burn::module::{Module, Param};
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor, TensorData};
use headstart_kernels::{Conv, FusedAdam, conv2d};
use headstart_project::EpochMetrics;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::head::tally::Tally;
use crate::head::targets::{Targets, class_weights};
use crate::host::{pause, report_epoch, values};
use crate::{Host, Interrupted};

/// The number of channels before, between and after the convolutions.
const CHANNELS: [usize; 5] = [3, 32, 64, 96, 128];

/// How the network from scratch is trained.
#[derive(Config, Debug)]
pub struct ScratchConfig {
    /// How many classes to tell apart.
    pub classes: usize,
    /// Side of the square input, in pixels; a multiple of 16.
    #[config(default = 64)]
    pub side_px: usize,
    /// How many times every image is seen.
    #[config(default = 60)]
    pub epochs: u32,
    /// Images per step.
    #[config(default = 16)]
    pub batch_size: usize,
    /// Adam's step size.
    #[config(default = 1e-3)]
    pub learning_rate: f64,
    /// It determines the initial weights, the order of the images, and which of them are mirrored.
    #[config(default = 0)]
    pub seed: u64,
    /// Whether classes are weighted by the inverse of their size.
    #[config(default = true)]
    pub balance_classes: bool,
}

impl ScratchConfig {
    /// The network with random weights, drawn from the device's generator.
    pub fn init(&self, device: &Device) -> Scratch {
        let convs = CHANNELS.windows(2).map(|pair| {
            let (channels_in, channels_out) = (pair[0], pair[1]);
            let weight = Initializer::KaimingNormal {
                gain: std::f64::consts::SQRT_2,
                fan_out_only: false,
            };
            let fan_in = channels_in * 9;
            ScratchConv {
                weight: weight.init_with(
                    [channels_out, channels_in, 3, 3],
                    Some(fan_in),
                    None,
                    device,
                ),
                bias: Initializer::Zeros.init([channels_out], device),
            }
        });
        Scratch {
            convs: convs.collect(),
            output: LinearConfig::new(CHANNELS[CHANNELS.len() - 1], self.classes).init(device),
        }
    }
}

/// A small convolutional network.
#[derive(Module, Debug)]
pub struct Scratch {
    convs: Vec<ScratchConv>,
    output: Linear,
}

impl Scratch {
    /// `[batch, 3, side, side]`, normalised, to logits `[batch, classes]`.
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let maps = self.convs.iter().fold(images, |x, conv| conv.forward(x));
        // [b, 128, s/16, s/16] → [b, 128]
        let features = maps.flatten::<3>(2, 3).mean_dim(2).squeeze_dim::<2>(2);
        self.output.forward(features)
    }
}

/// 3×3 with stride 2 and ReLU6.
#[derive(Module, Debug)]
struct ScratchConv {
    weight: Param<Tensor<4>>,
    bias: Param<Tensor<1>>,
}

impl ScratchConv {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let conv = Conv {
            stride: 2,
            padding: [(0, 1); 2],
            groups: 1,
            clamp: Some([0.0, 6.0]),
        };
        conv2d(x, self.weight.val(), self.bias.val(), conv)
    }
}

/// Small images with their classes.
#[derive(Clone, Debug, Default)]
pub struct SmallImages {
    /// The normalised planes `[3, side_px, side_px]` of each, one after the other.
    pub planes: Vec<f32>,
    /// The class of each.
    pub labels: Vec<usize>,
}

impl SmallImages {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The images at `indices` as `[indices, 3, side, side]`, mirrored where `mirrored` says so.
    fn batch(&self, indices: &[usize], mirrored: &[bool], device: &Device) -> Tensor<4> {
        let size = self.planes.len() / self.len().max(1);
        let side = ((size / 3) as f64).sqrt().round() as usize;
        let mut rows = Vec::with_capacity(indices.len() * size);
        for (at, &index) in indices.iter().enumerate() {
            let image = &self.planes[index * size..][..size];
            if mirrored.get(at).is_some_and(|&it| it) {
                rows.extend(image.chunks_exact(side).flat_map(|row| row.iter().rev()));
            } else {
                rows.extend_from_slice(image);
            }
        }
        let data = TensorData::new(rows, [indices.len(), 3, side, side]);
        Tensor::from_data(data, device)
    }
}

/// Trains a small network from random weights. The result is that of the last epoch: nothing is held back, so there is no way to choose a better one.
/// Each time an image is seen, it is mirrored with a probability of one half.
///
/// # Errors
/// When the host cancels, the loss diverges, or the device fails.
pub async fn train_from_scratch(
    images: &SmallImages,
    config: &ScratchConfig,
    device: &Device,
    host: &impl Host,
) -> Result<(Scratch, Vec<EpochMetrics>), Interrupted> {
    let autodiff = device.clone().autodiff();
    autodiff.seed(config.seed);
    let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
    let mut network = config.init(&autodiff);
    let mut optimizer = ModuleOptimizer::from(FusedAdam::default());
    let weights = class_weights(&images.labels, config.classes, config.balance_classes);
    let mut order: Vec<usize> = (0..images.len()).collect();
    let mut history = Vec::new();
    let start_ms = host.now_ms();
    for epoch in 1..=config.epochs {
        order.shuffle(&mut rng);
        let mut seen = Tally::default();
        for batch in order.chunks(config.batch_size) {
            let labels: Vec<usize> = batch.iter().map(|&index| images.labels[index]).collect();
            let mirrored: Vec<bool> = batch.iter().map(|_| rng.random()).collect();
            let targets = Targets::new(&labels, &weights);
            let output = network.forward(images.batch(batch, &mirrored, &autodiff));
            let loss = targets.cross_entropy(output.clone(), 0..batch.len());
            let gradients = GradientsParams::from_grads(loss.backward(), &network);
            network = optimizer.step(config.learning_rate, network, gradients);

            seen.add(&values(output.inner()).await?, &labels, config.classes);
            pause(host).await?;
        }
        let metrics = seen.checked()?.metrics(epoch, None);
        history.push(metrics);
        report_epoch(host, metrics, epoch, config.epochs, start_ms);
    }
    Ok((network.valid(), history))
}

/// Returns the network's logits for every image, `[images, classes]`.
///
/// # Errors
/// When the host cancels or the device fails.
pub async fn scratch_logits(
    network: &Scratch,
    images: &SmallImages,
    device: &Device,
    host: &impl Host,
) -> Result<Vec<f32>, Interrupted> {
    let indices: Vec<usize> = (0..images.len()).collect();
    let mut logits = Vec::new();
    for piece in indices.chunks(16) {
        let output = network.forward(images.batch(piece, &[], device));
        logits.extend(values(output).await?);
        pause(host).await?;
    }
    Ok(logits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Recorder;
    use crate::largest;

    /// Images of bright vertical or horizontal bars, at positions that say nothing about the class: `[3, 32, 32]` each.
    fn bars(count: usize, seed: u64) -> SmallImages {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut images = SmallImages::default();
        for index in 0..count {
            let place = rng.random_range(4..26);
            let is_upright = index % 2 == 0;
            for _ in 0..3 {
                for at in 0..32 * 32 {
                    let across = if is_upright { at % 32 } else { at / 32 };
                    let noise: f32 = rng.random_range(-0.2..0.2);
                    let bar = if (place..place + 3).contains(&across) {
                        1.0
                    } else {
                        -0.5
                    };
                    images.planes.push(bar + noise);
                }
            }
            images.labels.push(usize::from(is_upright));
        }
        images
    }

    fn config() -> ScratchConfig {
        ScratchConfig::new(2)
            .with_side_px(32)
            .with_epochs(12)
            .with_seed(4)
    }

    #[test]
    fn it_learns_what_can_be_seen_and_gives_the_same_again() {
        let (device, seen, unseen) = (Device::flex(), bars(48, 1), bars(40, 2));
        let (config, host) = (config(), Recorder::default());
        let run = || {
            let run = train_from_scratch(&seen, &config, &device, &host);
            let (network, history) = pollster::block_on(run).expect("trains");
            assert_eq!(history.len(), 12);
            let logits = scratch_logits(&network, &unseen, &device, &host);
            pollster::block_on(logits).expect("judges")
        };
        let logits = run();
        let right = logits.chunks_exact(2).zip(&unseen.labels);
        let right = right
            .filter(|(logits, label)| largest(logits) == **label)
            .count();
        assert!(right >= 36, "{right} of 40");
        assert_eq!(run(), logits);
    }

    #[test]
    fn it_stops_when_it_is_told_to() {
        let host = Recorder::default();
        host.pauses_left.set(2);
        let (images, device, config) = (bars(64, 1), Device::flex(), config());
        let run = train_from_scratch(&images, &config, &device, &host);
        assert!(matches!(
            pollster::block_on(run),
            Err(Interrupted::Cancelled)
        ));
    }
}
