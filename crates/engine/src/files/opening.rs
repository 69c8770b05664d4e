//! Other tools' weights files, brought into Headstart's form.

use burn::tensor::Device;
use headstart_backbones::{Backbone, Conversion, Storage, recognise};
use headstart_checkpoint::{Checkpoint, Part, Plan};
use headstart_project::{
    Activity, BackboneChoice, BackboneId, Event, InEightBits, OpenWeights, Progress, WeightsOpened,
    WeightsProblem,
};
use js_sys::{Array, Uint8Array};
use sha2::{Digest, Sha256};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::Blob;

use crate::browser::asked::Outcome;
use crate::browser::pause::Pause;
use crate::browser::port::{self, describe};
use crate::files::blob::BlobReader;
use crate::files::fetch::hexadecimal;
use crate::inputs::pictures::Picture;
use crate::remaining::Remaining;
use crate::state::Shared;

/// Weights stay in 8 bits when the features' cosine to those of the opened file is at least this.
const LEAST_COSINE: f64 = 0.999;
/// Images that it is measured with.
const IMAGES: usize = 3;

/// Reads a weights file without running anything in it, and answers with the same weights in Headstart's form.
pub async fn open_weights(
    shared: &Shared,
    asked: &OpenWeights,
    file: Blob,
) -> Outcome<OpenWeights> {
    let images = shared.state.borrow().schedule.samples.first_files(IMAGES);
    let (opened, weights) = open(file, asked.is_small, asked.keep_hidden, &images).await?;
    Ok((opened, vec![weights.into()]))
}

async fn open(
    file: Blob,
    is_small: bool,
    keep_hidden: bool,
    images: &[Blob],
) -> Result<(WeightsOpened, Blob), WeightsProblem> {
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
    let mut converted = None;
    let mut in_8_bits = None;
    if is_small {
        let small = convert(id, &mut checkpoint, &plan, Storage::Int8, keep_hidden).await?;
        let exact = Backbone::open(id, &mut checkpoint, &plan, keep_hidden, &Device::flex());
        let exact = features(exact.map_err(unreadable)?, images).await?;
        let bytes = JsFuture::from(small.1.array_buffer()).await;
        let bytes = Uint8Array::new(&bytes.map_err(of_browser)?).to_vec();
        let rounded = Backbone::load(id, &bytes, &Device::flex()).map_err(unreadable)?;
        drop(bytes);
        let rounded = features(rounded, images).await?;
        let cosines = exact.iter().zip(&rounded).map(|(a, b)| cosine(a, b));
        let cosine = cosines.fold(1.0, f64::min);
        let is_used = cosine >= LEAST_COSINE;
        in_8_bits = Some(InEightBits { cosine, is_used });
        converted = Some(small).filter(|_| is_used);
    }
    let (sha256, weights) = match converted {
        Some(small) => small,
        None => convert(id, &mut checkpoint, &plan, Storage::F16, keep_hidden).await?,
    };
    let opened = WeightsOpened {
        backbone: BackboneChoice { id, sha256 },
        has_hidden,
        in_8_bits,
    };
    Ok((opened, weights))
}

/// The weights in Headstart's form, and their checksum.
async fn convert(
    id: BackboneId,
    checkpoint: &mut Checkpoint<BlobReader>,
    plan: &Plan,
    storage: Storage,
    keep_hidden: bool,
) -> Result<(String, Blob), WeightsProblem> {
    let mut conversion = Conversion::new(id, checkpoint, plan, storage, keep_hidden);
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
    Ok((hexadecimal(&digest.finalize()), weights))
}

/// The features of images, or of a made-up picture where there are none.
async fn features(backbone: Backbone, images: &[Blob]) -> Result<Vec<Vec<f32>>, WeightsProblem> {
    let pause = Pause::new();
    let mut all_planes = Vec::new();
    for image in images {
        // An image that cannot be read is named elsewhere.
        if let Ok(picture) = Picture::decode(image).await
            && let Ok(pixels) = picture.pixels()
        {
            all_planes.push(backbone.prepare(&pixels).map_err(unreadable)?);
        }
    }
    if all_planes.is_empty() {
        all_planes.push(waves(backbone.input_px() as usize));
    }
    let mut features = Vec::new();
    for planes in all_planes {
        let embedding = backbone.embed(planes).into_data_async().await;
        features.push(embedding.map_err(unreadable)?.iter().collect());
        pause.when_due().await;
    }
    Ok(features)
}

/// A normalised picture of waves of many lengths, `[3, side, side]`.
fn waves(side: usize) -> Vec<f32> {
    let value = |at: usize| {
        let (channel, y, x) = (at / side / side, at / side % side, at % side);
        let [channel, y, x] = [channel, y, x].map(|it| it as f32);
        ((channel + 2.0) * x / 7.0).sin() + (y * x / 99.0).cos()
    };
    (0..3 * side * side).map(value).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        let products = a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b));
        products.sum()
    };
    let norms = (dot(a, a) * dot(b, b)).sqrt();
    if norms > 0.0 { dot(a, b) / norms } else { 0.0 }
}

fn unreadable(error: impl std::fmt::Display) -> WeightsProblem {
    WeightsProblem::Unreadable {
        detail: error.to_string(),
    }
}

fn of_browser(error: JsValue) -> WeightsProblem {
    unreadable(describe(&error))
}
