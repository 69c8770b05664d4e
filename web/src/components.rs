//! What is on the page: a folder for each region, in it one component to a file.

pub mod backbones;
pub mod check;
pub mod collect;
pub mod common;
pub mod gallery;
pub mod heat;
pub mod keep;
pub mod shell;
pub mod train;
pub mod try_it;
