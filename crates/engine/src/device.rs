//! The device that tensors live on, and noticing when it is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::Device;
use futures_util::task::AtomicWaker;
use headstart_project::{DeviceInfo, DeviceKind, Fallback};

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
            Ok(chosen) => chosen,
            Err(fallback) => Self::cpu(Some(fallback)),
        }
    }

    /// This engine was built without WebGPU.
    #[cfg(not(feature = "webgpu"))]
    pub async fn webgpu(_adapter: Option<&str>) -> Self {
        Self::cpu(Some(Fallback::NoWebgpu))
    }
}

/// Whether a device is lost. Clones share it.
#[derive(Clone, Default)]
pub struct Loss(Arc<(AtomicBool, AtomicWaker)>);

impl Loss {
    /// Notes the loss and wakes whoever waits for it.
    #[cfg_attr(not(feature = "webgpu"), expect(dead_code))]
    fn report(&self) {
        self.0.0.store(true, Ordering::Relaxed);
        self.0.1.wake();
    }

    /// Whether it has happened.
    pub fn has_happened(&self) -> bool {
        self.0.0.load(Ordering::Relaxed)
    }

    /// Has `waker` woken when it happens; only the last one is.
    pub fn wake(&self, waker: &std::task::Waker) {
        self.0.1.register(waker);
    }

    /// Ends when it happens.
    pub async fn happens(&self) {
        std::future::poll_fn(|context| {
            self.wake(context.waker());
            if self.has_happened() {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
    }
}

#[cfg(feature = "webgpu")]
mod webgpu {
    use burn::tensor::Device;
    use burn::tensor::wgpu::WgpuSetup;
    use headstart_project::{DeviceInfo, DeviceKind, Fallback};
    use wgpu::{
        Backend, Backends, DeviceDescriptor, Instance, InstanceDescriptor, MemoryHints,
        PowerPreference, RequestAdapterOptions,
    };

    use super::{Chosen, Loss};

    pub async fn request(name: Option<&str>) -> Result<Chosen, Fallback> {
        let mut descriptor = InstanceDescriptor::new_without_display_handle();
        descriptor.backends = Backends::BROWSER_WEBGPU;
        let instance = Instance::new(descriptor);
        let adapter = instance
            .request_adapter(&RequestAdapterOptions {
                power_preference: PowerPreference::HighPerformance,
                ..RequestAdapterOptions::default()
            })
            .await
            .map_err(|_| Fallback::NoAdapter)?;
        let described = adapter.get_info().name;
        // All that the adapter has: large images need large buffers and bindings.
        let (device, queue) = adapter
            .request_device(&DeviceDescriptor {
                label: Some("headstart"),
                required_features: adapter.features(),
                required_limits: adapter.limits(),
                memory_hints: MemoryHints::MemoryUsage,
                ..DeviceDescriptor::default()
            })
            .await
            .map_err(|_| Fallback::DeviceRefused)?;
        let loss = Loss::default();
        let reported = loss.clone();
        device.set_device_lost_callback(move |_reason, _message| reported.report());
        let setup = WgpuSetup {
            instance,
            adapter,
            device,
            queue,
            backend: Backend::BrowserWebGpu,
        };
        let device = Device::wgpu_options()
            .setup(setup)
            .init()
            .map_err(|_| Fallback::DeviceRefused)?;
        Ok(Chosen {
            device,
            info: DeviceInfo {
                kind: DeviceKind::Webgpu,
                adapter: name
                    .filter(|name| !name.is_empty())
                    .unwrap_or(&described)
                    .to_owned(),
                fallback: None,
            },
            loss,
        })
    }
}
