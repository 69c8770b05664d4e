//! What the page does with the browser: files, the camera, the engine's worker.

pub mod autosave;
pub mod camera;
pub mod download;
pub mod engine;
pub mod entries;
pub mod exchange;
pub mod intake;
pub mod live;
pub mod lock;
pub mod media;
pub mod offline;
pub mod opening;
pub mod projects;
pub mod report;
pub mod requests;
pub mod storage;
pub mod store;
pub mod weights;
