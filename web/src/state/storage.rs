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

impl StoreError {
    /// What an error of the browser's database means. Its name (`DOMException.name`) is the same in every browser; its words are not.
    pub fn of(name: Option<&str>, words: String) -> Self {
        match name {
            Some("QuotaExceededError") => Self::Full,
            // The database was made by a newer page.
            Some("VersionError") => Self::Newer,
            _ => Self::Failed(words),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_says_that_the_space_is_full() {
        let of = |name, words: &str| StoreError::of(name, words.into());
        assert_eq!(of(Some("QuotaExceededError"), ""), StoreError::Full);
        assert_eq!(of(Some("VersionError"), ""), StoreError::Newer);
        let words = "The Quota of patience is exceeded";
        for name in [
            Some("AbortError"),
            Some("UnknownError"),
            Some("InvalidStateError"),
            None,
        ] {
            assert_eq!(of(name, words), StoreError::Failed(words.into()));
        }
    }
}
