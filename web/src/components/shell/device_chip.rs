//! Which device computes, and why it is that one.

use headstart_project::DeviceKind;
use yew::prelude::*;

use crate::state::engine::{EngineState, Phase, fallback_text};

pub struct Props {
    pub engine: EngineState,
}

pub fn view(props: &Props) -> Html {
    let engine = &props.engine;
    let Some(device) = engine
        .device
        .as_ref()
        .filter(|_| engine.phase == Phase::Ready)
    else {
        let text = match engine.phase {
            Phase::Failed(_) | Phase::GaveUp { .. } => "Engine not running",
            _ => "Engine loading",
        };
        return html! { <span class="chip chip-waiting">{ text }</span> };
    };
    let name = match device.kind {
        DeviceKind::Cpu => "CPU".to_owned(),
        DeviceKind::Webgpu if device.adapter.is_empty() => "WebGPU".to_owned(),
        DeviceKind::Webgpu => format!("WebGPU · {}", device.adapter),
    };
    let text = html! { <span><span class="chip-lead">{ "Computing on: " }</span>{ name }</span> };
    match &device.fallback {
        None => {
            html! { <span class="chip chip-ready" title={device.adapter.clone()}>{ text }</span> }
        }
        Some(fallback) => html! {
            <>
                <button type="button" class="chip chip-ready chip-more" popovertarget="why-this-device">{ text }</button>
                <span id="why-this-device" popover="auto" class="meaning" role="note">
                    <strong>{ "Why the CPU?" }</strong>
                    <span>{ fallback_text(engine.preference, fallback) }</span>
                    <span>{ "It works just as well, only training and recognising may take a little longer." }</span>
                </span>
            </>
        },
    }
}
