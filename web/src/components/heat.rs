//! Where the model looked: heat maps over an image, with what goes with them.

pub mod class;
pub mod layer;
pub mod legend;
pub mod view;
