//! Projects and data sets as zip files. `docs/format.md` describes them.
//!
//! Writing ([`ZipWriter`], [`Paths`]) makes the bytes between the files, so that a page can assemble one `Blob` from others without reading them into memory again.
//! Reading ([`ProjectCheck`], [`TeachableMachine`]) trusts nothing: everything is checked before anything is used, and whatever is wrong is explained in words.
//!
//! It knows neither the browser nor burn.

mod description;
mod embeddings;
mod paths;
mod reader;
mod source;
mod teachable;
mod writer;

pub use crc32fast::Hasher as Crc32;
pub use embeddings::embeddings_header;
pub use paths::Paths;
pub use reader::{OpenedProject, ProjectCheck, open};
pub use teachable::{TeachableMachine, TeachableMachineError};
pub use writer::{Modified, ZipWriter};

/// The description.
pub const PROJECT: &str = "project.json";
/// The last run.
pub const RESULTS: &str = "results.json";
/// One row an image.
pub const EMBEDDINGS: &str = "embeddings.safetensors";
/// The last run's model.
pub const MODEL: &str = "model.safetensors";
