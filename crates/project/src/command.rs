use serde::{Deserialize, Serialize};

use crate::{BackboneId, DevicePreference, ImportId, RequestId, RunId, SampleId, TrainSettings};

/// What the page asks of the engine.
///
/// A variant that carries bytes or pixels names its *attachments*: browser objects that travel beside the message, in the order given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// The first message: choose a device, load a backbone, answer with `Event::Ready`.
    Start {
        /// The device to use.
        device: DevicePreference,
        /// The backbone to load.
        backbone: BackboneId,
        /// Where the weights are, an absolute URL of a safetensors file.
        weights_url: String,
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
    /// Train a head on the images named. Waits until they are embedded.
    Train(TrainRequest),
    /// Stop the training run, if it is the one under way.
    StopTraining {
        /// The run to stop.
        run: RunId,
    },
    /// Use a head that an engine before this one had trained. Attachments: one `Uint8Array`, the head as safetensors.
    RestoreHead {
        /// The classes' names, in the order of the head's outputs.
        classes: Vec<String>,
    },
    /// Classify one image with the newest head. Attachments: a `Blob` or an `ImageBitmap`, as `frame` says.
    Predict {
        /// Names the request in the answer.
        request: RequestId,
        /// What is attached.
        frame: Frame,
    },
    /// Answer with `Event::Pong`: the page's watchdog.
    Ping,
}

/// One image to embed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewSample {
    /// The image's name from now on.
    pub id: SampleId,
    /// An embedding by the same backbone is attached: nothing is left to compute.
    pub has_embedding: bool,
    /// The page has no thumbnail of it yet.
    pub needs_thumbnail: bool,
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
    /// Images that only measure.
    pub test: Vec<SampleId>,
}
