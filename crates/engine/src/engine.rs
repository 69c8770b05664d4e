//! The engine's state and its loop.
//!
//! Commands are taken in at once, whatever is going on: quick ones are carried out on the spot, long ones are noted.
//! The loop does the long work, one step after the other: predictions first, then a training run whose images are ready, then the images that wait.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    task::{Poll, Waker},
};

use burn::tensor::{Device, Tensor, TensorData};
use futures_util::future::{Either, select};
use headstart_backbones::{Backbone, SHIPPED_SHA256};
use headstart_project::{
    Activity, BackboneId, BackboneInfo, Command, DeviceKind, DevicePreference, EngineError,
    EpochMetrics, Event, Fallback, Frame, Progress, Rejection, RequestId, RunId, SampleId,
    TrainError, TrainRequest,
};
use headstart_training::{ClassImages, Head, Host, Interrupted, softmax, train};
use js_sys::{Float32Array, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::Blob;

use crate::{
    archive,
    device::Chosen,
    fetch,
    pause::Pause,
    pictures::Picture,
    port,
    remaining::Remaining,
    samples::{Embedding, Samples},
};

/// On WebGPU, images are embedded in batches that take about this long.
const BATCH_MS: f64 = 150.0;
/// The largest batch; more gains nothing and costs memory.
const MOST_IN_BATCH: usize = 16;

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

fn fail(reason: EngineError) {
    port::post(&Event::Failed { reason }, &[]);
}

struct Engine {
    fallback: Option<Fallback>,
    adapter: Option<String>,
    state: RefCell<State>,
    waker: Cell<Option<Waker>>,
}

#[derive(Default)]
struct State {
    start: Option<Start>,
    ready: Option<Rc<Ready>>,
    samples: Samples,
    embedding: Option<Remaining>,
    predictions: VecDeque<(RequestId, Frame, JsValue)>,
    run: Option<TrainRequest>,
    /// The run whose steps are being taken, and whether it is to stop.
    active: Option<(RunId, bool)>,
    head: Option<Rc<Head>>,
    batch: usize,
}

struct Start {
    device: DevicePreference,
    backbone: BackboneId,
    weights_url: String,
}

/// A device with the backbone on it.
struct Ready {
    chosen: Chosen,
    backbone: Backbone,
    id: BackboneId,
    weights: Rc<[u8]>,
    load_ms: f64,
}

/// The next piece of long work.
enum Step {
    Start(Start),
    Predict(RequestId, Frame, JsValue),
    Train(TrainRequest),
    Embed,
    /// The device was lost while nothing was under way.
    FallBack(Rc<Ready>),
}

impl Engine {
    /// Takes in a command. Never waits.
    fn take(self: &Rc<Self>, command: Command, attachments: Vec<JsValue>) {
        let mut state = self.state.borrow_mut();
        match command {
            Command::Start {
                device,
                backbone,
                weights_url,
            } => {
                state.start = Some(Start {
                    device,
                    backbone,
                    weights_url,
                });
            }
            Command::AddSamples { samples } => {
                let features = state
                    .ready
                    .as_ref()
                    .map_or(0, |ready| ready.backbone.features());
                state.samples.add(&samples, &attachments, features);
            }
            Command::RemoveSamples { samples } => state.samples.remove(&samples),
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
            Command::RestoreHead { .. } => {
                if let Some(file) = attachments.first().and_then(JsCast::dyn_ref::<Uint8Array>) {
                    match Head::from_safetensors(&file.to_vec(), &Device::flex()) {
                        Ok(head) => state.head = Some(Rc::new(head)),
                        Err(error) => fail(EngineError::Internal {
                            detail: error.to_string(),
                        }),
                    }
                }
            }
            Command::Predict { request, frame } => {
                if let Some(image) = attachments.into_iter().next() {
                    state.predictions.push_back((request, frame, image));
                }
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
                Step::Start(start) => self.start(start).await,
                Step::Predict(request, frame, image) => self.predict(request, frame, image).await,
                Step::Train(request) => self.train(request).await,
                Step::Embed => self.embed().await,
                Step::FallBack(lost) => {
                    if let Err(reason) = self.fall_back(&lost) {
                        fail(reason);
                    }
                }
            }
            pause.when_due().await;
        }
    }

    fn next_step(&self) -> Option<Step> {
        let mut state = self.state.borrow_mut();
        if let Some(start) = state.start.take() {
            return Some(Step::Start(start));
        }
        let ready = state.ready.as_ref()?;
        if ready.chosen.loss.has_happened() {
            return Some(Step::FallBack(ready.clone()));
        }
        if state.head.is_some()
            && let Some((request, frame, image)) = state.predictions.pop_front()
        {
            return Some(Step::Predict(request, frame, image));
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
        let weights = match fetch::weights(&start.weights_url, SHIPPED_SHA256).await {
            Ok(weights) => Rc::from(weights),
            Err(reason) => return fail(reason),
        };
        let chosen = self.choose(start.device).await;
        let ready = match Backbone::load(start.backbone, &weights, &chosen.device) {
            Ok(backbone) => Ready {
                chosen,
                backbone,
                id: start.backbone,
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
                id: ready.id,
                features: ready.backbone.features() as u32,
                parameters: ready.backbone.parameters(),
                input_px: ready.backbone.input_px(),
                load_ms: ready.load_ms,
            },
        };
        self.state.borrow_mut().ready = Some(Rc::new(ready));
        port::post(&event, &[]);
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

    fn ready(&self) -> Option<Rc<Ready>> {
        self.state.borrow().ready.clone()
    }

    /// Embeds one batch, on the device or, if that is lost, on the CPU. Returns `[batch, features]` row by row.
    async fn run_backbone(&self, planes: Vec<f32>) -> Result<Vec<f32>, EngineError> {
        loop {
            let Some(ready) = self.ready() else {
                return Err(internal("no backbone"));
            };
            let loss = ready.chosen.loss.clone();
            if !loss.has_happened() {
                let output = ready.backbone.embed(planes.clone());
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

    /// Goes over to the CPU after the device was lost.
    fn fall_back(&self, lost: &Rc<Ready>) -> Result<(), EngineError> {
        std::mem::forget(lost.clone());
        let chosen = Chosen::cpu(Some(Fallback::DeviceLost));
        let backbone = Backbone::load(lost.id, &lost.weights, &chosen.device).map_err(internal)?;
        let device = chosen.info.clone();
        self.state.borrow_mut().ready = Some(Rc::new(Ready {
            chosen,
            backbone,
            id: lost.id,
            weights: lost.weights.clone(),
            load_ms: lost.load_ms,
        }));
        port::post(&Event::DeviceChanged { device }, &[]);
        Ok(())
    }

    async fn embed(&self) {
        let Some(ready) = self.ready() else { return };
        let start_ms = port::now_ms();
        let is_gpu = ready.chosen.info.kind == DeviceKind::Webgpu;
        let batch = {
            let mut state = self.state.borrow_mut();
            state
                .embedding
                .get_or_insert_with(|| Remaining::start(start_ms));
            if is_gpu {
                state.batch.clamp(1, MOST_IN_BATCH)
            } else {
                1
            }
        };
        let next: Vec<(SampleId, Blob, bool)> = {
            let state = self.state.borrow();
            let waiting = state.samples.next(batch);
            waiting
                .map(|waiting| (waiting.id, waiting.file.clone(), waiting.needs_thumbnail))
                .collect()
        };
        let mut planes = Vec::new();
        let mut ids = Vec::new();
        let count = next.len();
        for (id, file, needs_thumbnail) in next {
            match self
                .prepare(&ready.backbone, id, &file, needs_thumbnail)
                .await
            {
                Ok(prepared) => {
                    planes.extend(prepared);
                    ids.push(id);
                }
                Err(reason) => {
                    if self.state.borrow_mut().samples.finish(id, None) {
                        port::post(&Event::SampleRejected { id, reason }, &[]);
                    }
                }
            }
        }
        if !ids.is_empty() {
            match self.run_backbone(planes).await {
                Ok(embeddings) => {
                    let elapsed_ms = (port::now_ms() - start_ms) / ids.len() as f64;
                    self.keep(&ids, &embeddings, elapsed_ms);
                    if is_gpu && elapsed_ms * batch as f64 * 2.0 < BATCH_MS {
                        self.state.borrow_mut().batch = batch * 2;
                    }
                }
                Err(reason) => {
                    // Without this the same images would fail for ever.
                    for &id in &ids {
                        self.state.borrow_mut().samples.finish(id, None);
                    }
                    fail(reason);
                }
            }
        }
        self.report_embedding(count as u64);
    }

    fn keep(&self, ids: &[SampleId], embeddings: &[f32], elapsed_ms: f64) {
        let features = embeddings.len() / ids.len();
        for (&id, values) in ids.iter().zip(embeddings.chunks_exact(features)) {
            let embedding = Embedding {
                values: values.into(),
                elapsed_ms,
            };
            if self.state.borrow_mut().samples.finish(id, Some(embedding)) {
                let values = Float32Array::from(values);
                port::post(&Event::SampleEmbedded { id }, &[values.into()]);
            }
        }
    }

    fn report_embedding(&self, count: u64) {
        let mut state = self.state.borrow_mut();
        let left = state.samples.waiting() as u64;
        let Some(remaining) = &mut state.embedding else {
            return;
        };
        remaining.advance(count);
        let progress = Progress {
            activity: Activity::Embed,
            done: remaining.done(),
            total: remaining.done() + left,
            remaining_ms: remaining.estimate_ms(left, port::now_ms()),
        };
        if left == 0 {
            state.embedding = None;
        }
        port::post(&Event::Progress(progress), &[]);
    }

    /// Decodes an image, sends its thumbnail, and brings it into the backbone's form.
    async fn prepare(
        &self,
        backbone: &Backbone,
        id: SampleId,
        file: &Blob,
        needs_thumbnail: bool,
    ) -> Result<Vec<f32>, Rejection> {
        let picture = Picture::decode(file).await?;
        if needs_thumbnail {
            // Without a thumbnail the page goes on showing the file itself.
            match picture.thumbnail().await {
                Ok(thumbnail) => {
                    let event = Event::SampleDecoded {
                        id,
                        width_px: picture.width_px(),
                        height_px: picture.height_px(),
                    };
                    port::post(&event, &[thumbnail.into()]);
                }
                Err(error) => web_sys::console::warn_2(&"no thumbnail".into(), &error),
            }
        }
        let pixels = picture.pixels()?;
        backbone.prepare(&pixels).map_err(|_| Rejection::Damaged)
    }

    async fn predict(&self, request: RequestId, frame: Frame, image: JsValue) {
        let (Some(ready), Some(head)) = (self.ready(), self.state.borrow().head.clone()) else {
            return;
        };
        let start_ms = port::now_ms();
        let planes = match Picture::open(frame, image).await {
            Ok(picture) => picture.pixels().and_then(|pixels| {
                ready
                    .backbone
                    .prepare(&pixels)
                    .map_err(|_| Rejection::Damaged)
            }),
            Err(reason) => Err(reason),
        };
        let event = match planes {
            Ok(planes) => match self.classify(&head, planes).await {
                Ok(probabilities) => Event::Prediction {
                    request,
                    probabilities,
                    elapsed_ms: port::now_ms() - start_ms,
                },
                Err(reason) => Event::Failed { reason },
            },
            Err(reason) => Event::PredictionFailed { request, reason },
        };
        port::post(&event, &[]);
    }

    /// A head is so small that the CPU is always the fastest place for it.
    async fn classify(&self, head: &Head, planes: Vec<f32>) -> Result<Vec<f32>, EngineError> {
        let embedding = self.run_backbone(planes).await?;
        let features = embedding.len();
        let embedding = TensorData::new(embedding, [1, features]);
        let logits = head.forward(Tensor::from_data(embedding, &Device::flex()));
        let logits = logits.into_data_async().await.map_err(internal)?;
        let logits: Vec<f32> = logits.iter().collect();
        Ok(softmax(&logits))
    }

    async fn train(&self, request: TrainRequest) {
        let run = request.run;
        self.state.borrow_mut().active = Some((run, false));
        let event = match self.try_train(request).await {
            Ok((event, file)) => {
                port::post(&event, &[file.into()]);
                None
            }
            Err(Interrupted::Cancelled) => Some(Event::TrainingStopped { run }),
            Err(Interrupted::Failed(reason)) => Some(Event::TrainingFailed { run, reason }),
        };
        self.state.borrow_mut().active = None;
        if let Some(event) = event {
            port::post(&event, &[]);
        }
    }

    async fn try_train(&self, request: TrainRequest) -> Result<(Event, Uint8Array), Interrupted> {
        let ready = self.ready().ok_or_else(|| TrainError::Internal {
            detail: "no backbone".to_owned(),
        })?;
        let (classes, embed_ms) = self.gather(&request)?;
        let host = RunHost {
            engine: self,
            run: request.run,
            epochs: request.settings.epochs,
            pause: Pause::new(),
        };
        let features = ready.backbone.features();
        let trained = train(
            &classes,
            features,
            &request.settings,
            &Device::flex(),
            &host,
        )
        .await?;
        let mut outcome = trained.outcome;
        outcome.timings_ms.load_backbone = ready.load_ms;
        outcome.timings_ms.embed = embed_ms;
        let file = trained.head.to_safetensors().await?;
        self.state.borrow_mut().head = Some(Rc::new(trained.head));
        let event = Event::Trained {
            run: request.run,
            outcome: Box::new(outcome),
        };
        Ok((event, Uint8Array::from(file.as_slice())))
    }

    /// The run's embeddings, and the time that they took.
    fn gather(&self, request: &TrainRequest) -> Result<(Vec<ClassImages>, f64), TrainError> {
        let state = self.state.borrow();
        let mut missing = 0;
        let mut embed_ms = 0.0;
        let mut collect = |ids: &[SampleId]| {
            let mut images = Vec::with_capacity(ids.len());
            for &id in ids {
                if let Some(embedding) = state.samples.embedding(id) {
                    embed_ms += embedding.elapsed_ms;
                    images.push((id, embedding.values.clone()));
                } else {
                    missing += 1;
                }
            }
            images
        };
        let classes = request
            .classes
            .iter()
            .map(|class| ClassImages {
                name: class.name.clone(),
                train: collect(&class.train),
                test: collect(&class.test),
            })
            .collect();
        if missing > 0 {
            return Err(TrainError::NotEmbedded { count: missing });
        }
        Ok((classes, embed_ms))
    }
}

fn internal(error: impl std::fmt::Display) -> EngineError {
    EngineError::Internal {
        detail: error.to_string(),
    }
}

/// A training run's line to the engine.
struct RunHost<'a> {
    engine: &'a Engine,
    run: RunId,
    epochs: u32,
    pause: Pause,
}

impl Host for RunHost<'_> {
    fn now_ms(&self) -> f64 {
        port::now_ms()
    }

    fn is_cancelled(&self) -> bool {
        matches!(self.engine.state.borrow().active, Some((_, true)))
    }

    async fn pause(&self) {
        self.pause.when_due().await;
        // The camera goes on with the head of the run before.
        let prediction = {
            let mut state = self.engine.state.borrow_mut();
            state.head.is_some().then(|| state.predictions.pop_front())
        };
        if let Some(Some((request, frame, image))) = prediction {
            self.engine.predict(request, frame, image).await;
        }
    }

    fn report_epoch(&self, metrics: EpochMetrics, remaining_ms: f64) {
        let event = Event::Epoch {
            run: self.run,
            metrics,
            epochs: self.epochs,
            remaining_ms,
        };
        port::post(&event, &[]);
    }
}
