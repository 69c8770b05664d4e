//! What a run needs beside the embeddings: varied copies of its images, and what the frozen part of the backbone makes of them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use headstart_backbones::Backbone;
use headstart_images::augment;
use headstart_project::{
    Activity, DeviceKind, EngineError, Event, Progress, Rejection, SampleId, TrainError,
    TrainRequest, Vary,
};
use headstart_training::{
    ClassImages, Copies, Deeper, Host, Interrupted, Trained, estimates, halves, pause, train_more,
};
use wasm_bindgen::JsValue;

use crate::browser::port;
use crate::device::Ready;
use crate::inputs::pictures::{self, Image, Picture};
use crate::remaining::Remaining;
use crate::state::{Key, Prepared, PreparedImage, Shared};
use crate::work::backbone::{self, MOST_BINDING_BYTES};

/// The most that is kept for fine-tuning. A page has 4 GB in all, and what it learns from is not the only thing in it.
const MOST_MB: u64 = 1_000;

/// Prepares a run and carries it out: the blocks on the device or, if that is lost, on the CPU; the head always on the CPU.
/// Returns the milliseconds of the training alone, too.
///
/// # Errors
/// As those of [`prepare_run`], and when training fails.
pub async fn learn(
    shared: &Shared,
    request: &TrainRequest,
    classes: &[ClassImages],
    prepared: &RefCell<Prepared>,
    host: &impl Host,
) -> Result<(Trained, f64), Interrupted> {
    loop {
        let (copies, deeper) = prepare_run(shared, request, prepared, host).await?;
        let ready = ready(shared)?;
        let (features, cpu) = (ready.backbone.features(), Device::flex());
        let is_gpu = deeper.is_some() && ready.chosen.info.kind == DeviceKind::Webgpu;
        let start_ms = port::now_ms();
        let training = train_more(
            classes,
            features,
            &copies,
            deeper,
            &request.settings,
            &cpu,
            host,
        );
        if !is_gpu {
            return Ok((training.await?, port::now_ms() - start_ms));
        }
        match ready.chosen.loss.or_lost(training).await {
            // A read fails before the browser reports the loss, and a graphics card that cannot be read is as good as lost.
            None | Some(Err(Interrupted::Failed(TrainError::Internal { .. }))) => {}
            Some(result) => return Ok((result?, port::now_ms() - start_ms)),
        }
        backbone::fall_back(shared, &ready).map_err(TrainError::internal)?;
    }
}

/// Makes what the run needs and `prepared` does not have yet, image by image.
/// Other work gets through in between, so two that prepare at the same time must not share it.
///
/// # Errors
/// When it would take too much memory, the host cancels, an image is gone, or the device fails.
async fn prepare_run(
    shared: &Shared,
    request: &TrainRequest,
    prepared: &RefCell<Prepared>,
    host: &impl Host,
) -> Result<(Copies, Option<Deeper>), Interrupted> {
    let settings = &request.settings;
    let key = Key::of(settings);
    let (unfrozen, copies) = (key.unfrozen as usize, key.augmentation.copies as usize);
    if prepared.borrow().key.as_ref() != Some(&key) {
        *prepared.borrow_mut() = Prepared {
            key: Some(key.clone()),
            images: HashMap::new(),
        };
    }
    if unfrozen == 0 && copies == 0 {
        return Ok((Copies::new(), None));
    }
    let parts = |test: bool| {
        let classes = request.classes.iter();
        let ids = classes.flat_map(move |class| if test { &class.test } else { &class.train });
        ids.copied()
    };
    let varied = parts(false).map(|id| (id, copies));
    let plain = parts(true).map(|id| (id, 0));
    let wanted: Vec<(SampleId, usize)> = if unfrozen > 0 {
        varied.chain(plain).collect()
    } else {
        varied.collect()
    };
    check_memory(
        shared,
        unfrozen,
        wanted.iter().map(|(_, copies)| copies + 1).sum(),
    )?;

    let mut remaining = Remaining::start(port::now_ms());
    let missing: Vec<_> = wanted
        .iter()
        .copied()
        .filter(|&(id, copies)| !prepared.borrow().has(id, unfrozen, copies))
        .collect();
    for (done, &(id, copies)) in missing.iter().enumerate() {
        let image = prepare_image(shared, id, copies, &key).await?;
        prepared.borrow_mut().images.insert(id, image);
        remaining.advance(1);
        let left = (missing.len() - done - 1) as u64;
        let progress = Progress {
            activity: Activity::Prepare,
            done: remaining.done(),
            total: missing.len() as u64,
            remaining_ms: remaining.estimate_ms(left, port::now_ms()),
        };
        port::post(&Event::Progress(progress), &[]);
        pause(host).await?;
    }
    gather_prepared(shared, &prepared.borrow(), &wanted, unfrozen)
}

fn check_memory(shared: &Shared, unfrozen: usize, rows: usize) -> Result<(), Interrupted> {
    let Some(ready) = shared.ready().filter(|_| unfrozen > 0) else {
        return Ok(());
    };
    let all = estimates(&ready.backbone);
    let each = all.get(unfrozen.min(all.len()) - 1);
    let need_mb = each.map_or(0, |each| each.bytes_per_image) * rows as u64 / 1_000_000;
    if need_mb > MOST_MB {
        return Err(Interrupted::Failed(TrainError::TooMuchMemory {
            need_mb: need_mb as u32,
            limit_mb: MOST_MB as u32,
        }));
    }
    Ok(())
}

