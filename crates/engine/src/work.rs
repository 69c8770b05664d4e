//! The long work: what is done with images, models and the backbone, step by step.

pub mod analysis;
pub mod backbone;
pub mod comparing;
pub mod embedding;
pub mod inside;
pub mod predicting;
pub mod preparing;
pub mod training;
pub mod urgent;
