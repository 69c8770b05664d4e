//! What the backbone's stages make of an image, and which images excite a channel most.

use std::rc::Rc;

use burn::tensor::Tensor;
use headstart_backbones::{Backbone, StageInfo};
use headstart_project::{
    EngineError, Excited, Findings, Inside, InsideChannel, InsideStage, LookInside, SampleId,
    TrainError,
};
use headstart_training::{Host, Interrupted, pause};
use js_sys::Uint8Array;

use crate::browser::asked::Outcome;
use crate::inputs::pictures::{Image, Picture};
use crate::state::Shared;
use crate::work::backbone;
use crate::work::predicting::prepare;

/// Channels shown of each stage.
const SHOWN: usize = 8;
/// Feature maps are brought down to about this side for the display.
const SIDE: usize = 56;
/// Images found for a channel.
const FOUND: usize = 6;

/// Shows the strongest channels of each stage for an image.
pub async fn look_inside(shared: &Shared, image: Image) -> Outcome<LookInside> {
    let ready = shared.ready();
    let ready = ready.ok_or_else(|| EngineError::internal("no backbone"))?;
    let planes = prepare(&ready, image).await?;
    let values = backbone::run_own(shared, planes, all_stages).await?;
    let (mut stages, mut shown) = (Vec::new(), Vec::new());
    for (stage, maps) in by_stage(ready.backbone.stages(), &values) {
        let [channels, height, width] = stage.output;
        let mut strengths: Vec<(usize, f32)> = maps
            .chunks_exact(height * width)
            .map(spread)
            .enumerate()
            .collect();
        strengths.sort_by(|a, b| b.1.total_cmp(&a.1));
        strengths.truncate(SHOWN);
        let step = (width / SIDE).max(1);
        for &(channel, _) in &strengths {
            let map = &maps[channel * height * width..][..height * width];
            shown.extend(picture(map, width, step));
        }
        stages.push(InsideStage {
            name: stage.name,
            channels: channels as u32,
            side: height as u32,
            shown_side: (width / step) as u32,
            strongest: strengths
                .into_iter()
                .map(|(channel, strength)| InsideChannel {
                    channel: channel as u32,
                    strength,
                })
                .collect(),
        });
    }
    let maps = Uint8Array::from(shown.as_slice());
    Ok((Inside { stages }, vec![maps.into()]))
}

/// Finds the images that excite a channel most. The first time, every image goes through the backbone once more.
///
/// # Errors
/// When the host cancels or the device fails.
pub async fn excite(
    shared: &Shared,
    samples: &[SampleId],
    stage: u32,
    channel: u32,
    host: &impl Host,
) -> Result<Findings, Interrupted> {
    let ready = shared.ready();
    let ready = ready.ok_or_else(|| TrainError::internal("no backbone"))?;
    let stages = ready.backbone.stages();
    let before = stages.iter().take(stage as usize);
    let at = before.map(|stage| stage.output[0]).sum::<usize>() + channel as usize;
    let mut images = Vec::new();
    for (done, &id) in samples.iter().enumerate() {
        let known = shared.state.borrow().excitement.get(&id).cloned();
        let peaks = match known {
            Some(known) => known,
            None => {
                pause(host).await?;
                let Some(peaks) = peaks(shared, id).await? else {
                    continue;
                };
                shared
                    .state
                    .borrow_mut()
                    .excitement
                    .insert(id, peaks.clone());
                host.report_progress(done as u32 + 1, samples.len() as u32);
                peaks
            }
        };
        images.extend(peaks.get(at).map(|&peak| (id, peak)));
    }
    images.sort_by(|a, b| b.1.total_cmp(&a.1));
    images.truncate(FOUND);
    Ok(Findings::Excited(Excited {
        stage,
        channel,
        images: images.into_iter().map(|(id, _)| id).collect(),
    }))
}

/// The largest value of each channel of each stage; `None` for an image that is gone.
async fn peaks(shared: &Shared, id: SampleId) -> Result<Option<Rc<[f32]>>, Interrupted> {
    let (Some(file), Some(ready)) = (shared.file(id), shared.ready()) else {
        return Ok(None);
    };
    let Ok(picture) = Picture::decode(&file).await else {
        return Ok(None);
    };
    let pixels = picture.pixels().map_err(TrainError::internal)?;
    let planes = ready
        .backbone
        .prepare(&pixels)
        .map_err(TrainError::internal)?;
    let values = backbone::run_own(shared, planes, all_stages).await;
    let values = values.map_err(TrainError::internal)?;
    let mut peaks = Vec::new();
    for (stage, maps) in by_stage(ready.backbone.stages(), &values) {
        let [_, height, width] = stage.output;
        let maps = maps.chunks_exact(height * width);
        peaks.extend(maps.map(|map| map.iter().copied().fold(f32::NEG_INFINITY, f32::max)));
    }
    Ok(Some(peaks.into()))
}

/// The feature maps of all stages in a row: `[1, values]`.
fn all_stages(backbone: &Backbone, planes: Vec<f32>) -> Tensor<2> {
    let maps = backbone.stage_maps(planes).into_iter();
    Tensor::cat(maps.map(|map| map.flatten::<2>(1, 3)).collect(), 1)
}

/// Cuts what [`all_stages`] gives into the maps of each stage.
fn by_stage(stages: Vec<StageInfo>, values: &[f32]) -> impl Iterator<Item = (StageInfo, &[f32])> {
    let mut rest = values;
    stages.into_iter().map_while(move |stage| {
        let (maps, behind) = rest.split_at_checked(stage.output.iter().product())?;
        rest = behind;
        Some((stage, maps))
    })
}

/// Standard deviation over the places: how much more a channel answers to one place than to another.
fn spread(map: &[f32]) -> f32 {
    let count = map.len().max(1) as f32;
    let mean = map.iter().sum::<f32>() / count;
    (map.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / count).sqrt()
}

/// A map as grey values, its least value black and its greatest white; `step` × `step` places become one.
fn picture(map: &[f32], width: usize, step: usize) -> Vec<u8> {
    let side = width / step;
    let mut places = Vec::with_capacity(side * side);
    for row in 0..side {
        for column in 0..side {
            let rows = map.chunks_exact(width).skip(row * step).take(step);
            let block = rows.flat_map(|line| &line[column * step..][..step]);
            places.push(block.sum::<f32>() / (step * step) as f32);
        }
    }
    let least = places.iter().copied().fold(f32::INFINITY, f32::min);
    let most = places.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let scale = 255.0 / (most - least).max(f32::MIN_POSITIVE);
    let grey = places.iter().map(|value| ((value - least) * scale) as u8);
    grey.collect()
}
