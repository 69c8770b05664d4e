use std::collections::{BTreeMap, HashMap};

use headstart_project::{ClassRequest, NewSample, TrainSettings};
use proptest::prelude::*;

use super::*;
use crate::inputs::samples::{Arrival, Embedding, Waiting};

/// Steps of a run or an analysis, between two of which it pauses.
const STEPS: u32 = 3;
/// Length of an embedding.
const FEATURES: usize = 1;
/// Images embedded at a time.
const BATCH: usize = 2;

/// Does what the schedule says as the engine does it, a step a call. A file is a number, and its embedding that number.
#[derive(Default)]
struct Desk {
    schedule: Schedule<u32, u32>,
    /// What is under way; the last one has been let through by the one before it.
    under_way: Vec<Work>,
    said: Vec<Said>,
}

/// Work under way.
enum Work {
    Start,
    FallBack,
    Predict(u32),
    Train(TrainRequest, u32),
    Embed(Vec<Waiting<u32>>),
    Analyse(Job<u32>, u32),
}

/// What the page hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Ready,
    FellBack,
    Predicted(u32),
    Epoch(u32),
    Trained(u32),
    TrainingFailed(u32),
    TrainingStopped(u32),
    Embedded(u32),
    Progress(u32),
    Found(u32),
    AnalysisStopped(u32),
}

impl Desk {
    /// With a device and a backbone.
    fn ready() -> Self {
        let mut desk = Self::default();
        desk.schedule.device_ready();
        desk
    }

    /// With a model, too.
    fn with_model() -> Self {
        let mut desk = Self::ready();
        desk.schedule.model_ready();
        desk
    }

    fn begin(&mut self) {
        self.schedule.start(Start {
            device: DevicePreference::Auto,
            choice: BackboneChoice::default(),
            weights: WeightsPlace::Attached,
            attached: None,
        });
    }

    fn add(&mut self, id: u32, file: u32) {
        let sample = NewSample {
            id: SampleId(id),
            has_embedding: false,
            needs_thumbnail: false,
            look: None,
            burst: None,
        };
        let arrival = Arrival {
            sample,
            file,
            embedding: None,
        };
        self.schedule.samples.add(arrival, FEATURES);
    }

    fn remove(&mut self, id: u32) {
        self.schedule.samples.remove(&[SampleId(id)]);
    }

    fn train(&mut self, run: u32, samples: &[u32]) {
        let replaced = self.schedule.train(TrainRequest {
            run: RunId(run),
            settings: TrainSettings::default(),
            classes: vec![class(samples)],
        });
        self.said
            .extend(replaced.map(|run| Said::TrainingStopped(run.0)));
    }

    fn stop_training(&mut self, run: u32) -> Stop {
        let stop = self.schedule.stop_training(RunId(run));
        if stop == Stop::Done {
            self.said.push(Said::TrainingStopped(run));
        }
        stop
    }

    fn predict(&mut self, request: u32) {
        self.schedule.predict(request);
    }

    fn analyse(&mut self, job: u32, samples: &[u32]) {
        self.schedule.analyse(Job {
            id: JobId(job),
            analysis: Analysis::Examine {
                classes: vec![class(samples)],
            },
            weights: Vec::new(),
            attachments: Vec::new(),
        });
    }

    fn stop_analysis(&mut self, job: u32) -> Stop {
        let stop = self.schedule.stop_analysis(JobId(job));
        if stop == Stop::Done {
            self.said.push(Said::AnalysisStopped(job));
        }
        stop
    }

    /// Takes one step of what is under way, or takes up what comes next. Returns false when there is nothing to do.
    fn step(&mut self) -> bool {
        match self.under_way.pop() {
            Some(work) => self.go_on(work),
            None => match self.schedule.next() {
                None => return false,
                Some(Step::Urgent(urgent)) => self.take_up(urgent),
                Some(Step::Analyse(job)) => self.under_way.push(Work::Analyse(job, 0)),
            },
        }
        true
    }

    fn take_up(&mut self, urgent: Urgent<u32, u32>) {
        let work = match urgent {
            Urgent::Start(_) => Work::Start,
            Urgent::FallBack => Work::FallBack,
            Urgent::Predict(request) => Work::Predict(request),
            Urgent::Train(request) => {
                let samples = &self.schedule.samples;
                assert!(!samples.any_waiting(request.samples()));
                Work::Train(request, 0)
            }
            Urgent::Embed => {
                let batch = self.schedule.samples.next(BATCH);
                assert!(!batch.is_empty());
                Work::Embed(batch)
            }
        };
        self.under_way.push(work);
    }

