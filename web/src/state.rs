//! The page's state: plain data, changed only by the reducer.
//!
//! Browser objects (files, thumbnails, embeddings) are kept by `services::samples::media` under their sample's id and never stand here.

pub mod analysis;
pub mod backbones;
pub mod camera;
pub mod doctor;
pub mod engine;
mod events;
pub mod notice;
pub mod project;
mod record;
pub mod run;
pub mod saved;
pub mod settings;
pub mod status;
pub mod storage;
pub mod threshold;
pub mod undo;

use std::rc::Rc;

use headstart_project::{
    BackboneChoice, BackboneId, BurstId, DevicePreference, Event, Findings, ImportId, JobId, Part,
    Rejection, RunId, SampleId,
};
use serde::{Deserialize, Serialize};
use yew::Reducible;

use self::analysis::{Analyses, Kind};
use self::backbones::{Backbones, KeptWeights};
use self::camera::{CameraOwner, CameraPrefs};
use self::engine::{EngineState, Phase};
use self::notice::{LeftOut, Notices};
use self::project::{ClassId, Project, Sample};
use self::run::{Plan, Results, Run};
use self::saved::Saved;
use self::settings::{Draft, Field, Head, Variation};
use self::storage::{Offline, Saving, Stage, StoreError};
use self::undo::History;

/// Everything that the page shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Which project is open.
    pub stage: Stage,
    #[serde(skip)]
    pub saving: Saving,
    pub offline: Offline,
    /// The step of the guided tour.
    #[serde(skip)]
    pub tour: Option<usize>,
    /// All backbones are shown to choose from.
    #[serde(skip)]
    pub picker: bool,
    /// The project's name.
    pub title: String,
    pub project: Project,
    pub undo: History,
    /// The newest undo step was dismissed; it can still be taken back by keyboard.
    pub undo_hidden: bool,
    pub settings: Draft,
    pub engine: EngineState,
    pub backbones: Backbones,
    pub run: Option<Run>,
    pub results: Option<Results>,
    /// Counts presses of Train.
    pub runs: u32,
    pub analyses: Analyses,
    /// Familiarity below which an image is of none of the classes, when the user has moved it from where the run put it.
    pub threshold: Option<f32>,
    pub notices: Notices,
    /// The last thing that was done, for the status line.
    pub news: Option<String>,
    /// Files that are being added: done and total.
    pub intake: Option<(usize, usize)>,
    pub imports: Vec<Import>,
    pub camera: Option<CameraOwner>,
    pub camera_prefs: CameraPrefs,
    /// Where a pasted picture goes when nothing else says.
    pub last_class: Option<ClassId>,
}

/// An archive that is being read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    pub id: ImportId,
    pub name: String,
    /// Images found so far.
    pub images: usize,
}

/// The class that a new image goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// This one.
    Class(ClassId),
    /// The one of this name, made if there is none.
    Named(Rc<str>),
}

/// An image that passed the first check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewImage {
    pub id: SampleId,
    pub name: Rc<str>,
    pub target: Target,
    pub part: Part,
    /// The recording that it is a frame of.
    pub burst: Option<BurstId>,
}

/// A slice of files that went through the first check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IntakeSlice {
    pub added: Vec<NewImage>,
    pub rejected: Vec<(Rc<str>, Rejection)>,
    /// Files done and in all; `None` when nothing is left to do.
    pub progress: Option<(usize, usize)>,
}

/// Everything that can happen.
#[derive(Clone, Debug)]
pub enum Action {
    SetStage(Stage),
    /// A kept project takes the place of the present one.
    Open(Box<Saved>),
    SetTitle(String),
    Saving(Saving),
    SetOffline(Offline),
    SetTour(Option<usize>),
    SetPicker(bool),
    AddClass,
    RenameClass(ClassId, String),
    EnableClass(ClassId, bool),
    DeleteClass(ClassId),
    UseClass(ClassId),
    Intake(IntakeSlice),
    DeleteSamples(Vec<SampleId>),
    MoveSamples(Vec<SampleId>, ClassId),
    SetPart(Vec<SampleId>, Part),
    Undo,
    HideUndo,
    SetField(Field, String),
    SetHead(Head),
    SetBalance(bool),
    SetUnfrozen(u32),
    SetVaried(bool),
    SetRepeats(u32),
    SetVariation(Variation, bool),
    ResetSettings,
    SetDevice(DevicePreference),
    SetBackbone(BackboneChoice),
    /// The weights files that this browser keeps are now these.
    SetKeptWeights(Vec<KeptWeights>),
    /// These backbones' weights are on the site, too.
    SetOnSite(Vec<BackboneId>),
    /// One image takes the present backbone so many milliseconds.
    SetSpeed(f64),
    Train,
    StopTraining,
    Analyse(Kind),
    StopAnalysis(Kind),
    SetThreshold(Option<f32>),
    ImportStarted(Import),
    /// The engine was replaced; the reason is told if there is one.
    EngineRestarted {
        reason: Option<String>,
    },
    EngineGaveUp {
        message: String,
    },
    Events(Vec<Event>),
    /// An analysis has found something, and has ended with it if so marked.
    Found(JobId, Box<Findings>, bool),
    OpenCamera(CameraOwner),
    CloseCamera(CameraOwner),
    SetCameraPrefs(CameraPrefs),
    /// For the status line.
    Tell(String),
    Problem {
        title: String,
        detail: String,
    },
    Dismiss(u32),
}

