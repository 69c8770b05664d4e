//! What the services need of the parts of the page: code that comes with a part's file and is asked for when it is used.
//!
//! `parts.rs` beside this folder says what a part is; this is apart from it because services do not know components.

use std::pin::Pin;

use headstart_project::Findings;
use headstart_wire::from_text;
use wasm_bindgen::JsValue;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use crate::context::App;
use crate::state::saved::{Saved, Summary};

/// Reads what an analysis has found.
#[wasm_split(check, fallible)]
pub fn findings(text: JsValue) -> Result<Result<Findings, String>, SplitLoaderError> {
    Ok(from_text(&text).map_err(|error| error.to_string()))
}

/// A project that is being opened.
type Opening = Pin<Box<dyn Future<Output = ()>>>;

/// Opens a kept project. Reading one takes code that a first visit has no use for.
#[wasm_split(keep, fallible)]
pub fn open(app: App, project: Summary) -> Result<Opening, SplitLoaderError> {
    Ok(Box::pin(
        async move { app.projects.open(&app, project).await },
    ))
}

/// Reads a kept project's description; `None` when it cannot be read.
#[wasm_split(keep, fallible)]
pub fn read(description: String) -> Result<Option<Saved>, SplitLoaderError> {
    Ok(Saved::read(&description).ok())
}
