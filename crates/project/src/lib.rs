//! The plain data of Headstart.
//!
//! Everything that the page and the engine say to each other, and everything that is shown or written to a file, is a type of this crate.
//! It knows neither the browser nor burn: the same types serve the page, the engine, the native tests and the benchmarks.

mod backbone;
mod command;
mod error;
mod event;
mod experiment;
mod findings;
mod ids;
mod look;
mod metrics;
mod project_file;
mod question;
mod record;
mod settings;
mod shipped;
mod statistics;
mod weights;

pub use backbone::{BackboneCard, BackboneId, Normalization, WeightsOrigin};
pub use command::{
    Analysis, ClassRequest, Command, Frame, HeatFor, ModelExport, NewSample, PackForm, Packing,
    TrainRequest,
};
pub use error::{ArchiveError, EngineError, Rejection, TrainError};
pub use event::{
    Activity, ArchiveSummary, BackboneInfo, DeviceInfo, Event, Fallback, Progress, SkippedEntry,
};
pub use experiment::{Cell, CellResult, Experiment, Method, Summary};
pub use findings::{
    Baselines, Calibration, ClassFinding, ClassProblem, CrossValidation, DataMap, Examination,
    Excited, Findings, HeatMap, InsideChannel, InsideStage, LabelSuspect, Leak, MapMethod,
    MapPoint, MeasuredOn, Occlusion, Reliability, ReliabilityBin, UnknownReport,
};
pub use ids::{BurstId, ImportId, JobId, RequestId, RunId, SampleId};
pub use look::ImageLook;
pub use metrics::{EpochMetrics, Evaluation, SampleVerdict, SplitCounts, Timings, TrainOutcome};
pub use project_file::{
    OpenedProject, ProjectFile, ProjectFileError, ProjectNote, SavedBackbone, SavedClass, SavedRun,
    SavedSample,
};
pub use question::{
    Answer, Ask, ExportModel, Failure, Inside, ListRequests, LookInside, ModelExported,
    OpenWeights, Pack, Packed, Predict, Prediction, Probe, Probed, Question, Requests, Unpack,
    Unpacked, Varied, Vary, WeightsOpened,
};
pub use record::{
    ClassProblemRecord, CrossValidationRecord, ExaminationRecord, ImageRecord, RunRecord,
    SuspectRecord, TestRecord, UnknownsRecord,
};
pub use settings::{
    AugmentSettings, DeviceKind, DevicePreference, FieldCard, FineTuneSettings, Kind, Part,
    SETTINGS, Schedule, Section, Setting, SettingCard, TrainSettings, UnfreezeEstimate, VARIATIONS,
    Variation, VariationCard,
};
pub use shipped::SHIPPED;
pub use statistics::{ClassScores, MacroScores, counted, macro_average, per_class, wilson};
pub use weights::{BackboneChoice, InEightBits, WeightsPlace, WeightsProblem};
