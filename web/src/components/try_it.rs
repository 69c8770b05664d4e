//! Try: what the model says of new images.

use std::rc::Rc;

use headstart_project::RunId;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::{ClipboardEvent, File};
use yew::prelude::*;

use super::column_head::ColumnHead;
use super::empty_state::{Drawing, EmptyState};
use super::file_button::FileButton;
use super::icon::{Glyph, Icon};
use super::meters::Meters;
use super::try_camera::TryCamera;
use crate::context::use_app;
use crate::hooks::use_drop_and_paste::clear_mark;
use crate::services::engine::{Answer, Judgement, Picture};
use crate::services::entries::{files_of, has_files};
use crate::services::media::ObjectUrl;
use crate::state::Action;
use crate::state::camera::{CameraOwner, CameraPrefs};
use crate::state::engine::Phase;
use crate::state::project::Project;
use crate::state::run::Plan;
use crate::text;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub project: Project,
    /// The run whose head answers.
    pub plan: Option<Rc<Plan>>,
    pub phase: Phase,
    pub has_camera: bool,
    pub camera_prefs: CameraPrefs,
}

/// The image to classify and its address.
struct Shown {
    file: File,
    url: ObjectUrl,
    /// Tells images apart.
    number: u32,
}

/// An answer, and the head that gave it.
#[derive(Clone, PartialEq)]
struct Answered {
    run: RunId,
    judgement: Judgement,
}

#[component]
pub fn TryIt(props: &Props) -> Html {
    let app = use_app();
    let shown = use_state(|| None::<Rc<Shown>>);
    let answered = use_state_eq(|| None::<Answered>);
    let run = props.plan.as_ref().map(|plan| plan.request.run);

    // The image is classified when it is chosen, and again by every new head and every new engine.
    {
        let (app, shown, answered) = (app.clone(), shown.clone(), answered.clone());
        let number = shown.as_ref().map(|shown| shown.number);
        let is_ready = props.phase == Phase::Ready;
        use_effect_with(
            (number, run, is_ready, props.has_camera),
            move |&(_, run, is_ready, has_camera)| {
                let shown_handle = shown;
                let (Some(shown), Some(run), true, false) =
                    ((*shown_handle).clone(), run, is_ready, has_camera)
                else {
                    return;
                };
                spawn_local(async move {
                    let picture = Picture::File(shown.file.clone().into());
                    match app.engine.classify(picture, None).await {
                        Answer::Judged(judgement) => {
                            answered.set(Some(Answered { run, judgement }))
                        }
                        Answer::Rejected(reason) => {
                            shown_handle.set(None);
                            app.dispatch(Action::Problem {
                                title: format!("{} cannot be recognised", shown.file.name()),
                                detail: text::sentence(&reason.to_string()),
                            });
                        }
                        // The effect runs again when there is an engine.
                        Answer::NoEngine => {}
                    }
                });
            },
        );
    }

    let numbers = use_mut_ref(|| 0);
    let show = {
        let (app, shown, answered) = (app.clone(), shown.clone(), answered.clone());
        Callback::from(move |files: Vec<File>| {
            let Some(file) = files.into_iter().next() else {
                return;
            };
            let Some(url) = ObjectUrl::new(&file) else {
                return;
            };
            app.dispatch(Action::CloseCamera(CameraOwner::Try));
            answered.set(None);
            *numbers.borrow_mut() += 1;
            let number = *numbers.borrow();
            shown.set(Some(Rc::new(Shown { file, url, number })));
        })
    };
    let ondrop = {
        let show = show.clone();
        Callback::from(move |event: DragEvent| {
            if let Some(transfer) = event.data_transfer().filter(has_files) {
                event.prevent_default();
                event.stop_propagation();
                clear_mark();
                show.emit(files_of(&transfer));
            }
        })
    };
    let onpaste = {
        let show = show.clone();
        Callback::from(move |event: Event| {
            let paste: &ClipboardEvent = event.unchecked_ref();
            let files = paste
                .clipboard_data()
                .map_or_else(Vec::new, |data| files_of(&data));
            if !files.is_empty() {
                event.prevent_default();
                event.stop_propagation();
                show.emit(files);
            }
        })
    };
    let has_camera = props.has_camera;
    let camera = {
        let answered = answered.clone();
        let app = app.clone();
        Callback::from(move |_: MouseEvent| {
            answered.set(None);
            app.dispatch(if has_camera {
                Action::CloseCamera(CameraOwner::Try)
            } else {
                Action::OpenCamera(CameraOwner::Try)
            });
        })
    };
    let onanswer = {
        let answered = answered.clone();
        let app = app.clone();
        Callback::from(move |judgement: Judgement| {
            // Asked of the live state, since a new head may have been trained since this callback was made.
            let run = app
                .state()
                .results
                .as_ref()
                .map(|results| results.plan.request.run);
            if let Some(run) = run {
                answered.set(Some(Answered { run, judgement }));
            }
        })
    };
    let probabilities = match (&props.plan, &*answered) {
        (Some(plan), Some(answered))
            if answered.judgement.probabilities.len() == plan.class_ids.len()
                && Some(answered.run) == run =>
        {
            Some(answered.judgement.probabilities.clone())
        }
        _ => None,
    };
    html! {
        <section class="try" aria-label="Try" data-drop="try" {ondrop} {onpaste}>
            <ColumnHead step="3" title="Try" lead="See what it makes of images it has never seen." />
            <div class="card">
                <div class="button-row">
                    <button type="button" class="button" aria-pressed={if has_camera { "true" } else { "false" }} onclick={camera}>
                        <Glyph icon={Icon::Camera} />{ "Webcam" }
                    </button>
                    <FileButton label="Image to classify" icon={Icon::Upload} accept="image/*" onfiles={show} />
                </div>
                if has_camera {
                    <TryCamera prefs={props.camera_prefs.clone()} has_model={props.plan.is_some()} {onanswer} />
                } else if let Some(shown) = &*shown {
                    <div class="stage"><img src={shown.url.get()} alt={shown.file.name()} /></div>
                }
                { match (&props.plan, probabilities) {
                    (Some(plan), Some(probabilities)) => html! {
                        <Meters names={plan.names(&props.project)} colors={plan.colors(&props.project)} {probabilities} />
                    },
                    (Some(_), None) if has_camera || shown.is_some() => html! { <p class="hint">{ "Looking …" }</p> },
                    (Some(_), None) => html! {
                        <EmptyState drawing={Drawing::Eye}>
                            <p>{ "Your model is ready. Show it something with the webcam, or choose, drop or paste an image." }</p>
                        </EmptyState>
                    },
                    (None, _) => html! {
                        <EmptyState drawing={Drawing::Eye}>
                            <p>{ "There is no model yet. Collect some images and press Train; then it says here what it sees." }</p>
                        </EmptyState>
                    },
                } }
            </div>
        </section>
    }
}
