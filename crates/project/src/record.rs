use serde::{Deserialize, Serialize};

use crate::{
    BackboneId, Baselines, Calibration, ClassProblem, ClassRequest, ClassScores, CrossValidation,
    DeviceInfo, DeviceKind, EpochMetrics, Evaluation, Examination, Experiment, LabelSuspect,
    MacroScores, MeasuredOn, SampleId, SampleVerdict, SplitCounts, Timings, TrainOutcome,
    TrainSettings, UnknownReport, counted, macro_average, per_class, wilson,
};

/// The file behind `Download run record`: everything needed to judge or repeat a run.
/// Fields may be added; those that stand here stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The format's version.
    pub headstart: u32,
    /// The backbone that made the embeddings.
    pub backbone: BackboneId,
    /// The device in use.
    pub device: DeviceKind,
    /// The adapter as the browser names it.
    pub adapter: String,
    /// The run's seed, also in the settings.
    pub seed: u64,
    /// How the head was trained.
    pub settings: TrainSettings,
    /// The classes' names at the time of the run, in the order of the head's outputs.
    pub classes: Vec<String>,
    /// The sizes of the parts.
    pub split: SplitCounts,
    /// The same for each class, in the order of `classes`.
    pub images: Vec<SplitCounts>,
    /// Names of the classes from which nothing could be held back, because all their images belong together or are too few.
    pub not_held_back: Vec<String>,
    /// One point per epoch.
    pub history: Vec<EpochMetrics>,
    /// The epoch whose head is kept, counted from 1.
    pub best_epoch: u32,
    /// On the validation part; absent when there is none.
    pub validation: Option<TestRecord>,
    /// On the user's test images; absent when there are none.
    pub test: Option<TestRecord>,
    /// How far the probabilities can be trusted; absent without held-back images.
    pub calibration: Option<Calibration>,
    /// What the simplest methods achieve on the same images; absent without held-back images.
    pub baselines: Option<Baselines>,
    /// How well images of no class are told apart from the others; absent without held-back images.
    pub unknowns: Option<UnknownsRecord>,
    /// Absent unless it was asked for on the same images.
    pub cross_validation: Option<CrossValidationRecord>,
    /// What is wrong with the images; absent unless it was asked for on the same images.
    pub examination: Option<ExaminationRecord>,
    /// The same images learnt in several ways; absent unless it was asked for.
    pub comparison: Option<Experiment>,
    /// How well other backbones learn the same images; absent unless it was asked for.
    #[serde(default)]
    pub backbones: Option<Experiment>,
    /// Where the time went.
    pub timings_ms: Timings,
}

/// Accuracy and confusion matrix on one part, and what follows from them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestRecord {
    /// Share predicted right, 0 to 1.
    pub accuracy: f64,
    /// Where the true accuracy lies with 95 % confidence, by Wilson.
    pub interval: [f64; 2],
    /// Rows are true classes, columns predicted ones, in the order of `classes`.
    pub confusion: Vec<Vec<u32>>,
    /// Each class by itself, in the order of `classes`.
    pub per_class: Vec<ClassScores>,
    /// Their means; absent without images.
    pub macro_average: Option<MacroScores>,
}

/// How well images of no class are told apart from the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnknownsRecord {
    /// Images less familiar than this are taken for unknown; set by the run.
    pub threshold: f32,
    /// The same after the user has moved it; the lowest `f32` turns nothing away.
    pub threshold_in_use: f32,
    /// The images that the counts below are of.
    pub measured_on: MeasuredOn,
    /// Images of the classes.
    pub known: u32,
    /// How many of them the threshold in use lets pass.
    pub known_kept: u32,
    /// The same images, each with its own class hidden from the comparison.
    pub hidden: u32,
    /// How many of them the threshold in use turns away.
    pub hidden_turned_away: u32,
    /// Area under the ROC curve of the known against the hidden ones.
    pub auroc: f64,
}

