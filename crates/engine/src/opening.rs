//! Other tools' weights files, brought into Headstart's form.

use headstart_backbones::{Conversion, Storage, recognise};
use headstart_checkpoint::{Checkpoint, Part};
use headstart_project::{Activity, BackboneChoice, Event, Progress, RequestId, WeightsProblem};
use js_sys::{Array, Uint8Array};
use sha2::{Digest, Sha256};
use wasm_bindgen::JsValue;
use web_sys::Blob;

use crate::{
    blob::BlobReader,
    fetch::hexadecimal,
    pause::Pause,
    port::{self, describe},
    remaining::Remaining,
};

/// Reads a weights file without running anything in it, and answers with the same weights in Headstart's form.
pub async fn open(request: RequestId, file: Blob, storage: Storage, keep_hidden: bool) {
    match try_open(file, storage, keep_hidden).await {
        Ok((backbone, has_hidden, weights)) => {
            let event = Event::WeightsOpened {
                request,
                backbone,
                has_hidden,
            };
            port::post(&event, &[weights.into()]);
        }
        Err(reason) => port::post(&Event::WeightsFailed { request, reason }, &[]),
    }
}

async fn try_open(
    file: Blob,
    storage: Storage,
    keep_hidden: bool,
) -> Result<(BackboneChoice, bool, Blob), WeightsProblem> {
    let reader = BlobReader::new(file).map_err(of_browser)?;
    let mut checkpoint = Checkpoint::open(reader).map_err(unreadable)?;
    let tensors = checkpoint.tensors();
    let Some((id, plan)) = recognise(tensors) else {
        let first = tensors.first().map(|tensor| tensor.name.clone());
        return Err(WeightsProblem::Unknown {
            tensors: tensors.len() as u32,
            first: first.unwrap_or_default(),
        });
    };
    let plan = plan.map_err(|mismatch| WeightsProblem::Mismatch {
        title: id.title().to_owned(),
        detail: mismatch.to_string(),
    })?;
    let keep_hidden = keep_hidden && id.card().hidden_features.is_some();
    let has_hidden = keep_hidden && plan.has(Part::Hidden);
    let mut conversion = Conversion::new(id, &mut checkpoint, &plan, storage, keep_hidden);
    let conversion = conversion.as_mut().map_err(unreadable)?;
    // The browser keeps what it is given outside of this worker's memory.
    let (parts, mut digest) = (Array::new(), Sha256::new());
    let pause = Pause::new();
    let mut remaining = Remaining::start(port::now_ms());
    while let Some(piece) = conversion.next().map_err(unreadable)? {
        digest.update(&piece);
        let bytes = Array::of1(&Uint8Array::from(piece.as_slice()));
        let part = Blob::new_with_u8_array_sequence(&bytes).map_err(of_browser)?;
        parts.push(&part);
        remaining.advance(piece.len() as u64);
        let (done, total) = conversion.progress();
        let progress = Progress {
            activity: Activity::OpenWeights,
            done,
            total,
            remaining_ms: remaining.estimate_ms(total.saturating_sub(done), port::now_ms()),
        };
        port::post(&Event::Progress(progress), &[]);
        pause.when_due().await;
    }
    let weights = Blob::new_with_blob_sequence(&parts).map_err(of_browser)?;
    let sha256 = hexadecimal(&digest.finalize());
    Ok((BackboneChoice { id, sha256 }, has_hidden, weights))
}

fn unreadable(error: impl std::fmt::Display) -> WeightsProblem {
    WeightsProblem::Unreadable {
        detail: error.to_string(),
    }
}

fn of_browser(error: JsValue) -> WeightsProblem {
    unreadable(describe(&error))
}
