//! Which project is open, and how its keeping goes.

use serde::{Deserialize, Serialize};

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
    Failed(crate::services::keep::store::StoreError),
}
