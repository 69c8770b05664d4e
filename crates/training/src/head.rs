//! The head: what is trained on top of the frozen backbone.

pub(crate) mod batches;
pub(crate) mod file;
pub(crate) mod fit;
pub(crate) mod logits;
pub(crate) mod mixup;
pub(crate) mod tally;
pub(crate) mod targets;

use burn::config::Config;
use burn::module::{Module, Param};
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use headstart_backbones::{Weights, WeightsError};
use headstart_project::TrainError;

use crate::head::file::to_safetensors;
use crate::host::internal;

/// The head's shape.
#[derive(Config, Debug)]
pub struct HeadConfig {
    /// The length of an embedding.
    pub features: usize,
    /// How many classes to tell apart.
    pub classes: usize,
    /// The number of units in the hidden layer; 0 for no hidden layer.
    pub hidden_units: usize,
    /// The share of hidden units that is switched off in each training step.
    pub dropout: f64,
}

impl HeadConfig {
    /// A head with random weights, drawn from the device's generator.
    pub fn init(&self, device: &Device) -> Head {
        let hidden = (self.hidden_units > 0)
            .then(|| LinearConfig::new(self.features, self.hidden_units).init(device));
        let width = if self.hidden_units > 0 {
            self.hidden_units
        } else {
            self.features
        };
        Head {
            hidden,
            dropout: DropoutConfig::new(self.dropout).init(),
            output: LinearConfig::new(width, self.classes).init(device),
        }
    }
}

/// Linear, or one hidden layer with ReLU and dropout.
#[derive(Module, Debug)]
pub struct Head {
    hidden: Option<Linear>,
    dropout: Dropout,
    output: Linear,
}

impl Head {
    /// Embeddings `[batch, features]` to logits `[batch, classes]`.
    pub fn forward(&self, embeddings: Tensor<2>) -> Tensor<2> {
        let x = match &self.hidden {
            Some(hidden) => self.dropout.forward(relu(hidden.forward(embeddings))),
            None => embeddings,
        };
        self.output.forward(x)
    }

    /// How many classes it tells apart.
    pub fn classes(&self) -> usize {
        let [_, classes] = self.output.weight.lazy_shape().dims();
        classes
    }

    /// The hidden layer, if there is one, and the output layer.
    pub(crate) fn layers(&self) -> (Option<&Linear>, &Linear) {
        (self.hidden.as_ref(), &self.output)
    }

    /// Its tensors as name, shape and values; weights are `[inputs, outputs]`.
    ///
    /// # Errors
    /// [`TrainError::Internal`] when the device cannot be read.
    pub(crate) async fn tensors(&self) -> Result<Vec<(String, Vec<usize>, Vec<f32>)>, TrainError> {
        let mut tensors = Vec::new();
        for (name, layer) in [
            ("hidden", self.hidden.as_ref()),
            ("output", Some(&self.output)),
        ] {
            let Some(layer) = layer else { continue };
            tensors.push(read(format!("{name}.weight"), &layer.weight).await?);
            if let Some(bias) = &layer.bias {
                tensors.push(read(format!("{name}.bias"), bias).await?);
            }
        }
        Ok(tensors)
    }

    /// The same head on the CPU, without dropout. burn's own way of changing devices waits for the graphics card, which is not allowed in a browser.
    ///
    /// # Errors
    /// [`TrainError::Internal`] when the device cannot be read.
    pub(crate) async fn to_cpu(&self) -> Result<Self, TrainError> {
        let file = to_safetensors(self.tensors().await?)?;
        let weights = Weights::read(&file).map_err(internal)?;
        Self::read(&weights, &Device::flex()).map_err(internal)
    }

    /// Reads the tensors returned by `tensors` from a file.
    ///
    /// # Errors
    /// When they are not those of a head.
    pub(crate) fn read(weights: &Weights<'_>, device: &Device) -> Result<Self, WeightsError> {
        let shape = |name: &str| match weights.shape(name).as_deref() {
            Some(&[inputs, outputs]) => Ok([inputs, outputs]),
            _ => Err(WeightsError::Missing(name.to_owned())),
        };
        let [width, classes] = shape("output.weight")?;
        let config = match shape("hidden.weight") {
            Ok([features, units]) => HeadConfig::new(features, classes, units, 0.0),
            Err(_) => HeadConfig::new(width, classes, 0, 0.0),
        };
        let mut head = config.init(device);
        if let Some(hidden) = head.hidden.take() {
            head.hidden = Some(load(hidden, "hidden", weights)?);
        }
        head.output = load(head.output, "output", weights)?;
        Ok(head)
    }
}

async fn read<const D: usize>(
    name: String,
    param: &Param<Tensor<D>>,
) -> Result<(String, Vec<usize>, Vec<f32>), TrainError> {
    let tensor = param.val();
    let shape = tensor.dims().to_vec();
    let data = tensor.into_data_async().await.map_err(internal)?;
    Ok((name, shape, data.iter::<f32>().collect()))
}

