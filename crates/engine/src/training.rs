//! A training run inside the engine.

use std::rc::Rc;

use burn::tensor::Device;
use headstart_project::{EpochMetrics, Event, RunId, SampleId, TrainError, TrainRequest};
use headstart_training::{ClassImages, Host, Interrupted, train};
use js_sys::Uint8Array;

use crate::{engine::Engine, pause::Pause, port};

impl Engine {
    /// Carries out a run whose images are all embedded.
    pub async fn train(&self, request: TrainRequest) {
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
