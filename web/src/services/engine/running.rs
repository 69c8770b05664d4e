//! One worker, and what it knows of the page's state.

use std::collections::{HashMap, HashSet};

use gloo_events::EventListener;
use gloo_timers::callback::Interval;
use headstart_project::{
    Analysis, Command, DevicePreference, ImportId, JobId, NewSample, RequestId, RunId, SampleId,
};
use headstart_wire::pack;
use js_sys::{Array, Date, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, ErrorEvent, Worker, WorkerOptions, WorkerType};
use yew::Callback;

use super::Covered;
use super::answer::Waiting;
use crate::context::App;
use crate::state::State;

/// How often the watchdog looks.
pub(super) const WATCH_MS: u32 = 5_000;
/// An engine that leaves a ping unanswered for this long is dead.
const SILENCE_MS: f64 = 30_000.0;
/// Samples in one message.
const SAMPLES_PER_MESSAGE: usize = 64;

/// One worker, and what it has been told.
pub(super) struct Running {
    pub(super) worker: Worker,
    /// Ends with the worker.
    _listeners: Vec<EventListener>,
    pub(super) watchdog: Option<Interval>,
    pub(super) is_ready: bool,
    known: HashSet<SampleId>,
    run: Option<RunId>,
    /// It has trained a model or was given one.
    pub(super) has_model: bool,
    stopped: Option<RunId>,
    jobs: HashSet<JobId>,
    stopped_jobs: HashSet<JobId>,
    pub(super) questions: HashMap<RequestId, Waiting>,
    pub(super) occlusions: HashMap<JobId, Callback<Covered>>,
    pub(super) pinged_at: Option<f64>,
    watched_at: f64,
}

/// An archive that the engine is to read, or to read again when it died over it.
pub(super) struct ArchiveJob {
    pub(super) id: ImportId,
    pub(super) file: Blob,
    pub(super) received: usize,
    /// Images that an engine before this one has already sent.
    pub(super) skip: usize,
}

