//! The engine's worker: starting, talking, watching, and replacing it.
//!
//! The engine mirrors the page's state. `sync` tells it what changed; a new engine knows nothing, so the same `sync` tells it everything.

mod running;

use std::cell::RefCell;
use std::rc::Rc;

use gloo_timers::callback::{Interval, Timeout};
use headstart_project::{
    Analysis, AugmentSettings, BackboneChoice, Command, DevicePreference, EngineError, Event,
    Excited, Findings, Frame, HeatFor, HeatMap, ImportId, InsideStage, JobId, ModelExport,
    Occlusion, Packing, Part, ProjectFile, ProjectNote, Rejection, RequestId, SampleId,
    SavedBackbone, SavedRun, WeightsPlace,
};
use headstart_wire::unpack;
use js_sys::{Date, Function, Promise, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Blob, ImageBitmap, MessageEvent, Worker};
use yew::Callback;

use self::running::{ArchiveJob, Running, WATCH_MS};
use super::{intake, weights};
use crate::context::App;
use crate::state::{Action, State};

/// Events are gathered this long and then change the state at once.
const GATHER_MS: u32 = 16;
/// Deaths within `DEATHS_WITHIN_MS` after which the user decides.
const MAX_DEATHS: usize = 3;
const DEATHS_WITHIN_MS: f64 = 60_000.0;

const NOT_READY: &str = "The engine is not ready yet. Wait a moment and try again.";

/// A picture to classify.
pub enum Picture {
    File(Blob),
    Bitmap(ImageBitmap),
}

/// What the newest model says of a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// One probability for each class.
    pub probabilities: Rc<[f32]>,
    /// How much it is like the training images; comparable with the threshold.
    pub familiarity: f32,
    /// Where the model looked, if that was asked for.
    pub heat: Option<Rc<HeatMap>>,
    /// Where it lies on the map, if there is one.
    pub place: Option<[f32; 2]>,
}

impl Judgement {
    /// Index of the most probable class.
    pub fn top(&self) -> Option<usize> {
        let all = self.probabilities.iter().enumerate();
        all.max_by(|a, b| a.1.total_cmp(b.1)).map(|(at, _)| at)
    }
}

/// The answer to a picture.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The newest model's.
    Judged(Judgement),
    /// The picture cannot be used.
    Rejected(Rejection),
    /// The engine is not there, or died meanwhile; ask again.
    NoEngine,
}

/// What the engine gives out, or takes in, as a file.
#[derive(Clone, Debug)]
pub enum Given {
    /// A zip.
    Zip(Blob),
    /// An opened project. The attachments are those of `Event::Unpacked`.
    Project {
        project: Box<ProjectFile>,
        run: Option<Box<SavedRun>>,
        notes: Vec<ProjectNote>,
        attachments: Vec<JsValue>,
    },
    /// Pictures.
    Pictures(Vec<Blob>),
    /// A weights file in Headstart's form.
    Weights {
        choice: BackboneChoice,
        has_hidden: bool,
        file: Blob,
    },
    /// Milliseconds that one image takes.
    Speed(f64),
    /// What each stage makes of a picture, and the grey values of its feature maps.
    Inside(Vec<InsideStage>, Vec<u8>),
    /// It did not work, in words.
    Failed(String),
}

/// How covering an image's parts goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Covered {
    /// Positions done and in all.
    Progress(u32, u32),
    /// All positions are done.
    Done(Rc<Occlusion>),
    /// The images that excite a channel were found.
    Excited(Rc<Excited>),
    /// It was stopped, failed with this reason, or there is no engine.
    Ended(Option<String>),
}

/// An occlusion map under way. It is stopped when this is dropped.
pub struct Covering {
    client: Rc<RefCell<Client>>,
    job: JobId,
}

impl Drop for Covering {
    fn drop(&mut self) {
        let mut client = self.client.borrow_mut();
        if let Some(running) = &mut client.worker
            && running.occlusions.remove(&self.job).is_some()
        {
            running.post(&Command::StopAnalysis { job: self.job }, &[], &[]);
        }
    }
}