    fn go_on(&mut self, work: Work) {
        match work {
            Work::Start => {
                self.schedule.device_ready();
                self.said.push(Said::Ready);
            }
            Work::FallBack => self.fall_back(),
            Work::Predict(request) => {
                self.fall_back_if_lost();
                self.said.push(Said::Predicted(request));
            }
            Work::Train(request, step) => self.go_on_training(request, step),
            Work::Embed(batch) => {
                self.fall_back_if_lost();
                for waiting in batch {
                    let embedding = Embedding {
                        values: [waiting.file as f32].into(),
                        look: None,
                        elapsed_ms: 0.0,
                    };
                    let samples = &mut self.schedule.samples;
                    if samples.finish(waiting.ticket, Some(embedding)) {
                        self.said.push(Said::Embedded(waiting.ticket.id.0));
                    }
                }
            }
            Work::Analyse(job, step) => self.go_on_analysing(job, step),
        }
    }

    fn go_on_training(&mut self, request: TrainRequest, step: u32) {
        let run = request.run.0;
        if self.schedule.samples.gather(&request.classes).is_err() && step == 0 {
            self.schedule.run_ended();
            self.said.push(Said::TrainingFailed(run));
        } else if let Some(prediction) = self.schedule.next_prediction() {
            self.under_way.push(Work::Train(request, step));
            self.take_up(Urgent::Predict(prediction));
        } else if self.schedule.is_run_stopping() {
            self.schedule.run_ended();
            self.said.push(Said::TrainingStopped(run));
        } else if self.fall_back_if_lost() {
            // Tensors of the device that was lost are lost, too.
            self.under_way.push(Work::Train(request, 0));
        } else if step < STEPS {
            self.said.push(Said::Epoch(run));
            self.under_way.push(Work::Train(request, step + 1));
        } else {
            self.schedule.model_ready();
            self.schedule.run_ended();
            self.said.push(Said::Trained(run));
        }
    }

    fn go_on_analysing(&mut self, job: Job<u32>, step: u32) {
        let id = job.id.0;
        if let Some(urgent) = self.schedule.next_urgent() {
            self.under_way.push(Work::Analyse(job, step));
            self.take_up(urgent);
        } else if self.schedule.is_job_stopping() {
            self.schedule.job_ended();
            self.said.push(Said::AnalysisStopped(id));
        } else if step < STEPS {
            let samples = samples_of(&job.analysis).into_iter();
            assert!(!self.schedule.samples.any_waiting(samples));
            self.said.push(Said::Progress(id));
            self.under_way.push(Work::Analyse(job, step + 1));
        } else {
            self.schedule.job_ended();
            self.said.push(Said::Found(id));
        }
    }

    /// Work that computes goes over to the CPU by itself.
    fn fall_back_if_lost(&mut self) -> bool {
        let is_lost = self.schedule.device == Device::Lost;
        if is_lost {
            self.fall_back();
        }
        is_lost
    }

    fn fall_back(&mut self) {
        self.schedule.device_ready();
        self.said.push(Said::FellBack);
    }

    /// Works until the page hears this.
    fn until(&mut self, said: Said) {
        for _ in 0..100 {
            if self.said.contains(&said) {
                return;
            }
            assert!(
                self.step(),
                "nothing is left to do before {said:?}: {:?}",
                self.said
            );
        }
        panic!("{said:?} never happens: {:?}", self.said);
    }

    /// Works until nothing is left to do, and returns what the page has heard beside progress.
    fn finish(&mut self) -> Vec<Said> {
        for _ in 0..10_000 {
            if !self.step() {
                let answers = self.said.iter().copied();
                return answers
                    .filter(|said| !matches!(said, Said::Epoch(_) | Said::Progress(_)))
                    .collect();
            }
        }
        panic!("the work never ends: {:?}", self.said);
    }

    /// The file that an image's embedding was made of.
    fn embedded(&self, id: u32) -> Option<u32> {
        let embedding = self.schedule.samples.embedding(SampleId(id))?;
        embedding.values.first().map(|&value| value as u32)
    }
}