/// Every image predicted once, by a model that has not learnt from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CrossValidationRecord {
    /// How each fold was trained.
    pub settings: TrainSettings,
    /// Accuracy of each fold.
    pub folds: Vec<f64>,
    /// Mean of the folds' accuracies.
    pub mean: f64,
    /// Standard deviation of the folds' accuracies (n - 1).
    pub deviation: f64,
    /// Share of all images predicted right.
    pub accuracy: f64,
    /// All images; rows are true classes, columns predicted ones, in the order of `classes`.
    pub confusion: Vec<Vec<u32>>,
    /// What was said about each image.
    pub images: Vec<ImageRecord>,
    /// How long it took.
    pub elapsed_ms: f64,
}

/// What was said about one image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageRecord {
    /// Its file's name; absent when it has been deleted since.
    pub image: Option<String>,
    /// Its class.
    pub class: String,
    /// The class with the highest probability.
    pub predicted: String,
    /// That probability.
    pub confidence: f32,
    /// The probability of its class.
    pub given: f32,
}

/// What is wrong with the images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExaminationRecord {
    /// Groups of images that look the same.
    pub duplicate_groups: u32,
    /// Images in these groups.
    pub duplicates: u32,
    /// Test images that look the same as training images.
    pub leaks: u32,
    /// Images that are probably in the wrong class, the most suspect first.
    pub suspects: Vec<SuspectRecord>,
    /// Classes that are too small or one-sided.
    pub classes: Vec<ClassProblemRecord>,
    /// How long it took.
    pub elapsed_ms: f64,
}

/// An image that is probably in the wrong class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SuspectRecord {
    /// Its file's name; absent when it has been deleted since.
    pub image: Option<String>,
    /// The class that it is in.
    pub class: String,
    /// The class that it looks like.
    pub suggested: String,
    /// Probability of the class that it is in, by models that have not learnt from it.
    pub probability: f32,
}

/// A class that is too small or one-sided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassProblemRecord {
    /// The class.
    pub class: String,
    /// What is wrong.
    pub problem: ClassProblem,
    /// Images behind it.
    pub images: u32,
}

impl RunRecord {
    /// The version that this code writes.
    pub const VERSION: u32 = 1;

    /// Makes a run's record, without what was found out before or after it.
    pub fn new(
        backbone: BackboneId,
        device: &DeviceInfo,
        settings: TrainSettings,
        classes: Vec<String>,
        outcome: &TrainOutcome,
    ) -> Self {
        let not_held_back = outcome.not_held_back.iter();
        let unknowns = outcome.unknowns.as_ref();
        Self {
            headstart: Self::VERSION,
            backbone,
            device: device.kind,
            adapter: device.adapter.clone(),
            seed: settings.seed,
            settings,
            split: outcome.split,
            images: Vec::new(),
            not_held_back: not_held_back
                .map(|&class| class_name(&classes, class))
                .collect(),
            history: outcome.history.clone(),
            best_epoch: outcome.best_epoch,
            validation: outcome.validation.as_ref().map(TestRecord::from),
            test: outcome.test.as_ref().map(TestRecord::from),
            calibration: outcome.calibration.clone(),
            baselines: outcome.baselines,
            unknowns: unknowns.map(|report| UnknownsRecord::new(report, report.threshold)),
            cross_validation: None,
            examination: None,
            comparison: None,
            backbones: None,
            timings_ms: outcome.timings_ms,
            classes,
        }
    }

    /// Adds the sizes of each class's parts; `requests` are the run's classes, in its order.
    #[must_use]
    pub fn with_images(mut self, requests: &[ClassRequest]) -> Self {
        let held_back = |class: usize| -> u32 {
            let row = self
                .validation
                .as_ref()
                .and_then(|v| v.confusion.get(class));
            row.map_or(0, |row| row.iter().sum())
        };
        let counts = requests.iter().enumerate().map(|(class, request)| {
            let validation = held_back(class);
            SplitCounts {
                train: (request.train.len() as u32).saturating_sub(validation),
                validation,
                test: request.test.len() as u32,
            }
        });
        self.images = counts.collect();
        self
    }

    /// The figures on the user's test images, or else on those held back by the split.
    pub fn measured(&self) -> Option<(MeasuredOn, &TestRecord)> {
        let test = self.test.as_ref().map(|test| (MeasuredOn::Test, test));
        let validation = self.validation.as_ref();
        test.or(validation.map(|validation| (MeasuredOn::Validation, validation)))
    }
}