/// The client. Clones share it.
#[derive(Clone, Default)]
pub struct Engine(Rc<RefCell<Client>>);

#[derive(Default)]
struct Client {
    worker: Option<Running>,
    archives: Vec<ArchiveJob>,
    last_import: u32,
    last_request: u32,
    /// Occlusion maps are asked for here and not by the state, whose jobs count upwards; these count down from the top.
    occlusions: u32,
    gathered: Vec<Event>,
    gathering: Option<Timeout>,
    deaths: Vec<f64>,
}

impl Engine {
    /// Starts an engine in place of the one that runs.
    pub fn start(&self, app: &App, preference: DevicePreference) {
        self.end_worker();
        match Running::spawn(app, preference) {
            Ok(running) => self.0.borrow_mut().worker = Some(running),
            Err(error) => app.dispatch(Action::EngineGaveUp {
                message: format!("{error:?}"),
            }),
        }
    }

    /// Starts anew because the user asks for it.
    pub fn retry(&self, app: &App) {
        self.0.borrow_mut().deaths.clear();
        app.dispatch(Action::EngineRestarted { reason: None });
        let preference = app.state().engine.preference;
        self.start(app, preference);
    }

    /// Tells a ready engine what it does not know yet.
    pub fn sync(&self, app: &App, state: &State) {
        let mut client = self.0.borrow_mut();
        if let Some(running) = client.worker.as_mut().filter(|running| running.is_ready) {
            running.sync(app, state);
        }
    }

    /// Has an archive read, now or as soon as there is an engine.
    pub fn read_archive(&self, file: Blob) -> ImportId {
        let client = &mut *self.0.borrow_mut();
        client.last_import += 1;
        let job = ArchiveJob {
            id: ImportId(client.last_import),
            file,
            received: 0,
            skip: 0,
        };
        if let Some(running) = client.worker.as_ref().filter(|running| running.is_ready) {
            job.post(running);
        }
        let id = job.id;
        client.archives.push(job);
        id
    }

    /// Has a project or a data set put together; `files` are those of its images, in order.
    pub fn pack(&self, packing: Packing, files: Vec<JsValue>, ongiven: Callback<Given>) {
        self.exchange(ongiven, files, |request| Command::Pack {
            request,
            packing: Box::new(packing),
        });
    }

    /// Has a project's file opened.
    /// What `known` backbones made of its images is taken over.
    pub fn unpack(&self, file: Blob, known: Vec<SavedBackbone>, ongiven: Callback<Given>) {
        self.exchange(ongiven, vec![file.into()], |request| Command::Unpack {
            request,
            known,
        });
    }

    /// Has another tool's weights file brought into Headstart's form.
    pub fn open_weights(
        &self,
        file: Blob,
        is_small: bool,
        keep_hidden: bool,
        ongiven: Callback<Given>,
    ) {
        self.exchange(ongiven, vec![file.into()], |request| Command::OpenWeights {
            request,
            keep_hidden,
            is_small,
        });
    }

    /// Has the backbone in use time itself.
    pub fn probe(&self, ongiven: Callback<Given>) {
        self.exchange(ongiven, Vec::new(), |request| Command::Probe { request });
    }

    /// Has the newest model put together for other tools.
    pub fn export_model(&self, export: ModelExport, ongiven: Callback<Given>) {
        self.exchange(ongiven, Vec::new(), |request| Command::ExportModel {
            request,
            export,
        });
    }

    /// Has an image varied, as a run would do it.
    pub fn vary(
        &self,
        file: Blob,
        sample: SampleId,
        augmentation: AugmentSettings,
        seed: u64,
        ongiven: Callback<Given>,
    ) {
        self.exchange(ongiven, vec![file.into()], |request| Command::Vary {
            request,
            sample,
            augmentation,
            seed,
        });
    }

