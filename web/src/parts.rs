//! The parts of the interface that are binaries of their own, so that the page appears without waiting for them.
//!
//! What only a part reaches is moved into its file after linking (`crates/xtask/src/split.rs`); so the rest of the page must not name a part's components.
//! What the services load with a part stands in `services/parts.rs`, since services do not know components.
//! A part is asked for as soon as the page stands, and draws from the state as everything else does.

use wasm_bindgen_futures::spawn_local;
use wasm_split_helpers::{SplitLoaderError, wasm_split};
use yew::prelude::*;

use crate::components::{backbones, check, keep};
use crate::state::State;

/// What a part draws.
type View = fn(&State) -> Html;

/// A part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Everything in the region Check.
    Check,
    /// The list of projects, and what is done with files of whole projects.
    Keep,
    /// What the dialog with all backbones shows.
    Backbones,
}

impl Part {
    async fn load(self) -> Result<View, SplitLoaderError> {
        match self {
            Self::Check => load_check().await,
            Self::Keep => load_keep().await,
            Self::Backbones => load_backbones().await,
        }
    }
}

#[wasm_split(check, fallible)]
fn load_check() -> Result<View, SplitLoaderError> {
    Ok(check::view)
}

#[wasm_split(keep, fallible)]
fn load_keep() -> Result<View, SplitLoaderError> {
    Ok(keep::view)
}

#[wasm_split(keep, fallible)]
fn load_backbones() -> Result<View, SplitLoaderError> {
    Ok(backbones::view)
}

#[derive(Clone, Copy)]
enum Progress {
    Loading,
    Failed,
    Loaded(View),
}

/// A part, as far as it has come.
pub struct Loaded {
    progress: Progress,
    again: Callback<MouseEvent>,
}

impl Loaded {
    /// What the part draws; until it is there, a word about it.
    pub fn view(&self, state: &State) -> Html {
        match self.progress {
            Progress::Loaded(view) => view(state),
            Progress::Loading => html! {
                <div class="card part" aria-busy="true"><p class="hint">{ "Loading …" }</p></div>
            },
            Progress::Failed => html! {
                <div class="card part">
                    <p role="alert">{ "This part of the page could not be loaded. Check the connection and try again." }</p>
                    <button type="button" class="button" onclick={self.again.clone()}>{ "Try again" }</button>
                </div>
            },
        }
    }
}

/// Loads a part when the component has been drawn for the first time.
#[hook]
pub fn use_part(part: Part) -> Loaded {
    let progress = use_state(|| Progress::Loading);
    let load = {
        let progress = progress.setter();
        move || {
            let progress = progress.clone();
            spawn_local(async move {
                // The loader has told the console why it failed.
                let loaded = part.load().await;
                progress.set(loaded.map_or(Progress::Failed, Progress::Loaded));
            });
        }
    };
    {
        let load = load.clone();
        use_effect_with((), move |()| load());
    }
    let again = {
        let progress = progress.setter();
        Callback::from(move |_: MouseEvent| {
            progress.set(Progress::Loading);
            load();
        })
    };
    Loaded {
        progress: *progress,
        again,
    }
}
