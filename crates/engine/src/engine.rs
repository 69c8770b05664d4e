//! The engine's state and its loop.
//!
//! Commands are taken in at once, whatever is going on: quick ones are carried out on the spot, long ones are noted.
//! The loop does the long work, one step after the other: predictions first, then a training run whose images are ready, then the images that wait, and analyses last.
//! An analysis lets all the others through at each of its pauses, since it can take long and nobody should wait for it.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::task::{Poll, Waker};

use burn::tensor::{Device, Tensor};
use futures_util::future::{Either, select};
use headstart_backbones::Backbone;
use headstart_project::{
    Analysis, BackboneChoice, BackboneInfo, Command, DeviceKind, DevicePreference, EngineError,
    Event, Fallback, Frame, HeatFor, JobId, RequestId, RunId, SampleId, TrainError, TrainRequest,
    WeightsPlace,
};
use headstart_training::{Model, Tuned, estimates};
use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::Blob;

use crate::browser::pause::Pause;
use crate::browser::port;
use crate::device::Chosen;
use crate::files::{archive, fetch, packing};
use crate::inputs::samples::Samples;
use crate::remaining::Remaining;
use crate::work::analysis::DrawnMap;
use crate::work::preparing::{self, Prepared};

/// Starts listening.
pub fn run(fallback: Option<Fallback>, adapter: Option<String>) {
    let engine = Rc::new(Engine {
        fallback,
        adapter,
        state: RefCell::default(),
        waker: Cell::default(),
    });
    let listener = engine.clone();
    port::listen(move |message| match message {
        Ok((command, attachments)) => listener.take(command, attachments),
        Err(detail) => fail(EngineError::Protocol { detail }),
    });
    spawn_local(engine.work());
    port::post(&Event::Loaded, &[]);
}

/// Tells the page that something went wrong.
pub fn fail(reason: EngineError) {
    port::post(&Event::Failed { reason }, &[]);
}

/// The worker's one engine.
pub struct Engine {
    fallback: Option<Fallback>,
    adapter: Option<String>,
    pub(crate) state: RefCell<State>,
    waker: Cell<Option<Waker>>,
}

/// What the engine knows, and what it is to do.
#[derive(Default)]
pub(crate) struct State {
    start: Option<Start>,
    ready: Option<Rc<Ready>>,
    pub samples: Samples,
    pub embedding: Option<Remaining>,
    pub predictions: VecDeque<PredictionRequest>,
    run: Option<TrainRequest>,
    /// The run whose steps are being taken, and whether it is to stop.
    pub active: Option<(RunId, bool)>,
    pub model: Option<Rc<Model>>,
    /// The backbone that belongs to the newest model, if its last blocks were trained.
    pub tuned: Option<Rc<Backbone>>,
    /// How much each channel of each stage answers to an image at most.
    pub excitement: HashMap<SampleId, Rc<[f32]>>,
    /// What was computed for the newest run beside the embeddings.
    pub prepared: Rc<RefCell<Prepared>>,
    /// The newest model as a safetensors file.
    pub model_file: Option<Rc<[u8]>>,
    pub jobs: VecDeque<AnalysisRequest>,
    /// The analysis whose steps are being taken, and whether it is to stop.
    pub active_job: Option<(JobId, bool)>,
    pub map: Option<Rc<DrawnMap>>,
    pub batch: usize,
}

/// An image to classify.
pub(crate) struct PredictionRequest {
    pub id: RequestId,
    pub frame: Frame,
    pub image: JsValue,
    pub heat: Option<HeatFor>,
}

/// An analysis to carry out.
pub(crate) struct AnalysisRequest {
    pub id: JobId,
    pub analysis: Analysis,
    /// Where the weights of its backbones are.
    pub weights: Vec<WeightsPlace>,
    pub attachments: Vec<JsValue>,
}

struct Start {
    device: DevicePreference,
    choice: BackboneChoice,
    weights: WeightsPlace,
    /// The weights, if the browser keeps them.
    attached: Option<JsValue>,
}

/// A device with the backbone on it.
pub(crate) struct Ready {
    pub chosen: Chosen,
    pub backbone: Backbone,
    pub choice: BackboneChoice,
    pub weights: Rc<[u8]>,
    pub load_ms: f64,
}

/// The next piece of long work.
enum Step {
    Start(Start),
    Predict(PredictionRequest),
    Train(TrainRequest),
    Embed,
    /// The device was lost while nothing was under way.
    FallBack(Rc<Ready>),
    Analyse(AnalysisRequest),
}

