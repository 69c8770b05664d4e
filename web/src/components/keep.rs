//! Keep: taking the project, the images and the model out as files, and bringing a project in.

mod elsewhere;
mod project_list;

use web_sys::File;
use yew::prelude::*;

use self::elsewhere::Elsewhere;
use self::project_list::ProjectList;
use crate::components::common::file_button::FileButton;
use crate::components::common::icon::{Icon, glyph};
use crate::context::{App, use_app};
use crate::services::keep::exchange;
use crate::state::State;
use crate::state::storage::Stage;

/// What is to be done with whole projects at the present stage.
pub fn view(state: &State) -> Html {
    match &state.stage {
        Stage::Opening => Html::default(),
        Stage::Start(projects) => html! { <ProjectList projects={projects.clone()} /> },
        Stage::Elsewhere(project) => html! { <Elsewhere project={(**project).clone()} /> },
        Stage::Editing => {
            html! { <Keep has_images={!state.project.is_empty()} has_model={state.results.is_some()} /> }
        }
    }
}

#[derive(Properties, PartialEq)]
struct Props {
    has_images: bool,
    has_model: bool,
}

#[component]
fn Keep(props: &Props) -> Html {
    let app = use_app();
    let act = |act: fn(&App)| {
        let app = app.clone();
        Callback::from(move |_: MouseEvent| act(&app))
    };
    let without = |has: bool| (!has).then_some("true");
    html! {
        <div class="card">
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
        </div>
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
