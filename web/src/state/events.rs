//! How the engine's events change the state.

use std::rc::Rc;

use headstart_project::{
    Activity, ArchiveSummary, DeviceInfo, DevicePreference, EpochMetrics, Event, ImportId,
    Progress, Rejection, RunId, SampleId, TrainOutcome,
};

use super::State;
use super::engine::{Phase, fallback_text};
use super::notice::LeftOut;
use super::run::{Results, Run};
use crate::text;

impl State {
    /// Applies one event. The engine's client has already taken out attachments and answers to predictions.
    pub(super) fn event(&mut self, event: Event) {
        match event {
            Event::Loaded => self.engine.phase = Phase::Loading,
            Event::Progress(progress) => self.progress(progress),
            Event::Ready {
                device,
                backbone,
                unfreezing,
            } => {
                self.engine.phase = Phase::Ready;
                self.engine.unfreezing = unfreezing.into();
                self.engine.device = Some(device);
                self.engine.backbone = Some(backbone);
                self.engine.load = None;
                self.refused_choice();
            }
            Event::DeviceChanged { device } => self.device_changed(device),
            Event::SampleDecoded {
                id,
                width_px,
                height_px,
            } => {
                let class = self.project.find(id).map(|(class, _)| class.id);
                if let Some(class) = class.and_then(|id| self.project.class_mut(id)) {
                    class.update(
                        |sample| sample.id == id,
                        |sample| sample.size_px = Some((width_px, height_px)),
                    );
                }
            }
            Event::SampleRejected { id, reason } => self.reject(id, &reason),
            Event::ArchiveImage { import, .. } => {
                if let Some(import) = self.imports.iter_mut().find(|known| known.id == import) {
                    import.images += 1;
                }
            }
            Event::ArchiveRead { import, summary } => self.archive_read(import, summary),
            Event::ArchiveFailed { import, reason } => {
                let name = self.end_import(import);
                self.notices.problem(
                    format!("{name} could not be imported"),
                    text::sentence(&reason.to_string()),
                );
            }
            Event::Epoch {
                run,
                metrics,
                remaining_ms,
                ..
            } => self.epoch(run, metrics, remaining_ms),
            Event::Trained { run, outcome } => self.trained(run, *outcome),
            Event::TrainingStopped { run } => {
                if self.end_run(run).is_some() {
                    self.news = Some(if self.results.is_some() {
                        "Training was stopped. The model from before is still in use.".into()
                    } else {
                        "Training was stopped.".into()
                    });
                }
            }
            Event::TrainingFailed { run, reason } => {
                if self.end_run(run).is_some() {
                    self.notices
                        .problem("Training did not work", text::sentence(&reason.to_string()));
                }
            }
            Event::AnalysisProgress {
                job,
                done,
                total,
                remaining_ms,
            } => self.analyses.progress(job, done, total, remaining_ms),
            Event::AnalysisStopped { job } => {
                self.analyses.end(job);
            }
            Event::AnalysisFailed { job, reason } => {
                if let Some(kind) = self.analyses.end(job) {
                    self.notices
                        .problem(kind.failure(), text::sentence(&reason.to_string()));
                }
            }
            Event::Failed { reason } => match self.engine.phase {
                Phase::Ready => self.notices.problem(
                    "The engine had a problem",
                    text::sentence(&reason.to_string()),
                ),
                _ => {
                    self.engine.phase = Phase::Failed(reason);
                    self.engine.load = None;
                }
            },
            // The client has dealt with these.
            Event::SampleEmbedded { .. }
            | Event::Answered { .. }
            | Event::Crashed { .. }
            | Event::Analysed { .. }
            | Event::Pong => {}
        }
    }

    fn progress(&mut self, progress: Progress) {
        let is_over = progress.total > 0 && progress.done >= progress.total;
        match progress.activity {
            Activity::LoadBackbone => self.engine.load = Some(progress),
            Activity::Embed => {
                let left = progress.total.saturating_sub(progress.done);
                if let (Some(remaining_ms), true) = (progress.remaining_ms, left > 0) {
                    self.engine.image_ms = Some(remaining_ms / left as f64);
                }
                self.engine.embed = (!is_over).then_some(progress);
            }
            Activity::Prepare => self.engine.prepare = (!is_over).then_some(progress),
            Activity::Pack => self.engine.pack = (!is_over).then_some(progress),
            Activity::OpenWeights => self.engine.opening = (!is_over).then_some(progress),
        }
    }

