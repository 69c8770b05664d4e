//! What the engine needs of the browser: the line to the page, and pauses.

pub mod pause;
pub mod port;
