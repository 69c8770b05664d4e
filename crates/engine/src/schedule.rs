//! What comes next.
//!
//! Commands note long work here, and [`Schedule::next`] hands out one piece of it after the other: predictions first, then a training run whose images are ready, then the images that wait, and analyses last.
//! An analysis lets all the others through at each of its pauses, since it can take long and nobody should wait for it; a run lets through what the model before it can predict.
//!
//! This is a plain state machine that knows neither the browser nor burn, so that its tests run natively.
//! Whoever does the work reports back: when the device has come or gone, when there is a model, and when a run or an analysis is over.

use std::collections::VecDeque;

use headstart_project::{
    Analysis, BackboneChoice, DevicePreference, JobId, RunId, SampleId, TrainRequest, WeightsPlace,
};

use crate::inputs::samples::Samples;

/// What is to be done. `F` is a file's handle, and `I` an image to classify.
pub struct Schedule<F, I> {
    /// The images; those that wait are embedded one batch after the other.
    pub samples: Samples<F>,
    start: Option<Start<F>>,
    device: Device,
    has_model: bool,
    predictions: VecDeque<I>,
    run: Option<TrainRequest>,
    active_run: Option<Active<RunId>>,
    jobs: VecDeque<Job<F>>,
    active_job: Option<Active<JobId>>,
}

/// Whether there is something to compute on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Device {
    #[default]
    Missing,
    Ready,
    Lost,
}

/// What is under way, and whether it is to stop.
#[derive(Debug)]
struct Active<Id> {
    id: Id,
    is_stopping: bool,
}

/// A device and a backbone to begin with.
#[derive(Debug)]
pub struct Start<F> {
    /// The device to use.
    pub device: DevicePreference,
    /// The backbone to load.
    pub choice: BackboneChoice,
    /// Where its weights are.
    pub weights: WeightsPlace,
    /// The weights, if the browser keeps them.
    pub attached: Option<F>,
}

/// An analysis to carry out.
#[derive(Debug)]
pub struct Job<F> {
    /// Names the analysis in events.
    pub id: JobId,
    /// What to do.
    pub analysis: Analysis,
    /// Where the weights of its backbones are.
    pub weights: Vec<WeightsPlace>,
    /// The files that belong to it.
    pub attachments: Vec<F>,
}

/// The next piece of long work.
pub enum Step<F, I> {
    /// What an analysis lets through.
    Urgent(Urgent<F, I>),
    /// An analysis; [`Schedule::job_ended`] when it is over.
    Analyse(Job<F>),
}

/// Work that goes before every analysis.
pub enum Urgent<F, I> {
    /// Begin; [`Schedule::device_ready`] when that worked.
    Start(Start<F>),
    /// The device was lost while nothing was under way: find another, and [`Schedule::device_ready`].
    FallBack,
    /// Classify an image.
    Predict(I),
    /// Carry out a run; [`Schedule::run_ended`] when it is over.
    Train(TrainRequest),
    /// Embed the images that [`Samples::next`] names, and [`Samples::finish`] each of them.
    Embed,
}

/// Whether something that is to stop has already begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Stop {
    /// It had not begun and never will: say so.
    Done,
    /// It is under way and will say so itself.
    Noted,
    /// It is over or was never heard of.
    Unknown,
}

impl<F, I> Default for Schedule<F, I> {
    fn default() -> Self {
        Self {
            samples: Samples::default(),
            start: None,
            device: Device::default(),
            has_model: false,
            predictions: VecDeque::new(),
            run: None,
            active_run: None,
            jobs: VecDeque::new(),
            active_job: None,
        }
    }
}

impl<F: Clone, I> Schedule<F, I> {
    /// The next piece of work when none is under way.
    pub fn next(&mut self) -> Option<Step<F, I>> {
        if let Some(urgent) = self.next_urgent() {
            return Some(Step::Urgent(urgent));
        }
        if self.device == Device::Missing {
            return None;
        }
        let job = self.jobs.pop_front()?;
        self.active_job = Some(Active::new(job.id));
        Some(Step::Analyse(job))
    }

