//! A training run inside the engine.

use headstart_project::{
    ClassRequest, EpochMetrics, Event, RunId, SampleId, TrainError, TrainRequest,
};
use headstart_training::{ClassImages, Embedded, Host, Interrupted, Tuned};
use js_sys::Uint8Array;

use crate::browser::pause::Pause;
use crate::browser::port;
use crate::engine::{Engine, failed};

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
        let ready = self.ready().ok_or_else(|| failed("no backbone"))?;
        let classes = self.gather(&request.classes)?;
        let embed_ms = self.embed_ms(&request.classes);
        let host = RunHost {
            engine: self,
            run: request.run,
            epochs: request.settings.most_epochs(),
            pause: Pause::new(),
        };
        let prepared = self.state.borrow().prepared.clone();
        let (trained, _) = self.learn(&request, &classes, &prepared, &host).await?;
        let mut outcome = trained.outcome;
        outcome.timings_ms.load_backbone = ready.load_ms;
        outcome.timings_ms.embed = embed_ms;
        let tuned = Tuned {
            model: trained.model,
            tail: trained.tail,
        };
        let file = tuned.to_safetensors().await?;
        self.use_model(tuned, file.as_slice().into());
        let event = Event::Trained {
            run: request.run,
            outcome: Box::new(outcome),
        };
        Ok((event, Uint8Array::from(file.as_slice())))
    }

    /// The classes' images with their embeddings.
    ///
    /// # Errors
    /// [`TrainError::NotEmbedded`] when some have none.
    pub fn gather(&self, classes: &[ClassRequest]) -> Result<Vec<ClassImages>, TrainError> {
        let state = self.state.borrow();
        let mut missing = 0;
        let mut collect = |ids: &[SampleId]| -> Vec<Embedded> {
            let found: Vec<_> = ids
                .iter()
                .filter_map(|&id| state.samples.embedded(id))
                .collect();
            missing += ids.len() - found.len();
            found
        };
        let classes = classes
            .iter()
            .map(|class| ClassImages {
                name: class.name.clone(),
                train: collect(&class.train),
                test: collect(&class.test),
            })
            .collect();
        match missing {
            0 => Ok(classes),
            count => Err(TrainError::NotEmbedded {
                count: count as u32,
            }),
        }
    }

    /// The time that the classes' embeddings took, when each was made.
    fn embed_ms(&self, classes: &[ClassRequest]) -> f64 {
        let state = self.state.borrow();
        let ids = classes
            .iter()
            .flat_map(|class| class.train.iter().chain(&class.test));
        ids.filter_map(|&id| Some(state.samples.embedding(id)?.elapsed_ms))
            .sum()
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
        // The camera goes on with the model of the run before.
        let prediction = {
            let mut state = self.engine.state.borrow_mut();
            state.model.is_some().then(|| state.predictions.pop_front())
        };
        if let Some(Some(request)) = prediction {
            self.engine.predict(request).await;
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
