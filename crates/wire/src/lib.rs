//! How a `Command` or an `Event` of `headstart-project` becomes a browser message, and back.
//!
//! A message is the array `[json, attachment, attachment, …]`.
//! The JSON is the plain data; attachments are browser objects (`Blob`, `ImageBitmap`, typed arrays) that are cloned by handle or transferred, never copied through JSON.

mod json;

use js_sys::Array;
pub use json::from_json;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use wasm_bindgen::{JsCast, JsValue};

/// Why a browser message is not one of ours.
#[derive(Debug, Error)]
pub enum WireError {
    /// Not an array that starts with a string.
    #[error("the message has no text")]
    Shape,
    /// The text is not a known command or event.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
}

/// Packs `message` and its attachments into one value for `postMessage`.
///
/// # Errors
/// When `message` has no JSON form.
pub fn pack(message: &impl Serialize, attachments: &[JsValue]) -> Result<Array, WireError> {
    let packed = Array::of1(&to_text(message)?);
    for attachment in attachments {
        packed.push(attachment);
    }
    Ok(packed)
}

/// Takes a received value apart into the message and its attachments.
///
/// # Errors
/// When the value was not made by [`pack`] with the same type.
pub fn unpack<T: DeserializeOwned>(value: JsValue) -> Result<(T, Vec<JsValue>), WireError> {
    let packed: Array = value.dyn_into().map_err(|_| WireError::Shape)?;
    let attachments = packed.iter().skip(1).collect();
    Ok((from_text(&packed.get(0))?, attachments))
}

/// Turns a value into an attachment that the receiver reads separately from the message.
///
/// # Errors
/// When `value` has no JSON form.
pub fn to_text(value: &impl Serialize) -> Result<JsValue, WireError> {
    Ok(serde_json::to_string(value)?.into())
}

/// Reads an attachment that [`to_text`] made.
///
/// # Errors
/// When the attachment was not made by [`to_text`] from the same type.
pub fn from_text<T: DeserializeOwned>(text: &JsValue) -> Result<T, WireError> {
    let text = text.as_string().ok_or(WireError::Shape)?;
    Ok(from_json(&text)?)
}
