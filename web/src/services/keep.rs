//! What is kept: in the browser’s store, and as files that are taken out and brought in.

pub mod autosave;
pub mod download;
pub mod exchange;
pub mod lock;
pub mod opening;
pub mod projects;
pub mod report;
pub mod storage;
pub mod store;
pub mod weights;
