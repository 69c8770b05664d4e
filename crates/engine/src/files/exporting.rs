//! The trained model in forms that other tools read.

use std::io::Cursor;

use headstart_export::{Bundle, Model, Program, bundle};
use headstart_project::{EngineError, ExportModel, ModelExport, ModelExported};
use js_sys::{Array, Uint8Array};
use wasm_bindgen::JsValue;
use web_sys::{Blob, BlobPropertyBag};

use crate::browser::asked::Outcome;
use crate::browser::port::describe;
use crate::files::fetch;
use crate::state::Shared;

/// What the classifier inside the exported page is made of, beside this worker's script.
const GLUE: &str = "classifier.js";
const WASM: &str = "classifier_bg.wasm";
const FONTS: [&str; 2] = [
    "fonts/figtree-latin-wght-normal.woff2",
    "fonts/bricolage-grotesque-latin-wght-normal.woff2",
];

/// Puts the newest model together as a zip of every form.
pub async fn export_model(shared: &Shared, export: &ModelExport) -> Outcome<ExportModel> {
    let zip = try_export(shared, export).await;
    let zip = zip.map_err(EngineError::internal)?;
    Ok((ModelExported {}, vec![zip.into()]))
}

async fn try_export(shared: &Shared, export: &ModelExport) -> Result<Blob, String> {
    let ready = shared.ready().ok_or("there is no pretrained model yet")?;
    let (model, tuned) = {
        let state = shared.state.borrow();
        (state.model().cloned(), state.tuned.clone())
    };
    let model = model.ok_or("nothing was trained yet")?;
    let words = |error: &dyn std::fmt::Display| error.to_string();
    let trained = model
        .to_safetensors()
        .await
        .map_err(|error| words(&error))?;
    let tuned = match tuned {
        Some(tuned) => Some(
            tuned
                .to_safetensors()
                .await
                .map_err(|error| words(&error))?,
        ),
        None => None,
    };
    let glue = String::from_utf8(part(GLUE).await?).map_err(|error| error.to_string())?;
    let wasm = part(WASM).await?;
    let fonts = [part(FONTS[0]).await?, part(FONTS[1]).await?];
    let run = serde_json::from_str(&export.record).map_err(|error| error.to_string())?;
    let zip = bundle(
        &Bundle {
            model: Model {
                backbone: ready.choice.id,
                weights: tuned.as_deref().unwrap_or(&ready.weights),
                trained: &trained,
                classes: &export.classes,
                threshold: export.threshold,
            },
            title: &export.title,
            run: &run,
            program: Some(Program {
                glue: &glue,
                wasm: &wasm,
                fonts: [&fonts[0], &fonts[1]],
            }),
        },
        Cursor::new(Vec::new()),
    );
    let zip = zip.map_err(|error| error.to_string())?.into_inner();
    let options = BlobPropertyBag::new();
    options.set_type("application/zip");
    let parts = Array::of1(&Uint8Array::from(zip.as_slice()));
    Blob::new_with_u8_array_sequence_and_options(&parts, &options)
        .map_err(|error: JsValue| describe(&error))
}

/// A file of the site, from beside this worker's script.
async fn part(name: &str) -> Result<Vec<u8>, String> {
    let file = fetch::file(name).await;
    file.map_err(|error| format!("{name}: {}", describe(&error)))
}
