//! The training data: embeddings and activations with their classes, and how they are split.

pub(crate) mod activations;
pub(crate) mod examples;
pub(crate) mod folds;
pub(crate) mod groups;
pub(crate) mod parts;
pub(crate) mod similarity;
pub(crate) mod split;
