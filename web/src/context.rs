//! What every component and service can reach: the live state, and the browser's side of it.

use yew::UseReducerHandle;
use yew::prelude::*;

use crate::services::engine::Engine;
use crate::services::keep::autosave::Autosave;
use crate::services::keep::projects::Projects;
use crate::services::live::Live;
use crate::services::samples::intake::Intake;
use crate::services::samples::media::Media;
use crate::state::{Action, State};

/// The one app of this page. Clones share everything.
#[derive(Clone)]
pub struct App {
    handle: UseReducerHandle<State>,
    pub media: Media,
    pub intake: Intake,
    pub engine: Engine,
    /// Where the picture in Try lies on the map.
    pub live: Live,
    pub autosave: Autosave,
    pub projects: Projects,
}

impl App {
    pub fn new(handle: UseReducerHandle<State>) -> Self {
        Self {
            handle,
            media: Media::default(),
            intake: Intake::default(),
            engine: Engine::default(),
            live: Live::default(),
            autosave: Autosave::default(),
            projects: Projects::default(),
        }
    }

    pub fn dispatch(&self, action: Action) {
        self.handle.dispatch(action);
    }

    /// The state as it is now, also in code that runs long after a render.
    /// A handle keeps every state that was read through it, so each reading gets a fresh one.
    pub fn state(&self) -> UseReducerHandle<State> {
        self.handle.clone()
    }

    /// A callback that dispatches what `action` makes of its argument.
    pub fn callback<T: 'static>(&self, action: impl Fn(T) -> Action + 'static) -> Callback<T> {
        let handle = self.handle.clone();
        Callback::from(move |argument| handle.dispatch(action(argument)))
    }
}

/// There is one app, so handing it on never means that something changed.
impl PartialEq for App {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// The app around this component.
///
/// # Panics
/// Outside of the root component, which provides it; that would be a mistake in this crate.
#[hook]
#[expect(
    clippy::expect_used,
    reason = "the root component provides it to all others"
)]
pub fn use_app() -> App {
    use_context::<App>().expect("components live below the root")
}
