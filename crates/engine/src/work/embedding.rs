//! Embedding the images that wait, a batch at a time.

use headstart_backbones::Backbone;
use headstart_images::look;
use headstart_project::{Activity, DeviceKind, Event, ImageLook, Progress, Rejection, SampleId};
use js_sys::Float32Array;
use web_sys::Blob;

use crate::browser::port;
use crate::engine::{Engine, fail};
use crate::inputs::pictures::Picture;
use crate::inputs::samples::Embedding;
use crate::remaining::Remaining;

/// On WebGPU, images are embedded in batches that take about this long.
const BATCH_MS: f64 = 150.0;
/// The largest batch; more gains nothing and costs memory.
const MOST_IN_BATCH: usize = 16;
/// The largest buffer that every WebGPU device lets a shader see.
pub const MOST_BINDING_BYTES: u64 = 128 << 20;

impl Engine {
    /// One batch from file to embedding.
    pub async fn embed(&self) {
        let Some(ready) = self.ready() else { return };
        let start_ms = port::now_ms();
        let is_gpu = ready.chosen.info.kind == DeviceKind::Webgpu;
        let batch = {
            let mut state = self.state.borrow_mut();
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
        let next: Vec<(SampleId, Blob, bool)> = {
            let state = self.state.borrow();
            let waiting = state.samples.next(batch);
            waiting
                .map(|waiting| (waiting.id, waiting.file.clone(), waiting.needs_thumbnail))
                .collect()
        };
        let mut planes = Vec::new();
        let mut looks = Vec::new();
        let count = next.len();
        for (id, file, needs_thumbnail) in next {
            match self
                .prepare(&ready.backbone, id, &file, needs_thumbnail)
                .await
            {
                Ok((prepared, look)) => {
                    planes.extend(prepared);
                    looks.push((id, look));
                }
                Err(reason) => {
                    if self.state.borrow_mut().samples.finish(id, None) {
                        port::post(&Event::SampleRejected { id, reason }, &[]);
                    }
                }
            }
        }
        if !looks.is_empty() {
            match self.run_backbone(planes, Backbone::embed).await {
                Ok(embeddings) => {
                    let elapsed_ms = (port::now_ms() - start_ms) / looks.len() as f64;
                    self.keep(&looks, &embeddings, elapsed_ms);
                    if is_gpu && elapsed_ms * batch as f64 * 2.0 < BATCH_MS {
                        self.state.borrow_mut().batch = batch * 2;
                    }
                }
                Err(reason) => {
                    // Without this the same images would fail for ever.
                    for &(id, _) in &looks {
                        self.state.borrow_mut().samples.finish(id, None);
                    }
                    fail(reason);
                }
            }
        }
        self.report_embedding(count as u64);
    }

    fn keep(&self, images: &[(SampleId, ImageLook)], embeddings: &[f32], elapsed_ms: f64) {
        let features = embeddings.len() / images.len();
        for (&(id, look), values) in images.iter().zip(embeddings.chunks_exact(features)) {
            let embedding = Embedding {
                values: values.into(),
                look: Some(look),
                elapsed_ms,
            };
            if self.state.borrow_mut().samples.finish(id, Some(embedding)) {
                let values = Float32Array::from(values);
                port::post(&Event::SampleEmbedded { id, look }, &[values.into()]);
            }
        }
    }

    fn report_embedding(&self, count: u64) {
        let mut state = self.state.borrow_mut();
        let left = state.samples.waiting() as u64;
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
        &self,
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
}
