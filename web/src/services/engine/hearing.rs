//! What the engine says: answers go to whoever waits for them, all else changes the state.

use std::rc::Rc;

use gloo_timers::callback::{Interval, Timeout};
use headstart_project::{
    Analysis, BackboneChoice, Command, EngineError, Event, Findings, ImportId, JobId, Part,
    TrainError, WeightsPlace,
};
use headstart_wire::unpack;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{Blob, MessageEvent, Worker};

use super::answer::{Covered, Unanswered};
use super::running::WATCH_MS;
use super::{Engine, GATHER_MS};
use crate::context::App;
use crate::services::keep::weights;
use crate::services::parts;
use crate::services::samples::intake;
use crate::state::Action;

impl Engine {
    pub(super) fn message(&self, app: &App, message: &MessageEvent) {
        match unpack::<Event>(message.data()) {
            Ok((event, attachments)) => self.event(app, event, attachments),
            Err(error) => {
                let reason = EngineError::Protocol {
                    detail: error.to_string(),
                };
                self.gather(app, Event::Failed { reason });
            }
        }
    }

    /// Takes the attachments and the answers out, and gathers what changes the state.
    fn event(&self, app: &App, event: Event, attachments: Vec<JsValue>) {
        let event = match event {
            Event::Answered { request, answer } => {
                let heard = answer.map(|answer| (answer, attachments));
                let heard = heard.map_err(|failure| Unanswered::Failed(failure.sentence));
                return self.heard(request, heard);
            }
            Event::Analysed { job, is_final } => {
                let text = attachments.into_iter().next().unwrap_or_default();
                return self.analysed(app, job, text, is_final);
            }
            event => event,
        };
        let attachment = attachments.into_iter().next().unwrap_or(JsValue::UNDEFINED);
        match &event {
            Event::Loaded => self.loaded(app),
            Event::Ready { .. } => self.ready(app),
            Event::SampleDecoded { id, .. } => {
                if let Ok(thumbnail) = attachment.dyn_into() {
                    app.media.set_thumbnail(*id, &thumbnail);
                }
            }
            Event::SampleEmbedded { id, look } => {
                if let Ok(embedding) = attachment.dyn_into() {
                    app.media.set_embedding(*id, embedding, *look);
                }
                return;
            }
            Event::ArchiveImage {
                import,
                class,
                part,
                name,
            } => {
                let Ok(file) = attachment.dyn_into() else {
                    return;
                };
                if !self.archive_image(app, *import, file, class, *part, name) {
                    return;
                }
            }
            Event::ArchiveRead { import, .. } | Event::ArchiveFailed { import, .. } => {
                self.0.borrow_mut().archives.retain(|job| job.id != *import);
            }
            Event::Trained { .. } => {
                if let Ok(model) = attachment.dyn_into() {
                    app.media.set_model(model);
                }
                if let Some(running) = &mut self.0.borrow_mut().worker {
                    running.has_model = true;
                }
            }
            Event::AnalysisProgress {
                job, done, total, ..
            } if self.covered(*job, Covered::Progress(*done, *total)) => return,
            Event::AnalysisStopped { job } if self.covered(*job, Covered::Ended(None)) => return,
            Event::AnalysisFailed { job, reason }
                if self.covered(*job, Covered::Ended(Some(reason.to_string()))) =>
            {
                return;
            }
            Event::Crashed { message } => {
                self.failed(app, message);
                return;
            }
            Event::Pong => {
                if let Some(running) = &mut self.0.borrow_mut().worker {
                    running.pinged_at = None;
                }
                return;
            }
            _ => {}
        }
        self.gather(app, event);
    }

    /// Reads findings, which takes the code of the part that shows them, and hands them on.
    fn analysed(&self, app: &App, job: JobId, text: JsValue, is_final: bool) {
        let app = app.clone();
        spawn_local(async move {
            match parts::findings(text).await {
                Ok(Ok(Findings::Occlusion(found))) => {
                    app.engine.covered(job, Covered::Done(Rc::new(found)));
                }
                Ok(Ok(Findings::Excited(found))) => {
                    app.engine.covered(job, Covered::Excited(Rc::new(found)));
                }
                Ok(Ok(findings)) => {
                    app.engine.flush(&app);
                    app.dispatch(Action::Found(job, Box::new(findings), is_final));
                }
                Ok(Err(error)) => app.engine.unread(&app, job, error),
                Err(_) => app
                    .engine
                    .unread(&app, job, "a part of the page is missing".into()),
            }
        });
    }

    fn unread(&self, app: &App, job: JobId, detail: String) {
        let reason = TrainError::Internal { detail };
        self.gather(app, Event::AnalysisFailed { job, reason });
    }

