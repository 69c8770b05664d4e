//! Collect: the classes and their images.

mod class_card;
mod class_tools;
mod import_bar;
mod recorder;
mod sample_chunk;
mod sample_grid;

use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use self::class_card::ClassCard;
use self::import_bar::ImportBar;
use crate::components::common::column_head;
use crate::components::common::empty_state::{Drawing, EmptyState};
use crate::components::common::icon::{Icon, glyph};
use crate::components::common::term::Term;
use crate::context::use_app;
use crate::glossary::Word;
use crate::services::samples::intake;
use crate::services::tour;
use crate::state::Action;
use crate::state::camera::{CameraOwner, CameraPrefs};
use crate::state::project::Project;
use crate::text;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub project: Project,
    pub camera: Option<CameraOwner>,
    pub camera_prefs: CameraPrefs,
}

#[component]
pub fn Collect(props: &Props) -> Html {
    let app = use_app();
    let is_fetching = use_state_eq(|| false);
    let use_sample = {
        let (app, is_fetching) = (app.clone(), is_fetching.clone());
        Callback::from(move |_: MouseEvent| {
            if *is_fetching {
                return;
            }
            is_fetching.set(true);
            let (app, is_fetching) = (app.clone(), is_fetching.clone());
            spawn_local(async move {
                intake::import_sample(&app).await;
                is_fetching.set(false);
            });
        })
    };
    let has_toured = use_state_eq(tour::was_seen);
    let add_class = app.callback(|_: MouseEvent| Action::AddClass);
    let classes = &props.project.classes;
    let is_empty = props.project.is_empty();
    let names: Vec<_> = classes.iter().map(|class| class.label()).collect();
    html! {
        <>
            { column_head::view(&column_head::Props { step: "1".into(), title: "Collect".into(), lead: if is_empty {
                    "Give it examples of each thing it should tell apart.".into()
                } else {
                    format!("{} in {}", text::count(props.project.len(), "image"), text::classes(classes.len())).into()
                } }) }
            if is_empty {
                <div class="card welcome">
                    <EmptyState drawing={Drawing::Photos}>
                        <p>{ "Name your " }<Term word={Word::Class} text="classes" />{ " below and fill them with the webcam or with files. About 10 images each is a good start." }</p>
                        <button type="button" class="button button-primary" aria-disabled={is_fetching.then_some("true")} onclick={use_sample}>
                            { glyph(Icon::Sparkle) }
                            { "Use the sample pictures" }
                        </button>
                        <p class="hint">{ "No images at hand? Train with ours within a minute." }</p>
                        if !*has_toured {
                            <button type="button" class="text-button" onclick={tour::begin(&app)}>{ "Show me around" }</button>
                        }
                    </EmptyState>
                </div>
            }
            <ImportBar />
            // A list of its own: beside other elements Yew would go by position instead of by key, and build every card anew when one is added.
            <div class="classes">
            { for classes.iter().enumerate().map(|(at, class)| {
                let has_twin = names.iter().filter(|name| **name == names[at]).count() > 1;
                let has_camera = props.camera == Some(CameraOwner::Class(class.id));
                html! {
                    <ClassCard
                        key={class.id.0}
                        class={class.clone()}
                        {has_twin}
                        {has_camera}
                        camera_prefs={props.camera_prefs.clone()}
                    />
                }
            }) }
            </div>
            <button type="button" class="add-class" onclick={add_class}>
                { glyph(Icon::Plus) }{ "Add class" }
            </button>
        </>
    }
}
