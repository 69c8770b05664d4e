//! Analyses of the data and the model, inside the engine.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use burn::tensor::Device;
use headstart_backbones::Backbone;
use headstart_project::{
    Analysis, DataMap, Event, Findings, HeatFor, JobId, MapMethod, MapPoint, Occlusion, SampleId,
    TrainError,
};
use headstart_training::{Host, Interrupted, cross_validate, examine, occlude, pca, tsne};
use web_sys::Blob;

use crate::browser::pause::Pause;
use crate::browser::port;
use crate::inputs::pictures::Image;
use crate::schedule::{Job, samples_of};
use crate::state::{DrawnMap, Shared};
use crate::work::comparing::{Others, compare};
use crate::work::inside::excite;
use crate::work::predicting::{class_of, prepare, probability};
use crate::work::{backbone, urgent};

/// Positions of the covering patch a side.
const OCCLUSION_SIDE: usize = 8;
/// Progress is reported no more often than this.
const REPORT_EVERY_MS: f64 = 80.0;

/// Carries an analysis out.
pub async fn analyse(shared: &Shared, request: Job<Blob>) {
    let job = request.id;
    let host = JobHost {
        shared,
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
            look_into(shared, request, &host).await
        }
        Analysis::Occlude { heat } => {
            let image = request.attachments.into_iter().next();
            cover(shared, heat, image, &host).await
        }
    };
    shared.state.borrow_mut().schedule.job_ended();
    match outcome {
        Ok(findings) => port::post_findings(job, &findings, true),
        Err(Interrupted::Cancelled) => port::post(&Event::AnalysisStopped { job }, &[]),
        Err(Interrupted::Failed(reason)) => {
            port::post(&Event::AnalysisFailed { job, reason }, &[]);
        }
    }
}

async fn look_into(
    shared: &Shared,
    request: Job<Blob>,
    host: &JobHost<'_>,
) -> Result<Findings, Interrupted> {
    let features = shared.ready().map_or(0, |ready| ready.backbone.features());
    // Heads are so small that the CPU is always the fastest place for them.
    let device = Device::flex();
    let gather = |classes| shared.state.borrow().schedule.samples.gather(classes);
    match &request.analysis {
        Analysis::CrossValidate {
            classes,
            settings,
            folds,
        } => {
            let classes = gather(classes)?;
            cross_validate(&classes, features, settings, *folds, &device, host)
                .await
                .map(Findings::CrossValidation)
        }
        Analysis::Examine { classes } => {
            let classes = gather(classes)?;
            examine(&classes, host).await.map(Findings::Examination)
        }
        Analysis::Map { samples, seed } => draw_map(shared, samples, *seed, host).await,
        Analysis::Compare {
            classes,
            settings,
            experiment,
            backbones,
        } => {
            let others = Others::new(backbones, request.weights, request.attachments);
            let experiment = experiment.clone();
            let classes = gather(classes)?;
            compare(
                shared, host.job, classes, settings, experiment, others, host,
            )
            .await
        }
        Analysis::Excite {
            samples,
            stage,
            channel,
        } => excite(shared, samples, *stage, *channel, host).await,
        Analysis::Occlude { .. } => Err(Interrupted::Cancelled),
    }
}

/// Images that have gone or cannot be embedded are left out.
async fn draw_map(
    shared: &Shared,
    samples: &[SampleId],
    seed: u64,
    host: &JobHost<'_>,
) -> Result<Findings, Interrupted> {
    let (ids, embeddings): (Vec<SampleId>, Vec<Arc<[f32]>>) = {
        let state = shared.state.borrow();
        samples
            .iter()
            .filter_map(|&id| Some((id, state.schedule.samples.embedding(id)?.values.clone())))
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
        shared.state.borrow_mut().map = Some(Rc::new(DrawnMap {
            embeddings: embeddings.clone(),
            points,
        }));
        Findings::Map(map)
    };
    let first = draw(MapMethod::Pca, pca(&rows, seed, host).await?);
    port::post_findings(host.job, &first, false);
    Ok(draw(MapMethod::Tsne, tsne(&rows, seed, host).await?))
}

async fn cover(
    shared: &Shared,
    heat: HeatFor,
    image: Option<Blob>,
    host: &JobHost<'_>,
) -> Result<Findings, Interrupted> {
    let (Some(ready), Some(model), Some(image)) = (shared.ready(), shared.model(), image) else {
        return Err(TrainError::internal("there is no model yet").into());
    };
    let planes = prepare(&ready, Image::File(image)).await;
    let planes = planes.map_err(TrainError::internal)?;
    let embedding = backbone::run_own(shared, planes.clone(), Backbone::embed).await;
    let embedding = embedding.map_err(TrainError::internal)?;
    let judgement = model.judge(&embedding).await?;
    let class = class_of(heat, &judgement.probabilities);
    let side_px = ready.backbone.input_px() as usize;
    let judge = async |planes: Vec<f32>| -> Result<f32, Interrupted> {
        let probability = probability(shared, &model, planes, class).await;
        Ok(probability.map_err(TrainError::internal)?)
    };
    let changes = occlude(planes, side_px, OCCLUSION_SIDE, judge, host).await?;
    Ok(Findings::Occlusion(Occlusion {
        class: class as u32,
        probability: judgement.probabilities.get(class).copied().unwrap_or(0.0),
        side: OCCLUSION_SIDE as u32,
        changes,
    }))
}

/// An analysis' line to the engine.
struct JobHost<'a> {
    shared: &'a Shared,
    job: JobId,
    pause: Pause,
    start_ms: f64,
    reported_ms: Cell<f64>,
}

impl JobHost<'_> {
    /// Waits until none of the analysis' images is still to be embedded.
    async fn until_embedded(&self, analysis: &Analysis) {
        let ids = samples_of(analysis);
        let is_waiting = || {
            let samples = &self.shared.state.borrow().schedule.samples;
            samples.any_waiting(ids.iter().copied())
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
        self.shared.state.borrow().schedule.is_job_stopping()
    }

    async fn pause(&self) {
        self.pause.when_due().await;
        urgent::let_through(self.shared).await;
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
