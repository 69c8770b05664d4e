//! Keeps an engine running on the device that is asked for, and tells it and the media store what changed.

use std::collections::HashSet;

use yew::prelude::*;

use crate::context::App;
use crate::state::{Action, State};

/// Belongs into the root component.
#[hook]
pub fn use_engine(app: &App, state: &State) {
    {
        let app = app.clone();
        let wanted = (state.engine.preference, state.backbones.choice.clone());
        use_effect_with(wanted, move |(preference, choice)| {
            if app.media.use_backbone(choice) {
                app.autosave.forget_embeddings();
            }
            app.dispatch(Action::EngineRestarted { reason: None });
            app.engine.start(&app, *preference);
        });
    }
    let run = state
        .run
        .as_ref()
        .map(|run| (run.plan.request.run, run.stop_requested));
    let jobs = state.analyses.jobs.iter();
    let jobs: Vec<_> = jobs.map(|job| (job.id, job.stop_requested)).collect();
    let app = app.clone();
    use_effect_with((state.project.membership, run, jobs), move |_| {
        let state = app.state();
        app.engine.sync(&app, &state);
        let kept: HashSet<_> = state.kept_samples().collect();
        app.media.keep(&kept, state.project.highest_sample);
    });
}
