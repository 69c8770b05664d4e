//! Analyses of the data and the model, inside the engine.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use burn::tensor::Device;
use headstart_project::{
    Analysis, DataMap, EngineError, Event, Findings, Frame, HeatFor, JobId, MapMethod, MapPoint,
    Occlusion, SampleId,
};
use headstart_training::{Host, Interrupted, cross_validate, examine, occlude, pca, place, tsne};
use wasm_bindgen::JsValue;

use crate::browser::pause::Pause;
use crate::browser::port;
use crate::engine::{AnalysisRequest, Engine, failed};
use crate::work::comparing::Others;
use crate::work::predicting::{class_of, prepare};

/// Positions of the covering patch a side.
const OCCLUSION_SIDE: usize = 8;
/// Progress is reported no more often than this.
const REPORT_EVERY_MS: f64 = 80.0;

/// The newest map, on which new images are placed.
pub struct DrawnMap {
    embeddings: Vec<Arc<[f32]>>,
    points: Vec<[f32; 2]>,
}

impl DrawnMap {
    /// Where an image that is not on the map belongs.
    pub fn place(&self, embedding: &[f32]) -> [f32; 2] {
        let embeddings: Vec<&[f32]> = self.embeddings.iter().map(|values| &**values).collect();
        place(embedding, &embeddings, &self.points)
    }
}

impl Engine {
    /// Carries an analysis out.
    pub async fn analyse(&self, request: AnalysisRequest) {
        let job = request.id;
        self.state.borrow_mut().active_job = Some((job, false));
        let host = JobHost {
            engine: self,
            job,
            pause: Pause::new(),
            start_ms: port::now_ms(),
            reported_ms: Cell::new(f64::MIN),
        };
        let outcome = match request.analysis {
            Analysis::CrossValidate { .. }
            | Analysis::Examine { .. }
            | Analysis::Map { .. }
            | Analysis::Compare { .. }
            | Analysis::Excite { .. } => {
                host.until_embedded(&request.analysis).await;
                self.look_into(request, &host).await
            }
            Analysis::Occlude { heat } => {
                let image = request.attachments.into_iter().next();
                self.occlude(heat, image, &host).await
            }
        };
        self.state.borrow_mut().active_job = None;
        match outcome {
            Ok(findings) => port::post_findings(job, &findings, true),
            Err(Interrupted::Cancelled) => port::post(&Event::AnalysisStopped { job }, &[]),
            Err(Interrupted::Failed(reason)) => {
                port::post(&Event::AnalysisFailed { job, reason }, &[]);
            }
        }
    }

    async fn look_into(
        &self,
        request: AnalysisRequest,
        host: &JobHost<'_>,
    ) -> Result<Findings, Interrupted> {
        let features = self.ready().map_or(0, |ready| ready.backbone.features());
        // Heads are so small that the CPU is always the fastest place for them.
        let device = Device::flex();
        match &request.analysis {
            Analysis::CrossValidate {
                classes,
                settings,
                folds,
            } => {
                let classes = self.gather(classes)?;
                cross_validate(&classes, features, settings, *folds, &device, host)
                    .await
                    .map(Findings::CrossValidation)
            }
            Analysis::Examine { classes } => {
                let classes = self.gather(classes)?;
                examine(&classes, host).await.map(Findings::Examination)
            }
            Analysis::Map { samples, seed } => self.draw_map(samples, *seed, host).await,
            Analysis::Compare {
                classes,
                settings,
                experiment,
                backbones,
            } => {
                let others = Others::new(backbones, request.weights, request.attachments);
                let experiment = experiment.clone();
                self.compare(host.job, classes, settings, experiment, others, host)
                    .await
            }
            Analysis::Excite {
                samples,
                stage,
                channel,
            } => self.excite(samples, *stage, *channel, host).await,
            Analysis::Occlude { .. } => Err(Interrupted::Cancelled),
        }
    }

