//! The engine's loop.
//!
//! Commands are taken in at once, whatever is going on: quick ones are carried out on the spot, long ones are noted.
//! The loop does the long work, one step after the other, in the order that `schedule.rs` says.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Poll, Waker};

use headstart_project::{
    Command, EngineError, Event, Fallback, NewSample, Rejection, RunId, TrainError,
};
use js_sys::{Float32Array, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::Blob;

use crate::answering;
use crate::browser::pause::Pause;
use crate::browser::port;
use crate::files::archive;
use crate::inputs::samples::Arrival;
use crate::schedule::{Job, Start, Step, Stop};
use crate::state::{Shared, State};
use crate::work::{analysis, backbone, predicting, urgent};

/// Starts listening.
pub fn run(fallback: Option<Fallback>, adapter: Option<String>) {
    let engine = Rc::new(Engine {
        shared: Rc::new(Shared {
            fallback,
            adapter,
            state: RefCell::default(),
        }),
        waker: Cell::default(),
    });
    let listener = engine.clone();
    port::listen(move |message| match message {
        Ok((command, attachments)) => listener.take(command, attachments),
        Err(detail) => port::fail(EngineError::Protocol { detail }),
    });
    spawn_local(engine.work());
    port::post(&Event::Loaded, &[]);
}

/// The worker's one engine.
struct Engine {
    shared: Rc<Shared>,
    waker: Cell<Option<Waker>>,
}

impl Engine {
    /// Takes in a command. Never waits.
    fn take(&self, command: Command, attachments: Vec<JsValue>) {
        let state = || self.shared.state.borrow_mut();
        match command {
            Command::Start {
                device,
                backbone,
                weights,
            } => state().schedule.start(Start {
                device,
                choice: backbone,
                weights,
                attached: file(attachments),
            }),
            Command::AddSamples { samples } => add_samples(&mut state(), samples, attachments),
            Command::RemoveSamples { samples } => state().remove_samples(&samples),
            Command::ReadArchive { import } => {
                spawn_local(archive::read(import, file(attachments)));
            }
            Command::Train(request) => {
                if let Some(run) = state().schedule.train(request) {
                    training_stopped(run);
                }
            }
            Command::StopTraining { run } => {
                if state().schedule.stop_training(run) == Stop::Done {
                    training_stopped(run);
                }
            }
            Command::RestoreModel => {
                let file = attachments.first().and_then(JsCast::dyn_ref::<Uint8Array>);
                self.restore_model(&file.map(Uint8Array::to_vec).unwrap_or_default());
            }
            Command::Analyse {
                job,
                analysis,
                weights,
            } => match attachments.into_iter().map(JsCast::dyn_into).collect() {
                Ok(attachments) => state().schedule.analyse(Job {
                    id: job,
                    analysis,
                    weights,
                    attachments,
                }),
                Err(_) => {
                    let reason = TrainError::internal("an attachment is no file");
                    port::post(&Event::AnalysisFailed { job, reason }, &[]);
                }
            },
            Command::StopAnalysis { job } => {
                if state().schedule.stop_analysis(job) == Stop::Done {
                    port::post(&Event::AnalysisStopped { job }, &[]);
                }
            }
            Command::Ask { request, question } => {
                answering::take(self.shared.clone(), request, question, attachments);
            }
            Command::Ping => port::post(&Event::Pong, &[]),
        }
        self.wake();
    }

    /// There may be something to do.
    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn restore_model(&self, file: &[u8]) {
        if let Err(reason) = backbone::restore_model(&self.shared, file) {
            port::fail(reason);
            predicting::refuse_without_model(&self.shared);
        }
    }

    /// The loop.
    async fn work(self: Rc<Self>) {
        let pause = Pause::new();
        loop {
            let next = std::future::poll_fn(|context| {
                let mut state = self.shared.state.borrow_mut();
                match state.schedule_now().next() {
                    Some(step) => Poll::Ready(step),
                    None => {
                        self.waker.set(Some(context.waker().clone()));
                        if let Some(ready) = state.ready() {
                            ready.chosen.loss.wake(context.waker());
                        }
                        Poll::Pending
                    }
                }
            });
            match next.await {
                Step::Urgent(urgent) => urgent::take(&self.shared, urgent).await,
                Step::Analyse(job) => analysis::analyse(&self.shared, job).await,
            }
            pause.when_due().await;
        }
    }
}

/// `attachments` are as in `Command::AddSamples`.
fn add_samples(state: &mut State, samples: Vec<NewSample>, mut attachments: Vec<JsValue>) {
    let features = state.ready().map_or(0, |ready| ready.backbone.features());
    let embeddings = attachments.split_off(samples.len().min(attachments.len()));
    let (mut files, mut embeddings) = (attachments.into_iter(), embeddings.into_iter());
    for sample in samples {
        let embedding = sample.has_embedding.then(|| embeddings.next()).flatten();
        let embedding = embedding.and_then(|values| values.dyn_into::<Float32Array>().ok());
        match files.next().map(JsCast::dyn_into::<Blob>) {
            Some(Ok(file)) => {
                let arrival = Arrival {
                    sample,
                    file,
                    embedding: embedding.map(|values| values.to_vec()),
                };
                state.schedule.samples.add(arrival, features);
            }
            _ => {
                let (id, reason) = (sample.id, Rejection::NotAnImage);
                port::post(&Event::SampleRejected { id, reason }, &[]);
            }
        }
    }
}

fn training_stopped(run: RunId) {
    port::post(&Event::TrainingStopped { run }, &[]);
}

/// The file that is attached.
fn file(attachments: Vec<JsValue>) -> Option<Blob> {
    attachments.into_iter().next()?.dyn_into().ok()
}