fn load(layer: Linear, name: &str, weights: &Weights<'_>) -> Result<Linear, WeightsError> {
    Ok(Linear {
        weight: weights.load(&format!("{name}.weight"), layer.weight)?,
        bias: layer
            .bias
            .map(|bias| weights.load(&format!("{name}.bias"), bias))
            .transpose()?,
    })
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::disallowed_methods,
        reason = "natively a tensor may be read synchronously"
    )]

    use burn::optim::GradientsParams;
    use burn::tensor::Distribution;

    use super::*;
    use crate::head::file::to_safetensors;
    use crate::head::targets::cross_entropy;

    fn file(head: &Head) -> Vec<u8> {
        let tensors = pollster::block_on(head.tensors()).expect("reads");
        to_safetensors(tensors).expect("writes")
    }

    fn head_of(file: &[u8], device: &Device) -> Result<Head, WeightsError> {
        let weights = Weights::read(file)?;
        let head = Head::read(&weights, device)?;
        weights.finish()?;
        Ok(head)
    }

    #[test]
    fn a_head_survives_its_file() {
        let device = Device::flex();
        for hidden_units in [0, 7] {
            let head = HeadConfig::new(12, 3, hidden_units, 0.5).init(&device);
            let file = file(&head);
            let again = head_of(&file, &device).expect("reads");
            let x = Tensor::<2>::random([4, 12], Distribution::Normal(0.0, 1.0), &device);
            assert_eq!(again.classes(), 3);
            again
                .forward(x.clone())
                .into_data()
                .assert_eq(&head.forward(x).into_data(), true);
        }
    }

    #[test]
    fn a_file_that_is_no_head_is_refused() {
        let device = Device::flex();
        assert!(head_of(b"nonsense", &device).is_err());
        let head = HeadConfig::new(12, 3, 7, 0.0).init(&device);
        let file = file(&head);
        assert!(head_of(&file[..file.len() - 4], &device).is_err());
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let device = Device::flex().autodiff();
        device.seed(3);
        let head = HeadConfig::new(5, 3, 4, 0.0).init(&device);
        let x = Tensor::<2>::random([6, 5], Distribution::Normal(0.0, 1.0), &device);
        let labels = [0, 1, 2, 0, 1, 1];
        let weights = [1.0, 0.5, 2.0];
        let file = file(&head);
        let loss_of = |file: &[u8]| {
            let head = head_of(file, &device).expect("reads");
            f64::from(
                cross_entropy(head.forward(x.clone()), &labels, &weights).into_scalar::<f32>(),
            )
        };
        let loss = cross_entropy(head.forward(x.clone()), &labels, &weights);
        let gradients = GradientsParams::from_grads(loss.backward(), &head);
        // The file consists of the directory's length, the directory, and all parameters, which can be changed one by one.
        let header = 8 + u64::from_le_bytes(*file.first_chunk().expect("a header")) as usize;
        let directory: String = String::from_utf8_lossy(&file[8..header]).into_owned();
        let hidden = head.hidden.as_ref().expect("has a hidden layer");
        let mut collected = Vec::new();
        for (name, layer) in [("hidden", hidden), ("output", &head.output)] {
            let weight = gradients.get::<2>(layer.weight.id).expect("has a gradient");
            collected.push((format!("{name}.weight"), weight.into_data()));
            let bias = layer.bias.as_ref().expect("has a bias");
            let bias = gradients.get::<1>(bias.id).expect("has a gradient");
            collected.push((format!("{name}.bias"), bias.into_data()));
        }
        let mut checked = 0;
        for (name, gradient) in collected {
            let start = offset_of(&directory, &name);
            for (index, gradient) in gradient.iter::<f32>().enumerate() {
                let at = header + start + index * 4;
                let moved = |by: f32| {
                    let mut file = file.clone();
                    let value = f32::from_le_bytes(*file[at..].first_chunk().expect("a number"));
                    file[at..at + 4].copy_from_slice(&(value + by).to_le_bytes());
                    loss_of(&file)
                };
                let difference = (moved(1e-2) - moved(-1e-2)) / 2e-2;
                assert!(
                    (difference - f64::from(gradient)).abs() < 2e-3,
                    "{name} {index}: {difference} {gradient}"
                );
                checked += 1;
            }
        }
        assert_eq!(checked, 5 * 4 + 4 + 4 * 3 + 3);
    }

    fn offset_of(directory: &str, name: &str) -> usize {
        let entry = &directory[directory.find(&format!("\"{name}\"")).expect("is listed")..];
        let offsets = &entry[entry.find("data_offsets\":[").expect("has offsets") + 15..];
        offsets[..offsets.find(',').expect("a pair")]
            .parse()
            .expect("a number")
    }
}
