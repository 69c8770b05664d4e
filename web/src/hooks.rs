//! Effects: what happens beside rendering.

pub mod use_autosave;
pub mod use_camera;
pub mod use_drop_and_paste;
pub mod use_engine;
pub mod use_near;
pub mod use_painting;
pub mod use_shortcuts;
pub mod use_theme;
pub mod use_throttled;
pub mod use_tried;
