//! Pretrained backbones in burn, one file each: `Config → init(&device) → Module → forward`.
//!
//! [`Backbone`] is what the rest of Headstart sees of them.

mod backbone;
mod efficientnet_lite;
mod weights;

pub use backbone::Backbone;
pub use efficientnet_lite::{EfficientNetLite, EfficientNetLiteConfig};
pub use weights::{Weights, WeightsError};