impl State {
    pub fn new(preference: DevicePreference) -> Self {
        Self {
            stage: Stage::default(),
            saving: Saving::default(),
            offline: Offline::default(),
            tour: None,
            picker: false,
            title: "My project".into(),
            project: Project::new(),
            undo: History::default(),
            undo_hidden: false,
            settings: Draft::default(),
            engine: EngineState {
                preference,
                ..EngineState::default()
            },
            backbones: Backbones::default(),
            run: None,
            results: None,
            runs: 0,
            analyses: Analyses::default(),
            threshold: None,
            notices: Notices::default(),
            news: None,
            intake: None,
            imports: Vec::new(),
            camera: None,
            camera_prefs: CameraPrefs::default(),
            last_class: None,
        }
    }

    /// Images that are in a class or can still come back into one.
    pub fn kept_samples(&self) -> impl Iterator<Item = SampleId> {
        self.project
            .samples()
            .map(|sample| sample.id)
            .chain(self.undo.samples())
    }

    /// What was done last, in words, as long as it is offered to take it back.
    pub fn undo_label(&self) -> Option<String> {
        let step = self.undo.last().filter(|_| !self.undo_hidden)?;
        Some(step.label.clone())
    }

    fn apply(&mut self, action: Action) {
        match action {
            Action::SetStage(stage) => {
                // What the tour points at is gone.
                self.tour = None;
                self.stage = stage;
            }
            Action::Open(saved) => self.open(*saved),
            Action::SetTitle(title) => self.title = title,
            Action::Saving(saving) => self.saving(saving),
            Action::SetOffline(offline) => self.offline = offline,
            Action::SetTour(step) => self.tour = step,
            Action::SetPicker(is_open) => self.picker = is_open,
            Action::AddClass => {
                let id = self.project.add_class(None);
                self.last_class = Some(id);
            }
            Action::RenameClass(id, name) => self.change_class(id, |class| {
                class.name = name;
                class.placeholder = false;
            }),
            Action::EnableClass(id, enabled) => self.change_class(id, |class| {
                class.enabled = enabled;
                class.placeholder = false;
            }),
            Action::DeleteClass(id) => {
                self.undo_hidden &= !self.undo.delete_class(&mut self.project, id);
                if self.camera == Some(CameraOwner::Class(id)) {
                    self.camera = None;
                }
            }
            Action::UseClass(id) => self.last_class = Some(id),
            Action::Intake(slice) => self.take_in(slice),
            Action::DeleteSamples(ids) => {
                self.undo_hidden &= !self.undo.delete_samples(&mut self.project, &ids);
            }
            Action::MoveSamples(ids, to) => {
                self.undo_hidden &= !self.undo.move_samples(&mut self.project, &ids, to);
            }
            Action::SetPart(ids, part) => {
                self.undo_hidden &= !self.undo.set_part(&mut self.project, &ids, part);
            }
            Action::Undo => {
                if self.undo.undo(&mut self.project) {
                    self.news = Some("Undone.".into());
                    self.undo_hidden = true;
                }
            }
            Action::HideUndo => self.undo_hidden = true,
            Action::SetField(field, text) => self.settings.set(field, text),
            Action::SetHead(head) => self.settings.head = head,
            Action::SetBalance(balance) => self.settings.balance_classes = balance,
            Action::SetUnfrozen(blocks) => self.settings.unfrozen = blocks,
            Action::SetRepeats(repeats) => self.analyses.repeats = repeats,
            Action::SetVaried(is_varied) => self.settings.is_varied = is_varied,
            Action::SetVariation(variation, is_on) => self.settings.switch(variation, is_on),
            Action::ResetSettings => self.settings = Draft::default(),
            Action::SetDevice(preference) => {
                self.engine.preference = preference;
                self.backbones.ms_per_million = None;
            }
            Action::SetBackbone(choice) => self.set_backbone(choice),
            Action::SetKeptWeights(kept) => self.backbones.kept = kept.into(),
            Action::SetOnSite(ids) => self.backbones.on_site = ids.into(),
            Action::SetSpeed(image_ms) => {
                let millions = self.backbones.choice.id.card().multiply_adds as f64 / 1e6;
                self.backbones.ms_per_million = Some(image_ms / millions);
            }
            Action::Train => self.train(),
            Action::StopTraining => self.stop_training(),
            Action::Analyse(kind) => self.analyse(kind),
            Action::StopAnalysis(kind) => {
                self.analyses.stop(kind);
                if self.engine.phase != Phase::Ready {
                    self.analyses.forget_stopped();
                }
            }
            Action::SetThreshold(threshold) => self.threshold = threshold,
            Action::ImportStarted(import) => self.imports.push(import),
            Action::EngineRestarted { reason } => self.engine_restarted(reason),
            Action::EngineGaveUp { message } => {
                self.engine.phase = Phase::GaveUp { message };
                self.engine.load = None;
                self.engine.embed = None;
            }
            Action::Found(job, findings, is_final) => {
                let kind = self.analyses.jobs.iter().find(|known| known.id == job);
                let kind = kind.map(|job| job.kind);
                if let (true, Some(kind)) = (self.analyses.found(job, *findings, is_final), kind) {
                    self.news = Some(kind.success().into());
                }
            }
            Action::Events(events) => events.into_iter().for_each(|event| self.event(event)),
            Action::OpenCamera(owner) => {
                self.camera = Some(owner);
                if let CameraOwner::Class(id) = owner {
                    self.last_class = Some(id);
                }
            }
            Action::CloseCamera(owner) => self.camera = self.camera.filter(|&now| now != owner),
            Action::SetCameraPrefs(prefs) => self.camera_prefs = prefs,
            Action::Tell(news) => self.news = Some(news),
            Action::Problem { title, detail } => self.notices.problem(title, detail),
            Action::Dismiss(id) => self.notices.dismiss(id),
        }
    }

