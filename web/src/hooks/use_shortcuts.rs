//! `Ctrl+Z` (`⌘Z`) takes the last deletion back, wherever the focus is, except in a text field, which has an undo of its own.

use gloo_events::{EventListener, EventListenerOptions};
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent};
use yew::prelude::*;

use crate::context::App;
use crate::state::Action;

/// Belongs into the root component.
#[hook]
pub fn use_shortcuts(app: &App) {
    let app = app.clone();
    use_effect_with((), move |()| {
        let window = web_sys::window();
        let listener = window.map(|window| {
            let options = EventListenerOptions::enable_prevent_default();
            EventListener::new_with_options(&window, "keydown", options, move |event| {
                let Some(key) = event.dyn_ref::<KeyboardEvent>() else {
                    return;
                };
                let is_undo = key.key().eq_ignore_ascii_case("z")
                    && (key.ctrl_key() || key.meta_key())
                    && !key.shift_key()
                    && !key.alt_key();
                if is_undo && !is_typing(event) && app.state().undo.last().is_some() {
                    event.prevent_default();
                    app.dispatch(Action::Undo);
                }
            })
        });
        move || drop(listener)
    });
}

fn is_typing(event: &web_sys::Event) -> bool {
    const TEXT_FIELDS: &str = "textarea, input:not([type=checkbox], [type=file], [type=range])";
    event
        .target()
        .and_then(|target| target.dyn_into::<Element>().ok())
        .is_some_and(|element| element.matches(TEXT_FIELDS).unwrap_or(false))
}