    /// [`Engine::look_inside`], to be waited for.
    pub async fn seen_inside(&self, picture: Picture) -> Given {
        let none = Given::Failed(NOT_READY.into());
        answered(none, |ongiven| self.look_inside(picture, ongiven)).await
    }

    fn exchange(
        &self,
        ongiven: Callback<Given>,
        attachments: Vec<JsValue>,
        command: impl FnOnce(RequestId) -> Command,
    ) {
        let mut client = self.0.borrow_mut();
        client.last_request += 1;
        let request = RequestId(client.last_request);
        match client.worker.as_mut().filter(|running| running.is_ready) {
            Some(running) => {
                running.exchanges.insert(request, ongiven);
                running.post(&command(request), &attachments, &[]);
            }
            None => {
                drop(client);
                ongiven.emit(Given::Failed(NOT_READY.into()));
            }
        }
    }

    fn give(&self, request: RequestId, given: Given) {
        let waiting = {
            let mut client = self.0.borrow_mut();
            let running = client.worker.as_mut();
            running.and_then(|running| running.exchanges.remove(&request))
        };
        if let Some(ongiven) = waiting {
            ongiven.emit(given);
        }
    }

    /// Hands over what the engine has asked the network for, each with the bytes that came.
    pub fn requests(&self, onlist: Callback<Vec<(String, f64)>>) {
        let client = &mut *self.0.borrow_mut();
        if let Some(running) = client.worker.as_mut() {
            running.onrequests = Some(onlist);
            running.post(&Command::ListRequests, &[], &[]);
        }
    }

    /// Covers one part of an image after the other; `onchange` hears how it goes, last of all `Done` or `Ended`.
    /// `None` when there is no engine.
    pub fn occlude(
        &self,
        image: Blob,
        heat: HeatFor,
        onchange: Callback<Covered>,
    ) -> Option<Covering> {
        self.look(Analysis::Occlude { heat }, &[image.into()], onchange)
    }

    /// Finds the images that excite a channel most; `onchange` hears how it goes, last of all `Excited` or `Ended`.
    /// `None` when there is no engine.
    pub fn excite(
        &self,
        samples: Vec<SampleId>,
        stage: u32,
        channel: u32,
        onchange: Callback<Covered>,
    ) -> Option<Covering> {
        let analysis = Analysis::Excite {
            samples,
            stage,
            channel,
        };
        self.look(analysis, &[], onchange)
    }

    fn look(
        &self,
        analysis: Analysis,
        attachments: &[JsValue],
        onchange: Callback<Covered>,
    ) -> Option<Covering> {
        let client = &mut *self.0.borrow_mut();
        client.occlusions += 1;
        let job = JobId(u32::MAX - client.occlusions);
        let running = client.worker.as_mut().filter(|running| running.is_ready)?;
        running.occlusions.insert(job, onchange);
        let command = Command::Analyse {
            job,
            analysis,
            weights: Vec::new(),
        };
        running.post(&command, attachments, &[]);
        let client = self.0.clone();
        Some(Covering { client, job })
    }

    /// Shows what each stage of the backbone makes of a picture.
    pub fn look_inside(&self, picture: Picture, ongiven: Callback<Given>) {
        let (frame, image) = match picture {
            Picture::File(file) => (Frame::File, JsValue::from(file)),
            Picture::Bitmap(bitmap) => (Frame::Bitmap, JsValue::from(bitmap)),
        };
        self.exchange(ongiven, vec![image], |request| Command::LookInside {
            request,
            frame,
        });
    }

    /// Classifies a picture with the newest model, and on demand says where that looked.
    pub async fn classify(&self, picture: Picture, heat: Option<HeatFor>) -> Answer {
        answered(Answer::NoEngine, |answer| {
            self.predict(picture, heat, answer)
        })
        .await
    }

