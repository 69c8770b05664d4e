//! The backbone on its device: loading it, running it, and going over to the CPU when the device is lost.

use std::rc::Rc;

use burn::tensor::{Device, Tensor};
use headstart_backbones::Backbone;
use headstart_project::{BackboneInfo, DeviceKind, EngineError, Event, Fallback};
use headstart_training::{Tuned, estimates};
use web_sys::Blob;

use crate::browser::port;
use crate::device::{Chosen, Ready};
use crate::files::fetch;
use crate::schedule::Start;
use crate::state::Shared;

/// The largest buffer that every WebGPU device lets a shader see.
pub const MOST_BINDING_BYTES: u64 = 128 << 20;

/// Chooses a device and loads the backbone.
pub async fn start(shared: &Shared, start: Start<Blob>) {
    let start_ms = port::now_ms();
    let weights = fetch::weights(start.weights, start.attached, &start.choice.sha256).await;
    let weights: Rc<[u8]> = match weights {
        Ok(weights) => weights.into(),
        Err(reason) => return port::fail(reason),
    };
    let (fallback, adapter) = (shared.fallback.clone(), shared.adapter.as_deref());
    let chosen = Chosen::of(start.device, fallback, adapter).await;
    let backbone = match Backbone::load(start.choice.id, &weights, &chosen.device) {
        Ok(backbone) => backbone,
        Err(error) => {
            return port::fail(EngineError::WeightsCorrupt {
                detail: error.to_string(),
            });
        }
    };
    let load_ms = port::now_ms() - start_ms;
    let event = Event::Ready {
        device: chosen.info.clone(),
        backbone: BackboneInfo {
            choice: start.choice.clone(),
            features: backbone.features() as u32,
            parameters: backbone.parameters(),
            input_px: backbone.input_px(),
            load_ms,
        },
        unfreezing: estimates(&backbone),
    };
    shared.state.borrow_mut().set_ready(Ready {
        chosen,
        backbone,
        choice: start.choice,
        weights,
        load_ms,
    });
    port::post(&event, &[]);
}

/// Times one image, after another one that has everything made ready for it. Returns milliseconds.
///
/// # Errors
/// When the device fails, or there is no backbone.
pub async fn probe(shared: &Shared) -> Result<f64, EngineError> {
    let mut image_ms = 0.0;
    for _ in 0..2 {
        let side_px = ready(shared)?.backbone.input_px() as usize;
        let start_ms = port::now_ms();
        let planes = vec![0.5; 3 * side_px * side_px];
        run(shared, planes, Backbone::embed).await?;
        image_ms = port::now_ms() - start_ms;
    }
    Ok(image_ms)
}

/// Sends one batch through the backbone, on the device or, if that is lost, on the CPU. Returns what `compute` gives, row by row.
///
/// # Errors
/// When the device fails, or there is no backbone.
pub async fn run<const D: usize>(
    shared: &Shared,
    planes: Vec<f32>,
    compute: impl Fn(&Backbone, Vec<f32>) -> Tensor<D>,
) -> Result<Vec<f32>, EngineError> {
    loop {
        let ready = ready(shared)?;
        let loss = &ready.chosen.loss;
        if !loss.has_happened() {
            let output = compute(&ready.backbone, planes.clone());
            match loss.or_lost(output.into_data_async()).await {
                Some(Ok(data)) if !loss.has_happened() => return Ok(data.iter().collect()),
                Some(Err(error)) if ready.chosen.info.kind == DeviceKind::Cpu => {
                    return Err(EngineError::internal(error));
                }
                // A read fails before the browser reports the loss, and a graphics card that cannot be read is as good as lost.
                _ => {}
            }
        }
        fall_back(shared, &ready)?;
    }
}

/// [`run`] with the backbone that the newest model belongs to.
///
/// # Errors
/// As those of [`run`].
pub async fn run_own<const D: usize>(
    shared: &Shared,
    planes: Vec<f32>,
    compute: impl Fn(&Backbone, Vec<f32>) -> Tensor<D>,
) -> Result<Vec<f32>, EngineError> {
    let compute = |backbone: &Backbone, planes| {
        let tuned = shared.state.borrow().tuned.clone();
        compute(tuned.as_deref().unwrap_or(backbone), planes)
    };
    run(shared, planes, compute).await
}

/// Goes over to the CPU after the device was lost.
///
/// # Errors
/// When the weights or the model, which fitted once, do not fit again.
pub fn fall_back(shared: &Shared, lost: &Rc<Ready>) -> Result<(), EngineError> {
    // Tensors of a lost device must not be touched again, not even to free them.
    std::mem::forget(lost.clone());
    let chosen = Chosen::cpu(Some(Fallback::DeviceLost));
    let backbone = Backbone::load(lost.choice.id, &lost.weights, &chosen.device);
    let device = chosen.info.clone();
    let ready = Ready {
        chosen,
        backbone: backbone.map_err(EngineError::internal)?,
        choice: lost.choice.clone(),
        weights: lost.weights.clone(),
        load_ms: lost.load_ms,
    };
    shared.state.borrow_mut().set_ready(ready);
    port::post(&Event::DeviceChanged { device }, &[]);
    let (tuned, file) = {
        let mut state = shared.state.borrow_mut();
        (state.tuned.take(), state.model_file.clone())
    };
    if let (Some(tuned), Some(file)) = (tuned, file) {
        std::mem::forget(tuned);
        restore_model(shared, &file)?;
    }
    Ok(())
}

/// Makes this the newest model, and its file what is kept of it. Its blocks are on the device already.
pub fn use_model(shared: &Shared, tuned: Tuned, file: Rc<[u8]>) {
    let backbone = shared.ready().zip(tuned.tail);
    let backbone = backbone.map(|(ready, tail)| Rc::new(ready.backbone.with_tail(tail)));
    let mut state = shared.state.borrow_mut();
    state.set_model(tuned.model, backbone, file);
}

/// Makes what [`use_model`] kept the newest model again.
///
/// # Errors
/// When the file does not fit the backbone, or there is none.
pub fn restore_model(shared: &Shared, file: &[u8]) -> Result<(), EngineError> {
    let ready = ready(shared)?;
    let tuned = Tuned::from_safetensors(file, &ready.backbone, &Device::flex());
    use_model(shared, tuned.map_err(EngineError::internal)?, file.into());
    Ok(())
}

fn ready(shared: &Shared) -> Result<Rc<Ready>, EngineError> {
    let ready = shared.ready();
    ready.ok_or_else(|| EngineError::internal("no backbone"))
}
