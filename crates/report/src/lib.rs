//! What a run's figures mean in words, and the report that can be printed: one HTML file that has no scripts and needs no network.
//!
//! The page takes its sentences and the scales of its charts from here, so that page and report never say different things.

pub mod axis;
mod charts;
mod conclusion;
mod figures;
mod findings;
mod making;
mod markup;
mod report;
pub mod text;
pub mod words;

#[cfg(test)]
mod testing;

pub use conclusion::conclusion;
pub use report::{MOST_MISTAKES, MOST_SUSPECTS, Moment, Picture, Report, html};
