//! Files that come in and go out.

pub mod archive;
pub mod blob;
pub mod exporting;
pub mod fetch;
pub mod opening;
pub mod packing;
