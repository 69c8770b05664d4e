//! An image and, on demand, where the model looked and what covering a part of it changes.

use std::cell::Cell;
use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;
use headstart_project::HeatFor;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Blob, HtmlImageElement};
use yew::prelude::*;

use super::layer::HeatLayer;
use super::{class, legend};
use crate::components::common::icon::{Icon, glyph};
use crate::components::common::pressed::pressed;
use crate::context::{App, use_app};
use crate::heat::{Overlay, square_inset};
use crate::services::engine::{Answer, Covered, Covering, Picture};
use crate::state::project::Project;
use crate::state::run::Plan;
use crate::text;

/// How long to wait for an engine that is being replaced.
const RETRY_MS: u32 = 500;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub file: Blob,
    /// The file's address.
    pub source: AttrValue,
    pub alt: AttrValue,
    /// The run whose model is asked.
    pub plan: Rc<Plan>,
    pub project: Project,
}

/// What is laid over the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Nothing,
    Heat,
    Covering,
}

/// How far that is.
#[derive(Clone, Debug, PartialEq)]
enum Progress {
    /// Nothing was asked for, or nothing has come yet. Positions done and in all, when parts are covered.
    Waiting(Option<(u32, u32)>),
    Done(Overlay),
    Failed(AttrValue),
}

#[component]
pub fn HeatView(props: &Props) -> Html {
    let app = use_app();
    let mode = use_state_eq(|| Mode::Nothing);
    let picked = use_state_eq(|| None::<u32>);
    let size = use_state_eq(|| (1.0, 1.0));
    let progress = use_state_eq(|| Progress::Waiting(None));
    {
        let progress = progress.clone();
        let run = props.plan.request.run;
        let wanted = (props.file.clone(), run, *mode, *picked);
        use_effect_with(wanted, move |(file, _, mode, picked)| {
            progress.set(Progress::Waiting(None));
            let heat = picked.map_or(HeatFor::Top, HeatFor::Class);
            let running = Rc::new(Cell::new(true));
            let covering = match mode {
                Mode::Nothing => None,
                Mode::Heat => {
                    look(app, file.clone(), heat, running.clone(), progress);
                    None
                }
                Mode::Covering => cover(&app, file.clone(), heat, progress),
            };
            move || {
                running.set(false);
                drop(covering);
            }
        });
    }
    let onload = {
        let size = size.clone();
        Callback::from(move |event: Event| {
            let image: HtmlImageElement = event.target_unchecked_into();
            size.set((
                f64::from(image.natural_width().max(1)),
                f64::from(image.natural_height().max(1)),
            ));
        })
    };
    let toggle = |meant: Mode| {
        let mode = mode.clone();
        Callback::from(move |_: MouseEvent| {
            mode.set(if *mode == meant { Mode::Nothing } else { meant });
        })
    };
    let onpick = {
        let picked = picked.clone();
        Callback::from(move |class| picked.set(class))
    };
    let names = props.plan.names(&props.project);
    let (width, height) = *size;
    let overlay = match &*progress {
        Progress::Done(overlay) if *mode != Mode::Nothing => Some(overlay.clone()),
        _ => None,
    };
    let words = overlay.as_ref().map(|overlay| {
        let name = names.get(overlay.class() as usize);
        AttrValue::from(overlay.words(name.map_or("", |name| name)))
    });
    html! {
        <div class="heat-view">
            <div class="heat-frame" style={format!("--ratio: {:.4}", width / height)}>
                <img src={props.source.clone()} alt={props.alt.clone()} {onload} />
                if let (Some(overlay), Some(words)) = (&overlay, &words) {
                    <HeatLayer overlay={overlay.clone()} inset={square_inset(width, height)} label={words.clone()} />
                }
            </div>
            <div class="heat-tools">
                <button type="button" class="button" aria-pressed={pressed(*mode == Mode::Heat)} onclick={toggle(Mode::Heat)}>
                    { glyph(Icon::Eye) }{ "Where it looked" }
                </button>
                <button type="button" class="button" aria-pressed={pressed(*mode == Mode::Covering)} onclick={toggle(Mode::Covering)}>
                    { glyph(Icon::Cover) }{ "Cover and see" }
                </button>
                if *mode != Mode::Nothing {
                    { class::view(&class::Props { names: names.clone(), picked: *picked, top: overlay.as_ref().map(Overlay::class), onpick }) }
                }
            </div>
            <div class="heat-words" aria-live="polite">
                { match (&*progress, *mode) {
                    (_, Mode::Nothing) => Html::default(),
                    (Progress::Waiting(done), Mode::Covering) => covering_progress(*done, toggle(Mode::Covering)),
                    (Progress::Waiting(_), _) => html! { <p class="hint">{ "Looking …" }</p> },
                    (Progress::Failed(reason), _) => html! { <p class="problem">{ reason }</p> },
                    (Progress::Done(overlay), _) => html! {
                        <>
                            <p>{ words }</p>
                            { legend::view(&legend::Props { is_covered: matches!(overlay, Overlay::Covered(_)), is_cut_off: (width - height).abs() >= 1.0 }) }
                        </>
                    },
                } }
            </div>
        </div>
    }
}

