//! What the benchmark measures, as plain functions for its worker (`web/bench/bench-engine.js`).

use burn::tensor::Device;
use headstart_backbones::Backbone;
use headstart_project::{BackboneId, DevicePreference, FineTuneSettings, SampleId, TrainSettings};
use headstart_training::{
    Activations, ClassImages, Embedded, Examples, HeadConfig, Host, cross_validate, fine_tune, fit,
    halves,
};
use wasm_bindgen::prelude::*;

use crate::browser::port;
use crate::device::Chosen;

/// A backbone on a device.
#[wasm_bindgen]
pub struct Bench {
    backbone: Backbone,
}

#[wasm_bindgen]
impl Bench {
    /// Loads the backbone on `cpu` or `webgpu`.
    ///
    /// # Errors
    /// When the weights do not fit.
    pub async fn load(device: String, weights: Vec<u8>) -> Result<Bench, JsError> {
        let preference = if device == "webgpu" {
            DevicePreference::Webgpu
        } else {
            DevicePreference::Cpu
        };
        let chosen = match preference {
            DevicePreference::Webgpu => Chosen::webgpu(None).await,
            _ => Chosen::cpu(None),
        };
        if chosen.info.kind.name() != device {
            return Err(JsError::new(&format!("no {device} device here")));
        }
        let backbone = Backbone::load(BackboneId::default(), &weights, &chosen.device)?;
        Ok(Self { backbone })
    }

    /// Embeddings `[batch, features]` of `planes [batch, 3, 224, 224]`.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn embed(&self, planes: Vec<f32>) -> Result<Vec<f32>, JsError> {
        let output = self.backbone.embed(planes).into_data_async().await;
        let output = output.map_err(|error| JsError::new(&error.to_string()))?;
        Ok(output.iter().collect())
    }

    /// Trains 1280 → 100 → 4 for `steps` steps on one batch of 16 embeddings `[16, 1280]`, as a run of the product would.
    ///
    /// # Errors
    /// When training fails.
    pub async fn train_head(&self, embeddings: Vec<f32>, steps: u32) -> Result<(), JsError> {
        let features = self.backbone.features();
        let mut examples = Examples::new(features);
        for (index, embedding) in embeddings.chunks_exact(features).enumerate() {
            examples.push(SampleId(index as u32), embedding, index % 4);
        }
        let settings = TrainSettings {
            epochs: steps,
            batch_size: examples.len() as u32,
            ..TrainSettings::default()
        };
        let none = Examples::new(features);
        fit(&examples, &none, 4, &settings, &Device::flex(), &Silent)
            .await
            .map_err(|error| JsError::new(&format!("{error:?}")))?;
        Ok(())
    }

    /// Cross-validates 1280 → 100 → `classes` by the product's own settings, on embeddings of the classes in turn, `[images, 1280]`.
    ///
    /// # Errors
    /// When training fails.
    pub async fn cross_validate(
        &self,
        embeddings: Vec<f32>,
        classes: usize,
        folds: u32,
    ) -> Result<(), JsError> {
        let features = self.backbone.features();
        let class = |class: usize| ClassImages {
            name: class.to_string(),
            train: embeddings
                .chunks_exact(features)
                .enumerate()
                .filter(|(at, _)| at % classes == class)
                .map(|(at, embedding)| Embedded {
                    id: SampleId(at as u32),
                    embedding: embedding.into(),
                    burst: None,
                    look: None,
                })
                .collect(),
            test: Vec::new(),
        };
        let images: Vec<ClassImages> = (0..classes).map(class).collect();
        let settings = TrainSettings::default();
        let device = Device::flex();
        cross_validate(&images, features, &settings, folds, &device, &Silent)
            .await
            .map_err(|error| JsError::new(&format!("{error:?}")))?;
        Ok(())
    }

    /// Fine-tunes the last `blocks` blocks for `epochs` epochs by the product's own settings, on the activations of `images` images, of which `held_back` more are judged after each epoch.
    /// `activations` are some images' worth of numbers, which are used over and over.
    ///
    /// # Errors
    /// When training fails.
    pub async fn fine_tune(
        &self,
        activations: Vec<f32>,
        images: usize,
        held_back: usize,
        classes: usize,
        blocks: usize,
        epochs: u32,
    ) -> Result<(), JsError> {
        let shape = self.backbone.boundary(blocks);
        let rows: Vec<&[f32]> = activations.chunks_exact(shape.iter().product()).collect();
        let some = |from: usize, count: usize| {
            let mut all = Activations::new(shape);
            for at in from..from + count {
                all.push(
                    SampleId(at as u32),
                    halves(rows[at % rows.len()]),
                    at % classes,
                );
            }
            all
        };
        let defaults = TrainSettings::default();
        let settings = TrainSettings {
            fine_tuning: FineTuneSettings {
                blocks: blocks as u32,
                epochs,
                // All of them, whatever noise does to the loss.
                patience: 0,
                ..defaults.fine_tuning.clone()
            },
            ..defaults
        };
        let device = Device::flex();
        let hidden = settings.hidden_units as usize;
        let head = HeadConfig::new(self.backbone.features(), classes, hidden, 0.0);
        let (train, validation) = (some(0, images), some(images, held_back));
        let (tail, head) = (self.backbone.tail(blocks), head.init(&device));
        let tuning = fine_tune(
            tail,
            head,
            &train,
            &validation,
            classes,
            &settings,
            &device,
            &Silent,
        );
        tuning
            .await
            .map_err(|error| JsError::new(&format!("{error:?}")))?;
        Ok(())
    }
}

struct Silent;

impl Host for Silent {
    fn now_ms(&self) -> f64 {
        port::now_ms()
    }

    fn is_cancelled(&self) -> bool {
        false
    }

    async fn pause(&self) {}
}
