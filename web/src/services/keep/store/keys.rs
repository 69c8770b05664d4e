//! Keys and values of the database.

use headstart_project::{BackboneChoice, ImageLook, SampleId};
use idb::KeyRange;
use js_sys::{Array, Float32Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::Blob;

use super::{KeptEmbedding, KeptFile};
use crate::state::backbones::KeptWeights;
use crate::state::saved::ProjectId;

/// `[project, sample]`.
pub fn of_sample(project: &ProjectId, sample: SampleId) -> JsValue {
    Array::of2(&JsValue::from_str(&project.0), &JsValue::from(sample.0)).into()
}

/// All keys that begin with the project: arrays are greater than numbers, so an empty one ends the range.
pub fn of_project(project: &ProjectId) -> Result<KeyRange, idb::Error> {
    let project = JsValue::from_str(&project.0);
    KeyRange::bound(
        &Array::of1(&project),
        &Array::of2(&project, &Array::new()),
        None,
        None,
    )
}

/// The sample of a key.
pub fn id_of(key: &JsValue) -> Option<SampleId> {
    let id = key.dyn_ref::<Array>()?.get(1).as_f64()?;
    Some(SampleId(id as u32))
}

/// The value of an image's file.
pub fn file_value(file: &KeptFile) -> JsValue {
    let fingerprint = serde_json::to_string(&file.fingerprint).unwrap_or_default();
    Array::of4(
        &file.file,
        &JsValue::from_str(&file.name),
        &JsValue::from_str(&file.class),
        &JsValue::from_str(&fingerprint),
    )
    .into()
}

/// What [`file_value`] wrote.
pub fn file(id: SampleId, value: &JsValue) -> Option<KeptFile> {
    let value = value.dyn_ref::<Array>()?;
    Some(KeptFile {
        id,
        file: value.get(0).dyn_into().ok()?,
        name: value.get(1).as_string()?.into(),
        class: value.get(2).as_string()?.into(),
        fingerprint: headstart_wire::from_json(&value.get(3).as_string()?).ok()?,
    })
}

/// An embedding with its look as text, since a number of JavaScript cannot hold 64 bits, and the checksum of the weights that made it.
pub fn embedding_value(kept: &KeptEmbedding) -> JsValue {
    let look = serde_json::to_string(&kept.look).unwrap_or_default();
    let look = JsValue::from_str(&look);
    let sha256 = JsValue::from_str(&kept.backbone.sha256);
    Array::of3(&kept.embedding, &look, &sha256).into()
}

/// What [`embedding_value`] wrote, if these weights made it. What has no checksum is older than the second backbone.
pub fn embedding(value: &JsValue, sha256: &str) -> Option<(Float32Array, ImageLook)> {
    let value = value.dyn_ref::<Array>()?;
    let made_by = value.get(2).as_string();
    let made_by = made_by.unwrap_or_else(|| BackboneChoice::default().sha256);
    if made_by != sha256 {
        return None;
    }
    let look = headstart_wire::from_json(&value.get(1).as_string()?).ok()?;
    Some((value.get(0).dyn_into().ok()?, look))
}

/// The value of a weights file.
pub fn weights_value(kept: &KeptWeights, file: &Blob) -> JsValue {
    let kept = serde_json::to_string(kept).unwrap_or_default();
    Array::of2(file, &JsValue::from_str(&kept)).into()
}

/// What [`weights_value`] wrote.
pub fn weights(value: &JsValue) -> Option<(KeptWeights, Blob)> {
    let value = value.dyn_ref::<Array>()?;
    let kept = headstart_wire::from_json(&value.get(1).as_string()?).ok()?;
    Some((kept, value.get(0).dyn_into().ok()?))
}