    fn change_class(&mut self, id: ClassId, change: impl FnOnce(&mut project::Class)) {
        if let Some(class) = self.project.class_mut(id) {
            change(class);
        }
    }

    fn take_in(&mut self, slice: IntakeSlice) {
        if !slice.added.is_empty() {
            self.project.membership += 1;
        }
        for image in slice.added {
            self.project.highest_sample = self.project.highest_sample.max(image.id.0);
            let id = match &image.target {
                Target::Class(id) => *id,
                Target::Named(name) => {
                    self.project.classes.retain(|class| {
                        !class.placeholder || !class.is_empty() || class.name.trim() == &**name
                    });
                    self.project.class_named(name)
                }
            };
            // A class that was deleted meanwhile takes no more images; the media store lets go of them at the next sync.
            self.change_class(id, |class| {
                class.placeholder = false;
                class.insert([Sample {
                    id: image.id,
                    name: image.name,
                    part: image.part,
                    size_px: None,
                    burst: image.burst,
                }]);
            });
        }
        let rejected = slice.rejected.into_iter().map(|(name, reason)| LeftOut {
            name: name.to_string(),
            reason: reason.to_string(),
        });
        self.notices.left_out(rejected.collect(), 0);
        self.intake = slice.progress;
    }

    fn train(&mut self) {
        if self.run.is_some() {
            return;
        }
        match Plan::new(&self.project, &self.settings, RunId(self.runs + 1)) {
            Ok(plan) => {
                self.runs += 1;
                self.news = None;
                self.run = Some(Run {
                    plan: plan.into(),
                    stop_requested: false,
                    history: Rc::default(),
                    remaining_ms: None,
                });
            }
            Err(blocker) => self
                .notices
                .problem("Training cannot start yet", blocker.to_string()),
        }
    }

    /// A failure is told once, and again only when it has changed.
    fn saving(&mut self, saving: Saving) {
        if let Saving::Failed(error) = &saving
            && self.saving != saving
        {
            let detail = match error {
                StoreError::Full => "Everything is still on this page, but it would be lost with it: the space that the browser gives to this page is full. Delete old projects or images, or save this project as a file; saving then goes on by itself.".into(),
                error => format!("Everything is still on this page, but it would be lost with it: {error}. It is tried again every few seconds; to be safe, save the project as a file."),
            };
            self.notices
                .problem("The project is not being saved", detail);
        }
        // Trying again after a failure is not news until it has worked.
        if !matches!(
            (&self.saving, &saving),
            (Saving::Failed(_), Saving::UnderWay)
        ) {
            self.saving = saving;
        }
    }

    fn analyse(&mut self, kind: Kind) {
        let here = self.backbones.all_here().collect();
        let asked = self.analyses.ask(kind, &self.project, &self.settings, here);
        if let Err(blocker) = asked {
            self.notices.problem(kind.failure(), blocker.to_string());
        }
    }

    /// A run that the engine cannot know of yet ends here; otherwise the engine ends it.
    fn stop_training(&mut self) {
        if self.engine.phase != Phase::Ready {
            self.run = None;
            self.news = Some("Training was stopped.".into());
        } else if let Some(run) = &mut self.run {
            run.stop_requested = true;
        }
    }

    fn engine_restarted(&mut self, reason: Option<String>) {
        self.engine.phase = Phase::Starting;
        self.engine.device = None;
        self.engine.load = None;
        self.engine.embed = None;
        if let Some(reason) = reason {
            self.notices
                .problem("The engine stopped and was restarted", reason);
        }
        if self.run.as_ref().is_some_and(|run| run.stop_requested) {
            self.run = None;
        }
        self.analyses.forget_stopped();
    }
}

impl Reducible for State {
    type Action = Action;

    fn reduce(self: Rc<Self>, action: Action) -> Rc<Self> {
        let mut state = Rc::unwrap_or_clone(self);
        state.apply(action);
        state.into()
    }
}

#[cfg(test)]
mod tests;
