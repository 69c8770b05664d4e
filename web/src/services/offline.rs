//! The service worker, which keeps the whole site in the browser: registering it, and changing over to a new version.

use std::cell::Cell;

use gloo_events::EventListener;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    ServiceWorker, ServiceWorkerContainer, ServiceWorkerRegistration, ServiceWorkerState,
};

use crate::context::App;
use crate::state::Action;
use crate::state::storage::Offline;

const SCRIPT: &str = "sw.js";

thread_local! {
    /// The user has asked for the new version: the page is loaded anew once that has taken over.
    static IS_CHANGING: Cell<bool> = const { Cell::new(false) };
}

/// Registers the service worker and follows what becomes of it. Where there is none, nothing happens.
pub fn start(app: &App) {
    let app = app.clone();
    spawn_local(async move {
        let Some(container) = container() else {
            return;
        };
        let was_controlled = container.controller().is_some();
        {
            let app = app.clone();
            // Also when another tab has changed over: two versions must not mix.
            EventListener::new(&container, "controllerchange", move |_| {
                if was_controlled || IS_CHANGING.get() {
                    let app = app.clone();
                    spawn_local(async move { app.projects.reload(&app).await });
                }
            })
            .forget();
        }
        let registering = JsFuture::from(container.register(SCRIPT)).await;
        let registration = registering.ok().and_then(|found| found.dyn_into().ok());
        let Some(registration): Option<ServiceWorkerRegistration> = registration else {
            // Without it the page works as well, only not without a network.
            return;
        };
        if registration.waiting().is_some() {
            app.dispatch(Action::SetOffline(Offline::NewVersion));
        } else if registration.active().is_some() {
            app.dispatch(Action::SetOffline(Offline::Ready));
        }
        let follow = {
            let (app, registration) = (app.clone(), registration.clone());
            move || {
                if let Some(worker) = registration.installing() {
                    follow(&app, worker, was_controlled);
                }
            }
        };
        follow();
        EventListener::new(&registration, "updatefound", move |_| follow()).forget();
    });
}

/// Tells when a version that is being installed is ready.
fn follow(app: &App, worker: ServiceWorker, was_controlled: bool) {
    let app = app.clone();
    let installing = worker.clone();
    EventListener::new(&worker, "statechange", move |_| {
        let offline = match installing.state() {
            ServiceWorkerState::Installed if was_controlled => Offline::NewVersion,
            ServiceWorkerState::Activated => Offline::Ready,
            _ => return,
        };
        app.dispatch(Action::SetOffline(offline));
    })
    .forget();
}

/// Changes over to the version that waits.
pub async fn change_over() {
    let Some(container) = container() else {
        return;
    };
    let registration = JsFuture::from(container.get_registration()).await;
    let registration = registration.ok().and_then(|found| found.dyn_into().ok());
    let waiting = registration.and_then(|found: ServiceWorkerRegistration| found.waiting());
    if let Some(waiting) = waiting {
        IS_CHANGING.set(true);
        // A text can always be sent.
        let _ = waiting.post_message(&JsValue::from_str("use"));
    }
}

/// There is none in private windows of some browsers and on pages without https.
fn container() -> Option<ServiceWorkerContainer> {
    let navigator = web_sys::window()?.navigator();
    let container = js_sys::Reflect::get(&navigator, &"serviceWorker".into()).ok()?;
    container.dyn_into().ok()
}