    /// Images that have gone or cannot be embedded are left out.
    async fn draw_map(
        &self,
        samples: &[SampleId],
        seed: u64,
        host: &JobHost<'_>,
    ) -> Result<Findings, Interrupted> {
        let (ids, embeddings): (Vec<SampleId>, Vec<Arc<[f32]>>) = {
            let state = self.state.borrow();
            samples
                .iter()
                .filter_map(|&id| Some((id, state.samples.embedding(id)?.values.clone())))
                .unzip()
        };
        let rows: Vec<&[f32]> = embeddings.iter().map(|values| &**values).collect();
        let draw = |method: MapMethod, points: Vec<[f32; 2]>| {
            let map_points = ids.iter().zip(&points);
            let map_points = map_points.map(|(&id, &[x, y])| MapPoint { id, x, y });
            let map = DataMap {
                method,
                points: map_points.collect(),
            };
            self.state.borrow_mut().map = Some(Rc::new(DrawnMap {
                embeddings: embeddings.clone(),
                points,
            }));
            Findings::Map(map)
        };
        let first = draw(MapMethod::Pca, pca(&rows, seed, host).await?);
        port::post_findings(host.job, &first, false);
        Ok(draw(MapMethod::Tsne, tsne(&rows, seed, host).await?))
    }

    async fn occlude(
        &self,
        heat: HeatFor,
        image: Option<JsValue>,
        host: &JobHost<'_>,
    ) -> Result<Findings, Interrupted> {
        let (Some(ready), Some(model), Some(image)) =
            (self.ready(), self.state.borrow().model.clone(), image)
        else {
            return Err(failed("there is no model yet").into());
        };
        let planes = prepare(&ready, Frame::File, image).await.map_err(failed)?;
        let embedding = self
            .run_own_backbone(planes.clone(), headstart_backbones::Backbone::embed)
            .await
            .map_err(failed)?;
        let judgement = model.judge(&embedding).await?;
        let class = class_of(heat, &judgement.probabilities);
        let side_px = ready.backbone.input_px() as usize;
        let judge = async |planes: Vec<f32>| -> Result<f32, Interrupted> {
            let probability = self.probability(&model, planes, class).await;
            probability.map_err(|error: EngineError| failed(error).into())
        };
        let changes = occlude(planes, side_px, OCCLUSION_SIDE, judge, host).await?;
        Ok(Findings::Occlusion(Occlusion {
            class: class as u32,
            probability: judgement.probabilities.get(class).copied().unwrap_or(0.0),
            side: OCCLUSION_SIDE as u32,
            changes,
        }))
    }
}

/// An analysis' line to the engine.
struct JobHost<'a> {
    engine: &'a Engine,
    job: JobId,
    pause: Pause,
    start_ms: f64,
    reported_ms: Cell<f64>,
}

impl JobHost<'_> {
    /// Waits until none of the analysis' images is still to be embedded.
    async fn until_embedded(&self, analysis: &Analysis) {
        let ids: Vec<SampleId> = match analysis {
            Analysis::CrossValidate { classes, .. }
            | Analysis::Examine { classes }
            | Analysis::Compare { classes, .. } => classes
                .iter()
                .flat_map(|class| class.train.iter().chain(&class.test).copied())
                .collect(),
            Analysis::Map { samples, .. } | Analysis::Excite { samples, .. } => samples.clone(),
            Analysis::Occlude { .. } => return,
        };
        let is_waiting = || {
            let state = self.engine.state.borrow();
            state.samples.any_waiting(ids.iter().copied())
        };
        while is_waiting() && !self.is_cancelled() {
            Host::pause(self).await;
        }
    }
}

impl Host for JobHost<'_> {
    fn now_ms(&self) -> f64 {
        port::now_ms()
    }

    fn is_cancelled(&self) -> bool {
        matches!(self.engine.state.borrow().active_job, Some((_, true)))
    }

    async fn pause(&self) {
        self.pause.when_due().await;
        self.engine.let_urgent_steps_through().await;
    }

    fn report_progress(&self, done: u32, total: u32) {
        let now_ms = port::now_ms();
        if done < total && now_ms - self.reported_ms.get() < REPORT_EVERY_MS {
            return;
        }
        self.reported_ms.set(now_ms);
        let elapsed_ms = now_ms - self.start_ms;
        let left = f64::from(total.saturating_sub(done));
        let event = Event::AnalysisProgress {
            job: self.job,
            done,
            total,
            remaining_ms: (done > 0).then(|| elapsed_ms / f64::from(done) * left),
        };
        port::post(&event, &[]);
    }
}
