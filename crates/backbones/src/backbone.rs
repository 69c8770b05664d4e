use std::io::{Read, Seek};

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use headstart_checkpoint::{Checkpoint, Part, Plan};
use headstart_images::{Pixels, PixelsError};
use headstart_project::BackboneId;

use crate::weights::Values;
use crate::{
    BlockInfo, Layer, Network, OpenError, StageInfo, Weights, WeightsError, config, vgg, weights,
};

/// A pretrained network that turns images into embeddings.
///
/// It is a row of blocks, the last of which can be unfrozen: `unfrozen` counts them from the end, and 0 keeps all of them frozen.
#[derive(Clone, Debug)]
pub struct Backbone {
    id: BackboneId,
    network: Network,
    device: Device,
}

impl Backbone {
    /// Builds the network on `device` and fills it from a safetensors file.
    ///
    /// # Errors
    /// When the file does not fit.
    pub fn load(id: BackboneId, file: &[u8], device: &Device) -> Result<Self, WeightsError> {
        let weights = Weights::read(file)?;
        let config = config(id, weights.has(vgg::HIDDEN_PREFIX));
        let network = config.init(device).load(weights)?;
        Ok(Self::new(id, network, device))
    }

    /// Builds the network on `device` and fills it from another tool's file as `plan` says; with its fully connected layers, if `is_hidden_kept` is set and the file has them.
    ///
    /// Apart from the network itself, at most one convolution is held in memory.
    ///
    /// # Errors
    /// When the file cannot be read or belongs to another model.
    pub fn open<R: Read + Seek>(
        id: BackboneId,
        file: &mut Checkpoint<R>,
        plan: &Plan,
        is_hidden_kept: bool,
        device: &Device,
    ) -> Result<Self, OpenError> {
        let config = config(id, is_hidden_kept && plan.has(Part::Hidden));
        let network = config.init(device).load_checkpoint(file, plan)?;
        Ok(Self::new(id, network, device))
    }

    /// The network with random instead of pretrained weights, which depend only on the seed: see [`Network::randomized`].
    pub fn random(id: BackboneId, seed: u64, device: &Device) -> Self {
        let network = config(id, false).init(device).randomized(seed);
        Self::new(id, network, device)
    }

    fn new(id: BackboneId, network: Network, device: &Device) -> Self {
        Self {
            id,
            network: network.no_grad(),
            device: device.clone(),
        }
    }

    /// Which backbone it is.
    pub fn id(&self) -> BackboneId {
        self.id
    }

    /// All its tensors as a safetensors file that [`Backbone::load`] restores exactly, under the names used in the shipped weights.
    ///
    /// # Errors
    /// When the device cannot be read.
    pub async fn to_safetensors(&self) -> Result<Vec<u8>, WeightsError> {
        weights::write(self.network.tensors()).await
    }

    /// Its blocks, from first to last.
    pub fn blocks(&self) -> Vec<BlockInfo> {
        self.network.blocks(self.input_px() as usize)
    }

    /// Its stages, from first to last, each with the shape of its feature map.
    pub fn stages(&self) -> Vec<StageInfo> {
        self.network.stages(self.input_px() as usize)
    }

    /// The most blocks that can be unfrozen: all of them.
    pub fn most_unfrozen(&self) -> usize {
        self.network.layers().len() - self.network.closing()
    }

    /// The first block that is trained when the last `unfrozen` are. A final convolution is not counted, since no block follows it: it is always trained with them.
    pub fn first_unfrozen(&self, unfrozen: usize) -> usize {
        let blocks = self.network.layers().len();
        match unfrozen.min(self.most_unfrozen()) {
            0 => blocks,
            unfrozen => blocks - self.network.closing() - unfrozen,
        }
    }

    /// Shape of one image's activations where the unfrozen blocks begin: channels, height, width.
    pub fn boundary(&self, unfrozen: usize) -> [usize; 3] {
        let side = self.input_px() as usize;
        match self.first_unfrozen(unfrozen).checked_sub(1) {
            Some(last_frozen) => self.blocks()[last_frozen].output,
            None => [3, side, side],
        }
    }

    /// Runs the frozen part on normalised images: `planes` is `[batch, 3, input_px, input_px]`, the result `[batch, channels, height, width]` as [`Backbone::boundary`] says.
    pub fn forward_frozen(&self, planes: Vec<f32>, unfrozen: usize) -> Tensor<4> {
        let from = self.first_unfrozen(unfrozen);
        self.network.forward_frozen(self.images(planes), from)
    }

    /// Turns the output of [`Backbone::forward_frozen`] into embeddings: `boundary` is `[batch, channels, height, width]` as [`Backbone::boundary`] says, the result `[batch, features]`.
    pub fn embed_boundary(&self, boundary: Vec<f32>, unfrozen: usize) -> Tensor<2> {
        let [channels, height, width] = self.boundary(unfrozen);
        let batch = boundary.len() / (channels * height * width);
        let data = TensorData::new(boundary, [batch, channels, height, width]);
        let tail = self.network.tail(self.first_unfrozen(unfrozen));
        tail.forward(Tensor::from_data(data, &self.device))
    }

