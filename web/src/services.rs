//! What the page does with the browser: files, the camera, the engine's worker.

pub mod engine;
pub mod keep;
pub mod live;
pub mod offline;
pub mod parts;
pub mod requests;
pub mod samples;
pub mod tour;
