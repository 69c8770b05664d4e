//! The run record: a run's own figures, with what was found out on the same images before or after it.

use headstart_project::{
    CrossValidationRecord, ExaminationRecord, RunRecord, SampleId, UnknownsRecord,
};

use super::State;
use super::run::{Plan, Results};

impl State {
    /// The file behind `Download run record`.
    pub fn record(&self, results: &Results) -> RunRecord {
        let classes = results.plan.request.classes.iter();
        self.record_with_names(results, classes.map(|class| class.name.clone()).collect())
    }

    /// The same with other names for the classes, in the order of the run.
    pub fn record_with_names(&self, results: &Results, classes: Vec<String>) -> RunRecord {
        let request = &results.plan.request;
        let outcome = &results.outcome;
        let name_of = |id: SampleId| {
            let (_, sample) = self.project.find(id)?;
            Some(sample.name.to_string())
        };
        let settings = request.settings.clone();
        let mut record = RunRecord::new(
            results.backbone,
            &results.device,
            settings,
            classes,
            outcome,
        )
        .with_images(&request.classes);
        record.unknowns = outcome
            .unknowns
            .as_ref()
            .map(|report| UnknownsRecord::new(report, self.threshold.unwrap_or(report.threshold)));
        let found = self.analyses.cross_validation.as_deref();
        let found = found.filter(|found| learns_from_the_same(&found.plan, &results.plan));
        record.cross_validation = found.map(|found| {
            let settings = found.plan.request.settings.clone();
            CrossValidationRecord::new(&found.findings, settings, &record.classes, &name_of)
        });
        let found = self.analyses.examination.as_deref();
        let found = found.filter(|found| {
            learns_from_the_same(&found.plan, &results.plan)
                && tests_on_the_same(&found.plan, &results.plan)
        });
        record.examination =
            found.map(|found| ExaminationRecord::new(&found.findings, &record.classes, &name_of));
        let found = self.analyses.comparison.as_deref();
        let found = found.filter(|found| {
            learns_from_the_same(&found.plan, &results.plan)
                && tests_on_the_same(&found.plan, &results.plan)
        });
        record.comparison = found.map(|found| found.findings.clone());
        let found = self.analyses.backbones.as_deref();
        let found = found.filter(|found| {
            learns_from_the_same(&found.plan, &results.plan)
                && tests_on_the_same(&found.plan, &results.plan)
        });
        record.backbones = found.map(|found| found.findings.clone());
        record
    }
}

fn learns_from_the_same(one: &Plan, other: &Plan) -> bool {
    let train = |plan: &Plan| -> Vec<_> {
        let classes = plan.request.classes.iter();
        classes.map(|class| class.train.clone()).collect()
    };
    one.class_ids == other.class_ids && train(one) == train(other)
}