    fn predict(&self, picture: Picture, heat: Option<HeatFor>, answer: Callback<Answer>) {
        let mut client = self.0.borrow_mut();
        client.last_request += 1;
        let request = RequestId(client.last_request);
        let Some(running) = client.worker.as_mut().filter(|running| running.is_ready) else {
            drop(client);
            answer.emit(Answer::NoEngine);
            return;
        };
        running.answers.insert(request, answer);
        match picture {
            Picture::File(file) => {
                let command = Command::Predict {
                    request,
                    frame: Frame::File,
                    heat,
                };
                running.post(&command, &[file.into()], &[]);
            }
            Picture::Bitmap(bitmap) => {
                let command = Command::Predict {
                    request,
                    frame: Frame::Bitmap,
                    heat,
                };
                let bitmap = JsValue::from(bitmap);
                let pixels = std::slice::from_ref(&bitmap);
                running.post(&command, pixels, pixels);
            }
        }
    }

    /// Ends the worker, if there is one, and answers what waits for it.
    fn end_worker(&self) {
        let ended = {
            let client = &mut *self.0.borrow_mut();
            for job in &mut client.archives {
                job.skip = job.received;
            }
            client.worker.take()
        };
        if let Some(running) = ended {
            running.worker.terminate();
            for answer in running.answers.into_values() {
                answer.emit(Answer::NoEngine);
            }
            for ongiven in running.exchanges.into_values() {
                ongiven.emit(Given::Failed(NOT_READY.into()));
            }
            for onchange in running.occlusions.into_values() {
                onchange.emit(Covered::Ended(None));
            }
        }
    }

    /// An engine that fails before its first word did not arrive whole, and the next one would not either.
    fn failed(&self, app: &App, message: &str) {
        let has_loaded = {
            let client = self.0.borrow();
            client
                .worker
                .as_ref()
                .is_some_and(|running| running.watchdog.is_some())
        };
        if has_loaded {
            self.died(app, message);
        } else {
            web_sys::console::warn_1(&format!("Headstart: {message}").into());
            self.end_worker();
            app.dispatch(Action::EngineGaveUp {
                message:
                    "Its code could not be loaded. Check the connection, then press Try again."
                        .into(),
            });
        }
    }

    /// The engine has died: replaces it, unless it dies all the time.
    fn died(&self, app: &App, message: &str) {
        // The error itself, if there was one, the browser has already written to the console.
        web_sys::console::warn_1(&format!("Headstart: the engine stopped: {message}").into());
        self.flush(app);
        self.end_worker();
        let now = Date::now();
        let deaths = {
            let client = &mut *self.0.borrow_mut();
            client.deaths.retain(|at| now - at < DEATHS_WITHIN_MS);
            client.deaths.push(now);
            client.deaths.len()
        };
        if deaths >= MAX_DEATHS {
            app.dispatch(Action::EngineGaveUp {
                message: format!(
                    "It stopped {MAX_DEATHS} times within a minute. Your images are safe. Closing other tabs may help; then press Try again."
                ),
            });
            return;
        }
        app.dispatch(Action::EngineRestarted {
            reason: Some("Your images and your trained model are still here, and the work that was under way goes on.".into()),
        });
        let preference = app.state().engine.preference;
        self.start(app, preference);
    }

    fn watch(&self, app: &App) {
        let is_silent = {
            let mut client = self.0.borrow_mut();
            client.worker.as_mut().is_some_and(Running::watch)
        };
        if is_silent {
            self.died(app, "it did not answer for 30 seconds");
        }
    }

