//! Pretrained backbones in burn, one file each: `Config → init(&device) → Module → forward`.
//!
//! [`Backbone`] is what the rest of Headstart sees of them.

mod backbone;
mod describe;
mod efficientnet_lite;
mod weights;

pub use backbone::{Backbone, Tail};
pub use describe::{BlockInfo, StageInfo};
pub use efficientnet_lite::{
    ConvLayer, EfficientNetLite, EfficientNetLiteConfig, InvertedResidual, Layer,
};
pub use weights::{Weights, WeightsError};
