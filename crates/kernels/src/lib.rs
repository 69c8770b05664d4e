//! The few tensor operations that Headstart runs hottest, as extensions of burn.
//!
//! Each is one function on burn tensors.
//! On the CPU (Flex) it is a kernel of this crate; on WebGPU it is composed from burn's own operations, so that it needs no shader of ours.
//! The convolution's gradients are kernels on the CPU too, and burn's own elsewhere.
//! The composed form is also the reference that the kernels are tested against.

mod adam;
mod conv;
mod conv_gradients;
mod depthwise;
mod gemm;
mod simd;

pub use adam::{AdamBackend, AdamStep, FusedAdam};
pub use conv::{Conv, ConvBackend, conv2d};
pub use conv_gradients::ConvGradients;