impl From<&Evaluation> for TestRecord {
    fn from(evaluation: &Evaluation) -> Self {
        let (right, total) = counted(&evaluation.confusion);
        let per_class = per_class(&evaluation.confusion);
        Self {
            accuracy: evaluation.accuracy,
            interval: wilson(right, total),
            confusion: evaluation.confusion.clone(),
            macro_average: macro_average(&per_class),
            per_class,
        }
    }
}

impl UnknownsRecord {
    /// What a threshold does, which may be another than the run's own.
    pub fn new(report: &UnknownReport, threshold_in_use: f32) -> Self {
        let kept = |values: &[f32]| {
            let kept = values.iter().filter(|&&value| value >= threshold_in_use);
            kept.count() as u32
        };
        let hidden = report.hidden.len() as u32;
        Self {
            threshold: report.threshold,
            threshold_in_use,
            measured_on: report.measured_on,
            known: report.known.len() as u32,
            known_kept: kept(&report.known),
            hidden,
            hidden_turned_away: hidden.saturating_sub(kept(&report.hidden)),
            auroc: report.auroc,
        }
    }
}

/// The names of images; `None` for those that are gone.
type NameOf<'a> = &'a dyn Fn(SampleId) -> Option<String>;

impl CrossValidationRecord {
    /// `classes` are the names behind the indices of the findings.
    pub fn new(
        findings: &CrossValidation,
        settings: TrainSettings,
        classes: &[String],
        name_of: NameOf,
    ) -> Self {
        let evaluation = &findings.evaluation;
        let image = |verdict: &SampleVerdict| ImageRecord {
            image: name_of(verdict.id),
            class: class_name(classes, verdict.actual),
            predicted: class_name(classes, verdict.predicted),
            confidence: verdict.confidence,
            given: verdict.given,
        };
        Self {
            settings,
            folds: findings.folds.clone(),
            mean: findings.mean,
            deviation: findings.deviation,
            accuracy: evaluation.accuracy,
            confusion: evaluation.confusion.clone(),
            images: evaluation.verdicts.iter().map(image).collect(),
            elapsed_ms: findings.elapsed_ms,
        }
    }
}

impl ExaminationRecord {
    /// `classes` are the names behind the indices of the findings.
    pub fn new(findings: &Examination, classes: &[String], name_of: NameOf) -> Self {
        let suspect = |suspect: &LabelSuspect| SuspectRecord {
            image: name_of(suspect.id),
            class: class_name(classes, suspect.given),
            suggested: class_name(classes, suspect.suggested),
            probability: suspect.probability,
        };
        let problems = findings.classes.iter().map(|finding| ClassProblemRecord {
            class: class_name(classes, finding.class),
            problem: finding.problem,
            images: finding.samples.len() as u32,
        });
        Self {
            duplicate_groups: findings.duplicates.len() as u32,
            duplicates: findings.duplicates.iter().flatten().count() as u32,
            leaks: findings.leaks.len() as u32,
            suspects: findings.labels.iter().map(suspect).collect(),
            classes: problems.collect(),
            elapsed_ms: findings.elapsed_ms,
        }
    }
}