    /// A copy of the last blocks, to be trained. It is on the backbone's device; [`Tail::trainable`] gives it gradients.
    pub fn tail(&self, unfrozen: usize) -> Tail {
        Tail {
            network: self.network.tail(self.first_unfrozen(unfrozen)),
        }
    }

    /// Reads trained last blocks from a file in which the names of their tensors begin with `prefix`; `None` if there are none.
    ///
    /// # Errors
    /// When they do not fit this backbone.
    pub fn load_tail(
        &self,
        weights: &Weights<'_>,
        prefix: &str,
    ) -> Result<Option<Tail>, WeightsError> {
        let network = self.network.load_tail(weights, prefix)?;
        Ok(network.map(|network| Tail { network }))
    }

    /// The same backbone with trained last blocks.
    pub fn with_tail(&self, tail: Tail) -> Self {
        let tail = tail.network.valid().to_device(&self.device).no_grad();
        Self {
            network: self.network.with_tail(tail),
            ..self.clone()
        }
    }

    /// The feature map after each stage, in the order and with the shapes of [`Backbone::stages`].
    pub fn stage_maps(&self, planes: Vec<f32>) -> Vec<Tensor<4>> {
        self.network.forward_stages(self.images(planes))
    }

    /// Side of the square input, in pixels.
    pub fn input_px(&self) -> u32 {
        self.id.card().input_px
    }

    /// Length of an embedding.
    pub fn features(&self) -> usize {
        self.map()[0]
    }

    /// The side of the last feature map, in cells.
    pub fn map_side(&self) -> usize {
        self.map()[1]
    }

    /// Channels, height and width of the last feature map.
    fn map(&self) -> [usize; 3] {
        self.blocks().last().map_or([0; 3], |block| block.output)
    }

    /// The most images that can go through it at once if a feature map of all of them may take `bytes`: on WebGPU the size of a binding, 128 MiB by default.
    pub fn most_images(&self, bytes: u64) -> usize {
        let blocks = self.blocks();
        let largest = blocks.iter().map(|block| block.largest).max().unwrap_or(0);
        let one = (largest * size_of::<f32>()) as u64;
        usize::try_from(bytes / one.max(1))
            .unwrap_or(usize::MAX)
            .max(1)
    }

    /// The number of trained parameters.
    pub fn parameters(&self) -> u64 {
        self.network.num_params() as u64
    }

    /// An image in the form that this backbone expects: the centred square, normalised, `[3, input_px, input_px]`.
    ///
    /// # Errors
    /// When the resampler refuses.
    pub fn prepare(&self, pixels: &Pixels) -> Result<Vec<f32>, PixelsError> {
        let normalization = &self.id.card().normalization;
        let side = self.input_px();
        let mut planes = vec![0.0; 3 * side as usize * side as usize];
        pixels
            .center_square(side)?
            .write_planes(normalization, &mut planes);
        Ok(planes)
    }

    /// Embeds normalised images: `planes` is `[batch, 3, input_px, input_px]`, the result `[batch, features]`.
    pub fn embed(&self, planes: Vec<f32>) -> Tensor<2> {
        self.network.forward(self.images(planes))
    }

    /// Computes the last feature map of normalised images: `planes` is `[batch, 3, input_px, input_px]`, the result `[batch, features, map_side, map_side]`.
    /// Its mean over all cells is the embedding.
    pub fn maps(&self, planes: Vec<f32>) -> Tensor<4> {
        self.network.forward_maps(self.images(planes))
    }

    fn images(&self, planes: Vec<f32>) -> Tensor<4> {
        let side = self.input_px() as usize;
        let batch = planes.len() / (3 * side * side);
        let images = TensorData::new(planes, [batch, 3, side, side]);
        Tensor::from_data(images, &self.device)
    }
}

/// The last blocks of a backbone: what fine-tuning trains.
#[derive(Module, Debug)]
pub struct Tail {
    network: Network,
}

impl Tail {
    /// Activations at the boundary, `[batch, channels, height, width]`, to embeddings `[batch, features]`.
    pub fn forward(&self, boundary: Tensor<4>) -> Tensor<2> {
        self.network.forward(boundary)
    }

    /// Its tensors, under the names used in the shipped weights.
    pub fn tensors(&self) -> Vec<(String, Values)> {
        self.network.tensors()
    }

    /// How many blocks it has, including a final convolution.
    pub fn len(&self) -> usize {
        self.network.layers().len()
    }

    /// Whether nothing is unfrozen.
    pub fn is_empty(&self) -> bool {
        self.network.layers().is_empty()
    }

    /// Its blocks, from the boundary on.
    pub fn blocks(&self) -> &[Layer] {
        self.network.layers()
    }

    /// The multiply-adds for one image whose activations at the boundary have this side.
    pub fn multiply_adds(&self, side: usize) -> u64 {
        let blocks = self.network.blocks(side);
        blocks.iter().map(|block| block.multiply_adds).sum()
    }

    /// Replaces its blocks one by one; indices count from the boundary.
    pub fn map_blocks(self, change: impl FnMut(usize, Layer) -> Layer) -> Self {
        Self {
            network: self.network.map_blocks(change),
        }
    }

    /// The same weights with gradients.
    pub fn trainable(self) -> Self {
        self.train().set_require_grad(true)
    }
}