fn class(samples: &[u32]) -> ClassRequest {
    ClassRequest {
        name: "class".into(),
        train: samples.iter().copied().map(SampleId).collect(),
        test: Vec::new(),
    }
}

/// The order of work.
mod order {
    use super::*;

    #[test]
    fn nothing_is_done_before_the_device_is_there() {
        let mut desk = Desk::default();
        desk.add(1, 1);
        desk.train(1, &[1]);
        desk.analyse(1, &[1]);
        assert_eq!(desk.finish(), []);
        desk.begin();
        let all = [
            Said::Ready,
            Said::Embedded(1),
            Said::Trained(1),
            Said::Found(1),
        ];
        assert_eq!(desk.finish(), all);
    }

    #[test]
    fn predictions_go_before_a_run_before_images_before_analyses() {
        let mut desk = Desk::with_model();
        desk.add(1, 1);
        desk.until(Said::Embedded(1));
        desk.analyse(1, &[1]);
        desk.add(2, 2);
        desk.train(1, &[1]);
        desk.predict(1);
        let all = [
            Said::Embedded(1),
            Said::Predicted(1),
            Said::Trained(1),
            Said::Embedded(2),
            Said::Found(1),
        ];
        assert_eq!(desk.finish(), all);
    }

    #[test]
    fn a_run_waits_for_its_own_images_and_for_no_others() {
        let mut desk = Desk::ready();
        for id in 1..=6 {
            desk.add(id, id);
        }
        desk.train(1, &[1, 4]);
        let said = desk.finish();
        let trained = said.iter().position(|&said| said == Said::Trained(1));
        let embedded = |id| said.iter().position(|&said| said == Said::Embedded(id));
        assert!(embedded(4) < trained && trained < embedded(5), "{said:?}");
    }

    #[test]
    fn an_analysis_waits_for_all_images() {
        let mut desk = Desk::ready();
        for id in 1..=5 {
            desk.add(id, id);
        }
        desk.analyse(1, &[1]);
        assert_eq!(desk.finish().last(), Some(&Said::Found(1)));
    }

    #[test]
    fn an_analysis_lets_everything_through_at_each_of_its_pauses() {
        let mut desk = Desk::with_model();
        desk.add(1, 1);
        desk.analyse(1, &[1]);
        desk.until(Said::Progress(1));
        desk.add(2, 2);
        desk.train(1, &[1, 2]);
        desk.predict(1);
        desk.analyse(2, &[2]);
        let all = [
            Said::Embedded(1),
            Said::Predicted(1),
            Said::Embedded(2),
            Said::Trained(1),
            Said::Found(1),
            Said::Found(2),
        ];
        assert_eq!(desk.finish(), all);
    }

    #[test]
    fn images_that_come_in_the_middle_of_an_analysis_do_not_wait_for_it() {
        let mut desk = Desk::ready();
        desk.add(1, 1);
        desk.analyse(1, &[1]);
        desk.until(Said::Progress(1));
        desk.add(2, 2);
        let all = [Said::Embedded(1), Said::Embedded(2), Said::Found(1)];
        assert_eq!(desk.finish(), all);
    }

    #[test]
    fn a_run_lets_predictions_through_and_nothing_else() {
        let mut desk = Desk::with_model();
        desk.add(1, 1);
        desk.train(1, &[1]);
        desk.until(Said::Epoch(1));
        desk.analyse(1, &[1]);
        desk.add(2, 2);
        desk.predict(1);
        desk.train(2, &[1]);
        let all = [
            Said::Embedded(1),
            Said::Predicted(1),
            Said::Trained(1),
            Said::Trained(2),
            Said::Embedded(2),
            Said::Found(1),
        ];
        assert_eq!(desk.finish(), all);
    }

    #[test]
    fn a_run_in_the_middle_of_an_analysis_lets_predictions_through() {
        let mut desk = Desk::with_model();
        desk.analyse(1, &[]);
        desk.until(Said::Progress(1));
        desk.train(1, &[]);
        desk.until(Said::Epoch(1));
        desk.predict(1);
        let all = [Said::Predicted(1), Said::Trained(1), Said::Found(1)];
        assert_eq!(desk.finish(), all);
    }

    #[test]
    fn predictions_wait_for_the_first_model() {
        let mut desk = Desk::ready();
        desk.predict(1);
        desk.add(1, 1);
        desk.train(1, &[1]);
        let all = [Said::Embedded(1), Said::Trained(1), Said::Predicted(1)];
        assert_eq!(desk.finish(), all);
    }

