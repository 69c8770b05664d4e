//! The engine: a web worker that owns the device and carries out [`Command`](headstart_project::Command)s, answering with [`Event`]s.
//!
//! The worker's script, `web/public/engine.js`, picks one of the binaries and calls [`start`].
//! Everything runs on the worker's one thread; long work pauses between its steps, so that messages get through.

mod answering;
#[cfg(feature = "bench")]
mod bench;
mod browser;
mod device;
mod engine;
mod files;
mod inputs;
mod remaining;
mod schedule;
mod state;
mod work;

use headstart_project::{Event, Fallback};
use wasm_bindgen::prelude::*;

/// Starts the engine.
///
/// `fallback` says why the CPU is used although WebGPU would have been taken, as `Fallback` is written in JSON;
/// `adapter` is the WebGPU adapter's name, of which wgpu tells less than the browser.
#[wasm_bindgen]
pub fn start(fallback: Option<String>, adapter: Option<String>) {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.to_string();
        web_sys::console::error_1(&message.as_str().into());
        browser::port::post(&Event::Crashed { message }, &[]);
    }));
    let fallback = fallback.and_then(|name| match name.as_str() {
        "no_webgpu" => Some(Fallback::NoWebgpu),
        "no_engine" => Some(Fallback::NoEngine),
        "no_adapter" => Some(Fallback::NoAdapter),
        "software_adapter" => Some(Fallback::SoftwareAdapter),
        _ => None,
    });
    engine::run(fallback, adapter);
}
