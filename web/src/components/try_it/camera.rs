//! Live classification of what the camera sees.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;
use headstart_project::HeatFor;
use js_sys::Date;
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlVideoElement;
use yew::prelude::*;

use crate::components::common::camera_panel::CameraPanel;
use crate::components::heat::layer::HeatLayer;
use crate::context::{App, use_app};
use crate::heat::Overlay;
use crate::hooks::use_camera::{use_camera, use_failure};
use crate::services::engine::{Answer, Judgement, Picture};
use crate::services::samples::camera;
use crate::state::camera::{CameraOwner, CameraPrefs};

/// Enough for every backbone's input.
const FRAME_PX: u32 = 320;
/// Answers whose rate is shown.
const RATE_OVER: usize = 12;
/// How long to wait for an engine that is being replaced.
const RETRY_MS: u32 = 500;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub prefs: CameraPrefs,
    /// There is something to ask.
    pub has_model: bool,
    /// Also ask where the model looks.
    pub heat: Option<HeatFor>,
    /// Where it looked, and that in words.
    pub overlay: Option<(Overlay, AttrValue)>,
    pub onanswer: Callback<Judgement>,
}

#[component]
pub fn TryCamera(props: &Props) -> Html {
    let app = use_app();
    let failed = use_failure(&app, CameraOwner::Try);
    let camera = use_camera(&props.prefs, failed);
    let rate = use_state_eq(|| None::<String>);
    // What is asked of the next frame; the frames go on when it changes.
    let heat = use_mut_ref(|| props.heat);
    *heat.borrow_mut() = props.heat;
    {
        let (video, onanswer) = (camera.video.clone(), props.onanswer.clone());
        let rate = rate.clone();
        let is_watching = camera.is_live && props.has_model;
        use_effect_with(
            (is_watching, props.prefs.is_mirrored()),
            move |&(is_watching, is_mirrored)| {
                let running = Rc::new(Cell::new(is_watching));
                if is_watching {
                    let running = running.clone();
                    spawn_local(async move {
                        if let Some(video) = video.cast::<HtmlVideoElement>() {
                            let show = |hz: f64| rate.set(Some(rate_text(hz)));
                            let heat = || *heat.borrow();
                            watch(&app, &video, is_mirrored, heat, &running, &onanswer, show).await;
                        }
                    });
                }
                move || running.set(false)
            },
        );
    }
    // The picture is cut to the square that the model sees and shown as it is classified, mirrored or not: the heat needs no turning.
    let overlay = html! {
        <>
            if let Some((overlay, label)) = props.overlay.clone().filter(|_| camera.is_live) {
                <HeatLayer {overlay} {label} />
            }
            if let Some(rate) = rate.as_ref().filter(|_| props.has_model) {
                <p class="frame-rate">{ rate }</p>
            }
        </>
    };
    html! { <CameraPanel {camera} prefs={props.prefs.clone()} {overlay} /> }
}

/// Always the newest picture, and the next one only when the answer to the last is there: nothing ever queues.
async fn watch(
    app: &App,
    video: &HtmlVideoElement,
    is_mirrored: bool,
    heat: impl Fn() -> Option<HeatFor>,
    running: &Cell<bool>,
    onanswer: &Callback<Judgement>,
    show: impl Fn(f64),
) {
    let Some(canvas) = camera::canvas() else {
        return;
    };
    let mut answered_at = VecDeque::new();
    loop {
        camera::next_picture(video).await;
        if !running.get() {
            return;
        }
        if camera::draw(video, &canvas, is_mirrored, FRAME_PX).is_none() {
            continue;
        }
        let Some(bitmap) = camera::bitmap(&canvas).await else {
            continue;
        };
        match app.engine.classify(Picture::Bitmap(bitmap), heat()).await {
            Answer::Judged(judgement) if running.get() => {
                onanswer.emit(judgement);
                answered_at.push_back(Date::now());
                if answered_at.len() > RATE_OVER {
                    answered_at.pop_front();
                }
                if let Some(hz) = rate(answered_at.make_contiguous()) {
                    show(hz);
                }
            }
            Answer::Judged(_) => return,
            Answer::Rejected(_) | Answer::NoEngine => TimeoutFuture::new(RETRY_MS).await,
        }
    }
}

/// Answers a second over the times given in milliseconds.
fn rate(times_ms: &[f64]) -> Option<f64> {
    let (first, last) = (times_ms.first()?, times_ms.last()?);
    let elapsed_s = (last - first) / 1000.0;
    (elapsed_s > 0.0).then(|| (times_ms.len() - 1) as f64 / elapsed_s)
}

fn rate_text(hz: f64) -> String {
    if hz >= 9.5 {
        format!("{hz:.0} pictures a second")
    } else {
        format!("{hz:.1} pictures a second")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_counts_the_gaps() {
        assert_eq!(rate(&[]), None);
        assert_eq!(rate(&[5.0]), None);
        assert_eq!(rate(&[0.0, 50.0, 100.0]), Some(20.0));
        assert_eq!(rate_text(24.3), "24 pictures a second");
        assert_eq!(rate_text(0.52), "0.5 pictures a second");
    }
}