impl Engine {
    /// Takes in a command. Never waits.
    fn take(self: &Rc<Self>, command: Command, attachments: Vec<JsValue>) {
        let mut state = self.state.borrow_mut();
        match command {
            Command::Start {
                device,
                backbone,
                weights,
            } => {
                state.start = Some(Start {
                    device,
                    choice: backbone,
                    weights,
                    attached: attachments.into_iter().next(),
                });
            }
            Command::OpenWeights {
                request,
                keep_hidden,
                is_small,
            } => {
                if let Some(Ok(file)) = attachments.into_iter().next().map(Blob::try_from) {
                    let engine = self.clone();
                    spawn_local(async move {
                        engine
                            .open_weights(request, file, is_small, keep_hidden)
                            .await;
                    });
                }
            }
            Command::Probe { request } => {
                let engine = self.clone();
                spawn_local(async move { engine.probe(request).await });
            }
            Command::AddSamples { samples } => {
                let features = state
                    .ready
                    .as_ref()
                    .map_or(0, |ready| ready.backbone.features());
                state.samples.add(&samples, &attachments, features);
            }
            Command::RemoveSamples { samples } => {
                state.samples.remove(&samples);
                state.prepared.borrow_mut().remove(&samples);
                for id in &samples {
                    state.excitement.remove(id);
                }
            }
            Command::ReadArchive { import } => {
                if let Some(Ok(file)) = attachments.into_iter().next().map(Blob::try_from) {
                    spawn_local(archive::read(import, file));
                }
            }
            Command::Train(request) => state.run = Some(request),
            Command::StopTraining { run } => {
                if state.run.take_if(|request| request.run == run).is_some() {
                    port::post(&Event::TrainingStopped { run }, &[]);
                } else if let Some((active, is_stopping)) = &mut state.active {
                    *is_stopping |= *active == run;
                }
            }
            Command::RestoreModel => {
                if let Some(file) = attachments.first().and_then(JsCast::dyn_ref::<Uint8Array>) {
                    let file = file.to_vec();
                    drop(state);
                    if let Err(error) = self.restore_model(&file) {
                        fail(error);
                    }
                    state = self.state.borrow_mut();
                }
            }
            Command::Predict {
                request,
                frame,
                heat,
            } => {
                if let Some(image) = attachments.into_iter().next() {
                    state.predictions.push_back(PredictionRequest {
                        id: request,
                        frame,
                        image,
                        heat,
                    });
                }
            }
            Command::Analyse {
                job,
                analysis,
                weights,
            } => state.jobs.push_back(AnalysisRequest {
                id: job,
                analysis,
                weights,
                attachments,
            }),
            Command::StopAnalysis { job } => {
                let waiting = state.jobs.iter().position(|request| request.id == job);
                if let Some(at) = waiting {
                    state.jobs.remove(at);
                    port::post(&Event::AnalysisStopped { job }, &[]);
                } else if let Some((active, is_stopping)) = &mut state.active_job {
                    *is_stopping |= *active == job;
                }
            }
            Command::Pack { request, packing } => {
                let engine = self.clone();
                spawn_local(async move { engine.pack(request, *packing, attachments).await });
            }
            Command::Unpack { request, known } => {
                if let Some(Ok(file)) = attachments.into_iter().next().map(Blob::try_from) {
                    spawn_local(packing::unpack(request, file, known));
                }
            }
            Command::ExportModel { request, export } => {
                let engine = self.clone();
                spawn_local(async move { engine.export_model(request, export).await });
            }
            Command::LookInside { request, frame } => {
                if let Some(image) = attachments.into_iter().next() {
                    let engine = self.clone();
                    spawn_local(async move { engine.look_inside(request, frame, image).await });
                }
            }
            Command::Vary {
                request,
                sample,
                augmentation,
                seed,
            } => {
                let image = attachments.into_iter().next();
                let side_px = state.ready.as_ref().map(|ready| ready.backbone.input_px());
                spawn_local(async move {
                    let copies = match (image, side_px) {
                        (Some(image), Some(side_px)) => {
                            preparing::vary(image, side_px, &augmentation, seed, sample).await
                        }
                        _ => Vec::new(),
                    };
                    port::post(&Event::Varied { request }, &copies);
                });
            }
            Command::ListRequests => {
                let requests = port::requests();
                port::post(&Event::Requests { requests }, &[]);
            }
            Command::Ping => port::post(&Event::Pong, &[]),
        }
        drop(state);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// The loop.
    async fn work(self: Rc<Self>) {
        let pause = Pause::new();
        loop {
            let step = std::future::poll_fn(|context| match self.next_step() {
                Some(step) => Poll::Ready(step),
                None => {
                    self.waker.set(Some(context.waker().clone()));
                    if let Some(ready) = self.ready() {
                        ready.chosen.loss.wake(context.waker());
                    }
                    Poll::Pending
                }
            })
            .await;
            match step {
                Step::Analyse(request) => self.analyse(request).await,
                other => self.take_step(other).await,
            }
            pause.when_due().await;
        }
    }

    /// Everything but analyses, which let these steps through themselves.
    async fn take_step(&self, step: Step) {
        match step {
            Step::Start(start) => self.start(start).await,
            Step::Predict(request) => self.predict(request).await,
            Step::Train(request) => self.train(request).await,
            Step::Embed => self.embed().await,
            Step::FallBack(lost) => {
                if let Err(reason) = self.fall_back(&lost) {
                    fail(reason);
                }
            }
            Step::Analyse(_) => {}
        }
    }

    /// In the middle of an analysis: does whatever is more urgent.
    pub async fn let_urgent_steps_through(&self) {
        while let Some(step) = self.next_urgent_step() {
            self.take_step(step).await;
        }
    }

    fn next_step(&self) -> Option<Step> {
        self.next_urgent_step().or_else(|| {
            let mut state = self.state.borrow_mut();
            state.ready.as_ref()?;
            state.jobs.pop_front().map(Step::Analyse)
        })
    }

    fn next_urgent_step(&self) -> Option<Step> {
        let mut state = self.state.borrow_mut();
        if let Some(start) = state.start.take() {
            return Some(Step::Start(start));
        }
        let ready = state.ready.as_ref()?;
        if ready.chosen.loss.has_happened() {
            return Some(Step::FallBack(ready.clone()));
        }
        if state.model.is_some()
            && let Some(request) = state.predictions.pop_front()
        {
            return Some(Step::Predict(request));
        }
        let is_ready = state.run.as_ref().is_some_and(|run| {
            let ids = run
                .classes
                .iter()
                .flat_map(|class| class.train.iter().chain(&class.test));
            !state.samples.any_waiting(ids.copied())
        });
        if is_ready {
            return state.run.take().map(Step::Train);
        }
        (state.samples.waiting() > 0).then_some(Step::Embed)
    }

    async fn start(&self, start: Start) {
        let start_ms = port::now_ms();
        let place = start.weights;
        let weights = fetch::weights(place, start.attached, &start.choice.sha256).await;
        let weights: Rc<[u8]> = match weights {
            Ok(weights) => weights.into(),
            Err(reason) => return fail(reason),
        };
        let chosen = self.choose(start.device).await;
        let ready = match Backbone::load(start.choice.id, &weights, &chosen.device) {
            Ok(backbone) => Ready {
                chosen,
                backbone,
                choice: start.choice,
                weights,
                load_ms: port::now_ms() - start_ms,
            },
            Err(error) => {
                return fail(EngineError::WeightsCorrupt {
                    detail: error.to_string(),
                });
            }
        };
        let event = Event::Ready {
            device: ready.chosen.info.clone(),
            backbone: BackboneInfo {
                choice: ready.choice.clone(),
                features: ready.backbone.features() as u32,
                parameters: ready.backbone.parameters(),
                input_px: ready.backbone.input_px(),
                load_ms: ready.load_ms,
            },
            unfreezing: estimates(&ready.backbone),
        };
        self.state.borrow_mut().ready = Some(Rc::new(ready));
        port::post(&event, &[]);
    }

    /// Times one image, after another one that has everything made ready for it.
    async fn probe(&self, request: RequestId) {
        let mut image_ms = 0.0;
        for _ in 0..2 {
            let Some(ready) = self.ready() else { return };
            let side_px = ready.backbone.input_px() as usize;
            let start_ms = port::now_ms();
            let planes = vec![0.5; 3 * side_px * side_px];
            if let Err(reason) = self.run_backbone(planes, Backbone::embed).await {
                return fail(reason);
            }
            image_ms = port::now_ms() - start_ms;
        }
        port::post(&Event::Probed { request, image_ms }, &[]);
    }

    async fn choose(&self, device: DevicePreference) -> Chosen {
        if device == DevicePreference::Cpu {
            Chosen::cpu(None)
        } else if self.fallback.is_some() {
            Chosen::cpu(self.fallback.clone())
        } else {
            Chosen::webgpu(self.adapter.as_deref()).await
        }
    }

    /// Device and backbone, once they are there.
    pub(crate) fn ready(&self) -> Option<Rc<Ready>> {
        self.state.borrow().ready.clone()
    }

    /// Sends one batch through the backbone, on the device or, if that is lost, on the CPU. Returns what `compute` gives, row by row.
    pub async fn run_backbone<const D: usize>(
        &self,
        planes: Vec<f32>,
        compute: impl Fn(&Backbone, Vec<f32>) -> Tensor<D>,
    ) -> Result<Vec<f32>, EngineError> {
        loop {
            let Some(ready) = self.ready() else {
                return Err(internal("no backbone"));
            };
            let loss = ready.chosen.loss.clone();
            if !loss.has_happened() {
                let output = compute(&ready.backbone, planes.clone());
                let reading = Box::pin(output.into_data_async());
                match select(reading, Box::pin(loss.happens())).await {
                    Either::Left((Ok(data), _)) if !loss.has_happened() => {
                        return Ok(data.iter().collect());
                    }
                    Either::Left((Err(error), _)) if ready.chosen.info.kind == DeviceKind::Cpu => {
                        return Err(internal(error));
                    }
                    // A read fails before the browser reports the loss, and a graphics card that cannot be read is as good as lost.
                    Either::Left(_) => {}
                    // Tensors of a lost device must not be touched again, not even to free them.
                    Either::Right(((), reading)) => std::mem::forget(reading),
                }
            }
            self.fall_back(&ready)?;
        }
    }

    /// Makes this the newest model, and its file what is kept of it. Its blocks are on the device already.
    pub fn use_model(&self, tuned: Tuned, file: Rc<[u8]>) {
        let backbone = self.ready().zip(tuned.tail);
        let backbone = backbone.map(|(ready, tail)| Rc::new(ready.backbone.with_tail(tail)));
        let mut state = self.state.borrow_mut();
        state.model = Some(Rc::new(tuned.model));
        // Other last blocks answer in another way.
        if backbone.is_some() || state.tuned.is_some() {
            state.excitement.clear();
        }
        state.tuned = backbone;
        state.model_file = Some(file);
    }

    fn restore_model(&self, file: &[u8]) -> Result<(), EngineError> {
        let ready = self.ready().ok_or_else(|| internal("no backbone"))?;
        let tuned = Tuned::from_safetensors(file, &ready.backbone, &Device::flex());
        self.use_model(tuned.map_err(internal)?, file.into());
        Ok(())
    }

    /// [`Engine::run_backbone`] with the backbone that the newest model belongs to.
    pub async fn run_own_backbone<const D: usize>(
        &self,
        planes: Vec<f32>,
        compute: impl Fn(&Backbone, Vec<f32>) -> Tensor<D>,
    ) -> Result<Vec<f32>, EngineError> {
        let compute = |backbone: &Backbone, planes| {
            let tuned = self.state.borrow().tuned.clone();
            compute(tuned.as_deref().unwrap_or(backbone), planes)
        };
        self.run_backbone(planes, compute).await
    }

    /// Goes over to the CPU after the device was lost.
    pub fn fall_back(&self, lost: &Rc<Ready>) -> Result<(), EngineError> {
        std::mem::forget(lost.clone());
        let chosen = Chosen::cpu(Some(Fallback::DeviceLost));
        let backbone =
            Backbone::load(lost.choice.id, &lost.weights, &chosen.device).map_err(internal)?;
        let device = chosen.info.clone();
        self.state.borrow_mut().ready = Some(Rc::new(Ready {
            chosen,
            backbone,
            choice: lost.choice.clone(),
            weights: lost.weights.clone(),
            load_ms: lost.load_ms,
        }));
        port::post(&Event::DeviceChanged { device }, &[]);
        let (tuned, file) = {
            let mut state = self.state.borrow_mut();
            (state.tuned.take(), state.model_file.clone())
        };
        if let (Some(tuned), Some(file)) = (tuned, file) {
            std::mem::forget(tuned);
            self.restore_model(&file)?;
        }
        Ok(())
    }
}

pub(crate) fn internal(error: impl std::fmt::Display) -> EngineError {
    EngineError::Internal {
        detail: error.to_string(),
    }
}

/// The same as the reason why training or an analysis ends.
pub(crate) fn failed(error: impl std::fmt::Display) -> TrainError {
    TrainError::Internal {
        detail: error.to_string(),
    }
}