    #[test]
    fn predictions_are_given_back_when_there_will_be_no_model() {
        let mut desk = Desk::ready();
        desk.predict(1);
        desk.train(1, &[7]);
        assert!(
            desk.schedule.predictions_without_model().is_empty(),
            "the run may bring one"
        );
        assert_eq!(desk.finish(), [Said::TrainingFailed(1)]);
        let given_back = desk.schedule.predictions_without_model();
        assert_eq!(given_back.len(), 1);
        desk.schedule.model_ready();
        desk.predict(2);
        assert!(desk.schedule.predictions_without_model().is_empty());
        desk.until(Said::Predicted(2));
    }

    #[test]
    fn predictions_and_analyses_keep_their_order() {
        let mut desk = Desk::with_model();
        for at in 1..=3 {
            desk.predict(at);
            desk.analyse(at, &[]);
        }
        let predicted = (1..=3).map(Said::Predicted);
        let all: Vec<Said> = predicted.chain((1..=3).map(Said::Found)).collect();
        assert_eq!(desk.finish(), all);
    }

    #[test]
    fn a_run_that_has_not_begun_makes_way_for_the_next_one_and_says_so() {
        let mut desk = Desk::ready();
        desk.add(1, 1);
        desk.train(1, &[1]);
        desk.train(2, &[1]);
        let all = [
            Said::TrainingStopped(1),
            Said::Embedded(1),
            Said::Trained(2),
        ];
        assert_eq!(desk.finish(), all);
    }
}

/// Stopping in every state.
mod stopping {
    use super::*;

    #[test]
    fn a_run_before_the_device_is_there() {
        let mut desk = Desk::default();
        desk.train(1, &[]);
        assert_eq!(desk.stop_training(1), Stop::Done);
        desk.begin();
        assert_eq!(desk.finish(), [Said::TrainingStopped(1), Said::Ready]);
    }

    #[test]
    fn a_run_that_waits_behind_other_work() {
        let mut desk = Desk::with_model();
        desk.train(1, &[]);
        desk.until(Said::Epoch(1));
        desk.train(2, &[]);
        assert_eq!(desk.stop_training(2), Stop::Done);
        assert_eq!(desk.finish(), [Said::TrainingStopped(2), Said::Trained(1)]);
    }

    #[test]
    fn a_run_that_waits_for_its_images() {
        let mut desk = Desk::ready();
        for id in 1..=4 {
            desk.add(id, id);
        }
        desk.train(1, &[1, 2, 3, 4]);
        desk.until(Said::Embedded(2));
        assert_eq!(desk.stop_training(1), Stop::Done);
        let said = desk.finish();
        assert!(!said.contains(&Said::Trained(1)));
        assert_eq!(said.last(), Some(&Said::Embedded(4)));
    }

    #[test]
    fn a_run_under_way() {
        let mut desk = Desk::ready();
        desk.train(1, &[]);
        desk.until(Said::Epoch(1));
        assert_eq!(desk.stop_training(1), Stop::Noted);
        assert_eq!(desk.stop_training(1), Stop::Noted);
        assert_eq!(desk.finish(), [Said::TrainingStopped(1)]);
        // The next one is not stopped with it.
        desk.train(2, &[]);
        assert_eq!(desk.finish(), [Said::TrainingStopped(1), Said::Trained(2)]);
    }

    #[test]
    fn a_run_just_handed_out() {
        let mut desk = Desk::ready();
        desk.train(1, &[]);
        assert!(desk.step());
        assert_eq!(desk.stop_training(1), Stop::Noted);
        assert_eq!(desk.finish(), [Said::TrainingStopped(1)]);
        assert!(!desk.said.contains(&Said::Epoch(1)));
    }

    #[test]
    fn a_run_in_the_middle_of_a_prediction_and_of_an_analysis() {
        let mut desk = Desk::with_model();
        desk.analyse(1, &[]);
        desk.until(Said::Progress(1));
        desk.train(1, &[]);
        desk.until(Said::Epoch(1));
        desk.predict(1);
        assert!(desk.step());
        assert_eq!(desk.under_way.len(), 3);
        assert_eq!(desk.stop_training(1), Stop::Noted);
        let all = [Said::Predicted(1), Said::TrainingStopped(1), Said::Found(1)];
        assert_eq!(desk.finish(), all);
    }

