//! The open project's name, whether it is kept, and the way to the others.

use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::components::common::icon::{Icon, glyph};
use crate::context::use_app;
use crate::state::Action;
use crate::state::storage::Saving;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub title: AttrValue,
    pub saving: Saving,
}

#[component]
pub fn ProjectBar(props: &Props) -> Html {
    let app = use_app();
    let rename = app.callback(|event: InputEvent| {
        let input: HtmlInputElement = event.target_unchecked_into();
        Action::SetTitle(input.value())
    });
    let leave = {
        let app = app.clone();
        Callback::from(move |_: MouseEvent| {
            let app = app.clone();
            spawn_local(async move { app.projects.leave(&app).await });
        })
    };
    let (words, mark) = match &props.saving {
        Saving::Untouched => ("Kept in this browser as you go", "is-quiet"),
        Saving::UnderWay => ("Saving …", "is-quiet"),
        Saving::Saved => ("Saved in this browser", "is-good"),
        Saving::Failed(_) => ("Not saved", "is-bad"),
    };
    html! {
        <div class="project-bar">
            <button type="button" class="text-button" onclick={leave}>
                { glyph(Icon::Left) }{ "All projects" }
            </button>
            <label class="project-title">
                <span class="visually-hidden">{ "Project name" }</span>
                <input type="text" value={props.title.clone()} oninput={rename} maxlength="80" autocomplete="off" spellcheck="false" />
            </label>
            <p class={classes!("saving", mark)}>{ words }</p>
        </div>
    }
}
