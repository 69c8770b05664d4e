//! Fetching the weights, with progress.

use std::io::Read;

use headstart_project::{Activity, EngineError, Event, Progress, WeightsPlace};
use js_sys::{Reflect, Uint8Array};
use sha2::{Digest, Sha256};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, ReadableStreamDefaultReader, Response};

use crate::browser::port::{self, describe};
use crate::files::blob::BlobReader;
use crate::remaining::Remaining;

/// Gets weights from where they are, and checks that their SHA-256 is `sha256` (hexadecimal).
///
/// # Errors
/// [`EngineError::WeightsMissing`] or [`EngineError::WeightsCorrupt`].
pub async fn weights(
    place: WeightsPlace,
    attached: Option<Blob>,
    sha256: &str,
) -> Result<Vec<u8>, EngineError> {
    let weights = match place {
        WeightsPlace::Site { url } => download(&url).await.map_err(|error| missing(&error)),
        WeightsPlace::Attached => read(attached),
    }?;
    if hexadecimal(&Sha256::digest(&weights)) == sha256 {
        Ok(weights)
    } else {
        Err(EngineError::WeightsCorrupt {
            detail: format!("{} bytes with the wrong checksum", weights.len()),
        })
    }
}

/// Reads weights that the page attached, piece by piece: large ones would not fit twice.
fn read(file: Option<Blob>) -> Result<Vec<u8>, EngineError> {
    let file = file.ok_or(JsValue::from("no file"));
    let mut reader = file
        .and_then(BlobReader::new)
        .map_err(|error| missing(&error))?;
    let mut weights = Vec::new();
    reader
        .read_to_end(&mut weights)
        .map_err(|error| missing(&JsValue::from(error.to_string())))?;
    Ok(weights)
}

fn missing(error: &JsValue) -> EngineError {
    EngineError::WeightsMissing {
        detail: describe(error),
    }
}

/// A digest as people write it.
pub fn hexadecimal(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Fetches a file of the site; a relative address begins beside the worker's script.
///
/// # Errors
/// With the browser's own error, or the status of an answer that is none.
pub async fn file(url: &str) -> Result<Vec<u8>, JsValue> {
    let response: Response = JsFuture::from(port::scope().fetch_with_str(url))
        .await?
        .dyn_into()?;
    if !response.ok() {
        return Err(JsValue::from(format!("HTTP status {}", response.status())));
    }
    let buffer = JsFuture::from(response.array_buffer()?).await?;
    Ok(Uint8Array::new(&buffer).to_vec())
}

async fn download(url: &str) -> Result<Vec<u8>, JsValue> {
    let response: Response = JsFuture::from(port::scope().fetch_with_str(url))
        .await?
        .dyn_into()?;
    if !response.ok() {
        return Err(JsValue::from(format!("HTTP status {}", response.status())));
    }
    // A compressed answer states its compressed length: then the total is only known at the end.
    let is_plain = response.headers().get("content-encoding")?.is_none();
    let total: u64 = response
        .headers()
        .get("content-length")?
        .filter(|_| is_plain)
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    let body = response.body().ok_or("the answer is empty")?;
    let reader: ReadableStreamDefaultReader = body.get_reader().dyn_into()?;
    let mut file = Vec::new();
    let mut remaining = Remaining::start(port::now_ms());
    loop {
        let chunk = JsFuture::from(reader.read()).await?;
        if Reflect::get(&chunk, &"done".into())?.is_truthy() {
            return Ok(file);
        }
        let bytes: Uint8Array = Reflect::get(&chunk, &"value".into())?.dyn_into()?;
        let start = file.len();
        file.resize(start + bytes.length() as usize, 0);
        bytes.copy_to(&mut file[start..]);
        let done = file.len() as u64;
        remaining.advance(u64::from(bytes.length()));
        let remaining_ms = total
            .checked_sub(done)
            .and_then(|left| remaining.estimate_ms(left, port::now_ms()));
        let progress = Progress {
            activity: Activity::LoadBackbone,
            done,
            total,
            remaining_ms,
        };
        port::post(&Event::Progress(progress), &[]);
    }
}
