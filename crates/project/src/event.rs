use serde::{Deserialize, Serialize};

use crate::{
    Answer, ArchiveError, BackboneChoice, DeviceKind, EngineError, EpochMetrics, Failure,
    ImageLook, ImportId, JobId, Part, Rejection, RequestId, RunId, SampleId, TrainError,
    TrainOutcome, UnfreezeEstimate,
};

/// What the engine tells the page.
///
/// Attachments are named as in [`Command`](crate::Command).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The engine's code is running and waits for `Command::Start`.
    Loaded,
    /// Work that takes a while is under way, or has ended when `done == total`.
    Progress(Progress),
    /// Device and backbone are ready.
    Ready {
        /// The device in use.
        device: DeviceInfo,
        /// The backbone in use.
        backbone: BackboneInfo,
        /// What unfreezing one of its blocks, two, and so on means.
        unfreezing: Vec<UnfreezeEstimate>,
    },
    /// The engine switched to the CPU and carries on.
    DeviceChanged {
        /// The device in use from now on.
        device: DeviceInfo,
    },
    /// An image was decoded. Attachments: its thumbnail, a JPEG or PNG `Blob`.
    SampleDecoded {
        /// The image.
        id: SampleId,
        /// Its width as people see it, after EXIF orientation.
        width_px: u32,
        /// Its height as people see it.
        height_px: u32,
    },
    /// An image was embedded. Attachments: its embedding, a `Float32Array`.
    SampleEmbedded {
        /// The image.
        id: SampleId,
        /// What can be seen of it without a network.
        look: ImageLook,
    },
    /// An image cannot be used.
    SampleRejected {
        /// The image.
        id: SampleId,
        /// Why.
        reason: Rejection,
    },
    /// An image of an archive. Attachments: its file, a `Blob`.
    ArchiveImage {
        /// The archive.
        import: ImportId,
        /// The class, from the folder's name.
        class: String,
        /// From a `train/` or `test/` folder above; `Train` where there is none.
        part: Part,
        /// The file's own name.
        name: String,
    },
    /// An archive was read to the end.
    ArchiveRead {
        /// The archive.
        import: ImportId,
        /// What was found.
        summary: ArchiveSummary,
    },
    /// An archive cannot be used. Images announced before stay valid.
    ArchiveFailed {
        /// The archive.
        import: ImportId,
        /// Why.
        reason: ArchiveError,
    },
    /// An epoch of a training run is over.
    Epoch {
        /// The run.
        run: RunId,
        /// The newest point of its curves.
        metrics: EpochMetrics,
        /// The epochs that were asked for.
        epochs: u32,
        /// Estimate of the time left.
        remaining_ms: f64,
    },
    /// A run is over, and its model makes the predictions from now on. Attachments: the model as safetensors, a `Uint8Array`.
    Trained {
        /// The run.
        run: RunId,
        /// What came of it.
        outcome: Box<TrainOutcome>,
    },
    /// A run was stopped by the user; the head of the previous run, if any, stays in use.
    TrainingStopped {
        /// The run.
        run: RunId,
    },
    /// A run cannot be carried out.
    TrainingFailed {
        /// The run.
        run: RunId,
        /// Why.
        reason: TrainError,
    },
    /// An analysis has made progress.
    AnalysisProgress {
        /// The analysis.
        job: JobId,
        /// Steps done.
        done: u32,
        /// Steps in all.
        total: u32,
        /// Estimate of the time left, once there is enough to go by.
        remaining_ms: Option<f64>,
    },
    /// An analysis has found something. Attachments: the [`Findings`](crate::Findings) as text, which the page parses where it shows them.
    Analysed {
        /// The analysis.
        job: JobId,
        /// Whether nothing more follows.
        is_final: bool,
    },
    /// An analysis was stopped by the user.
    AnalysisStopped {
        /// The analysis.
        job: JobId,
    },
    /// An analysis cannot be carried out.
    AnalysisFailed {
        /// The analysis.
        job: JobId,
        /// Why.
        reason: TrainError,
    },
    /// The engine cannot start or go on with what it was doing, but still answers.
    Failed {
        /// Why.
        reason: EngineError,
    },
    /// The engine's last words: it has panicked, and the page must start a new one.
    Crashed {
        /// The panic's message, for the console.
        message: String,
    },
    /// The one answer to `Command::Ask`. Attachments: those of the answer.
    Answered {
        /// The question.
        request: RequestId,
        /// What came of it.
        answer: Result<Answer, Failure>,
    },
    /// The answer to `Command::Ping`.
    Pong,
}

/// How far some work has come.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The work.
    pub activity: Activity,
    /// Bytes or images done.
    pub done: u64,
    /// Bytes or images in all; 0 when unknown.
    pub total: u64,
    /// Estimate of the time left, once there is enough to go by.
    pub remaining_ms: Option<f64>,
}

/// Work whose progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// Fetching the backbone's weights; counted in bytes.
    LoadBackbone,
    /// Embedding images; counted in images.
    Embed,
    /// Varying images and running the frozen part of the backbone on them; counted in images.
    Prepare,
    /// Writing or reading a zip; counted in images.
    Pack,
    /// Bringing a weights file into Headstart's form; counted in bytes.
    OpenWeights,
}

/// The device in use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceInfo {
    /// CPU or WebGPU.
    pub kind: DeviceKind,
    /// The adapter as the browser names it, or how the CPU is used.
    pub adapter: String,
    /// Why it is not the device that was asked for.
    pub fallback: Option<Fallback>,
}

/// Why the CPU is used although WebGPU was asked for or possible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fallback {
    /// The browser has no WebGPU.
    NoWebgpu,
    /// The browser has WebGPU but found no adapter.
    NoAdapter,
    /// This copy of the site has no engine for WebGPU, or not yet.
    NoEngine,
    /// The only adapter computes in software, which is slower than the CPU path.
    SoftwareAdapter,
    /// The adapter refused to make a device.
    DeviceRefused,
    /// The device was lost while in use.
    DeviceLost,
}

/// The backbone in use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BackboneInfo {
    /// Which one.
    pub choice: BackboneChoice,
    /// Length of an embedding.
    pub features: u32,
    /// Trained numbers in it.
    pub parameters: u64,
    /// Side of the square input.
    pub input_px: u32,
    /// Time from the first request until it was ready.
    pub load_ms: f64,
}

/// What an archive held.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveSummary {
    /// Images announced.
    pub images: u32,
    /// Entries left out, with the reason; at most 100 are named.
    pub skipped: Vec<SkippedEntry>,
    /// Entries left out in all.
    pub skipped_count: u32,
}

/// An entry of an archive that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedEntry {
    /// Its path in the archive.
    pub path: String,
    /// Why.
    pub reason: Rejection,
}