impl Running {
    pub(super) fn spawn(app: &App, preference: DevicePreference) -> Result<Self, JsValue> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let device = match preference {
            DevicePreference::Auto => "auto",
            DevicePreference::Cpu => "cpu",
            DevicePreference::Webgpu => "webgpu",
        };
        let worker = Worker::new_with_options(&format!("engine.js?device={device}"), &options)?;
        let on_message = {
            let app = app.clone();
            EventListener::new(&worker, "message", move |event| {
                app.engine.message(&app, event.unchecked_ref());
            })
        };
        let on_error = {
            let app = app.clone();
            EventListener::new(&worker, "error", move |event| worker_error(&app, event))
        };
        let on_message_error = {
            let app = app.clone();
            EventListener::new(&worker, "messageerror", move |event| {
                worker_error(&app, event)
            })
        };
        Ok(Self {
            worker,
            _listeners: vec![on_message, on_error, on_message_error],
            watchdog: None,
            is_ready: false,
            known: HashSet::new(),
            run: None,
            has_model: false,
            stopped: None,
            jobs: HashSet::new(),
            stopped_jobs: HashSet::new(),
            questions: HashMap::new(),
            occlusions: HashMap::new(),
            pinged_at: None,
            watched_at: Date::now(),
        })
    }

    pub(super) fn sync(&mut self, app: &App, state: &State) {
        self.sync_model(app);
        self.sync_samples(app, state);
        self.sync_run(state);
        self.sync_jobs(app, state);
    }

    /// A model comes with a project that is opened, and outlives the engine that trained it.
    fn sync_model(&mut self, app: &App) {
        if !self.has_model
            && let Some(model) = app.media.model()
        {
            self.has_model = true;
            self.post(&Command::RestoreModel, &[model.into()], &[]);
        }
    }

    fn sync_samples(&mut self, app: &App, state: &State) {
        let wanted: Vec<SampleId> = state.project.samples().map(|sample| sample.id).collect();
        let new: Vec<SampleId> = wanted
            .iter()
            .copied()
            .filter(|id| !self.known.contains(id))
            .collect();
        if self.known.len() + new.len() > wanted.len() {
            let wanted: HashSet<SampleId> = wanted.into_iter().collect();
            let gone: Vec<SampleId> = self
                .known
                .iter()
                .copied()
                .filter(|id| !wanted.contains(id))
                .collect();
            for id in &gone {
                self.known.remove(id);
            }
            self.post(&Command::RemoveSamples { samples: gone }, &[], &[]);
        }
        for ids in new.chunks(SAMPLES_PER_MESSAGE) {
            self.add_samples(app, state, ids);
        }
    }

    fn add_samples(&mut self, app: &App, state: &State, ids: &[SampleId]) {
        let mut samples = Vec::with_capacity(ids.len());
        let mut attachments = Vec::with_capacity(ids.len());
        let mut embeddings = Vec::new();
        for &id in ids {
            let Some(file) = app.media.file(id) else {
                continue;
            };
            let embedding = app.media.embedding(id);
            samples.push(NewSample {
                id,
                has_embedding: embedding.is_some(),
                needs_thumbnail: !app.media.has_thumbnail(id),
                look: app.media.look(id),
                burst: state.project.find(id).and_then(|(_, sample)| sample.burst),
            });
            attachments.push(file.into());
            embeddings.extend(embedding.map(JsValue::from));
            self.known.insert(id);
        }
        attachments.extend(embeddings);
        self.post(&Command::AddSamples { samples }, &attachments, &[]);
    }

    fn sync_run(&mut self, state: &State) {
        let Some(run) = &state.run else {
            return;
        };
        let id = run.plan.request.run;
        if self.run != Some(id) {
            self.run = Some(id);
            self.post(&Command::Train(run.plan.request.clone()), &[], &[]);
        }
        if run.stop_requested && self.stopped != Some(id) {
            self.stopped = Some(id);
            self.post(&Command::StopTraining { run: id }, &[], &[]);
        }
    }

    fn sync_jobs(&mut self, app: &App, state: &State) {
        for job in &state.analyses.jobs {
            let id = job.id;
            if self.jobs.insert(id) {
                let analysis = (*job.analysis).clone();
                match analysis {
                    Analysis::Compare { ref backbones, .. } if !backbones.is_empty() => {
                        app.engine
                            .compare_backbones(app, &self.worker, id, analysis);
                    }
                    _ => {
                        let command = Command::Analyse {
                            job: id,
                            analysis,
                            weights: Vec::new(),
                        };
                        self.post(&command, &[], &[]);
                    }
                }
            }
            if job.stop_requested && self.stopped_jobs.insert(id) {
                self.post(&Command::StopAnalysis { job: id }, &[], &[]);
            }
        }
    }

    /// Pings, and returns whether the engine has been silent for too long.
    pub(super) fn watch(&mut self) -> bool {
        let now = Date::now();
        // A page that slept, or whose timers were slowed down in the background, gives the engine another chance.
        if now - self.watched_at > 3.0 * f64::from(WATCH_MS) {
            self.pinged_at = None;
        }
        self.watched_at = now;
        match self.pinged_at {
            Some(at) => now - at > SILENCE_MS,
            None => {
                self.pinged_at = Some(now);
                self.post(&Command::Ping, &[], &[]);
                false
            }
        }
    }

    /// Returns whether it was sent.
    pub(super) fn post(
        &self,
        command: &Command,
        attachments: &[JsValue],
        transfer: &[JsValue],
    ) -> bool {
        let transfer: Array = transfer.iter().collect();
        let posted = pack(command, attachments)
            .map_err(|error| JsValue::from_str(&error.to_string()))
            .and_then(|message| self.worker.post_message_with_transfer(&message, &transfer));
        if let Err(error) = &posted {
            // Commands are plain data and the attachments are of kinds that can be sent, so this is a mistake in the page.
            web_sys::console::error_2(&"Headstart: a command could not be sent".into(), error);
        }
        posted.is_ok()
    }
}

impl ArchiveJob {
    pub(super) fn post(&self, running: &Running) {
        let file = JsValue::from(self.file.clone());
        running.post(&Command::ReadArchive { import: self.id }, &[file], &[]);
    }
}

fn worker_error(app: &App, event: &web_sys::Event) {
    let message = event
        .dyn_ref::<ErrorEvent>()
        .map(|error| Reflect::get(error, &JsValue::from_str("message")))
        .and_then(|message| message.ok()?.as_string())
        .unwrap_or_else(|| "its code did not arrive".into());
    app.engine.failed(app, &message);
}
