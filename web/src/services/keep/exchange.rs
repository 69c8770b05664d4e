//! Projects, data sets and models as files that the user takes out or brings in.

use std::collections::HashSet;

use headstart_project::{
    BackboneChoice, BackboneId, ExportModel, ImageLook, ModelExport, OpenedProject, PackForm,
    Packing, ProjectFile, SampleId, SavedClass, SavedRun, SavedSample, Unpack,
};
use headstart_wire::from_text;
use js_sys::{Date, Float32Array, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::Blob;

use super::download;
use super::store::{KeptEmbedding, KeptFile};
use crate::context::App;
use crate::services::engine::{self, Unanswered};
use crate::state::project::{Project, Sample};
use crate::state::run::{Plan, Results};
use crate::state::saved::Saved;
use crate::state::settings::Draft;
use crate::state::storage::StoreError;
use crate::state::{Action, State};
use crate::text;

/// Images written at once.
const BATCH: usize = 32;

/// Saves the whole project as one file.
pub fn save_project(app: &App) {
    pack(app, PackForm::Project, "headstart.zip");
}

/// Saves the images in class folders.
pub fn export_data_set(app: &App) {
    pack(app, PackForm::DataSet, "images.zip");
}

fn pack(app: &App, form: PackForm, ending: &str) {
    let state = app.state();
    let project = match project_file(app, &state) {
        Ok(project) => project,
        Err(detail) => return problem(app, "The project cannot be saved yet", detail),
    };
    let files = project
        .samples()
        .filter_map(|sample| app.media.file(sample.id));
    let files: Vec<JsValue> = files.map(JsValue::from).collect();
    let packing = Packing {
        form,
        run: saved_run(&state),
        project,
    };
    let name = format!("{}.{ending}", file_name(&state.title));
    let app = app.clone();
    spawn_local(async move {
        let zip = app.engine.pack(packing, &files).await;
        save(&app, &name, zip);
    });
}

/// Saves the newest model in every form that other tools read.
pub fn export_model(app: &App) {
    let state = app.state();
    let Some(results) = &state.results else {
        return problem(
            app,
            "There is no model to export yet",
            "Press Train first; then the model can be taken out.".into(),
        );
    };
    let names = results.plan.names(&state.project);
    let unknowns = results.outcome.unknowns.as_ref();
    let record = serde_json::to_string(&state.record(results));
    let export = ModelExport {
        title: state.title.clone(),
        classes: names.iter().map(ToString::to_string).collect(),
        threshold: state.threshold.or(unknowns.map(|report| report.threshold)),
        record: record.unwrap_or_else(|_| "null".into()),
    };
    let name = format!("{}.model.zip", file_name(&state.title));
    let asked = app.engine.ask(ExportModel { export }, &[]);
    let app = app.clone();
    spawn_local(async move {
        let zip = asked
            .await
            .and_then(|(_, attachments)| engine::file(attachments));
        save(&app, &name, zip);
    });
}

/// Opens a project's file as a new project of this browser.
pub fn open_project(app: &App, file: Blob) {
    let backbones = &app.state().backbones;
    let known = backbones.all_here().map(|it| backbones.described(&it));
    let question = Unpack {
        known: known.collect(),
    };
    let asked = app.engine.ask(question, &[file.into()]);
    let app = app.clone();
    spawn_local(async move {
        let attachments = match asked.await {
            Ok((_, attachments)) => attachments,
            Err(error) => return not_opened(&app, &error.to_string()),
        };
        let mut attachments = attachments.into_iter();
        let described = attachments.next().unwrap_or_default();
        match from_text::<OpenedProject>(&described) {
            Ok(opened) => open(app, opened, attachments.collect()).await,
            Err(error) => not_opened(&app, &error.to_string()),
        }
    });
}

fn not_opened(app: &App, reason: &str) {
    problem(
        app,
        "The project could not be opened",
        format!("{} Nothing here was changed.", text::sentence(reason)),
    );
}

async fn open(app: App, opened: OpenedProject, attachments: Vec<JsValue>) {
    let OpenedProject {
        project,
        run,
        notes,
    } = opened;
    if let Err(error) = keep(&app, project, run, attachments).await {
        return problem(
            &app,
            "The project could not be kept in this browser",
            text::sentence(&error.to_string()),
        );
    }
    if !notes.is_empty() {
        let notes = notes.iter().map(|note| text::sentence(&note.to_string()));
        app.projects
            .leave_word(&notes.collect::<Vec<_>>().join(" "));
    }
    app.projects.reload(&app).await;
}

/// Hands a zip to the user.
fn save(app: &App, name: &str, zip: Result<Blob, Unanswered>) {
    let saved = zip.map_err(|error| error.to_string()).and_then(|zip| {
        let saved = download::file(name, &zip);
        saved.map_err(|error| format!("{error:?}"))
    });
    match saved {
        Ok(()) => app.dispatch(Action::Tell(format!("{name} was saved."))),
        Err(reason) => problem(app, "The file could not be made", text::sentence(&reason)),
    }
}

fn problem(app: &App, title: &str, detail: String) {
    app.dispatch(Action::Problem {
        title: title.into(),
        detail,
    });
}

/// The project as its file says it; where files and embeddings are, the engine knows.
fn project_file(app: &App, state: &State) -> Result<ProjectFile, String> {
    let now = Date::now() as u64;
    let classes = state.project.classes.iter().map(|class| SavedClass {
        name: class.name.clone(),
        color: class.color,
        enabled: class.enabled,
        samples: class
            .samples()
            .filter(|sample| app.media.file(sample.id).is_some())
            .map(|sample| SavedSample {
                id: sample.id,
                path: String::new(),
                name: sample.name.to_string(),
                part: sample.part,
                size_px: sample.size_px,
                burst: sample.burst,
                look: app.media.look(sample.id),
                embedding: None,
            })
            .collect(),
    });
    Ok(ProjectFile {
        headstart_project: ProjectFile::VERSION,
        headstart: env!("CARGO_PKG_VERSION").into(),
        name: state.title.clone(),
        created_ms: app.autosave.created_ms().map_or(now, |ms| ms as u64),
        changed_ms: now,
        backbone: state.backbones.described(&state.backbones.choice),
        settings: state.settings.parse()?,
        chosen: state.settings.chosen(),
        threshold: state.threshold,
        classes: classes.collect(),
    })
}

fn saved_run(state: &State) -> Option<SavedRun> {
    let results = state.results.as_ref()?;
    let place = |id| {
        state
            .project
            .classes
            .iter()
            .position(|class| class.id == id)
    };
    Some(SavedRun {
        request: results.plan.request.clone(),
        classes: results
            .plan
            .class_ids
            .iter()
            .map(|&id| place(id).map(|at| at as u32))
            .collect(),
        device: results.device.clone(),
        outcome: (*results.outcome).clone(),
    })
}

/// Puts an opened project into the browser's store, and makes it the one that the page shows next.
async fn keep(
    app: &App,
    file: ProjectFile,
    run: Option<SavedRun>,
    attachments: Vec<JsValue>,
) -> Result<(), StoreError> {
    let store = app.projects.store().ok_or(StoreError::Unavailable)?;
    let id = app.projects.new_id();
    let choice = choice_of(app, &file);
    let count = file.samples().count();
    let mut rest = attachments.into_iter();
    let blobs: Vec<Blob> = rest
        .by_ref()
        .take(count)
        .filter_map(|v| v.dyn_into().ok())
        .collect();
    let mut files = Vec::new();
    let mut embeddings = Vec::new();
    for ((class, sample), blob) in with_classes(&file).zip(blobs) {
        files.push(KeptFile {
            id: sample.id,
            file: blob,
            name: sample.name.as_str().into(),
            class: class.name.as_str().into(),
            fingerprint: None,
        });
    }
    for sample in file.samples().filter(|sample| sample.embedding.is_some()) {
        let values: Option<Float32Array> = rest.next().and_then(|values| values.dyn_into().ok());
        if let (Some(embedding), Some(look)) = (values, sample.look) {
            let look: ImageLook = look;
            embeddings.push(KeptEmbedding {
                id: sample.id,
                embedding,
                look,
                backbone: choice.clone(),
                thumbnail: None,
            });
        }
    }
    let model: Option<Uint8Array> = rest.next().and_then(|model| model.dyn_into().ok());
    let bytes = files.iter().map(|file| file.file.size()).sum();
    for batch in files.chunks(BATCH) {
        store.keep_files(&id, batch).await?;
    }
    for batch in embeddings.chunks(BATCH) {
        store.keep_embeddings(&id, batch).await?;
    }
    let saved = saved(&file, choice, run.filter(|_| model.is_some()));
    let summary = saved.summary(id.clone(), file.created_ms as f64, Date::now(), bytes);
    store.keep(&summary, &saved, model.as_ref()).await?;
    app.autosave.save(app).await;
    app.projects.show_next(&id);
    Ok(())
}

/// The backbone of a project's file, if its weights are here; otherwise the one that comes with the page, which looks at all images anew.
fn choice_of(app: &App, file: &ProjectFile) -> BackboneChoice {
    let id = BackboneId::of_name(&file.backbone.name);
    let here = id.and_then(|id| app.state().backbones.here(id));
    let same = here.filter(|choice| choice.sha256 == file.backbone.sha256);
    same.unwrap_or_default()
}

fn with_classes(file: &ProjectFile) -> impl Iterator<Item = (&SavedClass, &SavedSample)> {
    let classes = file.classes.iter();
    classes.flat_map(|class| class.samples.iter().map(move |sample| (class, sample)))
}

/// The page's own form of a project's file.
fn saved(file: &ProjectFile, choice: BackboneChoice, run: Option<SavedRun>) -> Saved {
    let mut state = State::new(headstart_project::DevicePreference::Auto);
    state.title.clone_from(&file.name);
    state.settings = Draft::of(&file.settings, file.chosen.as_ref());
    state.threshold = file.threshold;
    state.project = Project::empty();
    state.backbones.choice = choice.clone();
    let mut class_ids = Vec::new();
    for class in &file.classes {
        let id = state.project.add_class(Some(&class.name));
        class_ids.push(id);
        if let Some(made) = state.project.class_mut(id) {
            made.color = class.color % crate::state::project::COLORS;
            made.enabled = class.enabled;
            made.insert(class.samples.iter().map(|sample| Sample {
                id: sample.id,
                name: sample.name.as_str().into(),
                part: sample.part,
                size_px: sample.size_px,
                burst: sample.burst,
            }));
        }
    }
    let ids: HashSet<SampleId> = file.samples().map(|sample| sample.id).collect();
    state.project.highest_sample = ids.iter().map(|id| id.0).max().unwrap_or(0);
    state.results = run.map(|run| {
        let of_class = |place: &Option<u32>| {
            let known = place.and_then(|place| class_ids.get(place as usize).copied());
            // A class that is gone keeps its name at the time of the run; no class has this id.
            known.unwrap_or(crate::state::project::ClassId(u32::MAX))
        };
        Results {
            plan: Plan {
                class_ids: run.classes.iter().map(of_class).collect(),
                request: run.request,
            }
            .into(),
            backbone: choice.id,
            device: run.device,
            outcome: run.outcome.into(),
        }
    });
    state.runs = state
        .results
        .as_ref()
        .map_or(0, |results| results.plan.request.run.0);
    Saved::of(&state)
}

/// A name that every system can bear.
fn file_name(title: &str) -> String {
    let plain = |letter: char| {
        if letter.is_alphanumeric() {
            letter
        } else {
            '-'
        }
    };
    let name: String = title.trim().chars().map(plain).take(60).collect();
    let name = name.trim_matches('-');
    if name.is_empty() {
        "headstart".into()
    } else {
        name.into()
    }
}

#[cfg(test)]
mod tests {
    use headstart_project::{SavedBackbone, Setting, Variation};

    use super::*;

    #[test]
    fn an_opened_project_varies_images_as_the_saved_one_did() {
        let mut draft = Draft::default();
        draft.set(Setting::Copies, "5".into());
        draft.switch(Variation::Flip, false);
        draft.switch(Variation::Mix, true);
        for is_varied in [true, false] {
            draft.is_varied = is_varied;
            let file = ProjectFile {
                headstart_project: ProjectFile::VERSION,
                headstart: String::new(),
                name: "Birds".into(),
                created_ms: 0,
                changed_ms: 0,
                backbone: SavedBackbone {
                    name: String::new(),
                    sha256: String::new(),
                    features: 0,
                },
                settings: draft.parse().expect("is valid"),
                chosen: draft.chosen(),
                threshold: None,
                classes: Vec::new(),
            };
            let opened = saved(&file, BackboneChoice::default(), None);
            assert_eq!(opened.settings, draft);
        }
    }
}
