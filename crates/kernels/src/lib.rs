//! The few tensor operations that Headstart runs hottest, as extensions of burn.
//!
//! Each is one function on burn tensors.
//! On the CPU (Flex) it is a kernel of this crate; on WebGPU and under autodiff it is composed from burn's own operations, so that it has gradients and needs no shader of ours.
//! The composed form is also the reference that the kernels are tested against.

mod adam;
mod conv;
mod depthwise;
mod gemm;
mod simd;

pub use adam::{AdamBackend, AdamStep, FusedAdam};
pub use conv::{Conv, ConvBackend, conv2d};
