//! The arrow keys within a grid of images.

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, KeyboardEvent};

/// The stops of the arrow keys.
pub const STOPS: &str = "[data-stop]";

/// The grid is one stop for Tab; within it the arrow keys move. Returns whether the key did.
pub fn move_focus(grid: &Element, event: &KeyboardEvent) -> bool {
    let Some(focused) = event
        .target()
        .and_then(|target| target.dyn_into::<Element>().ok())
    else {
        return false;
    };
    let Ok(stops) = grid.query_selector_all(STOPS) else {
        return false;
    };
    let stop = |at: u32| {
        stops
            .get(at)
            .and_then(|node| node.dyn_into::<HtmlElement>().ok())
    };
    let count = stops.length();
    let Some(at) = (0..count).find(|&at| stop(at).is_some_and(|stop| *stop == focused)) else {
        return false;
    };
    let columns = columns(&stop, count);
    let next = match event.key().as_str() {
        "ArrowRight" => at + 1,
        "ArrowLeft" => at.wrapping_sub(1),
        "ArrowDown" => at + columns,
        "ArrowUp" => at.wrapping_sub(columns),
        "Home" => 0,
        "End" => count - 1,
        _ => return false,
    };
    match stop(next.min(count)) {
        // Focusing an element that is on the page does not fail.
        Some(next) => next.focus().is_ok(),
        None => false,
    }
}

/// How many images stand side by side: those before the first one that stands lower.
fn columns(stop: &impl Fn(u32) -> Option<HtmlElement>, count: u32) -> u32 {
    let top = |at| stop(at).map(|stop: HtmlElement| stop.get_bounding_client_rect().top().round());
    let first = top(0);
    (1..count)
        .find(|&at| top(at) != first)
        .unwrap_or(count)
        .max(1)
}