    #[test]
    fn another_run_than_the_one_under_way() {
        let mut desk = Desk::ready();
        desk.train(2, &[]);
        desk.until(Said::Epoch(2));
        assert_eq!(desk.stop_training(1), Stop::Unknown);
        assert_eq!(desk.finish(), [Said::Trained(2)]);
        assert_eq!(desk.stop_training(2), Stop::Unknown);
    }

    #[test]
    fn an_analysis_before_the_device_is_there() {
        let mut desk = Desk::default();
        desk.analyse(1, &[]);
        assert_eq!(desk.stop_analysis(1), Stop::Done);
        desk.begin();
        assert_eq!(desk.finish(), [Said::AnalysisStopped(1), Said::Ready]);
    }

    #[test]
    fn an_analysis_that_waits() {
        let mut desk = Desk::ready();
        for job in 1..=3 {
            desk.analyse(job, &[]);
        }
        desk.until(Said::Progress(1));
        assert_eq!(desk.stop_analysis(2), Stop::Done);
        let all = [Said::AnalysisStopped(2), Said::Found(1), Said::Found(3)];
        assert_eq!(desk.finish(), all);
    }

    #[test]
    fn an_analysis_under_way() {
        let mut desk = Desk::ready();
        desk.analyse(1, &[]);
        desk.analyse(2, &[]);
        desk.until(Said::Progress(1));
        assert_eq!(desk.stop_analysis(1), Stop::Noted);
        assert_eq!(desk.finish(), [Said::AnalysisStopped(1), Said::Found(2)]);
        assert_eq!(desk.stop_analysis(1), Stop::Unknown);
    }

    #[test]
    fn an_analysis_while_its_images_are_embedded() {
        let mut desk = Desk::ready();
        desk.analyse(1, &[1, 2, 3]);
        assert!(desk.step());
        for id in 1..=3 {
            desk.add(id, id);
        }
        desk.until(Said::Embedded(2));
        assert_eq!(desk.stop_analysis(1), Stop::Noted);
        let said = desk.finish();
        assert_eq!(said.last(), Some(&Said::AnalysisStopped(1)));
        assert_eq!(desk.embedded(3), Some(3));
    }

    #[test]
    fn an_analysis_does_not_stop_what_it_let_through() {
        let mut desk = Desk::ready();
        desk.analyse(1, &[]);
        desk.until(Said::Progress(1));
        desk.train(1, &[]);
        desk.until(Said::Epoch(1));
        assert_eq!(desk.stop_analysis(1), Stop::Noted);
        assert_eq!(desk.finish(), [Said::Trained(1), Said::AnalysisStopped(1)]);
    }
}

/// Losing the device in every state.
mod loss {
    use super::*;

    #[test]
    fn before_there_is_one() {
        let mut desk = Desk::default();
        desk.schedule.device_lost();
        desk.begin();
        assert_eq!(desk.finish(), [Said::Ready]);
    }

    #[test]
    fn while_nothing_is_under_way() {
        let mut desk = Desk::with_model();
        desk.schedule.device_lost();
        desk.predict(1);
        assert_eq!(desk.finish(), [Said::FellBack, Said::Predicted(1)]);
        assert_eq!(desk.finish().len(), 2, "once is enough");
    }

    #[test]
    fn while_work_of_every_kind_waits() {
        let mut desk = Desk::with_model();
        desk.add(1, 1);
        desk.train(1, &[1]);
        desk.analyse(1, &[1]);
        desk.schedule.device_lost();
        let all = [
            Said::FellBack,
            Said::Embedded(1),
            Said::Trained(1),
            Said::Found(1),
        ];
        assert_eq!(desk.finish(), all);
    }

    #[test]
    fn while_a_picture_is_classified() {
        let mut desk = Desk::with_model();
        desk.predict(1);
        assert!(desk.step());
        desk.schedule.device_lost();
        assert_eq!(desk.finish(), [Said::FellBack, Said::Predicted(1)]);
    }

    #[test]
    fn while_images_are_embedded() {
        let mut desk = Desk::ready();
        desk.add(1, 1);
        desk.add(2, 2);
        desk.add(3, 3);
        assert!(desk.step());
        desk.schedule.device_lost();
        let all = [
            Said::FellBack,
            Said::Embedded(1),
            Said::Embedded(2),
            Said::Embedded(3),
        ];
        assert_eq!(desk.finish(), all);
    }

