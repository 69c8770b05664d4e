use burn::{
    module::Module,
    tensor::{Device, Tensor, TensorData},
};
use headstart_images::{Normalization, Pixels, PixelsError};
use headstart_project::BackboneId;

use crate::{EfficientNetLite, EfficientNetLiteConfig, Weights, WeightsError};

/// A pretrained network that turns images into embeddings.
#[derive(Debug)]
pub struct Backbone {
    network: EfficientNetLite,
    device: Device,
}

impl Backbone {
    /// Builds the network on `device` and fills it from a safetensors file.
    ///
    /// # Errors
    /// When the file does not fit.
    pub fn load(id: BackboneId, file: &[u8], device: &Device) -> Result<Self, WeightsError> {
        let BackboneId::EfficientNetLite0 = id;
        let network = EfficientNetLiteConfig::new()
            .init(device)
            .load(Weights::read(file)?)?
            .no_grad();
        Ok(Self {
            network,
            device: device.clone(),
        })
    }

    /// Side of the square input, in pixels.
    pub fn input_px(&self) -> u32 {
        224
    }

    /// Length of an embedding.
    pub fn features(&self) -> usize {
        1280
    }

    /// Cells a side of the last feature map.
    pub fn map_side(&self) -> usize {
        // Five of its layers halve the image.
        self.input_px() as usize / 32
    }

    /// Trained numbers in it.
    pub fn parameters(&self) -> u64 {
        self.network.num_params() as u64
    }

    /// An image as this backbone wants it: the centred square, normalised, `[3, input_px, input_px]`.
    ///
    /// # Errors
    /// When the resampler refuses.
    pub fn prepare(&self, pixels: &Pixels) -> Result<Vec<f32>, PixelsError> {
        let normalization = Normalization {
            mean: [127.0; 3],
            deviation: [128.0; 3],
        };
        let side = self.input_px();
        let mut planes = vec![0.0; 3 * side as usize * side as usize];
        pixels
            .center_square(side)?
            .write_planes(&normalization, &mut planes);
        Ok(planes)
    }

    /// Embeds normalised images: `planes` is `[batch, 3, input_px, input_px]`, the result `[batch, features]`.
    pub fn embed(&self, planes: Vec<f32>) -> Tensor<2> {
        self.network.forward(self.images(planes))
    }

    /// The last feature map of normalised images: `planes` is `[batch, 3, input_px, input_px]`, the result `[batch, features, map_side, map_side]`.
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
