//! Asks for saving whenever something changed that is kept, and at the last moment before the page goes away.

use gloo_events::EventListener;
use headstart_project::RunId;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::context::App;
use crate::state::State;
use crate::state::storage::Stage;

/// Belongs into the root component.
#[hook]
pub fn use_autosave(app: &App, state: &State) {
    {
        let app = app.clone();
        use_effect_with((), move |()| {
            crate::services::offline::start(&app);
            spawn_local(async move { app.projects.start(&app).await });
        });
    }
    let run: Option<RunId> = state
        .results
        .as_ref()
        .map(|results| results.plan.request.run);
    let kept = (
        state.title.clone(),
        state.project.clone(),
        state.undo.last().map(|step| step.label.clone()),
        state.settings.clone(),
        // Embeddings come without changing the state; their progress does.
        state.engine.embed.map(|progress| progress.done),
        (run, state.threshold, state.analyses.clone()),
    );
    {
        let app = app.clone();
        let is_editing = state.stage == Stage::Editing;
        use_effect_with((is_editing, kept), move |(is_editing, _)| {
            if *is_editing {
                app.autosave.ask(&app);
            }
        });
    }
    let app = app.clone();
    use_effect_with((), move |()| {
        let document = web_sys::window().and_then(|window| window.document());
        // A page that is put away may never run again, and on phones nothing else tells.
        let listener = document.map(|document| {
            EventListener::new(&document, "visibilitychange", move |_| {
                let app = app.clone();
                spawn_local(async move { app.autosave.save(&app).await });
            })
        });
        move || drop(listener)
    });
}
