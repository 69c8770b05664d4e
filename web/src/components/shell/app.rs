//! The root: the state, the effects that belong to the whole page, and its parts.

use headstart_project::DevicePreference;
use web_sys::UrlSearchParams;
use yew::prelude::*;

use super::footer;
use super::header::Header;
use super::notices::Notices;
use super::project_bar::ProjectBar;
use super::tour::Tour;
use super::undo::UndoToast;
use crate::components::backbones::dialog::BackboneDialog;
use crate::components::collect::Collect;
use crate::components::common::column_head;
use crate::components::common::icon::{Icon, glyph};
use crate::components::train::Train;
use crate::components::try_it::TryIt;
use crate::context::App as Context;
use crate::hooks::use_autosave::use_autosave;
use crate::hooks::use_drop_and_paste::use_drop_and_paste;
use crate::hooks::use_engine::use_engine;
use crate::hooks::use_shortcuts::use_shortcuts;
use crate::parts::{Loaded, Part, use_part};
use crate::services::tour;
use crate::state::camera::CameraOwner;
use crate::state::status::status;
use crate::state::storage::Stage;
use crate::state::{State, threshold};

#[component]
pub fn App() -> Html {
    let state = use_reducer(|| State::new(preference()));
    let app = use_memo((), |()| Context::new(state.clone()));
    use_engine(&app, &state);
    use_autosave(&app, &state);
    use_shortcuts(&app);
    use_drop_and_paste(&app);
    let check = use_part(Part::Check);
    let keep = use_part(Part::Keep);
    let backbones = use_part(Part::Backbones);

    html! {
        <ContextProvider<Context> context={(*app).clone()}>
            <Header status={status(&state)} engine={state.engine.clone()} />
            <main id="main" tabindex="-1">
                <div class="hero">
                    <h1>{ "Teach your computer to see" }</h1>
                    <p>{ "Show it a few examples, press Train, and watch it recognise new images." }</p>
                    <p class="privacy">{ glyph(Icon::Shield) }{ "Everything happens on this computer. No image ever leaves it." }</p>
                </div>
                if let Some(step) = state.tour {
                    <Tour {step} is_empty={state.project.is_empty()} />
                }
                { match &state.stage {
                    Stage::Opening => Html::default(),
                    Stage::Start(_) => html! {
                        <section class="projects" aria-label="Projects">{ keep.view(&state) }</section>
                    },
                    Stage::Elsewhere(_) => html! {
                        <section class="elsewhere" aria-label="Open in another tab">{ keep.view(&state) }</section>
                    },
                    Stage::Editing => editor(&state, &check, &keep),
                } }
            </main>
            { footer::view(&footer::Props { offline: state.offline, ontour: (state.stage == Stage::Editing).then(|| tour::begin(&app)) }) }
            <Notices notices={state.notices.clone()} phase={state.engine.phase.clone()} />
            <BackboneDialog is_open={state.picker}>{ backbones.view(&state) }</BackboneDialog>
            <UndoToast label={state.undo_label()} />
        </ContextProvider<Context>>
    }
}

fn editor(state: &State, check: &Loaded, keep: &Loaded) -> Html {
    html! {
        <>
            <ProjectBar title={state.title.clone()} saving={state.saving.clone()} />
            <div class="columns">
                <div class="column column-collect">
                    <Collect
                        project={state.project.clone()}
                        camera={state.camera}
                        camera_prefs={state.camera_prefs.clone()}
                    />
                </div>
                <div class="column column-train">
                    <Train
                        project={state.project.clone()}
                        settings={state.settings.clone()}
                        engine={state.engine.clone()}
                        backbones={state.backbones.clone()}
                        run={state.run.clone()}
                        results={state.results.clone()}
                    />
                </div>
                <div class="column column-try">
                    <TryIt
                        project={state.project.clone()}
                        plan={state.results.as_ref().map(|results| results.plan.clone())}
                        phase={state.engine.phase.clone()}
                        threshold={threshold::in_use(state.threshold, state.results.as_ref())}
                        has_camera={state.camera == Some(CameraOwner::Try)}
                        camera_prefs={state.camera_prefs.clone()}
                    />
                </div>
            </div>
            <section class="check" id="check" tabindex="-1" aria-label="Check">
                { column_head::view(&column_head::Props { step: "4".into(), title: "Check".into(), lead: "How good is it, where does it err, and what can you do about it?".into() }) }
                { check.view(state) }
            </section>
            <section class="keep" aria-label="Keep">{ keep.view(state) }</section>
        </>
    }
}

/// The device that the address asks for with `?device=cpu` or `?device=webgpu`.
fn preference() -> DevicePreference {
    let search = web_sys::window().and_then(|window| window.location().search().ok());
    let asked = search
        .and_then(|search| UrlSearchParams::new_with_str(&search).ok())
        .and_then(|search| search.get("device"));
    match asked.as_deref() {
        Some("cpu") => DevicePreference::Cpu,
        Some("webgpu") => DevicePreference::Webgpu,
        _ => DevicePreference::Auto,
    }
}