    #[test]
    fn while_a_run_is_under_way() {
        let mut desk = Desk::ready();
        desk.train(1, &[]);
        desk.until(Said::Epoch(1));
        desk.schedule.device_lost();
        assert_eq!(desk.finish(), [Said::FellBack, Said::Trained(1)]);
    }

    #[test]
    fn while_a_run_is_to_stop() {
        let mut desk = Desk::ready();
        desk.train(1, &[]);
        desk.until(Said::Epoch(1));
        assert_eq!(desk.stop_training(1), Stop::Noted);
        desk.schedule.device_lost();
        assert_eq!(desk.finish(), [Said::TrainingStopped(1), Said::FellBack]);
    }

    #[test]
    fn while_an_analysis_is_under_way() {
        let mut desk = Desk::ready();
        desk.analyse(1, &[]);
        desk.until(Said::Progress(1));
        desk.schedule.device_lost();
        assert_eq!(desk.finish(), [Said::FellBack, Said::Found(1)]);
    }

    #[test]
    fn while_an_analysis_lets_a_run_through() {
        let mut desk = Desk::ready();
        desk.analyse(1, &[]);
        desk.until(Said::Progress(1));
        desk.train(1, &[]);
        desk.until(Said::Epoch(1));
        desk.schedule.device_lost();
        let all = [Said::FellBack, Said::Trained(1), Said::Found(1)];
        assert_eq!(desk.finish(), all);
    }
}

/// Images that change while something is done with them.
mod images {
    use super::*;

    #[test]
    fn one_is_removed_while_it_waits() {
        let mut desk = Desk::ready();
        desk.add(1, 1);
        desk.add(2, 2);
        desk.remove(1);
        assert_eq!(desk.finish(), [Said::Embedded(2)]);
        assert_eq!(desk.embedded(1), None);
    }

    #[test]
    fn one_is_removed_while_it_is_embedded() {
        let mut desk = Desk::ready();
        desk.add(1, 1);
        desk.add(2, 2);
        assert!(desk.step());
        desk.remove(1);
        assert_eq!(desk.finish(), [Said::Embedded(2)]);
        assert_eq!(desk.embedded(1), None);
    }

    #[test]
    fn one_is_replaced_while_it_is_embedded() {
        let mut desk = Desk::ready();
        desk.add(1, 10);
        assert!(desk.step());
        desk.remove(1);
        desk.add(1, 11);
        assert_eq!(desk.finish(), [Said::Embedded(1)]);
        assert_eq!(desk.embedded(1), Some(11), "not what the first file gave");
    }

    #[test]
    fn one_is_replaced_while_it_waits() {
        let mut desk = Desk::ready();
        desk.add(1, 10);
        desk.add(1, 11);
        assert_eq!(desk.finish(), [Said::Embedded(1)]);
        assert_eq!(desk.embedded(1), Some(11));
    }

    #[test]
    fn one_is_replaced_after_it_was_embedded() {
        let mut desk = Desk::ready();
        desk.add(1, 10);
        desk.finish();
        desk.remove(1);
        desk.add(1, 11);
        desk.train(1, &[1]);
        let all = [Said::Embedded(1), Said::Embedded(1), Said::Trained(1)];
        assert_eq!(desk.finish(), all, "the run waits for the new one");
        assert_eq!(desk.embedded(1), Some(11));
    }

    #[test]
    fn one_that_a_run_waits_for_is_removed() {
        let mut desk = Desk::ready();
        desk.add(1, 1);
        desk.train(1, &[1]);
        assert!(desk.step());
        desk.remove(1);
        assert_eq!(desk.finish(), [Said::TrainingFailed(1)]);
    }

    #[test]
    fn one_cannot_be_used() {
        let mut desk = Desk::ready();
        desk.add(1, 1);
        let ticket = desk.schedule.samples.next(1)[0].ticket;
        assert!(desk.schedule.samples.finish(ticket, None));
        assert!(!desk.schedule.samples.finish(ticket, None), "it is done");
        assert_eq!(desk.finish(), []);
    }