    /// A device that was asked for by name and is not available deserves more than a line in the header.
    fn refused_choice(&mut self) {
        let fallback = self
            .engine
            .device
            .as_ref()
            .and_then(|device| device.fallback.as_ref());
        if let (DevicePreference::Webgpu, Some(fallback)) = (self.engine.preference, fallback) {
            let detail = format!(
                "{} Choose Automatic or CPU in the settings to stop seeing this.",
                fallback_text(self.engine.preference, fallback)
            );
            self.notices.problem("WebGPU cannot be used here", detail);
        }
    }

    fn device_changed(&mut self, device: DeviceInfo) {
        let why = match &device.fallback {
            Some(fallback) => fallback_text(self.engine.preference, fallback),
            None => "The engine changed to another device.",
        };
        self.notices.problem(
            "The engine now computes on the CPU",
            format!("{why} It goes on where it was; nothing is lost."),
        );
        self.engine.device = Some(device);
    }

    fn reject(&mut self, id: SampleId, reason: &Rejection) {
        let Some((class, name)) = self
            .project
            .find(id)
            .map(|(class, sample)| (class.id, sample.name.to_string()))
        else {
            return;
        };
        if let Some(class) = self.project.class_mut(class) {
            class.remove(|sample| sample.id == id);
        }
        self.project.membership += 1;
        self.notices.left_out(
            vec![LeftOut {
                name,
                reason: reason.to_string(),
            }],
            0,
        );
    }

    fn archive_read(&mut self, import: ImportId, summary: ArchiveSummary) {
        let name = self.end_import(import);
        self.news = Some(format!(
            "{name}: {} found.",
            text::count(summary.images as usize, "image")
        ));
        let unnamed = (summary.skipped_count as usize).saturating_sub(summary.skipped.len());
        let skipped = summary.skipped.into_iter().map(|entry| LeftOut {
            name: entry.path,
            reason: entry.reason.to_string(),
        });
        self.notices.left_out(skipped.collect(), unnamed);
    }

    /// Removes the import and returns its name.
    fn end_import(&mut self, id: ImportId) -> String {
        match self.imports.iter().position(|import| import.id == id) {
            Some(at) => self.imports.remove(at).name,
            None => "The archive".into(),
        }
    }

    /// The run under way, if it is this one.
    fn run_mut(&mut self, id: RunId) -> Option<&mut Run> {
        self.run.as_mut().filter(|run| run.plan.request.run == id)
    }

    fn end_run(&mut self, id: RunId) -> Option<Run> {
        self.run_mut(id)?;
        self.run.take()
    }

    fn epoch(&mut self, run: RunId, metrics: EpochMetrics, remaining_ms: f64) {
        if let Some(run) = self.run_mut(run) {
            let history = Rc::make_mut(&mut run.history);
            // After a restart of the engine a run begins again at its first epoch.
            history.truncate((metrics.epoch as usize).saturating_sub(1));
            history.push(metrics);
            run.remaining_ms = Some(remaining_ms);
        }
    }

    fn trained(&mut self, id: RunId, outcome: TrainOutcome) {
        let Some(run) = self.end_run(id) else {
            return;
        };
        let (Some(device), Some(backbone)) = (&self.engine.device, &self.engine.backbone) else {
            return;
        };
        self.news = Some(format!(
            "Training is done: {} in {}.",
            text::count(outcome.history.len(), "epoch"),
            text::duration(outcome.timings_ms.train)
        ));
        // The new model's own threshold applies until the user moves it.
        self.threshold = None;
        self.results = Some(Results {
            plan: run.plan,
            backbone: backbone.choice.id,
            device: device.clone(),
            outcome: outcome.into(),
        });
    }
}

#[cfg(test)]
mod tests {
    use headstart_project::{
        BackboneChoice, BackboneInfo, DeviceKind, EngineError, Fallback, Part,
    };

    use super::super::notice::Message;
    use super::super::{Action, IntakeSlice, NewImage, Target};
    use super::*;

    fn device(fallback: Option<Fallback>) -> DeviceInfo {
        DeviceInfo {
            kind: DeviceKind::Cpu,
            adapter: "one thread".into(),
            fallback,
        }
    }

