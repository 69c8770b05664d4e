//! The top of the page: the name, what goes on, and which device computes.

use yew::prelude::*;

use super::device_chip;
use crate::components::common::icon::{Icon, glyph, logo};
use crate::hooks::use_theme::use_theme;
use crate::hooks::use_throttled::use_throttled;
use crate::state::engine::EngineState;
use crate::state::status::Status;

/// The status line changes at most this often.
const STATUS_EVERY_MS: u32 = 400;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub status: Status,
    pub engine: EngineState,
}

#[component]
pub fn Header(props: &Props) -> Html {
    let (is_dark, toggle) = use_theme();
    let status = use_throttled(props.status.clone(), STATUS_EVERY_MS);
    let busy = status.share.map(|_| "is-busy");
    let width = status
        .share
        .map(|share| format!("--share: {:.3}", share.clamp(0.0, 1.0)));
    html! {
        <header class="masthead">
            <a class="skip" href="#main">{ "Skip to the content" }</a>
            <div class="brand">{ logo() }<span>{ "Headstart" }</span></div>
            <div class="status-line">
                <p role="status">{ &status.text }</p>
                <span class={classes!("status-bar", busy)} style={width} aria-hidden="true"></span>
            </div>
            <div class="masthead-end">
                { device_chip::view(&device_chip::Props { engine: props.engine.clone() }) }
                <button
                    type="button"
                    class="icon-button"
                    aria-label="Dark colours"
                    aria-pressed={if is_dark { "true" } else { "false" }}
                    onclick={toggle}
                >
                    { glyph(if is_dark { Icon::Sun } else { Icon::Moon }) }
                </button>
            </div>
        </header>
    }
}
