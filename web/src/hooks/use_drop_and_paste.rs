//! Files dropped or pasted anywhere on the page.
//!
//! A drop on a class goes into that class, one elsewhere is imported by its folders.
//! A paste goes into the class that has the focus, or that was used last.
//! Try deals with its own drops and pastes and stops them from getting here.

use gloo_events::{EventListener, EventListenerOptions};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::{ClipboardEvent, Document, DragEvent, Element, Event};
use yew::prelude::*;

use crate::context::App;
use crate::services::samples::entries::{Dropped, files_of, has_files};
use crate::services::samples::intake;
use crate::state::Action;
use crate::state::project::ClassId;

/// Marks what the dragged files would fall into; the style sheet shows it.
const OVER: &str = "data-over";

/// Belongs into the root component.
#[hook]
pub fn use_drop_and_paste(app: &App) {
    let app = app.clone();
    use_effect_with((), move |()| {
        let listeners = web_sys::window()
            .and_then(|window| window.document())
            .map(|document| listen(&app, &document));
        move || drop(listeners)
    });
}

fn listen(app: &App, document: &Document) -> Vec<EventListener> {
    let on = |name: &'static str, handler: Box<dyn Fn(&Event)>| {
        let options = EventListenerOptions::enable_prevent_default();
        EventListener::new_with_options(document, name, options, move |event| handler(event))
    };
    let over_document = document.clone();
    let leave_document = document.clone();
    let (drop_app, paste_app) = (app.clone(), app.clone());
    vec![
        on(
            "dragover",
            Box::new(move |event| {
                let drag: &DragEvent = event.unchecked_ref();
                if let Some(transfer) = drag.data_transfer().filter(has_files) {
                    event.prevent_default();
                    transfer.set_drop_effect("copy");
                    mark(&over_document, zone(event).as_ref());
                }
            }),
        ),
        on(
            "dragleave",
            Box::new(move |event| {
                let drag: &DragEvent = event.unchecked_ref();
                if drag.related_target().is_none() {
                    mark(&leave_document, None);
                }
            }),
        ),
        on(
            "drop",
            Box::new(move |event| dropped(&drop_app, event.unchecked_ref())),
        ),
        on(
            "paste",
            Box::new(move |event| pasted(&paste_app, event.unchecked_ref())),
        ),
    ]
}

fn dropped(app: &App, event: &DragEvent) {
    clear_mark();
    let Some(transfer) = event.data_transfer().filter(has_files) else {
        return;
    };
    event.prevent_default();
    let class = zone(event).and_then(|zone| class_of(&zone));
    let dropped = Dropped::take(&transfer);
    let app = app.clone();
    spawn_local(async move {
        let files = dropped.read().await;
        match class {
            Some(class) => {
                let files = files.into_iter().map(|file| file.file).collect();
                intake::add_to_class(&app, class, files);
            }
            None => intake::import(&app, files),
        }
    });
}

fn pasted(app: &App, event: &ClipboardEvent) {
    let files = event
        .clipboard_data()
        .map_or_else(Vec::new, |data| files_of(&data));
    if files.is_empty() {
        return;
    }
    event.prevent_default();
    let state = app.state();
    let class = zone(event)
        .and_then(|zone| class_of(&zone))
        .or(state.last_class)
        .filter(|&id| state.project.class(id).is_some())
        .or_else(|| state.project.classes.first().map(|class| class.id));
    match class {
        Some(class) => intake::add_to_class(app, class, files),
        None => app.dispatch(Action::Problem {
            title: "There is no class to paste into".into(),
            detail: "Add a class first, then paste again.".into(),
        }),
    }
}

/// The part of the page that takes files and that the event is in.
fn zone(event: &Event) -> Option<Element> {
    let target: Element = event.target()?.dyn_into().ok()?;
    target.closest("[data-drop]").ok()?
}

fn class_of(zone: &Element) -> Option<ClassId> {
    zone.get_attribute("data-drop")?.parse().ok().map(ClassId)
}

/// Takes the mark away; also for parts of the page that deal with drops themselves.
pub fn clear_mark() {
    if let Some(document) = web_sys::window().and_then(|window| window.document()) {
        mark(&document, None);
    }
}

fn mark(document: &Document, zone: Option<&Element>) {
    let marked = document.query_selector(&format!("[{OVER}]")).ok().flatten();
    if marked.as_ref() == zone {
        return;
    }
    // Attributes of a valid name can always be set and removed.
    if let Some(marked) = marked {
        let _ = marked.remove_attribute(OVER);
    }
    if let Some(zone) = zone {
        let _ = zone.set_attribute(OVER, "");
    }
}
