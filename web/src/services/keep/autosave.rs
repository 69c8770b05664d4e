//! Keeps the project in the browser as it changes.
//!
//! Whatever changes the state or the media asks for saving; that happens a moment later, and again when something changed meanwhile.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

use gloo_timers::callback::Timeout;
use headstart_project::{RunId, SampleId};
use js_sys::Date;
use wasm_bindgen_futures::spawn_local;

use super::storage;
use super::store::{KeptEmbedding, KeptFile, Store};
use crate::context::App;
use crate::state::saved::{ProjectId, Saved, Summary};
use crate::state::storage::{Saving, StoreError};
use crate::state::{Action, State};

/// Changes are gathered this long.
const GATHER_MS: u32 = 300;
/// After a failure it is tried again by itself after this long.
const RETRY_MS: u32 = 10_000;
/// Images written at once.
const BATCH: usize = 32;
/// While many files are being written, the description follows at least this often.
const DESCRIBE_MS: f64 = 500.0;

/// The saver. Clones share it.
#[derive(Clone, Default)]
pub struct Autosave(Rc<RefCell<Saver>>);

#[derive(Default)]
struct Saver {
    target: Option<Target>,
    timer: Option<Timeout>,
    is_saving: bool,
    /// Something changed while saving was under way.
    is_behind: bool,
    has_asked: bool,
    has_warned: bool,
}

/// The open project in the store, and what is already there.
struct Target {
    store: Store,
    id: ProjectId,
    created_ms: f64,
    files: HashSet<SampleId>,
    embeddings: HashSet<SampleId>,
    model: Option<RunId>,
    written: Option<Saved>,
}

impl Autosave {
    /// From now on this project is kept. `files` and `embeddings` are already there, and the model of `model`.
    pub fn attach(
        &self,
        store: Store,
        id: ProjectId,
        created_ms: Option<f64>,
        files: HashSet<SampleId>,
        embeddings: HashSet<SampleId>,
        model: Option<RunId>,
    ) {
        self.0.borrow_mut().target = Some(Target {
            store,
            id,
            created_ms: created_ms.unwrap_or_else(Date::now),
            files,
            embeddings,
            model,
            written: None,
        });
    }

    /// The embeddings that are in the store are not those of the present backbone any more.
    pub fn forget_embeddings(&self) {
        self.note(|target| target.embeddings.clear());
    }

    /// When the open project was begun, in milliseconds since 1970.
    pub fn created_ms(&self) -> Option<f64> {
        Some(self.0.borrow().target.as_ref()?.created_ms)
    }

    /// Something changed. From this moment on the page no longer says that everything is kept.
    pub fn ask(&self, app: &App) {
        let is_attached = self.0.borrow().target.is_some();
        if is_attached && matches!(app.state().saving, Saving::Saved | Saving::Untouched) {
            app.dispatch(Action::Saving(Saving::UnderWay));
        }
        self.ask_in(app, GATHER_MS);
    }

    fn ask_in(&self, app: &App, delay_ms: u32) {
        let mut saver = self.0.borrow_mut();
        if saver.target.is_none() {
            return;
        }
        if saver.is_saving {
            saver.is_behind = true;
        } else if saver.timer.is_none() {
            let app = app.clone();
            saver.timer = Some(Timeout::new(delay_ms, move || {
                app.autosave.0.borrow_mut().timer = None;
                spawn_local(async move { app.autosave.save(&app).await });
            }));
        }
    }

    /// Saves now. Returns when everything up to now is safe, or has failed and been told.
    pub async fn save(&self, app: &App) {
        {
            let mut saver = self.0.borrow_mut();
            if saver.is_saving {
                saver.is_behind = true;
                return;
            }
            saver.is_saving = true;
            saver.is_behind = false;
            saver.timer = None;
        }
        let outcome = self.write(app).await;
        let is_behind = {
            let mut saver = self.0.borrow_mut();
            saver.is_saving = false;
            saver.is_behind
        };
        match outcome {
            Ok(_) if is_behind => {}
            Ok(has_anything) => app.dispatch(Action::Saving(if has_anything {
                Saving::Saved
            } else {
                Saving::Untouched
            })),
            Err(error) => {
                app.dispatch(Action::Saving(Saving::Failed(error)));
                self.ask_in(app, RETRY_MS);
                return;
            }
        }
        if is_behind {
            self.ask(app);
        }
    }