    fn message(&self, app: &App, message: &MessageEvent) {
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
            Event::Unpacked {
                request,
                project,
                run,
                notes,
            } => {
                let given = Given::Project {
                    project,
                    run,
                    notes,
                    attachments,
                };
                return self.give(request, given);
            }
            Event::Inside { request, stages } => {
                let maps = attachments.first().and_then(JsCast::dyn_ref::<Uint8Array>);
                let maps = maps.map(Uint8Array::to_vec).unwrap_or_default();
                return self.give(request, Given::Inside(stages, maps));
            }
            Event::Varied { request } => {
                let pictures = attachments.into_iter().map(JsCast::dyn_into);
                return self.give(request, Given::Pictures(pictures.flatten().collect()));
            }
            Event::WeightsOpened {
                request,
                backbone: choice,
                has_hidden,
            } => {
                let file = attachments.into_iter().next().map(JsCast::dyn_into);
                let given = match file {
                    Some(Ok(file)) => Given::Weights {
                        choice,
                        has_hidden,
                        file,
                    },
                    _ => Given::Failed(String::new()),
                };
                return self.give(request, given);
            }
            Event::Probed { request, image_ms } => {
                return self.give(request, Given::Speed(image_ms));
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
            }
            Event::Prediction {
                request,
                probabilities,
                familiarity,
                heat,
                place,
                ..
            } => {
                let judgement = Judgement {
                    probabilities: probabilities.as_slice().into(),
                    familiarity: *familiarity,
                    heat: heat.clone().map(Rc::new),
                    place: *place,
                };
                self.answer(*request, Answer::Judged(judgement));
                return;
            }
            Event::PredictionFailed { request, reason } => {
                self.answer(*request, Answer::Rejected(reason.clone()));
                return;
            }
            Event::AnalysisProgress {
                job, done, total, ..
            } if self.covered(*job, Covered::Progress(*done, *total)) => return,
            Event::Analysed { job, findings, .. } => {
                let done = match &**findings {
                    Findings::Occlusion(found) => Some(Covered::Done(Rc::new(found.clone()))),
                    Findings::Excited(found) => Some(Covered::Excited(Rc::new(found.clone()))),
                    _ => None,
                };
                if let Some(done) = done {
                    self.covered(*job, done);
                    return;
                }
            }
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
            Event::Packed { request } | Event::ModelExported { request } => {
                let zip = attachment.dyn_into();
                let given = zip.map_or_else(|_| Given::Failed(String::new()), Given::Zip);
                return self.give(*request, given);
            }
            Event::WeightsFailed { request, reason } => {
                return self.give(*request, Given::Failed(reason.to_string()));
            }
            Event::UnpackFailed { request, reason } => {
                return self.give(*request, Given::Failed(reason.to_string()));
            }
            Event::ExportFailed { request, reason } => {
                return self.give(*request, Given::Failed(reason.to_string()));
            }
            Event::Requests { requests } => {
                let onlist = {
                    let mut client = self.0.borrow_mut();
                    let running = client.worker.as_mut();
                    running.and_then(|running| running.onrequests.take())
                };
                if let Some(onlist) = onlist {
                    onlist.emit(requests.clone());
                }
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
    fn compare_backbones(&self, app: &App, worker: &Worker, job: JobId, analysis: Analysis) {
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
            running.restore_model(app);
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

    fn answer(&self, request: RequestId, answer: Answer) {
        let waiting = {
            let mut client = self.0.borrow_mut();
            client
                .worker
                .as_mut()
                .and_then(|running| running.answers.remove(&request))
        };
        if let Some(waiting) = waiting {
            waiting.emit(answer);
        }
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

    fn flush(&self, app: &App) {
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

/// Waits for the one answer to what `ask` asks; `none` stands in for it until then.
async fn answered<T: Clone + 'static>(none: T, ask: impl FnOnce(Callback<T>)) -> T {
    let slot = Rc::new(RefCell::new(none));
    let mut ask = Some(ask);
    let promise = Promise::new(&mut |resolve: Function, _| {
        let slot = slot.clone();
        let answer = Callback::from(move |answer| {
            *slot.borrow_mut() = answer;
            // A promise's own function does not throw.
            let _ = resolve.call0(&JsValue::NULL);
        });
        if let Some(ask) = ask.take() {
            ask(answer);
        }
    });
    // The promise is never rejected; what counts is in the slot.
    let _ = JsFuture::from(promise).await;
    slot.borrow().clone()
}