    fn trainable() -> State {
        let mut state = State::new(DevicePreference::Auto);
        let added = (1..=6)
            .map(|id| NewImage {
                id: SampleId(id),
                name: format!("{id}.jpg").into(),
                target: Target::Named(if id % 2 == 0 { "Cats" } else { "Dogs" }.into()),
                part: Part::Train,
                burst: None,
            })
            .collect();
        state.apply(Action::Intake(IntakeSlice {
            added,
            ..IntakeSlice::default()
        }));
        state.event(Event::Ready {
            device: device(None),
            backbone: BackboneInfo {
                choice: BackboneChoice::default(),
                features: 1280,
                parameters: 3_370_000,
                input_px: 224,
                load_ms: 900.0,
            },
            unfreezing: Vec::new(),
        });
        state
    }

    fn epoch(run: u32, epoch: u32) -> Event {
        Event::Epoch {
            run: RunId(run),
            metrics: EpochMetrics {
                epoch,
                train_loss: 1.0 / f64::from(epoch),
                train_accuracy: 0.5,
                validation_loss: None,
                validation_accuracy: None,
            },
            epochs: 50,
            remaining_ms: 1000.0,
        }
    }

    #[test]
    fn a_run_goes_from_press_to_results() {
        let mut state = trainable();
        state.apply(Action::Train);
        state.event(epoch(1, 1));
        state.event(epoch(1, 2));
        state.event(epoch(9, 3));
        assert_eq!(state.run.as_ref().map(|run| run.history.len()), Some(2));
        // Another engine starts the run again.
        state.event(epoch(1, 1));
        assert_eq!(state.run.as_ref().map(|run| run.history.len()), Some(1));
        let outcome = TrainOutcome {
            history: Vec::new(),
            best_epoch: 1,
            split: Default::default(),
            validation: None,
            test: None,
            not_held_back: Vec::new(),
            calibration: None,
            baselines: None,
            unknowns: None,
            timings_ms: Default::default(),
        };
        state.event(Event::Trained {
            run: RunId(1),
            outcome: Box::new(outcome),
        });
        assert!(state.run.is_none());
        let results = state.results.as_ref().expect("was trained");
        assert_eq!(state.record(results).classes, ["Dogs", "Cats"]);
        assert!(!results.plan.is_outdated(&state.project));
    }

    #[test]
    fn a_rejected_image_leaves_its_class_and_is_named() {
        let mut state = trainable();
        state.event(Event::SampleRejected {
            id: SampleId(2),
            reason: Rejection::Damaged,
        });
        state.event(Event::SampleRejected {
            id: SampleId(2),
            reason: Rejection::Damaged,
        });
        assert_eq!(state.project.len(), 5);
        assert!(matches!(
            &state.notices.items.first().expect("is told").message,
            Message::LeftOut { files, count: 1 } if files.first().is_some_and(|f| f.name == "2.jpg")
        ));
        assert_eq!(state.undo.samples().count(), 0);
    }

    #[test]
    fn a_lost_device_is_told_and_shown() {
        let mut state = trainable();
        state.event(Event::DeviceChanged {
            device: device(Some(Fallback::DeviceLost)),
        });
        assert_eq!(state.notices.items.len(), 1);
        assert_eq!(
            state.engine.device,
            Some(device(Some(Fallback::DeviceLost)))
        );
    }

    #[test]
    fn a_failure_before_ready_is_a_phase_and_after_it_a_message() {
        let reason = EngineError::WeightsMissing {
            detail: "404".into(),
        };
        let mut state = State::new(DevicePreference::Auto);
        state.event(Event::Failed {
            reason: reason.clone(),
        });
        assert_eq!(state.engine.phase, Phase::Failed(reason.clone()));
        let mut state = trainable();
        state.event(Event::Failed { reason });
        assert_eq!(state.engine.phase, Phase::Ready);
        assert_eq!(state.notices.items.len(), 1);
    }

    #[test]
    fn embedding_progress_ends_with_the_last_image() {
        let mut state = trainable();
        let progress = |done| Progress {
            activity: Activity::Embed,
            done,
            total: 6,
            remaining_ms: None,
        };
        state.event(Event::Progress(progress(2)));
        assert!(state.engine.embed.is_some());
        state.event(Event::Progress(progress(6)));
        assert!(state.engine.embed.is_none());
    }
}
