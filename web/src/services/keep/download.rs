//! Files that the page gives to the user.

use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, BlobPropertyBag, HtmlAnchorElement};

use crate::services::samples::media::ObjectUrl;

/// The address must outlive the click until the browser has begun to read.
const KEEP_URL_MS: u32 = 60_000;

/// Saves `text` as a file of this name and MIME type.
///
/// # Errors
/// With the browser's own error when it refuses.
pub fn text(name: &str, mime: &str, text: &str) -> Result<(), JsValue> {
    let options = BlobPropertyBag::new();
    options.set_type(mime);
    let parts = Array::of1(&JsValue::from_str(text));
    file(
        name,
        &Blob::new_with_str_sequence_and_options(&parts, &options)?,
    )
}

/// Saves a file under this name.
///
/// # Errors
/// With the browser's own error when it refuses.
pub fn file(name: &str, blob: &Blob) -> Result<(), JsValue> {
    let url = ObjectUrl::new(blob).ok_or(JsValue::NULL)?;
    let document = web_sys::window()
        .and_then(|window| window.document())
        .ok_or(JsValue::NULL)?;
    let link: HtmlAnchorElement = document.create_element("a")?.unchecked_into();
    link.set_href(&url.get());
    link.set_download(name);
    link.click();
    gloo_timers::callback::Timeout::new(KEEP_URL_MS, move || drop(url)).forget();
    Ok(())
}