async fn prepare_image(
    shared: &Shared,
    id: SampleId,
    copies: usize,
    key: &Key,
) -> Result<PreparedImage, Interrupted> {
    let (Some(file), Some(ready)) = (shared.file(id), shared.ready()) else {
        return Err(TrainError::NotEmbedded { count: 1 }.into());
    };
    let unfrozen = key.unfrozen as usize;
    let lost = |_| TrainError::NotEmbedded { count: 1 };
    let pixels = Picture::decode(&file).await.map_err(lost)?;
    let pixels = pixels.pixels().map_err(lost)?;
    // The image itself only where its embedding is not enough.
    let first = usize::from(unfrozen == 0);
    let mut planes = Vec::new();
    for copy in first..=copies {
        let side_px = ready.backbone.input_px();
        let varied = augment(
            &pixels,
            side_px,
            &key.augmentation,
            key.seed,
            id,
            copy as u32,
        );
        let prepared = varied.and_then(|varied| ready.backbone.prepare(&varied));
        planes.extend(prepared.map_err(TrainError::internal)?);
    }
    let rows = (copies + 1 - first).max(1);
    if unfrozen == 0 {
        let embeddings = run_in_pieces(shared, planes, rows, Backbone::embed).await;
        let embeddings = embeddings.map_err(TrainError::internal)?;
        return Ok(PreparedImage {
            activations: Vec::new(),
            copies: split(&embeddings, rows).map(Arc::from).collect(),
        });
    }
    let frozen = |backbone: &Backbone, planes| backbone.forward_frozen(planes, unfrozen);
    let boundary = run_in_pieces(shared, planes, rows, frozen).await;
    let boundary = boundary.map_err(TrainError::internal)?;
    let width = boundary.len() / rows;
    let of_copies = boundary.get(width..).unwrap_or_default().to_vec();
    let embeddings = if of_copies.is_empty() {
        Vec::new()
    } else {
        let embed = |backbone: &Backbone, rows| backbone.embed_boundary(rows, unfrozen);
        let embeddings = run_in_pieces(shared, of_copies, copies, embed).await;
        embeddings.map_err(TrainError::internal)?
    };
    Ok(PreparedImage {
        activations: split(&boundary, rows).map(halves).collect(),
        copies: split(&embeddings, copies).map(Arc::from).collect(),
    })
}

/// [`backbone::run`] for `count` rows, so many at a time as every graphics card bears.
async fn run_in_pieces<const D: usize>(
    shared: &Shared,
    rows: Vec<f32>,
    count: usize,
    compute: impl Fn(&Backbone, Vec<f32>) -> Tensor<D>,
) -> Result<Vec<f32>, EngineError> {
    let ready = ready(shared).map_err(EngineError::internal)?;
    let most = ready.backbone.most_images(MOST_BINDING_BYTES).max(1);
    let mut output = Vec::new();
    for piece in rows.chunks(most * (rows.len() / count.max(1)).max(1)) {
        output.extend(backbone::run(shared, piece.to_vec(), &compute).await?);
    }
    Ok(output)
}

fn gather_prepared(
    shared: &Shared,
    prepared: &Prepared,
    wanted: &[(SampleId, usize)],
    unfrozen: usize,
) -> Result<(Copies, Option<Deeper>), Interrupted> {
    let ready = ready(shared)?;
    let (mut copies, mut activations) = (Copies::new(), HashMap::new());
    for &(id, count) in wanted {
        let Some(image) = prepared.images.get(&id) else {
            return Err(TrainError::NotEmbedded { count: 1 }.into());
        };
        copies.insert(id, image.copies.iter().take(count).cloned().collect());
        let own = image.activations.iter().take(count + 1);
        activations.insert(id, own.cloned().collect());
    }
    let deeper = (unfrozen > 0).then(|| Deeper {
        tail: ready.backbone.tail(unfrozen),
        boundary: ready.backbone.boundary(unfrozen),
        activations,
        device: ready.chosen.device.clone(),
    });
    Ok((copies, deeper))
}

/// An image's varied copies as pictures.
///
/// # Errors
/// When the image cannot be used.
pub async fn vary(image: Image, side_px: u32, asked: &Vary) -> Result<Vec<JsValue>, Rejection> {
    let Vary {
        sample,
        augmentation,
        seed,
    } = asked;
    let pixels = Picture::open(image).await?.pixels()?;
    let mut copies = Vec::new();
    for copy in 1..=augmentation.copies {
        let Ok(varied) = augment(&pixels, side_px, augmentation, *seed, *sample, copy) else {
            continue;
        };
        if let Ok(blob) = pictures::encode(&varied).await {
            copies.push(blob.into());
        }
    }
    Ok(copies)
}

fn ready(shared: &Shared) -> Result<Rc<Ready>, TrainError> {
    let ready = shared.ready();
    ready.ok_or_else(|| TrainError::internal("no backbone"))
}

/// Cuts values into so many rows.
fn split(values: &[f32], rows: usize) -> impl Iterator<Item = &[f32]> {
    values.chunks_exact((values.len() / rows.max(1)).max(1))
}
