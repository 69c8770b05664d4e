//! Weights files of other tools: opened without executing anything in them, read piece by piece, and mapped to Headstart's own names.
//!
//! ```text
//! file ── Checkpoint::open ──▶ names and shapes ── recognise ──▶ Mapping ── fit ──▶ Plan
//!                 └──────────────── read_layer(layer of the plan, rows) ──▶ weight and bias
//! ```
//! It trusts no byte: everything is checked before anything is used, and whatever is wrong is explained in words.
//! It knows neither the browser nor burn: a file is whatever can be read at any position.

mod arrays;
mod checkpoint;
mod error;
mod fit;
mod fold;
mod mapping;
mod pickle;
mod pytorch;
mod source;
mod zip;

pub use arrays::{Array, read_arrays};
pub use checkpoint::{Checkpoint, Dtype, TensorInfo};
pub use error::{CheckpointError, TensorProblem};
pub use fit::{Mismatch, Misshapen, Plan, recognise};
pub use fold::{BatchNorm, fold_batch_norm};
pub use mapping::{Layer, Mapping, Model, Naming, Norm, Part};
