//! Recording images of a class with the camera, for as long as a button is held.

use std::cell::Cell;
use std::rc::Rc;

use gloo_events::EventListener;
use gloo_timers::future::TimeoutFuture;
use headstart_project::Part;
use js_sys::Date;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Element, HtmlInputElement, HtmlVideoElement};
use yew::prelude::*;

use crate::components::common::camera_panel::CameraPanel;
use crate::components::common::icon::{Icon, glyph};
use crate::context::{App, use_app};
use crate::hooks::use_camera::{use_camera, use_failure};
use crate::services::samples::{camera, intake};
use crate::state::Action;
use crate::state::camera::{CameraOwner, CameraPrefs};
use crate::state::project::ClassId;
use crate::text;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub class: ClassId,
    pub prefs: CameraPrefs,
}

#[component]
pub fn Recorder(props: &Props) -> Html {
    let app = use_app();
    let failed = use_failure(&app, CameraOwner::Class(props.class));
    let camera = use_camera(&props.prefs, failed);
    let is_held = use_state_eq(|| false);
    let countdown = use_state_eq(|| None::<u32>);
    let taken = use_state_eq(|| 0_usize);
    {
        let (video, class, prefs) = (camera.video.clone(), props.class, props.prefs.clone());
        let (app, countdown, taken) = (app.clone(), countdown.clone(), taken.clone());
        use_effect_with(*is_held && camera.is_live, move |&is_recording| {
            let running = Rc::new(Cell::new(is_recording));
            if is_recording {
                let running = running.clone();
                spawn_local(async move {
                    if prefs.countdown && !count_down(&running, |left| countdown.set(left)).await {
                        return;
                    }
                    if let Some(video) = video.cast::<HtmlVideoElement>() {
                        record(&app, class, &prefs, &video, &running, |number| {
                            taken.set(number)
                        })
                        .await;
                    }
                });
            }
            move || running.set(false)
        });
    }
    use_let_go_when_hidden(&is_held);
    let hold = |held: bool| {
        let is_held = is_held.clone();
        move || is_held.set(held)
    };
    let (press, release) = (hold(true), hold(false));
    let onpointerdown = {
        let press = press.clone();
        Callback::from(move |event: PointerEvent| {
            if let Some(button) = event
                .target()
                .and_then(|target| target.dyn_into::<Element>().ok())
            {
                // A pointer that is up again cannot be captured; its release comes next anyway.
                let _ = button.set_pointer_capture(event.pointer_id());
            }
            press();
        })
    };
    let released = {
        let release = release.clone();
        Callback::from(move |_: PointerEvent| release())
    };
    let onblur = {
        let release = release.clone();
        Callback::from(move |_: FocusEvent| release())
    };
    let onkeydown = Callback::from(move |event: KeyboardEvent| {
        if is_press(&event) {
            event.prevent_default();
            press();
        }
    });
    let onkeyup = Callback::from(move |event: KeyboardEvent| {
        if is_press(&event) {
            event.prevent_default();
            release();
        }
    });
    // A long touch would open a menu over the button.
    let oncontextmenu = Callback::from(|event: MouseEvent| event.prevent_default());
    let overlay = match *countdown {
        Some(left) => html! { <p class="countdown" aria-live="assertive">{ left }</p> },
        None if *is_held => {
            html! { <p class="recording"><span></span>{ text::count(*taken, "image") }</p> }
        }
        None => Html::default(),
    };
    html! {
        <CameraPanel camera={camera.clone()} prefs={props.prefs.clone()} {overlay}>
            <button
                type="button"
                class={classes!("button", "button-record", is_held.then_some("is-held"))}
                aria-disabled={(!camera.is_live).then_some("true")}
                {onpointerdown}
                onpointerup={released.clone()}
                onpointercancel={released.clone()}
                onlostpointercapture={released}
                {onkeydown}
                {onkeyup}
                {onblur}
                {oncontextmenu}
            >
                { glyph(Icon::Record) }{ "Hold to record" }
            </button>
            <RecordOptions prefs={props.prefs.clone()} />
        </CameraPanel>
    }
}

#[derive(Properties, PartialEq)]
struct OptionsProps {
    prefs: CameraPrefs,
}

