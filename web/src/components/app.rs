//! The root: the state, the effects that belong to the whole page, and its parts.

use headstart_project::DevicePreference;
use wasm_bindgen_futures::spawn_local;
use web_sys::UrlSearchParams;
use yew::prelude::*;

use super::check::Check;
use super::collect::Collect;
use super::footer;
use super::header::Header;
use super::icon::{Icon, glyph};
use super::keep::Keep;
use super::notices::Notices;
use super::project_bar::ProjectBar;
use super::project_list::ProjectList;
use super::tour::{self, Tour};
use super::train::Train;
use super::try_it::TryIt;
use super::undo_toast::UndoToast;
use crate::context::{App as Context, use_app};
use crate::hooks::use_autosave::use_autosave;
use crate::hooks::use_drop_and_paste::use_drop_and_paste;
use crate::hooks::use_engine::use_engine;
use crate::hooks::use_shortcuts::use_shortcuts;
use crate::state::State;
use crate::state::camera::CameraOwner;
use crate::state::saved::Summary;
use crate::state::status::status;
use crate::state::storage::Stage;
use crate::state::threshold;

#[component]
pub fn App() -> Html {
    let state = use_reducer(|| State::new(preference()));
    let app = use_memo((), |()| Context::new(state.clone()));
    use_engine(&app, &state);
    use_autosave(&app, &state);
    use_shortcuts(&app);
    use_drop_and_paste(&app);

    let undo = state.undo.last().filter(|_| !state.undo_hidden);
    let undo = undo.map(|step| AttrValue::from(step.label.clone()));
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
                    Stage::Start(projects) => html! { <ProjectList projects={projects.clone()} /> },
                    Stage::Elsewhere(project) => html! { <Elsewhere project={(**project).clone()} /> },
                    Stage::Editing => editor(&state, undo.clone()),
                } }
            </main>
            { footer::view(&footer::Props { offline: state.offline, ontour: (state.stage == Stage::Editing).then(|| tour::begin(&app)) }) }
            <Notices notices={state.notices.clone()} phase={state.engine.phase.clone()} />
            <UndoToast label={undo} />
        </ContextProvider<Context>>
    }
}

fn editor(state: &State, undo: Option<AttrValue>) -> Html {
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
            <Check
                project={state.project.clone()}
                results={state.results.clone()}
                analyses={state.analyses.clone()}
                threshold={state.threshold}
                undo={undo}
            />
            <Keep has_images={!state.project.is_empty()} has_model={state.results.is_some()} />
        </>
    }
}

#[derive(Properties, PartialEq)]
struct ElsewhereProps {
    project: Summary,
}

/// The project is open in another tab; two would undo each other's work.
#[component]
fn Elsewhere(props: &ElsewhereProps) -> Html {
    let app = use_app();
    let again = {
        let (app, project) = (app.clone(), props.project.clone());
        Callback::from(move |_: MouseEvent| {
            let (app, project) = (app.clone(), project.clone());
            spawn_local(async move { app.projects.open(&app, project).await });
        })
    };
    let copy = {
        let (app, project) = (app.clone(), props.project.clone());
        Callback::from(move |_: MouseEvent| {
            let (app, project) = (app.clone(), project.clone());
            spawn_local(async move {
                if let Some(copy) = app.projects.duplicate(&app, &project).await {
                    app.projects.open(&app, copy).await;
                }
            });
        })
    };
    let leave = {
        let app = app.clone();
        Callback::from(move |_: MouseEvent| {
            let app = app.clone();
            spawn_local(async move { app.projects.leave(&app).await });
        })
    };
    html! {
        <section class="card elsewhere" aria-label="Open in another tab">
            <h2>{ format!("“{}” is open in another tab", props.project.title) }</h2>
            <p>{ "Two tabs would undo each other’s work. Go on in the other tab, or close it and try again here." }</p>
            <div class="button-row">
                <button type="button" class="button" onclick={again}>{ "Try again" }</button>
                <button type="button" class="button" onclick={copy}>{ "Open a copy" }</button>
                <button type="button" class="text-button" onclick={leave}>{ "All projects" }</button>
            </div>
        </section>
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
