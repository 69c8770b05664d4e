//! Pretrained backbones in burn, one file each: `NetworkConfig → init(&device) → Network → forward`.
//!
//! [`Backbone`] is what the rest of Headstart sees of them.

mod backbone;
mod config;
mod convert;
mod describe;
mod efficientnet_lite;
mod inception_v3;
mod inverted_residual;
mod mobilenet_v2;
mod network;
mod registry;
mod resnet;
mod squeezenet;
mod vgg;
mod weights;

pub use backbone::{Backbone, Tail};
pub use config::{
    Activation, ConvConfig, Costs, Join, LayerConfig, NetworkConfig, Operations, Padding, Pool,
    PoolKind, Stage, Step,
};
pub use convert::{Conversion, OpenError, Storage};
pub use describe::{BlockInfo, StageInfo};
pub use network::{ConvLayer, Layer, Network};
pub use registry::{config, model, own_plan, recognise};
pub use weights::{Values, Weights, WeightsError};
