//! Which project is open, and how its keeping goes.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::saved::Summary;

/// What the page shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Stage {
    /// It looks for kept projects.
    #[default]
    Opening,
    /// The kept projects, to choose from.
    Start(Vec<Summary>),
    /// A project.
    Editing,
    /// The project is open in another tab.
    Elsewhere(Box<Summary>),
}

/// Whether the page works without a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Offline {
    /// Not yet, or not at all.
    #[default]
    NotYet,
    /// Everything that it needs is in the browser.
    Ready,
    /// A new version of the page is there and waits to be used.
    NewVersion,
}

/// How keeping the project goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Saving {
    /// There is nothing to keep yet.
    #[default]
    Untouched,
    UnderWay,
    Saved,
    /// It did not work; what is on the page is still there, and it is tried again.
    Failed(StoreError),
}

/// Why something could not be kept or read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StoreError {
    #[error(
        "this browser keeps nothing for this page; private windows and blocked site data do that"
    )]
    Unavailable,
    #[error(
        "this page is older than the one that last kept your projects here. Reload it to get the newer one; your projects are untouched"
    )]
    Newer,
    #[error("the space that the browser gives to this page is full")]
    Full,
    #[error("the browser’s database did not work: {0}")]
    Failed(String),
}