#[component]
fn RecordOptions(props: &OptionsProps) -> Html {
    let app = use_app();
    let prefs = &props.prefs;
    let set_rate = {
        let prefs = prefs.clone();
        app.callback(move |event: InputEvent| {
            let input: HtmlInputElement = event.target_unchecked_into();
            let rate_hz = input.value_as_number() as u32;
            let (least, most) = (*CameraPrefs::RATES_HZ.start(), *CameraPrefs::RATES_HZ.end());
            Action::SetCameraPrefs(CameraPrefs {
                rate_hz: rate_hz.clamp(least, most),
                ..prefs.clone()
            })
        })
    };
    let set_countdown = {
        let prefs = prefs.clone();
        app.callback(move |event: Event| {
            let input: HtmlInputElement = event.target_unchecked_into();
            Action::SetCameraPrefs(CameraPrefs {
                countdown: input.checked(),
                ..prefs.clone()
            })
        })
    };
    let set_testing = {
        let prefs = prefs.clone();
        app.callback(move |event: Event| {
            let input: HtmlInputElement = event.target_unchecked_into();
            Action::SetCameraPrefs(CameraPrefs {
                is_for_testing: input.checked(),
                ..prefs.clone()
            })
        })
    };
    html! {
        <div class="camera-options">
            <label class="option">
                <span>{ format!("{} a second", text::count(prefs.rate_hz as usize, "image")) }</span>
                <input
                    type="range"
                    min={CameraPrefs::RATES_HZ.start().to_string()}
                    max={CameraPrefs::RATES_HZ.end().to_string()}
                    value={prefs.rate_hz.to_string()}
                    oninput={set_rate}
                />
            </label>
            <label class="option option-check">
                <input type="checkbox" checked={prefs.countdown} onchange={set_countdown} />
                <span>{ "Count down 3, 2, 1" }</span>
            </label>
            <label class="option option-check">
                <input type="checkbox" checked={prefs.is_for_testing} onchange={set_testing} />
                <span>{ "Record for testing" }</span>
            </label>
        </div>
    }
}

/// A page that is out of sight records nothing.
#[hook]
fn use_let_go_when_hidden(is_held: &UseStateHandle<bool>) {
    let is_held = is_held.clone();
    use_effect_with(*is_held, move |&held| {
        let document = web_sys::window().and_then(|window| window.document());
        let listener = document.filter(|_| held).map(|document| {
            EventListener::new(&document, "visibilitychange", move |_| is_held.set(false))
        });
        move || drop(listener)
    });
}

fn is_press(event: &KeyboardEvent) -> bool {
    matches!(event.key().as_str(), " " | "Enter")
}

/// Returns whether the button was held to the end.
async fn count_down(running: &Cell<bool>, show: impl Fn(Option<u32>)) -> bool {
    for left in [3, 2, 1] {
        show(Some(left));
        TimeoutFuture::new(1000).await;
        if !running.get() {
            break;
        }
    }
    show(None);
    running.get()
}

/// Takes pictures at the chosen rate, the first one at once.
async fn record(
    app: &App,
    class: ClassId,
    prefs: &CameraPrefs,
    video: &HtmlVideoElement,
    running: &Cell<bool>,
    show: impl Fn(usize),
) {
    let Some(canvas) = camera::canvas() else {
        return;
    };
    let period_ms = 1000.0 / f64::from(prefs.rate_hz.max(1));
    let mut due = Date::now();
    let mut taken = 0;
    let burst = intake::next_burst();
    let part = if prefs.is_for_testing {
        Part::Test
    } else {
        Part::Train
    };
    show(0);
    while running.get() {
        if camera::draw(video, &canvas, prefs.is_mirrored(), camera::MAX_PX).is_some()
            && let Some(picture) = camera::jpeg(&canvas).await
        {
            taken += 1;
            show(taken);
            let name = format!("webcam {}.jpg", Date::new_0().to_iso_string()).replace(':', "-");
            intake::add_recorded(app, class, picture, name.into(), part, burst);
        }
        // A machine that cannot keep up takes fewer pictures, not a burst of late ones.
        due = (due + period_ms).max(Date::now());
        TimeoutFuture::new((due - Date::now()).max(0.0) as u32).await;
    }
}
