//! The device that tensors live on, and noticing when it is lost.

mod loss;
#[cfg(feature = "webgpu")]
mod webgpu;

use std::rc::Rc;

use burn::tensor::Device;
use headstart_backbones::Backbone;
use headstart_project::{BackboneChoice, DeviceInfo, DeviceKind, DevicePreference, Fallback};

pub use self::loss::Loss;

/// A device with the backbone on it.
pub struct Ready {
    /// The device.
    pub chosen: Chosen,
    /// The backbone, as it was pretrained.
    pub backbone: Backbone,
    /// Which one it is.
    pub choice: BackboneChoice,
    /// Its weights file, for the CPU when the device is lost.
    pub weights: Rc<[u8]>,
    /// Time from the first byte asked for to ready.
    pub load_ms: f64,
}

/// A device that is ready for tensors.
#[derive(Clone)]
pub struct Chosen {
    /// burn's handle.
    pub device: Device,
    /// What the page shows.
    pub info: DeviceInfo,
    /// Ends when the device does.
    pub loss: Loss,
}

impl Chosen {
    /// The device that is wanted, unless `fallback` says why that is the CPU all the same.
    pub async fn of(
        wanted: DevicePreference,
        fallback: Option<Fallback>,
        adapter: Option<&str>,
    ) -> Self {
        if wanted == DevicePreference::Cpu {
            Self::cpu(None)
        } else if fallback.is_some() {
            Self::cpu(fallback)
        } else {
            Self::webgpu(adapter).await
        }
    }

    /// The CPU.
    pub fn cpu(fallback: Option<Fallback>) -> Self {
        let fused = if cfg!(feature = "relaxed-simd") {
            "relaxed SIMD"
        } else {
            "SIMD"
        };
        Self {
            device: Device::flex(),
            info: DeviceInfo {
                kind: DeviceKind::Cpu,
                adapter: format!("WebAssembly, one thread, 128-bit {fused}"),
                fallback,
            },
            loss: Loss::default(),
        }
    }

    /// WebGPU on the fastest adapter that the browser offers, or the CPU with the reason.
    #[cfg(feature = "webgpu")]
    pub async fn webgpu(adapter: Option<&str>) -> Self {
        match webgpu::request(adapter).await {
            Ok((device, info, loss)) => Self { device, info, loss },
            Err(fallback) => Self::cpu(Some(fallback)),
        }
    }

    /// This engine was built without WebGPU.
    #[cfg(not(feature = "webgpu"))]
    pub async fn webgpu(_adapter: Option<&str>) -> Self {
        Self::cpu(Some(Fallback::NoWebgpu))
    }
}
