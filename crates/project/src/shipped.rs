//! Which weights come with every page, rather than only with a site that has made them.
//!
//! The project's own tool includes this file, too; so it uses nothing but the standard library.

/// The names of their backbones; the files are `weights/NAME.safetensors`.
pub const SHIPPED: [&str; 2] = ["efficientnet-lite0", "squeezenet1-1"];
