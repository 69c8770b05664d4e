//! The network while it is trained: the last blocks of a backbone and a head, with their gradients, averages and optimizer.

use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::tensor::Tensor;
use headstart_backbones::{Layer, Tail};
use headstart_kernels::FusedAdam;
use headstart_project::FineTuneSettings;

use crate::Head;
use crate::deeper::average::Average;

/// The network while it is trained.
pub(crate) struct Trainee {
    tail: Tail,
    head: Head,
    averages: (Average<Tail>, Average<Head>),
    optimizer: ModuleOptimizer,
    rate_decay: f64,
    of_blocks: Vec<GradientsAccumulator<Layer>>,
    of_head: GradientsAccumulator<Head>,
}

impl Trainee {
    /// Begins with a pretrained tail and a trained head, neither with gradients.
    pub fn new(tail: Tail, head: Head, settings: &FineTuneSettings) -> Self {
        let blocks = tail.len();
        let of = settings.averaging;
        Self {
            averages: (
                Average::new(tail.clone(), of),
                Average::new(head.clone(), of),
            ),
            tail: tail.trainable(),
            head: head.train(),
            optimizer: ModuleOptimizer::from(FusedAdam {
                weight_decay: settings.weight_decay as f32,
                ..FusedAdam::default()
            }),
            rate_decay: settings.rate_decay,
            of_blocks: (0..blocks).map(|_| GradientsAccumulator::new()).collect(),
            of_head: GradientsAccumulator::new(),
        }
    }

    /// Activations at the boundary, `[images, channels, height, width]`, to logits `[images, classes]`.
    pub fn forward(&self, boundary: Tensor<4>) -> Tensor<2> {
        self.head.forward(self.tail.forward(boundary))
    }

    /// Adds the gradients of a loss to those of the batch's other pieces.
    pub fn backward(&mut self, loss: &Tensor<1>) {
        let mut gradients = loss.backward();
        for (layer, sum) in self.tail.blocks().iter().zip(&mut self.of_blocks) {
            let of_layer = GradientsParams::from_module(&mut gradients, layer);
            sum.accumulate(layer, of_layer);
        }
        let of_head = GradientsParams::from_module(&mut gradients, &self.head);
        self.of_head.accumulate(&self.head, of_head);
    }

    /// Changes all weights by the gradients that have been added up.
    pub fn step(&mut self, learning_rate: f64) {
        let gradients = self.of_head.grads();
        let head = self.head.clone();
        self.head = self.optimizer.step(learning_rate, head, gradients);
        let (last, decay) = (self.of_blocks.len(), self.rate_decay);
        let (tail, optimizer, sums) = (self.tail.clone(), &mut self.optimizer, &mut self.of_blocks);
        self.tail = tail.map_blocks(|at, layer| {
            // The final convolution and the block before it have the same depth.
            let depth = (last - at).saturating_sub(2);
            let rate = learning_rate * decay.powi(depth as i32);
            optimizer.step(rate, layer, sums[at].grads())
        });
        self.averages.0.add(&self.tail.valid());
        self.averages.1.add(&self.head.valid());
    }

    /// The averages of both so far, without gradients.
    pub fn averaged(&self) -> (Tail, Head) {
        (self.averages.0.mean(), self.averages.1.mean())
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::deeper::testing::{backbone, head, noise};
    use crate::embed;
    use crate::head::targets::Targets;
    use crate::host::testing::Recorder;

    /// A step is the same whether its batch is cut into pieces or not.
    #[test]
    fn cutting_a_batch_changes_rounding_alone() {
        let train = noise(12, 1);
        let head = head(3);
        let trained = |piece: usize| {
            let tuning = FineTuneSettings::default();
            let mut trainee = Trainee::new(backbone().tail(2), head.clone(), &tuning);
            let targets = Targets::new(&train.labels, &[1.0, 2.0, 0.5]);
            let device = Device::flex().autodiff();
            let indices: Vec<usize> = (0..12).collect();
            for images in indices.chunks(piece) {
                let output = trainee.forward(train.batch(images, &device));
                let images = images[0]..images[0] + images.len();
                trainee.backward(&targets.cross_entropy(output, images));
            }
            trainee.step(1e-3);
            let (tail, _) = trainee.averaged();
            let (device, host) = (Device::flex(), Recorder::default());
            let of = embed(&tail, &train, &device, &host);
            pollster::block_on(of).expect("embeds").embeddings
        };
        let (whole, cut) = (trained(12), trained(5));
        let most = |values: &[f32]| values.iter().fold(0.0f32, |a, b| a.max(b.abs()));
        let change: Vec<f32> = whole.iter().zip(&cut).map(|(a, b)| a - b).collect();
        assert!(most(&change) < 2e-2 * most(&whole), "{}", most(&change));
    }
}
