//! The camera's picture in a `video` element, for as long as the component that shows it is there.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo_events::EventListener;
use wasm_bindgen_futures::spawn_local;
use web_sys::{HtmlVideoElement, MediaStream};
use yew::prelude::*;

use crate::context::App;
use crate::services::samples::camera::{self, CameraDevice, CameraError};
use crate::state::Action;
use crate::state::camera::{CameraOwner, CameraPrefs};

/// What the hook gives to its component.
#[derive(Clone, PartialEq)]
pub struct Camera {
    /// For the `video` element.
    pub video: NodeRef,
    /// The picture is there.
    pub is_live: bool,
    /// The cameras to pick from.
    pub devices: Rc<Vec<CameraDevice>>,
    /// The one in use.
    pub device_id: Option<String>,
}

/// Opens the camera that `prefs` ask for and another one when they change. The old one is let go first.
/// `failed` is told when there is no picture, or no picture any more.
#[hook]
pub fn use_camera(prefs: &CameraPrefs, failed: Callback<CameraError>) -> Camera {
    let video = use_node_ref();
    let is_live = use_state_eq(|| false);
    let devices = use_state_eq(Rc::<Vec<CameraDevice>>::default);
    let device_id = use_state_eq(|| None::<String>);
    {
        let (video, is_live) = (video.clone(), is_live.clone());
        let (devices, device_id) = (devices.clone(), device_id.clone());
        let prefs = prefs.clone();
        let wanted = (prefs.device_id.clone(), prefs.facing);
        use_effect_with(wanted, move |_| {
            let session = Rc::new(Session::default());
            {
                let session = session.clone();
                let is_live = is_live.clone();
                spawn_local(async move {
                    let opened = camera::open(&prefs).await;
                    let stream = match opened {
                        Ok(stream) if session.is_over.get() => return camera::stop(&stream),
                        Ok(stream) => stream,
                        Err(_) if session.is_over.get() => return,
                        Err(error) => return failed.emit(error),
                    };
                    let track = camera::tracks(&stream).into_iter().next();
                    let id = track
                        .as_ref()
                        .and_then(|track| track.get_settings().get_device_id());
                    device_id.set(id);
                    if let Some(track) = track {
                        let failed = failed.clone();
                        let ended = EventListener::once(&track, "ended", move |_| {
                            failed.emit(CameraError::Ended);
                        });
                        session.listeners.borrow_mut().push(ended);
                    }
                    show(&video, &stream);
                    *session.stream.borrow_mut() = Some(stream);
                    is_live.set(true);
                    // The names are known only now that a camera may be used.
                    devices.set(Rc::new(camera::list().await));
                    if let (false, Some(all)) = (session.is_over.get(), camera::media_devices()) {
                        let changed = EventListener::new(&all, "devicechange", move |_| {
                            let devices = devices.clone();
                            spawn_local(async move { devices.set(Rc::new(camera::list().await)) });
                        });
                        session.listeners.borrow_mut().push(changed);
                    }
                });
            }
            move || {
                session.is_over.set(true);
                session.listeners.borrow_mut().clear();
                if let Some(stream) = session.stream.borrow_mut().take() {
                    camera::stop(&stream);
                }
                is_live.set(false);
            }
        });
    }
    Camera {
        video,
        is_live: *is_live,
        devices: (*devices).clone(),
        device_id: (*device_id).clone(),
    }
}

/// Tells what is wrong with the camera and closes it.
#[hook]
pub fn use_failure(app: &App, owner: CameraOwner) -> Callback<CameraError> {
    let app = app.clone();
    use_callback(owner, move |error: CameraError, &owner| {
        app.dispatch(Action::CloseCamera(owner));
        app.dispatch(Action::Problem {
            title: "No picture from the camera".into(),
            detail: error.to_string(),
        });
    })
}

/// One opening of the camera, which may be over before the browser has answered.
#[derive(Default)]
struct Session {
    is_over: Cell<bool>,
    stream: RefCell<Option<MediaStream>>,
    listeners: RefCell<Vec<EventListener>>,
}

fn show(video: &NodeRef, stream: &MediaStream) {
    let Some(video) = video.cast::<HtmlVideoElement>() else {
        return;
    };
    video.set_src_object(Some(stream));
    if let Ok(promise) = video.play() {
        spawn_local(async move {
            // Rejected when the camera is closed before the first picture, which is no error.
            let _ = wasm_bindgen_futures::JsFuture::from(promise).await;
        });
    }
}