    /// Files first, then the description that names them, then what it no longer names goes. Returns whether there is anything to keep at all.
    async fn write(&self, app: &App) -> Result<bool, StoreError> {
        let state = app.state();
        let Some(work) = self.work(app, &state) else {
            return Ok(false);
        };
        if work.is_empty() {
            return Ok(work.is_kept);
        }
        let Work {
            store,
            id,
            created_ms,
            files,
            embeddings,
            gone,
            saved,
            model,
            is_kept: _,
        } = work;
        if !files.is_empty() {
            self.ask_to_persist();
        }
        let mut described_ms = Date::now();
        for batch in files.chunks(BATCH) {
            store.keep_files(&id, batch).await?;
            self.note(|target| target.files.extend(batch.iter().map(|file| file.id)));
            // Thousands of files take a while, in which a crash must not lose those that are already there.
            if Date::now() - described_ms > DESCRIBE_MS
                && let Some(partial) = self.so_far(&state)
            {
                let summary = summarize(app, &partial, &id, created_ms);
                store.keep(&summary, &partial, None).await?;
                described_ms = Date::now();
            }
        }
        for batch in embeddings.chunks(BATCH) {
            store.keep_embeddings(&id, batch).await?;
            self.note(|target| target.embeddings.extend(batch.iter().map(|kept| kept.id)));
        }
        if let Some(saved) = saved {
            let summary = summarize(app, &saved, &id, created_ms);
            let file = model.and_then(|_| app.media.model());
            store.keep(&summary, &saved, file.as_ref()).await?;
            self.note(|target| {
                target.model = model.or(target.model);
                target.written = Some(saved);
            });
        }
        if !gone.is_empty() {
            store.forget_images(&id, &gone).await?;
            self.note(|target| {
                for id in &gone {
                    target.files.remove(id);
                    target.embeddings.remove(id);
                }
            });
        }
        if !files.is_empty() {
            self.warn_when_nearly_full(app).await;
        }
        Ok(true)
    }

    /// The description without those images whose files are still to be written, and with the results whose model is there.
    fn so_far(&self, state: &State) -> Option<Saved> {
        let saver = self.0.borrow();
        let target = saver.target.as_ref()?;
        let mut saved = Saved::of(state);
        for class in &mut saved.project.classes {
            Rc::make_mut(class).remove(|sample| !target.files.contains(&sample.id));
        }
        let written = target.written.as_ref();
        saved.results = written.and_then(|written| written.results.clone());
        Some(saved)
    }

    /// Says, once, that space runs out, while there still is some.
    async fn warn_when_nearly_full(&self, app: &App) {
        let space = storage::space().await;
        let Some(space) = space.filter(|space| space.is_nearly_full()) else {
            return;
        };
        if !std::mem::replace(&mut self.0.borrow_mut().has_warned, true) {
            app.dispatch(Action::Problem {
                title: "The browser’s storage is nearly full".into(),
                detail: space.words(),
            });
        }
    }

    /// Asks the browser, once, not to clear the page's data by itself. It may refuse; then it clears only when space runs out.
    fn ask_to_persist(&self) {
        let has_asked = std::mem::replace(&mut self.0.borrow_mut().has_asked, true);
        if !has_asked {
            spawn_local(async {
                storage::persist().await;
            });
        }
    }

    fn note(&self, change: impl FnOnce(&mut Target)) {
        if let Some(target) = &mut self.0.borrow_mut().target {
            change(target);
        }
    }

    /// What is not yet as it should be.
    fn work(&self, app: &App, state: &State) -> Option<Work> {
        let saver = self.0.borrow();
        let target = saver.target.as_ref()?;
        let mut files = Vec::new();
        let mut embeddings = Vec::new();
        let backbone = app.media.backbone();
        for class in &state.project.classes {
            for sample in class.samples() {
                if !target.files.contains(&sample.id)
                    && let Some(file) = app.media.file(sample.id)
                {
                    files.push(KeptFile {
                        id: sample.id,
                        file,
                        name: sample.name.clone(),
                        fingerprint: app.media.fingerprint(sample.id),
                        class: class.label(),
                    });
                }
                if !target.embeddings.contains(&sample.id)
                    && let (Some(embedding), Some(look)) =
                        (app.media.embedding(sample.id), app.media.look(sample.id))
                {
                    embeddings.push(KeptEmbedding {
                        id: sample.id,
                        embedding,
                        look,
                        backbone: backbone.clone(),
                        thumbnail: app.media.thumbnail(sample.id),
                    });
                }
            }
        }
        // An image that undo can bring back stays.
        let kept: HashSet<_> = state.kept_samples().collect();
        let gone = target.files.iter().filter(|id| !kept.contains(id));
        let saved = Saved::of(state);
        let is_empty = target.written.is_none() && saved.is_untouched();
        let run = state
            .results
            .as_ref()
            .map(|results| results.plan.request.run);
        Some(Work {
            store: target.store.clone(),
            id: target.id.clone(),
            created_ms: target.created_ms,
            files,
            embeddings,
            gone: gone.copied().collect(),
            model: run.filter(|_| run != target.model),
            is_kept: target.written.is_some(),
            saved: (target.written.as_ref() != Some(&saved) && !is_empty).then_some(saved),
        })
    }
}

/// The line of a project in the list.
fn summarize(app: &App, saved: &Saved, id: &ProjectId, created_ms: f64) -> Summary {
    let samples = saved.project.samples().map(|sample| sample.id);
    let bytes = app.media.bytes(samples);
    saved.summary(id.clone(), created_ms, Date::now(), bytes)
}

struct Work {
    store: Store,
    id: ProjectId,
    created_ms: f64,
    files: Vec<KeptFile>,
    embeddings: Vec<KeptEmbedding>,
    gone: Vec<SampleId>,
    saved: Option<Saved>,
    model: Option<RunId>,
    /// The project has been written before.
    is_kept: bool,
}

impl Work {
    fn is_empty(&self) -> bool {
        self.files.is_empty()
            && self.embeddings.is_empty()
            && self.gone.is_empty()
            && self.saved.is_none()
    }
}
