//! The camera: opening, listing, stopping, and taking pictures.

use js_sys::{Array, Function, JSON, Promise, Reflect};
use thiserror::Error;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use web_sys::{
    Blob, CanvasRenderingContext2d, DomException, HtmlCanvasElement, HtmlVideoElement, ImageBitmap,
    MediaDeviceInfo, MediaDeviceKind, MediaDevices, MediaStream, MediaStreamConstraints,
    MediaStreamTrack,
};

use crate::state::camera::{CameraPrefs, Facing};

/// Recorded pictures are at most this wide and high.
pub const MAX_PX: u32 = 640;

/// Why there is no picture, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CameraError {
    #[error(
        "The camera may not be used on this page. Allow it in the browser’s address bar, then press Webcam again."
    )]
    Denied,
    #[error("No camera was found. Plug one in, or upload pictures instead.")]
    Absent,
    #[error(
        "The camera is in use by another program. Close that program, then press Webcam again."
    )]
    InUse,
    #[error(
        "Browsers give the camera only to pages with a secure address (https or localhost). Open the page under such an address, or upload pictures instead."
    )]
    Insecure,
    #[error(
        "The camera was unplugged or switched off. Plug it in, then press Webcam again. Pictures recorded so far are kept."
    )]
    Ended,
    #[error(
        "The camera could not be opened ({0}). Press Webcam again, or upload pictures instead."
    )]
    Other(String),
}

/// A camera that can be picked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraDevice {
    pub id: String,
    pub label: String,
}

