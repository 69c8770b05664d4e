//! The last deletion, and the button that takes it back. It stays until it is used or dismissed, so nobody has to be quick.

use yew::prelude::*;

use crate::components::common::icon::{Icon, glyph};
use crate::context::use_app;
use crate::state::Action;

#[derive(Properties, PartialEq)]
pub struct Props {
    /// What was done; nothing is shown without it.
    pub label: Option<AttrValue>,
}

#[component]
pub fn UndoToast(props: &Props) -> Html {
    let app = use_app();
    let undo = app.callback(|_: MouseEvent| Action::Undo);
    let hide = app.callback(|_: MouseEvent| Action::HideUndo);
    html! {
        <div class="toast-place" aria-live="polite">
            if let Some(label) = &props.label {
                <div class="toast">
                    <span>{ label }</span>
                    <button type="button" class="button" onclick={undo}>
                        { glyph(Icon::Undo) }{ "Undo" }
                    </button>
                    <button type="button" class="icon-button" aria-label="Dismiss" onclick={hide}>
                        { glyph(Icon::Close) }
                    </button>
                </div>
            }
        </div>
    }
}
