//! What stands around the regions: the root, the header and the footer, and what lies over the page.

pub mod app;
mod device_chip;
mod footer;
mod header;
mod notices;
mod privacy;
mod project_bar;
mod tour;
mod undo;
