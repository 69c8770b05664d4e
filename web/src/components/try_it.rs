//! Try: what the model says of new images.

mod answer;
mod camera;
mod meters;

use std::rc::Rc;

use headstart_project::HeatFor;
use wasm_bindgen::JsCast;
use web_sys::{ClipboardEvent, File, HtmlImageElement};
use yew::prelude::*;

use self::answer::TryAnswer;
use self::camera::TryCamera;
use crate::components::common::column_head;
use crate::components::common::empty_state::{Drawing, EmptyState};
use crate::components::common::file_button::FileButton;
use crate::components::common::icon::{Icon, glyph};
use crate::components::common::pressed::pressed;
use crate::components::common::term::Term;
use crate::components::heat;
use crate::components::heat::layer::HeatLayer;
use crate::context::use_app;
use crate::glossary::Word;
use crate::heat::{Overlay, contained_inset};
use crate::hooks::use_drop_and_paste::clear_mark;
use crate::hooks::use_tried::{Asked, use_tried};
use crate::services::samples::entries::{files_of, has_files};
use crate::state::camera::CameraPrefs;
use crate::state::engine::Phase;
use crate::state::project::Project;
use crate::state::run::Plan;

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

#[component]
pub fn TryIt(props: &Props) -> Html {
    let app = use_app();
    let is_heat = use_state_eq(|| false);
    let picked = use_state_eq(|| None::<u32>);
    let size = use_state_eq(|| (1.0, 1.0));
    let heat = is_heat.then(|| picked.map_or(HeatFor::Top, HeatFor::Class));
    let has_camera = props.has_camera;
    let tried = use_tried(
        &app,
        Asked {
            run: props.plan.as_ref().map(|plan| plan.request.run),
            is_ready: props.phase == Phase::Ready,
            has_camera,
            heat,
        },
    );
    let judgement = tried.judgement(props.plan.as_deref());
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
    let has_picture = has_camera || tried.shown.is_some();
    html! {
        <section class="try" aria-label="Try" data-drop="try" ondrop={ondrop(&tried.onfiles)} onpaste={onpaste(&tried.onfiles)}>
            { column_head::view(&column_head::Props { step: "3".into(), title: "Try".into(), lead: "See what it makes of images it has never seen.".into() }) }
            <div class="card">
                <div class="button-row">
                    <button type="button" class="button" aria-pressed={pressed(has_camera)} onclick={tried.oncamera.clone()}>
                        { glyph(Icon::Camera) }{ "Webcam" }
                    </button>
                    <FileButton label="Image to classify" icon={Icon::Upload} accept="image/*" onfiles={tried.onfiles.clone()} />
                </div>
                if has_camera {
                    <TryCamera
                        prefs={props.camera_prefs.clone()}
                        has_model={props.plan.is_some()}
                        {heat}
                        overlay={overlay.clone()}
                        onanswer={tried.onanswer.clone()}
                    />
                } else if let Some(shown) = &tried.shown {
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
                            { heat_tools(props, plan, &is_heat, &picked, overlay.as_ref(), *size) }
                        </>
                    },
                    plan => nothing_yet(plan.is_some()),
                } }
            </div>
        </section>
    }
}

/// Where it looked: asking for it, and what came of that.
fn heat_tools(
    props: &Props,
    plan: &Plan,
    is_heat: &UseStateHandle<bool>,
    picked: &UseStateHandle<Option<u32>>,
    overlay: Option<&(Overlay, AttrValue)>,
    (width, height): (f64, f64),
) -> Html {
    let toggle = {
        let is_heat = is_heat.clone();
        Callback::from(move |_: MouseEvent| is_heat.set(!*is_heat))
    };
    let onpick = {
        let picked = picked.clone();
        Callback::from(move |class| picked.set(class))
    };
    let is_cut_off = !props.has_camera && (width - height).abs() >= 1.0;
    html! {
        <>
            <div class="heat-tools">
                <button type="button" class="button" aria-pressed={pressed(**is_heat)} onclick={toggle}>
                    { glyph(Icon::Eye) }{ "Where it looked" }
                </button>
                if **is_heat {
                    { heat::class::view(&heat::class::Props { names: plan.names(&props.project), picked: **picked, top: overlay.map(|(overlay, _)| overlay.class()), onpick }) }
                }
            </div>
            if let Some((_, words)) = overlay {
                <div class="heat-words">
                    <p>{ words }</p>
                    { heat::legend::view(&heat::legend::Props { is_covered: false, is_cut_off }) }
                </div>
            }
        </>
    }
}

/// What to do first.
fn nothing_yet(has_model: bool) -> Html {
    html! {
        <EmptyState drawing={Drawing::Eye}>
            if has_model {
                <p>{ "Your model is ready. Show it something with the webcam, or choose, drop or paste an image." }</p>
            } else {
                <p>{ "There is no " }<Term word={Word::Model} />{ " yet. Collect some images and press Train; then it says here what it sees." }</p>
            }
        </EmptyState>
    }
}

/// Takes files that are dropped on Try, before the page does.
fn ondrop(onfiles: &Callback<Vec<File>>) -> Callback<DragEvent> {
    let onfiles = onfiles.clone();
    Callback::from(move |event: DragEvent| {
        if let Some(transfer) = event.data_transfer().filter(has_files) {
            event.prevent_default();
            event.stop_propagation();
            clear_mark();
            onfiles.emit(files_of(&transfer));
        }
    })
}

/// Takes files that are pasted in Try, before the page does.
fn onpaste(onfiles: &Callback<Vec<File>>) -> Callback<Event> {
    let onfiles = onfiles.clone();
    Callback::from(move |event: Event| {
        let paste: &ClipboardEvent = event.unchecked_ref();
        let files = paste
            .clipboard_data()
            .map_or_else(Vec::new, |data| files_of(&data));
        if !files.is_empty() {
            event.prevent_default();
            event.stop_propagation();
            onfiles.emit(files);
        }
    })
}
