//! A trained model in forms that other tools read.
//!
//! [`bundle`] writes the zip that `Export model` gives.
//! Its parts can be had alone: [`onnx`] is backbone and head in one graph, [`safetensors`] their weights under one roof, and [`page`] a single HTML file that classifies by itself.
//! `docs/export.md` describes each.

mod backbone;
mod bundle;
mod error;
mod graph;
mod head;
mod manifest;
mod network;
mod onnx;
mod page;
mod protobuf;
mod tensors;
#[cfg(test)]
mod testing;

pub use bundle::{Bundle, bundle};
pub use error::ExportError;
use headstart_project::BackboneId;
pub use manifest::{MANIFEST_VERSION, manifest};
pub use onnx::onnx;
pub use page::{Program, page};
pub use tensors::safetensors;

/// A trained model, in the form in which Headstart keeps it.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    /// The network that makes embeddings.
    pub backbone: BackboneId,
    /// Its weights: a file of `weights/`.
    pub weights: &'a [u8],
    /// What training made, as `Event::Trained` carries it: a safetensors file with the head, and with temperature and familiarity if there are any.
    pub trained: &'a [u8],
    /// The classes' names, in the order of the head's outputs.
    pub classes: &'a [String],
    /// Images less familiar than this are of none of the classes; `None` when that is not to be said.
    pub threshold: Option<f32>,
}