/// Asks until there is an engine that answers.
fn look(
    app: App,
    file: Blob,
    heat: HeatFor,
    running: Rc<Cell<bool>>,
    progress: UseStateHandle<Progress>,
) {
    spawn_local(async move {
        loop {
            let picture = Picture::File(file.clone());
            let answer = app.engine.classify(picture, Some(heat)).await;
            if !running.get() {
                return;
            }
            match answer {
                Answer::Judged(judgement) => {
                    if let Some(heat) = judgement.heat {
                        progress.set(Progress::Done(Overlay::Heat(heat)));
                    }
                    return;
                }
                Answer::Rejected(reason) => {
                    let reason = text::sentence(&reason.to_string());
                    return progress.set(Progress::Failed(reason.into()));
                }
                Answer::NoEngine => TimeoutFuture::new(RETRY_MS).await,
            }
        }
    });
}

fn cover(
    app: &App,
    file: Blob,
    heat: HeatFor,
    progress: UseStateHandle<Progress>,
) -> Option<Covering> {
    const STOPPED: &str = "It was interrupted. Press Cover and see again.";
    let onchange = {
        let progress = progress.clone();
        Callback::from(move |change| {
            progress.set(match change {
                Covered::Progress(done, total) => Progress::Waiting(Some((done, total))),
                Covered::Done(covered) => Progress::Done(Overlay::Covered(covered)),
                // Nobody has asked for that here.
                Covered::Excited(_) => Progress::Failed(STOPPED.into()),
                Covered::Ended(reason) => {
                    Progress::Failed(reason.map_or(AttrValue::Static(STOPPED), |reason| {
                        text::sentence(&reason).into()
                    }))
                }
            });
        })
    };
    let covering = app.engine.occlude(file, heat, onchange);
    if covering.is_none() {
        progress.set(Progress::Failed(STOPPED.into()));
    }
    covering
}

fn covering_progress(done: Option<(u32, u32)>, stop: Callback<MouseEvent>) -> Html {
    let (done, total) = done.unwrap_or((0, 1));
    let words = match total {
        1 => "It starts as soon as the engine is free …".to_owned(),
        _ => format!("Part {done} of {total} is covered …"),
    };
    let share = f64::from(done) / f64::from(total.max(1));
    html! {
        <div class="heat-progress">
            <div
                class="progress-bar"
                role="progressbar"
                aria-label="Covering the image’s parts"
                aria-valuemin="0"
                aria-valuemax={total.to_string()}
                aria-valuenow={done.to_string()}
                style={format!("--share: {share:.4}")}
            ><span></span></div>
            <p aria-live="off">{ words }</p>
            <button type="button" class="button" onclick={stop}>{ glyph(Icon::Stop) }{ "Stop" }</button>
        </div>
    }
}
