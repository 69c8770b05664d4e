//! The root: the state, the effects that belong to the whole page, and its parts.

use headstart_project::DevicePreference;
use web_sys::UrlSearchParams;
use yew::prelude::*;

use super::check::Check;
use super::collect::Collect;
use super::header::Header;
use super::icon::{Glyph, Icon};
use super::notices::Notices;
use super::train::Train;
use super::try_it::TryIt;
use super::undo_toast::UndoToast;
use crate::context::App as Context;
use crate::hooks::use_drop_and_paste::use_drop_and_paste;
use crate::hooks::use_engine::use_engine;
use crate::hooks::use_shortcuts::use_shortcuts;
use crate::state::State;
use crate::state::camera::CameraOwner;
use crate::state::status::status;

#[component]
pub fn App() -> Html {
    let state = use_reducer(|| State::new(preference()));
    let app = use_memo((), |()| Context::new(state.clone()));
    use_engine(&app, &state);
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
                    <p class="privacy"><Glyph icon={Icon::Shield} />{ "Everything happens on this computer. No image ever leaves it." }</p>
                </div>
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
                        <Check project={state.project.clone()} results={state.results.clone()} />
                    </div>
                    <div class="column column-try">
                        <TryIt
                            project={state.project.clone()}
                            plan={state.results.as_ref().map(|results| results.plan.clone())}
                            phase={state.engine.phase.clone()}
                            has_camera={state.camera == Some(CameraOwner::Try)}
                            camera_prefs={state.camera_prefs.clone()}
                        />
                    </div>
                </div>
            </main>
            <Notices notices={state.notices.clone()} phase={state.engine.phase.clone()} />
            <UndoToast label={undo} />
        </ContextProvider<Context>>
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
