//! One class: its name, its images, and every way to get more of them.

use std::collections::HashSet;
use std::rc::Rc;

use headstart_project::{Part, SampleId};
use web_sys::{File, HtmlInputElement};
use yew::prelude::*;

use super::class_tools::ClassTools;
use super::recorder::Recorder;
use super::sample_grid::SampleGrid;
use crate::components::common::file_button::FileButton;
use crate::components::common::icon::{Icon, glyph};
use crate::context::use_app;
use crate::services::samples::intake;
use crate::state::Action;
use crate::state::camera::{CameraOwner, CameraPrefs};
use crate::state::project::Class;
use crate::text;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub class: Rc<Class>,
    /// Another class has the same name.
    pub has_twin: bool,
    pub has_camera: bool,
    pub camera_prefs: CameraPrefs,
}

/// The images that are selected, when selecting is on.
pub type Selection = Option<Rc<HashSet<SampleId>>>;

#[component]
pub fn ClassCard(props: &Props) -> Html {
    let app = use_app();
    let class = &props.class;
    let id = class.id;
    let selection = use_state_eq(|| None as Selection);
    let rename = app.callback(move |event: InputEvent| {
        let input: HtmlInputElement = event.target_unchecked_into();
        Action::RenameClass(id, input.value())
    });
    let used = app.callback(move |_: FocusEvent| Action::UseClass(id));
    let enable = {
        let enabled = class.enabled;
        app.callback(move |_: MouseEvent| Action::EnableClass(id, !enabled))
    };
    let delete = app.callback(move |_: MouseEvent| Action::DeleteClass(id));
    let upload = {
        let app = app.clone();
        Callback::from(move |files: Vec<File>| intake::add_to_class(&app, id, files))
    };
    let has_camera = props.has_camera;
    let camera = app.callback(move |_: MouseEvent| {
        let owner = CameraOwner::Class(id);
        if has_camera {
            Action::CloseCamera(owner)
        } else {
            Action::OpenCamera(owner)
        }
    });
    let name_problem = if class.name.trim().is_empty() {
        Some("Give this class a name.")
    } else if props.has_twin {
        Some("Another class has the same name. Give each its own, so that you can tell them apart.")
    } else {
        None
    };
    let name_id = format!("class-name-{}", id.0);
    let hint_id = format!("class-hint-{}", id.0);
    html! {
        <section
            class={classes!("card", "class-card", (!class.enabled).then_some("is-off"))}
            style={format!("--class-color: var(--class-{})", class.color)}
            aria-label={class.label()}
            data-drop={id.0.to_string()}
        >
            <div class="class-head">
                <div class="class-name">
                    <label class="visually-hidden" for={name_id.clone()}>{ "Class name" }</label>
                    <input
                        id={name_id}
                        type="text"
                        value={class.name.clone()}
                        oninput={rename}
                        onfocus={used}
                        maxlength="60"
                        autocomplete="off"
                        spellcheck="false"
                        aria-invalid={name_problem.map(|_| "true")}
                        aria-describedby={name_problem.map(|_| hint_id.clone())}
                    />
                </div>
                <button
                    type="button"
                    class="switch"
                    role="switch"
                    aria-checked={if class.enabled { "true" } else { "false" }}
                    aria-label="Take part in training"
                    title="Take part in training"
                    onclick={enable}
                ><span></span></button>
                <button type="button" class="icon-button" aria-label="Delete class" title="Delete class" onclick={delete}>
                    { glyph(Icon::Trash) }
                </button>
            </div>
            if let Some(problem) = name_problem {
                <p id={hint_id} class="problem">{ problem }</p>
            }
            <p class="class-count">
                { count(class) }
                if !class.enabled {
                    <b>{ " Left out of the next training." }</b>
                }
            </p>
            <div class="button-row">
                <button type="button" class="button" aria-pressed={if has_camera { "true" } else { "false" }} onclick={camera}>
                    { glyph(Icon::Camera) }{ "Webcam" }
                </button>
                <FileButton label="Upload images" icon={Icon::Upload} accept="image/*,.zip,.tm" multiple=true onfiles={upload} />
            </div>
            if props.has_camera {
                <Recorder class={id} prefs={props.camera_prefs.clone()} />
            }
            if !class.is_empty() {
                <ClassTools class={class.clone()} selection={(*selection).clone()} onselect={
                    let selection = selection.clone();
                    Callback::from(move |next: Selection| selection.set(next))
                } />
                <SampleGrid class={class.clone()} selection={(*selection).clone()} onselect={
                    let selection = selection.clone();
                    Callback::from(move |next: Selection| selection.set(next))
                } />
            } else {
                <p class="drop-hint">{ "Drop images here, or paste them." }</p>
            }
        </section>
    }
}

fn count(class: &Class) -> String {
    let train = class.count(Part::Train);
    match class.count(Part::Test) {
        0 => text::count(train, "image"),
        test => format!(
            "{} to learn from, {test} kept aside for testing",
            text::count(train, "image")
        ),
    }
}
