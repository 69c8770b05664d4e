use serde::{Deserialize, Serialize};

use crate::{
    BackboneChoice, BurstId, DevicePreference, Experiment, ImageLook, ImportId, JobId, ProjectFile,
    Question, RequestId, RunId, SampleId, SavedRun, TrainSettings, WeightsPlace,
};

/// What the page asks of the engine.
///
/// A variant that carries bytes or pixels names its *attachments*: browser objects that travel beside the message, in the order given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// The first message: choose a device, load a backbone, answer with `Event::Ready`. Attachments: the weights as a `Blob`, if `weights` says so.
    Start {
        /// The device to use.
        device: DevicePreference,
        /// The backbone to load.
        backbone: BackboneChoice,
        /// Where its weights are.
        weights: WeightsPlace,
    },
    /// Embed these images in the background.
    /// Attachments: one for each sample, its file as a `Blob`, then one `Float32Array` for each sample that already `has_embedding`, in order.
    AddSamples {
        /// The new images.
        samples: Vec<NewSample>,
    },
    /// Forget these images and their embeddings.
    RemoveSamples {
        /// The images to forget.
        samples: Vec<SampleId>,
    },
    /// Read a zip of images. Attachments: the zip as a `Blob`.
    ReadArchive {
        /// Names this archive in the events that follow.
        import: ImportId,
    },
    /// Train a head on the named images. Waits until they are embedded.
    Train(TrainRequest),
    /// Stop the training run, if it is the one under way.
    StopTraining {
        /// The run to stop.
        run: RunId,
    },
    /// Use a model that an earlier engine trained. Attachments: one `Uint8Array`, the model as safetensors.
    RestoreModel,
    /// Analyse the data or the model. Analyses run one at a time, after training and before embedding, and wait until their images are embedded.
    /// Attachments: for [`Analysis::Occlude`] the image as a `Blob`; for [`Analysis::Compare`] those of its backbones' weights that are attached, in order.
    Analyse {
        /// Names the analysis in the events that follow.
        job: JobId,
        /// What to do.
        analysis: Analysis,
        /// Where the weights of its backbones are, in order.
        weights: Vec<WeightsPlace>,
    },
    /// Stop an analysis, whether it is waiting or running.
    StopAnalysis {
        /// The analysis to stop.
        job: JobId,
    },
    /// Answer this, once, by `Event::Answered`. Attachments: those of the question.
    Ask {
        /// Names the question in the answer.
        request: RequestId,
        /// What is asked.
        question: Question,
    },
    /// Answer with `Event::Pong`: the page's watchdog.
    Ping,
}

/// A project or a data set to put together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Packing {
    /// Which of the two.
    pub form: PackForm,
    /// The classes and images; the engine fills in where each file is, and its embedding.
    pub project: ProjectFile,
    /// The run that made the newest model, if there is one.
    pub run: Option<SavedRun>,
}

/// What a zip of images is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PackForm {
    /// Everything, so that work can continue on another machine.
    Project,
    /// The images alone, in class folders.
    DataSet,
}

/// What the page knows about a model to export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelExport {
    /// The project's name.
    pub title: String,
    /// The classes' names today, in the order of the head's outputs.
    pub classes: Vec<String>,
    /// Images less familiar than this are of none of the classes.
    pub threshold: Option<f32>,
    /// The run record, as JSON.
    pub record: String,
}

/// One image to embed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewSample {
    /// Identifies the image from now on.
    pub id: SampleId,
    /// An embedding by the same backbone is attached: nothing is left to compute.
    pub has_embedding: bool,
    /// The page has no thumbnail of it yet.
    pub needs_thumbnail: bool,
    /// What an earlier engine saw of it, if it has an embedding.
    pub look: Option<ImageLook>,
    /// The recording that it is a frame of.
    pub burst: Option<BurstId>,
}

/// The class for which a heat map is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeatFor {
    /// The one with the highest probability.
    Top,
    /// The one at this output of the head.
    Class(u32),
}

/// A look into the data or the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Analysis {
    /// Predict every training image once, with a model that has not learnt from it. Answered by [`Findings::CrossValidation`](crate::Findings).
    CrossValidate {
        /// The classes; their test images are left alone.
        classes: Vec<ClassRequest>,
        /// How each fold is trained.
        settings: TrainSettings,
        /// How many parts the images are divided into.
        folds: u32,
    },
    /// Search for what is wrong with the images. Answered by [`Findings::Examination`](crate::Findings).
    Examine {
        /// The classes.
        classes: Vec<ClassRequest>,
    },
    /// Place images on a plane, similar ones close together. Answered twice by [`Findings::Map`](crate::Findings): at once from principal components, then from t-SNE.
    Map {
        /// The images.
        samples: Vec<SampleId>,
        /// Decides the outcome of t-SNE.
        seed: u64,
    },
    /// Learn the same images in several ways, from few of them to all. Answered after every run, and at the end, by [`Findings::Comparison`](crate::Findings).
    Compare {
        /// The classes; their test images are what every run is measured on.
        classes: Vec<ClassRequest>,
        /// How a head is trained, and how many blocks are fine-tuned.
        settings: TrainSettings,
        /// What to run; runs that already have a result are not repeated.
        experiment: Experiment,
        /// The backbones of [`Method::On`](crate::Method).
        backbones: Vec<BackboneChoice>,
    },
    /// Find the images that excite a channel most. Answered by [`Findings::Excited`](crate::Findings).
    Excite {
        /// The images.
        samples: Vec<SampleId>,
        /// Index of the stage.
        stage: u32,
        /// Index of the channel in it.
        channel: u32,
    },
    /// Cover one part of an image after another and see what the newest model says. Answered by [`Findings::Occlusion`](crate::Findings).
    Occlude {
        /// Whose probability to watch.
        heat: HeatFor,
    },
}

/// The form in which an image to classify arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frame {
    /// An encoded file, as a `Blob`.
    File,
    /// A camera frame, as a transferred `ImageBitmap`.
    Bitmap,
}

/// A training run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainRequest {
    /// Names the run in the events that follow.
    pub run: RunId,
    /// How to train.
    pub settings: TrainSettings,
    /// The classes that take part, in the order of the head's outputs.
    pub classes: Vec<ClassRequest>,
}

/// A class of a training run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassRequest {
    /// The class's name at the time of the run.
    pub name: String,
    /// Images to learn from; the split holds some back for validation.
    pub train: Vec<SampleId>,
    /// Images that are only measured on.
    pub test: Vec<SampleId>,
}

impl TrainRequest {
    /// All images of the run.
    pub fn samples(&self) -> impl Iterator<Item = SampleId> {
        self.classes.iter().flat_map(ClassRequest::samples)
    }
}

impl ClassRequest {
    /// Its images to learn from, then those that only measure.
    pub fn samples(&self) -> impl Iterator<Item = SampleId> {
        self.train.iter().chain(&self.test).copied()
    }
}
