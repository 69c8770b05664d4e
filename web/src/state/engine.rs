//! What the page knows about the engine.

use std::rc::Rc;

use headstart_project::{
    BackboneInfo, DeviceInfo, DevicePreference, EngineError, Fallback, Progress, UnfreezeEstimate,
};
use serde::{Deserialize, Serialize};

/// What stage the engine is at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Its code is being fetched and compiled.
    #[default]
    Starting,
    /// It loads the backbone.
    Loading,
    /// It works.
    Ready,
    /// It answers, but cannot work.
    Failed(EngineError),
    /// It crashed too often in a short time, or its code could not be fetched; the user decides when to try again.
    GaveUp {
        /// Its last words.
        message: String,
    },
}

/// The engine as the page shows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EngineState {
    pub phase: Phase,
    /// What the user asked for.
    pub preference: DevicePreference,
    /// The device in use, once there is one.
    pub device: Option<DeviceInfo>,
    pub backbone: Option<BackboneInfo>,
    /// What unfreezing one, two, and more of its blocks means.
    pub unfreezing: Rc<[UnfreezeEstimate]>,
    /// Roughly how long the device takes to look at one image, if it has looked at any.
    pub image_ms: Option<f64>,
    /// Bytes of the backbone's file.
    pub load: Option<Progress>,
    /// Images that are waiting for their embedding.
    pub embed: Option<Progress>,
    /// Images that are being varied or run through the frozen blocks for a training run.
    pub prepare: Option<Progress>,
    /// Bytes of a weights file that is being opened.
    pub opening: Option<Progress>,
    /// Images of a file that is being written or opened.
    pub pack: Option<Progress>,
}

/// Why the device is not the one that was asked for, in words; `None` when that needs no words.
pub fn fallback_text(preference: DevicePreference, fallback: &Fallback) -> &'static str {
    match (fallback, preference) {
        (Fallback::NoWebgpu, _) => {
            "This browser cannot compute on the graphics card (it has no WebGPU), so the processor does the work."
        }
        (Fallback::NoEngine, _) => {
            "This copy of the page has no engine for graphics cards yet, so it computes on the processor."
        }
        (Fallback::NoAdapter, _) => {
            "This browser found no graphics card that it can compute on, so the processor does the work."
        }
        (Fallback::SoftwareAdapter, _) => {
            "There is no real graphics card here, only an imitation that is slower than the processor, so the processor does the work."
        }
        (Fallback::DeviceRefused, _) => {
            "The graphics card refused to start computing, so the processor does the work."
        }
        (Fallback::DeviceLost, DevicePreference::Webgpu) => {
            "The graphics card stopped answering, so the processor took over. Choose WebGPU again to try it once more."
        }
        (Fallback::DeviceLost, _) => {
            "The graphics card stopped answering, so the processor took over."
        }
    }
}
