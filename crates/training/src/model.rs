//! Everything that a run produces and that predictions need.

use burn::tensor::{Device, Tensor, TensorData};
use headstart_backbones::{Backbone, Tail, Weights, WeightsError};
use headstart_project::TrainError;

use crate::head::file::to_safetensors;
use crate::host::{internal, values};
use crate::worth::calibration::probabilities;
use crate::{Examples, Familiarity, Head, fit_temperature};

/// A head, and how much its answers are worth.
#[derive(Debug)]
pub struct Model {
    /// It turns embeddings into logits.
    pub head: Head,
    /// The number by which logits are divided.
    pub temperature: f64,
    /// It tells how much an image is like the training images.
    pub familiarity: Familiarity,
    /// Images less familiar than this are taken to be unknown.
    pub threshold: f32,
}

/// What a model says about an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// One probability per class, calibrated; they sum to one.
    pub probabilities: Vec<f32>,
    /// Higher for images that are more like the training images.
    pub familiarity: f32,
}

impl Model {
    /// Turns a head into a model: determines from the held-back images, and the logits that the head gives them, how far its answers can be trusted.
    pub(crate) fn calibrated(
        head: Head,
        learnt: &Examples,
        held_back: &Examples,
        held_back_logits: &[f32],
    ) -> Self {
        let classes = head.classes();
        let familiarity = Familiarity::fit(learnt, classes);
        let scores: Vec<f32> = held_back.rows().map(|row| familiarity.score(row)).collect();
        let threshold = familiarity.threshold(&familiarity.leave_out(learnt), &scores);
        Self {
            head,
            temperature: fit_temperature(held_back_logits, &held_back.labels, classes),
            familiarity,
            threshold,
        }
    }

    /// Judges one embedding.
    ///
    /// # Errors
    /// [`TrainError::Internal`] when the device fails.
    pub async fn judge(&self, embedding: &[f32]) -> Result<Judgement, TrainError> {
        let data = TensorData::new(embedding.to_vec(), [1, embedding.len()]);
        // A head is so small that it is always fastest on the CPU.
        let logits = self.head.forward(Tensor::from_data(data, &Device::flex()));
        let logits = values(logits).await?;
        Ok(Judgement {
            familiarity: self.familiarity.score(embedding),
            probabilities: probabilities(&logits, self.temperature),
        })
    }

    /// The model as a safetensors file: the head's tensors, `temperature`, `threshold`, and those of `familiarity.`; all f32.
    ///
    /// # Errors
    /// [`TrainError::Internal`] when the device cannot be read.
    pub async fn to_safetensors(&self) -> Result<Vec<u8>, TrainError> {
        to_safetensors(self.tensors().await?)
    }

    async fn tensors(&self) -> Result<Vec<(String, Vec<usize>, Vec<f32>)>, TrainError> {
        let mut tensors = self.head.tensors().await?;
        tensors.push(("temperature".into(), vec![1], vec![self.temperature as f32]));
        tensors.push(("threshold".into(), vec![1], vec![self.threshold]));
        tensors.extend(self.familiarity.tensors());
        Ok(tensors)
    }

    /// Reads what [`Model::to_safetensors`] wrote.
    ///
    /// # Errors
    /// When the file does not contain such a model.
    pub fn from_safetensors(file: &[u8], device: &Device) -> Result<Self, WeightsError> {
        let weights = Weights::read(file)?;
        let model = Self::take(&weights, device)?;
        weights.finish()?;
        Ok(model)
    }

    fn take(weights: &Weights<'_>, device: &Device) -> Result<Self, WeightsError> {
        let number = |name: &str| Ok(weights.values(name, &[1])?[0]);
        let temperature = f64::from(number("temperature")?);
        let threshold = number("threshold")?;
        let head = Head::read(weights, device)?;
        let familiarity = Familiarity::read(weights, head.classes())?;
        Ok(Self {
            head,
            // A file from elsewhere may hold anything.
            temperature: if temperature > 0.0 { temperature } else { 1.0 },
            familiarity,
            threshold,
        })
    }
}

/// The prefix of the names of the backbone's own tensors in a model's file.
const OF_BACKBONE: &str = "backbone.";

/// A model, with the last blocks of the backbone if they were trained with it.
#[derive(Debug)]
pub struct Tuned {
    /// It judges embeddings.
    pub model: Model,
    /// The end of the backbone whose embeddings it judges; `None` for the pretrained one.
    pub tail: Option<Tail>,
}

impl Tuned {
    /// The file made by [`Model::to_safetensors`], plus the last blocks' tensors under `backbone.` and their names in the shipped weights; all f32.
    ///
    /// # Errors
    /// [`TrainError::Internal`] when the device cannot be read.
    pub async fn to_safetensors(&self) -> Result<Vec<u8>, TrainError> {
        let mut tensors = self.model.tensors().await?;
        for (name, values) in self.tail.iter().flat_map(Tail::tensors) {
            let (shape, values) = values.read().await.map_err(internal)?;
            tensors.push((format!("{OF_BACKBONE}{name}"), shape, values));
        }
        to_safetensors(tensors)
    }

    /// Reads what [`Tuned::to_safetensors`] wrote. The last blocks are put on the backbone's device.
    ///
    /// # Errors
    /// When the file does not contain such a model, or its last blocks do not belong to this backbone.
    pub fn from_safetensors(
        file: &[u8],
        backbone: &Backbone,
        device: &Device,
    ) -> Result<Self, WeightsError> {
        let weights = Weights::read(file)?;
        let model = Model::take(&weights, device)?;
        let tail = backbone.load_tail(&weights, OF_BACKBONE)?;
        weights.finish()?;
        Ok(Self { model, tail })
    }
}

#[cfg(test)]
mod tests {
    use headstart_project::SampleId;

    use super::*;
    use crate::HeadConfig;

    #[test]
    fn a_model_survives_its_file() {
        let device = Device::flex();
        let mut train = Examples::new(6);
        for index in 0..12u32 {
            let row: Vec<f32> = (0..6).map(|at| ((index * 7 + at * 3) % 5) as f32).collect();
            train.push(SampleId(index), &row, index as usize % 3);
        }
        let model = Model {
            head: HeadConfig::new(6, 3, 4, 0.0).init(&device),
            temperature: 1.75,
            familiarity: Familiarity::fit(&train, 3),
            threshold: 0.25,
        };
        let file = pollster::block_on(model.to_safetensors()).expect("writes");
        let again = Model::from_safetensors(&file, &device).expect("reads");
        let embedding = [1.0, 0.0, 2.0, 1.0, 3.0, 0.5];
        let judge = |model: &Model| pollster::block_on(model.judge(&embedding)).expect("judges");
        assert_eq!(judge(&model), judge(&again));
        assert_eq!((again.temperature, again.threshold), (1.75, 0.25));
        assert!(Model::from_safetensors(&file[..file.len() - 4], &device).is_err());
    }
}
