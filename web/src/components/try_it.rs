//! Try: what the model says of new images.

mod answer;
mod camera;
mod meters;

use std::rc::Rc;

use headstart_project::{HeatFor, RunId};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::{ClipboardEvent, File, HtmlImageElement};
use yew::prelude::*;

use self::answer::TryAnswer;
use self::camera::TryCamera;
use crate::components::common::column_head;
use crate::components::common::empty_state::{Drawing, EmptyState};
use crate::components::common::file_button::FileButton;
use crate::components::common::icon::{Icon, glyph};
use crate::components::common::term::Term;
use crate::components::heat;
use crate::components::heat::layer::HeatLayer;
use crate::components::heat::view::pressed;
use crate::context::use_app;
use crate::glossary::Word;
use crate::heat::{Overlay, contained_inset};
use crate::hooks::use_drop_and_paste::clear_mark;
use crate::services::engine::{Answer, Judgement, Picture};
use crate::services::samples::entries::{files_of, has_files};
use crate::services::samples::media::ObjectUrl;
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
    /// Familiarity below which an image is of none of the classes.
    pub threshold: Option<f32>,
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
    let is_heat = use_state_eq(|| false);
    let picked = use_state_eq(|| None::<u32>);
    let size = use_state_eq(|| (1.0, 1.0));
    let heat = is_heat.then(|| picked.map_or(HeatFor::Top, HeatFor::Class));

    // The image is classified when it is chosen, and again by every new head and every new engine, and when another heat map is wanted.
    {
        let (app, shown, answered) = (app.clone(), shown.clone(), answered.clone());
        let number = shown.as_ref().map(|shown| shown.number);
        let is_ready = props.phase == Phase::Ready;
        use_effect_with(
            (number, run, is_ready, props.has_camera, heat),
            move |&(_, run, is_ready, has_camera, heat)| {
                let shown_handle = shown;
                let (Some(shown), Some(run), true, false) =
                    ((*shown_handle).clone(), run, is_ready, has_camera)
                else {
                    return;
                };
                spawn_local(async move {
                    let picture = Picture::File(shown.file.clone().into());
                    match app.engine.classify(picture, heat).await {
                        Answer::Judged(judgement) => {
                            app.live.set(judgement.place);
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

    {
        let live = app.live.clone();
        use_effect_with(props.has_camera, move |_| live.set(None));
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
                app.live.set(judgement.place);
                answered.set(Some(Answered { run, judgement }));
            }
        })
    };
    // An answer of another head, or for other classes, is none any more.
    let judgement = match (&props.plan, &*answered) {
        (Some(plan), Some(answered)) => Some(&answered.judgement).filter(|judgement| {
            judgement.probabilities.len() == plan.class_ids.len() && Some(answered.run) == run
        }),
        _ => None,
    };
    let overlay = match (&props.plan, judgement) {
        (Some(plan), Some(judgement)) if *is_heat => judgement.heat.clone().map(|heat| {
            let overlay = Overlay::Heat(heat);
            let names = plan.names(&props.project);
            let name = names.get(overlay.class() as usize);
            let words = overlay.words(name.map_or("", |name| name));
            (overlay, AttrValue::from(words))
        }),
        _ => None,
    };
    let onload = {
        let size = size.clone();
        Callback::from(move |event: Event| {
            let image: HtmlImageElement = event.target_unchecked_into();
            let length = |px: u32| f64::from(px.max(1));
            size.set((
                length(image.natural_width()),
                length(image.natural_height()),
            ));
        })
    };
    let toggle = {
        let is_heat = is_heat.clone();
        Callback::from(move |_: MouseEvent| is_heat.set(!*is_heat))
    };
    let onpick = {
        let picked = picked.clone();
        Callback::from(move |class| picked.set(class))
    };
    let has_picture = has_camera || shown.is_some();
    html! {
        <section class="try" aria-label="Try" data-drop="try" {ondrop} {onpaste}>
            { column_head::view(&column_head::Props { step: "3".into(), title: "Try".into(), lead: "See what it makes of images it has never seen.".into() }) }
            <div class="card">
                <div class="button-row">
                    <button type="button" class="button" aria-pressed={if has_camera { "true" } else { "false" }} onclick={camera}>
                        { glyph(Icon::Camera) }{ "Webcam" }
                    </button>
                    <FileButton label="Image to classify" icon={Icon::Upload} accept="image/*" onfiles={show} />
                </div>
                if has_camera {
                    <TryCamera
                        prefs={props.camera_prefs.clone()}
                        has_model={props.plan.is_some()}
                        {heat}
                        overlay={overlay.clone()}
                        {onanswer}
                    />
                } else if let Some(shown) = &*shown {
                    <div class="stage">
                        <img src={shown.url.get()} alt={shown.file.name()} {onload} />
                        if let Some((overlay, label)) = overlay.clone() {
                            <HeatLayer {overlay} inset={contained_inset(size.0, size.1)} {label} />
                        }
                    </div>
                }
                { match &props.plan {
                    Some(plan) if has_picture => html! {
                        <>
                            <TryAnswer
                                plan={plan.clone()}
                                project={props.project.clone()}
                                judgement={judgement.cloned()}
                                threshold={props.threshold}
                                is_live={has_camera}
                            />
                            <div class="heat-tools">
                                <button type="button" class="button" aria-pressed={pressed(*is_heat)} onclick={toggle}>
                                    { glyph(Icon::Eye) }{ "Where it looked" }
                                </button>
                                if *is_heat {
                                    { heat::class::view(&heat::class::Props { names: plan.names(&props.project), picked: *picked, top: overlay.as_ref().map(|(overlay, _)| overlay.class()), onpick }) }
                                }
                            </div>
                            if let Some((_, words)) = &overlay {
                                <div class="heat-words">
                                    <p>{ words }</p>
                                    { heat::legend::view(&heat::legend::Props { is_covered: false, is_cut_off: !has_camera && (size.0 - size.1).abs() >= 1.0 }) }
                                </div>
                            }
                        </>
                    },
                    Some(_) => html! {
                        <EmptyState drawing={Drawing::Eye}>
                            <p>{ "Your model is ready. Show it something with the webcam, or choose, drop or paste an image." }</p>
                        </EmptyState>
                    },
                    None => html! {
                        <EmptyState drawing={Drawing::Eye}>
                            <p>{ "There is no " }<Term word={Word::Model} />{ " yet. Collect some images and press Train; then it says here what it sees." }</p>
                        </EmptyState>
                    },
                } }
            </div>
        </section>
    }
}
