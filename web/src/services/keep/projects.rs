//! Opening, making, copying and deleting kept projects.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

use js_sys::Date;
use web_sys::Storage;

use super::lock::{self, Lock};
use super::store::{KeptImages, Store};
use super::weights;
use crate::context::App;
use crate::services::parts;
use crate::services::samples::media::Kept;
use crate::state::project::Project;
use crate::state::saved::{ProjectId, Saved, Summary, UnreadableProject};
use crate::state::storage::{Stage, StoreError};
use crate::state::{Action, State};
use crate::text;

const WORD_KEY: &str = "headstart-word";

/// Where a tab remembers which project it shows, so that a reload comes back to it.
const OPEN_KEY: &str = "headstart-open";

/// The kept projects. Clones share it.
#[derive(Clone, Default)]
pub struct Projects(Rc<RefCell<Shelf>>);

#[derive(Default)]
struct Shelf {
    store: Option<Store>,
    /// Of the open project.
    lock: Option<Lock>,
}

impl Projects {
    /// Looks for kept projects when the page starts.
    /// A reload comes back to the project that this tab showed; otherwise the projects are listed, or a first one begins.
    pub async fn start(&self, app: &App) {
        let store = match Store::open().await {
            Ok(store) => store,
            Err(error) => {
                app.dispatch(Action::Problem {
                    title: "Your work will not be kept".into(),
                    detail: format!(
                        "{} Save the project as a file before you close the page.",
                        text::sentence(&error.to_string())
                    ),
                });
                app.dispatch(Action::SetStage(Stage::Editing));
                return;
            }
        };
        self.0.borrow_mut().store = Some(store.clone());
        app.dispatch(Action::SetKeptWeights(weights::kept(app).await));
        let mut summaries = self.told(app, store.summaries().await);
        for gone in summaries.extract_if(.., |summary| summary.deleted_ms.is_some()) {
            // Deleted the last time, so undo is over; unless another tab still works on it, and so keeps it.
            if let Some(_lock) = lock::take(&gone.id.0).await {
                self.told(app, store.forget(&gone.id).await);
            }
        }
        let remembered = session().and_then(|session| session.get_item(OPEN_KEY).ok()?);
        let remembered = summaries
            .iter()
            .find(|summary| Some(&summary.id.0) == remembered.as_ref());
        let opening = match remembered {
            Some(summary) => parts::open(app.clone(), summary.clone()).await.ok(),
            None => None,
        };
        match opening {
            Some(opening) => opening.await,
            None if summaries.is_empty() => self.begin(app).await,
            // Also when the part that opens projects could not be loaded: the list's place says so.
            None => app.dispatch(Action::SetStage(Stage::Start(summaries))),
        }
    }

    /// Begins a new project. It is kept from the first image on.
    pub async fn begin(&self, app: &App) {
        let id = ProjectId(new_id());
        let lock = lock::take(&id.0).await;
        let store = {
            let mut shelf = self.0.borrow_mut();
            shelf.lock = lock;
            shelf.store.clone()
        };
        if let Some(store) = store {
            remember(&id);
            let none = HashSet::new();
            app.autosave
                .attach(store, id, None, none.clone(), none, None);
        }
        app.dispatch(Action::SetStage(Stage::Editing));
    }

    /// Opens a kept project, unless another tab has it.
    pub async fn open(&self, app: &App, summary: Summary) {
        let Some(store) = self.store() else {
            return;
        };
        let Some(lock) = lock::take(&summary.id.0).await else {
            app.dispatch(Action::SetStage(Stage::Elsewhere(Box::new(summary))));
            return;
        };
        let description = self.told(app, store.description(&summary.id).await);
        let saved = match description.as_deref().map(Saved::read) {
            Some(Ok(saved)) => Some(saved),
            Some(Err(reason @ UnreadableProject::Newer)) => {
                app.dispatch(Action::Problem {
                    title: format!("“{}” cannot be opened", summary.title),
                    detail: reason.to_string(),
                });
                return;
            }
            Some(Err(_)) | None => None,
        };
        let choice = saved.as_ref().map(|saved| saved.backbone.clone());
        let choice = choice.unwrap_or_default();
        let images = store.images(&summary.id, &choice.sha256).await;
        let images = self.told(app, images);
        let saved = match saved {
            Some(saved) => saved,
            None => {
                app.dispatch(Action::Problem {
                    title: format!("“{}” was damaged", summary.title),
                    detail: "Its images were found and are here, each in the class that it was first put into. Settings and results are lost.".into(),
                });
                rescued(&summary, &images)
            }
        };
        self.0.borrow_mut().lock = Some(lock);
        remember(&summary.id);
        restore(app, store, &summary, saved, images);
    }

    /// Copies a kept project under a new name, and returns the copy's line.
    pub async fn duplicate(&self, app: &App, summary: &Summary) -> Option<Summary> {
        let store = self.store()?;
        let copied = async {
            let id = ProjectId(new_id());
            let description = store.description(&summary.id).await?;
            let Some(mut saved) = description
                .as_deref()
                .and_then(|text| Saved::read(text).ok())
            else {
                return Err(StoreError::Failed("its description is damaged".into()));
            };
            saved.title = format!("{} (copy)", summary.title);
            store.copy_images(&summary.id, &id).await?;
            let now = Date::now();
            let copy = saved.summary(id, now, now, summary.bytes);
            store.keep(&copy, &saved, None).await?;
            Ok(copy)
        };
        let copied = copied.await;
        self.told(app, copied.map(Some))
    }