fn tests_on_the_same(one: &Plan, other: &Plan) -> bool {
    let test = |plan: &Plan| -> Vec<_> {
        let classes = plan.request.classes.iter();
        classes.map(|class| class.test.clone()).collect()
    };
    test(one) == test(other)
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use headstart_project::{
        BackboneId, CrossValidation, DeviceInfo, DeviceKind, DevicePreference, Evaluation,
        Examination, LabelSuspect, MeasuredOn, Part, RunId, SampleVerdict, TrainOutcome,
        UnknownReport,
    };

    use super::super::analysis::Found;
    use super::super::project::Sample;
    use super::super::settings::Draft;
    use super::*;

    fn sample(id: u32, part: Part) -> Sample {
        Sample {
            id: SampleId(id),
            name: format!("{id}.jpg").into(),
            part,
            size_px: None,
            burst: None,
        }
    }

    /// Cats 1 to 5 and dogs 11 to 15, trained, cross-validated and examined.
    fn state() -> (State, Results) {
        let mut state = State::new(DevicePreference::Auto);
        for (name, first) in [("Cats", 1), ("Dogs", 11)] {
            let id = state.project.class_named(name);
            if let Some(class) = state.project.class_mut(id) {
                class.insert((first..first + 5).map(|id| sample(id, Part::Train)));
            }
        }
        state.project.classes.retain(|class| !class.placeholder);
        let plan = Plan::new(&state.project, &Draft::default(), RunId(1)).expect("can be trained");
        let plan = Rc::new(plan);
        let verdict = SampleVerdict {
            id: SampleId(3),
            actual: 0,
            predicted: 1,
            confidence: 0.8,
            given: 0.2,
        };
        let findings = CrossValidation {
            folds: vec![0.0],
            mean: 0.0,
            deviation: 0.0,
            evaluation: Evaluation {
                accuracy: 0.0,
                confusion: vec![vec![0, 1], vec![0, 0]],
                verdicts: vec![verdict],
            },
            elapsed_ms: 1.0,
        };
        state.analyses.cross_validation = Some(Rc::new(Found {
            plan: plan.clone(),
            findings,
        }));
        let findings = Examination {
            labels: vec![LabelSuspect {
                id: SampleId(3),
                given: 0,
                suggested: 1,
                probability: 0.1,
            }],
            ..Examination::default()
        };
        state.analyses.examination = Some(Rc::new(Found {
            plan: plan.clone(),
            findings,
        }));
        let outcome = TrainOutcome {
            history: Vec::new(),
            best_epoch: 1,
            split: Default::default(),
            validation: None,
            test: None,
            not_held_back: Vec::new(),
            calibration: None,
            baselines: None,
            unknowns: Some(UnknownReport {
                threshold: 0.5,
                measured_on: MeasuredOn::Validation,
                known: vec![0.6, 0.8],
                hidden: vec![0.4, 0.7],
                auroc: 0.75,
            }),
            timings_ms: Default::default(),
        };
        let device = DeviceInfo {
            kind: DeviceKind::Cpu,
            adapter: String::new(),
            fallback: None,
        };
        let results = Results {
            plan,
            backbone: BackboneId::default(),
            device,
            outcome: Rc::new(outcome),
        };
        (state, results)
    }

    #[test]
    fn what_was_found_on_the_same_images_is_in_it() {
        let (state, results) = state();
        let record = state.record_with_names(&results, vec!["Tigers".into(), "Wolves".into()]);
        assert_eq!(record.classes, ["Tigers", "Wolves"]);
        assert_eq!(record.images.len(), 2);
        let cross_validation = record.cross_validation.expect("was done");
        let image = cross_validation.images.first().expect("one");
        assert_eq!(image.image.as_deref(), Some("3.jpg"));
        assert_eq!(image.class, "Tigers");
        let examination = record.examination.expect("was done");
        assert_eq!(examination.suspects.len(), 1);
    }

    #[test]
    fn what_was_found_on_other_images_is_not() {
        let (mut state, mut results) = state();
        let cats = state.project.class_named("Cats");
        if let Some(class) = state.project.class_mut(cats) {
            class.insert([sample(30, Part::Test)]);
        }
        let plan = |state: &State| Plan::new(&state.project, &Draft::default(), RunId(2));
        results.plan = Rc::new(plan(&state).expect("can be trained"));
        // Cross-validation leaves test images alone.
        let record = state.record(&results);
        assert!(record.cross_validation.is_some() && record.examination.is_none());
        if let Some(class) = state.project.class_mut(cats) {
            class.insert([sample(31, Part::Train)]);
        }
        results.plan = Rc::new(plan(&state).expect("can be trained"));
        assert!(state.record(&results).cross_validation.is_none());
    }

    #[test]
    fn a_moved_threshold_is_the_one_that_counts() {
        let (mut state, results) = state();
        let kept = |state: &State| state.record(&results).unknowns.map(|u| u.known_kept);
        assert_eq!(kept(&state), Some(2));
        state.threshold = Some(0.7);
        assert_eq!(kept(&state), Some(1));
    }

    #[test]
    fn an_image_that_is_gone_has_no_name() {
        let (mut state, results) = state();
        let cats = state.project.class_named("Cats");
        if let Some(class) = state.project.class_mut(cats) {
            class.remove(|sample| sample.id.0 == 3);
        }
        let record = state.record(&results);
        let suspects = record.examination.expect("was done").suspects;
        assert_eq!(suspects.first().map(|s| s.image.is_none()), Some(true));
    }
}
