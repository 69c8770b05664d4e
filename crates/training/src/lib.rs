//! Training on embeddings: split, head, fit, evaluate, and everything that says what the result is worth.
//!
//! Everything here is written against a device and a [`Host`], which knows the clock, takes the progress and says when to stop; so the same functions run in the browser's worker and in native tests.

mod activations;
mod average;
mod baselines;
mod calibration;
mod compare;
mod cross_validate;
mod evaluate;
mod examine;
mod examples;
mod explain;
mod familiarity;
mod fine_tune;
mod fit;
mod folds;
mod groups;
mod head;
mod host;
mod mixup;
mod model;
mod projection;
mod run;
mod scratch;
mod similarity;
mod split;
mod suspects;
#[cfg(test)]
mod testing;

pub use activations::{Activations, halves};
pub use baselines::baselines;
pub use calibration::{fit_temperature, reliability};
pub use compare::{compare, subset};
pub use cross_validate::{OutOfFold, cross_validate, out_of_fold};
pub use evaluate::{evaluate, largest, logits};
pub use examine::examine;
pub use examples::{ClassImages, Embedded, Examples};
pub use explain::{heat_map, occlude};
pub use familiarity::{Familiarity, LeftOut, auroc};
pub use fine_tune::{FineTuned, embed, estimates, fine_tune};
pub use fit::{Fitted, fit};
pub use folds::folds;
pub use groups::{Groups, group};
pub use head::{Head, HeadConfig, softmax};
pub use host::{Host, Interrupted, pause};
pub use model::{Judgement, Model, Tuned};
pub use projection::{pca, place, tsne};
pub(crate) use run::check_classes;
pub use run::{Copies, Deeper, Trained, train, train_more};
pub use scratch::{Scratch, ScratchConfig, SmallImages, scratch_logits, train_from_scratch};
pub use split::{Split, split};
pub use suspects::{Suspicion, suspicions};
