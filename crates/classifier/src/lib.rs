//! A trained model without anything around it: pixels in, probabilities out.
//!
//! This is the WebAssembly inside the page that `Export model` gives; `crates/export/templates` has the rest of that page.
//! It computes on the CPU and on the page's own thread, because a page that was opened by a double click may not start a worker.

use burn::tensor::Device;
// Only its `wasm_js` switch is wanted: burn draws random numbers from it.
use getrandom as _;
use headstart_backbones::Backbone;
use headstart_images::Pixels;
use headstart_project::BackboneId;
use headstart_training::Model;
use wasm_bindgen::prelude::*;

/// A backbone with the model that was trained on it.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Classifier {
    backbone: Backbone,
    model: Model,
}

/// What a model says of an image.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Judgement {
    probabilities: Vec<f32>,
    familiarity: f32,
}

#[wasm_bindgen]
impl Classifier {
    /// Takes over a backbone by its name in files, its weights, and what training made: both are safetensors files.
    ///
    /// # Errors
    /// With the reason as text, when the files do not fit.
    #[wasm_bindgen(constructor)]
    pub fn new(backbone: &str, weights: &[u8], trained: &[u8]) -> Result<Classifier, String> {
        let id = BackboneId::of_name(backbone)
            .ok_or_else(|| format!("there is no backbone {backbone}"))?;
        let device = Device::flex();
        let backbone = Backbone::load(id, weights, &device).map_err(|error| error.to_string())?;
        let model = Model::from_safetensors(trained, &device).map_err(|error| error.to_string())?;
        Ok(Self { backbone, model })
    }

    /// Classifies an image of `4 * width_px * height_px` bytes: RGBA, row by row.
    ///
    /// # Errors
    /// With the reason as text, when there are fewer or more bytes.
    pub async fn classify(
        &self,
        rgba: Vec<u8>,
        width_px: u32,
        height_px: u32,
    ) -> Result<Judgement, String> {
        let planes = Pixels::new(width_px, height_px, rgba)
            .and_then(|pixels| self.backbone.prepare(&pixels))
            .map_err(|error| error.to_string())?;
        let embedding = self.backbone.embed(planes).into_data_async().await;
        let embedding: Vec<f32> = embedding
            .map_err(|error| error.to_string())?
            .iter()
            .collect();
        let judgement = self.model.judge(&embedding).await;
        let judgement = judgement.map_err(|error| error.to_string())?;
        Ok(Judgement {
            probabilities: judgement.probabilities,
            familiarity: judgement.familiarity,
        })
    }
}

#[wasm_bindgen]
impl Judgement {
    /// One for each class, calibrated; they sum to one.
    #[wasm_bindgen(getter)]
    pub fn probabilities(&self) -> Vec<f32> {
        self.probabilities.clone()
    }

    /// Higher for images more like the training images.
    #[wasm_bindgen(getter)]
    pub fn familiarity(&self) -> f32 {
        self.familiarity
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use headstart_project::SampleId;
    use headstart_training::{Examples, Familiarity, HeadConfig};

    use super::*;

    fn weights() -> Vec<u8> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../weights");
        fs::read(path.join("efficientnet-lite0.safetensors")).expect("reads")
    }

    fn trained() -> Vec<u8> {
        let mut examples = Examples::new(1280);
        for index in 0..6u32 {
            let row: Vec<f32> = (0..1280).map(|at| ((index * 7 + at) % 5) as f32).collect();
            examples.push(SampleId(index), &row, index as usize % 2);
        }
        let model = Model {
            head: HeadConfig::new(1280, 2, 0, 0.0).init(&Device::flex()),
            temperature: 1.5,
            familiarity: Familiarity::fit(&examples, 2),
            threshold: 0.5,
        };
        pollster::block_on(model.to_safetensors()).expect("writes")
    }

    #[test]
    fn it_says_what_backbone_and_model_say() {
        let (weights, trained) = (weights(), trained());
        let classifier = Classifier::new("efficientnet-lite0", &weights, &trained).expect("loads");
        let path = Path::new(env!("CARGO_MANIFEST_DIR"));
        let path = path.join("../backbones/tests/golden/input_0.png");
        let image = image::open(path).expect("decodes").to_rgba8();
        let (width, height) = image.dimensions();
        let rgba = image.into_raw();
        let answer = classifier.classify(rgba.clone(), width, height);
        let answer = pollster::block_on(answer).expect("classifies");

        let pixels = Pixels::new(width, height, rgba).expect("fits");
        let planes = classifier.backbone.prepare(&pixels).expect("prepares");
        let embedding = classifier.backbone.embed(planes);
        let embedding = pollster::block_on(embedding.into_data_async()).expect("reads");
        let embedding: Vec<f32> = embedding.iter().collect();
        let expected = pollster::block_on(classifier.model.judge(&embedding)).expect("judges");
        assert_eq!(answer.probabilities(), expected.probabilities);
        assert!((answer.familiarity() - expected.familiarity).abs() < 1e-6);
        assert!((answer.probabilities().iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_a_reason() {
        let (weights, trained) = (weights(), trained());
        let refused = |name: &str, weights: &[u8], trained: &[u8]| {
            Classifier::new(name, weights, trained).expect_err("is refused")
        };
        assert!(refused("none", &weights, &trained).contains("none"));
        assert!(!refused("efficientnet-lite0", &trained, &trained).is_empty());
        assert!(!refused("efficientnet-lite0", &weights, &weights).is_empty());
        let classifier = Classifier::new("efficientnet-lite0", &weights, &trained).expect("loads");
        let refused = pollster::block_on(classifier.classify(vec![0; 10], 2, 2));
        assert!(refused.is_err());
    }
}
