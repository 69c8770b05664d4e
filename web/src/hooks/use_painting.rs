//! Has a map drawn anew whenever what surrounds it changes: its size, the page's colours, the wish for less motion, the newest picture in Try.

use gloo_events::{EventListener, EventListenerOptions};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{
    Element, MediaQueryList, MutationObserver, MutationObserverInit, ResizeObserver, WheelEvent,
};
use yew::prelude::*;

use crate::context::App;
use crate::map::painter::Painter;

const REDUCED_MOTION: &str = "(prefers-reduced-motion: reduce)";
const DARK: &str = "(prefers-color-scheme: dark)";
/// Zoom for each pixel that a wheel turns.
const ZOOM_PER_PX: f64 = 0.0022;
/// Pixels that a line of text counts for, where a wheel counts in lines.
const LINE_PX: f64 = 20.0;

/// `canvas` must be in the page when the component has been rendered. `onlive` hears the class that the newest picture lies in, by its index.
#[hook]
pub fn use_painting(
    app: &App,
    canvas: &NodeRef,
    painter: &Painter,
    onlive: Callback<Option<usize>>,
) {
    let (live, canvas, painter) = (app.live.clone(), canvas.clone(), painter.clone());
    use_effect_with((), move |()| {
        let element = canvas.cast::<Element>();
        let listeners = element.as_ref().map(|element| {
            let mut listeners = vec![on_wheel(element, &painter)];
            listeners.extend(on_preferences(&painter));
            listeners
        });
        let observers = element.and_then(|element| observe(&element, &painter));
        let place = {
            let (painter, onlive) = (painter.clone(), onlive);
            Callback::from(move |place| {
                let class = painter.with(|scene| {
                    scene.live = place;
                    place.and_then(|place| scene.class_at(place))
                });
                onlive.emit(class);
                painter.request();
            })
        };
        place.emit(live.place());
        live.listen(Some(place));
        move || {
            live.listen(None);
            drop(listeners);
            if let Some((size, theme, _redraw)) = observers {
                size.disconnect();
                theme.disconnect();
            }
        }
    });
}

/// Zooms. Further out than the whole map there is nothing, so there the wheel scrolls the page as everywhere else.
fn on_wheel(element: &Element, painter: &Painter) -> EventListener {
    let painter = painter.clone();
    let options = EventListenerOptions::enable_prevent_default();
    EventListener::new_with_options(element, "wheel", options, move |event| {
        let wheel: &WheelEvent = event.unchecked_ref();
        let unit = match wheel.delta_mode() {
            WheelEvent::DOM_DELTA_PIXEL => 1.0,
            _ => LINE_PX,
        };
        let factor = (-wheel.delta_y() * unit * ZOOM_PER_PX).exp();
        let at = [f64::from(wheel.offset_x()), f64::from(wheel.offset_y())];
        if painter.with(|scene| scene.view.zoom_at(at, factor)) {
            event.prevent_default();
            painter.request();
        }
    })
}

fn on_preferences(painter: &Painter) -> Vec<EventListener> {
    let query = |query: &str| -> Option<MediaQueryList> {
        web_sys::window()?.match_media(query).ok().flatten()
    };
    let motion = query(REDUCED_MOTION).map(|list| {
        let still = {
            let (list, painter) = (list.clone(), painter.clone());
            move || {
                painter.with(|scene| scene.is_still = list.matches());
                painter.request();
            }
        };
        still();
        EventListener::new(&list, "change", move |_| still())
    });
    let dark = query(DARK).map(|list| {
        let painter = painter.clone();
        EventListener::new(&list, "change", move |_| painter.request())
    });
    motion.into_iter().chain(dark).collect()
}

/// Two observers, and what both call.
type Watching = (ResizeObserver, MutationObserver, Closure<dyn FnMut()>);

/// Watches the canvas' size, and the root's attributes, of which one chooses light or dark.
fn observe(element: &Element, painter: &Painter) -> Option<Watching> {
    let painter = painter.clone();
    let redraw = Closure::<dyn FnMut()>::new(move || painter.request());
    let size = ResizeObserver::new(redraw.as_ref().unchecked_ref()).ok()?;
    size.observe(element);
    let theme = MutationObserver::new(redraw.as_ref().unchecked_ref()).ok()?;
    let root = web_sys::window()?.document()?.document_element()?;
    let attributes = MutationObserverInit::new();
    attributes.set_attributes(true);
    theme.observe_with_options(&root, &attributes).ok()?;
    Some((size, theme, redraw))
}
