//! A trained model in formats that other tools read.
//!
//! [`bundle()`] writes the zip that `Export model` gives.
//! Its parts are also available separately: [`onnx()`] is backbone and head in one graph, [`safetensors()`] their weights in one file, and [`page()`] a single HTML file that classifies images by itself.
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

/// A trained model, as Headstart keeps it.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    /// The network that makes embeddings.
    pub backbone: BackboneId,
    /// Its weights: a file of `weights/`.
    pub weights: &'a [u8],
    /// The result of training, as carried by `Event::Trained`: a safetensors file with the head and, if there are any, temperature and familiarity.
    pub trained: &'a [u8],
    /// The classes' names, in the order of the head's outputs.
    pub classes: &'a [String],
    /// Images less familiar than this belong to none of the classes; `None` if the model is not to say so.
    pub threshold: Option<f32>,
}
