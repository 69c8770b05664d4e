//! The camera's picture with its picker, mirror and turn-around.

use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

use super::icon::{Icon, glyph};
use crate::context::use_app;
use crate::hooks::use_camera::Camera;
use crate::state::Action;
use crate::state::camera::{CameraPrefs, Facing};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub camera: Camera,
    pub prefs: CameraPrefs,
    /// Over the picture, e.g. a countdown.
    #[prop_or_default]
    pub overlay: Html,
    /// Below the picture.
    #[prop_or_default]
    pub children: Children,
}

#[component]
pub fn CameraPanel(props: &Props) -> Html {
    let app = use_app();
    let Props { camera, prefs, .. } = props;
    let is_mirrored = prefs.is_mirrored();
    let pick = {
        let prefs = prefs.clone();
        app.callback(move |event: Event| {
            let select: HtmlSelectElement = event.target_unchecked_into();
            Action::SetCameraPrefs(CameraPrefs {
                device_id: Some(select.value()),
                ..prefs.clone()
            })
        })
    };
    let mirror = {
        let prefs = prefs.clone();
        app.callback(move |event: Event| {
            let input: HtmlInputElement = event.target_unchecked_into();
            Action::SetCameraPrefs(CameraPrefs {
                mirror: Some(input.checked()),
                ..prefs.clone()
            })
        })
    };
    let turn = {
        let prefs = prefs.clone();
        app.callback(move |_: MouseEvent| {
            let facing = match prefs.facing {
                Facing::User => Facing::Environment,
                Facing::Environment => Facing::User,
            };
            Action::SetCameraPrefs(CameraPrefs {
                facing,
                device_id: None,
                ..prefs.clone()
            })
        })
    };
    html! {
        <div class="camera">
            <div class="camera-picture">
                <video
                    ref={camera.video.clone()}
                    class={classes!(is_mirrored.then_some("is-mirrored"))}
                    autoplay=true
                    playsinline=true
                    muted=true
                    aria-label="Camera preview"
                ></video>
                if !camera.is_live {
                    <p class="camera-wait">{ "Waiting for the camera. The browser may ask you to allow it." }</p>
                }
                { props.overlay.clone() }
            </div>
            { props.children.clone() }
            <div class="camera-options">
                <label class="option">
                    <span>{ "Camera" }</span>
                    <select onchange={pick}>
                        { for camera.devices.iter().map(|device| html! {
                            <option value={device.id.clone()} selected={camera.device_id.as_ref() == Some(&device.id)}>{ &device.label }</option>
                        }) }
                    </select>
                </label>
                <label class="option option-check">
                    <input type="checkbox" checked={is_mirrored} onchange={mirror} />
                    <span>{ "Mirror" }</span>
                </label>
                <button type="button" class="button button-quiet only-touch" onclick={turn}>
                    { glyph(Icon::Flip) }
                    { match prefs.facing { Facing::User => "Use rear camera", Facing::Environment => "Use front camera" } }
                </button>
            </div>
        </div>
    }
}
