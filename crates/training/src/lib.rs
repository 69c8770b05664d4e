//! Training on embeddings: split, head, fit, evaluate.
//!
//! Everything here is written against a device and a [`Host`], which knows the clock, takes the progress and says when to stop; so the same functions run in the browser's worker and in native tests.

mod evaluate;
mod examples;
mod explain;
mod fit;
mod head;
mod host;
mod projection;
mod run;
mod split;

pub use evaluate::evaluate;
pub use examples::Examples;
pub use explain::{heat_map, occlude};
pub use fit::{Fitted, fit};
pub use head::{Head, HeadConfig, softmax};
pub use host::{Host, Interrupted};
pub use projection::{pca, place, tsne};
pub use run::{ClassImages, Trained, check_settings, train};
pub use split::{Split, split};