    #[test]
    fn an_embedding_comes_along() {
        let mut desk = Desk::ready();
        for (id, values) in [(1, vec![7.0]), (2, vec![7.0, 8.0])] {
            let sample = NewSample {
                id: SampleId(id),
                has_embedding: true,
                needs_thumbnail: false,
                look: None,
                burst: None,
            };
            let arrival = Arrival {
                sample,
                file: id,
                embedding: Some(values),
            };
            desk.schedule.samples.add(arrival, FEATURES);
        }
        assert_eq!(
            desk.finish(),
            [Said::Embedded(2)],
            "one is of another length"
        );
        assert_eq!(desk.embedded(1), Some(7));
    }
}

/// What the page may do at any time, and the engine's next step.
#[derive(Clone, Debug)]
enum Move {
    Add(u32),
    Remove(u32),
    Train(Vec<u32>),
    StopTraining(u32),
    Predict,
    Analyse(Vec<u32>),
    StopAnalysis(u32),
    LoseDevice,
    Work(u8),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let samples = || prop::collection::vec(0..6_u32, 0..4);
    let one = prop_oneof![
        3 => (0..6_u32).prop_map(Move::Add),
        2 => (0..6_u32).prop_map(Move::Remove),
        2 => samples().prop_map(Move::Train),
        1 => (0..6_u32).prop_map(Move::StopTraining),
        2 => Just(Move::Predict),
        2 => samples().prop_map(Move::Analyse),
        1 => (0..6_u32).prop_map(Move::StopAnalysis),
        1 => Just(Move::LoseDevice),
        6 => (1..6_u8).prop_map(Move::Work),
    ];
    prop::collection::vec(one, 0..60)
}

proptest! {
    /// Whatever is asked for in whatever order: everything gets exactly one answer, and every image that stays ends embedded by its newest file.
    #[test]
    fn no_work_is_lost(moves in moves(), has_model in any::<bool>()) {
        let mut desk = Desk::default();
        if has_model {
            desk.schedule.model_ready();
        }
        desk.begin();
        let (mut files, mut last_file) = (BTreeMap::new(), 0);
        let (mut runs, mut jobs, mut requests) = (0, 0, 0);
        for one in moves {
            match one {
                Move::Add(id) => {
                    last_file += 1;
                    files.insert(id, last_file);
                    desk.add(id, last_file);
                }
                Move::Remove(id) => {
                    files.remove(&id);
                    desk.remove(id);
                }
                Move::Train(samples) => {
                    runs += 1;
                    desk.train(runs, &samples);
                }
                Move::StopTraining(ago) => {
                    let _ = desk.stop_training(runs.saturating_sub(ago));
                }
                Move::Predict => {
                    requests += 1;
                    desk.predict(requests);
                }
                Move::Analyse(samples) => {
                    jobs += 1;
                    desk.analyse(jobs, &samples);
                }
                Move::StopAnalysis(ago) => {
                    let _ = desk.stop_analysis(jobs.saturating_sub(ago));
                }
                Move::LoseDevice => desk.schedule.device_lost(),
                Move::Work(steps) => {
                    for _ in 0..steps {
                        desk.step();
                    }
                }
            }
        }
        let said = desk.finish();
        let left = desk.schedule.predictions_without_model();
        let mut answers: HashMap<(&str, u32), usize> = HashMap::new();
        for &one in &said {
            let key = match one {
                Said::Trained(run) | Said::TrainingFailed(run) | Said::TrainingStopped(run) => ("run", run),
                Said::Found(job) | Said::AnalysisStopped(job) => ("job", job),
                Said::Predicted(request) => ("request", request),
                _ => continue,
            };
            *answers.entry(key).or_default() += 1;
        }
        for request in left {
            *answers.entry(("request", request)).or_default() += 1;
        }
        let asked = (1..=runs).map(|run| ("run", run));
        let asked = asked.chain((1..=jobs).map(|job| ("job", job)));
        let asked: Vec<_> = asked.chain((1..=requests).map(|request| ("request", request))).collect();
        for one in &asked {
            prop_assert_eq!(answers.get(one), Some(&1), "{:?} of {:?}", one, said);
        }
        prop_assert_eq!(answers.len(), asked.len());
        for id in 0..6 {
            prop_assert_eq!(desk.embedded(id), files.get(&id).copied(), "image {}", id);
        }
        prop_assert_eq!(desk.schedule.samples.waiting(), 0);
    }
}
