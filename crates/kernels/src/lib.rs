//! Headstart's few hottest tensor operations, as extensions of burn.
//!
//! Each is one function on burn tensors.
//! On the CPU (Flex) it is a kernel from this crate; on WebGPU it is composed of burn's own operations, so that we need no shader.
//! The convolution's gradients, too, are kernels on the CPU and burn's own elsewhere.
//! The composed form is also the reference against which the kernels are tested.

mod adam;
mod conv;
mod conv_gradients;
mod depthwise;
mod gemm;
mod simd;

pub use adam::{AdamBackend, AdamStep, FusedAdam};
pub use conv::{Conv, ConvBackend, conv2d};
pub use conv_gradients::ConvGradients;
