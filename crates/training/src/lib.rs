//! Training on embeddings: split, head, fit, evaluate, and everything that tells what the result is worth.
//!
//! Everything here is written against a device and a [`Host`], which knows the time, receives progress and says when to stop; so the same functions run in the browser's worker and in native tests.

mod data;
mod deeper;
mod experiment;
mod head;
mod host;
mod look;
mod model;
#[cfg(test)]
mod testing;
mod worth;

pub use data::activations::{Activations, halves};
pub use data::examples::{ClassImages, Embedded, Examples};
pub use data::folds::folds;
pub use data::groups::{Groups, group};
pub use data::parts::Copies;
pub use data::split::{Split, split};
pub use deeper::Deeper;
pub use deeper::embed::embed;
pub use deeper::estimates::estimates;
pub use deeper::fine_tune::{FineTuned, fine_tune};
pub use deeper::scratch::{
    Scratch, ScratchConfig, SmallImages, scratch_logits, train_from_scratch,
};
pub use experiment::compare::{compare, subset};
pub use experiment::run::{Trained, train, train_more};
pub use head::fit::{Fitted, fit};
pub use head::logits::{largest, logits, softmax};
pub use head::{Head, HeadConfig};
pub use host::{Host, Interrupted, pause};
pub use look::examine::examine;
pub use look::explain::{heat_map, occlude};
pub use look::projection::{pca, place, tsne};
pub use look::suspects::{Suspicion, suspicions};
pub use model::{Judgement, Model, Tuned};
pub use worth::baselines::baselines;
pub use worth::calibration::{fit_temperature, reliability};
pub use worth::cross_validate::{OutOfFold, cross_validate, out_of_fold};
pub use worth::evaluate::evaluate;
pub use worth::familiarity::{Familiarity, LeftOut, auroc};
