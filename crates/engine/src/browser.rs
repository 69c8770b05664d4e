//! What the engine needs of the browser: the line to the page and the questions that come over it, and pauses.

pub mod asked;
pub mod pause;
pub mod port;
