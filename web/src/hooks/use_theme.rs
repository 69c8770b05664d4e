//! Light or dark: as the system has it, until the user says otherwise.

use web_sys::{Element, Storage};
use yew::prelude::*;

const STORAGE_KEY: &str = "headstart-theme";

/// Whether the page is dark, and what turns it over.
#[hook]
pub fn use_theme() -> (bool, Callback<MouseEvent>) {
    let chosen = use_state_eq(stored);
    let is_dark = (*chosen).unwrap_or_else(system_is_dark);
    use_effect_with(*chosen, |&chosen| {
        let Some(root) = root() else {
            return;
        };
        // Setting an attribute of a valid name does not fail.
        let _ = match chosen {
            Some(true) => root.set_attribute("data-theme", "dark"),
            Some(false) => root.set_attribute("data-theme", "light"),
            None => root.remove_attribute("data-theme"),
        };
    });
    let toggle = Callback::from(move |_| {
        let next = !is_dark;
        chosen.set(Some(next));
        if let Some(storage) = storage() {
            // A full or forbidden storage only means that the choice is not remembered.
            let _ = storage.set_item(STORAGE_KEY, if next { "dark" } else { "light" });
        }
    });
    (is_dark, toggle)
}

fn stored() -> Option<bool> {
    match storage()?.get_item(STORAGE_KEY).ok()??.as_str() {
        "dark" => Some(true),
        "light" => Some(false),
        _ => None,
    }
}

fn storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok()?
}

fn system_is_dark() -> bool {
    web_sys::window()
        .and_then(|window| {
            window
                .match_media("(prefers-color-scheme: dark)")
                .ok()
                .flatten()
        })
        .is_some_and(|query| query.matches())
}

fn root() -> Option<Element> {
    web_sys::window()?.document()?.document_element()
}
