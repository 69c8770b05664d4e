//! The guided tour's beginning, and whether it was taken in this browser.

use web_sys::Storage;
use yew::prelude::*;

use crate::context::App;
use crate::state::Action;

const STORAGE_KEY: &str = "headstart-tour";

/// Begins the tour.
pub fn begin(app: &App) -> Callback<MouseEvent> {
    app.callback(|_: MouseEvent| Action::SetTour(Some(0)))
}

/// Whether the tour was taken in this browser before.
pub fn was_seen() -> bool {
    storage().is_some_and(|storage| matches!(storage.get_item(STORAGE_KEY), Ok(Some(_))))
}

/// Remembers that the tour was taken.
pub fn remember() {
    if let Some(storage) = storage() {
        // A full or forbidden storage only means that the tour is offered again.
        let _ = storage.set_item(STORAGE_KEY, "seen");
    }
}

fn storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok()?
}
