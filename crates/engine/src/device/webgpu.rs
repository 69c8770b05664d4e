use burn::tensor::Device;
use burn::tensor::wgpu::WgpuSetup;
use headstart_project::{DeviceInfo, DeviceKind, Fallback};
use wgpu::{
    Backend, Backends, DeviceDescriptor, Instance, InstanceDescriptor, MemoryHints,
    PowerPreference, RequestAdapterOptions,
};

use super::loss::Loss;

/// A device, what the page shows of it, and its end; or why there is none.
pub async fn request(name: Option<&str>) -> Result<(Device, DeviceInfo, Loss), Fallback> {
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
    let info = DeviceInfo {
        kind: DeviceKind::Webgpu,
        adapter: name
            .filter(|name| !name.is_empty())
            .unwrap_or(&described)
            .to_owned(),
        fallback: None,
    };
    Ok((device, info, loss))
}
