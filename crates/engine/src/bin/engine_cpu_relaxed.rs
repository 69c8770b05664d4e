//! The engine without WebGPU, for browsers with relaxed SIMD.

// Links the library, whose exported function `start` the worker's script calls.
use headstart_engine as _;

fn main() {}
