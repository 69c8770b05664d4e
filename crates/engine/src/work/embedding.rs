//! Embedding the images that wait, a batch at a time.

use headstart_backbones::Backbone;
use headstart_images::look;
use headstart_project::{Activity, DeviceKind, Event, ImageLook, Progress, Rejection, SampleId};
use js_sys::Float32Array;
use web_sys::Blob;

use crate::browser::port;
use crate::inputs::pictures::Picture;
use crate::inputs::samples::{Embedding, Ticket, Waiting};
use crate::remaining::Remaining;
use crate::state::Shared;
use crate::work::backbone::{self, MOST_BINDING_BYTES};

/// On WebGPU, images are embedded in batches that take about this long.
const BATCH_MS: f64 = 150.0;
/// The largest batch; more gains nothing and costs memory.
const MOST_IN_BATCH: usize = 16;

/// One batch from file to embedding.
pub async fn embed(shared: &Shared) {
    let Some(ready) = shared.ready() else { return };
    let start_ms = port::now_ms();
    let is_gpu = ready.chosen.info.kind == DeviceKind::Webgpu;
    let batch = {
        let mut state = shared.state.borrow_mut();
        state
            .embedding
            .get_or_insert_with(|| Remaining::start(start_ms));
        if is_gpu {
            let most = ready.backbone.most_images(MOST_BINDING_BYTES);
            state.batch.clamp(1, most.clamp(1, MOST_IN_BATCH))
        } else {
            1
        }
    };
    let next = shared.state.borrow().schedule.samples.next(batch);
    let mut planes = Vec::new();
    let mut looks = Vec::new();
    let count = next.len();
    for Waiting {
        ticket,
        file,
        needs_thumbnail,
    } in next
    {
        let id = ticket.id;
        match prepare(&ready.backbone, id, &file, needs_thumbnail).await {
            Ok((prepared, look)) => {
                planes.extend(prepared);
                looks.push((ticket, look));
            }
            Err(reason) => {
                if finish(shared, ticket, None) {
                    port::post(&Event::SampleRejected { id, reason }, &[]);
                }
            }
        }
    }
    if !looks.is_empty() {
        match backbone::run(shared, planes, Backbone::embed).await {
            Ok(embeddings) => {
                let elapsed_ms = (port::now_ms() - start_ms) / looks.len() as f64;
                keep(shared, &looks, &embeddings, elapsed_ms);
                if is_gpu && elapsed_ms * batch as f64 * 2.0 < BATCH_MS {
                    shared.state.borrow_mut().batch = batch * 2;
                }
            }
            Err(reason) => {
                // Without this the same images would fail for ever.
                for &(ticket, _) in &looks {
                    finish(shared, ticket, None);
                }
                port::fail(reason);
            }
        }
    }
    report_embedding(shared, count as u64);
}

fn keep(shared: &Shared, images: &[(Ticket, ImageLook)], embeddings: &[f32], elapsed_ms: f64) {
    let features = embeddings.len() / images.len();
    for (&(ticket, look), values) in images.iter().zip(embeddings.chunks_exact(features)) {
        let embedding = Embedding {
            values: values.into(),
            look: Some(look),
            elapsed_ms,
        };
        if finish(shared, ticket, Some(embedding)) {
            let (id, values) = (ticket.id, Float32Array::from(values));
            port::post(&Event::SampleEmbedded { id, look }, &[values.into()]);
        }
    }
}

fn finish(shared: &Shared, ticket: Ticket, embedding: Option<Embedding>) -> bool {
    let samples = &mut shared.state.borrow_mut().schedule.samples;
    samples.finish(ticket, embedding)
}

fn report_embedding(shared: &Shared, count: u64) {
    let mut state = shared.state.borrow_mut();
    let left = state.schedule.samples.waiting() as u64;
    let Some(remaining) = &mut state.embedding else {
        return;
    };
    remaining.advance(count);
    let progress = Progress {
        activity: Activity::Embed,
        done: remaining.done(),
        total: remaining.done() + left,
        remaining_ms: remaining.estimate_ms(left, port::now_ms()),
    };
    if left == 0 {
        state.embedding = None;
    }
    port::post(&Event::Progress(progress), &[]);
}

/// Decodes an image, sends its thumbnail, and brings it into the backbone's form.
async fn prepare(
    backbone: &Backbone,
    id: SampleId,
    file: &Blob,
    needs_thumbnail: bool,
) -> Result<(Vec<f32>, ImageLook), Rejection> {
    let picture = Picture::decode(file).await?;
    if needs_thumbnail {
        // Without a thumbnail the page goes on showing the file itself.
        match picture.thumbnail().await {
            Ok(thumbnail) => {
                let event = Event::SampleDecoded {
                    id,
                    width_px: picture.width_px(),
                    height_px: picture.height_px(),
                };
                port::post(&event, &[thumbnail.into()]);
            }
            Err(error) => web_sys::console::warn_2(&"no thumbnail".into(), &error),
        }
    }
    let pixels = picture.pixels()?;
    let planes = backbone.prepare(&pixels);
    Ok((planes.map_err(|_| Rejection::Damaged)?, look(&pixels)))
}