/// Empty for a class that does not exist.
fn class_name(classes: &[String], class: u32) -> String {
    classes.get(class as usize).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Leak;

    fn outcome() -> TrainOutcome {
        TrainOutcome {
            history: Vec::new(),
            best_epoch: 3,
            split: SplitCounts {
                train: 12,
                validation: 4,
                test: 0,
            },
            validation: Some(Evaluation {
                accuracy: 0.75,
                confusion: vec![vec![3, 1], vec![0, 0]],
                verdicts: Vec::new(),
            }),
            test: None,
            not_held_back: vec![1],
            calibration: None,
            baselines: None,
            unknowns: Some(UnknownReport {
                threshold: 0.5,
                measured_on: MeasuredOn::Validation,
                known: vec![0.4, 0.6, 0.7, 0.8],
                hidden: vec![0.1, 0.5, 0.9],
                auroc: 0.75,
            }),
            timings_ms: Timings::default(),
        }
    }

    fn record() -> RunRecord {
        let device = DeviceInfo {
            kind: DeviceKind::Cpu,
            adapter: "CPU".into(),
            fallback: None,
        };
        let classes = vec!["Cats".to_owned(), "Dogs".to_owned()];
        let settings = TrainSettings::default();
        RunRecord::new(
            BackboneId::default(),
            &device,
            settings,
            classes,
            &outcome(),
        )
    }

    #[test]
    fn figures_follow_from_the_matrix() {
        let record = record();
        assert_eq!(record.not_held_back, ["Dogs"]);
        let (part, measured) = record.measured().expect("images were held back");
        assert_eq!(part, MeasuredOn::Validation);
        assert_eq!(measured.interval, wilson(3, 4));
        let first = measured.per_class.first().expect("one for each class");
        assert_eq!((first.precision, first.recall), (Some(1.0), Some(0.75)));
    }

    #[test]
    fn each_class_is_counted_by_part() {
        let class = |name: &str, train: u32, test: u32| ClassRequest {
            name: name.into(),
            train: (0..train).map(SampleId).collect(),
            test: (0..test).map(SampleId).collect(),
        };
        let record = record().with_images(&[class("Cats", 10, 2), class("Dogs", 6, 0)]);
        let counts = |train, validation, test| SplitCounts {
            train,
            validation,
            test,
        };
        assert_eq!(record.images, [counts(6, 4, 2), counts(6, 0, 0)]);
    }

    #[test]
    fn a_moved_threshold_is_counted_anew() {
        let outcome = outcome();
        let report = outcome.unknowns.as_ref().expect("is there");
        let at = |threshold| {
            let record = UnknownsRecord::new(report, threshold);
            (record.known_kept, record.hidden_turned_away)
        };
        assert_eq!(at(0.5), (3, 1));
        assert_eq!(at(0.65), (2, 2));
        assert_eq!(at(f32::MIN), (4, 0));
    }

    #[test]
    fn findings_speak_of_names() {
        let classes = ["Cats".to_owned(), "Dogs".to_owned()];
        let name_of = |id: SampleId| (id.0 == 1).then(|| "\"<tom>\".jpg".to_owned());
        let suspect = |id| LabelSuspect {
            id: SampleId(id),
            given: 0,
            suggested: 1,
            probability: 0.1,
        };
        let findings = Examination {
            duplicates: vec![vec![SampleId(1), SampleId(2)]],
            leaks: vec![Leak {
                test: SampleId(3),
                train: vec![SampleId(1)],
            }],
            labels: vec![suspect(1), suspect(9)],
            ..Examination::default()
        };
        let record = ExaminationRecord::new(&findings, &classes, &name_of);
        assert_eq!(
            (record.duplicate_groups, record.duplicates, record.leaks),
            (1, 2, 1)
        );
        let names: Vec<_> = record.suspects.iter().map(|s| s.image.as_deref()).collect();
        assert_eq!(names, [Some("\"<tom>\".jpg"), None]);
        let text = serde_json::to_string(&record).expect("is plain data");
        assert_eq!(
            serde_json::from_str::<ExaminationRecord>(&text).ok(),
            Some(record)
        );
    }

    #[test]
    fn every_image_of_a_cross_validation_is_named() {
        let classes = ["Cats".to_owned(), "Dogs".to_owned()];
        let findings = CrossValidation {
            folds: vec![0.0, 1.0],
            mean: 0.5,
            deviation: 0.7,
            evaluation: Evaluation {
                accuracy: 0.0,
                confusion: vec![vec![0, 1], vec![0, 0]],
                verdicts: vec![SampleVerdict {
                    id: SampleId(4),
                    actual: 0,
                    predicted: 1,
                    confidence: 0.9,
                    given: 0.1,
                }],
            },
            elapsed_ms: 5.0,
        };
        let name_of = |id: SampleId| Some(format!("{}.jpg", id.0));
        let settings = TrainSettings::default();
        let record = CrossValidationRecord::new(&findings, settings, &classes, &name_of);
        let image = record.images.first().expect("one");
        assert_eq!(image.image.as_deref(), Some("4.jpg"));
        assert_eq!(
            (image.class.as_str(), image.predicted.as_str()),
            ("Cats", "Dogs")
        );
    }
}
