//! Weights files that the user brings: opened by the engine, kept by the browser.

use headstart_project::BackboneId;
use wasm_bindgen_futures::spawn_local;
use web_sys::File;
use yew::Callback;

use super::weights;
use crate::context::App;
use crate::services::engine::Given;
use crate::state::Action;
use crate::state::backbones::KeptWeights;
use crate::text;

/// Opens a weights file, keeps it, and uses it; `onproblem` hears why that is not possible.
pub fn open(app: &App, file: File, is_small: bool, keep_hidden: bool, onproblem: Callback<String>) {
    let name = file.name();
    let ongiven = {
        let app = app.clone();
        Callback::from(move |given: Given| match given {
            Given::Weights {
                choice,
                has_hidden,
                in_8_bits,
                file,
            } => {
                let kept = KeptWeights {
                    choice,
                    name: name.clone(),
                    bytes: file.size(),
                    has_hidden,
                    in_8_bits,
                };
                let (app, onproblem) = (app.clone(), onproblem.clone());
                spawn_local(async move {
                    let stored = match app.projects.store() {
                        Some(store) => store.keep_weights(&kept, &file).await,
                        None => Err(super::store::StoreError::Unavailable),
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
            Given::Failed(reason) => onproblem.emit(refusal(&name, &reason)),
            _ => {}
        })
    };
    app.engine
        .open_weights(file.into(), is_small, keep_hidden, ongiven);
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
    let told = app.clone();
    app.engine.probe(Callback::from(move |given: Given| {
        if let Given::Speed(image_ms) = given {
            told.dispatch(Action::SetSpeed(image_ms));
        }
    }));
}

fn refusal(name: &str, reason: &str) -> String {
    format!(
        "{name} cannot be used. {} Nothing here was changed.",
        text::sentence(reason)
    )
}
