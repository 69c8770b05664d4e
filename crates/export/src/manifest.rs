//! `model.json`: what is exported, as plain data.

use headstart_backbones::LayerConfig;
use headstart_project::BackboneId;
use serde::Serialize;
use serde_json::Value;

use crate::backbone::Facts;
use crate::tensors::Tensors;
use crate::{ExportError, Model};

/// The version of `model.json`.
pub const MANIFEST_VERSION: u32 = 1;

#[derive(Serialize)]
struct Manifest<'a> {
    headstart_model: u32,
    headstart: &'a str,
    title: &'a str,
    classes: &'a [String],
    backbone: Backbone,
    preprocessing: Preprocessing,
    temperature: f32,
    threshold: Option<f32>,
    run: &'a Value,
}

#[derive(Serialize)]
struct Backbone {
    name: &'static str,
    title: &'static str,
    features: usize,
    license: &'static str,
    source: &'static str,
    layers: Vec<LayerConfig>,
}

#[derive(Serialize)]
struct Preprocessing {
    size_px: usize,
    crop: &'static str,
    resize: &'static str,
    transparency: &'static str,
    channels: &'static str,
    layout: &'static str,
    range: [u32; 2],
    mean: [f32; 3],
    deviation: [f32; 3],
    onnx_normalises: bool,
}

/// `model.json` of a model: its title, and the run record that goes with it, or `null`.
///
/// # Errors
/// When the model's files cannot be read.
pub fn manifest(model: &Model<'_>, title: &str, run: &Value) -> Result<String, ExportError> {
    let facts = Facts::of(model.backbone);
    let tensors = Tensors::read(model)?;
    let temperature = tensors.number("temperature").filter(|&number| number > 0.0);
    let manifest = Manifest {
        headstart_model: MANIFEST_VERSION,
        headstart: env!("CARGO_PKG_VERSION"),
        title,
        classes: model.classes,
        backbone: Backbone {
            name: model.backbone.name(),
            title: model.backbone.title(),
            features: tensors.features(model.backbone),
            license: facts.license,
            source: facts.source,
            layers: tensors.network(model.backbone).layers,
        },
        preprocessing: Preprocessing {
            size_px: facts.input_px,
            crop: "the largest square in the middle",
            resize: "bilinear, antialiased",
            transparency: "over white",
            channels: "RGB",
            layout: "NCHW",
            range: [0, 255],
            mean: facts.mean,
            deviation: facts.deviation,
            onnx_normalises: true,
        },
        temperature: temperature.unwrap_or(1.0),
        threshold: model.threshold,
        run,
    };
    serde_json::to_string_pretty(&manifest).map_err(|error| ExportError::Archive(error.to_string()))
}

/// How an image becomes the input of the ONNX graph.
pub fn preprocessing_in_words(backbone: BackboneId) -> String {
    let facts = Facts::of(backbone);
    let side = facts.input_px;
    let [red, green, blue] = facts.mean;
    let [by_red, by_green, by_blue] = facts.deviation;
    format!(
        "Input: RGB from 0 to 255 as float32, [N, 3, {side}, {side}]. Turn the image upright, cut \
         the largest square from its middle, scale it to {side} x {side} with an antialiasing \
         bilinear filter, lay transparency over white. The graph itself subtracts the mean \
         [{red}, {green}, {blue}] and divides by [{by_red}, {by_green}, {by_blue}]."
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Made, names};

    #[test]
    fn it_says_what_is_needed_to_use_the_model() {
        let made = Made::default();
        let classes = names(3);
        let run = serde_json::json!({"headstart": 1, "seed": 7});
        let text = manifest(&made.model(&classes), "Fruit", &run).expect("writes");
        let read: Value = serde_json::from_str(&text).expect("is JSON");
        assert_eq!(read["headstart_model"], 1);
        assert_eq!(read["title"], "Fruit");
        assert_eq!(read["classes"][2], "Class 2");
        assert_eq!(read["preprocessing"]["size_px"], 224);
        assert_eq!(read["temperature"], 0.5);
        assert_eq!(read["threshold"], 0.5);
        assert_eq!(read["run"]["seed"], 7);
    }
}
