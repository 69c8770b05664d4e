//! Keep: taking the project, the images and the model out as files, and bringing a project in.

use web_sys::File;
use yew::prelude::*;

use super::file_button::FileButton;
use super::icon::{Icon, glyph};
use crate::context::{App, use_app};
use crate::services::exchange;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub has_images: bool,
    pub has_model: bool,
}

#[component]
pub fn Keep(props: &Props) -> Html {
    let app = use_app();
    let act = |act: fn(&App)| {
        let app = app.clone();
        Callback::from(move |_: MouseEvent| act(&app))
    };
    let without = |has: bool| (!has).then_some("true");
    html! {
        <section class="keep card" aria-label="Keep">
            <h2>{ "Keep" }</h2>
            <p>{ "Your work stays in this browser by itself. Here you take it out as files, for another computer or for other tools." }</p>
            <div class="button-row">
                <button type="button" class="button" aria-disabled={without(props.has_images)} onclick={act(exchange::save_project)}>
                    { glyph(Icon::Archive) }{ "Save project" }
                </button>
                <OpenProject />
                <button type="button" class="button" aria-disabled={without(props.has_images)} onclick={act(exchange::export_data_set)}>
                    { glyph(Icon::Folder) }{ "Export data set" }
                </button>
                <button type="button" class="button" aria-disabled={without(props.has_model)} onclick={act(exchange::export_model)}>
                    { glyph(Icon::Download) }{ "Export model" }
                </button>
            </div>
            <p class="hint">{ "A saved project holds everything and opens on any computer. A data set is a zip of plain class folders. A model is a zip for Python, for ONNX, and a page that recognises images by itself with a double click." }</p>
        </section>
    }
}

/// The way in, also on the list of projects.
#[component]
pub fn OpenProject() -> Html {
    let app = use_app();
    let onfiles = Callback::from(move |files: Vec<File>| {
        if let Some(file) = files.into_iter().next() {
            exchange::open_project(&app, file.into());
        }
    });
    html! { <FileButton label="Open project" icon={Icon::Upload} accept=".zip" {onfiles} /> }
}
