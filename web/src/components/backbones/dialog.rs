//! The dialog with all backbones. What it shows is drawn by a part of the page that loads later.

use web_sys::HtmlDialogElement;
use yew::prelude::*;

use crate::components::common::icon::{Icon, glyph};
use crate::context::use_app;
use crate::state::Action;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub is_open: bool,
    pub children: Children,
}

#[component]
pub fn BackboneDialog(props: &Props) -> Html {
    let app = use_app();
    let dialog = use_node_ref();
    {
        let dialog = dialog.clone();
        use_effect_with(props.is_open, move |&is_open| {
            if let Some(dialog) = dialog.cast::<HtmlDialogElement>() {
                if is_open {
                    // Fails only when it is open already.
                    let _ = dialog.show_modal();
                } else {
                    dialog.close();
                }
            }
        });
    }
    let onclose = app.callback(|_: Event| Action::SetPicker(false));
    let close = app.callback(|_: MouseEvent| Action::SetPicker(false));
    html! {
        <dialog ref={dialog} class="backbones" aria-labelledby="backbones-title" {onclose}>
            <div class="dialog-head">
                <h2 id="backbones-title">{ "Backbones" }</h2>
                <button type="button" class="icon-button" aria-label="Close" onclick={close}>{ glyph(Icon::Close) }</button>
            </div>
            if props.is_open {
                { props.children.clone() }
            }
        </dialog>
    }
}
