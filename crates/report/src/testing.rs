//! Reports for the tests.

use headstart_project::{
    BackboneId, Baselines, Calibration, CellResult, ClassFinding, ClassProblem, ClassRequest,
    CrossValidation, CrossValidationRecord, DeviceInfo, DeviceKind, EpochMetrics, Evaluation,
    Examination, ExaminationRecord, Experiment, LabelSuspect, MeasuredOn, Method, Reliability,
    ReliabilityBin, RunRecord, SampleId, SplitCounts, Timings, TrainOutcome, TrainSettings,
    UnknownReport,
};

use crate::{Moment, Picture, Report};

/// One with everything that a report can contain.
pub fn report() -> Report {
    let mut report = of(["Circles", "Squares"].map(str::to_owned), &outcome());
    report.title = "Shapes".into();
    report
}

/// One in which every name is this one.
pub fn named(name: &str) -> Report {
    let mut report = of([name.to_owned(), name.to_owned()], &outcome());
    report.title = name.to_owned();
    report.record.device = DeviceKind::Webgpu;
    report.record.adapter = name.to_owned();
    for picture in report.mistakes.iter_mut().chain(&mut report.suspects) {
        picture.name = name.to_owned();
    }
    report
}

/// One of a run without held-back images, about which nothing is known.
pub fn bare() -> Report {
    let outcome = TrainOutcome {
        history: Vec::new(),
        best_epoch: 1,
        split: SplitCounts::default(),
        validation: None,
        test: None,
        not_held_back: Vec::new(),
        calibration: None,
        baselines: None,
        unknowns: None,
        timings_ms: Timings::default(),
    };
    let mut report = of(["Circles", "Squares"].map(str::to_owned), &outcome);
    report.record.cross_validation = None;
    report.record.examination = None;
    report.record.comparison = None;
    report.mistakes.clear();
    report.suspects.clear();
    report
}

fn of(classes: [String; 2], outcome: &TrainOutcome) -> Report {
    let device = DeviceInfo {
        kind: DeviceKind::Cpu,
        adapter: String::new(),
        fallback: None,
    };
    let settings = TrainSettings::default();
    let requests = classes.clone().map(|name| ClassRequest {
        name,
        train: (0..10).map(SampleId).collect(),
        test: (10..14).map(SampleId).collect(),
    });
    let [first, second] = classes.clone();
    let name_of = |id: SampleId| Some(format!("{}.jpg", id.0));
    let mut record = RunRecord::new(
        BackboneId::default(),
        &device,
        settings.clone(),
        classes.to_vec(),
        outcome,
    )
    .with_images(&requests);
    record.comparison = Some(comparison());
    record.cross_validation = Some(CrossValidationRecord::new(
        &cross_validation(),
        settings,
        &classes,
        &name_of,
    ));
    record.examination = Some(ExaminationRecord::new(&examination(), &classes, &name_of));
    let picture = |source: Option<&str>, probability| Picture {
        source: source.map(str::to_owned),
        name: "a.jpg".into(),
        actual: first.clone(),
        predicted: second.clone(),
        probability,
    };
    Report {
        title: "Shapes".into(),
        run: 3,
        made: Moment {
            iso: "2026-11-25T04:19:00.000Z".into(),
            words: "25 November 2026 at 04:19".into(),
        },
        record,
        is_outdated: true,
        mistakes: vec![
            picture(Some("data:image/jpeg;base64,/9j/4AAQ"), 0.87),
            picture(None, 0.6),
        ],
        suspects: vec![picture(Some("data:image/png;base64,iVBORw0KGgo="), 0.04)],
    }
}

fn outcome() -> TrainOutcome {
    let evaluation = Evaluation {
        accuracy: 0.75,
        confusion: vec![vec![2, 2], vec![0, 4]],
        verdicts: Vec::new(),
    };
    let diagram = |error| Reliability {
        error,
        bins: vec![ReliabilityBin {
            count: 8,
            confidence: 0.9,
            accuracy: 0.75,
        }],
    };
    TrainOutcome {
        history: (1..=50)
            .map(|epoch| EpochMetrics {
                epoch,
                train_loss: 1.0 / f64::from(epoch),
                train_accuracy: 0.9,
                validation_loss: Some(0.5),
                validation_accuracy: Some(0.8),
            })
            .collect(),
        best_epoch: 23,
        split: SplitCounts {
            train: 12,
            validation: 8,
            test: 8,
        },
        validation: Some(evaluation.clone()),
        test: Some(evaluation),
        not_held_back: vec![1],
        calibration: Some(Calibration {
            temperature: 1.4,
            measured_on: MeasuredOn::Test,
            before: diagram(0.2),
            after: diagram(0.15),
        }),
        baselines: Some(Baselines {
            measured_on: MeasuredOn::Test,
            largest_class: 0.5,
            nearest_neighbours: 0.7,
            neighbours: 5,
        }),
        unknowns: Some(UnknownReport {
            threshold: 0.5,
            measured_on: MeasuredOn::Test,
            known: vec![0.6; 8],
            hidden: vec![0.4; 8],
            auroc: 0.91,
        }),
        timings_ms: Timings::default(),
    }
}

/// Two ways to learn, with two amounts of images, each twice.
fn comparison() -> Experiment {
    let mut experiment = Experiment::new(vec![0, 1], 2);
    experiment.methods = vec![Method::Scratch, Method::Frozen];
    for cell in experiment.cells().collect::<Vec<_>>() {
        let right = match cell.method {
            Method::Frozen => 18,
            _ => 6 + cell.seed as u32,
        };
        experiment.results.push(CellResult {
            cell,
            right,
            total: 20,
            elapsed_ms: 1000.0,
        });
    }
    experiment
}

fn cross_validation() -> CrossValidation {
    CrossValidation {
        folds: vec![0.75, 1.0, 0.5],
        mean: 0.75,
        deviation: 0.25,
        evaluation: Evaluation {
            accuracy: 0.75,
            confusion: vec![vec![8, 2], vec![3, 7]],
            verdicts: Vec::new(),
        },
        elapsed_ms: 800.0,
    }
}

fn examination() -> Examination {
    Examination {
        duplicates: vec![vec![SampleId(1), SampleId(2)]],
        leaks: Vec::new(),
        labels: vec![LabelSuspect {
            id: SampleId(3),
            given: 0,
            suggested: 1,
            probability: 0.04,
        }],
        classes: vec![ClassFinding {
            class: 0,
            problem: ClassProblem::TooFew,
            samples: vec![SampleId(1)],
        }],
        elapsed_ms: 3.0,
    }
}

/// Fails unless all tags are properly nested and closed.
pub fn check_tags(html: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        // Attribute values are in double quotes, and any `<` and `>` within are escaped.
        let (tag, after) = after.split_once('>').expect("a tag ends");
        assert!(
            !tag.contains('<') && tag.matches('"').count() % 2 == 0,
            "<{tag}>"
        );
        rest = after;
        let name = tag.split([' ', '/']).find(|name| !name.is_empty());
        let name = name.expect("a tag has a name");
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "</{name}>");
        } else if !(tag.ends_with('/') || ["!doctype", "meta", "img"].contains(&name)) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?} are left open");
}
