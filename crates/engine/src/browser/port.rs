//! The worker's end of the line to the page.

use headstart_project::{Command, EngineError, Event, Findings, JobId, TrainError};
use js_sys::Array;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent, PerformanceResourceTiming};

/// The worker's global object.
pub fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// Sends an event with its attachments.
pub fn post(event: &Event, attachments: &[JsValue]) {
    let sent = match headstart_wire::pack(event, attachments) {
        Ok(message) => scope().post_message(&message),
        Err(error) => Err(JsValue::from(error.to_string())),
    };
    if let Err(error) = sent {
        web_sys::console::error_2(&"an event could not be sent".into(), &error);
    }
}

/// Tells the page that something went wrong.
pub fn fail(reason: EngineError) {
    post(&Event::Failed { reason }, &[]);
}

/// Sends what an analysis has found.
pub fn post_findings(job: JobId, findings: &Findings, is_final: bool) {
    match headstart_wire::to_text(findings) {
        Ok(text) => post(&Event::Analysed { job, is_final }, &[text]),
        Err(error) => {
            let reason = TrainError::Internal {
                detail: error.to_string(),
            };
            post(&Event::AnalysisFailed { job, reason }, &[]);
        }
    }
}

/// Hands every command to `handle` from now on; a message that is none is handed over as its error's text.
pub fn listen(handle: impl Fn(Result<(Command, Vec<JsValue>), String>) + 'static) {
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| {
        handle(headstart_wire::unpack(message.data()).map_err(|error| error.to_string()));
    });
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    // The engine listens as long as the worker lives.
    on_message.forget();
}

/// What this worker has asked the network for: whole addresses, and the bytes that came.
pub fn requests() -> Vec<(String, f64)> {
    let entries = scope()
        .performance()
        .map_or_else(Array::new, |performance| {
            performance.get_entries_by_type("resource")
        });
    entries
        .iter()
        .filter_map(|entry| entry.dyn_into::<PerformanceResourceTiming>().ok())
        .map(|entry| (entry.name(), entry.transfer_size()))
        .collect()
}

/// Milliseconds since the worker started.
pub fn now_ms() -> f64 {
    scope()
        .performance()
        .map_or(0.0, |performance| performance.now())
}

/// A JavaScript error in words.
pub fn describe(error: &JsValue) -> String {
    error
        .dyn_ref::<js_sys::Error>()
        .map(|error| String::from(error.message()))
        .or_else(|| error.as_string())
        .unwrap_or_else(|| format!("{error:?}"))
}
