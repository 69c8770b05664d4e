//! A training run inside the engine.

use headstart_project::{EpochMetrics, Event, RunId, TrainError, TrainRequest};
use headstart_training::{Host, Interrupted, Tuned};
use js_sys::Uint8Array;

use crate::browser::pause::Pause;
use crate::browser::port;
use crate::state::Shared;
use crate::work::{backbone, predicting, preparing};

/// Carries out a run whose images are all embedded.
pub async fn train(shared: &Shared, request: TrainRequest) {
    let run = request.run;
    let event = match try_train(shared, request).await {
        Ok((event, file)) => {
            port::post(&event, &[file.into()]);
            None
        }
        Err(Interrupted::Cancelled) => Some(Event::TrainingStopped { run }),
        Err(Interrupted::Failed(reason)) => Some(Event::TrainingFailed { run, reason }),
    };
    shared.state.borrow_mut().schedule.run_ended();
    if let Some(event) = event {
        port::post(&event, &[]);
    }
    predicting::refuse_without_model(shared);
}

async fn try_train(
    shared: &Shared,
    request: TrainRequest,
) -> Result<(Event, Uint8Array), Interrupted> {
    let ready = shared.ready();
    let ready = ready.ok_or_else(|| TrainError::internal("no backbone"))?;
    let (classes, embed_ms, prepared) = {
        let state = shared.state.borrow();
        let samples = &state.schedule.samples;
        let classes = samples.gather(&request.classes)?;
        let embed_ms = samples.embed_ms(&request.classes);
        (classes, embed_ms, state.prepared.clone())
    };
    let host = RunHost {
        shared,
        run: request.run,
        epochs: request.settings.most_epochs(),
        pause: Pause::new(),
    };
    let learnt = preparing::learn(shared, &request, &classes, &prepared, &host);
    let (trained, _) = learnt.await?;
    let mut outcome = trained.outcome;
    outcome.timings_ms.load_backbone = ready.load_ms;
    outcome.timings_ms.embed = embed_ms;
    let tuned = Tuned {
        model: trained.model,
        tail: trained.tail,
    };
    let file = tuned.to_safetensors().await?;
    backbone::use_model(shared, tuned, file.as_slice().into());
    let event = Event::Trained {
        run: request.run,
        outcome: Box::new(outcome),
    };
    Ok((event, Uint8Array::from(file.as_slice())))
}

/// A training run's line to the engine.
struct RunHost<'a> {
    shared: &'a Shared,
    run: RunId,
    epochs: u32,
    pause: Pause,
}

impl Host for RunHost<'_> {
    fn now_ms(&self) -> f64 {
        port::now_ms()
    }

    fn is_cancelled(&self) -> bool {
        self.shared.state.borrow().schedule.is_run_stopping()
    }

    async fn pause(&self) {
        self.pause.when_due().await;
        // The camera goes on with the model of the run before.
        let next = self.shared.state.borrow_mut().schedule.next_prediction();
        if let Some(image) = next {
            predicting::predict(self.shared, image).await;
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