    /// The next piece of work that an analysis lets through.
    pub fn next_urgent(&mut self) -> Option<Urgent<F, I>> {
        if let Some(start) = self.start.take() {
            return Some(Urgent::Start(start));
        }
        match self.device {
            Device::Missing => return None,
            Device::Lost => return Some(Urgent::FallBack),
            Device::Ready => {}
        }
        if let Some(prediction) = self.next_prediction() {
            return Some(Urgent::Predict(prediction));
        }
        let is_ready = |run: &mut TrainRequest| !self.samples.any_waiting(run.samples());
        if let Some(run) = self.run.take_if(is_ready) {
            self.active_run = Some(Active::new(run.run));
            return Some(Urgent::Train(run));
        }
        (self.samples.waiting() > 0).then_some(Urgent::Embed)
    }

    /// The next image to classify, for which a run makes way, too: the camera goes on with the model of the run before.
    /// Without a model they wait for it.
    pub fn next_prediction(&mut self) -> Option<I> {
        self.has_model
            .then(|| self.predictions.pop_front())
            .flatten()
    }

    /// Notes what to begin with.
    pub fn start(&mut self, start: Start<F>) {
        self.start = Some(start);
    }

    /// There is a device with a backbone on it, the first one or another after a loss.
    pub fn device_ready(&mut self) {
        self.device = Device::Ready;
    }

    /// The device that was there is lost.
    pub fn device_lost(&mut self) {
        if self.device == Device::Ready {
            self.device = Device::Lost;
        }
    }

    /// There is a model to predict with.
    pub fn model_ready(&mut self) {
        self.has_model = true;
    }

    /// Notes an image to classify.
    pub fn predict(&mut self, image: I) {
        self.predictions.push_back(image);
    }

    /// The predictions that no model can answer, after it turned out that there will be none.
    pub fn predictions_without_model(&mut self) -> Vec<I> {
        if self.has_model || self.run.is_some() {
            return Vec::new();
        }
        self.predictions.drain(..).collect()
    }

    /// Notes a run. Returns the one whose place it takes before that has begun.
    #[must_use]
    pub fn train(&mut self, request: TrainRequest) -> Option<RunId> {
        self.run.replace(request).map(|request| request.run)
    }

    /// Stops a run, whether it waits or is under way.
    pub fn stop_training(&mut self, run: RunId) -> Stop {
        if self.run.take_if(|request| request.run == run).is_some() {
            return Stop::Done;
        }
        Active::stop(&mut self.active_run, run)
    }

    /// Whether the run under way is to stop.
    pub fn is_run_stopping(&self) -> bool {
        Active::is_stopping(self.active_run.as_ref())
    }

    /// The run under way is over.
    pub fn run_ended(&mut self) {
        self.active_run = None;
    }

    /// Notes an analysis, behind those that wait already.
    pub fn analyse(&mut self, job: Job<F>) {
        self.jobs.push_back(job);
    }

    /// Stops an analysis, whether it waits or is under way.
    pub fn stop_analysis(&mut self, id: JobId) -> Stop {
        if let Some(at) = self.jobs.iter().position(|job| job.id == id) {
            self.jobs.remove(at);
            return Stop::Done;
        }
        Active::stop(&mut self.active_job, id)
    }

    /// Whether the analysis under way is to stop.
    pub fn is_job_stopping(&self) -> bool {
        Active::is_stopping(self.active_job.as_ref())
    }

    /// The analysis under way is over.
    pub fn job_ended(&mut self) {
        self.active_job = None;
    }
}

impl<Id: PartialEq> Active<Id> {
    fn new(id: Id) -> Self {
        Self {
            id,
            is_stopping: false,
        }
    }

    fn stop(active: &mut Option<Self>, id: Id) -> Stop {
        match active.as_mut().filter(|active| active.id == id) {
            Some(active) => {
                active.is_stopping = true;
                Stop::Noted
            }
            None => Stop::Unknown,
        }
    }

    fn is_stopping(active: Option<&Self>) -> bool {
        active.is_some_and(|active| active.is_stopping)
    }
}

/// The images that an analysis is about, which have to be embedded before it can begin.
pub fn samples_of(analysis: &Analysis) -> Vec<SampleId> {
    match analysis {
        Analysis::CrossValidate { classes, .. }
        | Analysis::Examine { classes }
        | Analysis::Compare { classes, .. } => classes
            .iter()
            .flat_map(headstart_project::ClassRequest::samples)
            .collect(),
        Analysis::Map { samples, .. } | Analysis::Excite { samples, .. } => samples.clone(),
        Analysis::Occlude { .. } => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
