//! The images that the page hands over.

pub mod pictures;
pub mod samples;