/// Opens the camera that the user picked, or the one that faces the wanted way.
///
/// # Errors
/// With what to tell the user.
pub async fn open(prefs: &CameraPrefs) -> Result<MediaStream, CameraError> {
    let devices = media_devices().ok_or(CameraError::Insecure)?;
    let which = match (&prefs.device_id, prefs.facing) {
        (Some(id), _) => format!(
            r#""deviceId":{{"exact":{}}}"#,
            serde_json::to_string(id).unwrap_or_default()
        ),
        (None, Facing::User) => r#""facingMode":{"ideal":"user"}"#.to_owned(),
        (None, Facing::Environment) => r#""facingMode":{"ideal":"environment"}"#.to_owned(),
    };
    let constraints = format!(r#"{{"audio":false,"video":{{{which},"width":{{"ideal":1280}}}}}}"#);
    let constraints: MediaStreamConstraints = JSON::parse(&constraints)
        .map_err(|error| CameraError::from(&error))?
        .unchecked_into();
    let promise = devices
        .get_user_media_with_constraints(&constraints)
        .map_err(|error| CameraError::from(&error))?;
    let stream = JsFuture::from(promise)
        .await
        .map_err(|error| CameraError::from(&error))?;
    Ok(stream.unchecked_into())
}

impl From<&JsValue> for CameraError {
    fn from(error: &JsValue) -> Self {
        let Some(exception) = error.dyn_ref::<DomException>() else {
            return Self::Other(format!("{error:?}"));
        };
        match exception.name().as_str() {
            "NotAllowedError" | "SecurityError" => Self::Denied,
            "NotFoundError" | "OverconstrainedError" => Self::Absent,
            "NotReadableError" | "AbortError" => Self::InUse,
            name => Self::Other(name.to_owned()),
        }
    }
}

/// The cameras there are. Their names are known only after one was opened.
pub async fn list() -> Vec<CameraDevice> {
    let Some(promise) = media_devices().and_then(|devices| devices.enumerate_devices().ok()) else {
        return Vec::new();
    };
    let Ok(devices) = JsFuture::from(promise).await else {
        return Vec::new();
    };
    Array::from(&devices)
        .iter()
        .filter_map(|device| device.dyn_into::<MediaDeviceInfo>().ok())
        .filter(|device| device.kind() == MediaDeviceKind::Videoinput)
        .enumerate()
        .map(|(at, device)| CameraDevice {
            id: device.device_id(),
            label: match device.label() {
                label if label.is_empty() => format!("Camera {}", at + 1),
                label => label,
            },
        })
        .collect()
}

/// Absent in pages without a secure address.
pub fn media_devices() -> Option<MediaDevices> {
    let devices = web_sys::window()?.navigator().media_devices().ok()?;
    (!devices.is_undefined()).then_some(devices)
}

pub fn tracks(stream: &MediaStream) -> Vec<MediaStreamTrack> {
    let tracks = stream.get_video_tracks();
    tracks
        .iter()
        .filter_map(|track| track.dyn_into().ok())
        .collect()
}

pub fn stop(stream: &MediaStream) {
    tracks(stream).iter().for_each(MediaStreamTrack::stop);
}

/// Draws the middle square of the video, at most `max_px` wide. `None` while there is no picture.
pub fn draw(
    video: &HtmlVideoElement,
    canvas: &HtmlCanvasElement,
    is_mirrored: bool,
    max_px: u32,
) -> Option<()> {
    let (width, height) = (video.video_width(), video.video_height());
    let side = width.min(height);
    if side == 0 {
        return None;
    }
    let target = side.min(max_px);
    // Also clears the canvas and its transformation.
    canvas.set_width(target);
    canvas.set_height(target);
    let context: CanvasRenderingContext2d =
        canvas.get_context("2d").ok().flatten()?.dyn_into().ok()?;
    let target = f64::from(target);
    if is_mirrored {
        context.translate(target, 0.0).ok()?;
        context.scale(-1.0, 1.0).ok()?;
    }
    context
        .draw_image_with_html_video_element_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(
            video,
            f64::from(width - side) / 2.0,
            f64::from(height - side) / 2.0,
            f64::from(side),
            f64::from(side),
            0.0,
            0.0,
            target,
            target,
        )
        .ok()
}

/// A canvas that is not shown, for [`draw`].
pub fn canvas() -> Option<HtmlCanvasElement> {
    let document = web_sys::window()?.document()?;
    document.create_element("canvas").ok()?.dyn_into().ok()
}

/// The canvas as a JPEG file.
pub async fn jpeg(canvas: &HtmlCanvasElement) -> Option<Blob> {
    let promise = Promise::new(&mut |resolve: Function, reject: Function| {
        let done = Closure::once_into_js(move |blob: JsValue| {
            // A promise's own function does not throw.
            let _ = resolve.call1(&JsValue::NULL, &blob);
        });
        let quality = JsValue::from_f64(0.92);
        if let Err(error) = canvas.to_blob_with_type_and_encoder_options(
            done.unchecked_ref(),
            "image/jpeg",
            &quality,
        ) {
            let _ = reject.call1(&JsValue::NULL, &error);
        }
    });
    JsFuture::from(promise).await.ok()?.dyn_into().ok()
}

/// Waits until the video shows a new picture, or a second has passed without one.
pub async fn next_picture(video: &HtmlVideoElement) {
    let pictures = Promise::new(&mut |resolve: Function, _| {
        let done = Closure::once_into_js(move || {
            // A promise's own function does not throw.
            let _ = resolve.call0(&JsValue::NULL);
        });
        let request = Reflect::get(video, &JsValue::from_str("requestVideoFrameCallback"))
            .ok()
            .and_then(|request| request.dyn_into::<Function>().ok());
        let requested = match request {
            Some(request) => request.call1(video, &done).map(drop),
            // Browsers without it show a new picture at most once a frame.
            None => web_sys::window().map_or(Ok(()), |window| {
                window
                    .request_animation_frame(done.unchecked_ref())
                    .map(drop)
            }),
        };
        if let Err(error) = requested {
            web_sys::console::warn_1(&error);
        }
    });
    let a_second = future_to_promise(async {
        gloo_timers::future::TimeoutFuture::new(1000).await;
        Ok(JsValue::UNDEFINED)
    });
    // Neither is ever rejected.
    let _ = JsFuture::from(Promise::race(&Array::of2(&pictures, &a_second))).await;
}

/// The canvas' pixels, to be handed over to the engine.
pub async fn bitmap(canvas: &HtmlCanvasElement) -> Option<ImageBitmap> {
    let promise = web_sys::window()?
        .create_image_bitmap_with_html_canvas_element(canvas)
        .ok()?;
    JsFuture::from(promise).await.ok()?.dyn_into().ok()
}
