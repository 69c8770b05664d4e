//! How pictures come in, and what the browser holds of them.

pub mod camera;
pub mod entries;
pub mod intake;
pub mod media;
