//! What every region is made of. Nothing here knows a region.

pub mod camera_panel;
pub mod column_head;
pub mod empty_state;
pub mod field;
pub mod file_button;
pub mod icon;
pub mod pressed;
pub mod stops;
pub mod tabs;
pub mod term;