    /// Changes a project's line in the list: its name, or that it is deleted or not.
    pub async fn change(&self, app: &App, summary: &Summary) {
        let Some(store) = self.store() else {
            return;
        };
        let changed = async {
            store.keep_summary(summary).await?;
            let description = store.description(&summary.id).await?;
            let saved = description
                .as_deref()
                .and_then(|text| Saved::read(text).ok());
            match saved.filter(|saved| saved.title != summary.title) {
                Some(mut saved) => {
                    saved.title.clone_from(&summary.title);
                    store.keep(summary, &saved, None).await
                }
                None => Ok(()),
            }
        };
        let changed = changed.await;
        self.told(app, changed);
    }

    /// A name for a project that is to come.
    pub fn new_id(&self) -> ProjectId {
        ProjectId(new_id())
    }

    /// The next page shows this project.
    pub fn show_next(&self, id: &ProjectId) {
        remember(id);
    }

    /// Something that the next page tells when it has opened a project.
    pub fn leave_word(&self, word: &str) {
        if let Some(session) = session() {
            // Without it the word is lost, and nothing else.
            let _ = session.set_item(WORD_KEY, word);
        }
    }

    /// Goes back to the list of projects, with a fresh page, once everything is kept.
    pub async fn leave(&self, app: &App) {
        if let Some(session) = session() {
            // Without it the page merely comes back to the same project.
            let _ = session.remove_item(OPEN_KEY);
        }
        self.reload(app).await;
    }

    /// Loads the page anew once everything is kept.
    pub async fn reload(&self, app: &App) {
        app.autosave.save(app).await;
        if let Some(window) = web_sys::window() {
            // Reloading a page that was loaded does not fail.
            let _ = window.location().reload();
        }
    }

    pub fn store(&self) -> Option<Store> {
        self.0.borrow().store.clone()
    }

    /// The value, or an empty one after the failure was told.
    fn told<T: Default>(&self, app: &App, outcome: Result<T, StoreError>) -> T {
        outcome.unwrap_or_else(|error| {
            app.dispatch(Action::Problem {
                title: "The browser’s storage had a problem".into(),
                detail: text::sentence(&error.to_string()),
            });
            T::default()
        })
    }
}

/// Brings what was kept back into the page. Images whose files are gone are left out, and told.
fn restore(app: &App, store: Store, summary: &Summary, mut saved: Saved, mut images: KeptImages) {
    app.media.use_backbone(&saved.backbone);
    let mut lost = 0;
    let mut files = HashSet::new();
    let mut embeddings = HashSet::new();
    for class in &mut saved.project.classes {
        let class = Rc::make_mut(class);
        lost += class
            .remove(|sample| !images.files.contains_key(&sample.id))
            .len();
        for sample in class.samples() {
            let Some(file) = images.files.remove(&sample.id) else {
                continue;
            };
            let embedding = images.embeddings.remove(&sample.id);
            files.insert(sample.id);
            if embedding.is_some() {
                embeddings.insert(sample.id);
            }
            app.media.restore(Kept {
                id: sample.id,
                file: file.file,
                class: class.id,
                fingerprint: file.fingerprint,
                thumbnail: images.thumbnails.remove(&sample.id),
                embedding,
            });
        }
    }
    app.media.skip_names(saved.project.highest_sample);
    // Files that no class names were deleted; the first saving lets go of them.
    files.extend(images.files.keys());
    match images.model {
        Some(model) => app.media.set_model(model),
        // Results without their model would promise what cannot be kept.
        None => saved.results = None,
    }
    let run = saved
        .results
        .as_ref()
        .map(|results| results.plan.request.run);
    app.autosave.attach(
        store,
        summary.id.clone(),
        Some(summary.created_ms),
        files,
        embeddings,
        run,
    );
    app.dispatch(Action::Open(Box::new(saved)));
    app.dispatch(Action::SetStage(Stage::Editing));
    let word = session().and_then(|session| {
        let word = session.get_item(WORD_KEY).ok()?;
        session.remove_item(WORD_KEY).ok()?;
        word
    });
    if let Some(detail) = word {
        app.dispatch(Action::Problem {
            title: "Something was left out of the project".into(),
            detail,
        });
    }
    if lost > 0 {
        app.dispatch(Action::Problem {
            title: format!("{} could not be found", text::count(lost, "image")),
            detail:
                "Their files are not in the browser’s storage any more. Everything else is here."
                    .into(),
        });
    }
}

/// What can be told of a project whose description is lost.
fn rescued(summary: &Summary, images: &KeptImages) -> Saved {
    let mut state = State::new(headstart_project::DevicePreference::Auto);
    state.title.clone_from(&summary.title);
    state.project = Project::rescued(images.files.values().map(|file| {
        let (name, class) = (file.name.clone(), file.class.clone());
        (file.id, name, class)
    }));
    Saved::of(&state)
}

fn remember(id: &ProjectId) {
    if let Some(session) = session() {
        // Without it a reload merely shows the list.
        let _ = session.set_item(OPEN_KEY, &id.0);
    }
}

fn session() -> Option<Storage> {
    web_sys::window()?.session_storage().ok()?
}

/// A time and a random number: nobody makes two projects within the same instant and with the same number.
fn new_id() -> String {
    let random = (js_sys::Math::random() * f64::from(u32::MAX)) as u32;
    format!("{:x}-{random:08x}", Date::now() as u64)
}
