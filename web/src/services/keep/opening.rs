//! Weights files that the user brings: opened by the engine, kept by the browser.

use headstart_project::{BackboneId, OpenWeights, Probe};
use wasm_bindgen_futures::spawn_local;
use web_sys::File;
use yew::Callback;

use super::weights;
use crate::context::App;
use crate::services::engine::{self, Unanswered};
use crate::state::Action;
use crate::state::backbones::KeptWeights;
use crate::state::storage::StoreError;
use crate::text;

/// Opens a weights file, keeps it, and uses it; `onproblem` hears why that is not possible.
pub fn open(app: &App, file: File, is_small: bool, keep_hidden: bool, onproblem: Callback<String>) {
    let question = OpenWeights {
        keep_hidden,
        is_small,
    };
    let name = file.name();
    let asked = app.engine.ask(question, &[file.into()]);
    let app = app.clone();
    spawn_local(async move {
        let opened = match asked.await {
            Ok((opened, attachments)) => engine::file(attachments).map(|file| (opened, file)),
            Err(error) => Err(error),
        };
        let (opened, file) = match opened {
            Ok(opened) => opened,
            Err(error) => return onproblem.emit(refusal(&name, &error.to_string())),
        };
        let kept = KeptWeights {
            choice: opened.backbone,
            name,
            bytes: file.size(),
            has_hidden: opened.has_hidden,
            in_8_bits: opened.in_8_bits,
        };
        let stored = match app.projects.store() {
            Some(store) => store.keep_weights(&kept, &file).await,
            None => Err(StoreError::Unavailable),
        };
        match stored {
            Ok(()) => {
                app.dispatch(Action::SetKeptWeights(weights::kept(&app).await));
                app.dispatch(Action::SetBackbone(kept.choice));
                app.dispatch(Action::SetPicker(false));
            }
            Err(error) => onproblem.emit(refusal(&kept.name, &error.to_string())),
        }
    });
}

/// Lets go of the file that the browser keeps of a backbone.
pub fn forget(app: &App, id: BackboneId) {
    let app = app.clone();
    spawn_local(async move {
        let Some(store) = app.projects.store() else {
            return;
        };
        match store.forget_weights(id).await {
            Ok(()) => {
                app.dispatch(Action::SetKeptWeights(weights::kept(&app).await));
                app.dispatch(Action::Tell(format!("The file of {} is gone.", id.title())));
            }
            Err(error) => app.dispatch(Action::Problem {
                title: format!("The file of {} is still here", id.title()),
                detail: text::sentence(&error.to_string()),
            }),
        }
    });
}

/// Has the backbone in use time itself.
pub fn probe(app: &App) {
    let asked = app.engine.ask(Probe {}, &[]);
    let app = app.clone();
    spawn_local(async move {
        match asked.await {
            Ok((probed, _)) => app.dispatch(Action::SetSpeed(probed.image_ms)),
            Err(Unanswered::Failed(reason)) => app.dispatch(Action::Problem {
                title: "The engine had a problem".into(),
                detail: text::sentence(&reason),
            }),
            // The next engine is asked again.
            Err(Unanswered::NoEngine) => {}
        }
    });
}

fn refusal(name: &str, reason: &str) -> String {
    format!(
        "{name} cannot be used. {} Nothing here was changed.",
        text::sentence(reason)
    )
}