    fn loaded(&self, app: &App) {
        let worker = {
            let mut client = self.0.borrow_mut();
            let Some(running) = &mut client.worker else {
                return;
            };
            let app = app.clone();
            let watchdog = Interval::new(WATCH_MS, move || app.engine.watch(&app));
            running.watchdog = Some(watchdog);
            running.worker.clone()
        };
        let app = app.clone();
        spawn_local(async move {
            let choice = app.state().backbones.choice.clone();
            match weights::find(&app, &choice).await {
                Some((weights, attached)) => {
                    app.engine.begin(&app, &worker, choice, weights, &attached)
                }
                None => {
                    app.dispatch(Action::Problem {
                        title: format!("The weights of {} are not here", choice.id.title()),
                        detail: "Open their file again under “More backbones” to go on with it. Until then the backbone that comes with the page takes its place; your images are safe.".into(),
                    });
                    app.dispatch(Action::SetBackbone(BackboneChoice::default()));
                }
            }
        });
    }

    /// Asks a worker to compare backbones, as soon as their weights are found.
    pub(super) fn compare_backbones(
        &self,
        app: &App,
        worker: &Worker,
        job: JobId,
        analysis: Analysis,
    ) {
        let (app, worker) = (app.clone(), worker.clone());
        spawn_local(async move {
            let choices = match &analysis {
                Analysis::Compare { backbones, .. } => backbones.clone(),
                _ => Vec::new(),
            };
            let (mut weights, mut attachments) = (Vec::new(), Vec::new());
            for choice in &choices {
                // What has gone meanwhile, the engine misses and says so.
                if let Some((place, attached)) = weights::find(&app, choice).await {
                    weights.push(place);
                    attachments.extend(attached);
                }
            }
            let command = Command::Analyse {
                job,
                analysis,
                weights,
            };
            app.engine.post_to(&worker, &command, &attachments);
            let state = app.state();
            let mut jobs = state.analyses.jobs.iter();
            if jobs.any(|known| known.id == job && known.stop_requested) {
                // The worker heard of that before it knew of the job.
                let command = Command::StopAnalysis { job };
                app.engine.post_to(&worker, &command, &[]);
            }
        });
    }

    /// Posts a command to a worker, unless another one has taken its place.
    fn post_to(&self, worker: &Worker, command: &Command, attachments: &[JsValue]) {
        let client = self.0.borrow();
        let running = client.worker.as_ref();
        if let Some(running) = running.filter(|running| running.worker == *worker) {
            running.post(command, attachments, &[]);
        }
    }

    /// Tells a worker what to load, unless another one has taken its place.
    fn begin(
        &self,
        app: &App,
        worker: &Worker,
        backbone: BackboneChoice,
        weights: WeightsPlace,
        attached: &[JsValue],
    ) {
        let command = Command::Start {
            device: app.state().engine.preference,
            backbone,
            weights,
        };
        self.post_to(worker, &command, attached);
    }

    /// The new engine is told everything at once, so that whatever is asked of it next finds it in the know.
    fn ready(&self, app: &App) {
        let state = app.state();
        let client = &mut *self.0.borrow_mut();
        if let Some(running) = &mut client.worker {
            running.is_ready = true;
            running.sync(app, &state);
            client.archives.iter().for_each(|job| job.post(running));
        }
    }

    /// Returns whether the image is a new one.
    fn archive_image(
        &self,
        app: &App,
        import: ImportId,
        file: Blob,
        class: &str,
        part: Part,
        name: &str,
    ) -> bool {
        {
            let mut client = self.0.borrow_mut();
            let Some(job) = client.archives.iter_mut().find(|job| job.id == import) else {
                return false;
            };
            if job.skip > 0 {
                job.skip -= 1;
                return false;
            }
            job.received += 1;
        }
        intake::add_from_archive(app, file, class.to_owned(), part, name.to_owned());
        true
    }

    /// Hands on how something goes that was asked for here. Returns whether that is what the job is.
    fn covered(&self, job: JobId, change: Covered) -> bool {
        let onchange = {
            let mut client = self.0.borrow_mut();
            let Some(running) = client.worker.as_mut() else {
                return false;
            };
            match change {
                Covered::Progress(..) => running.occlusions.get(&job).cloned(),
                Covered::Done(_) | Covered::Excited(_) | Covered::Ended(_) => {
                    running.occlusions.remove(&job)
                }
            }
        };
        match onchange {
            Some(onchange) => {
                onchange.emit(change);
                true
            }
            None => false,
        }
    }

    fn gather(&self, app: &App, event: Event) {
        let client = &mut *self.0.borrow_mut();
        client.gathered.push(event);
        if client.gathering.is_none() {
            let app = app.clone();
            let timeout = Timeout::new(GATHER_MS, move || app.engine.flush(&app));
            client.gathering = Some(timeout);
        }
    }

    pub(super) fn flush(&self, app: &App) {
        let events = {
            let client = &mut *self.0.borrow_mut();
            client.gathering = None;
            std::mem::take(&mut client.gathered)
        };
        if !events.is_empty() {
            app.dispatch(Action::Events(events));
        }
    }
}
